"""The queries of one scan: partial results per account and cell, then what each window makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churnbench.data.computed import ComputedMetric
from churnbench.features.aggregates import EXPRESSIONS, Partials, span_of
from churnbench.features.cells import Span


def flags_of(spans: Sequence[Span]) -> dict[Span | None, str]:
    """Window -> SQL of its flag in the reach table; None is the window without a beginning."""
    return {**{span: f"r.w{k}" for k, span in enumerate(spans)}, None: "TRUE"}


def scan_queries(
    partials: Partials, base: str, reach: str, metrics: Sequence[ComputedMetric], key: str
) -> Iterator[tuple[str, list[ComputedMetric]]]:
    """Queries of metrics that share cells: one for all that add up, one for active days, one per other metric.

    Args:
        partials: collects what the metrics need.
        base: relation of facts with the key, day, cell and vis (the first as-of date that knows of them).
        reach: relation with cell, i, day and one flag per window.
        metrics: metrics of one fact table, no ratios.
        key: column that identifies an account.

    Yields:
        A query and its metrics: the key, i and m0, m1, ... for accounts with facts in reach of an as-of date.
    """
    additive = [metric for metric in metrics if metric.agg in EXPRESSIONS]
    if additive:
        yield _additive(partials, base, reach, additive, key), additive
    active = [metric for metric in metrics if metric.agg == "active_days_share"]
    if active:
        yield _active_days(partials, base, reach, active, key), active
    for metric in metrics:
        if metric.agg in _ALONE:
            yield _ALONE[metric.agg](partials, base, reach, metric, key), [metric]


def _additive(partials: Partials, base: str, reach: str, metrics: Sequence[ComputedMetric], key: str) -> str:
    finals = [f"{EXPRESSIONS[metric.agg](partials, metric)} AS m{k}" for k, metric in enumerate(metrics)]
    cells = "".join(f", {expression} AS {name}" for expression, name in partials.per_cell.items())
    windows = "".join(f", {expression} AS {name}" for expression, name in partials.per_window.items())
    kept = partials.spelling.materialised
    return (
        f"WITH pre AS{kept} (SELECT {key}, cell, vis{cells} FROM {base} GROUP BY {key}, cell, vis),"
        f" windows AS{kept} (SELECT p.{key}, r.i, max(r.day) AS today{windows} FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i GROUP BY p.{key}, r.i)"
        f" SELECT {key}, i, {', '.join(finals)} FROM windows"
    )


def _active_days(partials: Partials, base: str, reach: str, metrics: Sequence[ComputedMetric], key: str) -> str:
    """Share of days with a matching fact, each day known from the earliest of its facts on."""
    spelling = partials.spelling
    firsts = [f"min(vis) FILTER (WHERE {partials.matching(metric)}) AS v{k}" for k, metric in enumerate(metrics)]
    firsts_named = ", ".join(f"v{k}" for k in range(len(metrics)))
    finals = [
        f"coalesce(sum(n) FILTER (WHERE {partials.flags[(metric.window_days or 0, 0)]} AND v{k} <= r.i), 0)"
        f" / CAST('{metric.window_days}' AS {spelling.double}) AS m{k}"
        for k, metric in enumerate(metrics)
    ]
    return (
        f"WITH daily AS (SELECT {key}, cell, day, {', '.join(firsts)} FROM {base} GROUP BY {key}, cell, day),"
        f" pre AS{spelling.materialised} (SELECT {key}, cell, {firsts_named}, count(*) AS n FROM daily"
        f" GROUP BY {key}, cell, {firsts_named})"
        f" SELECT p.{key}, r.i, {', '.join(finals)} FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell GROUP BY p.{key}, r.i"
    )


def _distinct(partials: Partials, base: str, reach: str, metric: ComputedMetric, key: str) -> str:
    if metric.min_days is not None or metric.max_days is not None:
        return _distinct_by_days(partials, base, reach, metric, key)
    spelling, value = partials.spelling, partials.facts.texts[metric.column or ""]
    flag = partials.flags[span_of(metric)]
    return (
        f"WITH pre AS{spelling.materialised} (SELECT {key}, cell, {value} AS value, min(vis) AS vis FROM {base}"
        f" WHERE {value} IS NOT NULL AND {partials.matching(metric)} GROUP BY {key}, cell, {value})"
        f" SELECT p.{key}, r.i, {spelling.as_double('count(DISTINCT value)')} AS m0 FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i WHERE {flag} GROUP BY p.{key}, r.i"
    )


def _distinct_by_days(partials: Partials, base: str, reach: str, metric: ComputedMetric, key: str) -> str:
    """Values by the number of days on which they have a fact, each day known from the earliest of its facts on."""
    spelling, value = partials.spelling, partials.facts.texts[metric.column or ""]
    flag = partials.flags[span_of(metric)]
    wanted = f"n >= {metric.min_days or 1}" + (f" AND n <= {metric.max_days}" if metric.max_days else "")
    return (
        f"WITH pre AS{spelling.materialised} (SELECT {key}, cell, day, {value} AS value, min(vis) AS vis FROM {base}"
        f" WHERE {value} IS NOT NULL AND {partials.matching(metric)} GROUP BY {key}, cell, day, {value}),"
        f" totals AS (SELECT p.{key}, r.i, p.value, count(DISTINCT p.day) AS n FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i WHERE {flag} GROUP BY p.{key}, r.i, p.value)"
        f" SELECT {key}, i, {spelling.as_double(f'count(*) FILTER (WHERE {wanted})')} AS m0 FROM totals"
        f" GROUP BY {key}, i"
    )


def _median(partials: Partials, base: str, reach: str, metric: ComputedMetric, key: str) -> str:
    """The middle value, or half of each of the two in the middle: the same arithmetic on every engine."""
    spelling, value = partials.spelling, partials.facts.numbers[metric.column or ""]
    flag, half = partials.flags[span_of(metric)], spelling.real(0.5)
    return (
        f"WITH pre AS (SELECT {key}, cell, vis, {value} AS value FROM {base}"
        f" WHERE {value} IS NOT NULL AND {partials.matching(metric)}),"
        f" ranked AS (SELECT p.{key}, r.i, p.value, row_number() OVER (PARTITION BY p.{key}, r.i ORDER BY p.value)"
        f" AS place, count(*) OVER (PARTITION BY p.{key}, r.i) AS n FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i WHERE {flag})"
        f" SELECT {key}, i, min(value) * {half} + max(value) * {half} AS m0 FROM ranked"
        f" WHERE 2 * place BETWEEN n AND n + 2 GROUP BY {key}, i"
    )


def _top_share(partials: Partials, base: str, reach: str, metric: ComputedMetric, key: str) -> str:
    """Facts of the value that has most of them, over the facts with any value."""
    spelling, value = partials.spelling, partials.facts.texts[metric.column or ""]
    flag = partials.flags[span_of(metric)]
    return (
        f"WITH pre AS{spelling.materialised} (SELECT {key}, cell, vis, {value} AS value, count(*) AS n FROM {base}"
        f" WHERE {value} IS NOT NULL AND {partials.matching(metric)} GROUP BY {key}, cell, vis, {value}),"
        f" totals AS (SELECT p.{key}, r.i, p.value, sum(p.n) AS n FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i WHERE {flag} GROUP BY p.{key}, r.i, p.value)"
        f" SELECT {key}, i, {spelling.as_double('max(n)')} / {spelling.as_double('sum(n)')} AS m0 FROM totals"
        f" GROUP BY {key}, i"
    )


#: Aggregates that need a pass of their own.
_ALONE = {"distinct": _distinct, "median": _median, "top_share": _top_share}
