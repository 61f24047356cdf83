"""Episodes: from where a condition begins to hold until it is over; each is one alert, however often it is read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.playbooks.declared import Trigger
from churnbench.playbooks.kinds import Signal, in_bands
from churnbench.playbooks.readings import Bools, Integers, Readings


def filtered(signal: Signal, readings: Readings, trigger: Trigger) -> Signal:
    """Lay a trigger's filters (bands, segments, renewal within days) over its condition.

    A reading outside a filter ends the episode; a reading for which the filter is unknown changes nothing.
    """
    begins, ends = signal.begins, signal.ends
    for inside, known in _filters(readings, trigger):
        begins = begins & inside & known
        ends = ends | (known & ~inside)
    return Signal(begins, ends & ~begins, signal.value, signal.before_row, signal.before, signal.period, signal.which)


def _filters(readings: Readings, trigger: Trigger) -> list[tuple[Bools, Bools]]:
    found: list[tuple[Bools, Bools]] = []
    if trigger.segments:
        inside = readings.frame["segment"].isin(list(trigger.segments)).to_numpy(dtype=bool)
        found.append((inside, np.ones(len(readings), dtype=bool)))
    if trigger.bands and trigger.kind not in ("band_change", "cadence"):
        found.append(in_bands(readings, trigger.bands))
    if trigger.renewal_within_days is not None:
        left, _ = readings.renewal
        found.append(((left >= 0) & (left <= trigger.renewal_within_days), ~np.isnan(left)))
    return found


def episodes_of(signal: Signal, readings: Readings, cool_down_days: int) -> pd.DataFrame:
    """Episodes that deserve an alert.

    Args:
        signal: where the condition begins and ends, filters applied.
        readings: the readings it was seen in.
        cool_down_days: days of rest after an episode; one that begins in them counts from their end on, and not at
            all when it is over by then.

    Returns:
        One row per episode, by account and time: start_row (reading of the alert), last_row (last reading of the
        episode), closed_row (reading at which it was known to be over, -1 while it is open), code (account).
    """
    open_now = _state(signal, readings)
    rows = np.arange(len(readings))
    carried = np.append(False, open_now[:-1])[: len(rows)] & ~readings.first
    changed = np.append(False, signal.period[1:] != signal.period[:-1])[: len(rows)]
    starts = rows[open_now & (~carried | (changed & signal.begins))]
    if len(starts) == 0:
        return pd.DataFrame({name: np.array([], dtype=np.int64) for name in _COLUMNS})
    # The last reading of an episode is the last open one before the next start.
    upto = np.append(starts[1:], len(rows))
    marked = np.maximum.accumulate(np.where(open_now, rows, -1))
    last = marked[upto - 1]
    following = last + 1
    inside = following < len(rows)
    next_row = np.where(inside, following, 0)
    over = inside & (readings.codes[next_row] == readings.codes[starts])
    closed = np.where(over, following, -1)
    made = pd.DataFrame({"start_row": starts, "last_row": last, "closed_row": closed, "code": readings.codes[starts]})
    return _rested(made, readings, cool_down_days)


_COLUMNS = ("start_row", "last_row", "closed_row", "code")


def _state(signal: Signal, readings: Readings) -> Bools:
    """Whether an episode is open after each reading: the newest reading that decides, decides."""
    decided = readings.last_true(signal.begins | signal.ends)
    return (decided >= 0) & signal.begins[np.maximum(decided, 0)] if len(decided) else signal.begins


def _rested(episodes: pd.DataFrame, readings: Readings, cool_down_days: int) -> pd.DataFrame:
    """Apply the days of rest: the n-th episodes of all accounts together, since each depends on the one before."""
    if cool_down_days == 0:
        return episodes
    code = episodes["code"].to_numpy()
    turn = episodes.groupby("code").cumcount().to_numpy()
    start, last = episodes["start_row"].to_numpy().copy(), episodes["last_row"].to_numpy()
    closed = episodes["closed_row"].to_numpy()
    rested_until = np.full(int(code.max()) + 1, np.iinfo(np.int64).min)
    kept = np.zeros(len(episodes), dtype=bool)
    for number in range(int(turn.max()) + 1):
        now = np.flatnonzero(turn == number)
        moved = _first_reading_from(readings, start[now], rested_until[code[now]])
        kept[now] = moved <= last[now]
        start[now] = moved
        done = now[kept[now] & (closed[now] >= 0)]
        rested_until[code[done]] = readings.days[closed[done]] + cool_down_days
    return episodes.assign(start_row=start)[kept].reset_index(drop=True)


def _first_reading_from(readings: Readings, rows: Integers, day: Integers) -> Integers:
    """The first reading at or after a day, not before `rows`; beyond the account's readings when there is none."""
    key = readings.codes * 1_000_000 + readings.days
    wanted = readings.codes[rows] * 1_000_000 + np.maximum(day, readings.days[rows])
    return np.maximum(np.searchsorted(key, wanted, side="left"), rows)
