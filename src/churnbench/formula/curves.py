"""Piecewise-linear rules as a body holds them: rounded knots and precomputed slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from churnbench.domain.errors import InputError

#: Digits kept of every fitted coefficient, so that noise in the last bits does not make a new body.
SIGNIFICANT_DIGITS = 10
#: Decimals kept of points (0-100) and probabilities: about as many digits, but noise around 0 vanishes too.
POINT_DECIMALS, PROBABILITY_DECIMALS = 8, 10

Points = list[list[float]]


def rounded(value: float) -> float:
    """The value with ten significant digits.

    Example:
        >>> rounded(1 / 3)
        0.3333333333
    """
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def slopes_of(points: Sequence[Sequence[float]]) -> list[float]:
    """Slope between each two knots: (y1 - y0) / (x1 - x0)."""
    return [(end[1] - start[1]) / (end[0] - start[0]) for start, end in pairwise(points)]


def tidy_points(points: Sequence[Sequence[float]], *, what: str, low: float = 0.0, high: float = 100.0) -> Points:
    """Knots rounded and checked; knots that rounding made equal are merged into the first.

    Args:
        points: `[x, y]` pairs, x strictly ascending.
        what: how an error names the curve.
        low: lower bound of y; overshoot by fitting noise (1e-6) is clipped.
        high: upper bound of y, likewise.

    Raises:
        InputError: for fewer than two knots, knots out of order, or y outside its bounds.
    """
    fix = "Give at least two [x, points] pairs, x ascending, points from 0 to 100."
    if any(len(point) != 2 or not all(math.isfinite(part) for part in point) for point in points):
        raise InputError(f"{what}: {[list(point) for point in points]} are not pairs of numbers.", fix=fix)
    if any(start[0] >= end[0] for start, end in pairwise(points)):
        raise InputError(f"{what}: knots {[point[0] for point in points]} do not ascend.", fix=fix)
    decimals = PROBABILITY_DECIMALS if high <= 1.0 else POINT_DECIMALS
    kept: Points = []
    for x, y in points:
        if not low - 1e-6 <= y <= high + 1e-6:
            raise InputError(f"{what}: {y} at {x} is outside {low:g} to {high:g}.", fix=fix)
        knot = [rounded(x), min(max(round(float(y), decimals), low), high)]
        if not kept or kept[-1][0] < knot[0]:
            kept.append(knot)
    if len(kept) < 2:
        raise InputError(f"{what}: {len(kept)} distinct knot(s).", fix=fix)
    return kept


def piecewise_rule(points: Sequence[Sequence[float]], *, what: str) -> dict[str, Any]:
    """A piecewise rule from `[x, points]` pairs."""
    knots = tidy_points(points, what=what)
    return {"kind": "piecewise", "points": knots, "slopes": slopes_of(knots)}


def category_rule(categories: Sequence[tuple[str, float]], *, what: str) -> dict[str, Any]:
    """A category rule from text and points; order is kept.

    Raises:
        InputError: for an empty map, or points outside 0 to 100.
    """
    if not categories:
        raise InputError(f"{what}: an empty category map.", fix="Give points to at least one category.")
    for name, points in categories:
        if not isinstance(name, str) or not 0 <= points <= 100:
            raise InputError(f"{what}: category {name!r} has {points} points.", fix="Use text and 0 to 100.")
    return {"kind": "category", "map": [[name, rounded(float(points))] for name, points in categories]}
