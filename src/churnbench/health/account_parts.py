"""Chapters of the account report: dimensions, flags, churn, expansion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.score_history import DIMENSION_SUFFIX
from churnbench.health.book import Book
from churnbench.health.flags import EXPANSION_INPUTS, FLAG_RULES, Flag, expansion_signals, green_lights, red_flags
from churnbench.health.meaning import Metric, risk_at
from churnbench.health.peers import Peers
from churnbench.health.result import Absent, Column, Part, Section, Table, known, scalar
from churnbench.health.statistics import bounds
from churnbench.metrics import Estimate

#: A change of a metric's or dimension's points below this is called steady.
STEADY = 2.0


@dataclass(frozen=True, eq=False)
class Account:
    """One account: its row of `movement`, its peers, its points gained and lost per metric, the movement of all."""

    book: Book
    row: Mapping[str, Any]
    peers: Peers
    gained: pd.Series
    lost: pd.Series
    moved: pd.DataFrame

    @property
    def interval(self) -> tuple[float, float] | None:
        """90 % interval of the churn probability, from the risk curve."""
        low, high = known(self.row["probability_low"]), known(self.row["probability_high"])
        return None if low is None or high is None else (low, high)

    @cached_property
    def gaps(self) -> pd.Series:
        """Peers' median points minus its own, for the metrics it has a value of; empty without peers enough."""
        if not self.peers.enough:
            return pd.Series(dtype=float)
        valued = [metric.id for metric in self.book.metrics if scalar(self.row[metric.input]) is not None]
        return (self.peers.gained.median() - self.gained)[valued].dropna()

    @cached_property
    def readings(self) -> pd.DataFrame:
        """Its history, oldest first."""
        return self.book.readings_of(self.row["account_id"])

    @cached_property
    def earlier(self) -> Mapping[str, Mapping[str, Any]]:
        """Its readings a month and a quarter ago, by column; empty where there is none."""
        return {name: self._reading_on(self.row[f"{name}_on"]) for name in ("month", "quarter")}

    def _reading_on(self, day: Any) -> Mapping[str, Any]:
        found = self.readings[self.readings["as_of"] == day].head(1).to_dict("records")
        return {str(column): value for column, value in found[0].items()} if found else {}


def trend_word(change: float | None) -> str:
    """A change in words.

    >>> trend_word(-2.5), trend_word(1.0), trend_word(None)
    ('down', 'steady', '')
    """
    if change is None:
        return ""
    return "steady" if abs(change) < STEADY else "up" if change > 0 else "down"


def dimensions_section(account: Account) -> Section:
    """Every dimension with its metrics against benchmark, peer average and top quartile, and its trend."""
    book, peers = account.book, account.peers
    rows = [_dimension_row(account, dimension, label) for dimension, label in book.dimensions.items()]
    columns = [
        Column("dimension", "Dimension"),
        Column("score", "Score", "points"),
        Column("average", "Peer average", "points"),
        Column("top", "Top quartile from", "points"),
        Column("change_month", "30 days", "change"),
        Column("change_quarter", "Quarter", "change"),
        Column("trend", "Trend"),
    ]
    trend = f" Trend: 30-day change, steady below {STEADY:g} points."
    parts: list[Part] = [
        Table("dimensions", "Dimensions, 0-100 points", columns, rows, peers.how + trend),
        Table(
            "metrics",
            "Metrics, in their own units",
            [
                Column("metric", "Metric"),
                Column("value", "Value", "value"),
                Column("benchmark", "Full points from", "value"),
                Column("average", "Peer average", "value"),
                Column("top", "Top quartile from", "value"),
                Column("points", "Points in the score", "points"),
                Column("change_month", "30 days", "value"),
                Column("change_quarter", "Quarter", "value"),
                Column("trend", "Trend"),
            ],
            [_metric_row(account, metric) for metric in book.metrics],
            f"Benchmark: the value from which the config gives full points. {peers.how} Trend of the last 30 days in "
            "the healthy direction.",
        ),
    ]
    if not peers.enough:
        parts.append(
            Absent(
                "peers",
                "Peer average and top quartile",
                f"too few peers: {peers.why_not}",
                "Merge small segments, or leave the segment column out to compare with the whole book.",
            )
        )
    missing = [metric.label for metric in book.metrics if known(account.row[metric.input]) is None]
    weakest = min((row for row in rows if row["score"] is not None), key=lambda row: row["score"], default=None)
    finding = "No dimension has a score." if weakest is None else f"Weakest: {weakest['dimension']}."
    if missing:
        finding += f" No value known: {', '.join(missing[:4])}{' and more' if len(missing) > 4 else ''}."
    return Section("dimensions", "Dimensions and metrics", finding, parts)


def _dimension_row(account: Account, dimension: str, label: str) -> dict[str, Any]:
    row, column = account.row, f"{dimension}{DIMENSION_SUFFIX}"
    change = known(row[f"{dimension}_month"])
    return {
        "id": dimension,
        "dimension": label,
        "score": known(row[column]),
        **_with_interval("average", account.peers.average(column)),
        **_with_interval("top", account.peers.top_quartile(column)),
        "change_month": change,
        "change_quarter": known(row[f"{dimension}_quarter"]),
        "trend": trend_word(change),
    }


