"""How sure the refit is of its weights and curves: the fit repeated on resampled accounts.

Shapes and prior strength stay as chosen; what varies is which accounts happened to be observed. Each resample starts
from the full solution and takes two Newton steps with one Hessian, which is where a resample's optimum lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.calibration.anchored import AnchoredFit
from churnbench.calibration.derivations import formula_curves
from churnbench.calibration.penalised_fit import solve
from churnbench.calibration.training import Training
from churnbench.domain.progress import Progress

_SELECTED = 0.005
_STEPS = 2


@dataclass(frozen=True, eq=False)
class Spread:
    """Resampled weights and curves.

    Attributes:
        metrics, dimensions: id -> (low, high), 90 % interval of the share of the score, 0-1.
        selection_rate: metric -> share of resamples in which it carries at least half a per cent of the score.
        direction_agreement: metric -> share of resamples that move its weight the same way from the hand formula.
        curves: metric -> array (knots, 3): position, low and high points 0-100.
    """

    metrics: Mapping[str, tuple[float, float]]
    dimensions: Mapping[str, tuple[float, float]]
    selection_rate: Mapping[str, float]
    direction_agreement: Mapping[str, float]
    curves: Mapping[str, np.ndarray]


def resample_weights(training: Training, fit: AnchoredFit, progress: Progress) -> Spread | None:
    """Repeat the fit on `settings.bootstrap` account resamples; None when that is 0."""
    replicates = training.settings.bootstrap
    if replicates == 0:
        return None
    generator = np.random.default_rng(training.settings.seed)
    cluster = np.asarray(pd.factorize(training.accounts[fit.sample.rows])[0])
    accounts = int(cluster.max()) + 1
    ids = [ramps.metric for ramps in fit.basis.ramps]
    dimension_of = {metric.id: metric.dimension for metric in training.spec.metrics}
    order = [dimension.id for dimension in training.spec.dimensions]
    belongs = np.array([[dimension_of[metric] == dimension for metric in ids] for dimension in order], dtype=float)
    shares = np.zeros((replicates, len(ids)))
    points = [np.zeros((replicates, len(ramps.knots))) for ramps in fit.basis.ramps]
    progress.stage("resampling accounts", replicates)
    for replicate in range(replicates):
        drawn = np.bincount(generator.integers(0, accounts, accounts), minlength=accounts)
        problem = fit.problem.reweighted(fit.problem.weight * drawn[cluster])
        solution = solve(problem, start=fit.solution, max_steps=_STEPS, keep_hessian=True)
        curves, _ = formula_curves(training, fit, solution)
        shares[replicate] = [curve.share for curve in curves]
        for position, ramps in enumerate(fit.basis.ramps):
            health = ramps.health_at_knots(solution.coefficients)
            span = float(health.max() - health.min())
            points[position][replicate] = 100 * (health - health.min()) / span if span > 0 else 50.0
        progress.step()
    candidate, _ = formula_curves(training, fit)
    moved = np.sign(np.array([curve.share for curve in candidate]) - training.hand_shares)
    agrees = np.sign(shares - training.hand_shares) == moved
    by_dimension = shares @ belongs.T
    return Spread(
        {metric: _interval(shares[:, k]) for k, metric in enumerate(ids)},
        {dimension: _interval(by_dimension[:, k]) for k, dimension in enumerate(order)},
        {metric: float((shares[:, k] >= _SELECTED).mean()) for k, metric in enumerate(ids)},
        {metric: float(agrees[:, k].mean()) for k, metric in enumerate(ids)},
        {
            ramps.metric: np.column_stack([ramps.knots, *np.quantile(points[k], [0.05, 0.95], axis=0)])
            for k, ramps in enumerate(fit.basis.ramps)
        },
    )


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.05, 0.95])
    return float(low), float(high)
