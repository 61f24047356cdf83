"""The engines that can score a document, and the proof that they agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.export.document import Document, checked_scorer
from churnbench.export.node_engine import outcomes_in_javascript
from churnbench.export.sql import RESULT_COLUMNS, to_sql
from churnbench.export.vectors import Probes, Row
from churnbench.formula import score_frame, validate_body
from churnbench_scorer.golden import decode

#: health_score_x100, band, coverage_bp, churn_probability
Outcome = tuple[int | None, str, int, float | None]
Engine = Callable[[Document, Sequence[Row]], list[Outcome]]


@dataclass(frozen=True)
class EngineResult:
    """What one engine made of the golden vectors and the random rows.

    Attributes:
        engine: its name.
        rows: rows compared.
        mismatches: rows that differ in any of the four outputs, without tolerance.
        first_difference: inputs, what was expected and what arrived, in words; None when all agree.
    """

    engine: str
    rows: int
    mismatches: int
    first_difference: str | None

    @property
    def ok(self) -> bool:
        """Whether every row agrees."""
        return self.mismatches == 0


def verify(
    document: Document,
    engines: Sequence[str] = ("python", "duckdb"),
    *,
    random_rows: int = 500,
    seed: int = 0,
) -> list[EngineResult]:
    """Score golden vectors and random rows on every engine and compare exactly.

    Args:
        document: a config document.
        engines: names out of `ENGINES`.
        random_rows: rows beside the golden vectors; the standard-library scorer says what they should give.
        seed: seed of those rows.

    Returns:
        One result per engine, in the order asked for.

    Raises:
        InputError: for an unknown engine, or a document that the scorer refuses.
    """
    for name in engines:
        if name not in ENGINES:
            raise InputError(f"engine {name!r} is not known.", fix=f"Use some of {', '.join(ENGINES)}.")
    scorer = checked_scorer(document)
    kinds = validate_body(document["body"])
    probes, rng = Probes(document["body"], kinds), Random(seed)  # noqa: S311 - reproducible, not secret
    rows = [decode(vector["in"], scorer.inputs) for vector in document["golden"]]
    rows += [probes.random(rng) for _ in range(random_rows)]
    # Loading has replayed the golden vectors, so here the scorer can speak for them too.
    wanted = score_in_python(document, rows)
    return [_compare(name, rows, wanted, ENGINES[name](document, rows)) for name in engines]


def score_in_python(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the standard-library scorer, the reference."""
    scorer = checked_scorer(document)
    scores = [scorer.score(row, extra="ignore") for row in rows]
    return [(s.health_score_x100, s.band, s.coverage_bp, s.churn_probability) for s in scores]


def score_in_numpy(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the vectorised formula."""
    names = validate_body(document["body"])
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    return _outcomes(score_frame(document["body"], frame))


def score_in_duckdb(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the emitted SQL in DuckDB."""
    with duckdb.connect() as connection:
        connection.register("accounts", _table(document, rows))
        found: list[Outcome] = connection.execute(_ordered(to_sql(document, "duckdb", "accounts"))).fetchall()
        return found


def score_in_sqlite(document: Document, rows: Sequence[Row]) -> list[Outcome]:
    """Score with the emitted SQL in SQLite (which stores NaN as NULL)."""
    table = _table(document, rows)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE TABLE accounts ({names})")
        marks = ", ".join("?" for _ in table.column_names)
        values = zip(*(column.to_pylist() for column in table.columns), strict=True)
        connection.executemany(f"INSERT INTO accounts VALUES ({marks})", values)
        return connection.execute(_ordered(to_sql(document, "sqlite", "accounts"))).fetchall()
    finally:
        connection.close()


#: Every engine; one whose program is absent says how to have it.
ENGINES: Mapping[str, Engine] = {
    "python": score_in_python,
    "numpy": score_in_numpy,
    "duckdb": score_in_duckdb,
    "sqlite": score_in_sqlite,
    "javascript": outcomes_in_javascript,
}


def _ordered(query: str) -> str:
    return f"SELECT {', '.join(RESULT_COLUMNS[1:])} FROM ({query}) AS scored ORDER BY account_id"


def _table(document: Document, rows: Sequence[Row]) -> pa.Table:
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


def _double(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _outcomes(scored: pd.DataFrame) -> list[Outcome]:
    return [
        (None if pd.isna(score) else int(score), band, int(coverage), None if pd.isna(risk) else float(risk))
        for score, band, coverage, risk in zip(
            scored["health_score_x100"],
            scored["band"],
            scored["coverage_bp"],
            scored["churn_probability"],
            strict=True,
        )
    ]


def _compare(engine: str, rows: Sequence[Row], wanted: Sequence[Outcome], found: Sequence[Outcome]) -> EngineResult:
    different = [k for k, pair in enumerate(zip(wanted, found, strict=True)) if pair[0] != tuple(pair[1])]
    first = None
    if different:
        k = different[0]
        first = f"inputs {rows[k]}: expected {wanted[k]}, {engine} gave {tuple(found[k])}"
    return EngineResult(engine, len(rows), len(different), first)
