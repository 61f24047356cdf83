"""AUC by lead time as rows of dots, and churners against the others month by month before the churn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from churnbench.reports.charts.kit import Frame, Scale, Svg, compact
from churnbench.reports.reading import Estimate
from churnbench.reports.wording import clean, fixed

ROW = 42.0
HEAD = 34.0
GAP = 10.0
CHANCE = 0.5
TICKS = (0.1, 0.3, CHANCE, 0.7, 0.9)


@dataclass(frozen=True)
class LeadDot:
    """AUC at one lead time; full when significant, hollow when not, nothing when unknown."""

    auc: Estimate
    significant: bool


@dataclass(frozen=True)
class LeadRow:
    """One signal: its name, its class in words, one dot per lead time in the order of the headings."""

    label: str
    words: str
    dots: Sequence[LeadDot]


def lead_chart(
    headings: Sequence[str], rows: Sequence[LeadRow], limits: tuple[float, float], label: str, *, width: float = 380
) -> Markup:
    """One row a signal, one panel a lead time: dots with ranges about the line of chance.

    Args:
        headings: days before churn of each panel, farthest first, so that time runs to the right.
        rows: from top to bottom.
        limits: lowest and highest AUC, shared by charts side by side.
        label: description for people who cannot see the drawing.
        width: in pixels.
    """
    svg = Svg(width, HEAD + ROW * len(rows) + 36)
    frame = Frame(4, HEAD, width - 4, svg.height - 34)
    count = max(1, len(headings))
    room = (frame.right - frame.left - GAP * (count - 1)) / count
    panels = [Frame(left, frame.top, left + room, frame.bottom) for left in _starts(frame.left, room, count)]
    svg.text((frame.left, 11), "days before churn", "k")
    for heading, panel in zip(headings, panels, strict=False):
        _panel(svg, panel, panel.x(*limits), heading)
    svg.text((frame.right, svg.height - 4), "AUC (0.5 is chance)", "k", "end")
    for index, row in enumerate(rows):
        top = frame.top + ROW * index
        svg.text((frame.left, top + 14), clean(row.label, 34), "t")
        svg.text((frame.right, top + 14), clean(row.words, 26), "k", "end")
        for dot, panel in zip(row.dots, panels, strict=False):
            _dot(svg, panel.x(*limits), dot, top + 29, row.label)
    return svg.render(label)


def _starts(left: float, room: float, count: int) -> list[float]:
    return [left + index * (room + GAP) for index in range(count)]


def _panel(svg: Svg, panel: Frame, x: Scale, heading: str) -> None:
    svg.text(((panel.left + panel.right) / 2, 27), heading, "t strong", "middle")
    svg.line((panel.left, panel.bottom), (panel.right, panel.bottom), "b")
    for value in TICKS:
        if x.low <= value <= x.high:
            svg.text((x(value), panel.bottom + 14), fixed(value, 1), "k", "middle")


def _dot(svg: Svg, x: Scale, dot: LeadDot, height: float, name: str) -> None:
    if dot.auc.value is None:
        svg.text(((x.start + x.end) / 2, height + 4), "too few", "k", "middle")
        return
    # The line of chance stands behind the dots only, not behind words.
    svg.line((x.clipped(CHANCE), height - 9), (x.clipped(CHANCE), height + 9), "b")
    if dot.auc.bounds is not None:
        left, right = (x.clipped(end) for end in dot.auc.bounds)
        svg.rect((left, height - 4), right - left, 8, "r cand" if dot.significant else "r", radius=4)
    look = "d cand" if dot.significant else "o today"
    svg.circle((x.clipped(dot.auc.value), height), 3.5, look, f"{name}: {fixed(dot.auc.value)}")


@dataclass(frozen=True)
class StudyDot:
    """Churners minus the others, so many days before the churn (the middle of the month)."""

    days: float
    difference: Estimate


def study_chart(
    dots: Sequence[StudyDot],
    limits: tuple[float, float],
    label: str,
    *,
    size: tuple[float, float] = (340, 200),
) -> Markup:
    """A line with its range, time running to the churn at the right; months without a figure leave a gap.

    Args:
        dots: in any order.
        limits: lowest and highest difference, shared by charts side by side.
        label: description for people who cannot see the drawing.
        size: width and height in pixels.
    """
    svg = Svg(*size)
    frame = Frame(40, 24, size[0] - 10, size[1] - 38)
    # Days count down to the churn: minus days rise from left to right.
    first = max((dot.days for dot in dots), default=345.0) + 15.0
    x, y = frame.x(-first, 0.0), frame.y(*limits)
    for value in y.ticks(4):
        svg.line((frame.left, y(value)), (frame.right, y(value)), "g")
        svg.text((frame.left - 6, y(value) + 3.6), compact(value), "k", "end")
    if y.low <= 0.0 <= y.high:
        svg.line((frame.left, y(0.0)), (frame.right, y(0.0)), "m")
    for days in range(0, int(first) + 1, 90):
        svg.text(
            (x(-days), frame.bottom + 15), "churn" if days == 0 else compact(days), "k", "middle" if days else "end"
        )
    svg.line((frame.left, frame.bottom), (frame.right, frame.bottom), "b")
    svg.text((2, 11), "sd; below 0 is less healthy", "k")
    svg.text((frame.right, frame.bottom + 30), "days before churn", "k", "end")
    for run in _runs(dots):
        _draw_run(svg, x, y, run)
    return svg.render(label)


def _runs(dots: Sequence[StudyDot]) -> list[list[tuple[float, float, float, float]]]:
    """Stretches of known months, farthest from the churn first: (minus days, value, low, high)."""
    runs: list[list[tuple[float, float, float, float]]] = [[]]
    for dot in sorted(dots, key=lambda one: -one.days):
        value = dot.difference.value
        if value is None:
            runs.append([])
            continue
        low, high = dot.difference.bounds or (value, value)
        runs[-1].append((-dot.days, value, low, high))
    return [run for run in runs if run]


def _draw_run(svg: Svg, x: Scale, y: Scale, run: Sequence[tuple[float, float, float, float]]) -> None:
    svg.ribbon(
        [(x(place), y.clipped(high)) for place, _, _, high in run],
        [(x(place), y.clipped(low)) for place, _, low, _ in run],
        "r cand",
    )
    svg.path([(x(place), y.clipped(value)) for place, value, _, _ in run], "l cand")
    for place, value, _, _ in run:
        svg.circle((x(place), y.clipped(value)), 2.6, "d cand", f"{compact(-place)} days: {fixed(value, 2)}")
