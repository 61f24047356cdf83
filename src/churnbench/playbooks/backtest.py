"""Does a trigger earn its noise? Precision, recall, lead time and load, against the probability and against chance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.domain.cohort import OutcomeWindow
from churnbench.leadlag.classes import benjamini_hochberg
from churnbench.metrics import AccountBootstrap
from churnbench.playbooks.bench import Bench
from churnbench.playbooks.declared import Declared
from churnbench.playbooks.evaluate import episodes_by_trigger
from churnbench.playbooks.fitting import fit_triggers
from churnbench.playbooks.readings import Readings
from churnbench.playbooks.replay import Ground, ground_of
from churnbench.playbooks.results import TriggerBacktest, TriggerResult
from churnbench.playbooks.verdict import enough, verdict_of


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
    bench = Bench(ground, AccountBootstrap(readings.codes, replicates=replicates, seed=seed), fresh)
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


def _warnings(ground: Ground, bench: Bench) -> tuple[str, ...]:
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
