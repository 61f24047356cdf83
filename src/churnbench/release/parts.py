"""Parts of a config body in comparable form: shares, directions, curves, policies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from churnbench.export import Document

#: Basis points of a dimension times basis points of a metric, as per cent of the score.
_PER_CENT = 1e-6
HIGHER, LOWER, NEITHER = "higher is healthier", "lower is healthier", "neither way"


def profiles(document: Document) -> dict[str | None, dict[str, float]]:
    """Segment (None: default) -> dimension -> per cent of the score."""
    segments = document["body"]["segments"]
    found: dict[str | None, dict[str, float]] = {None: _per_cent(segments["default"])}
    found.update({entry["segment"]: _per_cent(entry["weights"]) for entry in segments["by"]})
    return found


def metric_shares(document: Document) -> dict[str, float]:
    """Metric -> per cent of the whole score under the default profile, when every value is present."""
    outer = dict(document["body"]["segments"]["default"])
    return {
        name: outer[dimension["id"]] * weight * _PER_CENT
        for dimension in document["body"]["dimensions"]
        for name, weight in dimension["weights"]
    }


def dimension_of(document: Document) -> dict[str, str]:
    """Metric -> dimension."""
    return {name: entry["id"] for entry in document["body"]["dimensions"] for name, _ in entry["weights"]}


def metrics(document: Document) -> dict[str, Mapping[str, Any]]:
    """Metric id -> metric."""
    return {metric["id"]: metric for metric in document["body"]["metrics"]}


def direction(metric: Mapping[str, Any]) -> str:
    """Which way is healthier, from the rule's own points."""
    rule = metric["rule"]
    if rule["kind"] == "category":
        return "by category"
    heights = [rule["false"], rule["true"]] if rule["kind"] == "boolean" else [y for _, y in rule["points"]]
    steps = [later - earlier for earlier, later in pairwise(heights)]
    rises, falls = any(step > 0 for step in steps), any(step < 0 for step in steps)
    if rises == falls:
        return NEITHER if not rises else "up and down"
    return HIGHER if rises else LOWER


def missing_policy(metric: Mapping[str, Any]) -> str:
    """Missing policy and validity in words."""
    said = {"skip": "left out", "worst": "0 points", "neutral": f"{metric.get('neutral', 0):g} points"}[
        metric["missing"]
    ]
    age = metric.get("validity")
    if not age:
        return said
    late = "missing" if age["then"] == "missing" else "flagged"
    return f"{said}; {late} after {age['days']:g} days ({age['input']})"


def source(metric: Mapping[str, Any]) -> str:
    """What a metric reads, in words."""
    rule = metric["rule"]
    if rule["kind"] != "ratio":
        return f"{metric['input']} ({rule['kind']})"
    held = f"{rule['multiplier']:g}, held within {rule['low']:g} and {rule['high']:g}"
    return f"{metric['input']} / {rule['denominator']} * {held}"


def curve_points(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[float | str, float, float]]:
    """Points of two rules of one kind wherever either bends: `(x or text, before, after)`.

    Between such places both are straight, so the largest difference is at one of them. Empty for rules of two kinds.
    """
    if before["kind"] != after["kind"]:
        return []
    if before["kind"] == "boolean":
        return [(word, float(before[word]), float(after[word])) for word in ("false", "true")]
    if before["kind"] == "category":
        old, new = dict(before["map"]), dict(after["map"])
        return [(text, float(old[text]), float(new[text])) for text in old if text in new]
    places = sorted({float(point[0]) for rule in (before, after) for point in rule["points"]})
    return [(x, height(before["points"], x), height(after["points"], x)) for x in places]


def height(points: Sequence[Sequence[float]], x: float) -> float:
    """Height of a piecewise line at x, flat outside its knots; for display, not bit for bit the scorer's."""
    right = bisect_right([point[0] for point in points], x)
    if right in (0, len(points)):
        return float(points[0 if right == 0 else -1][1])
    (x0, y0), (x1, y1) = points[right - 1][:2], points[right][:2]
    return float(y0 + (y1 - y0) * (x - x0) / (x1 - x0))


def strata(document: Document) -> dict[str, list[list[float]]]:
    """Stratum -> its risk curve, `[raw score, probability, ...]`."""
    curve = document["body"].get("risk_curve") or {"strata": []}
    return {entry["id"]: entry["points"] for entry in curve["strata"]}


def _per_cent(weights: Sequence[Sequence[Any]]) -> dict[str, float]:
    return {name: weight / 100 for name, weight in weights}
