"""The early-warning report: which segments and metrics move this quarter, what it may cost, where it goes well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnbench.formula import metric_values
from churnbench.health.book import Book
from churnbench.health.expansion import expansion_part
from churnbench.health.movement import movement
from churnbench.health.result import Absent, Chart, Column, Number, Part, Report, Section, Table, known, scalar
from churnbench.health.risk import LOSS_HOW, expected_loss
from churnbench.health.statistics import FALSE_DISCOVERIES, LEAST_ACCOUNTS, bounds, discoveries, mean_of, p_value

ALL = "all segments"
_FALL = 10.0
CHANGE_HOW = (
    "Mean change of a metric's own 0-100 points between the reading a quarter ago and now, over accounts with both; "
    f"90 % t interval. A row stands out when at most {FALSE_DISCOVERIES:.0%} of those that stand out may be chance "
    f"(Benjamini-Hochberg over all segments and metrics); groups below {LEAST_ACCOUNTS} accounts are left out."
)


def early_warning_report(book: Book) -> Report:
    """What moves worst and best this quarter."""
    moved = movement(book)
    found = changes_by_segment(book)
    worst = [row for row in found if row["stands_out"] and row["change"] < 0]
    best = [row for row in found if row["stands_out"] and row["change"] > 0]
    loss = expected_loss(moved)
    falling = moved[moved["change_quarter"] <= -_FALL]
    sections = [
        _moves_section(book, found, worst),
        _segments_section(book, moved),
        _leading_section(book, found),
        _loss_section(book, moved),
        _trends_section(best),
        Section("expansion", "Expansion candidates", *expansion_part(book, moved)),
    ]
    return Report(
        kind="early-warning",
        subject=book.subject or "whole book",
        headline=_headline(found, worst),
        reason=_reason(book, falling, loss.value),
        facts=[
            Number(
                "falling", f"Accounts down {_FALL:g}+ points", len(falling), "count", "Score now against a quarter ago."
            ),
            Number("falling_arr", "Their ARR", known(falling["arr"].sum()), "money", "Sum of what is known."),
            Number(
                "loss", f"Projected loss, {book.window.horizon_days} days", loss.value, "money", LOSS_HOW, bounds(loss)
            ),
            Number("worse", "Metrics and segments worse", len(worst), "count", CHANGE_HOW),
            Number("better", "Metrics and segments better", len(best), "count", CHANGE_HOW),
        ],
        sections=sections,
        about=book.about(),
        caveats=book.notes[:3],
    )


def _headline(found: list[dict[str, Any]], worst: list[dict[str, Any]]) -> str:
    if not found:
        return "Nothing can be compared: there is no reading a quarter ago."
    if not worst:
        return "No metric of any segment fell this quarter by more than chance explains."
    first = worst[0]
    return f"{first['metric']} fell most: {abs(first['change']):.1f} points in {first['segment']}."


def _reason(book: Book, falling: pd.DataFrame, loss: float | None) -> str:
    text = f"{len(falling)} accounts lost {_FALL:g} points or more this quarter"
    return text + (
        f"; {loss:,.0f} of ARR is expected to leave within {book.window.horizon_days} days." if loss else "."
    )


def changes_by_segment(book: Book) -> list[dict[str, Any]]:
    """Change of every metric and of the score per segment over a quarter, worst first; see `CHANGE_HOW`."""
    now, then = book.current.set_index("account_id"), book.quarter_ago.set_index("account_id")
    both = now.index.intersection(then.index[then["as_of"] < book.as_of])
    if both.empty:
        return []
    now, then = now.loc[both], then.loc[both]
    points = metric_values(book.body, now, allow_missing=True) - metric_values(book.body, then, allow_missing=True)
    points["health_score"] = now["health_score"] - then["health_score"]
    labels = {metric.id: metric.label for metric in book.metrics} | {"health_score": "Health score"}
    groups: dict[str, np.ndarray] = {ALL: np.ones(len(now), dtype=bool)}
    names = sorted({str(name) for name in now["segment"]})
    if len(names) > 1:
        groups |= {name: (now["segment"].astype(str) == name).to_numpy() for name in names}
    rows, arr = [], now["arr"].to_numpy(dtype=float)
    for segment, inside in groups.items():
        for name, label in labels.items():
            rows.append(_change_row(segment, name, label, points[name].to_numpy(dtype=float)[inside], arr[inside]))
    rows = [row for row in rows if row["change"] is not None]
    for row, stands in zip(rows, discoveries([row["p"] for row in rows]), strict=True):
        row["stands_out"] = bool(stands)
    return sorted(rows, key=lambda row: (row["change"], row["segment"], row["id"]))


def _change_row(segment: str, name: str, label: str, change: np.ndarray, arr: np.ndarray) -> dict[str, Any]:
    found = mean_of(change)
    falling = change <= -_FALL
    return {
        "segment": segment,
        "id": name,
        "metric": label,
        "change": found.value,
        "change_ci90": bounds(found),
        "p": p_value(change),
        "compared": int((~np.isnan(change)).sum()),
        "accounts": int(falling.sum()),
        "arr": float(np.nansum(arr[falling])) if not np.isnan(arr).all() else None,
    }


_COLUMNS = [
    Column("metric", "Metric"),
    Column("segment", "Segment"),
    Column("change", "Mean change, points", "change"),
    Column("compared", "Accounts compared", "count"),
    Column("accounts", f"down {_FALL:g}+", "count"),
    Column("arr", "Their ARR", "money"),
    Column("since", "Since", "date"),
]


def _moves_section(book: Book, found: list[dict[str, Any]], worst: list[dict[str, Any]]) -> Section:
    if not found:
        absent = Absent(
            "moves", "Change this quarter", "there is no reading about 91 days earlier", "Give older snapshots."
        )
        return Section("moves", "What moves worst", "Not known.", [absent])
    means = _monthly_means(book)
    rows = [{**row, "since": _since(means, row, falling=True)} for row in worst[:15]]
    how = f"{CHANGE_HOW} Since: the reading at which the group's mean was last at its highest of the year."
    parts: list[Part] = [Table("worst", "Segments and metrics that fell", _COLUMNS, rows, how, empty="none stands out")]
    overall = [row for row in found if row["segment"] == ALL]
    data = {"rows": [[row["metric"], row["change"], row["change_ci90"], row["stands_out"]] for row in overall]}
    parts.append(Chart("changes", "Change over the quarter, all segments", "changes", data, CHANGE_HOW))
    return Section("moves", "What moves worst", f"{len(worst)} of {len(found)} comparisons stand out downwards.", parts)


def _monthly_means(book: Book) -> dict[tuple[str, str], pd.Series]:
    """Mean points per reading date of the last year, by (segment, metric)."""
    recent = book.history[book.history["as_of"] > book.as_of - pd.Timedelta(days=366)]
    points = metric_values(book.body, recent, allow_missing=True).assign(health_score=recent["health_score"])
    found: dict[tuple[str, str], pd.Series] = {}
    for name, series in points.groupby(recent["as_of"]).mean().items():
        found[ALL, str(name)] = series
    by_segment = points.groupby([recent["segment"].astype(str), recent["as_of"]]).mean()
    for segment in by_segment.index.get_level_values(0).unique():
        for name, series in by_segment.loc[segment].items():
            found[str(segment), str(name)] = series
    return found


def _since(means: Mapping[tuple[str, str], pd.Series], row: Mapping[str, Any], *, falling: bool) -> Any:
    series = means.get((row["segment"], row["id"]))
    if series is None or series.dropna().empty:
        return None
    turned = series.dropna()
    return scalar(turned.idxmax() if falling else turned.idxmin())


def _segments_section(book: Book, moved: pd.DataFrame) -> Section:
    rows = []
    for segment, inside in moved.groupby(moved["segment"].astype(str)):
        change = mean_of(inside["change_quarter"])
        loss = expected_loss(inside)
        before = inside["band_quarter"]
        entered = book.at_risk(inside) & before.notna() & ~book.in_role(before, "red")
        rows.append(
            {
                "segment": segment,
                "accounts": len(inside),
                "change": change.value,
                "change_ci90": bounds(change),
                "entered": int(entered.sum()),
                "entered_arr": known(inside.loc[entered, "arr"].sum()),
                "loss": loss.value,
                "loss_ci90": bounds(loss),
            }
        )
    rows.sort(key=lambda row: (row["change"] is None, row["change"] or 0.0))
    columns = [
        Column("segment", "Segment"),
        Column("accounts", "Accounts", "count"),
        Column("change", "Mean change of the score", "change"),
        Column("entered", f"newly {book.at_risk_words}", "count"),
        Column("entered_arr", "their ARR", "money"),
        Column("loss", "Projected loss", "money"),
    ]
    how = f"Score now against a quarter ago, 90 % t interval; none below {LEAST_ACCOUNTS} accounts. {LOSS_HOW}"
    return Section(
        "segments",
        "Segments",
        f"Lowest change: {rows[0]['segment']}." if rows else "No segment.",
        [Table("segments", "By segment", columns, rows, how)],
    )


def _leading_section(book: Book, found: list[dict[str, Any]]) -> Section:
    """Which metrics are known to lead, and how those move."""
    lead = ((book.evidence or {}).get("lead_lag") or {}).get("signals") or []
    measured = {signal["id"]: signal for signal in lead if signal.get("kind") == "metric"}
    overall = {row["id"]: row for row in found if row["segment"] == ALL}
    rows: list[dict[str, Any]] = []
    for metric in book.metrics:
        said = measured.get(metric.id, {}).get("class")
        if said != "leading" and not (said is None and metric.leading):
            continue
        row = overall.get(metric.id, {})
        rows.append(
            {
                "metric": metric.label,
                "basis": "measured on your outcomes" if said else "declared, not measured",
                "change": row.get("change"),
                "change_ci90": row.get("change_ci90"),
                "accounts": row.get("accounts"),
            }
        )
    if not rows:
        why = "no metric is declared or measured as leading"
        return Section(
            "leading",
            "Leading indicators",
            "Not known.",
            [Absent("leading", "Leading indicators", why, "Run churnbench run and name it with --run.")],
        )
    rows.sort(key=lambda row: (row["change"] is None, row["change"] or 0.0))
    columns = [
        Column("metric", "Metric"),
        Column("basis", "Leads churn"),
        Column("change", "Mean change this quarter", "change"),
    ]
    columns.append(Column("accounts", f"Accounts down {_FALL:g}+", "count"))
    how = f"Leading: AUC above .55 at 60 days and more before churn, by a run's evidence; else declared. {CHANGE_HOW}"
    down = sum(1 for row in rows if row["change_ci90"] and row["change_ci90"][1] < 0)
    return Section(
        "leading",
        "Leading indicators",
        f"{down} of {len(rows)} fell beyond their interval.",
        [Table("leading", "Leading indicators this quarter", columns, rows, how)],
    )


def _loss_section(book: Book, moved: pd.DataFrame) -> Section:
    loss = expected_loss(moved)
    if loss.value is None:
        why = "accounts have no churn probability or no ARR"
        absent = Absent("loss", "Projected loss", why, "Use a config with a risk curve (churnbench run) and give arr.")
        return Section("loss", "Projected loss", "Not known.", [absent])
    rows = []
    for name, inside in moved.groupby("band"):
        part = expected_loss(inside)
        rows.append(
            {
                "band": name,
                "accounts": len(inside),
                "churners": known(inside["probability"].sum()),
                "loss": part.value,
                "loss_ci90": bounds(part),
            }
        )
    order = {name: place for place, (name, _) in enumerate(book.bands)}
    rows.sort(key=lambda row: order.get(str(row["band"]), 99))
    columns = [
        Column("band", "Band", "band"),
        Column("accounts", "Accounts", "count"),
        Column("churners", "Expected to leave", "points"),
    ]
    columns.append(Column("loss", "Expected loss of ARR", "money"))
    assert loss.low is not None and loss.high is not None  # noqa: S101, PT018 - both with a value
    finding = f"{loss.low:,.0f} to {loss.high:,.0f} within {book.window.horizon_days} days, {loss.value:,.0f} expected."
    return Section("loss", "Projected loss", finding, [Table("loss", "By band", columns, rows, LOSS_HOW)])


def _trends_section(best: list[dict[str, Any]]) -> Section:
    rows = [dict(row) for row in best[::-1][:10]]
    columns = [column for column in _COLUMNS if column.id in ("metric", "segment", "change", "compared")]
    table = Table("best", "Segments and metrics that rose", columns, rows, CHANGE_HOW, empty="none stands out")
    return Section("trends", "Emerging positive trends", f"{len(best)} comparisons stand out upwards.", [table])