def _metric_row(account: Account, metric: Metric) -> dict[str, Any]:
    row, peers = account.row, account.peers
    value = scalar(row[metric.input])
    found: dict[str, Any] = {"id": metric.id, "metric": metric.label, "metric_note": metric.unit, "value": value}
    if isinstance(value, str):
        return {**found, "points": known(account.gained[metric.id])}
    rising = metric.higher_is_healthier is not False
    before = {name: known(then.get(metric.input)) for name, then in account.earlier.items()}
    changes = {name: None if was is None or value is None else float(value) - was for name, was in before.items()}
    return {
        **found,
        "benchmark": metric.benchmark,
        **_with_interval("average", peers.average(metric.input)),
        **_with_interval("top", peers.top_quartile(metric.input, higher_is_healthier=rising)),
        "points": known(account.gained[metric.id]),
        "change_month": changes["month"],
        "change_quarter": changes["quarter"],
        "trend": _metric_trend(metric, changes["month"], peers),
    }


def _metric_trend(metric: Metric, change: float | None, peers: Peers) -> str:
    """Healthier or worse where the change exceeds a tenth of the peers' spread; "" when unknown."""
    if change is None or metric.higher_is_healthier is None:
        return ""
    spread = pd.to_numeric(peers.rows[metric.input], errors="coerce").std()
    if np.isnan(spread) or abs(change) <= 0.1 * spread:
        return "steady"
    return "healthier" if (change > 0) == metric.higher_is_healthier else "worse"


def _with_interval(name: str, found: Estimate) -> dict[str, Any]:
    return {name: found.value, f"{name}_ci90": bounds(found)}


def flags_section(account: Account) -> Section:
    """Red flags and green lights."""
    red = red_flags(account.book, account.row, account.peers)
    green = green_lights(account.book, account.row, account.peers)

    def table(name: str, title: str, flags: list[Flag], empty: str) -> Table:
        columns = [Column("what", "What"), Column("severity", "Severity"), Column("evidence", "Evidence")]
        if name == "green":
            columns.pop(1)
        rows = [{"what": flag.what, "severity": flag.severity, "evidence": flag.evidence} for flag in flags]
        return Table(name, title, columns, rows, FLAG_RULES, empty=empty)

    finding = f"{len(red)} red flags, {len(green)} green lights."
    parts = [table("red", "Red flags", red, "no rule fires"), table("green", "Green lights", green, "no rule fires")]
    return Section("flags", "Red flags and green lights", finding, parts)


def churn_section(account: Account) -> Section:
    """Churn probability with its interval, and what it would be with single metrics at their peers' median."""
    book, row, peers = account.book, account.row, account.peers
    p = known(row["probability"])
    if p is None:
        absent = Absent(
            "probability",
            "Churn probability",
            "the account has no score" if known(row["health_score"]) is None else "the config has no risk curve",
            "Run churnbench run PROJECT and report with its config.json: its curve comes from your outcomes.",
        )
        return Section("churn", "Churn probability", "Not known.", [absent])
    span = account.interval
    interval = "" if span is None else f" (90 % interval {span[0]:.1%} to {span[1]:.1%})"
    finding = f"{p:.1%}{interval} within {book.window.horizon_days} days."
    if not peers.enough:
        return Section(
            "churn",
            "Churn probability",
            finding,
            [
                Absent(
                    "drivers", "Drivers", peers.why_not, "Drivers are told against peers; more accounts of the segment."
                )
            ],
        )
    return Section("churn", "Churn probability and its drivers", finding, [_driver_table(account, p)])


def _driver_table(account: Account, p: float) -> Table:
    book, row, peers = account.book, account.row, account.peers
    shift = account.gaps
    shift = shift[shift.abs() >= 0.05]
    raw = np.clip(float(row["raw_score"]) + shift.to_numpy(dtype=float), 0, 100)
    days = np.full(len(raw), np.nan if known(row["days_to_renewal"]) is None else float(row["days_to_renewal"]))
    then, _, _ = risk_at(book.body, raw, days)
    labels = {metric.id: metric.label for metric in book.metrics}
    rows: list[dict[str, Any]] = [
        {"metric": labels[str(name)], "points": -float(points), "then": known(q), "change": known(q - p)}
        for name, points, q in zip(shift.index, shift, then, strict=True)
    ]
    rows.sort(key=lambda entry: (entry["change"] is None, -abs(entry["change"] or 0.0)))
    columns = [
        Column("metric", "If this metric were at its peers' median"),
        Column("points", "Points against the median now", "change"),
        Column("then", "Churn probability then", "probability"),
    ]
    how = (
        f"The config's own risk curve at the score with that one metric changed. It says what "
        f"the score reads, not what an intervention would do. {peers.how}"
    )
    return Table("drivers", "Main drivers", columns, rows[:6], how, empty="no metric differs from its peers' median")


def expansion_section(account: Account) -> Section:
    """Signs of room to grow."""
    signals = expansion_signals(account.row)
    looked = [name for names, _, _ in EXPANSION_INPUTS for name in names if name in account.row]
    if not looked:
        names = sorted({names[0] for names, _, _ in EXPANSION_INPUTS})
        absent = Absent(
            "expansion", "Expansion signals", "no metric speaks of growth", f"Add one of {', '.join(names)}."
        )
        return Section("expansion", "Expansion signals", "Not known.", [absent])
    rows = [{"what": flag.what, "evidence": flag.evidence} for flag in signals]
    columns = [Column("what", "Signal"), Column("evidence", "Evidence")]
    how = f"Declared rules on {', '.join(dict.fromkeys(looked))}."
    finding = f"{len(signals)} of {len(looked)} signals." if signals else "None of the signals shows."
    return Section(
        "expansion", "Expansion signals", finding, [Table("expansion", "Signals", columns, rows, how, "none shows")]
    )
