"""Differences between two configs in sentences and as a table of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from churnbench.release.differences import Change, Differences

WIDTH = 80
_NAME = 30


def title(found: Differences) -> str:
    """Which two configs are compared."""
    sides = [
        f"{one['config_id']} {one['config_version']} (sequence {one['sequence']})"
        for one in (found.before, found.after)
    ]
    return f"{sides[0]} -> {sides[1]}"


def sentences(found: Differences, *, weights: bool = True) -> list[str]:
    """One sentence per thing that differs; one sentence when nothing does.

    Args:
        found: from `differences`.
        weights: whether to say the weights of metrics, which the table shows too.
    """
    if found.same_body and not found.changes:
        return ["The formulas are the same; every account keeps its score."]
    said = []
    seen = set()
    for change in found.changes:
        if change.what == "metric weight" and not weights:
            continue
        if change.what in _GROUPED:
            key = (change.what, change.name)
            if key not in seen:
                seen.add(key)
                group = [entry for entry in found.of(change.what) if entry.name == change.name]
                said.append(_GROUPED[change.what](group))
        else:
            said.append(_WORDS[change.what](change))
    if not found.changes:
        said.append("The formulas differ only in order or in curves by at most a point.")
    return said or ["Only weights of metrics differ."]


def table(found: Differences) -> str:
    """Title, metric shares side by side, then the sentences; lines of at most 80 columns."""
    lines = textwrap.wrap(title(found), WIDTH)
    lines += ["", f"{'share of the score, %':<{_NAME}}{'before':>9}{'after':>9}{'moved':>9}   curve, at most"]
    for name, old, new in found.metrics:
        moved = "" if old is None or new is None else f"{new - old:+.1f}"
        curve = "new" if old is None else "gone" if new is None else _widest(found, name)
        lines.append(f"{_short(name):<{_NAME}}{_share(old):>9}{_share(new):>9}{moved:>9}   {curve}"[:WIDTH])
    lines.append("")
    for sentence in sentences(found, weights=False):
        lines += textwrap.wrap(sentence, WIDTH - 2, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _short(name: str) -> str:
    return name if len(name) < _NAME else name[: _NAME - 2] + "…"


def _widest(found: Differences, name: str) -> str:
    curve = [change for change in found.of("curve") if change.name == name]
    if not curve:
        return "same"
    most = max(curve, key=lambda change: abs(change.after - change.before))
    return f"{most.after - most.before:+.1f} at {_x(most.at)}"


def _x(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _from_to(change: Change, form: Callable[[Any], str]) -> str:
    if change.before is None:
        return f"new, {form(change.after)}"
    if change.after is None:
        return f"gone, was {form(change.before)}"
    return f"{form(change.before)} -> {form(change.after)}"


def _whole_part(change: Change) -> str:
    if change.before is None or change.after is None:
        return f"{change.what.capitalize()}: {'added' if change.before is None else 'removed'}."
    return f"{change.what.capitalize()}: changed."


def _fields(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{key} {inner}" for key, inner in value.items() if inner is not None)


def _curve(group: list[Change]) -> str:
    most = max(group, key=lambda change: abs(change.after - change.before))
    places = [f"{_x(change.at)}: {change.before:.1f} -> {change.after:.1f}" for change in group[:6]]
    more = f"; {len(group) - 6} more" if len(group) > 6 else ""
    return (
        f"Curve of {most.name}: up to {abs(most.after - most.before):.1f} points apart (at {_x(most.at)}). "
        f"Points at {'; '.join(places)}{more}."
    )


def _risk(group: list[Change]) -> str:
    places = [f"score {_x(float(change.at))} {_from_to(change, _percent)}" for change in group if change.at is not None]
    return f"Churn probability ({group[0].name}): {'; '.join(places)}."


def _display(group: list[Change]) -> str:
    places = [f"{_x(change.at)}: {change.before:.1f} -> {change.after:.1f}" for change in group[:6]]
    return f"Display map, shown at raw {'; '.join(places)}."


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _weight(change: Change) -> str:
    where = "" if change.of is None else f" in segment {change.of!r}"
    return f"Dimension {change.name}{where}: {_from_to(change, lambda value: f'{value:.2f} %')} of the score."


_GROUPED: dict[str, Callable[[list[Change]], str]] = {"curve": _curve, "risk": _risk, "display map": _display}
_WORDS: dict[str, Callable[[Change], str]] = {
    "input": lambda change: f"Input {change.name}: {_from_to(change, str)}.",
    "dimension weight": _weight,
    "segment input": lambda change: (
        f"Segments are read from: {change.before or 'nothing'} -> {change.after or 'nothing'}."
    ),
    "metric weight": lambda change: f"Metric {change.name}: {_from_to(change, lambda v: f'{v:.2f} %')} of the score.",
    "dimension of": lambda change: f"Metric {change.name} is in dimension {_from_to(change, str)}.",
    "source": lambda change: f"Metric {change.name} reads {_from_to(change, str)}.",
    "direction": lambda change: f"Direction of {change.name}: {_from_to(change, str)}.",
    "missing": lambda change: f"A missing {change.name}: {_from_to(change, str)}.",
    "category": lambda change: (
        f"Category {change.name!r} of {change.of}: {_from_to(change, lambda v: f'{v:g} points')}."
    ),
    "band": lambda change: f"Band {change.name}: {_from_to(change, lambda v: f'from {v:.2f}')}.",
    "coverage": lambda change: f"Least coverage for a score: {_from_to(change, lambda v: f'{v:.1f} %')}.",
    "cap": lambda change: f"Cap {change.name}: {_from_to(change, _fields)}.",
    "trigger": lambda change: f"Trigger {change.name}: {_from_to(change, _fields)}.",
    "ramp": _whole_part,
    "hysteresis": lambda change: f"Hysteresis: {_from_to(change, _fields)}.",
}
