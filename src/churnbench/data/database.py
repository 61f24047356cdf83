"""Runs a read-only query on DuckDB, SQLite or PostgreSQL and leaves its rows as a file of the session."""

from __future__ import annotations

import csv
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import duckdb
import sqlglot
from sqlglot import exp

from churnbench.data.session import Session
from churnbench.data.sql import literal
from churnbench.domain.errors import InputError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def run_query(session: Session, database: str, sql: str, *, root: Path, label: str) -> Path:
    """Run one query and write its rows to the session's folder.

    Args:
        session: owner of the folder.
        database: a DuckDB file, `sqlite:path` or `postgresql://...`; `${NAME}` stands for an environment
            variable.
        sql: one SELECT; the database is opened read-only and nothing else is accepted.
        root: folder that relative database paths start in.
        label: name of the query for messages.

    Returns:
        A .parquet or .csv file.

    Raises:
        InputError: not a single query, no such database, a missing environment variable, or the database's
            own error. Messages never contain the connection string: it may hold a password.
    """
    scheme = database.split(":", 1)[0].lower() if ":" in database else ""
    dialect = {"sqlite": "sqlite", "postgresql": "postgres", "postgres": "postgres"}.get(scheme, "duckdb")
    query = _single_query(sql, dialect, label)
    target = session.folder / session.fresh_name("query")
    runner = _RUNNERS[dialect]
    return runner(_with_secrets(database, label), query, root, target, label)


def _single_query(sql: str, dialect: str, label: str) -> str:
    """The query without a closing semicolon; a query only reads."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, read=dialect) if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise InputError(f"not valid SQL: {str(error).splitlines()[0]}", file=label, fix="Correct the query.") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise InputError(
            "expected exactly one SELECT.", file=label, fix="Delete the other statements; data are only read."
        )
    return sql.strip().rstrip(";").strip()


def _with_secrets(database: str, label: str) -> str:
    """Environment variables filled in, percent-encoded where the text is an address."""
    if "://" in database and re.search(r"://[^/@]*:[^/@$][^/@]*@", _VARIABLE.sub("$", database)):
        raise InputError(
            "a password stands in the project file.",
            file=label,
            column="data.database",
            fix="Write ${PGPASSWORD} instead and set that environment variable.",
        )

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1))
        if found is None:
            raise InputError(
                f"the environment variable {match.group(1)} is not set.",
                file=label,
                column="data.database",
                fix=f"Set it before you start: export {match.group(1)}=...",
            )
        return quote(found, safe="") if "://" in database else found

    return _VARIABLE.sub(value, database)


def _existing(path: Path, shown: str, label: str) -> Path:
    if not path.is_file():
        raise InputError(
            f"there is no database file '{shown}'.",
            file=label,
            column="data.database",
            fix="Paths start at the folder of the project file.",
        )
    return path


def _failed(error: Exception, label: str) -> InputError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return InputError(f"the database says: {first}", file=label, fix="Correct the query or the database.")


def _duckdb(database: str, query: str, root: Path, target: Path, label: str) -> Path:
    path = _existing(root / database.removeprefix("duckdb:"), database, label)
    out = target.with_suffix(".parquet")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"COPY ({query}\n) TO {literal(str(out))} (FORMAT parquet)")
    except duckdb.Error as error:
        raise _failed(error, label) from None
    return out


def _sqlite(database: str, query: str, root: Path, target: Path, label: str) -> Path:
    shown = database.removeprefix("sqlite:").removeprefix("//")
    path = _existing(root / shown, shown, label)
    out = target.with_suffix(".csv")
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            # Untyped text in, strictly cast later: SQLite's own column types promise nothing.
            rows = connection.execute(query)
            with out.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow([column[0] for column in rows.description])
                writer.writerows(rows)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _failed(error, label) from None
    return out


def _postgres(database: str, query: str, _: Path, target: Path, label: str) -> Path:
    try:
        import psycopg
    except ImportError:
        raise InputError(
            "PostgreSQL needs the package psycopg.", file=label, fix="pip install 'psycopg[binary]'"
        ) from None
    out = target.with_suffix(".csv")
    try:
        with psycopg.connect(database, options="-c default_transaction_read_only=on -c TimeZone=UTC") as connection:
            copy = f"COPY ({query}\n) TO STDOUT (FORMAT csv, HEADER true)"
            with connection.cursor() as cursor, out.open("wb") as stream, cursor.copy(copy) as rows:
                for block in rows:
                    stream.write(block)
    except psycopg.Error as error:
        raise _failed(error, label) from None
    return out


_RUNNERS: dict[str, Callable[[str, str, Path, Path, str], Path]] = {
    "duckdb": _duckdb,
    "sqlite": _sqlite,
    "postgres": _postgres,
}
