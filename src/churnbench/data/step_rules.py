"""Bands of a metric, each with its points, as a piecewise rule: a step takes one part in ten thousand million."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Boundary = Literal[">=", ">"]
Points = list[list[float]]
#: A knot keeps ten significant digits, so this is the nearest one beside it.
_STEP = 1e-9


def beside(x: float, *, below: bool) -> float:
    """The nearest number with ten significant digits that is below (or above) x.

    >>> beside(80.0, below=True), beside(0.5, below=False)
    (79.99999999, 0.5000000001)
    """
    # The tenth digit, whatever the leading one is; 0 has no digits, and nothing measured lies within 1e-12 of it.
    unit = 1e-12 if x == 0 else 10.0 ** (math.floor(math.log10(abs(x))) - 9)
    moved = x - unit if below else x + unit
    return float(f"{moved:.10g}")


def step_points(
    starts: Sequence[float],
    points: Sequence[tuple[float, float]],
    *,
    boundary: Boundary = ">=",
    top: float | None = None,
) -> Points:
    """Knots of bands.

    Args:
        starts: where the second and every later band begins, ascending.
        points: per band its points at its lower and at its upper end, 0-100; equal for a flat band. The first band
            has no lower end and the last no upper one: they must be flat, unless `top` tells where the last one ends.
        boundary: whether a value equal to a start belongs to the band that starts there (">=") or to the one below.
        top: value at which the last band has its upper points.

    Returns:
        `[x, points]` knots, x ascending. Values within one part in 10^9 of a start lie on the step itself.

    >>> step_points([50, 80], [(20, 20), (60, 60), (100, 100)])
    [[49.99999999, 20.0], [50.0, 60.0], [79.99999999, 60.0], [80.0, 100.0]]
    """
    knots: Points = []
    for number, start in enumerate(starts):
        x = float(f"{start:.10g}")
        left, right = (beside(x, below=True), x) if boundary == ">=" else (x, beside(x, below=False))
        knots += [[left, float(points[number][1])], [right, float(points[number + 1][0])]]
    if top is not None:
        knots.append([float(f"{top:.10g}"), float(points[-1][1])])
    return knots
