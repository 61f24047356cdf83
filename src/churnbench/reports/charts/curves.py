"""One metric: learned curve over its histogram, hand curve behind; the model's SHAP dependence beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from churnbench.reports.charts.kit import Axis, Frame, Point, Scale, Svg, draw_axes, padded
from churnbench.reports.reading import named_points, number, points, records, texts, words
from churnbench.reports.wording import clean

SIZE = (340.0, 220.0)
FRAME = Frame(40, 24, 330, 182)
POINTS_AXIS = Axis("points, 0–100", 4)
SHAP_AXIS = Axis("log-odds of churn: up is riskier", 4)


def learned_curve(curve: Mapping[str, Any], label: str) -> Markup | None:
    """Points over metric value; None when neither curve is known."""
    if words(curve, "kind") == "category":
        return _category_points(curve, label)
    hand, candidate = points(curve, "hand", width=2), points(curve, "candidate", width=2)
    if not hand and not candidate:
        return None
    svg = Svg(*SIZE)
    x, y = FRAME.x(*_x_limits(curve)), FRAME.y(0, 100)
    _histogram(svg, curve, x)
    draw_axes(svg, FRAME, x, y, Axis(_x_title(curve)), POINTS_AXIS)
    band = points(curve, "band", width=3)
    inside = [row for row in band if x.low <= row[0] <= x.high]
    svg.ribbon(
        [(x(row[0]), y.clipped(row[2])) for row in inside],
        [(x(row[0]), y.clipped(row[1])) for row in inside],
        "r cand",
    )
    svg.path(_line(hand, x, y), "l today")
    svg.path(_line(candidate, x, y), "l cand")
    return svg.render(label)


def shap_dependence(curve: Mapping[str, Any], label: str, limits: tuple[float, float] | None = None) -> Markup | None:
    """The metric's contribution to the challenger's log-odds of churn; None when it was not computed.

    `limits` is the range of contributions shared by charts side by side, so that a small effect looks small.
    """
    rows = records(curve, "shap")
    if words(curve, "kind") == "category":
        named = [(words(row, "x"), (number(row, "mean"), number(row, "low"), number(row, "high"))) for row in rows]
        known = [(name, part) for name, part in named if part[0] is not None]
        return _category_shap(known, label, limits) if known else None
    numeric = [
        (place, mean, _or(number(row, "low"), mean), _or(number(row, "high"), mean))
        for row in rows
        if (place := number(row, "x")) is not None and (mean := number(row, "mean")) is not None
    ]
    if not numeric:
        return None
    svg = Svg(*SIZE)
    x, y = FRAME.x(*_x_limits(curve)), FRAME.y(*(limits or padded([0, *(v for row in numeric for v in row[2:])])))
    draw_axes(svg, FRAME, x, y, Axis(_x_title(curve)), SHAP_AXIS)
    svg.line((FRAME.left, y(0)), (FRAME.right, y(0)), "b")
    inside = [row for row in sorted(numeric) if x.low <= row[0] <= x.high]
    svg.ribbon([(x(row[0]), y(row[3])) for row in inside], [(x(row[0]), y(row[2])) for row in inside], "r ceil")
    svg.path([(x(row[0]), y(row[1])) for row in inside], "l model")
    return svg.render(label)


def shap_limits(curves: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Range of all metrics' contributions, or None when there are none."""
    keys = ("mean", "low", "high")
    known = [v for c in curves for row in records(c, "shap") for key in keys if (v := number(row, key)) is not None]
    return padded([0.0, *known]) if known else None


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _x_title(curve: Mapping[str, Any]) -> str:
    return clean(words(curve, "unit") or words(curve, "label") or words(curve, "metric"), 40)


def _x_limits(curve: Mapping[str, Any]) -> tuple[float, float]:
    """The histogram's range, else that of the curves."""
    edges = _numbers(curve, "histogram", "edges")
    if len(edges) > 1 and edges[-1] > edges[0]:
        return edges[0], edges[-1]
    places = [row[0] for key in ("hand", "candidate") for row in points(curve, key, width=2)]
    places += [place for row in records(curve, "shap") if (place := number(row, "x")) is not None]
    return padded(places, 0.0)


def _numbers(curve: Mapping[str, Any], *path: str) -> list[float]:
    return [value for text in texts(curve, *path) if (value := _parse(text)) is not None]


def _parse(text: str) -> float | None:
    try:
        return number({"v": float(text)}, "v")
    except ValueError:
        return None


