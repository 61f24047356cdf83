"""The drawings of reports: chart data of `churnbench.health` to the figures of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from churnbench.health.result import Chart, Unit
from churnbench.reports.blocks import Figure, Gallery
from churnbench.reports.charts.band_bars import band_bars, lights
from churnbench.reports.charts.dots import Pair, paired_dots
from churnbench.reports.charts.interval_rows import interval_rows
from churnbench.reports.charts.kept import kept_chart
from churnbench.reports.charts.score_line import score_line, trend_line
from churnbench.reports.charts.waterfall import Step, waterfall
from churnbench.reports.health.words import shown
from churnbench.reports.lens import band_look
from churnbench.reports.wording import clean

Data = Mapping[str, Any]


def drawing(chart: Chart) -> Figure | Gallery | None:
    """The figure of a chart; None when its data hold nothing to draw."""
    return DRAWINGS[chart.form](chart)


def _history(chart: Chart) -> Figure | None:
    data = chart.data
    if not data["points"]:
        return None
    bands = [(name, start, band_look(name)) for name, start in data["bands"]]
    svg = score_line(data["points"], bands, data["events"], "Health score over time with bands and key events")
    return Figure(chart.title, svg, chart.how)


def _trend(chart: Chart) -> Figure | None:
    name, points = chart.data["series"][0]
    return Figure(chart.title, trend_line(points, name, chart.title), chart.how)


def _waterfall(chart: Chart) -> Figure | None:
    steps = []
    for label, value, change in chart.data["steps"]:
        said = "" if value is None else clean(value, 12) if isinstance(value, str) else f"{value:.4g}"
        steps.append(Step(clean(label, 22) + (f" = {said}" if said else ""), change))
    return Figure(
        chart.title, waterfall(chart.data["start"], steps, chart.title, start_words="peers' median"), chart.how
    )


#: Name of the bar, its column, the column of its share, its unit.
_BAR_ROWS: tuple[tuple[str, str, str, Unit], ...] = (
    ("Accounts", "accounts", "share", "count"),
    ("ARR", "arr", "arr_share", "money"),
)


def _bands(chart: Chart) -> Figure | None:
    rows = chart.data["rows"]
    bars = []
    for name, key, share, unit in _BAR_ROWS:
        if not any(row[key] for row in rows):
            continue
        parts = [
            (
                row["band"],
                row[key] or 0.0,
                band_look(row["band"]),
                f"{shown(row[key], unit)} · {shown(row[share], 'share')}",
            )
            for row in rows
        ]
        bars.append((name, parts))
    return Figure(chart.title, band_bars(bars, chart.title), chart.how) if bars else None


def _changes(chart: Chart) -> Figure | None:
    rows = [tuple(row) for row in chart.data["rows"]]
    if not rows:
        return None
    return Figure(chart.title, interval_rows(rows, "points of the metric, 0-100", chart.title), chart.how)


def _weights(chart: Chart) -> Figure | None:
    def percent(value: float | None) -> float | None:
        return None if value is None else value * 100

    pairs = [
        Pair(name, percent(old), percent(new), None if bounds is None else (bounds[0] * 100, bounds[1] * 100))
        for name, old, new, bounds in chart.data["rows"]
    ]
    legend = (("o today", "current"), ("d cand", "proposed, 90 % interval"))
    return Figure(chart.title, paired_dots(pairs, chart.title), chart.how, legend)


def _survival(chart: Chart) -> Gallery | None:
    """One panel per cohort, the others behind it."""
    series = chart.data["series"]
    if not series:
        return None
    ends = [points[-1][0] for _, points in series]
    lowest = min(point[2] for _, points in series for point in points)
    limits = (max(*ends, 1.0), max(0.0, int(lowest * 10) / 10 if lowest < 0.95 else 0.9))
    figures = []
    for place, (name, points) in enumerate(series):
        others = [curve for other, (_, curve) in enumerate(series) if other != place]
        svg = kept_chart(points, others, limits, chart.data["x"], f"Retention of {name} with its interval")
        figures.append(Figure(clean(name, 40), svg))
    return Gallery(figures, chart.title, f"thin lines: the other cohorts. {chart.how}")


def _lights(chart: Chart) -> Figure | None:
    found = [(str(when), str(light)) for when, light in chart.data["lights"]]
    words = ", ".join(f"{when} {light}" for when, light in found)
    return Figure("", lights(found, f"Traffic lights: {words}")) if found else None


#: Chart form -> what draws it.
DRAWINGS: dict[str, Callable[[Chart], Figure | Gallery | None]] = {
    "history": _history,
    "trend": _trend,
    "waterfall": _waterfall,
    "bands": _bands,
    "changes": _changes,
    "weights": _weights,
    "survival": _survival,
    "lights": _lights,
}
