"""What a place must offer to keep a score history: a folder and a PostgreSQL database both do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churnbench.export import Document
from churnbench.history.schema import STORED

Entry = dict[str, Any]
#: What is logged beside the readings; only ever appended to.
Log = Literal["overrides", "outcomes"]
COLUMNS = ", ".join(field.name for field in STORED)


@dataclass(frozen=True)
class Wanted:
    """Which readings to look up; None is no limit.

    Attributes:
        accounts: account ids.
        since, until: as-of dates, both included.
        body: hash of one formula.
        every: all readings of a date, instead of the one of the newest config (then of the one appended last).
    """

    accounts: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    body: str | None = None
    every: bool = False


class Backend(Protocol):
    """A place that keeps readings, configs and logs. `add`, `keep` and `write` are called inside `writing`."""

    @property
    def location(self) -> str:
        """Where it is, for messages; without a password."""

    def writing(self) -> AbstractContextManager[None]:
        """One writer at a time; what is added becomes visible at the end, all of it or nothing."""

    def newest(self) -> date | None:
        """Newest as-of date."""

    def appends(self) -> int:
        """Number of appends so far."""

    def add(self, table: pa.Table) -> None:
        """Add rows of `STORED`; their keys are not there yet."""

    def rows(self, wanted: Wanted) -> pa.Table:
        """Readings by account and date, as rows of `STORED`."""

    def recent(self, before: date, since: date, depth: int) -> pa.Table:
        """The last `depth` readings per account in [since, before): account_id, as_of, both bands; newest first."""

    def keep(self, document: Document) -> None:
        """Keep a config under its body hash; the newest issue of a body stays."""

    def documents(self) -> Mapping[str, Document]:
        """Body hash -> config."""

    def log(self, kind: Log) -> Sequence[Entry]:
        """Entries, oldest first."""

    def write(self, kind: Log, entries: Sequence[Entry]) -> None:
        """Append entries."""

    def compact(self) -> dict[str, int]:
        """Put readings together for fast reading; counts of what was done."""

    def close(self) -> None:
        """Let go of it."""


def choice(source: str, where: str, *, every: bool, columns: str = COLUMNS) -> str:
    """SQL of the readings of a source: all of them, or per date the one of the newest config.

    Args:
        source: a relation with the columns of `STORED`.
        where: a condition, "" for none.
        every: whether to keep every reading.
        columns: those to return.
    """
    condition = f" WHERE {where}" if where else ""
    if every:
        return f"SELECT {columns} FROM {source}{condition} ORDER BY account_id, as_of, appended"
    return (
        f"SELECT DISTINCT ON (account_id, as_of) {columns} FROM {source}{condition} "
        "ORDER BY account_id, as_of, sequence DESC, appended DESC"
    )


def last_readings(source: str, where: str, depth: int) -> str:
    """SQL of the last readings per account, newest first."""
    wanted = "account_id, as_of, calculated_band, held_band"
    chosen = choice(source, where, every=False, columns=wanted)
    numbered = f"SELECT {wanted}, row_number() OVER (PARTITION BY account_id ORDER BY as_of DESC) AS place FROM "
    return f"SELECT * FROM ({numbered}({chosen}) AS chosen) AS numbered WHERE place <= {int(depth)}"


def in_order(table: pa.Table) -> pa.Table:
    """Rows of `STORED` by account, date and arrival."""
    return table.sort_by([("account_id", "ascending"), ("as_of", "ascending"), ("appended", "ascending")])


def newest_choice(table: pa.Table) -> pa.Table:
    """Per account and date the row of the newest config, then of the last append: what `choice` asks for in SQL."""
    keys = [("account_id", "ascending"), ("as_of", "ascending"), ("sequence", "descending"), ("appended", "descending")]
    ordered = table.sort_by(keys)
    if ordered.num_rows < 2:
        return ordered
    differs = [
        pc.not_equal(ordered.column(name).slice(1), ordered.column(name).slice(0, ordered.num_rows - 1))
        for name in ("account_id", "as_of")
    ]
    first = pa.array(np.append(True, pc.or_(*differs).to_numpy()))
    return ordered if pc.all(first).as_py() else ordered.filter(first)
