"""A config document as one SQL query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from churnbench.domain.errors import InputError
from churnbench.export.document import Document
from churnbench.export.sql_chain import Chain
from churnbench.export.sql_details import add_contributions, detail_outputs
from churnbench.export.sql_metrics import Query, metric_points, read_inputs
from churnbench.export.sql_score import band_name, dimension_means, health_score, total_score
from churnbench.export.sql_text import COLUMN_TYPES, DIALECTS, Dialect, Writer, table_parts
from churnbench.formula import validate_body

#: Result columns of every emitted query, in order.
RESULT_COLUMNS = ("account_id", "health_score_x100", "band", "coverage_bp", "churn_probability")


def to_sql(
    document: Document,
    dialect: str = "duckdb",
    table: str | Sequence[str] = "accounts",
    *,
    account_id: str | None = None,
    columns: Mapping[str, str] | None = None,
    column_types: Mapping[str, str] | None = None,
    details: bool = False,
) -> str:
    """Write the query that scores a table.

    Args:
        document: a config document.
        dialect: one of `DIALECTS`.
        table: table or view, as a list of exact parts; text is split at dots when every part is a plain word or in
            double quotes, else it is one name.
        account_id: column that identifies an account; default account_id.
        columns: input id -> column name, for columns that are not named like their input.
        column_types: input id -> "boolean" or "decimal", for columns that their engine cannot cast as it is;
            see docs/sql.md.
        details: whether to add raw_score_x100, total_score_x100, `<dimension>_score_x100`,
            `<metric>_gained_x100`, `<metric>_lost_x100`, `cap_<id>` and `stale_<metric>` (1 or 0).

    Returns:
        One SELECT without a closing semicolon: account_id, health_score_x100 (NULL without a score), band,
        coverage_bp, churn_probability; with hysteresis also reading_band; then the details; rows in no
        particular order.

    Raises:
        InputError: for an unknown dialect, a faulty body, unknown inputs or types, inputs or result columns that
            differ only in case, an input in the account's column, or names that the engine would cut.
    """
    spoken = dialect_of(dialect)
    writer = Writer(spoken)
    query, outputs = compose(
        document,
        spoken,
        source=writer.table(table),
        prefix=free_prefix(table),
        account_id=account_id,
        columns=columns or {},
        column_types=column_types or {},
        details=details,
    )
    return notice(spoken) + query.chain.query(outputs)


def dialect_of(name: str) -> Dialect:
    """The dialect of this name, or a refusal."""
    if name not in DIALECTS:
        raise InputError(f"dialect {name!r} is not known.", fix=f"Use one of {', '.join(DIALECTS)}.")
    return DIALECTS[name]


def notice(dialect: Dialect) -> str:
    """A first line for engines that this project cannot run."""
    return "" if dialect.executed else f"-- emitted for {dialect.name}, not executed by churnbench's tests\n"


def compose(
    document: Document,
    dialect: Dialect,
    *,
    source: str,
    prefix: str,
    account_id: str | None,
    columns: Mapping[str, str],
    column_types: Mapping[str, str],
    details: bool,
) -> tuple[Query, list[str]]:
    """The stages of a query, and its output columns, as `to_sql` describes them."""
    body = document["body"]
    kinds = validate_body(body)
    _check_inputs(document, kinds, columns, column_types)
    _check_account(kinds, columns, account_id or "account_id")
    writer = Writer(dialect)
    query = Query(body, kinds, writer, Chain(dialect, prefix))
    named = {name: writer.name(columns[name]) if name in columns else writer.plain(name) for name in kinds}
    account = writer.plain("account_id") if account_id is None else writer.name(account_id)
    read_inputs(query, source, account, named, column_types)
    metric_points(query)
    dimension_means(query)
    total_score(query)
    health_score(query)
    outputs = {
        "account_id": "account_id",
        "health_score_x100": writer.as_integer("health"),
        "band": band_name(query, "band"),
        "coverage_bp": writer.as_integer("coverage"),
        "churn_probability": "risk",
    }
    if body.get("hysteresis"):
        outputs["reading_band"] = band_name(query, "reading")
    found: list[tuple[str, str]] = list(outputs.items())
    if details:
        add_contributions(query)
        found += detail_outputs(query)
    _check_outputs([name for name, _ in found], dialect)
    return query, [f"{expression} AS {writer.plain(name)}" for name, expression in found]


def free_prefix(table: str | Sequence[str]) -> str:
    """A prefix for the query's own relations that the table's name does not start with."""
    last = (table_parts(table)[-1][0] if isinstance(table, str) else list(table)[-1]).casefold()
    prefix = "churnbench_"
    while last.startswith(prefix):
        prefix += "_"
    return prefix


def _check_inputs(
    document: Document, kinds: Mapping[str, str], columns: Mapping[str, str], types: Mapping[str, str]
) -> None:
    declared = {entry["id"] for entry in document["inputs"]}
    for name in [*columns, *types]:
        if name not in kinds and name not in declared:
            raise InputError(f"{name!r} is no input of this formula.", fix=f"Its inputs are {', '.join(kinds)}.")
    for name, column_type in types.items():
        textual = kinds.get(name) == "category"
        if column_type not in COLUMN_TYPES or textual:
            wanted = "text inputs have none" if textual else f"use {', '.join(COLUMN_TYPES)}"
            raise InputError(f"column type {column_type!r} for input {name!r}: {wanted}.", fix="Correct column_types.")
    # Most engines read column names without regard to case, so two such inputs would be one column.
    used: dict[str, str] = {}
    for column in (columns.get(name, name) for name in kinds):
        other = used.setdefault(column.casefold(), column)
        if other != column:
            raise InputError(
                f"columns {other!r} and {column!r} differ only in case, which SQL engines ignore.",
                fix="Map one of them to another column name.",
            )


def _check_account(kinds: Mapping[str, str], columns: Mapping[str, str], account: str) -> None:
    """The account's column cannot hold an input as well; engines take Account_ID for account_id."""
    for name in kinds:
        if columns.get(name, name).casefold() == account.casefold():
            raise InputError(
                f"input {name!r} would be read from the column {account!r}, which identifies the account.",
                fix="Map the input to another column (columns), or name the account's column (account_id).",
            )


def _check_outputs(names: Sequence[str], dialect: Dialect) -> None:
    fix = "Rename the dimension, metric or cap in the formula, or leave the details out."
    seen: dict[str, str] = {}
    for name in names:
        if name.casefold() in seen:
            other = seen[name.casefold()]
            raise InputError(f"two result columns would be one to SQL engines: {other!r} and {name!r}.", fix=fix)
        seen[name.casefold()] = name
        if dialect.longest_name is not None and len(name) > dialect.longest_name:
            raise InputError(
                f"result column {name!r} has {len(name)} characters; {dialect.name} cuts names after "
                f"{dialect.longest_name}.",
                fix=fix,
            )
