"""Reads tables into DuckDB: CSV, CSV.gz, Parquet and query results, strictly, with precise errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd

from churnbench.data.casts import Cast, ColumnKind, cast_for, explain_bad
from churnbench.data.csv_head import CsvHead, line_of_record, read_head
from churnbench.data.hints import did_you_mean, listed
from churnbench.data.session import Session
from churnbench.data.sql import identifier, literal
from churnbench.domain.errors import InputError

_BAD = "__bad__"


@dataclass(frozen=True)
class Column:
    """A column that is wanted.

    Attributes:
        name: its name in the data.
        kind: what its cells must be.
        target: its name in the result.
        required: whether it must be there.
        filled: whether every cell must hold a value.
        missing: trimmed texts that mean "no value".
    """

    name: str
    kind: ColumnKind
    target: str
    required: bool = True
    filled: bool = False
    missing: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class SourceFile:
    """One file: its path, its name for messages, and how DuckDB reads it."""

    path: Path
    label: str
    scan: str
    stored: dict[str, tuple[str, str]]
    head: CsvHead | None = None


@dataclass(frozen=True)
class Source:
    """A table that may consist of several files.

    Attributes:
        label: what the user wrote, for messages.
        format: "csv" or "parquet".
        files: the files in order of their names.
    """

    label: str
    format: Literal["csv", "parquet"]
    files: tuple[SourceFile, ...] = field(default_factory=tuple)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names as written, those of the first file."""
        return tuple(self.files[0].stored)

    def stored_as(self, column: str) -> str:
        """DuckDB's type of a column; CSV cells are text."""
        return self.files[0].stored[column][1]


def open_files(session: Session, paths: list[Path], label: str) -> Source:
    """Look at the header or schema of every file.

    Args:
        session: the DuckDB session.
        paths: files of one format, sorted.
        label: what the user wrote.

    Returns:
        The source; no rows have been read yet.

    Raises:
        InputError: unreadable, empty or unknown files.
    """
    several = len(paths) > 1
    kinds = {path: _format(path, label) for path in paths}
    if len(set(kinds.values())) > 1:
        raise InputError("mixes CSV and Parquet files.", file=label, fix="Use one format.")
    kind = kinds[paths[0]]
    opened = [
        (_csv_file if kind == "csv" else _parquet_file)(session, path, path.name if several else label)
        for path in paths
    ]
    return Source(label, kind, tuple(opened))


def _format(path: Path, label: str) -> Literal["csv", "parquet"]:
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz", ".tsv", ".txt")):
        return "csv"
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    raise InputError(
        f"'{path.name}' is of no known format.",
        file=label,
        fix="Use .csv, .csv.gz or .parquet, or a database query.",
    )


def _csv_file(_: Session, path: Path, label: str) -> SourceFile:
    head = read_head(path, label)
    # Internal names: DuckDB does not tell `Usage` from `usage`.
    names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(head.columns)))
    scan = (
        f"read_csv({literal(str(path))}, auto_detect = false, header = true,"
        f" delim = {literal(head.delimiter)}, quote = '\"', escape = '\"', columns = {{{names}}})"
    )
    stored = {name: (f"c{number}", "VARCHAR") for number, name in enumerate(head.columns)}
    return SourceFile(path, label, scan, stored, head)


def _parquet_file(session: Session, path: Path, label: str) -> SourceFile:
    scan = f"read_parquet({literal(str(path))})"
    try:
        schema = session.connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    except duckdb.Error:
        raise InputError("this is not a Parquet file.", file=label, fix="Write it again, or name a .csv.") from None
    return SourceFile(path, label, scan, {row[0]: (row[0], row[1]) for row in schema})


def read_table(session: Session, source: Source, columns: list[Column]) -> str:
    """Read the wanted columns with strict casts.

    Args:
        session: the DuckDB session.
        source: an opened source.
        columns: what is wanted; absent optional columns come out as NULL.

    Returns:
        Name of a table or view with one column per target, in the given order.

    Raises:
        InputError: a column is missing, a cell cannot be used (with file, row and column), a line is broken.
    """
    parts = []
    for file in source.files:
        casts = [_cast(column, file) for column in columns]
        values = ", ".join(f"{c.value} AS {identifier(w.target)}" for c, w in zip(casts, columns, strict=True))
        bad = " OR ".join(f"coalesce({c.bad}, FALSE)" for c in casts if c.bad) or "FALSE"
        parts.append(f"SELECT {values}, {bad} AS {_BAD} FROM {file.scan}")
    name = session.fresh_name("source")
    # Text is parsed once and kept; Parquet is quick to read again and need not be held in memory.
    what = "TABLE" if source.format == "csv" else "VIEW"
    try:
        session.connection.execute(f"CREATE TEMP {what} {name}_strict AS {' UNION ALL '.join(parts)}")
        bad_rows = session.connection.execute(f"SELECT count(*) FILTER (WHERE {_BAD}) FROM {name}_strict").fetchall()
    except duckdb.Error as error:
        raise _broken_line(error, source) from None
    if bad_rows[0][0]:
        raise _bad_cell(session, source, columns)
    session.connection.execute(f"CREATE TEMP VIEW {name} AS SELECT * EXCLUDE ({_BAD}) FROM {name}_strict")
    return name


