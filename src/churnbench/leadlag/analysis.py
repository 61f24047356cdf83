"""The analysis itself: rows, matches, intervals, classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.leadlag.alerts import first_alerts
from churnbench.leadlag.classes import classify
from churnbench.leadlag.matching import BUCKETS, CLEAR_DAYS, Panel, codes_of, days_until
from churnbench.leadlag.profiles import Profiler
from churnbench.leadlag.result import LeadLag, Profile
from churnbench.leadlag.signals import signals_of
from churnbench.metrics import AccountBootstrap

#: Whole accounts are drawn at random when there are more rows than this.
SAMPLE_ROWS = 25_000


def lead_lag(
    cohort: Cohort,
    spec: FormulaSpec | None = None,
    *,
    scores: pd.DataFrame | None = None,
    red: pd.Series | None = None,
    red_band: str = "red",
    until: pd.Timestamp | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> LeadLag:
    """Which signals move before churn, with it, or after it.

    Per signal: AUC of churners' snapshots 0-30, 30-60, 60-90 and 90-180 days before the churn against snapshots
    of accounts without an event for 180 days, weighted to the same months and renewal strata; and churners minus
    the others by month before the churn. Nothing is fitted. With `until`, everything is as known on that date:
    earlier snapshots, churn recorded by then, controls watched by then. A review passes the first date of the
    holdout, so that whatever people choose on these figures, the holdout had no part in it.

    Involuntary churn makes neither cases nor controls.

    Args:
        cohort: dated, labelled snapshots.
        spec: directions, labels, dimensions; without it every metric is read as healthier when higher, and
            tests are two-sided.
        scores: health scores by column (more is healthier), found by the index labels of `cohort.frame`;
            columns named like dimensions of `spec` are theirs, others are formulas.
        red: whether a row was in a formula's lowest band, found by index label; gives `LeadLag.alert`.
        red_band: what that band is called.
        until: last date that anything may be known from; the end of the data when `None`.
        replicates: account resamples for the 90 % intervals, >= 2.
        seed: of the resamples, and of the sample when there are more than `SAMPLE_ROWS` rows.

    Returns:
        Profiles in the order metrics, then scores.

    Raises:
        InputError: for a table without dates, for which "before" has no meaning, or for fewer than two
            replicates.

    Source: Obuchowski 1997, doi:10.2307/2533958, for AUC from repeated readings of the same unit; the account
    bootstrap stands in for its variance.
    """
    if not cohort.dated or cohort.window is None:
        raise InputError(
            "the table has no dates, so nothing can be said to come before churn.",
            fix="Give snapshots of several dates and a churn date per account.",
        )
    if replicates < 2:
        raise InputError(f"{replicates} replicates arrived, at least 2 were expected.", column="replicates")
    data = _known_by(cohort, cohort.window, until)
    frame, sampled = _sample(data.frame, seed)
    panel = _panel(frame, data.through, cohort.window)
    bootstrap = AccountBootstrap(panel.codes, replicates=replicates, seed=seed)
    profiler = Profiler(panel, bootstrap)
    signals, left_out = signals_of(frame, cohort.metrics, spec, scores)
    classes = classify([profiler.reading(signal) for signal in signals])
    profiles = tuple(
        Profile(
            signal.id,
            signal.label,
            signal.kind,
            signal.dimension,
            signal.direction,
            signal.declared,
            signal.leading,
            timing,
            against,
            lead_times,
            *profiler.study(signal),
        )
        for signal, (lead_times, timing, against) in zip(signals, classes, strict=True)
    )
    alert = None
    if red is not None:
        alarm = red.reindex(frame.index, fill_value=False).to_numpy(dtype=bool)
        near = panel.match(np.ones(len(frame), dtype=bool), BUCKETS[0])
        alert = first_alerts(frame, alarm, panel, near, bootstrap, red_band)
    return LeadLag(
        until=data.until,
        accounts=bootstrap.size,
        rows=len(frame),
        churned=panel.events(panel.case & ~np.isnan(panel.days)),
        sampled=sampled,
        controls_watched=profiler.watched,
        left_out=tuple(left_out),
        profiles=profiles,
        alert=alert,
    )


@dataclass(frozen=True, eq=False)
class _Known:
    """What was known on a date.

    Attributes:
        frame: eligible snapshots before it; churn recorded later is unknown.
        until: the date.
        through: outcomes are complete up to here.
    """

    frame: pd.DataFrame
    until: pd.Timestamp
    through: pd.Timestamp


def _known_by(cohort: Cohort, window: OutcomeWindow, until: pd.Timestamp | None) -> _Known:
    frame = cohort.frame
    frame = frame[frame["status"].isin(["labelled", "too-late"])]
    through = pd.Timestamp(cohort.data_through or frame["as_of"].max())
    if until is not None:
        # Churn of the last days before `until` was not on record yet.
        through = min(through, until - pd.Timedelta(days=window.settle_days))
        frame = frame[frame["as_of"] < until]
    known = frame["churned_on"].where(frame["churned_on"] <= through)
    return _Known(frame.assign(churned_on=known), through if until is None else pd.Timestamp(until), through)


def _sample(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, str]:
    """All rows, or those of whole random accounts up to `SAMPLE_ROWS`, and a sentence about it."""
    if len(frame) <= SAMPLE_ROWS:
        return frame, ""
    sizes = frame["account_id"].value_counts().sort_index()
    order = np.random.default_rng(seed).permutation(len(sizes))
    kept = sizes.index[order[np.cumsum(sizes.to_numpy()[order]) <= SAMPLE_ROWS]]
    rows = frame[frame["account_id"].isin(kept)]
    return rows, f"Computed on {len(kept):,} randomly drawn accounts ({len(rows):,} of {len(frame):,} rows)."


def _panel(frame: pd.DataFrame, through: pd.Timestamp, window: OutcomeWindow) -> Panel:
    days = days_until(frame["churned_on"], frame["as_of"])
    codes = codes_of([frame["account_id"]])
    inside = days <= window.gap_days + window.horizon_days
    # Rows that an involuntary churn follows are not eligible; so a churn that no eligible row foresees is one.
    stay = codes_of([codes, frame["churned_on"]])
    voluntary = np.bincount(stay, inside, minlength=int(stay.max(initial=-1)) + 1)[stay] > 0
    month = frame["as_of"].dt.to_period("M").astype("int64") if len(frame) else frame["as_of"]
    mature = frame["as_of"] + pd.Timedelta(days=window.gap_days + window.horizon_days) <= through
    return Panel(
        codes=codes,
        days=days,
        group=codes_of([month, frame["stratum"]]),
        case=voluntary,
        control=((frame["status"] == "labelled") & mature).to_numpy(),
        watched=(frame["as_of"] + pd.Timedelta(days=CLEAR_DAYS) <= through).to_numpy(),
    )
