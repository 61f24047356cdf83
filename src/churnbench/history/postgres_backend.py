"""A score history in PostgreSQL: tables that take inserts only, whoever asks for more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pyarrow as pa

from churnbench.domain.errors import InputError
from churnbench.export import Document
from churnbench.history.backend import COLUMNS, Entry, Log, Wanted, in_order, last_readings, newest_choice
from churnbench.history.schema import STORED

READINGS, DOCUMENTS, LOGS = "churnbench_history", "churnbench_history_documents", "churnbench_history_log"
#: Names the advisory lock of every writer of this history.
_LOCK = "churnbench score history"
#: Rows that are turned into columns at once.
_PIECE = 50_000
_KINDS = {
    pa.string(): "text",
    pa.date32(): "date",
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.float64(): "double precision",
    pa.timestamp("us"): "timestamp",
    pa.list_(pa.int32()): "integer[]",
    pa.list_(pa.float64()): "double precision[]",
    pa.list_(pa.string()): "text[]",
}


def _definition() -> str:
    """Tables, and triggers that refuse everything but an insert."""
    needed = ("account_id", "as_of", "body_sha256", "sequence", "coverage_bp", "appended", "appended_at")
    columns = ", ".join(
        f"{field.name} {_KINDS[field.type]}{' NOT NULL' if field.name in needed else ''}" for field in STORED
    )
    statements = [
        f"CREATE TABLE {READINGS} ({columns}, PRIMARY KEY (account_id, as_of, body_sha256))",
        f"CREATE INDEX {READINGS}_by_date ON {READINGS} (as_of)",
        f"CREATE INDEX {READINGS}_by_append ON {READINGS} (appended)",
        f"CREATE TABLE {DOCUMENTS} (body_sha256 text, sequence bigint, document text NOT NULL, "
        "PRIMARY KEY (body_sha256, sequence))",
        f"CREATE TABLE {LOGS} (id bigserial PRIMARY KEY, kind text NOT NULL, entry text NOT NULL)",
        f"CREATE FUNCTION {READINGS}_refused() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the score history is only ever appended to (% on %)', TG_OP, TG_TABLE_NAME; END $$",
    ]
    for table in (READINGS, DOCUMENTS, LOGS):
        statements.append(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {READINGS}_refused()"
        )
        statements.append(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC")
    return "; ".join(statements)


class PostgresBackend:
    """Tables in the first schema of the connection's search path; made when absent."""

    def __init__(self, address: str, *, patience: float = 30.0) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise InputError(
                "a history in PostgreSQL needs the package psycopg.", fix='pip install "churnbench[postgres]"'
            ) from error
        self._error, self._patience = psycopg.Error, patience
        self._read: dict[tuple[Any, ...], Document] = {}
        with self._refusals("be opened"):
            self._connection = psycopg.connect(address)
            self._name = f"PostgreSQL {self._connection.info.host}:{self._connection.info.port}"
            self._name += f"/{self._connection.info.dbname}"
            if not self._made():
                self._lock()
                if not self._made():
                    self._connection.execute(_definition().encode())
            self._connection.commit()

    @property
    def location(self) -> str:
        """Server and database."""
        return self._name

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction, under a lock that ends with it."""
        with self._refusals("be written"):
            try:
                self._lock()
                yield
                self._connection.commit()
            finally:
                self._connection.rollback()

    def newest(self) -> date | None:
        """Newest as-of date."""
        found = self._one(f"SELECT max(as_of) FROM {READINGS}")
        return found if isinstance(found, date) else None

    def appends(self) -> int:
        """Number of appends so far."""
        return int(self._one(f"SELECT coalesce(max(appended), 0) FROM {READINGS}") or 0)

    def add(self, table: pa.Table) -> None:
        """Insert rows."""
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {READINGS} ({COLUMNS}) FROM STDIN".encode()) as copy,
        ):
            for row in zip(*(table.column(name).to_pylist() for name in STORED.names), strict=True):
                copy.write_row(row)

    def rows(self, wanted: Wanted) -> pa.Table:
        """Readings by account and date."""
        conditions = {
            "account_id = ANY(%s)": None if wanted.accounts is None else list(wanted.accounts),
            "as_of >= %s": wanted.since,
            "as_of <= %s": wanted.until,
            "body_sha256 = %s": wanted.body,
        }
        given = {condition: value for condition, value in conditions.items() if value is not None}
        where = f" WHERE {' AND '.join(given)}" if given else ""
        found = self._table(f"SELECT {COLUMNS} FROM {READINGS}{where}", list(given.values()), STORED)
        # Sorted here: the server would sort a month of a large book by the language's rules, on its disk.
        return in_order(found) if wanted.every else newest_choice(found)

    def recent(self, before: date, since: date, depth: int) -> pa.Table:
        """The last readings per account before a day."""
        kinds = [(name, STORED.field(name).type) for name in ("account_id", "as_of", "calculated_band", "held_band")]
        query = last_readings(READINGS, "as_of >= %s AND as_of < %s", depth)
        return self._table(query, [since, before], pa.schema([*kinds, ("place", pa.int64())]))

    def keep(self, document: Document) -> None:
        """Keep a config; the newest issue of a formula is the one that is read."""
        self._connection.execute(
            f"INSERT INTO {DOCUMENTS} VALUES (%s, %s, %s) ON CONFLICT DO NOTHING".encode(),
            [document["integrity"]["body_sha256"], document["sequence"], json.dumps(document, ensure_ascii=False)],
        )

    def documents(self) -> Mapping[str, Document]:
        """Body hash -> config."""
        newest = self._all(f"SELECT body_sha256, max(sequence) FROM {DOCUMENTS} GROUP BY 1 ORDER BY 2, 1")
        for issue in newest:
            if issue not in self._read:  # configs are long, and never change once they are there
                query = f"SELECT document FROM {DOCUMENTS} WHERE body_sha256 = %s AND sequence = %s"
                self._read[issue] = json.loads(self._one(query, issue))
        return {body: self._read[body, sequence] for body, sequence in newest}

    def log(self, kind: Log) -> Sequence[Entry]:
        """Entries of a log."""
        found = self._all(f"SELECT entry FROM {LOGS} WHERE kind = %s ORDER BY id", [kind])
        return [json.loads(text) for (text,) in found]

    def write(self, kind: Log, entries: Sequence[Entry]) -> None:
        """Append entries."""
        for entry in entries:
            text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
            self._connection.execute(f"INSERT INTO {LOGS} (kind, entry) VALUES (%s, %s)".encode(), [kind, text])

    def compact(self) -> dict[str, int]:
        """Nothing to do: the primary key finds an account."""
        return {"periods": 0, "files_before": 0, "files": 0}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _made(self) -> bool:
        # Not to_regclass: after waiting for the lock it may answer from the names it had looked up before.
        query = "SELECT 1 FROM pg_tables WHERE tablename = %s AND schemaname = ANY(current_schemas(false))"
        return self._one(query, [READINGS]) is not None

    def _lock(self) -> None:
        self._connection.execute(f"SET LOCAL lock_timeout = {int(self._patience * 1000)}".encode())
        self._connection.execute(b"SELECT pg_advisory_xact_lock(hashtext(%s))", [_LOCK])

    def _table(self, query: str, values: list[Any], schema: pa.Schema) -> pa.Table:
        """Rows in pieces, since those of a large book would fill the memory as Python objects."""
        pieces = []
        with self._refusals("be read"), self._connection.cursor(binary=True) as cursor:
            cursor.execute(query.encode(), values or None)
            while rows := cursor.fetchmany(_PIECE):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                pieces.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
        return pa.Table.from_batches(pieces, schema)

    def _one(self, query: str, values: Sequence[Any] = ()) -> Any:
        found = self._all(query, values)
        return found[0][0] if found else None

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._refusals("be read"):
            return self._connection.execute(query.encode(), values or None).fetchall()

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        """What the server says, in the form that the command line prints."""
        try:
            yield
        except self._error as error:
            said = (str(error).strip() or "no answer").splitlines()[0]
            raise InputError(
                f"the score history cannot {what}: {said}",
                file=getattr(self, "_name", "PostgreSQL"),
                fix="Check the address, the rights of its user and whether another writer is at work.",
            ) from error
