"""Kaplan-Meier retention curves with late entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.metrics import Estimate

Floats = npt.NDArray[np.float64]
_Z90 = 1.6448536269514722
#: A curve ends where fewer accounts than this are still watched.
LEAST_AT_RISK = 10
#: A curve that begins later than this, in its own unit, does not tell what was kept since the start.
START = 1.0


@dataclass(frozen=True, eq=False)
class Curve:
    """A retention curve at its event times: share kept with 90 % limits (log-log Greenwood).

    Between `first` and `last` at least ten accounts are watched. A curve with `first` above 0 says how many of those
    still there at `first` are kept: whoever left before was never seen.
    """

    times: Floats
    kept: Floats
    low: Floats
    high: Floats
    first: float
    last: float
    watched: Callable[[float], int]

    def at(self, time: float) -> Estimate:
        """Share kept by a time; unknown outside the time in which ten accounts were watched from the start on.

        Before the first departure the lower limit is the exact one of no event among those watched.
        """
        if time > self.last or self.first > START:
            return Estimate(None)
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        if place < 0:
            return Estimate(1.0, float(0.05 ** (1 / self.watched(time))), 1.0)
        return Estimate(float(self.kept[place]), float(self.low[place]), float(self.high[place]))


def kaplan_meier(entry: npt.ArrayLike, end: npt.ArrayLike, event: npt.ArrayLike) -> Curve:
    """Product-limit estimate (Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452).

    Args:
        entry: time at which each account came under watch, shape (n,); it is at risk in (entry, end].
        end: time at which it left or was last seen.
        event: whether it left.

    Returns:
        The curve up to the time at which fewer than ten accounts are still watched.

    >>> curve = kaplan_meier([0.0] * 20, [5.0] * 10 + [10.0] * 10, [True] * 10 + [False] * 10)
    >>> curve.at(7.0).value, curve.at(4.0).value
    (0.5, 1.0)
    """
    start, stop, left = (np.asarray(part) for part in (entry, end, event))
    start, stop, left = start.astype(float), stop.astype(float), left.astype(bool)
    watched = stop > start
    start, stop, left = start[watched], stop[watched], left[watched]
    times = np.unique(stop[left])
    entered, ended = np.sort(start), np.sort(stop)
    at_risk = np.searchsorted(entered, times, side="left") - np.searchsorted(ended, times, side="left")
    deaths = np.searchsorted(np.sort(stop[left]), times, side="right") - np.searchsorted(
        np.sort(stop[left]), times, side="left"
    )
    first, last = _watched_from_to(entered, ended)
    inside = (times <= last) & (times >= first)
    times, at_risk, deaths = times[inside], at_risk[inside].astype(float), deaths[inside].astype(float)
    kept = np.cumprod(1 - deaths / at_risk) if len(times) else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        reach = _Z90 * np.sqrt(variance) / np.abs(np.log(kept))
        low, high = kept ** np.exp(reach), kept ** np.exp(-reach)
    low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), kept, high)

    def count(time: float) -> int:
        return max(int(np.searchsorted(entered, time, side="left") - np.searchsorted(ended, time, side="left")), 1)

    return Curve(times, kept, low, high, first, last, count)


def _watched_from_to(entered: Floats, ended: Floats) -> tuple[float, float]:
    """First time from which on, and last time until which, ten accounts are watched; (0, 0) when they never are."""
    if len(ended) < LEAST_AT_RISK:
        return 0.0, 0.0
    places = np.unique(np.concatenate([entered, ended]))
    # Just after a place: who entered by then and has not ended by then.
    after = np.searchsorted(entered, places, side="right") - np.searchsorted(ended, places, side="right")
    at = np.searchsorted(entered, places, side="left") - np.searchsorted(ended, places, side="left")
    begun, until = places[after >= LEAST_AT_RISK], places[at >= LEAST_AT_RISK]
    return (float(begun.min()), float(until.max())) if len(begun) and len(until) else (0.0, 0.0)


def months(days: pd.Series) -> Floats:
    """Days as months of 30.4375 days."""
    return np.asarray(days, dtype=float) / 30.4375
