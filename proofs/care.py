"""Proof 3: what interventions do to a backtest, and whether the workbench's claims survive them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from churnbench.data.world_settings import Treatment
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.formula import score_frame
from churnbench.metrics.discrimination import auc
from proofs.books import Recipe, folds_of, pooled_cohort, preset_formula
from proofs.montecarlo import replicate
from proofs.reviewed import population_rows, review, verdict

RECIPE = Recipe(accounts=1400, months=24)
#: A playbook that three of four accounts in trouble get, and that takes 70 % off their hazard while it lasts.
CARE = Treatment(trigger=0.2, treated=0.75, effect=0.3, months=4, holdout=0.0)
POPULATION_BOOKS, POPULATION_SEED = 20, 3_000_000


@dataclass(frozen=True, eq=False)
class Company:
    """A company with or without a treatment policy.

    Attributes:
        name: for the table.
        recipe: kind of book.
        spec: today's formula.
        later: population rows under the same policy, on the holdout's dates.
    """

    name: str
    recipe: Recipe
    spec: FormulaSpec
    later: pd.DataFrame


def companies(recipe: Recipe = RECIPE, books: int = POPULATION_BOOKS) -> tuple[Company, Company]:
    """The same world, left alone and cared for."""
    found = []
    for name, kind in (("nobody intervenes", recipe), ("playbook at work", replace(recipe, treatment=CARE))):
        probe = kind.cohort(0)
        rows = probe.frame.loc[folds_of(probe)[-1].test_rows]
        found.append(
            Company(name, kind, preset_formula(), population_rows(pooled_cohort(kind, books, POPULATION_SEED), rows))
        )
    return found[0], found[1]


def run(company: Company, replicates: int, jobs: int) -> pd.DataFrame:
    """One row per book: AUC with interval, its population value under the same policy, churn in the lowest band."""
    rows = list(replicate(partial(_one, company), range(1, replicates + 1), jobs=jobs, label=company.name))
    return pd.DataFrame([row for row in rows if row]).assign(company=company.name)


def _one(company: Company, seed: int) -> dict[str, Any]:
    reviewed = review(company.recipe, company.spec, seed)
    if reviewed is None:
        return {}
    later, candidate = company.later, reviewed.backtest.candidate
    y = later["y"].to_numpy(dtype=float)
    area = reviewed.tested.measures("anchored")["auc"]
    band = score_frame(candidate.body or {}, later)["band"].to_numpy(dtype=object)
    lowest = (candidate.body or {})["bands"][0][0]
    return {
        "seed": seed,
        "verdict": verdict(reviewed),
        "auc": area.value,
        "low": area.low,
        "high": area.high,
        "live": auc(y, candidate.predict(later).churn_probability),
        "lowest_band_rate": float(y[band == lowest].mean()) if np.any(band == lowest) else float("nan"),
        "base_rate": float(y.mean()),
    }
