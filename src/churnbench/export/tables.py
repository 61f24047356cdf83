"""Reads a file of inputs in batches, and writes a file of scores, without holding either whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from churnbench.domain.errors import InputError

BATCH_ROWS = 131_072
#: A spreadsheet runs a cell that starts like this as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
READ_KINDS = (".csv", ".csv.gz", ".parquet")
WRITE_KINDS = (".csv", ".csv.gz", ".parquet")

#: Words for 1 and 0, by the kind of the input: a plain number may still be a column of true and false.
_WORDS = {
    "number": ("('true')", "('false')"),
    "boolean": ("('true', 't', 'yes', 'y')", "('false', 'f', 'no', 'n')"),
}


_NO_FAULT = "CAST(NULL AS VARCHAR)"


class InputFile:
    """A csv, csv.gz or parquet file (or a glob of them), read through DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        self._connection, self.path = connection, path
        kind = kind_of(path, READ_KINDS)
        # Text first: a column that is numeric but for one cell must name that cell, not turn into text.
        options = "" if kind == ".parquet" else ", all_varchar = true, header = true"
        reader = "read_parquet" if kind == ".parquet" else "read_csv"
        quoted = path.replace("'", "''")
        self._source = f"{reader}('{quoted}'{options})"
        with as_read_error(path):
            described = connection.execute(f"DESCRIBE SELECT * FROM {self._source}").fetchall()
        self.types = {name: kind_name for name, kind_name, *_ in described}

    def batches(self, kinds: Mapping[str, str], kept: tuple[str, ...]) -> Iterator[tuple[pa.Table, pd.DataFrame]]:
        """Batches of rows in file order.

        Args:
            kinds: input id -> "number", "boolean" or "category", of the inputs that the file has.
            kept: columns to hand through unchanged.

        Yields:
            The kept columns, and the inputs as a frame (float64 with NaN, or text with None).

        Raises:
            InputError: for a cell of a numeric column that is not a number: file, row, column, value.
        """
        columns = [f"{_quoted(name)} AS k{position}" for position, name in enumerate(kept)]
        for position, (name, kind) in enumerate(kinds.items()):
            value, fault = self._cast(name, kind)
            columns += [f"{value} AS v{position}", f"{fault} AS f{position}"]
        query = f"SELECT {', '.join(columns)} FROM {self._source}"
        with as_read_error(self.path):
            reader = self._connection.sql(query).to_arrow_reader(BATCH_ROWS)
            seen = 0
            for batch in reader:
                table = pa.table(batch)
                for position, name in enumerate(kinds):
                    self._refuse_fault(table.column(f"f{position}"), name, seen)
                values = {name: table.column(f"v{k}").to_pandas() for k, name in enumerate(kinds)}
                frame = pd.DataFrame(values, index=pd.RangeIndex(table.num_rows))
                yield table.select([f"k{k}" for k in range(len(kept))]).rename_columns(list(kept)), frame
                seen += table.num_rows

    def relation(self, kinds: Mapping[str, str], kept: tuple[str, ...]) -> str:
        """SQL of the file's rows in file order: `account_id`, a struct of the kept columns, and one column per input.

        Args:
            kinds: input id -> "number", "boolean" or "category"; columns v0, v1, ... follow this order, NULL throughout
                for an input that the file does not have.
            kept: columns to hand through unchanged, as fields k0, k1, ...

        Returns:
            A query. A cell that is not a number stops it with an error; `refuse_faults` then says which.
        """
        fields = ", ".join(f"k{position} := {_quoted(name)}" for position, name in enumerate(kept))
        columns = [f"struct_pack({fields}) AS account_id"]
        for position, (name, kind) in enumerate(kinds.items()):
            if name not in self.types:
                absent = "VARCHAR" if kind == "category" else "DOUBLE"
                columns.append(f"CAST(NULL AS {absent}) AS v{position}")
                continue
            value, fault = self._cast(name, kind)
            if fault != _NO_FAULT:
                value = f"CASE WHEN ({fault}) IS NOT NULL THEN CAST(error('not a number') AS DOUBLE) ELSE {value} END"
            columns.append(f"{value} AS v{position}")
        return f"SELECT {', '.join(columns)} FROM {self._source}"

    def refuse_faults(self, kinds: Mapping[str, str]) -> None:
        """Name the first cell of a numeric column that is not a number, if there is one.

        Raises:
            InputError: file, row, column, value.
        """
        faults = {name: self._cast(name, kind)[1] for name, kind in kinds.items() if name in self.types}
        doubtful = [(name, fault) for name, fault in faults.items() if fault != _NO_FAULT]
        if not doubtful:
            return
        columns = ", ".join(f"{fault} AS f{position}" for position, (_, fault) in enumerate(doubtful))
        any_fault = " OR ".join(f"f{position} IS NOT NULL" for position in range(len(doubtful)))
        query = f"SELECT row_number() OVER () AS place, {columns} FROM {self._source}"
        with as_read_error(self.path):
            row = self._connection.execute(
                f"SELECT * FROM ({query}) WHERE {any_fault} ORDER BY place LIMIT 1"
            ).fetchone()
        if row is not None:
            position = next(k for k in range(len(doubtful)) if row[k + 1] is not None)
            raise self._fault(row[position + 1], doubtful[position][0], int(row[0]) - 1)

    def _cast(self, name: str, kind: str) -> tuple[str, str]:
        """SQL for the value of an input, and for the offending text where it has none."""
        column, found = _quoted(name), self.types[name]
        if kind == "category":
            return f"CAST({column} AS VARCHAR)", _NO_FAULT
        if found != "VARCHAR":
            if found in ("DATE", "TIME") or found.startswith(("TIMESTAMP", "STRUCT", "MAP")) or "[" in found:
                raise InputError(
                    f"type {found} arrived, the formula reads a number.",
                    file=self.path,
                    column=name,
                    fix="Convert it to a number, e.g. to days.",
                )
            exact = f"CAST({column} AS VARCHAR)" if found.startswith("DECIMAL") else column
            return f"CAST({exact} AS DOUBLE)", _NO_FAULT
        number = f"TRY_CAST({column} AS DOUBLE)"
        word, (yes, no) = f"lower(trim({column}))", _WORDS[kind]
        number = f"CASE WHEN {word} IN {yes} THEN 1.0 WHEN {word} IN {no} THEN 0.0 ELSE {number} END"
        filled = f"{column} IS NOT NULL AND trim({column}) <> ''"
        return f"CAST({number} AS DOUBLE)", f"CASE WHEN {filled} AND ({number}) IS NULL THEN {column} END"

    def _refuse_fault(self, faults: pa.ChunkedArray, name: str, seen: int) -> None:
        if faults.null_count == len(faults):
            return
        values = faults.to_pylist()
        place = next(k for k, value in enumerate(values) if value is not None)
        raise self._fault(values[place], name, seen + place)

    def _fault(self, value: str, name: str, before: int) -> InputError:
        header = 2 if kind_of(self.path, READ_KINDS) != ".parquet" else 1
        return InputError(
            f"{value!r} is not a number.",
            file=self.path,
            row=before + header,
            column=name,
            fix="Write an empty cell for a missing value, and correct the others.",
        )


