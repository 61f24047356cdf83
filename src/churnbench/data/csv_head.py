"""The first line of a CSV file, and the line of a record: what DuckDB does not tell."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from churnbench.domain.errors import InputError

#: Separators that are recognised; the most frequent in the header line wins.
DELIMITERS = (",", ";", "\t", "|")
#: A header line may have this many bytes.
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class CsvHead:
    """Column names as written (trimmed) and the separator."""

    columns: tuple[str, ...]
    delimiter: str


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def read_head(path: Path, label: str) -> CsvHead:
    """Read the header.

    Args:
        path: a .csv or .csv.gz file.
        label: the file's name for messages.

    Returns:
        Column names and separator.

    Raises:
        InputError: the file is empty, not text, has no names, an empty name or the same name twice.
    """
    try:
        with _open(path) as stream:
            head = stream.read(_HEAD_BYTES)
    except (OSError, EOFError) as error:
        raise InputError(f"cannot be read ({error}).", file=label, fix="Check the file.") from None
    text = _decoded(head, label)
    line = next(iter(text.splitlines()), "")
    if not line.strip():
        raise InputError("the file is empty.", file=label, fix="The first line holds the column names.")
    outside_quotes = re.sub(r'"(?:[^"]|"")*"', "", line)
    delimiter = max(DELIMITERS, key=outside_quotes.count)
    names = [name.strip() for name in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))]
    for position, name in enumerate(names, start=1):
        if not name:
            raise InputError(
                f"column {position} has no name.",
                file=label,
                row=1,
                fix="Name it, or delete a separator too many.",
            )
        if name in names[: position - 1]:
            raise InputError(
                f"two columns are named '{name}'.",
                file=label,
                row=1,
                column=name,
                fix="Rename or delete one.",
            )
    return CsvHead(tuple(names), delimiter)


def _decoded(head: bytes, label: str) -> str:
    junk = InputError("this is not UTF-8 text.", file=label, fix="Save it as CSV in UTF-8, or name a .parquet file.")
    if b"\x00" in head:
        raise junk
    try:
        # The cut may fall inside a character of several bytes.
        return head.decode("utf-8-sig") if len(head) < _HEAD_BYTES else head.decode("utf-8-sig", "ignore")
    except UnicodeDecodeError:
        raise junk from None


def line_of_record(path: Path, delimiter: str, record: int) -> int:
    """Line on which the n-th data record begins, as an editor counts (the header is line 1).

    Quoted cells may span lines and blank lines are no records, so the file is read from its start; this only
    happens on the way to an error.
    """
    with io.TextIOWrapper(_open(path), encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        next(reader)
        seen, begin = 0, reader.line_num + 1
        for cells in reader:
            seen += 1 if cells else 0
            if cells and seen == record:
                return begin
            begin = reader.line_num + 1
    return begin
