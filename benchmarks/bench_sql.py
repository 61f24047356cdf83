"""How fast the emitted SQL is: PostgreSQL and DuckDB, each against a named alternative in the same run.

Run `CHURNBENCH_POSTGRES=postgresql://... python benchmarks/bench_sql.py [rows]`; without a server only DuckDB is
measured. The alternatives: the same query without fences between its relations; a query as one would write it by hand,
with LEAST and GREATEST and without a guard for missing, huge or tiny numbers; the same query with details. Each figure
is the best of three, reading the result to the end inside the server (count and sums), and each ratio is to the query
that `to_sql` emits.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from churnbench.export import build_document, sql_dialects, to_sql
from churnbench.formula import MetricCurve, body_from_curves, score_frame, with_risk_curve

METRICS = 12
SUMS = "count(*), sum(health_score_x100), sum(coverage_bp), min(band), sum(churn_probability)"


def formula() -> dict[str, Any]:
    curves = []
    for k in range(METRICS):
        xs = np.linspace(0, 20, (2, 2, 7, 13)[k % 4])
        curves.append(
            MetricCurve(
                f"m{k}", f"x{k}", f"d{k % 4}", 1.0 + k, points=list(zip(xs, 100 * (xs / 20) ** 0.5, strict=True))
            )
        )
    bands = [("red", 0.0), ("yellow", 60.0), ("green", 80.0)]
    body = body_from_curves(curves, [f"d{k}" for k in range(4)], bands, 5000)
    risk = [[float(s), 0.9 - 0.008 * s, 0.0, 1.0] for s in range(0, 101, 5)]
    return with_risk_curve(body, [{"id": "all", "points": risk}])


def by_hand(body: dict[str, Any], double: str) -> str:
    """The same score as people write it: nested LEAST and GREATEST, weights inline, no guard but for NULL."""
    rules = {metric["id"]: metric for metric in body["metrics"]}
    outer, inner = [], []
    for name, metric in rules.items():
        points, slopes = metric["rule"]["points"], metric["rule"]["slopes"]
        x = f"LEAST(GREATEST({metric['input']}, {points[0][0]!r}), {points[-1][0]!r})"
        branches = [
            f"WHEN {x} < {end[0]!r} THEN {start[1]!r} + ({x} - {start[0]!r}) * {slope!r}"
            for start, end, slope in zip(points, points[1:], slopes, strict=False)
        ]
        inner.append(
            f"CASE WHEN {metric['input']} IS NOT NULL THEN CASE {' '.join(branches)} ELSE 100 END END AS {name}"
        )
    default = dict(body["segments"]["default"])
    tops, bottoms = [], []
    for dimension in body["dimensions"]:
        top = " + ".join(f"{w} * COALESCE({m}, 0)" for m, w in dimension["weights"])
        bottom = " + ".join(f"CASE WHEN {m} IS NULL THEN 0 ELSE {w} END" for m, w in dimension["weights"])
        outer.append(f"CAST({top} AS {double}) / NULLIF({bottom}, 0) AS {dimension['id']}")
        tops.append(f"COALESCE({default[dimension['id']]} * {dimension['id']}, 0)")
        bottoms.append(f"CASE WHEN {dimension['id']} IS NULL THEN 0 ELSE {default[dimension['id']]} END")
    total = f"({' + '.join(tops)}) / NULLIF({' + '.join(bottoms)}, 0)"
    return (
        f"SELECT account_id, health_score_x100, 10000 AS coverage_bp, 0.9 - 0.00008 * health_score_x100 AS "
        f"churn_probability, CASE WHEN health_score_x100 >= 8000 THEN 'green' WHEN health_score_x100 >= 6000 THEN "
        f"'yellow' ELSE 'red' END AS band FROM (SELECT account_id, FLOOR({total} * 100 + 0.5) AS health_score_x100 "
        f"FROM (SELECT account_id, {', '.join(outer)} FROM (SELECT account_id, {', '.join(inner)} FROM bench) a) b) c"
    )


def table_of(count: int) -> pa.Table:
    rng = np.random.default_rng(0)
    values = {f"x{k}": pa.array(rng.uniform(0, 25, count), mask=rng.random(count) < 0.1) for k in range(METRICS)}
    return pa.table({"account_id": pa.array(np.arange(count)), **values})


def best(action: Callable[[], object], repeats: int = 3) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def queries(document: dict[str, Any], dialect: str, double: str) -> dict[str, str]:
    spoken = sql_dialects.DIALECTS[dialect]
    found = {"emitted": to_sql(document, dialect, "bench")}
    found["emitted, with details"] = to_sql(document, dialect, "bench", details=True)
    found["by hand, without guards"] = by_hand(document["body"], double)
    try:
        sql_dialects.DIALECTS[dialect] = dataclasses.replace(spoken, fence="")
        found["emitted, without fences"] = to_sql(document, dialect, "bench")
        if spoken.fence == "offset":
            sql_dialects.DIALECTS[dialect] = dataclasses.replace(spoken, fence="materialized")
            found["emitted, all materialised"] = to_sql(document, dialect, "bench")
    finally:
        sql_dialects.DIALECTS[dialect] = spoken
    return found


def report(engine: str, count: int, found: dict[str, str], run: Callable[[str], Any]) -> None:
    base = 0.0
    for name, query in found.items():
        try:
            seconds = best(lambda query=query: run(f"SELECT {SUMS} FROM ({query}) AS scored"))
        except Exception as error:  # noqa: BLE001 - an alternative that cannot run is a finding too
            print(f"{engine:<11}{name:<28} does not run: {str(error).splitlines()[0][:80]}")
            continue
        base = base or seconds
        print(f"{engine:<11}{name:<28}{seconds:8.3f} s  {count / seconds / 1e6:6.2f} M rows/s  {seconds / base:6.2f} x")


def main(count: int) -> None:
    document = build_document(
        formula(), config_id="bench", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )
    table = table_of(count)
    wanted = score_frame(document["body"], table.to_pandas())
    print(f"{count:,} rows, {METRICS} metrics; sum of scores {int(wanted['health_score_x100'].sum())}")
    with duckdb.connect() as connection:
        connection.register("source", table)
        connection.execute("CREATE TABLE bench AS SELECT * FROM source")
        report("duckdb", count, queries(document, "duckdb", "DOUBLE"), lambda q: connection.execute(q).fetchall())
        print("duckdb     ", connection.execute(f"SELECT {SUMS} FROM ({to_sql(document, table='bench')}) s").fetchall())
    if os.environ.get("CHURNBENCH_POSTGRES"):
        in_postgres(document, table, count)


def in_postgres(document: dict[str, Any], table: pa.Table, count: int) -> None:
    import psycopg

    with psycopg.connect(os.environ["CHURNBENCH_POSTGRES"]) as connection, connection.cursor() as cursor:
        columns = ", ".join(f"x{k} DOUBLE PRECISION" for k in range(METRICS))
        cursor.execute(f"CREATE TEMPORARY TABLE bench (account_id BIGINT, {columns}) ON COMMIT DROP")
        with cursor.copy("COPY bench FROM STDIN") as copy:
            for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
                copy.write_row(row)
        cursor.execute("ANALYZE bench")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SET LOCAL statement_timeout = '120s'")

        def run(query: str) -> Any:
            cursor.execute("SAVEPOINT before")
            try:
                return cursor.execute(query).fetchall()
            finally:
                cursor.execute("ROLLBACK TO before")

        report("postgres", count, queries(document, "postgres", "DOUBLE PRECISION"), run)
        cursor.execute("SET LOCAL jit = on")
        report("postgres", count, {"emitted, with jit": to_sql(document, "postgres", "bench")}, run)
        print("postgres   ", run(f"SELECT {SUMS} FROM ({to_sql(document, 'postgres', 'bench')}) s"))
        connection.rollback()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
