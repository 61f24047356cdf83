"""Reads the computed part of `[[formula.metrics]]` and refuses what cannot be computed."""

from __future__ import annotations

from collections.abc import Sequence

from churnbench.data.computed import (
    MAY_HAVE_COLUMN,
    NEEDS_COLUMN,
    OPEN_ENDED,
    ComputedMetric,
    Condition,
)
from churnbench.data.hints import did_you_mean, listed
from churnbench.data.sections import MetricSection, WhereSection
from churnbench.domain.errors import InputError

#: Keys that only make sense for a metric with a source.
_FACT_KEYS = ("agg", "window_days", "of", "min_days", "max_days")


def read_computed(
    metric: MetricSection, *, sources: Sequence[str], lookback_days: int, file: str
) -> ComputedMetric | None:
    """The computation of one metric, or None when the metric is a plain column of the data.

    Args:
        metric: the declaration.
        sources: names of the fact tables; empty for snapshots and single tables.
        lookback_days: window where none is declared (open-ended aggregates stay open).
        file: name of the project file, for messages.

    Returns:
        What to compute; `window_days` is filled in.

    Raises:
        InputError: unknown source, missing or senseless keys.
    """
    place = f"formula.metrics {metric.id}"
    if metric.ratio is not None:
        return _ratio(metric, place, file)
    if metric.source is None:
        _refuse_stray_keys(metric, place, file)
        return None
    if metric.source not in sources:
        raise InputError(
            f"source '{metric.source}' is not a fact table; declared are {listed(sources) or 'none'}.",
            file=file,
            column=place,
            fix=did_you_mean(metric.source, sources) or "Declare it under [[data.facts]] with name, path, event_time.",
        )
    problem = _problem(metric)
    if problem:
        raise InputError(problem[0], file=file, column=place, fix=problem[1])
    agg = str(metric.agg)
    window = metric.window_days
    if window is None and agg not in OPEN_ENDED:
        window = lookback_days
    kind = (metric.normalise or {}).get("kind")
    return ComputedMetric(
        id=metric.id,
        source=metric.source,
        agg=agg,
        column=metric.column,
        window_days=window,
        where=tuple(part for section in metric.where for part in _conditions(section)),
        of=metric.of or ("sum" if metric.column else "count"),
        text=agg == "last" and kind == "category",
        min_days=metric.min_days,
        max_days=metric.max_days,
    )


def _ratio(metric: MetricSection, place: str, file: str) -> ComputedMetric:
    stray = [key for key in ("source", "column", *_FACT_KEYS) if getattr(metric, key) is not None]
    if stray or metric.where:
        raise InputError(
            f"a ratio takes nothing but its two metrics; found {', '.join(stray) or 'where'} too.",
            file=file,
            column=place,
            fix="Put source, agg and window on the two metrics that the ratio divides.",
        )
    above, below = metric.ratio or ("", "")
    return ComputedMetric(id=metric.id, agg="ratio", ratio=(above, below))


def _refuse_stray_keys(metric: MetricSection, place: str, file: str) -> None:
    stray = [key for key in _FACT_KEYS if getattr(metric, key) is not None]
    if stray or metric.where:
        raise InputError(
            f"{', '.join(stray) or 'where'} needs a source.",
            file=file,
            column=place,
            fix='Add source = "NAME" of a [[data.facts]] table, or delete the key.',
        )


def _problem(metric: MetricSection) -> tuple[str, str] | None:
    """What makes the computation impossible, and the fix."""
    agg = metric.agg
    if agg is None:
        return "agg is missing.", 'Add for example agg = "count".'
    if agg in NEEDS_COLUMN and metric.column is None:
        return f"agg = '{agg}' needs a column to read.", 'Add column = "NAME" of the fact table.'
    if metric.column is not None and agg not in MAY_HAVE_COLUMN:
        return f"agg = '{agg}' reads no column.", "Delete column; to count some facts only, use where."
    if agg == "share" and not metric.where:
        return (
            "a share needs a condition: facts that match, over all facts.",
            "Add where = { column = ..., ... }.",
        )
    if metric.of is not None and agg not in ("change", "relative_change"):
        return f"agg = '{agg}' takes no of.", "Delete of."
    if agg != "distinct" and (metric.min_days or metric.max_days):
        return f"agg = '{agg}' takes no min_days or max_days.", 'They belong to agg = "distinct"; delete them.'
    if metric.min_days and metric.max_days and metric.min_days > metric.max_days:
        return f"no value has from {metric.min_days} to {metric.max_days} days.", "Make min_days the smaller one."
    if metric.of in ("sum", "mean", "last") and metric.column is None:
        return f"of = '{metric.of}' needs a column to read.", 'Add column = "NAME" of the fact table.'
    if agg == "slope" and metric.window_days is not None and metric.window_days < 2:
        return "a slope needs at least two days.", "Write window_days = 7 or more."
    return None


def _conditions(section: WhereSection) -> tuple[Condition, ...]:
    none_of = section.not_equals
    found: list[Condition] = []
    if section.equals is not None:
        found.append(Condition(section.column, "equals", (section.equals,)))
    if none_of is not None:
        values = tuple(none_of) if isinstance(none_of, list) else (none_of,)
        found.append(Condition(section.column, "not_equals", values))
    if section.any_of is not None:
        found.append(Condition(section.column, "in", tuple(section.any_of)))
    if section.at_least is not None:
        found.append(Condition(section.column, "at_least", (section.at_least,)))
    if section.at_most is not None:
        found.append(Condition(section.column, "at_most", (section.at_most,)))
    return tuple(found)


def check_ratios(computed: Sequence[ComputedMetric], *, in_facts: bool, file: str) -> None:
    """A ratio of fact metrics divides two metrics that are themselves computed from facts.

    Raises:
        InputError: a part of a ratio is not declared or is a ratio itself.
    """
    plain = [metric.id for metric in computed if metric.ratio is None]
    for metric in computed:
        for part in metric.ratio or ():
            if in_facts and part not in plain:
                raise InputError(
                    f"the ratio needs '{part}', which is not computed from facts; those are {listed(plain)}.",
                    file=file,
                    column=f"formula.metrics {metric.id}",
                    fix=did_you_mean(part, plain) or "Declare it too; helper = true keeps it out of the formula.",
                )
