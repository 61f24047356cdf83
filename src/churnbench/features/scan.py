"""Scans one fact table, cell by cell, and gives one array per metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.data.computed import ComputedMetric
from churnbench.data.session import Session
from churnbench.features.aggregates import Partials, spans_of
from churnbench.features.cells import Cells, cut
from churnbench.features.exact import Scale
from churnbench.features.facts import Facts
from churnbench.features.queries import flags_of, scan_queries

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
        partials = Partials(facts, scales, flags_of(cells.spans))
        for query, own in scan_queries(partials, base, reach, metrics, "a"):
            found.update(_fetch(session, query, own))
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
