"""Lines with uncertainty ranges: churners caught, risk by score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from churnbench.reports.charts.kit import Axis, Frame, Scale, Svg, draw_axes, spread


@dataclass(frozen=True)
class Series:
    """One line: `rows` are (x, value, low, high) in ascending x; `role` picks its look."""

    label: str
    role: str
    rows: Sequence[tuple[float, float, float, float]]


@dataclass(frozen=True)
class Mark:
    """A vertical line with words at its top."""

    x: float
    words: str


@dataclass(frozen=True)
class Zone:
    """A tinted part of the x axis, named at its top (colour never stands alone)."""

    low: float
    high: float
    band: str
    words: str


def line_chart(
    series: Sequence[Series],
    x_axis: Axis,
    y_axis: Axis,
    label: str,
    *,
    marks: Sequence[Mark] = (),
    zones: Sequence[Zone] = (),
    y_high: float | None = None,
    size: tuple[float, float] = (460, 300),
) -> Markup:
    """Lines with ranges, each named at its right end.

    Args:
        series: first drawn lies lowest.
        x_axis: its title and ticks.
        y_axis: its title and ticks.
        label: description for people who cannot see the drawing.
        marks: vertical lines.
        zones: tinted ranges of x.
        y_high: top of the y axis; taken from the data when None.
        size: width and height in pixels.
    """
    names = max((len(line.label) for line in series), default=0)
    svg = Svg(*size)
    frame = Frame(46, 36 if zones or marks else 24, size[0] - min(18 + names * 6.4, 150), size[1] - 38)
    x, y = _scales(series, frame, y_high)
    for zone in zones:
        _draw_zone(svg, frame, x, zone)
    draw_axes(svg, frame, x, y, x_axis, y_axis)
    for line in series:
        upper = [(x(row[0]), y.clipped(row[3])) for row in line.rows]
        lower = [(x(row[0]), y.clipped(row[2])) for row in line.rows]
        svg.ribbon(upper, lower, f"r {line.role}")
    for line in series:
        svg.path([(x(row[0]), y.clipped(row[1])) for row in line.rows], f"l {line.role}")
    for mark in marks:
        _draw_mark(svg, frame, x, y, mark, series)
    _name_lines(svg, frame, y, series)
    return svg.render(label)


def at_x(line: Series, x: float) -> float | None:
    """Height of a line at x, between its points."""
    for left, right in pairwise(line.rows):
        if left[0] <= x <= right[0]:
            width = right[0] - left[0]
            share = 0.0 if width <= 0 else (x - left[0]) / width
            return left[1] + share * (right[1] - left[1])
    return None


def _scales(series: Sequence[Series], frame: Frame, y_high: float | None) -> tuple[Scale, Scale]:
    xs = [row[0] for line in series for row in line.rows]
    ys = [value for line in series for row in line.rows for value in (row[1], row[3])]
    top = y_high if y_high is not None else max(ys, default=1.0) * 1.05 or 1.0
    low, high = (min(xs), max(xs)) if xs else (0.0, 1.0)
    return frame.x(low, high if high > low else low + 1), frame.y(0.0, top)


def _draw_zone(svg: Svg, frame: Frame, x: Scale, zone: Zone) -> None:
    left, right = x.clipped(zone.low), x.clipped(zone.high)
    svg.rect((left, frame.top), right - left, frame.bottom - frame.top, f"z {zone.band}")
    for words in (zone.words, zone.words.partition(" ")[0]):
        if right - left > 6 * len(words):
            svg.text(((left + right) / 2, frame.top - 6), words, "k", "middle")
            return


def _draw_mark(svg: Svg, frame: Frame, x: Scale, y: Scale, mark: Mark, series: Sequence[Series]) -> None:
    if not x.low <= mark.x <= x.high:
        return
    place = x(mark.x)
    svg.line((place, frame.top - 4), (place, frame.bottom), "m")
    anchor = "start" if place < (frame.left + frame.right) / 2 else "end"
    svg.text((place + (5 if anchor == "start" else -5), frame.top + 4), mark.words, "k", anchor)
    for line in series:
        height = at_x(line, mark.x)
        if height is not None:
            svg.circle((place, y.clipped(height)), 3.6, f"d {line.role}", f"{line.label}: {y_text(height)}")


def y_text(height: float) -> str:
    """A share as words for hovering."""
    return f"{height * 100:.1f} %"


def _name_lines(svg: Svg, frame: Frame, y: Scale, series: Sequence[Series]) -> None:
    ends = [y.clipped(line.rows[-1][1]) for line in series if line.rows]
    places = spread(ends, 14, frame.top + 4, frame.bottom)
    drawn = [line for line in series if line.rows]
    for line, place in zip(drawn, places, strict=True):
        svg.text((frame.right + 7, place + 4), line.label, f"t n {line.role}")
