"""Metrics that two sources give together, and which mapping gives a metric of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from churnbench.sources.model import Metric, Source
from churnbench.sources.registry import SOURCES

#: Ratios whose parts come from different sources.
JOINT: tuple[Metric, ...] = (
    Metric("active_seats_share", ratio=("active_users_30d", "seats")),
    Metric("weekly_active_seats_share", ratio=("active_users_7d", "seats")),
    Metric("daily_active_seats_share", ratio=("daily_users_30d", "seats")),
    Metric("support_tickets_90d", ratio=("tickets_tenfold_90d", "active_users_90d")),
)


def gives(part: str) -> tuple[str, ...]:
    """Names of the sources with a metric or helper of that id."""
    return tuple(name for name, source in SOURCES.items() if any(metric.id == part for metric in source.metrics))


def offers(part: str) -> str:
    """Who gives that metric or helper, and what to ask them for."""
    return " or ".join(f"{name}{_asked_with(SOURCES[name], part)}" for name in gives(part))


def _asked_with(source: Source, part: str) -> str:
    return "".join(f" --with {fact}" for fact in _facts(source, [part]) if source.fact(fact).optional)


def joint_of(source: Source) -> Iterator[tuple[Metric, str]]:
    """Joint metrics of which a source gives one part, each with the id of the other part."""
    own = {metric.id for metric in source.metrics}
    for metric in JOINT:
        first, second = metric.ratio or ("", "")
        if (first in own) != (second in own):
            yield metric, second if first in own else first


def joint_notes(source: Source) -> dict[str, str]:
    """Joint metric -> what it lacks and who gives that."""
    return {metric.id: f"with {other} of {offers(other)}" for metric, other in joint_of(source)}


def ready_in(metric: str) -> tuple[tuple[str, ...], ...]:
    """Which mappings compute a metric of the catalogue.

    Returns:
        Groups of sources: one of each group is needed. () when no mapping computes it.
    """
    alone = tuple(
        name for name, source in SOURCES.items() if any(one.id == metric and not one.helper for one in source.metrics)
    )
    if alone:
        return (alone,)
    return next((tuple(gives(part) for part in one.ratio or ()) for one in JOINT if one.id == metric), ())


def tables_read(metric: str) -> tuple[str, ...]:
    """The landing tables that the mappings read for a metric, as "source.table", in the order of the mappings."""
    parts = next((one.ratio for one in JOINT if one.id == metric), None) or (metric,)
    found = (
        f"{source.name}.{table}"
        for source in SOURCES.values()
        for part in parts
        for fact in _facts(source, [part])
        for table in source.fact(fact).tables
    )
    return tuple(dict.fromkeys(found))


def _facts(source: Source, ids: Iterable[str]) -> Iterator[str]:
    """Facts that metrics of a source are computed from, through the parts of ratios."""
    known = {metric.id: metric for metric in source.metrics}
    for name in ids:
        if name in known:
            metric = known[name]
            yield from _facts(source, metric.ratio) if metric.ratio else (metric.fact,)
