"""How sure the profiles of segments are: both steps, overall weights and segments, repeated on resampled accounts.

The overall weights vary as those of the refit do (`uncertainty`), its curves and its prior with them; an earlier form
kept the curves as they are and covered the true weights of segments in .60 to .67 of cases instead of .90
(docs/proofs.md). How far segments differ is drawn anew each time from what their estimates say of it: the strength of
pooling is an estimate itself, and few segments leave it open. A pooled estimate moves too little between resamples,
since pooling holds it; the part of a segment's own difference that pooling withholds is unknown and is drawn from its
prior, so that the interval speaks of the segment and not of the estimate.

Source: Morris (1983), doi:10.1080/01621459.1983.10477920 (intervals of empirical Bayes estimates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from churnbench.calibration.dimension_parts import DimensionParts
from churnbench.calibration.refinements import SegmentTrial
from churnbench.calibration.segment_weights import (
    DEVIATIONS,
    SegmentEstimate,
    declared_tilts,
    deviation_odds,
    own_estimate,
    pool,
)
from churnbench.calibration.training import Training
from churnbench.calibration.uncertainty import drawn_dimensions

_STEPS = 2


@dataclass(frozen=True, eq=False)
class ProfileSpread:
    """90 % intervals of shares, 0-1: arrays (D, 2) of low and high.

    Attributes:
        overall: of the profile of everybody else.
        segments: of each segment with weights of its own.
    """

    overall: np.ndarray
    segments: Mapping[str, np.ndarray]


def resample_profiles(training: Training, parts: DimensionParts, trial: SegmentTrial) -> ProfileSpread | None:
    """Repeat the profiles on `settings.bootstrap` account resamples; None when that is 0 or nothing was learned.

    Args:
        training: what the profiles were learned from.
        parts: the fit by dimension.
        trial: the learned profiles.
    """
    replicates, learned = training.settings.bootstrap, trial.weights
    if replicates == 0 or not learned.shares:
        return None
    generator = np.random.default_rng(training.settings.seed)
    accounts = int(training.accounts.max()) + 1
    default = {dimension.id: dimension.weight for dimension in training.spec.dimensions}
    declared = declared_tilts(default, training.spec.segment_weights, parts.dimensions)
    overall = drawn_dimensions(training, parts.fit, parts.dimensions)
    deviations = generator.choice(DEVIATIONS, replicates, p=deviation_odds(trial.estimates, declared))
    by_segment = {name: np.zeros_like(overall) for name in learned.shares}
    for replicate in range(replicates):
        drawn = np.bincount(generator.integers(0, accounts, accounts), minlength=accounts)
        estimates = [_again(one, drawn, overall[replicate], learned.spread) for one in trial.estimates]
        pooled = pool(estimates, declared, own=frozenset(learned.shares), deviation=float(deviations[replicate]))
        for name, found in by_segment.items():
            unknown = _draw(pooled.withheld[name], generator)
            raw = overall[replicate] * np.maximum(pooled.multipliers[name] + unknown, 0.0)
            found[replicate] = raw / raw.sum()
    return ProfileSpread(_interval(overall), {name: _interval(found) for name, found in by_segment.items()})


def _again(estimate: SegmentEstimate, drawn: np.ndarray, overall: np.ndarray, spread: float) -> SegmentEstimate:
    """A segment's own estimate on a resample, started from the full one."""
    return own_estimate(estimate.sample.drawn(drawn), overall, spread, start=estimate.solution, max_steps=_STEPS)


def _draw(covariance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors @ (np.sqrt(np.maximum(values, 0.0)) * generator.standard_normal(len(values))))


def _interval(draws: np.ndarray) -> np.ndarray:
    return np.asarray(np.quantile(draws, [0.05, 0.95], axis=0).T)
