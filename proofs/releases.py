"""Proof: the review after a release. Does a candidate replace the formula in force only where it is better?"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from churnbench.calibration import Settings
from churnbench.calibration.in_force import InForce
from churnbench.metrics.discrimination import auc
from churnbench.metrics.probability import log_loss
from churnbench.metrics.reliability import calibration_slope
from proofs.books import Recipe, folds_of, pooled_cohort, preset_formula
from proofs.montecarlo import Average, Share, replicate
from proofs.page import Promise
from proofs.reviewed import difference, population_rows, review, verdict
from proofs.watching import REVIEWED, as_known, in_force

#: Half a year lies between the release's review and this one; some 110 accounts churned before the first holdout.
RECIPE = Recipe(accounts=1400, months=30)
_POPULATION_SEED, _FIRST = 5_000_000, 3001
_NAMES = {"incumbent": "formula in force", "anchored": "candidate"}
#: The margin is 1 % of the null log loss, about .0011 at these base rates.
_MARGIN = 0.0011


def run(replicates: int, jobs: int, books: int) -> pd.DataFrame:
    """One row per book: the verdict of the second review, and what is true of both formulas in the population.

    Args:
        replicates: companies that release the refit of their first review and come back half a year later.
        jobs: processes.
        books: books of the population, on the dates of the second holdout.
    """
    probe = RECIPE.cohort(0)
    rows = probe.frame.loc[folds_of(probe)[-1].test_rows]
    dates = pd.DatetimeIndex(rows["as_of"].unique())
    later = population_rows(pooled_cohort(RECIPE, books, _POPULATION_SEED, dates), rows)
    seeds = range(_FIRST, _FIRST + replicates)
    return pd.DataFrame(replicate(partial(_one, later), seeds, jobs=jobs, label="after a release"))


def _one(later: pd.DataFrame, seed: int) -> dict[str, Any]:
    released = in_force(as_known(RECIPE.world(seed), REVIEWED)[0], "anchored", seed).document["body"]
    held = InForce(released, "", "1.0.0", 1, f"{REVIEWED:%Y-%m-%d}", "a first review", REVIEWED.date())
    reviewed = review(RECIPE, preset_formula(), seed, settings=Settings(in_force=held))
    assert reviewed is not None  # noqa: S101 - such a book has a holdout with churned accounts
    y, delta = later["y"].to_numpy(dtype=float), difference(reviewed)
    found = {
        "seed": seed,
        "verdict": verdict(reviewed),
        "events": reviewed.events,
        "holdout_events": reviewed.holdout_events,
        "delta": delta.value,
    }
    for name in _NAMES:
        p = np.asarray(reviewed.backtest.fitted[name].predict(later).churn_probability)
        found |= {
            f"{name}.loss": log_loss(y, p),
            f"{name}.auc": auc(y, p),
            f"{name}.slope": calibration_slope(y, p),
            f"{name}.level": y.sum() / p.sum(),
        }
    return found


def section(replicates: int, books: int, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    """Text, promises and tables of the proof.

    Args:
        replicates: companies.
        books: of the population.
        jobs: processes.
    """
    table = run(replicates, jobs, books)
    gain = table["incumbent.loss"] - table["anchored.loss"]
    promoted = table["verdict"] == "promote"
    false = Share.of(promoted & (gain <= 0))
    bias = Average.of(table["delta"] - gain)
    promises = [
        Promise(
            "releases",
            "false promotion at the review after a release",
            str(false),
            "at most 0.05 + 2 se",
            false.at_most(0.05),
            false.replicates,
        ),
        Promise(
            "releases",
            "measured minus true gain over the formula in force, log loss",
            f"{bias.value:+.5f} ± {bias.error:.5f}",
            "0 within 2 se",
            abs(bias.value) <= 2 * bias.error,
            bias.replicates,
        ),
    ]
    rows = [
        {
            "formula": words,
            "AUC in the population": str(Average.of(table[f"{name}.auc"])),
            "calibration slope": str(Average.of(table[f"{name}.slope"])),
            "observed / expected": str(Average.of(table[f"{name}.level"])),
        }
        for name, words in _NAMES.items()
    ]
    verdicts = [
        {
            "verdict": str(name),
            "books": str(len(group)),
            "true gain in log loss": f"{gain[group.index].mean():+.4f}",
            "truly better": str(int((gain[group.index] > 0).sum())),
            "by the margin": str(int((gain[group.index] >= _MARGIN).sum())),
        }
        for name, group in table.groupby("verdict")
    ]
    text = (
        f"Companies of {RECIPE.accounts:,} accounts release the refit of a review that saw outcomes until "
        f"{REVIEWED:%Y-%m-%d}, score with it, and review again half a year later: the new refit against the formula in "
        "force, whose risk curve keeps its steepness (decision 0014). The world has not changed, so there is little to "
        "gain. True is what holds in the population on the dates of the second holdout."
    )
    return text, promises, {"The second review": verdicts, "Both formulas in the population": rows}
