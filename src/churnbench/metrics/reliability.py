"""Whether churn probabilities mean what they say: slope, intercept, bins and ECE beside its null value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import Floats, as_outcome, as_probability, as_weight, ratio
from churnbench.metrics.probability import clipped

_STEPS = 60
_TOLERANCE = 1e-9


def logit(probability: Floats) -> Floats:
    """ln(p / (1 - p)) of probabilities moved into [1e-15, 1 - 1e-15]."""
    kept = clipped(probability)
    return np.log(kept) - np.log1p(-kept)


def expit(value: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    half = np.exp(-np.abs(value))
    return np.where(value >= 0, 1.0 / (1.0 + half), half / (1.0 + half))


def _deviance(value: Floats, outcome: Floats, weight: Floats) -> float:
    """Negative log likelihood of log-odds."""
    return float(weight @ (np.logaddexp(0.0, value) - outcome * value))


def fit_recalibration(outcome: Floats, offset: Floats, weight: Floats) -> tuple[float, float] | None:
    """Maximum-likelihood `(intercept, slope)` of logit P(y) = intercept + slope x offset.

    Newton steps, halved while the likelihood falls. `None` when no finite maximum exists: one class,
    constant offset, or classes that the offset separates.
    """
    total = float(weight.sum())
    events = float(weight @ outcome)
    if events <= 0.0 or events >= total or np.ptp(offset[weight > 0]) == 0.0:
        return None
    intercept, slope = math.log(events / (total - events)), 0.0
    loss = _deviance(np.full(len(outcome), intercept), outcome, weight)
    for _ in range(_STEPS):
        p = expit(intercept + slope * offset)
        residual, spread = weight * (outcome - p), weight * p * (1.0 - p)
        g0, g1 = float(residual.sum()), float(residual @ offset)
        h00, h01, h11 = float(spread.sum()), float(spread @ offset), float(spread @ offset**2)
        determinant = h00 * h11 - h01 * h01
        if determinant <= 1e-12 * max(h00 * h11, 1e-300):
            return None
        d0, d1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        step = 1.0
        moved = _deviance(intercept + d0 + (slope + d1) * offset, outcome, weight)
        while moved > loss + 1e-12 * abs(loss) and step > 1e-6:
            step /= 2.0
            moved = _deviance(intercept + step * d0 + (slope + step * d1) * offset, outcome, weight)
        intercept, slope, loss = intercept + step * d0, slope + step * d1, moved
        if max(abs(d0), abs(d1)) < _TOLERANCE * (1.0 + abs(intercept) + abs(slope)):
            return intercept, slope
    return None


def calibration_slope(y: npt.ArrayLike, p: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Slope b of the logistic regression logit P(y = 1) = a + b logit(p).

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1; moved into [1e-15, 1 - 1e-15] before the logit.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless; 1 is right, below 1 means that probabilities are too extreme. NaN for one class, a constant
        p, or when p separates the classes.

    Raises:
        InputError: for NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2016,
        doi:10.1016/j.jclinepi.2015.12.005.

    >>> round(calibration_slope([0, 0, 0, 1, 0, 1, 1, 1], [.2, .2, .2, .2, .8, .8, .8, .8]), 6)
    0.792481
    """
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    fitted = fit_recalibration(outcome, logit(probability), as_weight(weights, len(outcome)))
    return float("nan") if fitted is None else fitted[1]


