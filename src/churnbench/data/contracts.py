"""Column contracts of outcomes and accounts: names, kinds, what must be filled in."""

from __future__ import annotations

import pandas as pd

from churnbench.data.locations import open_location
from churnbench.data.project import Project
from churnbench.data.readers import Column, Source, fetch_frame, read_table
from churnbench.data.sections import Location
from churnbench.data.session import Session
from churnbench.domain.errors import InputError


def outcome_rows(session: Session, project: Project) -> tuple[pd.DataFrame, str]:
    """Rows of the outcomes table as recorded, and its name for messages.

    Returns:
        account_id (str), churned_on, known_on (datetime64), kind (str), voluntary (1.0, 0.0, NaN), share
        (float).

    Raises:
        InputError: a column or cell that cannot be used.
    """
    source = open_location(session, project, _given(project.data.outcomes), "data.outcomes")
    missing = project.data.missing
    columns = [
        Column("account_id", "id", "account_id"),
        Column("churned_on", "day", "churned_on", filled=True, missing=missing),
        Column("known_on", "day", "known_on", required=False, missing=missing),
        Column("kind", "text", "kind", required=False),
        Column("voluntary", "boolean", "voluntary", required=False, missing=missing),
        Column("share", "number", "share", required=False, missing=missing),
    ]
    return _frame(session, read_table(session, source, columns)), source.label


def account_rows(session: Session, project: Project) -> pd.DataFrame | None:
    """Rows of the accounts table, None when the project has none.

    Returns:
        account_id (str, unique), started_on, renewal_on (datetime64), segment (object, None unknown), arr
        (float) and every further column of the file as text.

    Raises:
        InputError: an account twice, or a column or cell that cannot be used.
    """
    if project.data.accounts is None:
        return None
    source = open_location(session, project, project.data.accounts, "data.accounts")
    columns = [Column("account_id", "id", "account_id"), *attribute_columns(project)]
    taken = {column.name for column in columns} | {column.target for column in columns}
    columns += [Column(name, "text", name, required=False) for name in source.columns if name not in taken]
    frame = _frame(session, read_table(session, source, _readable(columns, source)))
    twice = frame["account_id"].duplicated()
    if twice.any():
        raise InputError(
            f"account '{frame.loc[twice, 'account_id'].iloc[0]}' occurs more than once.",
            file=source.label,
            column="account_id",
            fix="Keep one row per account.",
        )
    return frame


def attribute_columns(project: Project, prefix: str = "") -> list[Column]:
    """Attributes that accounts and snapshots may both hold; targets carry `prefix`."""
    missing = project.data.missing
    return [
        Column("started_on", "day", f"{prefix}started_on", required=False, missing=missing),
        Column("renewal_on", "day", f"{prefix}renewal_on", required=False, missing=missing),
        Column(project.segment_column, "text", f"{prefix}segment", required=False),
        Column(project.value_column, "number", f"{prefix}arr", required=False, missing=missing),
    ]


def _readable(columns: list[Column], source: Source) -> list[Column]:
    """Further columns may be of any type; those that are no text in any way (lists, blobs) are left alone."""
    nested = ("[]", "STRUCT", "MAP", "BLOB", "UNION", "INTERVAL", "TIME", "BIT")
    return [
        column
        for column in columns
        if column.kind != "text"
        or column.name not in source.columns
        or not any(sign in source.stored_as(column.name).replace("TIMESTAMP", "") for sign in nested)
    ]


def _given(location: Location | None) -> Location:
    if location is None:
        raise InputError("outcomes are missing.", column="data.outcomes", fix='Add outcomes = "outcomes.csv".')
    return location


def _frame(session: Session, table: str) -> pd.DataFrame:
    frame = fetch_frame(session, table)
    for column in frame:
        if pd.api.types.is_datetime64_any_dtype(frame[column]):
            frame[column] = frame[column].astype("datetime64[us]")
    return frame.assign(account_id=frame["account_id"].astype(str))
