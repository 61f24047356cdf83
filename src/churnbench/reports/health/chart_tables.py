"""Charts as tables, for readers of text: those whose figures stand in no other table of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from churnbench.health.result import Chart, Column, Table

#: Readings of a history that text shows; the JSON holds all.
_SHOWN = 24
Rows = list[dict[str, Any]]


def chart_table(chart: Chart) -> Table | None:
    """The figures of a chart; None where another table of the report holds them already."""
    made = TABLES.get(chart.form)
    if made is None:
        return None
    columns, rows = made(chart.data)
    title = chart.title + (f" ({_SHOWN} of {len(rows)})" if len(rows) > _SHOWN else "")
    return Table(chart.id, title, columns, rows[:_SHOWN], chart.how, empty="no reading")


def _history(data: Mapping[str, Any]) -> tuple[Sequence[Column], Rows]:
    columns = [Column("date", "Date", "date"), Column("score", "Health score", "points")]
    return columns, [{"date": day, "score": score} for day, score in reversed(data["points"])]


def _trend(data: Mapping[str, Any]) -> tuple[Sequence[Column], Rows]:
    name, points = data["series"][0]
    columns = [Column("date", "Date", "date"), Column("value", str(name).capitalize(), "points")]
    return columns, [
        {"date": day, "value": value, "value_ci90": (low, high)} for day, value, low, high in reversed(points)
    ]


def _waterfall(data: Mapping[str, Any]) -> tuple[Sequence[Column], Rows]:
    columns = [Column("step", "Step"), Column("value", "Value", "value"), Column("points", "Points", "change")]
    columns.append(Column("after", "Score after it", "points"))
    score = data["start"]
    rows: Rows = [{"step": "peers' median", "after": score}]
    for label, value, change in data["steps"]:
        score += change
        rows.append({"step": label, "value": value, "points": change, "after": score})
    return columns, rows


def _changes(data: Mapping[str, Any]) -> tuple[Sequence[Column], Rows]:
    columns = [
        Column("metric", "Metric"),
        Column("change", "Mean change, points", "change"),
        Column("out", "Stands out"),
    ]
    return columns, [
        {"metric": metric, "change": change, "change_ci90": interval, "out": "yes" if out else "no"}
        for metric, change, interval, out in data["rows"]
    ]


#: Chart form -> its table.
TABLES: dict[str, Callable[[Mapping[str, Any]], tuple[Sequence[Column], Rows]]] = {
    "history": _history,
    "trend": _trend,
    "waterfall": _waterfall,
    "changes": _changes,
}
