"""Training sets and fits on books with known segment weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from segment_books import DIMENSION_OF, DIMENSIONS, METRICS, segment_book
from small_books import plain_spec

from churnbench.calibration import AnchoredFit, AnchoredRefit, Settings, Training
from churnbench.calibration.refinements import Refinements, refine

Profiles = Mapping[str, Mapping[str, float]]


def training_on(frame: pd.DataFrame, *, declared: Profiles | None = None, **settings: Any) -> Training:
    """A training set whose hand formula weighs all metrics alike."""
    spec = plain_spec(dict.fromkeys(METRICS, 1.0), dimension_of=DIMENSION_OF)
    if declared:
        spec = replace(spec, segment_weights=declared)
    return Training(frame, spec, METRICS, True, Settings(**{"shapes": "declared", "bootstrap": 20, **settings}))


def refined(training: Training) -> tuple[AnchoredFit, Refinements]:
    """The anchored fit of a training set and what is learned on top of it."""
    refit = AnchoredRefit(training)
    fit = refit.fit()
    return fit, refine(training, fit, refit.inner_fits(fit))


def learned(weights: Profiles, *, accounts: int = 1000, seed: int = 0, **book: Any) -> tuple[Training, Refinements]:
    """A book, and what is learned from it."""
    training = training_on(segment_book(weights, accounts=accounts, seed=seed, **book))
    return training, refined(training)[1]


def truth_of(weights: Profiles, segment: str) -> np.ndarray:
    """True shares of a segment (D,)."""
    return np.array([weights[segment][dimension] for dimension in DIMENSIONS])


def total_variation(shares: Mapping[str, np.ndarray], weights: Profiles) -> float:
    """Mean over segments of half the summed absolute differences to the truth."""
    return float(np.mean([np.abs(found - truth_of(weights, name)).sum() / 2 for name, found in shares.items()]))
