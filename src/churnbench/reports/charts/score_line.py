"""Scores over time: one account with its bands and events, or averages with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from churnbench.reports.charts.kit import Axis, Frame, Scale, Svg, padded
from churnbench.reports.wording import clean, fixed

Reading = tuple[str, float | None]
Band = tuple[str, float, str]


def score_line(
    readings: Sequence[Reading], bands: Sequence[Band], events: Sequence[tuple[str, str]], label: str
) -> Markup:
    """One account's score over time on tinted bands, with numbered events at the top.

    Args:
        readings: (ISO date, score or None), ascending; None interrupts the line.
        bands: (name, lowest score, look), lowest first.
        events: (ISO date, words); words show on hovering.
        label: description for people who cannot see the drawing.
    """
    svg = Svg(760, 270)
    frame = Frame(40, 34, 672, 228)
    x = _time(readings, events, frame)
    y = frame.y(0, 100)
    _bands(svg, frame, y, bands)
    _dates(svg, frame, x)
    for height in (0, 20, 40, 60, 80, 100):
        svg.text((frame.left - 6, y(height) + 3.6), str(height), "k", "end")
    svg.text((2, 11), "health score", "k")
    for number, (day, words) in enumerate(events):
        place = x(_day(day))
        if frame.left <= place <= frame.right:
            svg.line((place, frame.top - 4), (place, frame.bottom), "m")
            svg.circle((place, frame.top - 9 - 6 * (number % 2)), 3.4, "d today", f"{day}: {words}")
    for part in _unbroken(readings):
        svg.path([(x(_day(day)), y(score)) for day, score in part], "l cand")
    for day, score in readings:
        if score is not None:
            svg.circle((x(_day(day)), y(score)), 3, "d cand", f"{day}: {fixed(score, 1)}")
    return svg.render(label)


def trend_line(points: Sequence[tuple[str, float, float, float]], y_title: str, label: str) -> Markup:
    """An average over time with its interval; points are (ISO date, value, low, high)."""
    svg = Svg(560, 240)
    frame = Frame(44, 26, 540, 196)
    x = _time([(day, value) for day, value, _, _ in points], (), frame)
    y = frame.y(*padded([bound for _, _, low, high in points for bound in (low, high)], 0.15))
    axis = Axis(y_title)
    for height in y.ticks(4):
        svg.line((frame.left, y(height)), (frame.right, y(height)), "g")
        svg.text((frame.left - 6, y(height) + 3.6), axis.label(height), "k", "end")
    _dates(svg, frame, x)
    svg.text((2, 11), y_title, "k")
    upper = [(x(_day(day)), y(high)) for day, _, _, high in points]
    lower = [(x(_day(day)), y(low)) for day, _, low, _ in points]
    svg.ribbon(upper, lower, "r cand")
    svg.path([(x(_day(day)), y(value)) for day, value, _, _ in points], "l cand")
    day, value, _, _ = points[-1]
    svg.circle((x(_day(day)), y(value)), 3.6, "d cand", f"{day}: {fixed(value, 1)}")
    return svg.render(label)


def _day(text: str) -> float:
    return float(date.fromisoformat(text[:10]).toordinal())


def _time(readings: Sequence[Reading], events: Sequence[tuple[str, str]], frame: Frame) -> Scale:
    days = [_day(day) for day, _ in (*readings, *[(day, 0.0) for day, _ in events])] or [0.0]
    low, high = min(days), max(days)
    return frame.x(low, high if high > low else low + 1)


def _bands(svg: Svg, frame: Frame, y: Scale, bands: Sequence[Band]) -> None:
    tops = [start for _, start, _ in bands[1:]] + [100.0]
    for (name, start, look), top in zip(bands, tops, strict=True):
        svg.rect((frame.left, y(top)), frame.right - frame.left, y(start) - y(top), f"z {look}")
        svg.line((frame.left, y(start)), (frame.right, y(start)), "g")
        svg.text((frame.right + 8, (y(top) + y(start)) / 2 + 4), clean(name, 14), "k")


def _dates(svg: Svg, frame: Frame, x: Scale) -> None:
    """Month names at about eight places, the year where it changes."""
    svg.line((frame.left, frame.bottom), (frame.right, frame.bottom), "b")
    first, last = date.fromordinal(int(x.low)), date.fromordinal(int(x.high))
    months = (last.year - first.year) * 12 + last.month - first.month
    step = max(1, -(-months // 8))
    shown = None
    for number in range(0, months + 1, step):
        month = first.month - 1 + number
        day = date(first.year + month // 12, month % 12 + 1, 1)
        if not first <= day <= last:
            day = first if number == 0 else last
        place = x(float(day.toordinal()))
        svg.text((place, frame.bottom + 15), f"{day:%b}", "k", "middle")
        if day.year != shown:
            svg.text((place, frame.bottom + 29), str(day.year), "k", "middle")
            shown = day.year


def _unbroken(readings: Sequence[Reading]) -> list[list[tuple[str, float]]]:
    parts: list[list[tuple[str, float]]] = [[]]
    for day, score in readings:
        if score is None:
            parts.append([])
        else:
            parts[-1].append((day, score))
    return [part for part in parts if part]
