"""Proof: weights of segments, learned with partial pooling, beside the true weights of each segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from churnbench.calibration import Settings, Training
from churnbench.calibration.derivations import DERIVATIONS
from churnbench.calibration.segment_uncertainty import resample_profiles
from proofs.books import Recipe, folds_of, pooled_cohort, preset_formula
from proofs.montecarlo import replicate
from proofs.truth import learn_truth, total_variation

#: Large enough that most segments have the 50 churned accounts which weights of their own need.
RECIPE = Recipe(accounts=3000, months=30)
#: How far the segments' true weights lie apart: the same, as by default, far.
CONTRASTS = (0.0, 1.0, 3.0)
POPULATION_BOOKS, POPULATION_SEED = 30, 4_000_000


@dataclass(frozen=True, eq=False)
class Company:
    """A kind of book with the dimension weights that each segment should have.

    Attributes:
        recipe: kind of book.
        true: segment -> dimension -> share.
    """

    recipe: Recipe
    true: Mapping[str, Mapping[str, float]]


def company(contrast: float, recipe: Recipe = RECIPE, books: int = POPULATION_BOOKS) -> Company:
    """Learn the truth of every segment from a population; ranges are taken over the same positions for all."""
    kind = replace(recipe, contrast=contrast)
    population = pooled_cohort(kind, books, POPULATION_SEED)
    spec = preset_formula()
    grid = learn_truth(population, spec).grid
    true = {}
    for segment in sorted(set(population.frame["segment"])):
        rows = population.frame[population.frame["segment"] == segment].reset_index(drop=True)
        found = learn_truth(replace(population, frame=rows), spec)
        true[str(segment)] = found.by_dimension(found.shares(grid))
    return Company(kind, true)


def run(company: Company, replicates: int, jobs: int) -> pd.DataFrame:
    """Books of one kind.

    Returns:
        One row per book and segment with weights of its own: seed, segment, adopted, error with one profile for all,
        error pooled, error of the segment's own estimate, and shares of its intervals that cover the truth.
    """
    label = f"segments, contrast {company.recipe.contrast:g}"
    books = replicate(partial(_one, company), range(1, replicates + 1), jobs=jobs, label=label)
    rows = [row for book in books for row in book]
    return pd.DataFrame(rows).assign(contrast=company.recipe.contrast)


def _one(company: Company, seed: int) -> list[dict[str, Any]]:
    cohort = company.recipe.cohort(seed)
    training = Training.of(cohort, folds_of(cohort)[-1].train_rows, preset_formula(), Settings(seed=seed))
    found = DERIVATIONS["anchored"](training).refinements
    if found is None:
        return []
    trial, parts = found.segments, found.final.parts
    spread = resample_profiles(training, parts, trial)
    weights = trial.weights
    rows = []
    for segment, shares in weights.shares.items():
        true = company.true[segment]
        own = weights.overall * np.maximum(_own(trial.estimates, segment, len(shares)), 0.0)
        target = np.array([true[dimension] for dimension in weights.dimensions])
        interval = None if spread is None else spread.segments[segment]
        covered = np.nan if interval is None else ((interval[:, 0] <= target) & (target <= interval[:, 1])).mean()
        rows.append(
            {
                "seed": seed,
                "segment": segment,
                "adopted": trial.adopted,
                "one profile": _error(weights.dimensions, weights.overall, true),
                "pooled": _error(weights.dimensions, shares, true),
                "no pooling": _error(weights.dimensions, own / own.sum(), true),
                "covered": covered,
            }
        )
    return rows


def _own(estimates: Any, segment: str, width: int) -> np.ndarray:
    for estimate in estimates:
        if estimate.sample.segment == segment:
            return np.asarray(estimate.multipliers)
    return np.ones(width)


def _error(dimensions: tuple[str, ...], shares: np.ndarray, true: Mapping[str, float]) -> float:
    return total_variation(dict(zip(dimensions, shares, strict=True)), true)