def calibration_intercept(y: npt.ArrayLike, p: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Calibration intercept: a in logit P(y = 1) = a + logit(p), the slope held at 1.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1; moved into [1e-15, 1 - 1e-15] before the logit.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Log-odds; 0 is right, above 0 means that churn was underestimated. NaN for one class.

    Raises:
        InputError: for NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Van Calster et al. 2016, doi:10.1016/j.jclinepi.2015.12.005.

    >>> round(calibration_intercept([0, 1, 1, 1], [0.5, 0.5, 0.5, 0.5]), 6)
    1.098612
    """
    outcome = as_outcome(y)
    offset = logit(as_probability(p, len(outcome)))
    weight = as_weight(weights, len(outcome))
    events, total = float(weight @ outcome), float(weight.sum())
    if events <= 0.0 or events >= total:
        return float("nan")
    # The sum of expit(a + offset) rises in a: bisection cannot fail where Newton may overshoot.
    low, high = -80.0, 80.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        if float(weight @ expit(middle + offset)) < events:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability diagram.

    Attributes:
        predicted: mean P(churn) in the bin.
        observed: churn rate in the bin.
        weight: weight of rows in the bin; their number without row weights.
        rows: number of rows.
        events: number of rows with y = 1.
        members: row numbers, for intervals by account.
    """

    predicted: float
    observed: float
    weight: float
    rows: int
    events: int
    members: npt.NDArray[np.int64]


def reliability_bins(
    y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 10, weights: npt.ArrayLike | None = None
) -> tuple[ReliabilityBin, ...]:
    """Bins of about equal numbers of rows by predicted probability; equal probabilities are never parted.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        bins: at most this many, >= 1.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Non-empty bins, ascending; fewer than `bins` when probabilities repeat. Empty without rows.

    Raises:
        InputError: for bins < 1, NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Murphy & Winkler 1977, doi:10.2307/2346866.

    >>> [(b.predicted, b.observed, b.rows) for b in reliability_bins([0, 1, 1, 1], [.2, .2, .9, .9], bins=2)]
    [(0.2, 0.5, 2), (0.9, 1.0, 2)]
    """
    if bins < 1:
        raise InputError(f"{bins} bins arrived, at least 1 was expected.", column="bins")
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    weight = as_weight(weights, len(outcome))
    if len(outcome) == 0:
        return ()
    edges = np.unique(np.quantile(probability, np.linspace(0.0, 1.0, bins + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, probability, side="left")
    found = []
    for number in np.unique(place):
        members = np.flatnonzero(place == number)
        inside = weight[members]
        if inside.sum() > 0.0:
            found.append(
                ReliabilityBin(
                    predicted=float(np.average(probability[members], weights=inside)),
                    observed=float(np.average(outcome[members], weights=inside)),
                    weight=float(inside.sum()),
                    rows=len(members),
                    events=int(outcome[members].sum()),
                    members=members,
                )
            )
    return tuple(found)


def ece(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 10, weights: npt.ArrayLike | None = None) -> float:
    """Expected calibration error: mean over bins of |observed - predicted|. Read it beside `ece_null`.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        bins: bins of equal numbers of rows, >= 1.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1. NaN without rows.

    Raises:
        InputError: as `reliability_bins`.

    Source: Naeini, Cooper & Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602.

    >>> round(ece([0, 1, 1, 1], [.2, .2, .9, .9], bins=2), 6)
    0.2
    """
    found = reliability_bins(y, p, bins=bins, weights=weights)
    gap = math.fsum(b.weight * abs(b.observed - b.predicted) for b in found)
    return ratio(gap, math.fsum(b.weight for b in found))


def ece_null(p: npt.ArrayLike, *, bins: int = 10, weights: npt.ArrayLike | None = None) -> float:
    """Mean ECE that perfectly calibrated probabilities would show, from chance alone.

    Each bin's gap is about normal with variance sum w^2 p(1-p) / (sum w)^2, so its mean absolute size is
    sqrt(2/pi) of its standard deviation. Rows are taken as independent; repeated rows of an account make the
    true null value larger.

    Args:
        p: shape (n,), P(churn), 0 to 1.
        bins: as in `ece`.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1. NaN without rows.

    Raises:
        InputError: as `reliability_bins`.

    Source: Broecker & Smith 2007, doi:10.1175/WAF993.1.

    >>> round(ece_null([0.5] * 100, bins=1), 4)
    0.0399
    """
    probability = np.asarray(p, dtype=np.float64)
    found = reliability_bins(np.zeros(len(probability)), probability, bins=bins, weights=weights)
    weight = as_weight(weights, len(probability))
    gap = 0.0
    for one in found:
        inside, chance = weight[one.members], probability[one.members]
        gap += math.sqrt(2.0 / math.pi * float(inside**2 @ (chance * (1.0 - chance))))
    return ratio(gap, float(weight.sum()))
