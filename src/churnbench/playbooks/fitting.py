"""Which triggers a history allows, and what each of the others lacks: none is left out in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from churnbench.domain.score_history import DIMENSION_SUFFIX, HISTORY_COLUMNS
from churnbench.playbooks.declared import Trigger
from churnbench.playbooks.readings import Readings

#: Columns every history has that a trigger may read.
_SCORES = ("health_score", "churn_probability", "arr", "coverage_bp")
#: Kinds that look at all dimensions unless told otherwise.
_SEVERAL = frozenset({"several_down", "any_falls_below"})
_NEEDS_WINDOW = frozenset({"falls_by", "falls_share", "several_down", "velocity"})


@dataclass(frozen=True)
class Fitted:
    """A trigger and the columns that it reads in this history."""

    trigger: Trigger
    columns: tuple[str, ...]


@dataclass(frozen=True)
class NotEvaluated:
    """A trigger that cannot be evaluated, and why."""

    trigger: str
    label: str
    reason: str


def fit_triggers(
    readings: Readings, triggers: Iterable[Trigger], bands: Collection[str] | None = None
) -> tuple[list[Fitted], list[NotEvaluated]]:
    """Part triggers into those that this history allows and those that it does not.

    Args:
        readings: the history.
        triggers: as declared.
        bands: bands that the config knows; those seen in the history when None.

    Returns:
        The triggers with the columns that they read, and the others with the reason.
    """
    seen = set(bands) if bands is not None else set(readings.frame["band"].dropna().unique())
    fitted, others = [], []
    for trigger in triggers:
        columns = columns_of(readings, trigger)
        reason = _lacking(readings, trigger, columns, seen)
        if reason:
            others.append(NotEvaluated(trigger.id, trigger.label, reason))
        else:
            fitted.append(Fitted(trigger, columns))
    return fitted, others


def columns_of(readings: Readings, trigger: Trigger) -> tuple[str, ...]:
    """Columns that a trigger reads here: the first it names that is there, or all for kinds that read several."""
    known = [str(name) for name in readings.frame if name in _SCORES or name not in HISTORY_COLUMNS]
    if trigger.kind in _SEVERAL:
        wanted = trigger.of or tuple(name for name in known if name.endswith(DIMENSION_SUFFIX) and name not in _SCORES)
        return tuple(name for name in wanted if name in known)
    return tuple(name for name in trigger.of if name in known)[:1]


def _lacking(readings: Readings, trigger: Trigger, columns: Sequence[str], bands: Collection[str]) -> str:
    """Why a trigger cannot be evaluated; empty when it can."""
    if not trigger.enabled:
        return "switched off in the project file"
    if trigger.kind in _SEVERAL and len(columns) < trigger.count:
        return f"needs {trigger.count} of its columns, {len(columns)} are there"
    if trigger.of and not columns:
        return f"needs metric {' or '.join(trigger.of)}"
    wanted = set(trigger.bands)
    if wanted and not wanted & set(bands):
        return f"needs band {' or '.join(trigger.bands)}; there are {', '.join(sorted(bands))}"
    if (trigger.kind == "renewal" or trigger.renewal_within_days is not None) and _empty(readings, "renewal_on"):
        return "needs renewal_on, which no reading has"
    return _unreadable(readings, columns) or _unseen(readings, trigger)


def _unreadable(readings: Readings, columns: Sequence[str]) -> str:
    for column in columns:
        try:
            values = readings.number(column)
        except (TypeError, ValueError):
            return f"{column} holds words, and this kind reads numbers"
        if len(values) and np.isnan(values).all():
            return f"needs {column}, which no reading has"
    return ""


def _unseen(readings: Readings, trigger: Trigger) -> str:
    if trigger.kind in _NEEDS_WINDOW and not readings.sees(trigger.days):
        return (
            f"looks {trigger.days} days back, and readings are {readings.spacing:.0f} days apart (median): "
            "such a fall cannot be seen"
        )
    return ""


def _empty(readings: Readings, column: str) -> bool:
    return bool(readings.frame[column].isna().all())
