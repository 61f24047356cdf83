"""Touchpoints and contacts: who met whom, and who came and went."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churnbench.data.world_chunk import Chunk
from churnbench.data.world_facts_months import (
    MIDDLE,
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
from churnbench.data.world_metrics import Array

#: Meetings and events begin with the sales cycle, so many days before the contract.
SALES_CYCLE_DAYS = 184
#: Kinds of touchpoints.
KINDS = ("check-in", "executive", "training", "community", "advocacy")
#: Roles of contacts.
ROLES = ("champion", "executive sponsor", "economic buyer", "administrator", "user")

_BEFORE = 7  # months before the first snapshot from which on there are touchpoints
_LOGGED_DAYS = 2.0  # a CSM logs a meeting at most this much later


def touchpoint_table(chunk: Chunk, rng: np.random.Generator) -> pa.Table:
    """Meetings, trainings, community events and advocacy.

    - check-in: one a month, `quality` 1-5 as the CSM rated it; none in a month without a rating.
    - executive: meetings with an executive (`exec_present`).
    - training: the monthly training report, `value` = share of the assigned courses completed.
    - community: posts, events and webinars.
    - advocacy: `value` 1 when the account becomes a reference, 0 when it withdraws (or begins as none).

    Args:
        chunk: the accounts; uses touchpoint_quality, executive_meetings_180d, training_completion_share,
            community_events_90d and is_reference.
        rng: source of randomness.
    """
    recorded = chunk.recorded
    executives = monthly_counts(recorded["executive_meetings_180d"], 6)
    community = monthly_counts(recorded["community_events_90d"], 3)
    under_contract = account_months(chunk, _BEFORE)
    with_sales = account_months(chunk, _BEFORE, ahead_days=SALES_CYCLE_DAYS)
    drawn = [
        _monthly(chunk, "check-in", recorded["touchpoint_quality"], under_contract, rng),
        _monthly(chunk, "training", recorded["training_completion_share"], under_contract, rng),
        _counted(chunk, "executive", executives, with_sales, rng),
        _counted(chunk, "community", community, with_sales, rng),
        _monthly(chunk, "advocacy", _turns(chunk, recorded["is_reference"], under_contract), under_contract, rng),
    ]
    row = np.concatenate([rows for rows, _ in drawn])
    columns = joined([columns for _, columns in drawn])
    columns["touchpoint_id"] = np.int64(chunk.part) * 100_000_000 + np.arange(1, len(row) + 1)
    return to_arrow("touchpoints", chunk, row, columns, ahead_days=SALES_CYCLE_DAYS)


def _turns(chunk: Chunk, flag: Array, place: tuple[Index, Index]) -> Array:
    """The flag where it changes and in an account's first month of facts; NaN elsewhere."""
    row, month = place
    opening = np.full(len(chunk.book), flag.shape[1])
    np.minimum.at(opening, row, month)
    before = np.concatenate([np.full((len(flag), 1), np.nan), flag[:, :-1]], axis=1)
    fresh = (flag != before) | (np.arange(flag.shape[1])[None, :] == opening[:, None])
    return np.where(fresh, flag, np.nan)


def _monthly(
    chunk: Chunk, kind: str, values: Array, place: tuple[Index, Index], rng: np.random.Generator
) -> tuple[Index, Columns]:
    """One touchpoint in every month that has a value: the quality of a check-in, else `value`."""
    row, month = place
    there = ~np.isnan(values[row, month])
    row, month = row[there], month[there]
    days = days_in_month(chunk, row, month, rng, within=MIDDLE)
    return row, _touchpoints(kind, days, values[row, month], rng)


def _counted(
    chunk: Chunk, kind: str, counts: Index, place: tuple[Index, Index], rng: np.random.Generator
) -> tuple[Index, Columns]:
    row, month = place
    owner, _ = expand(counts[row, month])
    row, month = row[owner], month[owner]
    days = days_in_month(chunk, row, month, rng, within=MIDDLE, ahead_days=SALES_CYCLE_DAYS)
    return row, _touchpoints(kind, days, np.full(len(row), np.nan), rng)


