"""Alerts replayed over a history, point in time, beside what became of the accounts and what other callers would do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.playbooks.readings import Bools, Floats, Integers, Readings


@dataclass(frozen=True, eq=False)
class Ground:
    """What there is to be right about; arrays of shape (readings,).

    Attributes:
        readings: the history.
        judged: readings whose outcome window is mature and whose account was eligible.
        hit: the account churned within the horizon after the gap.
        event: number of the churn that a reading belongs to (after the gap or too late to act), -1 without.
        lead: days from the reading to the churn, NaN without.
        probability: churn_probability of the reading, NaN unknown.
        event_code: shape (events,), account of each churn.
    """

    readings: Readings
    judged: Bools
    hit: Bools
    event: Integers
    lead: Floats
    probability: Floats
    event_code: Integers

    @property
    def events(self) -> int:
        """Distinct churns among the judged readings."""
        return len(self.event_code)


@dataclass(frozen=True, eq=False)
class Calls:
    """Readings at which somebody is alarmed.

    Attributes:
        rows: shape (alerts,), judged readings, ascending.
        caught: shape (events,), whether some alert foresaw that churn.
        lead: shape (events,), days from the earliest of these alerts to the churn, NaN where there was none.
    """

    rows: Integers
    caught: Bools
    lead: Floats


def ground_of(readings: Readings, labels: pd.DataFrame, since: pd.Timestamp | None = None) -> Ground:
    """Lay labels beside readings.

    Args:
        readings: the history.
        labels: account_id, as_of, status, y, churned_on; see `churnbench.domain.cohort`.
        since: earlier readings are not judged (but may open an episode).

    Raises:
        InputError: for a history none of whose readings is labelled.
    """
    keys = readings.frame[["account_id", "as_of"]]
    own = labels[["account_id", "as_of", "status", "y", "churned_on"]].copy()
    own["account_id"] = own["account_id"].astype(str)
    own["as_of"] = own["as_of"].astype("datetime64[ns]")
    met = keys.astype({"as_of": "datetime64[ns]"}).merge(own, on=["account_id", "as_of"], how="left")
    judged = met["status"].isin(["labelled", "too-late"]).to_numpy(dtype=bool)
    if not judged.any():
        raise InputError(
            "no reading has a mature outcome window, so no alert can be judged.",
            column="label.data_through",
            fix="Give a longer history, or outcomes up to a later date.",
        )
    if since is not None:
        last = keys["as_of"][judged].max()
        judged = judged & (keys["as_of"] >= since).to_numpy(dtype=bool)
        if not judged.any():
            raise InputError(
                f"the last reading with a mature outcome window is of {last:%Y-%m-%d}, before {since:%Y-%m-%d}.",
                column="--since",
                fix="Choose an earlier date, or give outcomes up to a later one.",
            )
    hit = judged & (met["y"] == 1.0).to_numpy(dtype=bool)
    late = judged & met["status"].eq("too-late").to_numpy(dtype=bool)
    churned = met["churned_on"].to_numpy().astype("datetime64[D]")
    lead = np.where(hit | late, (churned - readings.days.astype("datetime64[D]")).astype(float), np.nan)
    marked = np.flatnonzero(hit | late)
    stays = pd.DataFrame({"code": readings.codes[marked], "on": churned[marked]})
    event = np.full(len(readings), -1)
    event[marked] = stays.groupby(["code", "on"], sort=True).ngroup().to_numpy()
    codes = stays.drop_duplicates().sort_values(["code", "on"])["code"].to_numpy(dtype=np.int64)
    return Ground(readings, judged, hit, event, lead, readings.number("churn_probability"), codes)


def calls_at(ground: Ground, rows: Integers) -> Calls:
    """Judge alarms at some readings; those whose window is not mature are left out."""
    rows = np.sort(rows[ground.judged[rows]])
    right = rows[ground.hit[rows]]
    caught = np.zeros(ground.events, dtype=bool)
    caught[ground.event[right]] = True
    lead = np.full(ground.events, -np.inf)
    np.maximum.at(lead, ground.event[right], ground.lead[right])
    return Calls(rows, caught, np.where(np.isinf(lead), np.nan, lead))


def by_probability(ground: Ground, rows: Integers, quiet_days: float) -> Calls | None:
    """As many alarms on each date, for the accounts with the highest churn_probability.

    Args:
        ground: what there is to be right about.
        rows: the alarms to equal in number, date by date.
        quiet_days: an account alarmed is not alarmed again for so many days, as the trigger on average leaves it.

    Returns:
        The alarms; None when no probability is known.
    """
    usable = ground.judged & ~np.isnan(ground.probability)
    if not usable.any():
        return None
    days, codes = ground.readings.days, ground.readings.codes
    wanted = pd.Series(days[rows]).value_counts().sort_index()
    free_from = np.full(int(codes.max()) + 1, np.iinfo(np.int64).min)
    chosen = []
    candidates = np.flatnonzero(usable)
    order = candidates[np.lexsort((codes[candidates], -ground.probability[candidates], days[candidates]))]
    dates, starts = np.unique(days[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    place = {int(day): (int(a), int(b)) for day, a, b in zip(dates, starts, ends, strict=True)}
    for day, number in wanted.items():
        start, end = place.get(int(str(day)), (0, 0))
        on_date = order[start:end]
        free = on_date[free_from[codes[on_date]] <= int(str(day))][: int(number)]
        free_from[codes[free]] = int(str(day)) + int(np.ceil(quiet_days))
        chosen.append(free)
    return calls_at(ground, np.concatenate(chosen) if chosen else np.array([], dtype=np.int64))


def share_called(ground: Ground, rows: Integers) -> Floats:
    """Share of the judged accounts of each reading's date that an equal number of random alarms would reach.

    Returns:
        Shape (readings,): alarms on the date over judged readings on it, 0 where there are none.
    """
    _, place = np.unique(ground.readings.days, return_inverse=True)
    there = np.bincount(place, ground.judged)
    called = np.bincount(place[rows], minlength=len(there))
    share = np.divide(called, there, out=np.zeros(len(there)), where=there > 0)
    return np.where(ground.judged, share[place], 0.0)


def caught_at_random(ground: Ground, share: Floats) -> Floats:
    """Probability that random alarms foresee each churn: one minus that of missing it on every date."""
    hit = np.flatnonzero(ground.hit)
    log_missed = np.zeros(ground.events)
    np.add.at(log_missed, ground.event[hit], np.log1p(-np.minimum(share[hit], 1 - 1e-12)))
    return np.asarray(-np.expm1(log_missed))
