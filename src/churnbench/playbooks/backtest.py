"""Does a trigger earn its noise? Precision, recall, lead time and load, against the probability and against chance."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.domain.cohort import OutcomeWindow
from churnbench.leadlag.classes import FALSE_DISCOVERIES, benjamini_hochberg
from churnbench.metrics import AccountBootstrap, Estimate, percentile_estimate
from churnbench.playbooks.declared import Declared, Trigger
from churnbench.playbooks.evaluate import episodes_by_trigger
from churnbench.playbooks.fitting import NotEvaluated, fit_triggers
from churnbench.playbooks.readings import Bools, Floats, Integers, Readings
from churnbench.playbooks.replay import (
    Calls,
    Ground,
    by_probability,
    calls_at,
    caught_at_random,
    ground_of,
    share_called,
)
from churnbench.playbooks.verdict import Verdict, enough, verdict_of


@dataclass(frozen=True)
class TriggerResult:
    """What one trigger did over the mature part of a history; intervals are 90 %, by account.

    Attributes:
        trigger, label, kind, scheduled: which.
        alerts, accounts: judged alerts, and accounts that they were about.
        hits, caught, too_late: alerts followed by a churn in the window, distinct churns foreseen, and alerts within
            the gap before a churn (they count as wrong: nobody could act).
        precision, recall: of alerts and of churns, as shares.
        lead_days: median days from the earliest right alert to the churn.
        per_csm_week: alerts per CSM and week.
        quiet_days: how long the trigger leaves an account alone after an alert: median episode plus cool-down.
        probability_precision, probability_recall, probability_lead_days: as many alerts per date, for the highest
            churn_probability.
        random_precision, random_recall: as many alerts per date, drawn at random (expectation).
        over_probability: precision minus that of the probability, on dates that the config did not learn from.
        lift: precision over that of random alerts.
        p_value: of foreseeing so many churns by chance, one-sided; None where too few to test.
        verdict: see `churnbench.playbooks.verdict`.
    """

    trigger: str
    label: str
    kind: str
    scheduled: bool
    alerts: int
    accounts: int
    hits: int
    caught: int
    too_late: int
    precision: Estimate
    recall: Estimate
    lead_days: Estimate
    per_csm_week: Estimate
    quiet_days: float
    probability_precision: Estimate
    probability_recall: Estimate
    probability_lead_days: Estimate
    random_precision: Estimate
    random_recall: Estimate
    over_probability: Estimate
    lift: Estimate
    expected_caught: float
    p_value: float | None
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Plain values, estimates as value and ci90."""
        plain: dict[str, Any] = {}
        for name, value in vars(self).items():
            plain[name] = value.as_json() if isinstance(value, (Estimate, Verdict)) else value
        return plain


