"""How sure the refit is of its weights and curves: what it becomes on resampled accounts under resampled priors.

A fit that is held back towards the hand formula varies less than it errs: resampling accounts alone covered the true
weights in a third to a half of simulated books (docs/proofs.md, decision 0008). Each draw therefore also moves what the
fit is anchored at, by as much as the prior itself allows for: it stands for an expert who could as well have been wrong
the other way. What comes out approximates the posterior of the weights. Shapes stay as chosen.

Source: Newton, Polson and Xu (2021), doi:10.1002/cjs.11570, for weighted likelihoods with randomised priors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnbench.calibration.anchored import AnchoredFit
from churnbench.calibration.derivations import formula_curves
from churnbench.calibration.penalised_fit import Problem, account_slopes, curvature, quadratic_minimum, settled
from churnbench.calibration.prior import FREEDOM
from churnbench.calibration.training import Training
from churnbench.domain.progress import Progress

_SELECTED = 0.005
#: Draws allow for a prior this much wider than the one chosen: the choice itself was made on the same rows, and one
#: step goes less far than a whole fit would (decision 0010).
_WIDER = 4.0


@dataclass(frozen=True, eq=False)
class Spread:
    """Resampled weights and curves.

    Attributes:
        metrics, dimensions: id -> (low, high), 90 % interval of the share of the score, 0-1.
        selection_rate: metric -> share of resamples in which it carries at least half a per cent of the score.
        direction_agreement: metric -> share of resamples that move its weight the same way from today's formula.
        curves: metric -> array (knots, 3): position, low and high points 0-100.
    """

    metrics: Mapping[str, tuple[float, float]]
    dimensions: Mapping[str, tuple[float, float]]
    selection_rate: Mapping[str, float]
    direction_agreement: Mapping[str, float]
    curves: Mapping[str, np.ndarray]


def resample_weights(training: Training, fit: AnchoredFit, progress: Progress) -> Spread | None:
    """One Newton step from the fit on each of `settings.bootstrap` account resamples; None when that is 0."""
    replicates = training.settings.bootstrap
    if replicates == 0:
        return None
    ids = [ramps.metric for ramps in fit.basis.ramps]
    order = [dimension.id for dimension in training.spec.dimensions]
    belongs = _belongs(training, fit, order)
    shares = np.zeros((replicates, len(ids)))
    points = [np.zeros((replicates, len(ramps.knots))) for ramps in fit.basis.ramps]
    progress.stage("resampling accounts", replicates)
    for replicate, coefficients in enumerate(drawn_coefficients(training, fit)):
        curves, _ = formula_curves(training, fit, coefficients)
        shares[replicate] = [curve.share for curve in curves]
        for position, ramps in enumerate(fit.basis.ramps):
            health = ramps.health_at_knots(coefficients)
            span = float(health.max() - health.min())
            points[position][replicate] = 100 * (health - health.min()) / span if span > 0 else 50.0
        progress.step()
    candidate, _ = formula_curves(training, fit)
    own = np.array([curve.share for curve in candidate])
    agrees = np.sign(shares - training.today_shares) == np.sign(own - training.today_shares)
    by_dimension = shares @ belongs.T
    return Spread(
        {metric: _interval(shares[:, k], own[k]) for k, metric in enumerate(ids)},
        {dimension: _interval(by_dimension[:, k], float(belongs[k] @ own)) for k, dimension in enumerate(order)},
        {metric: float((shares[:, k] >= _SELECTED).mean()) for k, metric in enumerate(ids)},
        {metric: float(agrees[:, k].mean()) for k, metric in enumerate(ids)},
        {
            ramps.metric: np.column_stack([ramps.knots, *np.quantile(points[k], [0.05, 0.95], axis=0)])
            for k, ramps in enumerate(fit.basis.ramps)
        },
    )


def drawn_dimensions(training: Training, fit: AnchoredFit, dimensions: Sequence[str]) -> np.ndarray:
    """Shares of dimensions on `settings.bootstrap` draws, without the draws' own bias: (draws, dimensions).

    A range is never negative, so that noise alone raises it; the mean of the draws is that of the fit.
    """
    belongs = _belongs(training, fit, dimensions)
    own = np.array([curve.share for curve in formula_curves(training, fit)[0]])
    shares = np.array(
        [
            [curve.share for curve in formula_curves(training, fit, coefficients)[0]]
            for coefficients in drawn_coefficients(training, fit)
        ]
    )
    draws = np.maximum((shares - shares.mean(axis=0) + own) @ belongs.T, 0.0)
    return np.asarray(draws / draws.sum(axis=1, keepdims=True))


def _belongs(training: Training, fit: AnchoredFit, dimensions: Sequence[str]) -> np.ndarray:
    """Which metric belongs to which dimension (dimensions, metrics), 1 or 0."""
    home = {metric.id: metric.dimension for metric in training.spec.metrics}
    return np.array([[home[ramps.metric] == name for ramps in fit.basis.ramps] for name in dimensions], dtype=float)


def drawn_coefficients(training: Training, fit: AnchoredFit) -> Iterator[np.ndarray]:
    """Coefficients of the fit on `settings.bootstrap` account resamples, each under a prior drawn anew."""
    generator = np.random.default_rng(training.settings.seed)
    cluster = np.asarray(pd.factorize(training.accounts[fit.sample.rows])[0])
    accounts = int(cluster.max()) + 1
    moved = fit.prior.moves(fit.problem.anchor, fit.solution.coefficients)
    hessian = curvature(fit.problem, fit.solution)
    at = np.concatenate([[fit.solution.intercept], fit.solution.coefficients])
    weights = np.bincount(cluster, fit.problem.weight)
    scores = fit.problem.weight.sum() * account_slopes(fit.problem, fit.solution, cluster)
    for _ in range(training.settings.bootstrap):
        drawn = np.bincount(generator.integers(0, accounts, accounts), minlength=accounts)
        problem = _with_prior(fit, moved, generator)
        found = quadratic_minimum(problem, drawn @ scores / (drawn @ weights), hessian, at)
        yield settled(problem, found[1:])


def _with_prior(fit: AnchoredFit, moved: np.ndarray, generator: np.random.Generator) -> Problem:
    """The fit's problem with a spread drawn for every metric, and an anchor drawn from the prior of that spread.

    Under the Student prior the squared spread of a metric that moved by m is (v s^2 + m^2) over a chi-square with
    v + 1 degrees of freedom.
    """
    scale = _WIDER * fit.prior_scale
    scales = np.sqrt((FREEDOM * scale**2 + moved**2) / generator.chisquare(FREEDOM + 1, len(moved)))
    anchor = fit.problem.anchor + fit.prior.drawn(scales, generator)
    return replace(fit.problem, penalty=fit.prior.penalty(scales), anchor=anchor)


def _interval(values: np.ndarray, own: float) -> tuple[float, float]:
    """5th and 95th percentile, stretched to where they lie after removing the draws' own bias.

    A range is never negative, so that noise alone raises it, in the fit once and in the draws twice.
    """
    low, high = (float(end) for end in np.quantile(values, [0.05, 0.95]))
    bias = float(values.mean()) - own
    return max(0.0, min(low, low - bias, own)), min(1.0, max(high, high - bias, own))
