"""The hand formula's rule for one metric, as calibration needs it: a numeric axis and points along it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

_PRESENT = 1e308


@dataclass(frozen=True, eq=False)
class HandCurve:
    """One metric of the hand formula.

    Attributes:
        metric: metric id.
        higher_is_healthier: the declared direction, used where the curve itself is flat.
        rule: the config rule it came from.
        input: input column.
        categories: text -> code for categories, codes rising with the hand points (equal points share a code).
        knots: numeric axis: where the hand curve bends (codes for categories).
        points: hand points 0-100 at `knots`.
    """

    metric: str
    higher_is_healthier: bool
    rule: Mapping[str, Any]
    input: str
    categories: Mapping[str, int] | None
    knots: tuple[float, ...]
    points: tuple[float, ...]

    @classmethod
    def of(cls, metric: Mapping[str, Any], *, higher_is_healthier: bool) -> HandCurve:
        """Read a metric of a config body."""
        rule = metric["rule"]
        categories = None
        if rule["kind"] == "category":
            levels = sorted({float(points) for _, points in rule["map"]})
            categories = {text: levels.index(float(points)) for text, points in rule["map"]}
            knots, points = tuple(float(code) for code in range(len(levels))), tuple(levels)
            if len(levels) == 1:
                knots, points = (0.0, 1.0), (levels[0], levels[0])
        elif rule["kind"] == "boolean":
            knots, points = (0.0, 1.0), (float(rule["false"]), float(rule["true"]))
        else:
            knots = tuple(float(x) for x, _ in rule["points"])
            points = tuple(float(y) for _, y in rule["points"])
        return cls(metric["id"], higher_is_healthier, rule, metric["input"], categories, knots, points)

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """The metric on its numeric axis (rows,), NaN for missing."""
        if self.categories is not None:
            return np.asarray(frame[self.input].map(dict(self.categories)).to_numpy(dtype=float, na_value=np.nan))
        x = _numbers(frame[self.input])
        if self.rule["kind"] == "boolean":
            return np.where(np.isnan(x), np.nan, (x >= 0.5).astype(float))
        if self.rule["kind"] == "ratio":
            below = _numbers(frame[self.rule["denominator"]])
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = x / below * self.rule["multiplier"]
            # The scorer clips a quotient that overflows; NaN must stay missing.
            clipped = np.clip(ratio, self.rule["low"], self.rule["high"])
            return np.where((below > 0) & ~np.isnan(x), clipped, np.nan)
        return x

    def points_at(self, x: np.ndarray) -> np.ndarray:
        """Hand points 0-100 at positions of the numeric axis."""
        return np.asarray(np.interp(x, self.knots, self.points))

    def normalised(self, frame: pd.DataFrame) -> np.ndarray:
        """Hand points 0-100 per row, NaN for missing."""
        return self.points_at(self.values(frame))

    def learned_rule(self, knots: np.ndarray, points: np.ndarray) -> dict[str, Any]:
        """A config rule of the same kind with learned points.

        Args:
            knots: ascending positions on the numeric axis.
            points: learned points 0-100 at the knots.
        """
        rounded = np.round(points, 2)
        if self.categories is not None:
            at = np.round(np.interp([float(code) for code in self.categories.values()], knots, points), 2)
            return {
                "kind": "category",
                "map": [[t, float(p)] for t, p in zip(self.categories, at, strict=True)],
            }
        if self.rule["kind"] == "boolean":
            ends = np.round(np.interp([0.0, 1.0], knots, points), 2)
            return {"kind": "boolean", "true": float(ends[1]), "false": float(ends[0])}
        digits = _digits(knots)
        x = [float(f"{knot:.{digits}g}") for knot in knots]
        pairs = [[x[0], float(rounded[0])]]
        for knot, height in zip(x[1:], rounded[1:], strict=True):
            if knot > pairs[-1][0]:
                pairs.append([knot, float(height)])
        if len(pairs) == 1:
            pairs.append([pairs[0][0] + 1.0, pairs[0][1]])
        pairs = _without_straight_knots(pairs)
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(pairs)]
        rule: dict[str, Any] = {"kind": self.rule["kind"], "points": pairs, "slopes": slopes}
        if self.rule["kind"] == "ratio":
            rule |= {key: self.rule[key] for key in ("denominator", "multiplier")}
            rule |= {"low": pairs[0][0], "high": pairs[-1][0]}
        return rule


def _numbers(column: pd.Series) -> np.ndarray:
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.abs(numbers) <= _PRESENT, numbers, np.nan)


def _digits(knots: np.ndarray) -> int:
    """Significant digits that place every knot to a thousandth of the smallest gap: 6, up to 15 for large values."""
    gap = float(np.diff(knots).min()) if len(knots) > 1 else 0.0
    largest = float(np.abs(knots).max())
    if gap <= 0 or largest <= 0:
        return 6
    return int(min(15, max(6, np.ceil(np.log10(largest / gap)) + 3)))


def _without_straight_knots(pairs: list[list[float]]) -> list[list[float]]:
    """Drop inner knots at which the line does not bend by more than a hundredth of a point."""
    kept = [pairs[0]]
    for before, here, after in zip(pairs, pairs[1:], pairs[2:], strict=False):
        left = kept[-1]
        straight = left[1] + (after[1] - left[1]) * (here[0] - left[0]) / (after[0] - left[0])
        if abs(straight - here[1]) > 0.01 or before[1] == here[1] != after[1]:
            kept.append(here)
    kept.append(pairs[-1])
    return kept
