"""Puts day files together, so that one account's readings lie close to each other.

Closed years become year files, months of the newest year month files. Each of these is cut by account into as many
buckets as its size deserves, sorted by account, in small row groups: a look-up of one account opens one small file per
year and per month of the newest year.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from churnbench.export.files import replaced_whole
from churnbench.history.manifest import Manifest, Part, bucket_sql

#: Rows of a bucket file, about; and of one row group in it.
BUCKET_ROWS, GROUP_ROWS = 20_000, 4_096
MOST_BUCKETS = 32


def unfinished(manifest: Manifest) -> dict[str, list[Part]]:
    """Period ("years/2024" or "months/2025-03") -> files that belong together and are not yet."""
    newest = manifest.newest
    periods: dict[str, list[Part]] = {}
    for part in manifest.parts:
        closed = newest is not None and int(part.first[:4]) < newest.year
        periods.setdefault(f"years/{part.first[:4]}" if closed else f"months/{part.first[:7]}", []).append(part)
    return {
        period: parts
        for period, parts in periods.items()
        if not all(part.name.startswith(f"{period}-") for part in parts)
    }


def merge(connection: duckdb.DuckDBPyConnection, folder: Path, period: str, parts: Sequence[Part]) -> list[Part]:
    """Write the files of a period.

    Args:
        connection: where the work is done.
        folder: of the history.
        period: from `unfinished`.
        parts: its files; left where they are.

    Returns:
        The new files, for the manifest.
    """
    rows = sum(part.rows for part in parts)
    count = 1
    while count < MOST_BUCKETS and rows > count * BUCKET_ROWS:
        count *= 2
    origin = hashlib.sha256("\n".join(sorted(part.name for part in parts)).encode()).hexdigest()[:12]
    aligned = all(part.bucket is not None and part.bucket[1] == count for part in parts)
    if not aligned:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE moving AS SELECT *, {bucket_sql(count)} AS bucket "
            f"FROM {source(folder, parts)} ORDER BY bucket"
        )
    made = []
    for number in range(count):
        if aligned:
            own = [part for part in parts if part.bucket is not None and part.bucket[0] == number]
            rest = f"FROM {source(folder, own)}" if own else ""
        else:
            rest = f"FROM moving WHERE bucket = {number}"
        part = _written(connection, folder, f"{period}-{number:02d}of{count:02d}-{origin}.parquet", rest)
        if part is not None:
            made.append(Part(part[0], part[1], part[2], part[3], part[4], (number, count)))
    connection.execute("DROP TABLE IF EXISTS moving")
    return made


def source(folder: Path, parts: Sequence[Part]) -> str:
    """SQL that reads files."""
    return f"read_parquet([{', '.join(quoted(str(folder / part.name)) for part in parts)}])"


def quoted(text: str) -> str:
    """Text as an SQL literal."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _written(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, rest: str
) -> tuple[str, str, str, int, tuple[str, ...]] | None:
    """One bucket file: name, first and last day, rows, formulas; None when nobody is in it."""
    if not rest:
        return None
    asked = connection.execute(f"SELECT min(as_of), max(as_of), count(*), list(DISTINCT body_sha256) {rest}")
    first, last, rows, bodies = asked.fetchall()[0]
    if not rows:
        return None
    columns = "* EXCLUDE (bucket)" if "moving" in rest.split()[1] else "*"
    with replaced_whole(folder / name) as temporary:
        connection.execute(
            f"COPY (SELECT {columns} {rest} ORDER BY account_id, as_of, appended) TO {quoted(str(temporary))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS})"
        )
    return name, f"{first}", f"{last}", int(rows), tuple(sorted(bodies))
