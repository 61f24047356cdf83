"""Proof: what interventions are said to do, held against worlds in which it is known."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from churnbench.data.world_settings import Treatment
from churnbench.domain.cohort import Cohort
from churnbench.interventions import (
    InterventionLog,
    checked_log,
    drops,
    evaluate_under_treatment,
    exposure,
    randomised_effect,
    randomised_outcomes,
    sides_of_care,
    untreated_weights,
)
from churnbench.labels.outcomes import read_outcomes
from churnbench.metrics import AccountBootstrap
from churnbench.metrics.discrimination import auc
from churnbench.metrics.reliability import expit, fit_recalibration
from proofs.books import THROUGH, WINDOW, Recipe, labelled
from proofs.montecarlo import Average, Share, replicate
from proofs.page import Promise
from proofs.sizes import COVERAGE

#: A coin decides for everybody below the cut-off, so that every propensity is known.
COINS = Treatment(trigger=0.25, near=9.0, holdout=0.3, effect=0.2, months=4)
WEIGHED = Recipe(accounts=1500, months=18, base_rate=0.05, treatment=COINS)
#: The window of the effect ends with the treatment, so that the factor on the hazard is the whole truth.
EFFECT_DAYS = 90
TRIED = Recipe(accounts=700, months=14, base_rate=0.06, treatment=Treatment(0.4, effect=0.4, near=9.0, holdout=0.3))
#: A playbook that begins a year into the data, and the same without any effect.
BEGINS = replace(COINS, holdout=0.2, effect=0.25, begins=12)
LATER = Recipe(accounts=1200, months=24, base_rate=0.05, treatment=BEGINS)
_POPULATION_SEED = 4_000_000
#: The rule for drops was chosen looking at seeds below 40; the proof uses others.
_FIRST = 1001


def weighted(replicates: int, jobs: int) -> pd.DataFrame:
    """One row per world: AUC in three ways beside that of the same world left alone."""
    return pd.DataFrame(replicate(_weighted, range(_FIRST, _FIRST + replicates), jobs=jobs, label="weighted"))


def effects(replicates: int, jobs: int, books: int) -> pd.DataFrame:
    """One row per world: the randomised effect with its interval, and the true one from a population of books."""
    population = range(_POPULATION_SEED, _POPULATION_SEED + books)
    sums = np.array(list(replicate(_arms, population, jobs=jobs, label="true effect"))).sum(axis=0)
    held, treated = sums[0] / sums[1], sums[2] / sums[3]
    rows = replicate(partial(_effect, TRIED), range(_FIRST, _FIRST + replicates), jobs=jobs, label="effect")
    return pd.DataFrame(rows).assign(true=treated - held, true_reduction=1 - treated / held)


def warned(replicates: int, jobs: int) -> pd.DataFrame:
    """One row per world and kind of playbook: whether the drop beyond the cut-off was found."""
    cases = [(seed, effect) for effect in (0.25, 1.0) for seed in range(_FIRST, _FIRST + replicates)]
    return pd.DataFrame(replicate(_warned, cases, jobs=jobs, label="warnings"))


def _read(recipe: Recipe, seed: int) -> tuple[Cohort, InterventionLog, np.ndarray]:
    """Cohort, log, and what the metrics truly add to the log hazard of each labelled row: a score nobody fitted."""
    world = recipe.world(seed)
    cohort = labelled(world)
    truth = world.truth_table.set_index(["account_id", "as_of"])["metric_risk"]
    rows = cohort.labelled()[["account_id", "as_of"]]
    return cohort, checked_log(world.interventions), truth.reindex(pd.MultiIndex.from_frame(rows)).to_numpy(dtype=float)


def _weighted(seed: int) -> dict[str, Any]:
    bare, _, bare_index = _read(replace(WEIGHED, treatment=None), seed)
    cohort, log, index = _read(WEIGHED, seed)
    y = bare.labelled()["y"].to_numpy(dtype=float)
    fitted = fit_recalibration(y, bare_index, np.ones(len(y)))
    assert fitted is not None  # noqa: S101 - every such book has churners
    risk, rows = expit(fitted[0] + fitted[1] * index), cohort.labelled()
    bootstrap = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=100, seed=seed)
    found: dict[str, Any] = {"seed": seed, "truth": auc(y, bare_index)}
    for name, known in (("weighted", log), ("treatment_term", _blind(log))):
        exposed = exposure(rows, known, WINDOW)
        made = evaluate_under_treatment(
            rows, exposed, risk, weights=untreated_weights(exposed, rows), window=WINDOW, bootstrap=bootstrap
        )
        for way in ("plain", name):
            found[way] = made[way]["auc"]["value"]
            found[f"{way}_level"] = made[way]["observed_over_expected"]["value"]
    return found


def _blind(log: InterventionLog) -> InterventionLog:
    """The same log by people who did not write down that a coin decided."""
    entries = log.entries[log.entries["treated"]].assign(propensity=np.nan, randomised=False)
    return InterventionLog(entries.reset_index(drop=True), log.file)


def _entries(recipe: Recipe, seed: int) -> pd.DataFrame:
    world = recipe.world(seed)
    outcomes = read_outcomes(world.outcomes)
    return randomised_outcomes(
        checked_log(world.interventions),
        outcomes.churns,
        days=EFFECT_DAYS,
        through=THROUGH.date(),
        settle_days=outcomes.settle_days,
    )


def _arms(seed: int) -> list[float]:
    entries = _entries(replace(TRIED, accounts=4000), seed)
    sides = [entries.loc[entries["treated"] == arm, "y"] for arm in (False, True)]
    return [figure for side in sides for figure in (float(side.sum()), float(len(side)))]


def _effect(recipe: Recipe, seed: int) -> dict[str, Any]:
    found = randomised_effect(_entries(recipe, seed), days=EFFECT_DAYS, replicates=500, seed=seed)
    gap, less = found.risk_difference, found.relative_reduction
    return {
        "seed": seed,
        "value": gap.value,
        "low": gap.low,
        "high": gap.high,
        "reduction_low": less.low,
        "reduction_high": less.high,
        "events": sum(found.events),
    }


def _warned(case: tuple[int, float]) -> dict[str, Any]:
    seed, effect = case
    cohort, log, index = _read(replace(LATER, treatment=replace(BEGINS, effect=effect)), seed)
    rows = cohort.labelled()
    bootstrap = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=300, seed=seed)
    sides = sides_of_care(index, exposure(rows, log, WINDOW)["treated"])
    (found,) = drops(rows, index, sides, log, WINDOW, bootstrap)
    return {"seed": seed, "effect": effect, "found": found.found, "contrast": found.contrast.value}


def section(some: int, books: int, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    """Text, promises and tables of the proof.

    Args:
        some: worlds per measurement.
        books: books that make up the population of the true effect.
        jobs: processes.
    """
    ways, arms, drop = weighted(some, jobs), effects(some, jobs, books), warned(some, jobs)
    covered = Share.of((arms["low"] <= arms["true"]) & (arms["true"] <= arms["high"]))
    nearer = Share.of((ways["weighted"] - ways["truth"]).abs() < (ways["plain"] - ways["truth"]).abs())
    works, idle = (Share.of(drop.loc[drop["effect"] == effect, "found"]) for effect in (0.25, 1.0))
    low, high = COVERAGE
    allowed = 2 * float(np.sqrt(0.09 / max(covered.replicates, 1)))
    promises = [
        Promise(
            "interventions",
            "90 % interval of the randomised risk difference covers the true one",
            str(covered),
            f"{low} to {high}, 2 se allowed",
            low - allowed <= covered.value <= high + allowed,
            covered.replicates,
        ),
        Promise(
            "interventions",
            "weighted AUC nearer to the world left alone than the plain one",
            str(nearer),
            "at least 0.9",
            nearer.value >= 0.9,
            nearer.replicates,
        ),
        Promise(
            "interventions",
            "warning of a drop beyond the cut-off where the playbook does nothing",
            str(idle),
            "at most 0.05 + 2 se",
            idle.at_most(0.05),
            idle.replicates,
        ),
        Promise(
            "interventions",
            "the same where it takes 75 % off the hazard",
            str(works),
            "at least 0.7",
            works.value >= 0.7,
            works.replicates,
        ),
    ]
    rows = [
        {
            "way": way.replace("_", " "),
            "AUC minus that of the world left alone": str(Average.of(ways[way] - ways["truth"])),
            "observed over expected": str(Average.of(ways[f"{way}_level"])),
        }
        for way in ("plain", "weighted", "treatment_term")
    ]
    truth = arms.iloc[0]
    text = (
        f"Worlds of {WEIGHED.accounts:,} accounts in which a coin treats 70 % of the accounts in trouble, which takes "
        "80 % off their hazard for four months; the score is what the metrics truly say, calibrated in the same world "
        "left alone. The treatment term does not see the propensities. The randomised effect is measured in worlds of "
        f"{TRIED.accounts:,} accounts with {arms['events'].mean():.0f} churned ones; the true risk difference is "
        f"{truth['true']:+.4f}, which prevents {truth['true_reduction']:.0%} of the churn."
    )
    return text, promises, {"One score measured in three ways": rows}
