"""When facts happen: account-months, moments inside them, and monthly counts behind trailing sums.

A snapshot of the simulated world says what was known at a month end. Facts that shall add up to it must lie
inside the right windows. Two placements do that for every calendar month, however long it is:

- `LAST_28`: days [end - 27, end]. A window of 28 days at a month end holds this month and no other.
- `MIDDLE`: days [end - 26, end - 3]. Windows of 30, 90, 180, 365 and 730 days at a month end hold exactly the
  last 1, 3, 6, 12 and 24 months, and three days are left for a record to become known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from churnbench.data.world_chunk import Chunk
from churnbench.data.world_metrics import Array
from churnbench.data.world_settings import RUN_IN

Index = NDArray[np.int64]
Moments = NDArray[np.datetime64]

#: (first, last) day of a month in which facts may happen, counted back from the month end.
LAST_28 = (27, 0)
MIDDLE = (26, 3)
DAY = 86_400  # seconds


def account_months(chunk: Chunk, before: int, *, ahead_days: int = 0) -> tuple[Index, Index]:
    """The months in which an account is under contract for at least a day.

    Args:
        chunk: the accounts.
        before: months before the first snapshot from which on facts are wanted, 0 to `RUN_IN - 1`.
        ahead_days: days before the start of the contract that belong to it (a sales cycle).

    Returns:
        Row and month of each account-month, ordered by month, then row.
    """
    ends = chunk.days[None, :]
    first_days = np.concatenate([chunk.days[:1], chunk.days[:-1] + np.timedelta64(1, "D")])[None, :]
    started = chunk.started - np.timedelta64(ahead_days, "D")
    there = (started[:, None] <= ends) & ~(chunk.ended[:, None] <= first_days)
    there[:, : RUN_IN - before] = False
    month, row = np.nonzero(there.T)
    return row, month


def expand(counts: NDArray[np.integer]) -> tuple[Index, Index]:
    """One entry per thing counted: whose it is, and the how-manieth.

    >>> owner, place = expand(np.array([2, 0, 1]))
    >>> owner.tolist(), place.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - first[owner]


def spread_evenly(totals: NDArray[np.integer], counts: NDArray[np.integer], owner: Index, place: Index) -> Index:
    """Whole numbers, one per entry of `expand(counts)`, that add up to each owner's total.

    >>> owner, place = expand(np.array([3, 1]))
    >>> spread_evenly(np.array([7, 4]), np.array([3, 1]), owner, place).tolist()
    [2, 2, 3, 4]
    """
    total, count = totals[owner], counts[owner]
    return np.asarray((place + 1) * total // count - place * total // count, dtype=np.int64)


def days_in_month(
    chunk: Chunk, row: Index, month: Index, rng: np.random.Generator, *, within: tuple[int, int], ahead_days: int = 0
) -> Moments:
    """A random day per entry, inside its month and not before the contract.

    Args:
        chunk: the accounts.
        row: account of each entry, position in the book.
        month: month of each entry.
        rng: source of randomness.
        within: `MIDDLE`, `LAST_28` or a narrower pair of days counted back from the month end.
        ahead_days: as in `account_months`.

    Returns:
        datetime64[D]. In a month whose contract begins after `within` ends, the day of the start.
    """
    ends = chunk.days[month]
    back, near = within
    low = np.maximum(ends - np.timedelta64(back, "D"), chunk.started[row] - np.timedelta64(ahead_days, "D"))
    span = np.maximum((ends - np.timedelta64(near, "D") - low).astype(np.int64), 0)
    return np.asarray(low + (rng.random(len(row)) * (span + 1)).astype(np.int64).astype("timedelta64[D]"))


def moments(days: Moments, rng: np.random.Generator) -> Moments:
    """A random second of the working day (07:00-19:00 UTC) of each date, datetime64[s]."""
    seconds = rng.integers(7 * 3600, 19 * 3600, len(days))
    return np.asarray(days.astype("datetime64[s]") + seconds.astype("timedelta64[s]"))


def later(at: Moments, rng: np.random.Generator, low_days: float, high_days: float) -> Moments:
    """Each moment and a uniform delay, in days; datetime64[s]."""
    delay = rng.integers(round(low_days * DAY), round(high_days * DAY) + 1, len(at))
    return np.asarray(at.astype("datetime64[s]") + delay.astype("timedelta64[s]"))


def monthly_counts(trailing: Array, months: int) -> Index:
    """The monthly counts behind a trailing sum.

    Args:
        trailing: sums over the current and the `months - 1` months before it, fewer at the start, shape
            (accounts, history); NaN counts as no new event.
        months: length of the window.

    Returns:
        Whole numbers >= 0, shape (accounts, history). They add up to `trailing` exactly wherever it is such
        a sum; where it falls faster than old events drop out of the window, no event is added.

    >>> monthly_counts(np.array([[1.0, 3.0, 3.0, 2.0]]), 2).tolist()
    [[1, 2, 1, 1]]
    """
    counts = np.zeros(trailing.shape, dtype=np.int64)
    for month in range(trailing.shape[1]):
        seen = counts[:, max(0, month - months + 1) : month].sum(axis=1)
        wanted = np.nan_to_num(np.round(trailing[:, month]), nan=0.0).astype(np.int64) - seen
        counts[:, month] = np.maximum(wanted, 0)
    return counts


def followed_counts(level: Array, months: int, least: NDArray[np.integer]) -> Index:
    """Monthly counts whose trailing sums follow a level as closely as whole numbers can.

    Args:
        level: wanted sum over `months` months, shape (accounts, history), no NaN.
        months: length of the window.
        least: smallest count of each month, same shape.

    Returns:
        Whole numbers >= `least`. The first window is filled evenly.
    """
    counts = np.zeros(level.shape, dtype=np.int64)
    for month in range(level.shape[1]):
        if month < months - 1:
            wanted = np.round(level[:, month] / months)
        else:
            wanted = np.round(level[:, month]) - counts[:, month - months + 1 : month].sum(axis=1)
        counts[:, month] = np.maximum(wanted, least[:, month])
    return counts
