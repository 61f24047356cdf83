"""How much of a changed total is due to whom: Shapley values over few causes, and whole hundredths that add up.

The Shapley value of a cause is its effect averaged over every order in which the causes could have come. It depends on
no order, and the values of all causes sum to the whole change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial, floor
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: More causes than this are put together by dimension, then all in one: 2^12 totals are computed at most.
MOST_PLAYERS = 10


@dataclass(frozen=True, eq=False)
class Totals:
    """The two ends of a change, metric by metric in the order of the config.

    Attributes:
        dimension: shape (n,), number of each metric's dimension.
        weight: shape (n,), its basis points within the dimension.
        points: shape (2, n), points as counted before and after, NaN where skipped.
        profile: shape (2, d), basis points of the dimensions before and after.
    """

    dimension: npt.NDArray[np.intp]
    weight: Floats
    points: Floats
    profile: Floats

    def at(self, points: Floats, profile: Floats) -> tuple[Floats, Floats]:
        """Totals 0-100, shape (c,), NaN where nothing counts, and each metric's share in them, shape (c, n).

        Args:
            points: shape (c, n).
            profile: shape (c, d).
        """
        here = ~np.isnan(points)
        counted = np.where(here, self.weight, 0.0)
        inside = np.zeros((len(points), profile.shape[1]))
        np.add.at(inside.T, self.dimension, counted.T)
        alive = np.where(inside > 0.0, profile, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = counted / inside[:, self.dimension] * alive[:, self.dimension] / alive.sum(axis=1, keepdims=True)
        empty = alive.sum(axis=1) <= 0.0
        share = np.where(counted > 0.0, share, 0.0)
        share[empty] = 0.0
        total = (share * np.where(here, points, 0.0)).sum(axis=1)
        total[empty] = np.nan
        return total, share


def shapley(totals: Totals, groups: Sequence[Sequence[int]], data: Sequence[int], *, profile: bool) -> Any:
    """Shapley values of the causes of a change of the total.

    Args:
        totals: both ends; each has a total.
        groups: metrics (numbers) that change together, one cause each: those that appeared or vanished.
        data: metrics whose points changed while they were present; one cause, split exactly, since the total is
            linear in them.
        profile: whether the weights of the dimensions changed, together with the metrics of the last group.

    Returns:
        Values of the groups, shape (g,); of the data metrics, shape (len(data),); in points. Where a profile changed
        and no group stands for it, one more group value is at the end.
    """
    players: list[list[int]] = [list(group) for group in groups]
    moved = list(data)
    count = len(players) + 1  # the data come last
    masks = np.array(list(product((False, True), repeat=count)), dtype=bool)
    player = np.full(len(totals.weight), -1)
    for number, members in enumerate([*players, moved]):
        player[members] = number
    after = masks[:, player] & (player >= 0)
    points = np.where(after, totals.points[1], totals.points[0])
    turned = masks[:, len(players) - 1] if profile else np.zeros(len(masks), dtype=bool)
    weights = np.where(turned[:, None], totals.profile[1], totals.profile[0])
    value, share = totals.at(points, weights)
    value = np.where(np.isnan(value), np.nanmean(value[[0, -1]]), value)  # nothing counts there: neither end's view
    sizes = masks.sum(axis=1)
    order = np.array([factorial(k) * factorial(count - k - 1) / factorial(count) for k in range(count)])
    without = [np.flatnonzero(~masks[:, number]) for number in range(count)]
    bit = [1 << (count - 1 - number) for number in range(count)]
    found = np.array(
        [
            float((order[sizes[rows]] * (value[rows + bit[number]] - value[rows])).sum())
            for number, rows in enumerate(without[:-1])
        ]
    )
    rows = without[-1]
    change = totals.points[1, moved] - totals.points[0, moved]
    parts = (order[sizes[rows], None] * share[rows][:, moved] * change).sum(axis=0)
    return found, parts


def grouped(changed: Sequence[int], dimension: npt.NDArray[np.intp]) -> list[list[int]]:
    """Causes made of the metrics that appeared or vanished: each alone, or by dimension, or all at once."""
    if len(changed) <= MOST_PLAYERS:
        return [[metric] for metric in changed]
    by_dimension = [[m for m in changed if dimension[m] == d] for d in dict.fromkeys(dimension[list(changed)])]
    return by_dimension if len(by_dimension) <= MOST_PLAYERS else [list(changed)]


def whole(parts: Sequence[float], target: int) -> list[int]:
    """Integers near the parts that sum to the target: what rounding leaves goes to the largest remainders.

    >>> whole([1.4, 1.4, -0.8], 2)
    [2, 1, -1]
    """
    lower = [floor(part) for part in parts]
    left = target - sum(lower)
    if not parts:
        return []
    places = sorted(range(len(parts)), key=lambda k: (lower[k] - parts[k], k))
    each, rest = divmod(left, len(parts))
    for number, place in enumerate(places):
        lower[place] += each + (1 if number < rest else 0)
    return lower