class Sink(Protocol):
    """Takes tables of one schema, one after the other."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


@contextmanager
def opened_sink(path: Path, kind: str, schema: pa.Schema) -> Iterator[Sink]:
    """A writer for `.csv`, `.csv.gz` or `.parquet`."""
    if kind == ".parquet":
        with pa.parquet.ParquetWriter(path, schema) as sink:
            yield sink
    else:
        compression = "gzip" if kind == ".csv.gz" else None
        with (
            pa.output_stream(str(path), compression=compression) as stream,
            pa.csv.CSVWriter(stream, schema, write_options=pa.csv.WriteOptions(quoting_style="needed")) as sink,
        ):
            yield sink


def kind_of(path: str, known: tuple[str, ...]) -> str:
    """The file kind by extension.

    Raises:
        InputError: for any other extension.
    """
    for kind in sorted(known, key=len, reverse=True):
        if path.lower().endswith(kind):
            return kind
    raise InputError(f"unknown kind of file; {', '.join(known)} are.", file=path, fix="Rename or convert it.")


def without_formulas(table: pa.Table) -> pa.Table:
    """Text cells that a spreadsheet would run, with a leading apostrophe."""
    for position, column in enumerate(table.columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values: list[Any] = column.to_pylist()
            if any(value is not None and value.startswith(FORMULA_STARTS) for value in values):
                safe = [
                    "'" + value if value is not None and value.startswith(FORMULA_STARTS) else value for value in values
                ]
                table = table.set_column(position, table.field(position), pa.array(safe, column.type))
    return table


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


@contextmanager
def as_read_error(path: str) -> Iterator[None]:
    """Turns what DuckDB says about a file into the error that the command line prints."""
    try:
        yield
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise InputError(f"cannot be read: {first}", file=path, fix="Check the path and the file.") from error
