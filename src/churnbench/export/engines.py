"""The engines that can score a document; `parity` proves that they agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from churnbench.export.document import Document, checked_scorer
from churnbench.export.node_engine import score_in_javascript
from churnbench.export.sql import to_sql
from churnbench.export.sql_details import everything_of_row
from churnbench.export.vectors import Row
from churnbench.formula import Body, score_frame, validate_body
from churnbench_scorer.golden import everything

#: What `churnbench_scorer.golden.everything` gives of one score, or those of its keys that an engine has.
Outcome = dict[str, Any]
Engine = Callable[[Document, Sequence[Row]], list[Outcome]]


def score_in_python(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the standard-library scorer, the reference."""
    scorer = checked_scorer(document)
    return [everything(scorer.score(row, extra="ignore")) for row in rows]


def score_in_numpy(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the vectorised formula, which does not list caps and stale metrics."""
    body = document["body"]
    names = validate_body(body)
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    scored = score_frame(body, frame, contributions=True)
    plain = scored.astype(object).where(scored.notna(), None)
    columns = [plain[name].tolist() for name in plain.columns]
    return [_of_record(body, dict(zip(plain.columns, record, strict=True))) for record in zip(*columns, strict=True)]


def score_in_duckdb(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the emitted SQL in DuckDB."""
    with duckdb.connect() as connection:
        connection.register("accounts", input_table(document, rows))
        cursor = connection.execute(in_order(to_sql(document, "duckdb", "accounts", details=True)))
        return outcomes(document, cursor.description, cursor.fetchall())


def score_in_sqlite(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the emitted SQL in SQLite (which stores NaN as NULL)."""
    table = input_table(document, rows)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE TABLE accounts ({names})")
        marks = ", ".join("?" for _ in table.column_names)
        values = zip(*(column.to_pylist() for column in table.columns), strict=True)
        connection.executemany(f"INSERT INTO accounts VALUES ({marks})", values)
        cursor = connection.execute(in_order(to_sql(document, "sqlite", "accounts", details=True)))
        return outcomes(document, cursor.description, cursor.fetchall())
    finally:
        connection.close()


def score_in_postgres(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the emitted SQL on the PostgreSQL server that CHURNBENCH_POSTGRES names."""
    from churnbench.export.postgres_engine import fetch_scores  # it needs a package that few have

    return outcomes(document, *fetch_scores(document, input_table(document, rows)))


def score_in_spark(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the emitted Spark SQL, in the active session or one on this machine."""
    from churnbench.export.spark_engine import sql_scores  # it needs a package that few have

    return outcomes(document, *sql_scores(document, input_table(document, rows)))


def score_in_spark_arrow(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the vectorised formula on Spark's workers, which gives what `churnbench score` writes."""
    from churnbench.export.spark_engine import arrow_scores

    body, found = document["body"], []
    for row in arrow_scores(document, input_table(document, rows)):
        points = {dimension["id"]: row[f"{dimension['id']}_score"] for dimension in body["dimensions"]}
        found.append(
            {
                "score": row["health_score_x100"],
                "reading": row.get("reading_band", row["band"]),
                "band": row["band"],
                "coverage": row["coverage_bp"],
                "churn_probability": row["churn_probability"],
                "dimensions": {name: None if value is None else round(value * 100.0) for name, value in points.items()},
            }
        )
    return found


#: Every engine; one whose program or server is absent says how to have it.
ENGINES: Mapping[str, Engine] = {
    "python": score_in_python,
    "numpy": score_in_numpy,
    "duckdb": score_in_duckdb,
    "sqlite": score_in_sqlite,
    "postgres": score_in_postgres,
    "javascript": score_in_javascript,
    "spark": score_in_spark,
    "spark-arrow": score_in_spark_arrow,
}


def in_order(query: str) -> str:
    """The query with its rows in the order of account_id."""
    return f"SELECT * FROM ({query}) AS scored ORDER BY account_id"


def input_table(document: Document, rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table with an account number; NaN stays NaN, None becomes NULL."""
    columns: dict[str, pa.Array] = {"account_id": pa.array(range(len(rows)), pa.int64())}
    for name, kind in validate_body(document["body"]).items():
        values = [row.get(name) for row in rows]
        if kind == "category":
            texts = [value if isinstance(value, str) else None for value in values]
            columns[name] = pa.array(texts, pa.string())
        else:
            numbers = [_double(value) for value in values]
            columns[name] = pa.array(numbers, pa.float64(), from_pandas=False)
    return pa.table(columns)


def outcomes(document: Document, description: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> list[Outcome]:
    """Rows of a query with details, as fetched through a database cursor."""
    names = [column[0] for column in description]
    return [everything_of_row(document, dict(zip(names, row, strict=True))) for row in rows]


def _double(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _of_record(body: Body, record: Row) -> Outcome:
    names = [name for dimension in body["dimensions"] for name, _ in dimension["weights"]]
    parts = [[name, record[f"{name}_gained_x100"], record[f"{name}_lost_x100"]] for name in names]
    scored = record["health_score_x100"] is not None
    points = {d["id"]: record[f"{d['id']}_score"] for d in body["dimensions"]}
    return {
        "score": record["health_score_x100"],
        "reading": record.get("reading_band", record["band"]),
        "band": record["band"],
        "coverage": record["coverage_bp"],
        "raw": record["raw_score_x100"],
        "churn_probability": record["churn_probability"],
        "dimensions": {name: None if score is None else round(score * 100.0) for name, score in points.items()},
        "contributions": parts if scored else [],
    }