def _histogram(svg: Svg, curve: Mapping[str, Any], x: Scale) -> None:
    edges, counts = _numbers(curve, "histogram", "edges"), _numbers(curve, "histogram", "counts")
    if len(edges) != len(counts) + 1 or not counts or max(counts) <= 0:
        return
    room = (FRAME.bottom - FRAME.top) * 0.42
    outline = []
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        height = FRAME.bottom - room * count / max(counts)
        outline += [(x.clipped(left) + 0.5, height), (x.clipped(right) - 0.5, height)]
        outline += [(x.clipped(right) - 0.5, FRAME.bottom), (x.clipped(right) + 0.5, FRAME.bottom)]
    svg.path([(x.clipped(edges[0]), FRAME.bottom), *outline], "h", closed=True)


def _line(rows: Sequence[tuple[float, ...]], x: Scale, y: Scale) -> list[Point]:
    """Pixels of a curve over the whole plot: flat beyond its ends, cut at the plot's borders."""
    if not rows:
        return []
    ordered = sorted(rows)
    extended = [
        (x.low, _value(ordered, x.low)),
        *((row[0], row[1]) for row in ordered),
        (x.high, _value(ordered, x.high)),
    ]
    return [(x(place), y.clipped(height)) for place, height in extended if x.low <= place <= x.high]


def _value(rows: Sequence[tuple[float, ...]], place: float) -> float:
    for left, right in pairwise(rows):
        if left[0] <= place <= right[0] and right[0] > left[0]:
            return left[1] + (right[1] - left[1]) * (place - left[0]) / (right[0] - left[0])
    return rows[0][1] if place < rows[0][0] else rows[-1][1]


def _category_points(curve: Mapping[str, Any], label: str) -> Markup | None:
    hand = dict(named_points(curve, "hand", width=2))
    candidate = dict(named_points(curve, "candidate", width=2))
    band = dict(named_points(curve, "band", width=3))
    names = list(dict.fromkeys([*hand, *candidate]))[:8]
    if not names:
        return None
    svg = Svg(*SIZE)
    counts = dict(zip(texts(curve, "histogram", "labels"), texts(curve, "histogram", "counts"), strict=False))
    shown = [f"{clean(name, 14)} ({counts[name]})" if name in counts else name for name in names]
    x = _category_frame(svg, shown, FRAME.x(0, 100), "points, 0–100; in brackets: accounts")
    for index, name in enumerate(names):
        height = _row_height(index, len(names))
        if name in band:
            left, right = (x.clipped(part) for part in band[name])
            svg.rect((left, height - 4), right - left, 8, "r cand", radius=4)
        if name in hand:
            svg.circle((x.clipped(hand[name][0]), height), 4.4, "o today", "today")
        if name in candidate:
            svg.circle((x.clipped(candidate[name][0]), height), 4.8, "d cand", "candidate")
    return svg.render(label)


def _category_shap(
    rows: Sequence[tuple[str, tuple[float | None, float | None, float | None]]],
    label: str,
    limits: tuple[float, float] | None,
) -> Markup:
    rows = rows[:8]
    svg = Svg(*SIZE)
    limits = limits or padded([0.0, *(part for _, parts in rows for part in parts if part is not None)])
    x = _category_frame(svg, [name for name, _ in rows], FRAME.x(*limits), "log-odds of churn: right is riskier")
    svg.line((x(0), FRAME.top), (x(0), FRAME.bottom), "b")
    for index, (_, (mean, low, high)) in enumerate(rows):
        height = _row_height(index, len(rows))
        if low is not None and high is not None:
            svg.rect((x(low), height - 4), x(high) - x(low), 8, "r ceil", radius=4)
        if mean is not None:
            svg.circle((x(mean), height), 4.6, "d model")
    return svg.render(label)


def _category_frame(svg: Svg, names: Sequence[str], x: Scale, title: str) -> Scale:
    left = FRAME.left + 84
    scale = Scale(x.low, x.high, left, FRAME.right)
    for value in scale.ticks(4):
        svg.line((scale(value), FRAME.top), (scale(value), FRAME.bottom), "g")
        svg.text((scale(value), FRAME.bottom + 15), Axis("").label(value), "k", "middle")
    svg.text((FRAME.right, FRAME.bottom + 30), title, "k", "end")
    for index, name in enumerate(names):
        svg.text((left - 10, _row_height(index, len(names)) + 4), clean(name, 20), "k", "end")
    return scale


def _row_height(index: int, count: int) -> float:
    return FRAME.top + (FRAME.bottom - FRAME.top) * (index + 0.5) / count
