"""Invoices and subscriptions: what was billed and paid, and how the contract changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from churnbench.data.world_chunk import Chunk
from churnbench.data.world_facts_months import (
    Index,
    Moments,
    account_months,
    days_in_month,
    expand,
    later,
    moments,
    monthly_counts,
)
from churnbench.data.world_facts_tables import Coded, Columns, joined, to_arrow

#: Parts of a month's bill, with their share of it. The usage invoice carries the consumption.
ITEMS: dict[str, float] = {"platform": 0.7, "services": 0.2, "usage": 0.1}
#: What an invoice can be at a moment.
STATUSES = ("issued", "paid", "overdue", "paid late")
#: Features that every plan contains.
FEATURES_IN_PLAN = 24
#: Units of consumption contracted per seat.
UNITS_PER_SEAT = 100

_BEFORE = 13  # months before the first snapshot from which on there are invoices
_TERM_DAYS = 10  # days to pay
_CHANGES = ("new", "renewal", "expansion", "contraction")


def seats_by_month(chunk: Chunk) -> Index:
    """Seats under contract, shape (accounts, history): they move with the ARR, at least three."""
    first = chunk.book["arr"].to_numpy()[:, None]
    seats = np.round(chunk.book["seats"].to_numpy()[:, None] * chunk.contracts.arr / first)
    return np.asarray(np.maximum(seats, 3), dtype=np.int64)


def invoice_table(chunk: Chunk, rng: np.random.Generator) -> pa.Table:
    """Three invoices a month, one row per status that an invoice reaches.

    "issued" is known the same day. "paid" (by the due day) and "paid late" are known 0 to 10 days after the
    payment, "overdue" the day after the due day. A row shows `paid_on` only once it is paid.

    Args:
        chunk: the accounts; uses on_time_payment_share and contract_utilisation.
        rng: source of randomness.
    """
    row, month = account_months(chunk, _BEFORE)
    history = chunk.settings.history
    billed = 3.0 * np.minimum(np.arange(1, history + 1), 12.0)
    paid = monthly_counts(np.round(chunk.recorded["on_time_payment_share"] * billed), 12)
    # Which of the three is late changes from month to month, else services would always be.
    owner, place = expand(np.full(len(row), len(ITEMS)))
    punctual = (place + month[owner]) % len(ITEMS) < paid[row, month][owner]
    issued = days_in_month(chunk, row, month, rng, within=(26, 23))[owner]
    due = issued + np.timedelta64(_TERM_DAYS, "D")
    paid_on = np.where(
        punctual,
        due - rng.integers(0, _TERM_DAYS, len(due)).astype("timedelta64[D]"),
        due + rng.integers(5, 61, len(due)).astype("timedelta64[D]"),
    )
    row, month = row[owner], month[owner]
    number = (np.int64(chunk.part) * 10_000 + row) * 100_000 + month * 10 + place
    usage = place == list(ITEMS).index("usage")
    contracted = np.where(usage, UNITS_PER_SEAT * seats_by_month(chunk)[row, month], 0)
    used = np.round(np.nan_to_num(chunk.recorded["contract_utilisation"])[row, month] * contracted).astype(np.int64)
    share = np.array(list(ITEMS.values()))[place]
    bill: Columns = {
        "invoice_id": number,
        "item": Coded(place, tuple(ITEMS)),
        "issued_on": issued,
        "due_on": due,
        "paid_on": paid_on,
        "amount": np.round(share * chunk.contracts.arr[row, month] / 12.0, 2),
        "units_used": used,
        "units_contracted": contracted,
    }
    statuses = [
        _status(bill, "issued", issued, (0.0, 0.1), np.ones(len(row), dtype=bool), rng),
        _status(bill, "paid", paid_on, (0.0, 10.0), punctual, rng),
        _status(bill, "overdue", due + np.timedelta64(1, "D"), (0.0, 0.1), ~punctual, rng),
        _status(bill, "paid late", paid_on, (0.0, 10.0), ~punctual, rng),
    ]
    every = np.concatenate([row, row[punctual], row[~punctual], row[~punctual]])
    return to_arrow("invoices", chunk, every, joined(statuses))


def _status(
    bill: Columns,
    status: str,
    day: Moments,
    lag_days: tuple[float, float],
    where: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Columns:
    """The invoices that reach a status; consumption stands on the issued row only, payment on paid rows."""
    some = np.flatnonzero(where)
    at = moments(day[some], rng)
    columns: Columns = {name: values.take(some) for name, values in bill.items()}
    if status != "issued":
        columns["units_used"] = columns["units_contracted"] = np.zeros(len(some), dtype=np.int64)
    if not status.startswith("paid"):
        columns["paid_on"] = np.full(len(some), np.datetime64("NaT", "D"))
    columns["status"] = Coded(np.full(len(some), STATUSES.index(status)), STATUSES)
    columns["status_at"] = at
    columns["known_time"] = later(at, rng, *lag_days)
    return columns


def subscription_table(chunk: Chunk, rng: np.random.Generator, *, most_users: int) -> pa.Table:
    """The contract's log: signed, renewed, expanded, contracted, known the same day.

    `term_from`, `term_to` and `renewal_on` are those of the term agreed at that moment.

    Args:
        chunk: the accounts.
        rng: source of randomness.
        most_users: users per account whose product events are kept.
    """
    seats = seats_by_month(chunk)
    opening = chunk.book["arr"].to_numpy(dtype=np.float64)
    accounts = np.arange(len(chunk.book))
    until = np.where(np.isnat(chunk.ended), chunk.days[-1] + np.timedelta64(1, "D"), chunk.ended)
    terms = np.maximum(((until - chunk.started).astype(np.int64) - 1) // 365, 0)
    again, number = expand(terms)
    renewed = chunk.started[again] + (number + 1) * np.timedelta64(365, "D")
    moved, month = np.nonzero((chunk.contracts.expanded > 0) | (chunk.contracts.contracted > 0))
    row = np.concatenate([accounts, again, moved])
    day = np.concatenate([chunk.started, renewed, chunk.days[month]])
    # Column of the month end on or before the day: a renewal shows what had been agreed by then.
    column = np.searchsorted(chunk.days, day, side="right") - 1
    arr = np.where(column >= 0, chunk.contracts.arr[row, np.maximum(column, 0)], opening[row])
    arr[: len(accounts)] = opening
    change = np.zeros(len(row))
    change[len(accounts) + len(again) :] = _changes(chunk, moved, month)
    held = np.where(column >= 0, seats[row, np.maximum(column, 0)], chunk.book["seats"].to_numpy()[row])
    held[: len(accounts)] = np.maximum(chunk.book["seats"].to_numpy(), 3)
    kind = np.repeat([0, 1, 2], [len(accounts), len(again), len(moved)])
    # Signed early in the morning: a change of the same day comes after it.
    at = np.where(kind == 0, day.astype("datetime64[s]") + np.timedelta64(6, "h"), moments(day, rng))
    begun = chunk.started[row] + (day - chunk.started[row]) // np.timedelta64(365, "D") * np.timedelta64(365, "D")
    over = begun + np.timedelta64(365, "D")
    columns: Columns = {
        "change": Coded(np.where(change < 0, 3, kind), _CHANGES),
        "changed_at": at,
        "known_time": later(at, rng, 0.0, 0.1),
        "term_from": begun,
        "term_to": over - np.timedelta64(1, "D"),
        "renewal_on": over,
        "arr": arr,
        "arr_change": change,
        "seats": held,
        "tracked_users": np.minimum(held, most_users),
        "features_in_plan": np.full(len(row), FEATURES_IN_PLAN),
    }
    return to_arrow("subscriptions", chunk, row, columns)


def _changes(chunk: Chunk, row: Index, month: Index) -> NDArray[np.float64]:
    """What an expansion or contraction at a month end did to the ARR."""
    opening = chunk.book["arr"].to_numpy(dtype=np.float64)[row]
    before = np.where(month > 0, chunk.contracts.arr[row, np.maximum(month - 1, 0)], opening)
    return np.asarray(chunk.contracts.arr[row, month] - before)
