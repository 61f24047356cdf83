"""Scans one fact table, cell by cell, and gives one array per metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.data.computed import ComputedMetric
from churnbench.data.session import Session
from churnbench.features.aggregates import EXPRESSIONS, Partials, condition_sql, spans_of
from churnbench.features.cells import Cells, cut
from churnbench.features.exact import Scale
from churnbench.features.facts import Facts

#: Metric id -> (account numbers, as-of numbers, values) where the account has facts.
Found = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


def scan(
    facts: Facts,
    accounts: Sequence[str],
    as_of: np.ndarray,
    metrics: Sequence[ComputedMetric],
    scales: dict[str, Scale],
) -> Found:
    """Compute the metrics of one fact table.

    Args:
        facts: the table.
        accounts: account ids; their position is their number.
        as_of: as-of days since 1970-01-01, ascending.
        metrics: metrics of this table, no ratios.
        scales: how its number columns are summed.

    Returns:
        Per metric the values of accounts that have facts in reach of an as-of date.
    """
    found: Found = {}
    numbers = pa.table({"account_id": pa.array(accounts, pa.string()), "a": np.arange(len(accounts), dtype=np.int32)})
    with _registered(facts.session, "accounts", numbers) as names:
        for open_ended in (False, True):
            group = [m for m in metrics if (m.window_days is None) == open_ended]
            if not group:
                continue
            cells = cut(as_of, (span for metric in group for span in spans_of(metric)))
            found.update(_scan_group(facts, names, cells, group, scales))
    return found


def _scan_group(
    facts: Facts, accounts: str, cells: Cells, metrics: Sequence[ComputedMetric], scales: dict[str, Scale]
) -> Found:
    """Metrics that share cells: one scan for all that add up, one for active days, one per distinct."""
    session = facts.session
    days = np.arange(0 if cells.first_day is None else max(0, cells.first_day + 1), int(cells.as_of[-1]) + 1)
    of_day = pa.table({"day": days, "cell": cells.of_days(days).astype(np.int32)})
    seen = pa.table({"seen": days, "vis": cells.visible(days).astype(np.int32)})
    found: Found = {}
    with (
        _registered(session, "days", of_day) as day_table,
        _registered(session, "seen", seen) as seen_table,
        _registered(session, "reach", pa.Table.from_pandas(cells.reach(), preserve_index=False)) as reach,
    ):
        base = _base(facts, accounts, day_table, seen_table)
        flags: dict[tuple[int, int] | None, str] = {span: f"r.w{k}" for k, span in enumerate(cells.spans)}
        flags[None] = "TRUE"
        additive = [metric for metric in metrics if metric.agg in EXPRESSIONS]
        if additive:
            found.update(_additive(Partials(facts, scales, flags), base, reach, additive))
        active = [metric for metric in metrics if metric.agg == "active_days_share"]
        if active:
            found.update(_active_days(facts, base, reach, active, flags))
        for metric in metrics:
            if metric.agg == "distinct":
                found.update(_distinct(facts, base, reach, metric, flags))
    return found


def _base(facts: Facts, accounts: str, days: str, seen: str) -> str:
    """Facts with their account number, cell and the first as-of date that knows of them."""
    event = "(CAST(event_at AS DATE) - DATE '1970-01-01')"
    if not facts.bitemporal:
        # A fact that is known when it happens is seen by every as-of date that its cell reaches.
        return (
            f"(SELECT f.*, a.a, d.day, d.cell, 0 AS vis FROM {facts.relation} f"
            f" JOIN {accounts} a USING (account_id) JOIN {days} d ON d.day = {event})"
        )
    known = "(CAST(greatest(event_at, known_at) AS DATE) - DATE '1970-01-01')"
    return (
        f"(SELECT f.*, a.a, d.day, d.cell, s.vis FROM {facts.relation} f JOIN {accounts} a USING (account_id)"
        f" JOIN {days} d ON d.day = {event} JOIN {seen} s ON s.seen = {known})"
    )


def _additive(partials: Partials, base: str, reach: str, metrics: Sequence[ComputedMetric]) -> Found:
    finals = [f"{EXPRESSIONS[metric.agg](partials, metric)} AS m{k}" for k, metric in enumerate(metrics)]
    cells = "".join(f", {expression} AS {name}" for expression, name in partials.per_cell.items())
    windows = "".join(f", {expression} AS {name}" for expression, name in partials.per_window.items())
    query = (
        f"WITH pre AS MATERIALIZED (SELECT a, cell, vis{cells} FROM {base} GROUP BY a, cell, vis),"
        f" windows AS MATERIALIZED (SELECT p.a, r.i, any_value(r.day) AS today{windows} FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i GROUP BY p.a, r.i)"
        f" SELECT a, i, {', '.join(finals)} FROM windows"
    )
    return _fetch(partials.facts.session, query, metrics)


def _active_days(
    facts: Facts,
    base: str,
    reach: str,
    metrics: Sequence[ComputedMetric],
    flags: dict[tuple[int, int] | None, str],
) -> Found:
    """Days with a matching fact, each known from the earliest of its facts on."""
    firsts = [f"min(vis) FILTER (WHERE {condition_sql(facts, metric)}) AS v{k}" for k, metric in enumerate(metrics)]
    firsts_named = ", ".join(f"v{k}" for k in range(len(metrics)))
    finals = [
        f"coalesce(sum(n) FILTER (WHERE {flags[(metric.window_days or 0, 0)]} AND v{k} <= r.i), 0)"
        f" / CAST('{metric.window_days}' AS DOUBLE) AS m{k}"
        for k, metric in enumerate(metrics)
    ]
    query = (
        f"WITH daily AS (SELECT a, cell, day, {', '.join(firsts)} FROM {base} GROUP BY a, cell, day),"
        f" pre AS MATERIALIZED (SELECT a, cell, {firsts_named}, count(*) AS n FROM daily"
        f" GROUP BY a, cell, {firsts_named})"
        f" SELECT p.a, r.i, {', '.join(finals)} FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell GROUP BY p.a, r.i"
    )
    return _fetch(facts.session, query, metrics)


def _distinct(
    facts: Facts, base: str, reach: str, metric: ComputedMetric, flags: dict[tuple[int, int] | None, str]
) -> Found:
    value = facts.texts[metric.column or ""]
    span = None if metric.window_days is None else (metric.window_days, 0)
    query = (
        f"WITH pre AS MATERIALIZED (SELECT a, cell, {value} AS value, min(vis) AS vis FROM {base}"
        f" WHERE {value} IS NOT NULL AND {condition_sql(facts, metric)} GROUP BY a, cell, value)"
        f" SELECT p.a, r.i, CAST(count(DISTINCT value) AS DOUBLE) AS m0 FROM pre p"
        f" JOIN {reach} r ON r.cell = p.cell AND p.vis <= r.i WHERE {flags[span]} GROUP BY p.a, r.i"
    )
    return _fetch(facts.session, query, [metric])


def _fetch(session: Session, query: str, metrics: Sequence[ComputedMetric]) -> Found:
    frame = session.connection.execute(query).df()
    account, date = frame["a"].to_numpy(), frame["i"].to_numpy()
    return {metric.id: (account, date, _values(frame[f"m{k}"], metric)) for k, metric in enumerate(metrics)}


def _values(column: pd.Series, metric: ComputedMetric) -> np.ndarray:
    if metric.text:
        return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)
    return column.to_numpy(dtype=float, na_value=np.nan)


@contextmanager
def _registered(session: Session, prefix: str, table: pa.Table) -> Iterator[str]:
    name = session.fresh_name(prefix)
    session.connection.register(name, table)
    try:
        yield name
    finally:
        session.connection.unregister(name)
