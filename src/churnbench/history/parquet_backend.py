"""A score history in a folder: Parquet files, a manifest that names them, configs and logs beside them.

    STORE/manifest.json                         which files count; replaced whole, which is when an append happens
    STORE/days/2026-01-31-<12 of content>.parquet    one appended day; never changed
    STORE/months/2026-01-07of32-<12>.parquet    a compacted month, one of its buckets of accounts
    STORE/years/2025-07of32-<12>.parquet        a closed year, likewise
    STORE/documents/<body_sha256>.json          configs that scored
    STORE/overrides.jsonl, outcomes.jsonl       only ever appended to

A writer that dies leaves files that the manifest does not name; the next one sweeps them away.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.export import Document, read_document, write_document
from churnbench.export.file_lock import held_file
from churnbench.export.files import replaced_whole
from churnbench.history.backend import Entry, Log, Wanted, choice, last_readings
from churnbench.history.compaction import merge, source, unfinished
from churnbench.history.manifest import Part, read_manifest, write_manifest
from churnbench.history.schema import STORED

LOCK = ".lock"
_TRIES = 5
#: First and last day, formula, accounts; None is any.
Span = tuple[date | None, date | None, str | None, tuple[str, ...] | None]


class ParquetBackend:
    """A folder; see the module."""

    def __init__(self, folder: str | Path, *, patience: float = 30.0) -> None:
        self._folder, self._patience = Path(folder), patience
        self._pending: list[Part] | None = None
        self._session: Session | None = None
        self._read: dict[str, tuple[int, Document]] = {}

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._folder)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time; days added become part of the history when the block ends well."""
        with held_file(
            self._folder / LOCK,
            work="another writer of the score history",
            option="--store",
            fix="Wait for it and append again; appending twice does no harm.",
            patience=self._patience,
        ):
            self._sweep()
            self._pending = []
            try:
                yield
                if self._pending:
                    write_manifest(self._folder, read_manifest(self._folder).with_parts([], self._pending, appends=1))
            finally:
                self._pending = None

    def newest(self) -> date | None:
        """Newest as-of date."""
        return read_manifest(self._folder).newest

    def appends(self) -> int:
        """Number of appends so far."""
        return read_manifest(self._folder).appends

    def add(self, table: pa.Table) -> None:
        """Write one file per day; they count when `writing` ends."""
        assert self._pending is not None, "add outside writing"  # noqa: S101 - a fault of the caller's code
        for day in pc.unique(table.column("as_of")).to_pylist():
            rows = table.filter(pc.equal(table.column("as_of"), pa.scalar(day, pa.date32())))
            sink = pa.BufferOutputStream()
            pq.write_table(rows.sort_by("account_id"), sink, compression="zstd")
            content = sink.getvalue().to_pybytes()
            name = f"days/{day}-{hashlib.sha256(content).hexdigest()[:12]}.parquet"
            with replaced_whole(self._folder / name) as temporary:
                temporary.write_bytes(content)
            bodies = tuple(sorted(pc.unique(rows.column("body_sha256")).to_pylist()))
            self._pending.append(Part(name, f"{day}", f"{day}", rows.num_rows, bodies))

    def rows(self, wanted: Wanted) -> pa.Table:
        """Readings by account and date."""
        values: list[Any] = []
        conditions = []
        if wanted.accounts is not None:
            conditions.append(
                f"account_id IN ({', '.join('?' * len(wanted.accounts))})" if wanted.accounts else "false"
            )
            values += wanted.accounts
        for bound, sign in ((wanted.since, ">="), (wanted.until, "<=")):
            if bound is not None:
                conditions.append(f"as_of {sign} ?")
                values.append(bound)
        if wanted.body is not None:
            conditions.append("body_sha256 = ?")
            values.append(wanted.body)
        where = " AND ".join(conditions)

        def query(parts: list[Part]) -> str:
            # With one formula there is one reading per date, and nothing to choose.
            alone = len({body for part in parts for body in part.bodies}) == 1
            return choice(source(self._folder, parts), where, every=wanted.every or alone)

        found = self._asked(query, values, (wanted.since, wanted.until, wanted.body, wanted.accounts))
        return STORED.empty_table() if found is None else found.cast(STORED)

    def recent(self, before: date, since: date, depth: int) -> pa.Table:
        """The last readings per account before a day."""
        found = self._asked(
            lambda parts: last_readings(source(self._folder, parts), "as_of >= ? AND as_of < ?", depth),
            [since, before],
            (since, before, None, None),
        )
        if found is not None:
            return found
        kinds = [(name, STORED.field(name).type) for name in ("account_id", "as_of", "calculated_band", "held_band")]
        return pa.schema([*kinds, ("place", pa.int64())]).empty_table()

    def keep(self, document: Document) -> None:
        """Keep a config; a later issue of the same formula takes its place."""
        path = self._folder / "documents" / f"{document['integrity']['body_sha256']}.json"
        if not path.exists() or read_document(path)["sequence"] < document["sequence"]:
            write_document(document, path)

    def documents(self) -> Mapping[str, Document]:
        """Body hash -> config."""
        for path in (self._folder / "documents").glob("*.json"):
            changed = path.stat().st_mtime_ns  # a later issue of the same formula takes the place of the file
            if self._read.get(path.stem, (0,))[0] != changed:
                self._read[path.stem] = (changed, read_document(path))
        return {body: self._read[body][1] for body in sorted(self._read)}

    def log(self, kind: Log) -> Sequence[Entry]:
        """Entries of a log; a last line cut short by a crash is left out."""
        path = self._folder / f"{kind}.jsonl"
        lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        found = []
        for number, line in enumerate(lines[:-1], start=1):
            try:
                found.append(json.loads(line))
            except ValueError:
                raise InputError(
                    "the line is damaged; the log is only ever appended to.",
                    file=str(path),
                    row=number,
                    fix="Restore the file from its last good copy.",
                ) from None
        return found

    def write(self, kind: Log, entries: Sequence[Entry]) -> None:
        """Append entries and wait until they are on disk; a torn last line is cut first."""
        path = self._folder / f"{kind}.jsonl"
        text = "".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n" for entry in entries)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            os.ftruncate(handle, whole)
            os.lseek(handle, whole, os.SEEK_SET)
            os.write(handle, text.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def compact(self) -> dict[str, int]:
        """Make year files of closed years and month files of the newest; see `churnbench.history.compaction`."""
        merged = 0
        with self.writing():
            manifest = read_manifest(self._folder)
            periods = unfinished(manifest)
            for period, parts in periods.items():
                merged += len(parts)
                manifest = manifest.with_parts(parts, merge(self._open(), self._folder, period, parts))
                write_manifest(self._folder, manifest)
            self._sweep()
        return {"periods": len(periods), "files_before": merged, "files": len(manifest.parts)}

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _asked(self, query: Any, values: list[Any], span: Span) -> Any:
        """Run a query on the files of a span; again when a compaction took a file away in between."""
        for attempt in range(_TRIES):
            manifest = read_manifest(self._folder)
            parts = manifest.between(*span)
            if not parts:
                return None
            try:
                return self._open().sql(query(parts), params=values).to_arrow_table()
            except duckdb.Error as error:
                if attempt + 1 < _TRIES and read_manifest(self._folder) != manifest:
                    continue
                raise InputError(
                    f"the score history cannot be read: {str(error).strip().splitlines()[0]}",
                    file=self.location,
                    fix="Restore the file that is named; the others are whole.",
                ) from error
        raise AssertionError("unreachable")

    def _sweep(self) -> None:
        """Remove what a killed writer or a compaction left; the caller holds the lock."""
        named = {part.name for part in read_manifest(self._folder).parts}
        for folder in ("days", "months", "years"):
            for path in (self._folder / folder).glob("*"):
                if f"{folder}/{path.name}" not in named:
                    path.unlink(missing_ok=True)

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._session is None:
            self._session = Session(memory_limit="4GB")
        return self._session.connection