def _touchpoints(kind: str, days: Moments, values: Array, rng: np.random.Generator) -> Columns:
    held = moments(days, rng)
    rated = kind == "check-in"
    empty = np.full(len(days), np.nan)
    return {
        "kind": Coded(np.full(len(days), KINDS.index(kind)), KINDS),
        "held_at": held,
        "known_time": later(held, rng, 0.02, _LOGGED_DAYS),
        "quality": values if rated else empty,
        "exec_present": np.full(len(days), kind == "executive"),
        "value": empty if rated else values,
    }


def contact_table(chunk: Chunk, rng: np.random.Generator) -> pa.Table:
    """Contacts as they joined and left, known 5 to 30 days later; departures of champions are the world's.

    A champion who leaves is followed by another one within two weeks.
    """
    accounts = np.arange(len(chunk.book))
    others, place = expand(rng.integers(1, len(ROLES), len(accounts)))
    left_row = chunk.departures["row"].to_numpy(dtype=np.int64)
    left_on = chunk.departures["departed_on"].to_numpy().astype("datetime64[D]")
    turn = np.arange(len(left_row)) - np.searchsorted(left_row, left_row)  # the how-manieth champion leaves
    followed_on = _successors(left_row, left_on, rng)
    other_on = chunk.started[others] + rng.integers(0, 61, len(others)).astype("timedelta64[D]")
    base = np.int64(chunk.part) * 1_000_000_000
    parts = [
        _contacts(base + accounts * 1000, np.zeros(len(accounts), int), "joined", chunk.started, chunk.started, rng),
        _contacts(base + others * 1000 + 500 + place, place + 1, "joined", other_on, other_on, rng),
        _contacts(
            base + left_row * 1000 + turn,
            np.zeros(len(left_row), int),
            "left",
            left_on,
            _joined_on(chunk.started, left_row, followed_on),
            rng,
        ),
        _contacts(
            base + left_row * 1000 + turn + 1, np.zeros(len(left_row), int), "joined", followed_on, followed_on, rng
        ),
    ]
    row = np.concatenate([accounts, others, left_row, left_row])
    return to_arrow("contacts", chunk, row, joined(parts))


def _successors(row: Index, left_on: Moments, rng: np.random.Generator) -> Moments:
    """Days on which the next champions join: within two weeks, and before they leave themselves."""
    joins = left_on + rng.integers(1, 15, len(row)).astype("timedelta64[D]")
    following = np.append(left_on[1:], np.datetime64("9999-01-01", "D"))
    same = np.append(row[1:] == row[:-1], [False])[: len(row)]
    return np.asarray(np.where(same, np.minimum(joins, following[: len(row)]), joins))


def _joined_on(started: Moments, row: Index, followed_on: Moments) -> Moments:
    """When the champions who leave had joined: at the start, or after the one before them."""
    again = np.concatenate([[False], row[1:] == row[:-1]])[: len(row)]
    before = np.concatenate([followed_on[:1], followed_on[:-1]])
    return np.asarray(np.where(again, before, started[row]))


def _contacts(
    number: Index, role: Index, change: str, at: Moments, joined_on: Moments, rng: np.random.Generator
) -> Columns:
    changed = moments(at, rng)
    changes = ("joined", "left")
    influence = np.where(role <= 2, 0, rng.integers(1, 3, len(role)))
    return {
        "contact_id": number,
        "role": Coded(role, ROLES),
        "influence": Coded(influence, ("high", "medium", "low")),
        "change": Coded(np.full(len(role), changes.index(change)), changes),
        "changed_at": changed,
        "known_time": later(changed, rng, 5.0, 30.0),
        "joined_on": joined_on,
        "left_on": at if change == "left" else np.full(len(at), np.datetime64("NaT", "D")),
    }