@dataclass(frozen=True, eq=False)
class TriggerBacktest:
    """Every trigger of a project against outcomes.

    Attributes:
        results: in the order declared.
        not_evaluated: triggers that the history does not allow.
        window: gap, horizon, settling time.
        accounts, readings, churns, csms, weeks, first, last: what was judged.
        warnings: sentences to print with it.
    """

    results: tuple[TriggerResult, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    window: OutcomeWindow
    accounts: int
    readings: int
    churns: int
    csms: int
    weeks: float
    first: str
    last: str
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        window = {name: getattr(self.window, name) for name in ("gap_days", "horizon_days", "settle_days")}
        names = ("accounts", "readings", "churns", "csms", "weeks", "first", "last")
        return {
            "schema": 1,
            "estimand": ESTIMAND,
            "multiplicity": MULTIPLICITY,
            "window": window,
            "judged": {name: getattr(self, name) for name in names},
            "triggers": [result.as_json() for result in self.results],
            "not_evaluated": [vars(one) for one in self.not_evaluated],
            "warnings": list(self.warnings),
        }


ESTIMAND = "Churn under current care: whoever was called because of an alert, and stayed, counts as a false alarm here."
MULTIPLICITY = (
    f"Benjamini-Hochberg over all triggers tested, {FALSE_DISCOVERIES:.0%} false discoveries: among triggers said to "
    "earn their noise, so many are expected to do no better than chance."
)


def backtest_triggers(
    history: pd.DataFrame,
    labels: pd.DataFrame,
    window: OutcomeWindow,
    declared: Declared,
    *,
    bands: Collection[str] | None = None,
    since: pd.Timestamp | None = None,
    learned_until: pd.Timestamp | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> TriggerBacktest:
    """Replay every trigger over a history and judge its alerts.

    An alert is right when its account churns after the gap and within the horizon. It is judged where it begins: an
    episode is one alert, and one that began long before the churn is not credited with it.

    Args:
        history: see `churnbench.domain.score_history`.
        labels: account_id, as_of, status, y, churned_on, as in a cohort.
        window: of the labels.
        declared: triggers and people.
        bands: bands that the config knows.
        since: judge only alerts from this date on.
        learned_until: last date that the probability learned from; it is a rival for the verdict only on later ones.
        replicates: account resamples, >= 2.
        seed: of the resamples.

    Returns:
        One result per trigger that the history allows.

    Raises:
        InputError: for a history without mature outcome windows.
    """
    readings = Readings(history)
    fitted, others = fit_triggers(readings, declared.triggers, bands)
    ground = ground_of(readings, labels, since)
    fresh = ground.judged & (history["as_of"] > (learned_until or pd.Timestamp.min)).to_numpy(dtype=bool)
    bench = _Bench(ground, AccountBootstrap(readings.codes, replicates=replicates, seed=seed), fresh)
    results = []
    for one, _, episodes in episodes_by_trigger(readings, fitted):
        quiet = _quiet_days(readings, episodes, one.trigger.cool_down_days)
        results.append(bench.judge(one.trigger, episodes["start_row"].to_numpy(), quiet))
    return TriggerBacktest(
        tuple(_with_verdicts(results, ground.events)),
        tuple(others),
        window,
        accounts=len(np.unique(readings.codes[ground.judged])),
        readings=int(ground.judged.sum()),
        churns=ground.events,
        csms=bench.csms,
        weeks=bench.weeks,
        first=str(np.datetime64(int(readings.days[ground.judged].min()), "D")),
        last=str(np.datetime64(int(readings.days[ground.judged].max()), "D")),
        warnings=_warnings(ground, bench),
    )


def _quiet_days(readings: Readings, episodes: pd.DataFrame, cool_down_days: int) -> float:
    """Median length of an episode plus the cool-down."""
    if len(episodes) == 0:
        return float(cool_down_days)
    start = readings.days[episodes["start_row"].to_numpy()]
    closed = episodes["closed_row"].to_numpy()
    end = np.where(closed >= 0, readings.days[np.maximum(closed, 0)], readings.days[episodes["last_row"].to_numpy()])
    return float(np.median(end - start)) + cool_down_days


def _warnings(ground: Ground, bench: _Bench) -> tuple[str, ...]:
    found = []
    if bench.unassigned:
        found.append("No reading names a CSM; alerts per week are those of the whole book.")
    if np.isnan(ground.probability[ground.judged]).all():
        found.append("The config has no churn_probability; triggers are compared with chance only.")
    return tuple(found)


def _with_verdicts(results: list[TriggerResult], events: int) -> list[TriggerResult]:
    """Verdicts once all p-values are known: which are discoveries depends on all of them."""
    tested = [k for k, one in enumerate(results) if not one.scheduled and enough(one.accounts, events)]
    p_values = [_p_value(results[k]) for k in tested]
    found = dict(zip(tested, benjamini_hochberg(p_values), strict=True))
    p_of = dict(zip(tested, p_values, strict=True))
    made = []
    for k, one in enumerate(results):
        verdict = verdict_of(
            scheduled=one.scheduled,
            accounts=one.accounts,
            events=events,
            caught=one.caught,
            expected=one.expected_caught,
            beats_chance=found.get(k, False),
            lift=one.lift,
            over_probability=one.over_probability,
        )
        made.append(replace(one, verdict=verdict, p_value=p_of.get(k)))
    return made


def _p_value(one: TriggerResult) -> float:
    """P(Poisson(expected) >= caught): no less than that of the sum of unequal coins that it stands for.

    Source: Hoeffding 1956, doi:10.1214/aoms/1177728178.
    """
    return float(stats.poisson.sf(one.caught - 1, one.expected_caught)) if one.expected_caught > 0 else 1.0


class _Bench:
    """Measures triggers on the same ground with the same resamples."""

    def __init__(self, ground: Ground, bootstrap: AccountBootstrap, fresh: Bools) -> None:
        self.ground, self.bootstrap, self.fresh = ground, bootstrap, fresh
        readings, judged = ground.readings, ground.judged
        csm = pd.Series(readings.words("csm")[judged]).dropna()
        self.unassigned = csm.empty
        self.csms = max(1, int(csm.nunique()))
        days = readings.days[judged]
        step = readings.spacing if np.isfinite(readings.spacing) else 7.0
        self.weeks = float(days.max() - days.min() + step) / 7
        self.events = np.bincount(ground.event_code, minlength=bootstrap.size).astype(float)

    def judge(self, trigger: Trigger, rows: Integers, quiet_days: float) -> TriggerResult:
        """Everything but the verdict."""
        ground = self.ground
        calls = calls_at(ground, rows)
        rival = by_probability(ground, calls.rows, quiet_days)
        share = share_called(ground, calls.rows)
        chance = caught_at_random(ground, share)
        random = self._columns(share, share * ground.hit, chance)
        mine, theirs = self._of(calls), self._of(rival)
        later = (*self._of(calls, fresh=True)[:2], *self._of(rival, fresh=True)[:2])
        figures = self._figures(np.column_stack([self.events, *mine, *theirs, *random, *later]))
        right = ground.hit[calls.rows]
        late = (ground.event[calls.rows] >= 0) & ~right
        return TriggerResult(
            trigger=trigger.id,
            label=trigger.label,
            kind=trigger.kind,
            scheduled=trigger.scheduled,
            alerts=len(calls.rows),
            accounts=len(np.unique(ground.readings.codes[calls.rows])),
            hits=int(right.sum()),
            caught=int(calls.caught.sum()),
            too_late=int(late.sum()),
            lead_days=self._median_lead(calls),
            quiet_days=quiet_days,
            probability_lead_days=Estimate(None) if rival is None else self._median_lead(rival),
            expected_caught=float(chance.sum()),
            p_value=None,
            verdict=Verdict("", ""),
            **figures,
        )

    def _of(self, calls: Calls | None, *, fresh: bool = False) -> tuple[Floats, Floats, Floats]:
        """Alerts, hits and churns caught per account; NaN where nobody could call. Fresh: on dates not learned from."""
        if calls is None:
            nothing = np.full(self.bootstrap.size, np.nan)
            return nothing, nothing, nothing
        alarm = np.bincount(calls.rows, minlength=len(self.ground.readings)).astype(float)
        alarm = alarm * self.fresh if fresh else alarm
        return self._columns(alarm, alarm * self.ground.hit, calls.caught.astype(float))

    def _columns(self, alarm: Floats, hit: Floats, caught: Floats) -> tuple[Floats, Floats, Floats]:
        codes, size = self.ground.readings.codes, self.bootstrap.size
        return (
            np.bincount(codes, alarm, minlength=size).astype(np.float64),
            np.bincount(codes, hit, minlength=size).astype(np.float64),
            np.bincount(self.ground.event_code, caught, minlength=size).astype(np.float64),
        )

    def _figures(self, per_account: Floats) -> Mapping[str, Estimate]:
        """Ratios of sums over accounts, with intervals; the columns are those that `judge` stacks."""
        totals = np.vstack([per_account.sum(axis=0), self.bootstrap.totals(per_account)])
        events, alerts, hits, caught, p_alerts, p_hits, p_caught, r_alerts, r_hits, r_caught, *later = totals.T
        own_alerts, own_hits, its_alerts, its_hits = later
        precision, by_chance = _ratio(hits, alerts), _ratio(r_hits, r_alerts)
        probable = _ratio(p_hits, p_alerts)
        series = {
            "precision": precision,
            "recall": _ratio(caught, events),
            "per_csm_week": alerts / (self.csms * self.weeks),
            "probability_precision": probable,
            "probability_recall": _ratio(p_caught, events),
            "random_precision": by_chance,
            "random_recall": _ratio(r_caught, events),
            "over_probability": _ratio(own_hits, own_alerts) - _ratio(its_hits, its_alerts),
            "lift": _ratio(precision, by_chance),
        }
        return {name: percentile_estimate(float(values[0]), values[1:]) for name, values in series.items()}

    def _median_lead(self, calls: Calls) -> Estimate:
        """Median lead of the churns foreseen, resampled by account."""
        found = np.flatnonzero(calls.caught)
        if len(found) == 0:
            return Estimate(None)
        order = found[np.argsort(calls.lead[found], kind="stable")]
        lead, codes = calls.lead[order], self.ground.event_code[order]
        medians = np.empty(self.bootstrap.replicates)
        for which, counts in self.bootstrap.chunks(50):
            weight = np.cumsum(counts[:, codes].astype(np.int64), axis=1)
            total = weight[:, -1]
            upper = np.minimum((weight * 2 <= total[:, None]).sum(axis=1), len(lead) - 1)
            medians[which] = np.where(total > 0, lead[upper], np.nan)
        return percentile_estimate(float(np.median(lead)), medians)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0), dtype=np.float64)
