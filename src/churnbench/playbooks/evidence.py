"""One sentence per alert: what was read, when, and against what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from churnbench.domain.score_history import DIMENSION_SUFFIX
from churnbench.playbooks.declared import Trigger
from churnbench.playbooks.kinds import Signal
from churnbench.playbooks.readings import Integers, Readings


def sentences(
    trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, rows: Integers
) -> list[str]:
    """Evidence of the alerts that begin at these readings.

    Args:
        trigger: what was looked for.
        columns: what it read.
        signal: what it saw.
        readings: where.
        rows: readings of the alerts.

    Returns:
        A sentence per row, with the figures and the date of the reading that it was compared with.
    """
    say = _SENTENCES[trigger.kind]
    return [say(trigger, columns, signal, readings, int(row)) for row in rows]


def _shown(number: float) -> str:
    """A figure with as many digits as it needs, at most two after the point from one on and four significant below."""
    if np.isnan(number):
        return "unknown"
    return f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) >= 1 or number == 0 else f"{number:.4g}"


def _date(readings: Readings, row: int) -> str:
    return str(np.datetime64(int(readings.days[row]), "D"))


def _name(column: str) -> str:
    """`usage_score` as people say it."""
    if column == "health_score":
        return "Health score"
    return f"{column.removesuffix(DIMENSION_SUFFIX)} score" if column.endswith(DIMENSION_SUFFIX) else column


def _level(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:
    word = "at least" if trigger.kind == "at_least" else "below"
    text = f"{_name(columns[0])} {_shown(signal.value[row])}, {word} {_shown(trigger.value)}"
    if trigger.renewal_within_days is not None:
        left = int(readings.renewal[0][row])
        text += f", renewal on {np.datetime64(int(readings.days[row]) + left, 'D')} ({left} days)"
    return f"{text}."


def _fall(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:
    before, now = signal.before[row], signal.value[row]
    size = f"{1 - now / before:.0%}" if trigger.kind == "falls_share" else _shown(round(before - now, 9))
    since = _date(readings, int(signal.before_row[row]))
    return f"{_name(columns[0])} fell by {size}, from {_shown(before)} on {since} to {_shown(now)}."


def _crossing(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:
    since = _date(readings, int(signal.before_row[row]))
    return (
        f"{_name(columns[0])} {_shown(signal.value[row])}, below {_shown(trigger.value)}; "
        f"it was {_shown(signal.before[row])} on {since}."
    )


def _velocity(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:
    since = _date(readings, int(signal.before_row[row]))
    now = readings.number(columns[0])[row]
    band = f" while {readings.words('band')[row]}" if trigger.bands else ""
    return (
        f"{_name(columns[0])} moves by {signal.value[row]:+.2f} a day{band}: "
        f"from {_shown(signal.before[row])} on {since} to {_shown(now)}."
    )


def _several(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:
    names = ", ".join(_name(column) for column, hit in zip(columns, _which(signal, row), strict=True) if hit)
    since = _date(readings, int(signal.before_row[row]))
    return f"{int(signal.value[row])} fell by {_shown(trigger.points)} points or more since {since}: {names}."


def _any_below(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:
    parts = [
        f"{_name(column)} {_shown(readings.number(column)[row])}"
        for column, hit in zip(columns, _which(signal, row), strict=True)
        if hit
    ]
    return f"{', '.join(parts)}, fallen below {_shown(trigger.value)}."


def _which(signal: Signal, row: int) -> list[bool]:
    return [] if signal.which is None else [bool(hit) for hit in signal.which[:, row]]


def _band(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:  # noqa: ARG001 - one shape for all kinds
    bands = readings.words("band")
    before = int(signal.before_row[row])
    return f"Band {bands[row]}; it was {bands[before]} on {_date(readings, before)}."


def _absent(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:  # noqa: ARG001 - one shape for all kinds
    return f"{_name(columns[0])} has been missing for {int(signal.value[row])} days."


def _renewal(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:  # noqa: ARG001 - one shape for all kinds
    due = np.datetime64(int(signal.period[row]), "D")
    return f"Renewal on {due}, {int(signal.value[row])} days away."


def _cadence(trigger: Trigger, columns: Sequence[str], signal: Signal, readings: Readings, row: int) -> str:  # noqa: ARG001 - one shape for all kinds
    band, days = readings.words("band")[row], int(signal.value[row])
    return f"Band {band} for {days} days; contact every {trigger.every_days} days."


_SENTENCES: dict[str, Callable[[Trigger, Sequence[str], Signal, Readings, int], str]] = {
    "below": _level,
    "at_least": _level,
    "falls_below": _crossing,
    "falls_by": _fall,
    "falls_share": _fall,
    "velocity": _velocity,
    "several_down": _several,
    "any_falls_below": _any_below,
    "band_change": _band,
    "absent": _absent,
    "renewal": _renewal,
    "cadence": _cadence,
}
