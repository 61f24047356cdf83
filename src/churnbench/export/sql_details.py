"""What explains a score, in SQL: points gained and lost by metric, caps that held, stale metrics.

Rounding is cumulative, as in `churnbench_scorer.Score.contributions`: running sums are rounded and held at the
target, a metric gets the step between two marks, and the last metric with a part takes what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.export.document import Document
from churnbench.export.sql_metrics import ANY_POINTS, Query
from churnbench.export.sql_score import cap_holds

#: Running sums written in one relation; each further one reads the last of these, so that queries grow in a line.
_RUN = 12


def add_contributions(query: Query) -> None:
    """Parts, running sums, marks, and which metric takes what is left."""
    w, terms = query.write, _terms(query)
    parts: dict[str, str] = {}
    for m, (k, weight, name) in enumerate(terms):
        points, fallback = query.points[name], query.fallback[name]
        value = points if fallback is None else f"COALESCE({points}, {w.height(fallback)})"
        counts = f"{w.number(0)} < p{k} AND {w.number(0)} < total_weight AND {value} >= {w.number(ANY_POINTS)}"
        share = f"w{k} * {w.number(weight)} / (total_weight * p{k})"
        hundred = w.number(100)
        parts[f"g{m}"] = f"CASE WHEN {counts} THEN {share} * {value} * {hundred} ELSE {w.number(0)} END"
        lost = f"CASE WHEN {counts} AND {value} < {hundred} THEN {share} * ({hundred} - {value}) * {hundred}"
        parts[f"l{m}"] = f"{lost} ELSE {w.number(0)} END"
    points_total = w.rounded("total", 100.0)
    query.chain.add("part", {**parts, "gtarget": points_total, "ltarget": f"{w.number(10000)} - {points_total}"})
    for start in range(0, len(terms), _RUN):
        block = range(start, min(start + _RUN, len(terms)))
        query.chain.add(f"running{start}", {f"{side}r{m}": _running(side, start, m) for side in "gl" for m in block})
    marks = {f"{side}m{m}": _mark(query, side, m) for side in "gl" for m in range(len(terms))}
    last = {f"{side}last": _last(query, side, len(terms)) for side in "gl"}
    query.chain.add("mark", {**marks, **last})


def detail_outputs(query: Query) -> list[tuple[str, str]]:
    """Column names and expressions, in the order of the result; names may repeat."""
    w, whole = query.write, query.write.as_integer
    outputs = [("raw_score_x100", whole(w.rounded("raw_score", 100.0))), ("total_score_x100", whole("gtarget"))]
    for position, dimension in enumerate(query.body["dimensions"]):
        outputs.append((f"{dimension['id']}_score_x100", whole(w.rounded(f"d{position}", 100.0))))
    count = len(_terms(query))
    for m, (_, _, name) in enumerate(_terms(query)):
        for side, word in (("g", "gained"), ("l", "lost")):
            before = f" - {side}m{m - 1}" if m else ""
            rest = f"CASE WHEN {side}last = {w.number(m)} THEN {side}target - {side}m{count - 1} ELSE {w.number(0)} END"
            outputs.append((f"{name}_{word}_x100", whole(f"{side}m{m}{before} + {rest}")))
    return outputs + _flags(query)


def _flags(query: Query) -> list[tuple[str, str]]:
    """Caps whose condition holds (none without a score) and metrics older than they should be, 1 or 0."""
    w = query.write
    conditions = []
    for position, cap in enumerate(query.body.get("caps", ())):
        scored = f"total >= {w.number(ANY_POINTS)}"
        conditions.append((f"cap_{cap['id']}", f"{scored} AND {cap_holds(query, position)}"))
    for metric in _flagged(query.body):
        validity = metric["validity"]
        old = f"{w.number(validity['days'])} < {query.slot[validity['input']]}"
        conditions.append((f"stale_{metric['id']}", old))
    one, zero = w.as_integer("'1'"), w.as_integer("'0'")
    return [(name, f"CASE WHEN {condition} THEN {one} ELSE {zero} END") for name, condition in conditions]


def everything_of_row(document: Document, row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of a query with details, as `churnbench_scorer.golden.everything` gives it.

    Args:
        document: the config document that the query was written from.
        row: column name -> value of the row, with the names that `to_sql` gives.

    Returns:
        The keys score, reading, band, coverage, raw, churn_probability, total, dimensions, contributions, caps, stale.
    """
    body = document["body"]
    names = [name for dimension in body["dimensions"] for name, _ in dimension["weights"]]
    scored = row["health_score_x100"] is not None
    return {
        "score": row["health_score_x100"],
        "reading": row.get("reading_band", row["band"]),
        "band": row["band"],
        "coverage": row["coverage_bp"],
        "raw": row["raw_score_x100"],
        "churn_probability": row["churn_probability"],
        "total": row["total_score_x100"],
        "dimensions": {dimension["id"]: row[f"{dimension['id']}_score_x100"] for dimension in body["dimensions"]},
        "contributions": [[name, row[f"{name}_gained_x100"], row[f"{name}_lost_x100"]] for name in names]
        if scored
        else [],
        "caps": [cap["id"] for cap in body.get("caps", ()) if row[f"cap_{cap['id']}"] == 1],
        "stale": [metric["id"] for metric in _flagged(body) if row[f"stale_{metric['id']}"] == 1],
    }


def _terms(query: Query) -> list[tuple[int, int, str]]:
    """Dimension position, weight in basis points and id of every metric, in the order of contributions."""
    dimensions = enumerate(query.body["dimensions"])
    return [(k, weight, name) for k, dimension in dimensions for name, weight in dimension["weights"]]


def _flagged(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [m for m in body["metrics"] if m.get("validity") and m["validity"]["then"] == "flag"]


def _running(side: str, start: int, m: int) -> str:
    before = [f"{side}r{start - 1}"] if start else []
    return " + ".join([*before, *(f"{side}{k}" for k in range(start, m + 1))])


def _mark(query: Query, side: str, m: int) -> str:
    rounded = query.write.rounded(f"{side}r{m}")
    return f"CASE WHEN {rounded} < {side}target THEN {rounded} ELSE {side}target END"


def _last(query: Query, side: str, count: int) -> str:
    n = query.write.number
    branches = " ".join(f"WHEN {n(0)} < {side}{m} THEN {n(m)}" for m in reversed(range(count)))
    return f"CASE {branches} ELSE {n(0)} END"
