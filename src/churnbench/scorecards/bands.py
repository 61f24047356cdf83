"""A curve as a few flat bands, as near as can be: what is left of it where a platform only knows bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from churnbench.data.step_rules import beside

Points = Sequence[Sequence[float]]
#: Halvings of the tolerance; 50 points / 2^40 is far below what points are rounded to.
_HALVINGS = 40
#: A rise within so small a part of the value is a step.
_STEP = 1e-8


@dataclass(frozen=True)
class FlatBands:
    """Bands of a curve.

    Attributes:
        starts: where the second and every later band begins, ascending.
        points: points of each band, 0-100; one more than starts.
        worst: largest distance between curve and bands, points 0-100.
    """

    starts: tuple[float, ...]
    points: tuple[float, ...]
    worst: float


def flat_bands(points: Points, most: int) -> FlatBands:
    """The bands that miss a curve least.

    Args:
        points: `[x, points]` knots, x ascending; flat beyond its ends.
        most: bands allowed, at least 1.

    Returns:
        At most so many bands whose largest error is the least possible, but for starts rounded to four significant
        digits and points to one decimal, so that a person can type them in. A curve that is bands already stays as
        it is. `worst` is measured after rounding.
    """
    exact = _cut(points, 0.0, most)
    if exact is not None:
        return _measured(points, [start for start, _, _ in exact[1:]], [(low + high) / 2 for _, low, high in exact])
    low, high = 0.0, 50.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _cut(points, middle, most) is not None else (middle, high)
    found = _cut(points, high, most) or []
    starts = [start for start, _, _ in found[1:]]
    typed = [float(f"{start:.4g}") for start in starts]
    if any(right <= left for left, right in pairwise(typed)):
        typed = starts
    return _measured(points, typed, [round((least + largest) / 2, 1) for _, least, largest in found])


def _cut(points: Points, tolerance: float, most: int) -> list[tuple[float, float, float]] | None:
    """Bands `(start, lowest, highest points)` none of which spans more than twice the tolerance; None if too many."""
    room = 2 * tolerance
    bands: list[tuple[float, float, float]] = [(-np.inf, float(points[0][1]), float(points[0][1]))]
    for x, y in _walk(points, bands, room):
        bands.append((x, y, y))
        if len(bands) > most:
            return None
    return bands


def _walk(points: Points, bands: list[tuple[float, float, float]], room: float) -> Iterator[tuple[float, float]]:
    """Where the next band must begin, `(x, points there)`; widens the last band of the list on the way."""
    for (x0, y0), (x1, y1) in pairwise(points):
        slope = (y1 - y0) / (x1 - x0)
        step = x1 - x0 <= _STEP * max(abs(x0), abs(x1), 1e-4)
        while True:
            start, low, high = bands[-1]
            if max(high, y1) - min(low, y1) <= room + 1e-12:
                bands[-1] = (start, min(low, y1), max(high, y1))
                break
            if step:
                yield float(x1), float(y1)
                break
            border = low + room if y1 > y0 else high - room
            x = x0 + (border - y0) / slope
            bands[-1] = (start, min(low, border), max(high, border))
            yield float(x), float(border)


def _measured(points: Points, starts: Sequence[float], levels: Sequence[float]) -> FlatBands:
    xs, ys = np.array([p[0] for p in points], dtype=float), np.array([p[1] for p in points], dtype=float)
    begin = np.array(starts, dtype=float)
    looked = np.concatenate([xs, begin, [beside(start, below=True) for start in starts]])
    apart = np.abs(np.interp(looked, xs, ys) - np.array(levels)[np.searchsorted(begin, looked, side="right")])
    return FlatBands(tuple(float(s) for s in starts), tuple(float(p) for p in levels), float(apart.max()))
