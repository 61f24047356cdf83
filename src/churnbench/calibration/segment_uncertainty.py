"""How sure the profiles of segments are: both steps, overall weights and segments, repeated on resampled accounts.

Curves within a dimension stay as they are and so does the strength of pooling; what varies is which accounts happened
to be observed. A pooled estimate moves too little between resamples, since pooling holds it; the part of a segment's
own difference that pooling withholds is unknown and is drawn from its prior, so that the interval speaks of the
segment and not of the estimate.

Source: Morris (1983), doi:10.1080/01621459.1983.10477920 (intervals of empirical Bayes estimates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from churnbench.calibration.dimension_parts import DimensionParts
from churnbench.calibration.penalised_fit import Problem, curvature, solve
from churnbench.calibration.refinements import SegmentTrial, sampled
from churnbench.calibration.segment_weights import SegmentEstimate, declared_tilts, own_estimate, pool
from churnbench.calibration.training import Training

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
    _, weight, account = sampled(training, parts.fit, np.arange(len(training.y)))
    problem = _by_dimension(parts)
    whole = solve(problem)
    accounts = int(training.accounts.max()) + 1
    default = {dimension.id: dimension.weight for dimension in training.spec.dimensions}
    declared = declared_tilts(default, training.spec.segment_weights, parts.dimensions)
    overall = np.zeros((replicates, len(parts.dimensions)))
    by_segment = {name: np.zeros_like(overall) for name in learned.shares}
    for replicate in range(replicates):
        drawn = np.bincount(generator.integers(0, accounts, accounts), minlength=accounts)
        again = problem.reweighted(weight * drawn[account])
        now = solve(again, start=whole, max_steps=_STEPS, hessian=curvature(again, whole))
        shares = learned.overall * now.coefficients / whole.coefficients
        overall[replicate] = shares / shares.sum()
        estimates = [_again(one, drawn, overall[replicate], learned.spread) for one in trial.estimates]
        own, deviation = frozenset(learned.shares), learned.pooled.deviation
        pooled = pool(estimates, declared, own=own, deviation=deviation)
        for name, found in by_segment.items():
            unknown = _draw(pooled.withheld[name], generator)
            raw = overall[replicate] * np.maximum(pooled.multipliers[name] + unknown, 0.0)
            found[replicate] = raw / raw.sum()
    return ProfileSpread(_interval(overall), {name: _interval(found) for name, found in by_segment.items()})


def _by_dimension(parts: DimensionParts) -> Problem:
    """The overall fit with one factor per dimension: its curves are kept, its pull towards the hand formula too."""
    fit = parts.fit
    a, penalty, anchor = fit.solution.coefficients, fit.problem.penalty, fit.problem.anchor
    strength = np.array([float(a[b] @ penalty[np.ix_(b, b)] @ a[b]) for b in parts.blocks])
    towards = np.array([float(a[b] @ penalty[np.ix_(b, b)] @ anchor[b]) for b in parts.blocks])
    return replace(
        fit.problem,
        design=np.column_stack([fit.problem.design[:, b] @ a[b] for b in parts.blocks]),
        anchor=np.divide(towards, strength, out=np.ones(len(strength)), where=strength > 0),
        penalty=np.diag(strength),
        bound=np.ones(len(strength)),
        constraints=np.zeros((0, 0)),
    )


def _again(estimate: SegmentEstimate, drawn: np.ndarray, overall: np.ndarray, spread: float) -> SegmentEstimate:
    """A segment's own estimate on a resample, started from the full one."""
    return own_estimate(estimate.sample.drawn(drawn), overall, spread, start=estimate.solution, max_steps=_STEPS)


def _draw(covariance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors @ (np.sqrt(np.maximum(values, 0.0)) * generator.standard_normal(len(values))))


def _interval(draws: np.ndarray) -> np.ndarray:
    return np.asarray(np.quantile(draws, [0.05, 0.95], axis=0).T)
