"""The fact tables of the simulated world: their columns, and how drawn arrays become Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from churnbench.data.world_chunk import Chunk

_TIME = pa.timestamp("ms")
#: Text of few distinct values: integers and a list, in memory and in the file.
_CODED = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class FactSchema:
    """One fact table.

    Attributes:
        event: column that says when the fact happened; `known_time` says when it was known.
        columns: column -> Arrow type, in the order of the file.
    """

    event: str
    columns: Mapping[str, pa.DataType]


#: Every fact table. Columns marked "state" in docs/simulated-worlds.md hold what a system shows today.
FACT_TABLES: dict[str, FactSchema] = {
    "product_events": FactSchema(
        "event_time",
        {
            "event_time": _TIME,
            "known_time": _TIME,
            "account_id": _CODED,
            "user_id": _CODED,
            "event_type": _CODED,
            "feature": _CODED,
            "num_events": pa.int32(),
            "session_id": pa.int64(),
            "insert_id": pa.int64(),
        },
    ),
    "tickets": FactSchema(
        "created_at",
        {
            "ticket_id": pa.int64(),
            "account_id": _CODED,
            "created_at": _TIME,
            "known_time": _TIME,
            "priority": _CODED,
            "tone": pa.float64(),
            "escalated": pa.bool_(),
            "first_reply_at": _TIME,
            "solved_at": _TIME,
            "csat": pa.float64(),
        },
    ),
    "ticket_history": FactSchema(
        "updated_at",
        {
            "ticket_id": pa.int64(),
            "account_id": _CODED,
            "updated_at": _TIME,
            "known_time": _TIME,
            "field_name": _CODED,
            "value": _CODED,
        },
    ),
    "surveys": FactSchema(
        "responded_at",
        {
            "survey_id": pa.int64(),
            "account_id": _CODED,
            "survey_type": _CODED,
            "sent_at": _TIME,
            "responded_at": _TIME,
            "known_time": _TIME,
            "score": pa.float64(),
        },
    ),
    "touchpoints": FactSchema(
        "held_at",
        {
            "touchpoint_id": pa.int64(),
            "account_id": _CODED,
            "kind": _CODED,
            "held_at": _TIME,
            "known_time": _TIME,
            "quality": pa.float64(),
            "exec_present": pa.bool_(),
            "value": pa.float64(),
        },
    ),
    "contacts": FactSchema(
        "changed_at",
        {
            "contact_id": pa.int64(),
            "account_id": _CODED,
            "role": _CODED,
            "influence": _CODED,
            "change": _CODED,
            "changed_at": _TIME,
            "known_time": _TIME,
            "joined_on": pa.date32(),
            "left_on": pa.date32(),
        },
    ),
    "invoices": FactSchema(
        "status_at",
        {
            "invoice_id": pa.int64(),
            "account_id": _CODED,
            "item": _CODED,
            "status": _CODED,
            "status_at": _TIME,
            "known_time": _TIME,
            "issued_on": pa.date32(),
            "due_on": pa.date32(),
            "paid_on": pa.date32(),
            "amount": pa.float64(),
            "units_used": pa.int64(),
            "units_contracted": pa.int64(),
        },
    ),
    "subscriptions": FactSchema(
        "changed_at",
        {
            "account_id": _CODED,
            "change": _CODED,
            "changed_at": _TIME,
            "known_time": _TIME,
            "term_from": pa.date32(),
            "term_to": pa.date32(),
            "renewal_on": pa.date32(),
            "arr": pa.float64(),
            "arr_change": pa.float64(),
            "seats": pa.int64(),
            "tracked_users": pa.int64(),
            "features_in_plan": pa.int64(),
        },
    ),
}


@dataclass(frozen=True, eq=False)
class Coded:
    """Text of few distinct values; code -1 is missing."""

    codes: NDArray[np.integer]
    texts: tuple[str, ...]

    def take(self, rows: NDArray[Any]) -> Coded:
        """Some entries."""
        return Coded(self.codes[rows], self.texts)


#: Columns as drawn: numpy arrays (NaN and NaT are missing) or coded text.
Columns = dict[str, NDArray[Any] | Coded]


def joined(parts: list[Columns]) -> Columns:
    """Columns of several parts one below the other; coded text must have the same texts in each."""
    whole: Columns = {}
    for name, first in parts[0].items():
        if isinstance(first, Coded):
            whole[name] = Coded(np.concatenate([cast("Coded", part[name]).codes for part in parts]), first.texts)
        else:
            whole[name] = np.concatenate([part[name] for part in parts])
    return whole


def to_arrow(table: str, chunk: Chunk, row: NDArray[np.int64], columns: Columns, *, ahead_days: int = 0) -> pa.Table:
    """Turn drawn columns into the table, keeping what can have happened and is known at the end.

    Args:
        table: key of `FACT_TABLES`.
        chunk: the accounts.
        row: account of each fact, position in `chunk.book`.
        columns: every column of the table but account_id.
        ahead_days: days before the start of the contract from which facts count.

    Returns:
        Facts of the time under contract (and `ahead_days` before) that were known by the end of the newest
        month end, in the order given.
    """
    schema = FACT_TABLES[table]
    happened = np.asarray(columns[schema.event]).astype("datetime64[D]")
    first = chunk.started[row] - np.timedelta64(ahead_days, "D")
    extracted = chunk.days[-1] + np.timedelta64(1, "D")
    kept = (happened >= first) & ~(happened >= chunk.ended[row]) & (np.asarray(columns["known_time"]) < extracted)
    rows = np.flatnonzero(kept)
    ids = Coded(row.astype(np.int32), tuple(chunk.book["account_id"]))
    everything: Columns = {**columns, "account_id": ids}
    arrays = [_array(everything[name], rows, kind) for name, kind in schema.columns.items()]
    return pa.Table.from_arrays(arrays, names=list(schema.columns))


def _array(column: NDArray[Any] | Coded, rows: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    if isinstance(column, Coded):
        codes = column.codes[rows].astype(np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(column.texts, pa.string()))
    values = column[rows]
    if pa.types.is_timestamp(kind):
        return pa.array(values.astype("datetime64[ms]"), kind)
    if pa.types.is_date32(kind):
        return pa.array(values.astype("datetime64[D]"), kind)
    return pa.array(values, from_pandas=True).cast(kind)
