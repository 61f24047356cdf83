"""What each kind of trigger looks for, on whole columns: where its condition begins to hold and where it is over.

A missing value is neither: whether the condition holds is then unknown, and an alert stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from churnbench.playbooks.declared import Trigger
from churnbench.playbooks.readings import Bools, Floats, Integers, Readings


@dataclass(frozen=True, eq=False)
class Signal:
    """What a trigger sees in every reading; arrays of shape (readings,).

    Attributes:
        begins: the condition holds, so an episode begins here unless one is open.
        ends: the condition is known not to hold any more.
        value: what was read, in the unit of the column (velocity: points per day; renewal: days left).
        before_row: reading that it was compared with, -1 without.
        before: value of that reading, NaN without.
        period: a change of it inside an episode begins another one (the next renewal, the next round of a cadence).
        which: (columns, readings) for kinds that look at several columns: which of them alarm.
    """

    begins: Bools
    ends: Bools
    value: Floats
    before_row: Integers
    before: Floats
    period: Integers
    which: Bools | None = None


def _signal(
    readings: Readings,
    begins: Bools,
    ends: Bools,
    value: Floats,
    before_row: Integers | None = None,
    before: Floats | None = None,
) -> Signal:
    size = len(readings)
    return Signal(
        begins,
        ends,
        value,
        np.full(size, -1) if before_row is None else before_row,
        np.full(size, np.nan) if before is None else before,
        np.zeros(size, dtype=np.int64),
    )


def below(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """The value lies below the threshold; over when it reaches `clear`."""
    value = readings.number(columns[0])
    clear = trigger.value if trigger.clear is None else trigger.clear
    return _signal(readings, value < trigger.value, value >= clear, value)


def falls_below(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """The value was at the threshold or above when last known, and lies below now."""
    value = readings.number(columns[0])
    row = readings.known_before(value)
    before = readings.at(value, row)
    clear = trigger.value if trigger.clear is None else trigger.clear
    return _signal(readings, (value < trigger.value) & (before >= trigger.value), value >= clear, value, row, before)


def at_least(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """The value reaches the threshold; over when it lies below it (or at `clear` or below, where that is lower)."""
    value = readings.number(columns[0])
    over = value < trigger.value if trigger.clear is None else (value <= trigger.clear) & (value < trigger.value)
    return _signal(readings, value >= trigger.value, over, value)


def falls_by(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """The value lies at least `points` lower than `days` ago."""
    value = readings.number(columns[0])
    row = readings.back(trigger.days)
    before = readings.at(value, row)
    # Rounded, so that 71.10 - 61.10 is ten points and not a little less.
    fall = np.round(before - value, 9)
    return _signal(readings, fall >= trigger.points, fall < trigger.points, value, row, before)


def falls_share(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """The value has lost at least `share` of what it was `days` ago; from zero nothing can fall."""
    value = readings.number(columns[0])
    row = readings.back(trigger.days)
    before = readings.at(value, row)
    before = np.where(before > 0, before, np.nan)
    fall = np.round(1 - value / before, 9)
    return _signal(readings, fall >= trigger.share, fall < trigger.share, value, row, before)


def several_down(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """At least `count` columns have each fallen by `points` within `days`."""
    row = readings.back(trigger.days)
    values = np.vstack([readings.number(column) for column in columns])
    falls = np.round(np.vstack([readings.at(value, row) for value in values]) - values, 9)
    which = falls >= trigger.points
    number = which.sum(axis=0)
    # Columns that cannot be compared might have fallen: it is over only when even they could not make it enough.
    possible = number + np.isnan(falls).sum(axis=0)
    made = _signal(readings, number >= trigger.count, possible < trigger.count, number.astype(float), row)
    return Signal(made.begins, made.ends, made.value, made.before_row, made.before, made.period, which)


def any_falls_below(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """One of several columns falls below the threshold; over when all known ones are back."""
    each = [falls_below(readings, trigger, [column]) for column in columns]
    which = np.vstack([signal.begins for signal in each])
    values = np.vstack([signal.value for signal in each])
    clear = trigger.value if trigger.clear is None else trigger.clear
    known = ~np.isnan(values)
    ends = known.any(axis=0) & (~known | (values >= clear)).all(axis=0)
    lowest = np.where(which, values, np.inf).min(axis=0)
    made = _signal(
        readings, np.asarray(which.any(axis=0)), np.asarray(ends), np.where(np.isinf(lowest), np.nan, lowest)
    )
    return Signal(made.begins, made.ends, made.value, made.before_row, made.before, made.period, which)


def band_change(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:  # noqa: ARG001 - one shape for all kinds
    """The shown band becomes one of `bands` and was none of them when last known."""
    inside, known = in_bands(readings, trigger.bands)
    row = readings.last_true(known, earlier=True)
    was_outside = (row >= 0) & ~inside[np.maximum(row, 0)]
    return _signal(readings, inside & was_outside, known & ~inside, readings.number("health_score"), row)


def velocity(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """Points per day since the reading `days` back lie between `per_day_from` and `per_day_to`.

    A rate on the border belongs to the steeper band: -0.5 is still declining fast, 0.5 already improving fast.
    """
    value = readings.number(columns[0])
    row = readings.back(trigger.days)
    before = readings.at(value, row)
    elapsed = np.where(row >= 0, readings.days - readings.days[np.maximum(row, 0)], 1)
    rate = np.round((value - before) / elapsed, 9)
    low, high = trigger.per_day_from, trigger.per_day_to
    known: Bools = np.asarray(~np.isnan(rate))
    inside = known.copy()
    if low is not None:
        inside = inside & np.asarray(rate > low if low < 0 else rate >= low)
    if high is not None:
        inside = inside & np.asarray(rate <= high if high < 0 else rate < high)
    return _signal(readings, inside, known & ~inside, rate, row, before)


def absent(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:
    """The value was known once and has been missing for `days` or longer."""
    known = ~np.isnan(readings.number(columns[0]))
    row = readings.last_true(known)
    silent = np.where(row >= 0, readings.days - readings.days[np.maximum(row, 0)], np.nan)
    return _signal(readings, silent >= trigger.days, known, silent, row)


def renewal(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:  # noqa: ARG001 - one shape for all kinds
    """The renewal is at most `days` away; each renewal date has its own episode, and none is skipped between readings."""  # noqa: E501 - one sentence
    left, due = readings.renewal
    made = _signal(readings, (left >= 0) & (left <= trigger.days), (left < 0) | (left > trigger.days), left)
    return Signal(made.begins, made.ends, made.value, made.before_row, made.before, due)


def cadence(readings: Readings, trigger: Trigger, columns: Sequence[str]) -> Signal:  # noqa: ARG001 - one shape for all kinds
    """Every `every_days` while the shown band is one of `bands`, counted from the first reading in it."""
    inside, known = in_bands(readings, trigger.bands)
    outside = known & ~inside
    # The reading at which the account came into the band: the first one, or the one after the last outside it.
    left = readings.last_true(outside)
    start = np.maximum.accumulate(np.where(readings.first, np.arange(len(readings)), 0)) if len(readings) else left
    entered = np.minimum(np.where(left >= 0, left + 1, start), np.arange(len(readings)))
    elapsed = readings.days - readings.days[entered]
    made = _signal(readings, inside, outside, elapsed.astype(float))
    return Signal(made.begins, made.ends, made.value, made.before_row, made.before, elapsed // trigger.every_days)


def in_bands(readings: Readings, bands: Sequence[str]) -> tuple[Bools, Bools]:
    """Whether the shown band is one of these, and whether there is a band at all."""
    band = readings.frame["band"]
    known = (band.notna() & band.ne("insufficient-data")).to_numpy(dtype=bool)
    return band.isin(list(bands)).to_numpy(dtype=bool) & known, known


#: kind -> what it looks for.
KINDS: dict[str, Callable[[Readings, Trigger, Sequence[str]], Signal]] = {
    "below": below,
    "falls_below": falls_below,
    "at_least": at_least,
    "falls_by": falls_by,
    "falls_share": falls_share,
    "several_down": several_down,
    "any_falls_below": any_falls_below,
    "band_change": band_change,
    "velocity": velocity,
    "absent": absent,
    "renewal": renewal,
    "cadence": cadence,
}
