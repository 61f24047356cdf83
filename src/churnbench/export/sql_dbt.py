"""A weight config as two dbt models: metric points kept as a table, scores as a view on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.document import Document
from churnbench.export.sql import compose, dialect_of, notice
from churnbench.export.sql_metrics import METRIC
from churnbench_scorer import INSUFFICIENT

# Names and texts of a formula cannot hold a zero character, so these marks cannot occur in the SQL by chance.
_SOURCE, _METRICS = "\x00source\x00", "\x00metrics\x00"


def dbt_models(
    document: Document,
    source_table: str = "accounts",
    *,
    dialect: str = "duckdb",
    name: str = "health",
    account_id: str | None = None,
    columns: Mapping[str, str] | None = None,
    column_types: Mapping[str, str] | None = None,
    details: bool = False,
) -> dict[str, str]:
    """Write the files of two dbt models.

    Args:
        document: a config document.
        source_table: `table`, `schema.table` or `database.schema.table`, of plain words; declared as a dbt source.
        dialect: one of `DIALECTS`, the one of the dbt adapter.
        name: how the models begin: `<name>_metrics` and `<name>_scores`.
        account_id: column that identifies an account; default account_id.
        columns: input id -> column name, for columns that are not named like their input.
        column_types: input id -> "boolean" or "decimal", as in `to_sql`.
        details: whether the scores have the columns that explain them, as in `to_sql`.

    Returns:
        Path below the dbt project -> text: two models, one yml with descriptions and data tests, a README.

    Raises:
        InputError: as `to_sql`; and for a source or a name that is not made of plain words.
    """
    spoken = dialect_of(dialect)
    parts = _words(source_table.split("."), "source_table", most=3)
    _words([name], "name", most=1)
    query, outputs = compose(
        document,
        spoken,
        source=_SOURCE,
        prefix="churnbench_",
        account_id=account_id,
        columns=columns or {},
        column_types=column_types or {},
        details=details,
    )
    points, scores = query.chain.split(outputs, METRIC, _METRICS)
    source = "{{ source('" + _source_name(parts) + "', '" + parts[-1] + "') }}"
    read = {_SOURCE: source, _METRICS: "{{ ref('" + name + "_metrics') }}"}
    folder = f"models/{name}"
    return {
        f"{folder}/{name}_metrics.sql": _model("table", notice(spoken) + points, read),
        f"{folder}/{name}_scores.sql": _model("view", notice(spoken) + scores, read),
        f"{folder}/{name}.yml": _schema(document, parts, name, details=details),
        f"{folder}/README.md": _readme(document, name, dialect, source_table),
    }


def _model(kind: str, sql: str, read: Mapping[str, str]) -> str:
    """A model file: SQL in which no text can open a Jinja block and no line end is rewritten."""
    safe = sql.replace("{", "{{ '{' }}").replace("\r", "{{ '\\r' }}")
    for mark, jinja in read.items():
        safe = safe.replace(mark, jinja)
    return "{{ config(materialized='" + kind + "') }}\n\n" + safe + "\n"


def _words(parts: Sequence[str], what: str, *, most: int) -> list[str]:
    if len(parts) > most or not all(part.isascii() and part.isidentifier() for part in parts):
        raise InputError(
            f"{what} {'.'.join(parts)!r} cannot stand in a dbt file.",
            fix=f"Use at most {most} plain words (letters, digits, _) joined by dots; rename, or add a view.",
        )
    return list(parts)


def _source_name(parts: Sequence[str]) -> str:
    return parts[-2] if len(parts) > 1 else "churnbench_source"


def _schema(document: Document, parts: Sequence[str], name: str, *, details: bool) -> str:
    """Sources, models, descriptions and tests; every text is written as JSON, which YAML reads as it is."""
    place = {"schema": parts[-2] if len(parts) > 1 else "{{ target.schema }}"}
    if len(parts) == 3:
        place["database"] = parts[0]
    lines = ["version: 2", "", "sources:", f"  - name: {_source_name(parts)}"]
    lines += [f"    {key}: {json.dumps(value)}" for key, value in place.items()]
    lines += ["    tables:", f"      - name: {parts[-1]}", "", "models:"]
    lines += _model_entry(
        f"{name}_metrics",
        f"Points of every metric by account, weight config {_title(document)}. An intermediate of {name}_scores.",
        {"account_id": ("The account.", ["not_null", "unique"])},
    )
    body = document["body"]
    bands = [band for band, _ in body["bands"]] + [INSUFFICIENT]
    among = "accepted_values: {values: " + json.dumps(bands) + "}"
    described: dict[str, tuple[str, list[str]]] = {
        "account_id": ("The account.", ["not_null", "unique"]),
        "health_score_x100": ("Health score in hundredths of a point, 0 to 10000; null with too little data.", []),
        "band": ("Band of the score, or insufficient-data.", ["not_null", among]),
        "coverage_bp": ("Share of the weight whose input is present, in basis points.", ["not_null"]),
        "churn_probability": ("P(churn) by the config's risk curve; null without a score or a curve.", []),
    }
    if body.get("hysteresis"):
        described["reading_band"] = ("Band of the score by the thresholds alone.", ["not_null", among])
    if details:
        described["raw_score_x100"] = ("Score after ramp and caps, before the display map.", [])
        described["total_score_x100"] = ("Score before ramp, caps and display map; contributions sum to it.", [])
    scores = f"Health scores by account, weight config {_title(document)}, body {document['integrity']['body_sha256']}."
    return "\n".join([*lines, *_model_entry(f"{name}_scores", scores, described)]) + "\n"


def _model_entry(name: str, description: str, columns: Mapping[str, tuple[str, list[str]]]) -> list[str]:
    lines = [f"  - name: {name}", f"    description: {json.dumps(description)}", "    columns:"]
    for column, (text, tests) in columns.items():
        lines += [f"      - name: {column}", f"        description: {json.dumps(text)}"]
        lines += ["        data_tests:", *(f"          - {test}" for test in tests)] if tests else []
    return lines


def _title(document: Mapping[str, Any]) -> str:
    return f"{document['config_id']} {document['config_version']}"


def _readme(document: Document, name: str, dialect: str, source: str) -> str:
    return f"""# {name}: health scores by weight config {_title(document)}

Written for {dialect}; reads {source}. Copy this folder into `models/` of a dbt project (dbt 1.8 or later) and run

    dbt build --select {name}_metrics {name}_scores

- `{name}_metrics` (table): points of every metric, one row per account. It is a table so that no engine computes them
  anew for every use.
- `{name}_scores` (view): account_id, health_score_x100, band, coverage_bp, churn_probability.
- `{name}.yml`: the source, descriptions, and tests that account_id is unique and every band is known.

Do not edit the SQL: its integers equal those of the config's other scorers only as it is. For a new config, write the
folder again. Body {document["integrity"]["body_sha256"]}.
"""
