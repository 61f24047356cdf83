"""From the columns of a table to the points of every metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from churnbench.export.sql_chain import Chain
from churnbench.export.sql_text import Writer
from churnbench.formula import Body
from churnbench_scorer.plan import HIGHEST, LOWEST, fallback_points

#: Below every possible number of points (rounding can reach -1e-14): `x >= -1` means "x is not NULL".
ANY_POINTS = -1.0
#: The relation that holds the points of every metric; nothing after it reads the table.
METRIC = "metric"


@dataclass
class Query:
    """What the stages of a query share.

    Attributes:
        body, kinds: a checked body and its inputs.
        write, chain: where expressions and relations go.
        slot: column of each input, NULL where it is missing.
        points: column of each metric's points, NULL where they are missing.
        fallback: points of a missing metric, None when it is skipped.
    """

    body: Body
    kinds: Mapping[str, str]
    write: Writer
    chain: Chain
    slot: dict[str, str] = field(init=False)
    points: dict[str, str] = field(init=False)
    fallback: dict[str, float | None] = field(init=False)

    def __post_init__(self) -> None:
        self.slot = {name: f"i{position}" for position, name in enumerate(self.kinds)}
        self.points = {metric["id"]: f"v{position}" for position, metric in enumerate(self.body["metrics"])}
        self.fallback = {metric["id"]: fallback_points(metric) for metric in self.body["metrics"]}


def read_inputs(
    query: Query, source: str, account_id: str, columns: Mapping[str, str], types: Mapping[str, str]
) -> None:
    """Cast the columns, then make NULL of numbers that count as missing.

    Args:
        query: the query; its chain begins here.
        source: the table as it stands after FROM.
        account_id: quoted column of the account.
        columns: input id -> quoted column.
        types: input id -> one of `COLUMN_TYPES`, where it is known.
    """
    w, slot = query.write, query.slot
    read, present = {"account_id": account_id}, {}
    for name, kind in query.kinds.items():
        if kind == "category":
            read[slot[name]] = w.as_text(columns[name])
        else:
            raw = f"c{slot[name]}"
            read[raw] = w.column(columns[name], types.get(name, "either" if kind == "boolean" else "number"))
            present[slot[name]] = f"CASE WHEN {w.within(raw, LOWEST, HIGHEST)} THEN {raw} END"
    query.chain.read("input", read, source)
    query.chain.add("present", present)


def metric_points(query: Query) -> None:
    """Points of every metric before its missing policy, and the weights of the row's profile."""
    _ratios(query)
    added = {query.points[metric["id"]]: _points(query, metric) for metric in query.body["metrics"]}
    segments = query.body["segments"]
    for position, (name, weight) in enumerate(segments["default"]):
        expression = query.write.number(weight)
        if segments["by"]:
            table = [(entry["segment"], dict(entry["weights"])[name]) for entry in segments["by"]]
            expression = query.write.by_text(query.slot[segments["input"]], table, weight)
        added[f"w{position}"] = expression
    query.chain.add(METRIC, added, fenced=True)


def _ratios(query: Query) -> None:
    divided, held = {}, {}
    for metric in query.body["metrics"]:
        rule, points = metric["rule"], query.points[metric["id"]]
        if rule["kind"] == "ratio":
            divided[f"q{points}"] = query.write.quotient(query.slot[metric["input"]], query.slot[rule["denominator"]])
            held[f"r{points}"] = query.write.held(
                f"q{points}", float(rule["multiplier"]), float(rule["low"]), float(rule["high"])
            )
    query.chain.add("ratio", divided)
    query.chain.add("held", held)


def _points(query: Query, metric: Mapping[str, Any]) -> str:
    w, rule, x = query.write, metric["rule"], query.slot[metric["input"]]
    if rule["kind"] == "piecewise":
        points = w.curve(x, rule["points"], rule["slopes"])
    elif rule["kind"] == "ratio":
        points = w.curve(f"r{query.points[metric['id']]}", rule["points"], rule["slopes"])
    elif rule["kind"] == "boolean":
        half, yes, no = w.number(0.5), w.height(rule["true"]), w.height(rule["false"])
        points = f"CASE WHEN {x} >= {half} THEN {yes} WHEN {x} < {half} THEN {no} END"
    else:
        points = _category(w, x, rule["map"])
    validity = metric.get("validity")
    if validity and validity["then"] == "missing":
        age = query.slot[validity["input"]]
        points = f"CASE WHEN {w.number(validity['days'])} < {age} THEN NULL ELSE {points} END"
    return points


def _category(w: Writer, x: str, table: Sequence[Sequence[Any]]) -> str:
    branches = " ".join(f"WHEN {w.is_text(x, text)} THEN {w.height(points)}" for text, points in table)
    return f"CASE {branches} END"
