"""What the refit believes before it sees an outcome: every metric near the hand formula, and every curve in one piece.

Experts are mostly nearly right about a metric and now and then quite wrong, so that how far its weight lies from theirs
has heavy tails (a Student t, decision 0008). And where a weight is off, it is mostly off along the whole curve: the
change of a curve is a common factor plus a smaller change of shape, which keeps the few accounts at the ends of a
metric from deciding how much it weighs (decision 0010).

Source: Lange, Little and Taylor (1989), doi:10.1080/01621459.1989.10478852, for the weights of a Student t.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from churnbench.calibration.basis import Basis, MetricRamps

#: Degrees of freedom of the prior on how far a metric's weight has moved.
FREEDOM = 2.0
#: Share of a change's variance that all segments have in common; the rest is change of shape.
_COMMON = 0.9
#: Standard deviation of what a missing value is worth around its curve's mean, in units of the metric's own.
_MISSING = 1.0


@dataclass(frozen=True, eq=False)
class Prior:
    """The belief on one basis.

    Attributes:
        basis: ramps of the metrics.
        anchor: coefficients of the hand formula (width,), log-odds.
        spread: range of the hand formula in log-odds, the unit of prior scales.
        effective_rows: rows over design effect; what the likelihood is worth.
    """

    basis: Basis
    anchor: np.ndarray
    spread: float
    effective_rows: float

    @cached_property
    def _units(self) -> tuple[np.ndarray, ...]:
        return tuple(unit_covariance(ramps, self.basis.fill[ramps.ramp_columns]) for ramps in self.basis.ramps)

    @cached_property
    def _inverses(self) -> tuple[np.ndarray, ...]:
        return tuple(np.linalg.inv(unit) for unit in self._units)

    @cached_property
    def _roots(self) -> tuple[np.ndarray, ...]:
        return tuple(np.linalg.cholesky(unit) for unit in self._units)

    def strength(self, scale: float) -> float:
        """Penalty per squared log-odds of range for one metric's prior scale, in units of mean log loss."""
        return 1.0 / (2 * self.effective_rows * (scale * self.spread) ** 2)

    def penalty(self, scales: np.ndarray) -> np.ndarray:
        """Penalty matrix (width, width) for a prior scale of each metric's share of the score, `scales` (metrics,)."""
        penalty = np.zeros((self.basis.width, self.basis.width))
        for ramps, inverse, scale in zip(self.basis.ramps, self._inverses, scales, strict=True):
            block = slice(*ramps.columns)
            penalty[block, block] = self.strength(float(scale)) * inverse
        return penalty

    def moves(self, held: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """How far each metric's curve has moved from what it was held at, as a share of the score (metrics,)."""
        away = coefficients - held
        ranges = [np.subtract(*ramps.health_range(away)[::-1]) for ramps in self.basis.ramps]
        return np.asarray(ranges) / self.spread

    def drawn(self, scales: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """A change of all curves drawn from the prior (width,)."""
        change = np.empty(self.basis.width)
        for ramps, root, scale in zip(self.basis.ramps, self._roots, scales, strict=True):
            noise = generator.standard_normal(ramps.columns[1] - ramps.columns[0])
            change[slice(*ramps.columns)] = scale * self.spread * (root @ noise)
        return change


def student_scales(scale: float, moved: np.ndarray) -> np.ndarray:
    """Scale under which a normal prior holds a metric that moved by `moved` as the Student t of `scale` does."""
    return np.sqrt((FREEDOM * scale**2 + moved**2) / (FREEDOM + 1))


def unit_covariance(ramps: MetricRamps, fill: np.ndarray) -> np.ndarray:
    """Covariance of a metric's coefficients when its range has variance 1 (columns, columns).

    Args:
        ramps: its ramps; a segment's part in a common change is its share of the segments and of the range of values,
            half and half.
        fill: mean of each ramp over training rows that have a value.
    """
    width = np.diff(ramps.knots)
    part = (np.full(ramps.segments, 1 / ramps.segments) + width / width.sum()) / 2
    steps = _COMMON * np.outer(part, part) + (1 - _COMMON) * np.diag(part)
    if not ramps.missing:
        return steps
    # A missing value is worth what the metric is worth on average, give or take the metric's own scale.
    with_mean = steps @ fill
    own = fill @ with_mean + _MISSING**2
    return np.block([[steps, with_mean[:, None]], [with_mean[None, :], np.array([[own]])]])
