"""How good churn probabilities are as a whole: proper scores and their parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import isotonic_regression

from churnbench.metrics._arrays import Floats, as_outcome, as_probability, as_weight, ratio

#: Probabilities are moved at most this far away from 0 and 1 before a logarithm is taken. Every place that
#: computes a log loss (point value, bootstrap, gate, recomputation by a reader) uses this one constant.
CLIP = 1e-15


def clipped(probability: Floats) -> Floats:
    """Probabilities moved into [CLIP, 1 - CLIP]."""
    return np.clip(probability, CLIP, 1.0 - CLIP)


def row_log_loss(outcome: Floats, probability: Floats) -> Floats:
    """Log loss of each row in nats; arrays of shape (n,), already checked."""
    kept = clipped(probability)
    return -np.where(outcome == 1.0, np.log(kept), np.log1p(-kept))


def log_loss(y: npt.ArrayLike, p: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Log loss: mean of -[y ln p + (1 - y) ln(1 - p)], with p moved into [1e-15, 1 - 1e-15].

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Nats per row, 0 (perfect) to 34.5 (certain and always wrong). NaN without rows.

    Raises:
        InputError: for NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x.

    >>> round(log_loss([1, 0], [0.8, 0.4]), 6)
    0.366985
    """
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    weight = as_weight(weights, len(outcome))
    return ratio(float(weight @ row_log_loss(outcome, probability)), float(weight.sum()))


def brier(y: npt.ArrayLike, p: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Brier score: mean of (p - y)^2.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 (perfect) to 1. NaN without rows.

    Raises:
        InputError: for NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    >>> round(brier([1, 0], [0.8, 0.4]), 6)
    0.1
    """
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    weight = as_weight(weights, len(outcome))
    return ratio(float(weight @ (probability - outcome) ** 2), float(weight.sum()))


def observed_over_expected(y: npt.ArrayLike, p: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Calibration in the large: sum of outcomes over sum of probabilities.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to infinity; 1 is right, above 1 means that churn was underestimated. NaN when nothing
        was expected.

    Raises:
        InputError: for NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Debray et al. 2017, doi:10.1136/bmj.i6460.

    >>> observed_over_expected([1, 0, 0, 1], [0.5, 0.25, 0.25, 0.0])
    2.0
    """
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    weight = as_weight(weights, len(outcome))
    return ratio(float(weight @ outcome), float(weight @ probability))


@dataclass(frozen=True)
class BrierParts:
    """`brier = miscalibration - discrimination + uncertainty`, exactly; each part is >= 0.

    Attributes:
        miscalibration: what recalibration alone would gain; 0 is best.
        discrimination: what knowing the ranking gains over the base rate; high is best.
        uncertainty: Brier score of the base rate, b(1 - b).
    """

    miscalibration: float
    discrimination: float
    uncertainty: float


def brier_parts(y: npt.ArrayLike, p: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> BrierParts:
    """CORP decomposition of the Brier score, with isotonic regression as the recalibrated forecast.

    With S the Brier score, b the base rate and q the isotonic fit of y on p:
    miscalibration = S(p) - S(q), discrimination = S(b) - S(q), uncertainty = S(b). No bins to choose.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        The three parts, unitless; NaN each without rows.

    Raises:
        InputError: for NaN, wrong lengths, p outside [0, 1] or outcomes other than 0 and 1.

    Source: Dimitriadis, Gneiting & Jordan 2021, doi:10.1073/pnas.2016191118.

    >>> parts = brier_parts([0, 1, 0, 1], [0.2, 0.2, 0.7, 0.7])
    >>> round(parts.miscalibration, 6), round(parts.discrimination, 6), parts.uncertainty
    (0.065, 0.0, 0.25)
    """
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    weight = as_weight(weights, len(outcome))
    if weight.sum() == 0.0:
        return BrierParts(float("nan"), float("nan"), float("nan"))
    counted = weight > 0.0
    distinct, place = np.unique(probability[counted], return_inverse=True)
    size = np.bincount(place, weight[counted], minlength=len(distinct))
    rate = np.bincount(place, (weight * outcome)[counted], minlength=len(distinct)) / size
    fitted = np.asarray(isotonic_regression(rate, sample_weight=size))[place]
    base = np.full(len(fitted), float(weight @ outcome) / float(weight.sum()))
    raw, best, flat = (
        brier(outcome[counted], np.clip(forecast, 0.0, 1.0), weights=weight[counted])
        for forecast in (probability[counted], fitted, base)
    )
    return BrierParts(raw - best, flat - best, flat)
