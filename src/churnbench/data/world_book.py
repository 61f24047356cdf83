"""The simulated book of accounts: who they are, when they started, when they renew."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: Month end of the newest snapshot of every simulated world.
LAST_AS_OF = pd.Timestamp("2025-12-31")

#: segment -> share of the book, median ARR, median seats, accounts per CSM, shift of the log hazard.
SEGMENTS: dict[str, tuple[float, float, float, int, float]] = {
    "Enterprise": (0.18, 160_000.0, 220.0, 25, -0.35),
    "Mid-Market": (0.34, 42_000.0, 60.0, 60, 0.0),
    "SMB": (0.48, 8_500.0, 14.0, 150, 0.25),
}

_INDUSTRIES = ("Software", "Retail", "Manufacturing", "Health care", "Finance", "Education", "Logistics")
_CHANNELS = ("Inbound", "Outbound", "Partner", "Referral", "Event")
_NEW_SHARE = 0.28  # accounts that sign during the history
_OLDEST_DAYS = 1600  # signup of the oldest account, days before the first snapshot


def month_ends(months: int) -> pd.DatetimeIndex:
    """The as-of dates, oldest first, shape (months,)."""
    return pd.date_range(end=LAST_AS_OF, periods=months, freq="ME")


def make_accounts(accounts: int, months: int, rng: np.random.Generator, *, part: int = 0) -> pd.DataFrame:
    """Draw the book.

    Args:
        accounts: number of accounts, >= 1.
        months: number of monthly snapshots, >= 2.
        rng: source of randomness.
        part: number of the chunk of a larger book; its CSMs get names of their own.

    Returns:
        One row per account: account_id, started_on, segment, arr (as first signed), csm, industry, channel,
        seats. It holds nothing that was decided after signup, so it cannot leak.
    """
    names = list(SEGMENTS)
    segment = rng.choice(len(names), size=accounts, p=[SEGMENTS[name][0] for name in names])
    median_arr = np.array([SEGMENTS[name][1] for name in names])[segment]
    median_seats = np.array([SEGMENTS[name][2] for name in names])[segment]
    size = np.exp(0.5 * rng.standard_normal(accounts))
    seats = np.maximum(3.0, np.round(median_seats * size))
    arr = np.round(median_arr * size * np.exp(0.2 * rng.standard_normal(accounts)), -2)
    return pd.DataFrame(
        {
            "account_id": [f"A{number:05d}" for number in range(1, accounts + 1)],
            "started_on": _signups(accounts, months, rng),
            "segment": np.array(names)[segment],
            "arr": np.maximum(arr, 1200.0),
            "csm": _managers(segment, rng, part),
            "industry": rng.choice(_INDUSTRIES, size=accounts),
            "channel": rng.choice(_CHANNELS, size=accounts, p=[0.35, 0.25, 0.2, 0.12, 0.08]),
            "seats": seats.astype(np.int64),
        }
    )


def _signups(accounts: int, months: int, rng: np.random.Generator) -> pd.DatetimeIndex:
    ends = month_ends(months)
    span = int((ends[-1] - ends[0]).days)
    new = rng.random(accounts) < _NEW_SHARE
    before = -rng.integers(30, _OLDEST_DAYS, size=accounts)
    # Nobody signs in the last weeks: an account without a single snapshot would only be noise in the files.
    during = rng.integers(1, max(2, span - 20), size=accounts)
    return pd.DatetimeIndex(ends[0] + pd.to_timedelta(np.where(new, during, before), unit="D"))


def _managers(segment: NDArray[np.int64], rng: np.random.Generator, part: int) -> list[str]:
    """CSM names; each looks after one segment, so that a CSM's book is comparable."""
    owner = np.empty(len(segment), dtype=object)
    for code, name in enumerate(SEGMENTS):
        members = np.flatnonzero(segment == code)
        team = max(1, round(len(members) / SEGMENTS[name][3]))
        first = 100 * part + 1  # no team of a chunk is larger than a hundred
        owner[members] = [f"{name} CSM {number + first}" for number in rng.integers(0, team, size=len(members))]
    return [str(name) for name in owner]


def next_renewals(started: NDArray[np.datetime64], day: pd.Timestamp) -> NDArray[np.datetime64]:
    """The first yearly anniversary of each start strictly after `day` (365-day terms).

    Args:
        started: start dates, shape (accounts,).
        day: the as-of date.

    Returns:
        Dates, shape (accounts,); for an account that starts later, its first anniversary.

    >>> next_renewals(np.array(["2024-01-10"], dtype="datetime64[D]"), pd.Timestamp("2025-01-09"))
    array(['2026-01-09'], dtype='datetime64[D]')
    """
    start = started.astype("datetime64[D]")
    elapsed = (np.datetime64(day, "D") - start).astype(np.int64)
    terms = np.maximum(elapsed // 365 + 1, 1)
    return np.asarray(start + terms * np.timedelta64(365, "D"))
