"""Careful reading of an evidence document, in which any key may be absent or null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Evidence = Mapping[str, Any]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 90 % interval; any part may be None."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval, or None when either end is unknown."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def at(node: Any, *path: str) -> Any:
    """Value under nested keys, or None as soon as one is missing.

    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": None}, "a", "b")
    (1, None)
    """
    for key in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    return node


def number(node: Any, *path: str) -> float | None:
    """A finite number, or None for anything else."""
    value = at(node, *path)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def words(node: Any, *path: str) -> str:
    """Text; "" for null."""
    value = at(node, *path)
    return "" if value is None else str(value)


def records(node: Any, *path: str) -> list[Mapping[str, Any]]:
    """The objects in a list; [] for null."""
    value = at(node, *path)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, (list, tuple)) else []


def table(node: Any, *path: str) -> Mapping[str, Any]:
    """An object; {} for null."""
    value = at(node, *path)
    return value if isinstance(value, Mapping) else {}


def texts(node: Any, *path: str) -> list[str]:
    """The texts in a list; [] for null."""
    value = at(node, *path)
    return [str(row) for row in value if row is not None] if isinstance(value, (list, tuple)) else []


def estimate(node: Any, *path: str) -> Estimate:
    """A `{"value", "ci90"}` object; a rate object `{"rate", "ci90"}` too."""
    found = at(node, *path)
    value = number(found, "value")
    if value is None:
        value = number(found, "rate")
    bounds = interval(found, "ci90")
    return Estimate(value, *(bounds or (None, None)))


def interval(node: Any, *path: str) -> tuple[float, float] | None:
    """A `[low, high]` pair, or None."""
    value = at(node, *path)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    low, high = (number({"v": part}, "v") for part in value)
    return None if low is None or high is None else (low, high)


def points(node: Any, *path: str, width: int) -> list[tuple[float, ...]]:
    """Rows of `width` finite numbers; other rows are left out."""
    value = at(node, *path)
    rows = []
    for row in value if isinstance(value, (list, tuple)) else []:
        if isinstance(row, (list, tuple)) and len(row) == width:
            parsed = [number({"v": part}, "v") for part in row]
            if None not in parsed:
                rows.append(tuple(part for part in parsed if part is not None))
    return rows


def named_points(node: Any, *path: str, width: int) -> list[tuple[str, tuple[float, ...]]]:
    """Rows of a text and `width - 1` finite numbers (curves over categories)."""
    value = at(node, *path)
    rows = []
    for row in value if isinstance(value, (list, tuple)) else []:
        if isinstance(row, (list, tuple)) and len(row) == width and row[0] is not None:
            parsed = [number({"v": part}, "v") for part in row[1:]]
            if None not in parsed:
                rows.append((str(row[0]), tuple(part for part in parsed if part is not None)))
    return rows
