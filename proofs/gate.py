"""Proof 2: the gate. Does it promote what is not better, and how often does it find what is?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from churnbench.backtesting import pooled, predict_fold
from churnbench.calibration import CONTENDERS, Settings, Training, decide
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.formula import score_frame
from churnbench.metrics import paired_log_loss_difference
from churnbench.metrics.probability import log_loss
from churnbench.models.recalibration import fit_line
from churnbench.workflow.contender_evidence import Tested
from proofs.books import Recipe, folds_of, pooled_cohort, preset_formula
from proofs.montecarlo import replicate
from proofs.reviewed import difference, population_rows, review, verdict
from proofs.truth import Truth, expert_formula, learn_truth

#: The book in which false promotion is measured: about 110 churned accounts in training, 80 in the holdout.
RECIPE = Recipe(accounts=1400, months=24)
POPULATION_BOOKS, POPULATION_SEED = 20, 2_000_000


@dataclass(frozen=True, eq=False)
class Case:
    """One kind of situation the gate is put into.

    Attributes:
        name: for the table.
        recipe: kind of book.
        spec: today's formula.
        later: population rows on the holdout's dates; None where no true gain is wanted.
    """

    name: str
    recipe: Recipe
    spec: FormulaSpec
    later: pd.DataFrame | None


def population(recipe: Recipe, books: int = POPULATION_BOOKS) -> tuple[Truth, pd.DataFrame]:
    """The population's own formula, and its rows on the holdout's dates."""
    probe = recipe.cohort(0)
    rows = probe.frame.loc[folds_of(probe)[-1].test_rows]
    whole = pooled_cohort(recipe, books, POPULATION_SEED)
    return learn_truth(whole, preset_formula()), population_rows(whole, rows)


def cases(recipe: Recipe = RECIPE, books: int = POPULATION_BOOKS) -> dict[str, Case]:
    """Experts who are right, as usual and wrong, on the same world; and a world without any signal."""
    truth, later = population(recipe, books)
    spec = preset_formula()
    return {
        "right experts": Case("right experts", recipe, expert_formula(truth, spec), later),
        "usual experts": Case("usual experts", recipe, spec, later),
        "wrong experts": Case("wrong experts", recipe, expert_formula(truth, spec, wrong=True), later),
        "null world": Case("null world", replace(recipe, null=True), spec, None),
    }


def run(case: Case, replicates: int, jobs: int, first: int = 1) -> pd.DataFrame:
    """Take books of one case through the whole review.

    Returns:
        One row per book: seed, verdict, events, holdout_events, delta with its interval, and the candidate's true gain
        in log loss over today's formula (NaN without a population).
    """
    seeds = range(first, first + replicates)
    rows = [row for row in replicate(partial(_one, case), seeds, jobs=jobs, label=case.name) if row]
    return pd.DataFrame(rows).assign(case=case.name)


def _one(case: Case, seed: int) -> dict[str, Any]:
    reviewed = review(case.recipe, case.spec, seed)
    if reviewed is None:
        return {"seed": seed, "verdict": "no holdout", "events": 0, "holdout_events": 0}
    delta = difference(reviewed)
    gain = float("nan")
    if case.later is not None:
        y = case.later["y"].to_numpy(dtype=float)
        fitted = reviewed.backtest.fitted
        old, new = (
            log_loss(y, fitted[name].predict(case.later).churn_probability) for name in ("incumbent", "anchored")
        )
        gain = old - new
    return {
        "seed": seed,
        "verdict": verdict(reviewed),
        "events": reviewed.events,
        "holdout_events": reviewed.holdout_events,
        "delta": delta.value,
        "low": delta.low,
        "high": delta.high,
        "true_gain": gain,
    }


@dataclass(frozen=True, eq=False)
class Equals:
    """Two formulas that are equally good in the population: the edge at which a gate errs most often."""

    recipe: Recipe
    one: FormulaSpec
    other: FormulaSpec
    gap: float


def equals(recipe: Recipe = RECIPE, books: int = POPULATION_BOOKS) -> Equals:
    """Mix noise into the better half of the truth until both halves are worth the same log loss."""
    truth, later = population(recipe, books)
    spec = expert_formula(truth, preset_formula())
    halves = [{"usage", "financial"}, {"engagement", "sentiment"}]
    kept = [_only(spec, half) for half in halves]
    value = [_worth(one, later) for one in kept]
    better = int(value[1] < value[0])
    worse = value[1 - better]
    low, high = 0.0, 0.95
    for _ in range(14):
        share = (low + high) / 2
        low, high = (share, high) if _worth(_diluted(kept[better], share), later) < worse else (low, share)
    mixed = _diluted(kept[better], (low + high) / 2)
    return Equals(recipe, kept[1 - better], mixed, _worth(kept[1 - better], later) - _worth(mixed, later))


def _only(spec: FormulaSpec, dimensions: set[str]) -> FormulaSpec:
    return replace(
        spec,
        dimensions=tuple(d for d in spec.dimensions if d.id in dimensions),
        metrics=tuple(m for m in spec.metrics if m.dimension in dimensions),
    )


def _diluted(spec: FormulaSpec, share: float) -> FormulaSpec:
    """Give every dimension's weight partly to its metric that matters least."""
    metrics = []
    for dimension in spec.dimensions:
        own = spec.in_dimension(dimension.id)
        total = sum(metric.weight for metric in own)
        least = min(own, key=lambda metric: metric.weight)
        for metric in own:
            extra = share * total if metric is least else 0.0
            metrics.append(replace(metric, weight=(1 - share) * metric.weight + extra))
    return replace(spec, metrics=tuple(metrics))


def _worth(spec: FormulaSpec, rows: pd.DataFrame) -> float:
    """Log loss of a formula, recalibrated on the population itself."""
    training = Training(rows, spec, tuple(metric.id for metric in spec.metrics), dated=True, settings=Settings())
    raw = score_frame(training.hand_body, rows)["raw_score"].to_numpy(dtype=float)
    score = np.where(np.isnan(raw), np.nanmean(raw), raw)
    y = rows["y"].to_numpy(dtype=float)
    line = fit_line(score, y, np.arange(len(y)), falling=True)
    return log_loss(y, line.probability(score))


def run_equals(pair: Equals, replicates: int, jobs: int) -> pd.DataFrame:
    """Let the gate compare two equally good formulas on many holdouts, without guards: its bare error rate."""
    rows = list(replicate(partial(_compare, pair), range(1, replicates + 1), jobs=jobs, label="equal formulas"))
    return pd.DataFrame(rows)


def _compare(pair: Equals, seed: int) -> dict[str, Any]:
    cohort = pair.recipe.cohort(seed)
    fold = folds_of(cohort)[-1]
    fitted: dict[str, Any] = {}
    for name, spec in (("incumbent", pair.one), ("anchored", pair.other)):
        training = Training.of(cohort, fold.train_rows, spec, Settings(seed=seed))
        fitted[name] = CONTENDERS["incumbent"].fit("incumbent", training, cohort.window)
    rows = pooled(cohort.frame, [predict_fold(cohort.frame, fold, fitted)])
    tested = Tested.of(rows, seed)
    delta = paired_log_loss_difference(
        tested.y, tested.probability("incumbent"), tested.probability("anchored"), bootstrap=tested.bootstrap
    )
    events = int(rows.loc[rows["y"] == 1, "account_id"].nunique())
    decision = decide(delta, base_rate=float(rows["y"].mean()), holdout_events=events, tier="full")
    return {"seed": seed, "verdict": decision.verdict, "low": delta.low, "high": delta.high, "delta": delta.value}
