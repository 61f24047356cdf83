"""A config document as one SQL query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.document import Document
from churnbench.export.sql_relations import Relations
from churnbench.export.sql_text import DIALECTS, Writer
from churnbench.formula import validate_body
from churnbench_scorer import INSUFFICIENT

#: Result columns of every emitted query, in order.
RESULT_COLUMNS = ("account_id", "health_score_x100", "band", "coverage_bp", "churn_probability")


def to_sql(
    document: Document,
    dialect: str = "duckdb",
    table: str | Sequence[str] = "accounts",
    *,
    account_id: str = "account_id",
    columns: Mapping[str, str] | None = None,
    dimensions: bool = False,
) -> str:
    """Write the query that scores a table.

    Args:
        document: a config document.
        dialect: one of `DIALECTS`.
        table: table or view; text is split at dots when every part is a plain word, else it is one name.
        account_id: column that identifies an account.
        columns: input id -> column name, for columns that are not named like their input.
        dimensions: whether to add one `<dimension>_score_x100` per dimension.

    Returns:
        One SELECT without a closing semicolon: account_id, health_score_x100 (NULL without a score), band,
        coverage_bp, churn_probability; with hysteresis also reading_band; rows in no particular order.

    Raises:
        InputError: for an unknown dialect, a faulty body, or inputs that differ only in case.
    """
    if dialect not in DIALECTS:
        raise InputError(f"dialect {dialect!r} is not known.", fix=f"Use one of {', '.join(DIALECTS)}.")
    kinds = validate_body(document["body"])
    _check_case(list(kinds), columns or {})
    writer = Writer(DIALECTS[dialect])
    relations = Relations(document["body"], kinds, writer, prefix=_free_prefix(table))
    relations.read(table, account_id, columns or {})
    relations.metrics()
    relations.dimensions()
    relations.total()
    result = _result(document["body"], relations.band, writer, dimensions=dimensions)
    return f"{relations.sql()}\nSELECT {result}\nFROM {relations.last}"


def _result(body: Mapping[str, Any], band: str, writer: Writer, *, dimensions: bool) -> str:
    curve = body.get("risk_curve") or {"strata": []}
    risk = "risk" if curve["strata"] else writer.as_double("NULL")
    outputs = [
        f"account_id AS {writer.name('account_id')}",
        f"{writer.as_integer('health')} AS health_score_x100",
        f"{_band_name(band, body['bands'], writer)} AS band",
        f"{writer.as_integer('coverage')} AS coverage_bp",
        f"{risk} AS churn_probability",
    ]
    if dimensions:
        outputs += [
            f"{writer.as_integer(writer.rounded(f'd{position}', 100.0))} "
            f"AS {writer.name(dimension['id'] + '_score_x100')}"
            for position, dimension in enumerate(body["dimensions"])
        ]
    if body.get("hysteresis"):
        outputs.append(f"{_band_name('reading', body['bands'], writer)} AS reading_band")
    return ",\n  ".join(outputs)


def _band_name(position: str, bands: Sequence[Sequence[Any]], writer: Writer) -> str:
    branches = " ".join(
        f"WHEN {position} = {writer.number(place)} THEN {writer.string(name)}" for place, (name, _) in enumerate(bands)
    )
    return f"CASE {branches} ELSE {writer.string(INSUFFICIENT)} END"


def _check_case(inputs: Sequence[str], columns: Mapping[str, str]) -> None:
    """Most engines read column names without regard to case, so two such inputs would be one column."""
    seen: dict[str, str] = {}
    for name in inputs:
        column = columns.get(name, name)
        other = seen.setdefault(column.casefold(), column)
        if other != column:
            raise InputError(
                f"columns {other!r} and {column!r} differ only in case, which SQL engines ignore.",
                fix="Map one of them to another column name.",
            )


def _free_prefix(table: str | Sequence[str]) -> str:
    """A prefix for the query's own relations that the table's name does not start with."""
    last = (table.split(".") if isinstance(table, str) else list(table))[-1].casefold()
    prefix = "churnbench_"
    while last.startswith(prefix):
        prefix += "_"
    return prefix