def fetch_frame(session: Session, table: str) -> pd.DataFrame:
    """A whole table as a DataFrame; dates come as datetime64, text as str with missing values."""
    frame: pd.DataFrame = session.connection.execute(f"SELECT * FROM {identifier(table)}").df()
    return frame


def _cast(column: Column, file: SourceFile) -> Cast:
    if column.name not in file.stored:
        if not column.required:
            return Cast(f"CAST(NULL AS {_EMPTY[column.kind]})", None)
        raise InputError(
            f"there is no column '{column.name}'; the columns are {listed(file.stored, 40)}.",
            file=file.label,
            column=column.name,
            fix=did_you_mean(column.name, file.stored) or "Add the column, or correct its name.",
        )
    stored_name, stored_as = file.stored[column.name]
    cell = identifier(stored_name)
    cast = cast_for(cell, column.kind, stored_as, column.missing)
    if cast is None:
        wanted = explain_bad("x", column.kind)[0].removeprefix("'x' is not ").rstrip(".")
        raise InputError(
            f"the column holds {stored_as} values; each cell must be {wanted}.",
            file=file.label,
            column=column.name,
            fix="Convert the column, or name another one.",
        )
    if column.filled:
        empty = f"({cast.value}) IS NULL"
        cast = Cast(cast.value, empty if cast.bad is None else f"({cast.bad} OR {empty})")
    return cast


_EMPTY = {
    "id": "VARCHAR",
    "text": "VARCHAR",
    "day": "DATE",
    "time": "TIMESTAMP",
    "number": "DOUBLE",
    "boolean": "DOUBLE",
}


def _bad_cell(session: Session, source: Source, columns: list[Column]) -> InputError:
    """The first bad cell of the first file that has one."""
    for file in source.files:
        for found in _first_bad(session, file, columns):
            column, record, value = found
            message, fix = explain_bad(value, column.kind)
            row = record if file.head is None else line_of_record(file.path, file.head.delimiter, record)
            return InputError(message, file=file.label, row=row, column=column.name, fix=fix)
    raise AssertionError("a bad cell was counted but not found")


def _first_bad(session: Session, file: SourceFile, columns: list[Column]) -> list[tuple[Column, int, str | None]]:
    hits = []
    for column in columns:
        cast = _cast(column, file)
        if not cast.bad:
            continue
        cell = f"CAST({identifier(file.stored[column.name][0])} AS VARCHAR)"
        found = session.connection.execute(
            f"SELECT n, cell FROM (SELECT row_number() OVER () AS n, {cell} AS cell, {cast.bad} AS bad"
            f" FROM {file.scan}) WHERE bad ORDER BY n LIMIT 1"
        ).fetchall()
        hits += [(column, int(record), value) for record, value in found]
    return sorted(hits, key=lambda hit: hit[1])[:1]


def _broken_line(error: duckdb.Error, source: Source) -> InputError:
    text = str(error)
    at = re.search(r"CSV Error on Line: (\d+)", text)
    name = re.search(r"file = (.+)", text)
    file = next((f.label for f in source.files if name and f.path.name in name.group(1)), source.label)
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if counts:
        message = f"the line has {counts.group(2)} cells, the header has {counts.group(1)}."
        fix = 'Put text that contains the separator into "quotes".'
    elif "unterminated quote" in text.lower():
        message, fix = (
            "a quote is opened and never closed.",
            'Close it, or write "" for a quote inside a cell.',
        )
    elif "utf-8" in text.lower() or "unicode" in text.lower():
        message, fix = "the line is not UTF-8 text.", "Save the file as UTF-8."
    else:
        message, fix = f"cannot be read ({text.splitlines()[0]}).", "Check the file."
    return InputError(message, file=file, row=int(at.group(1)) if at else None, fix=fix)
