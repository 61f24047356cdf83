"""Product events: who used what, one block of rows per month, without a loop over events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from churnbench.data.world_chunk import Chunk
from churnbench.data.world_facts_money import FEATURES_IN_PLAN, seats_by_month
from churnbench.data.world_facts_months import (
    LAST_28,
    Index,
    account_months,
    days_in_month,
    expand,
    moments,
    spread_evenly,
)
from churnbench.data.world_facts_tables import Coded, Columns, joined, to_arrow
from churnbench.data.world_metrics import Array
from churnbench.data.world_settings import CHUNK_ACCOUNTS

EVENT_TYPES = ("login", "core_action", "advanced_action")

_BEFORE = 3  # months before the first snapshot from which on there are product events
_USUAL_SHARE = 0.6  # active seats of an ordinary account-month: the volume knob refers to it
_LATE_SHARE = 0.01  # of the events that repeat what others show too: sent by devices that were offline
_DUPLICATED = 0.002
_CORE_EVENTS = 20  # core actions per row: 1 to 20
_FEATURES = tuple(f"f{number:02d}" for number in range(1, FEATURES_IN_PLAN + 1))


def most_users(events_per_account_month: int) -> int:
    """Users per account whose events are kept: half the wanted rows, 5 to 500.

    >>> most_users(60), most_users(4), most_users(1000)
    (30, 5, 500)
    """
    return min(500, max(5, events_per_account_month // 2))


@dataclass(frozen=True, eq=False)
class _Month:
    """What the accounts of one month shall show; one entry per account."""

    row: Index
    month: int
    users: Index
    features: Index
    logins: Array
    advanced: Array
    spare: Index


def event_blocks(chunk: Chunk, rng: np.random.Generator, events_per_account_month: int) -> Iterator[pa.Table]:
    """Product events of a chunk, one table per month.

    In the last 28 days of every month each active user logs in at least once and each used feature is used at
    least once; the rest of the wanted rows repeats users and features. A login row stands for one user's week
    and `num_events` is the number of logins in it; in the other rows it is the number of actions.

    Args:
        chunk: the accounts; uses active_seats_share, feature_adoption_share, logins_per_user_week and
            advanced_actions_share.
        rng: source of randomness.
        events_per_account_month: wanted rows of an account with six active seats in ten.

    Yields:
        Tables of the shape FACT_TABLES["product_events"], some .5 % of the rows late and .2 % twice.
    """
    seats = np.minimum(seats_by_month(chunk), most_users(events_per_account_month))
    rows, months = account_months(chunk, _BEFORE)
    names = tuple(f"{account}-u{n}" for account in chunk.book["account_id"] for n in range(1, int(seats.max()) + 1))
    for month in np.unique(months):
        row = rows[months == month]
        wanted = _wanted(chunk, row, int(month), seats[row, month], rng, events_per_account_month)
        yield _block(chunk, wanted, names, int(seats.max()), rng)


def _wanted(
    chunk: Chunk, row: Index, month: int, seats: Index, rng: np.random.Generator, events_per_account_month: int
) -> _Month:
    active, adopted, logins, advanced = (
        np.nan_to_num(chunk.recorded[name][row, month])
        for name in (
            "active_seats_share",
            "feature_adoption_share",
            "logins_per_user_week",
            "advanced_actions_share",
        )
    )
    users = np.round(active * seats).astype(np.int64)
    features = np.minimum(np.round(adopted * FEATURES_IN_PLAN), FEATURES_IN_PLAN).astype(np.int64)
    drawn = rng.poisson(events_per_account_month * active / _USUAL_SHARE)
    return _Month(
        row=row,
        month=month,
        users=users,
        features=features,
        logins=logins,
        advanced=np.minimum(advanced, 0.98),
        spare=np.maximum(drawn - users - features - 2, 0),
    )


def _block(chunk: Chunk, wanted: _Month, names: tuple[str, ...], width: int, rng: np.random.Generator) -> pa.Table:
    """One month's rows: logins, core actions, advanced actions."""
    more_logins = np.where(wanted.users > 0, wanted.spare * 2 // 5, 0)
    more_advanced = wanted.spare // 5
    more_core = wanted.spare - more_logins - more_advanced
    login = _logins(wanted, wanted.users + more_logins, rng)
    core, done = _core_actions(wanted, wanted.features + 1 + more_core, rng)
    # a / (a + core) = advanced share
    ahead = np.round(done * wanted.advanced / (1.0 - wanted.advanced)).astype(np.int64)
    above = _advanced_actions(wanted, 1 + more_advanced, ahead, rng)
    parts = [login, core, above]
    columns = joined(parts)
    own = np.asarray(columns.pop("owner"), dtype=np.int64)
    spare = np.asarray(columns.pop("spare"), dtype=bool)
    user = np.asarray(columns.pop("user"), dtype=np.int64)
    row = wanted.row[own]
    columns["user_id"] = Coded(row * width + user, names)
    return _timed(chunk, wanted.month, row, user, spare, columns, rng)


def _logins(wanted: _Month, counts: Index, rng: np.random.Generator) -> Columns:
    """One row per active user, then rows of users drawn again; the mean number of logins is the recorded one."""
    own, place = expand(counts)
    users = wanted.users[own]
    again = place >= users
    user = np.where(again, (rng.random(len(own)) * users).astype(np.int64), place)
    totals = np.round(wanted.logins * counts).astype(np.int64)
    return _part(0, own, user, totals, counts, place, again)


def _core_actions(wanted: _Month, counts: Index, rng: np.random.Generator) -> tuple[Columns, Index]:
    """One row per used feature and one without, then used features drawn again; and the actions in all."""
    own, place = expand(counts)
    features = wanted.features[own]
    again = place > features
    drawn = (rng.random(len(own)) * (features + 1)).astype(np.int64)
    feature = np.where(again, drawn, place)
    columns = _part(1, own, _any_user(wanted, own, rng), None, counts, place, again)
    # The last number stands for actions outside the key features.
    columns["feature"] = Coded(np.where(feature < features, feature, -1).astype(np.int32), _FEATURES)
    columns["num_events"] = rng.integers(1, _CORE_EVENTS + 1, len(own)).astype(np.int32)
    done = np.asarray(columns["num_events"], dtype=np.float64)
    return columns, np.bincount(own, weights=done, minlength=len(counts)).astype(np.int64)


def _advanced_actions(wanted: _Month, counts: Index, totals: Index, rng: np.random.Generator) -> Columns:
    own, place = expand(counts)
    columns = _part(2, own, _any_user(wanted, own, rng), totals, counts, place, place > 0)
    empty = np.asarray(columns["num_events"]) == 0
    return {name: column.take(np.flatnonzero(~empty)) for name, column in columns.items()}


def _any_user(wanted: _Month, own: Index, rng: np.random.Generator) -> Index:
    return np.asarray((rng.random(len(own)) * wanted.users[own]).astype(np.int64))


def _part(
    kind: int, own: Index, user: Index, total: Index | None, counts: Index, place: Index, again: NDArray[np.bool_]
) -> Columns:
    """Rows of one type; `num_events` splits each account's total evenly."""
    number = np.zeros(len(own), dtype=np.int32)
    if total is not None:
        number = spread_evenly(total, counts, own, place).astype(np.int32)
    return {
        "owner": own,
        "user": user,
        "spare": again,
        "event_type": Coded(np.full(len(own), kind, dtype=np.int32), EVENT_TYPES),
        "feature": Coded(np.full(len(own), -1, dtype=np.int32), _FEATURES),
        "num_events": number,
    }


def _timed(
    chunk: Chunk,
    month: int,
    row: Index,
    user: Index,
    spare: NDArray[np.bool_],
    columns: Columns,
    rng: np.random.Generator,
) -> pa.Table:
    """Add times and ids, and send some rows twice."""
    days = days_in_month(chunk, row, np.full(len(row), month), rng, within=LAST_28)
    at = moments(days, rng)
    # Minutes, and never past midnight: what a month shows was known at its end.
    known = at + (30 + rng.exponential(300.0, len(at))).astype(np.int64).clip(max=4 * 3600).astype("timedelta64[s]")
    late = np.flatnonzero(spare & (rng.random(len(at)) < _LATE_SHARE))
    known[late] += rng.integers(86_400, 10 * 86_400, len(late)).astype("timedelta64[s]")
    account = np.int64(chunk.part) * CHUNK_ACCOUNTS + row
    columns["event_time"] = at
    columns["known_time"] = known
    columns["session_id"] = (account * 512 + user) * 65_536 + days.astype(np.int64)
    columns["insert_id"] = ((np.int64(chunk.part) * 512 + month) << 24) + np.arange(len(row))
    twice = np.flatnonzero(rng.random(len(at)) < _DUPLICATED)
    copies: Columns = {name: column.take(twice) for name, column in columns.items()}
    copies["known_time"] = known[twice] + rng.integers(60, 2 * 86_400, len(twice)).astype("timedelta64[s]")
    return to_arrow("product_events", chunk, np.concatenate([row, row[twice]]), joined([columns, copies]))
