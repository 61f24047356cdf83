"""The rules of the formula on arrays, in exactly the arithmetic of the scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnbench_scorer.plan import HIGHEST, LOWEST, lookup

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Curve:
    """Lookup table of a piecewise line: piece k holds between knot k-1 and knot k, the outer two are flat."""

    knots: Floats
    left: Floats
    base: Floats
    slope: Floats

    @classmethod
    def of(cls, points: Sequence[Sequence[float]], slopes: Sequence[float]) -> Curve:
        """Table of `[[x, y, ...], ...]` and its slopes."""
        knots, pieces = lookup([list(point) for point in points], list(slopes))
        left, base, slope = (np.array(part, dtype=np.float64) for part in zip(*pieces, strict=True))
        return cls(np.array(knots, dtype=np.float64), left, base, slope)

    def __call__(self, x: Floats) -> Floats:
        """Height at x; NaN stays NaN. Values must be finite or NaN."""
        if len(self.knots) == 2:
            return self._ramp(x)
        # Counting passed knots beats a binary search while the table fits a few registers.
        if len(self.knots) <= 16:
            piece = np.zeros(x.shape, dtype=np.uint8)
            for knot in self.knots:
                piece += x >= knot
            position = piece.astype(np.intp)
        else:
            position = np.searchsorted(self.knots, x, side="right")
        result: Floats = self.base[position] + (x - self.left[position]) * self.slope[position]
        return result

    def _ramp(self, x: Floats) -> Floats:
        height: Floats = x - self.knots[0]
        height *= self.slope[1]
        height += self.base[1]
        np.copyto(height, self.base[0], where=x < self.knots[0])
        np.copyto(height, self.base[2], where=x >= self.knots[1])
        return height


def present_or_nan(x: Floats) -> Floats:
    """The values within the bounds of presence, NaN elsewhere."""
    return np.where((x >= LOWEST) & (x <= HIGHEST), x, np.nan)


def hundredths(x: Floats) -> Floats:
    """floor(x * 100 + 0.5), as a double."""
    return np.floor(x * 100.0 + 0.5)


def whole_steps(parts: Floats, totals: Floats) -> npt.NDArray[np.int64]:
    """Column-wise twin of the scorer's `whole_steps`.

    Args:
        parts: shape (metrics, rows), >= 0.
        totals: shape (rows,), whole numbers.

    Returns:
        Shape (metrics, rows), whole numbers >= 0 whose columns sum to `totals`.
    """
    running = np.zeros_like(totals)
    marks = np.empty_like(parts)
    last = np.zeros(totals.shape, dtype=np.intp)
    for position, part in enumerate(parts):
        running = running + part
        marks[position] = np.minimum(np.floor(running + 0.5), totals)
        last[part > 0.0] = position
    steps = np.diff(marks, axis=0, prepend=0.0)
    steps[last, np.arange(totals.size)] += totals - marks[-1]
    return steps.astype(np.int64)
