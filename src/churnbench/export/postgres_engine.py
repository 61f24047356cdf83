"""Runs emitted SQL on a PostgreSQL server and leaves nothing there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.export.document import Document
from churnbench.export.sql import to_sql
from churnbench.export.sql_text import DIALECTS, Writer

#: Environment variable with the connection string of the server.
SERVER = "CHURNBENCH_POSTGRES"
_TABLE = "churnbench_verified_accounts"


def fetch_scores(document: Document, table: pa.Table) -> tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]]]:
    """Score a table in PostgreSQL: a temporary table, one query with details, and a rollback.

    Args:
        document: a config document.
        table: account_id (int64) and one column per input, float64 or text.

    Returns:
        The cursor's column descriptions, and the rows in the order of account_id.

    Raises:
        InputError: without the package psycopg, without `CHURNBENCH_POSTGRES`, or for what the server refuses.
    """
    try:
        import psycopg
    except ImportError as error:
        raise InputError(
            "the engine postgres needs the package psycopg.", fix='pip install "churnbench[postgres]"'
        ) from error
    server = os.environ.get(SERVER)
    if not server:
        raise InputError(
            f"the engine postgres needs a server, and {SERVER} names none.",
            fix=f"Set {SERVER} to a connection string, e.g. postgresql://me@127.0.0.1:5432/scratch.",
        )
    query = to_sql(document, "postgres", [_TABLE], details=True)
    try:
        with psycopg.connect(server) as connection, connection.cursor() as cursor:
            _copy(cursor, table)
            cursor.execute(f"SELECT * FROM ({query}) AS scored ORDER BY account_id".encode())
            found = cursor.fetchall()
            connection.rollback()
            return list(cursor.description or ()), found
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise InputError(
            f"PostgreSQL refused: {str(error).strip()}", fix=f"Check the server {SERVER} names."
        ) from error


def _copy(cursor: Any, table: pa.Table) -> None:
    write = Writer(DIALECTS["postgres"])
    kinds = {pa.int64(): "BIGINT", pa.float64(): "DOUBLE PRECISION", pa.string(): "TEXT"}
    columns = ", ".join(f"{write.name(field.name)} {kinds[field.type]}" for field in table.schema)
    cursor.execute(f"CREATE TEMPORARY TABLE {write.name(_TABLE)} ({columns}) ON COMMIT DROP".encode())
    with cursor.copy(f"COPY {write.name(_TABLE)} FROM STDIN".encode()) as copy:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            copy.write_row(row)
