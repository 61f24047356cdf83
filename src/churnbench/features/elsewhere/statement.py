"""Point-in-time metrics as one SQL statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from churnbench.data.computed import ComputedMetric
from churnbench.domain.errors import InputError
from churnbench.features.aggregates import Partials, has_zero, spans_of
from churnbench.features.cells import Cells, cut
from churnbench.features.elsewhere.relations import (
    AccountRelation,
    FactRelation,
    TypedFacts,
    table_name,
    trimmed,
    typed_facts,
)
from churnbench.features.elsewhere.spellings import ENGINES, MICROSECONDS_A_DAY, ServerSpelling
from churnbench.features.elsewhere.sums import ServerScale, exact_columns, scale_query, summed_columns
from churnbench.features.queries import flags_of, scan_queries

#: All relations of the statement begin with this.
_OWN = "churnbench_"


def features_sql(
    engine: str,
    facts: Mapping[str, FactRelation],
    accounts: AccountRelation,
    calendar: Iterable[date],
    metrics: Sequence[ComputedMetric],
    *,
    known_until: date | None = None,
) -> str:
    """Write the statement that computes what `features_at` computes, double for double.

    Args:
        engine: "spark" (the session's time zone must be UTC) or "postgres" (14 or later).
        facts: fact tables by the name that the metrics' `source` uses; `door_sql` checks their contents.
        accounts: the accounts.
        calendar: as-of dates.
        metrics: what to compute; a ratio's parts must be among them.
        known_until: drop every fact that happened or became known after this day before anything is computed.

    Returns:
        One SELECT without a closing semicolon: account_id, as_of (a date) and one column per metric, NULL where it
        is missing; rows in no particular order.

    Raises:
        InputError: an unknown engine or fact table, an empty calendar, or names that the engine cannot hold.
    """
    spelling = engine_of(engine)
    days = np.unique(np.array([pd.Timestamp(day).date() for day in calendar], dtype="datetime64[D]")).astype(np.int64)
    if not len(days) or days[0] < 0:
        raise InputError(
            "the calendar holds no as-of date, or one before 1970.", fix="Name at least one, from 1970 on."
        )
    statement = _Statement(spelling, days, metrics)
    statement.grid(accounts)
    until = None if known_until is None else (int(np.datetime64(known_until, "D").astype(int)) + 1) * MICROSECONDS_A_DAY
    for number, source in enumerate(dict.fromkeys(metric.source for metric in metrics if metric.ratio is None)):
        if source not in facts:
            raise InputError(f"there is no fact table {source!r}.", fix=f"Known are {', '.join(facts) or 'none'}.")
        own = [metric for metric in metrics if metric.ratio is None and metric.source == source]
        statement.scan(typed_facts(facts[source], own, spelling, f"{_OWN}facts{number}", until), own)
    return statement.text()


def door_sql(engine: str, facts: FactRelation) -> str:
    """A query of one row that counts the facts that `features_sql` cannot use: all three must be 0.

    Returns:
        `without_account`, `without_event_time`, `without_known_time`: rows whose cell is NULL, blank (accounts), or
        outside 1970 to 2099 (times). A project's run refuses such rows; the statement would pass over them.
    """
    s = engine_of(engine)
    after = int(np.datetime64("2100-01-01", "D").astype(int)) * MICROSECONDS_A_DAY
    moments = [s.moment(s.identifier(name)) for name in (facts.event_time, facts.known_time or facts.event_time)]
    absent = [f"coalesce({trimmed(facts.account, s)}, '') = ''"]
    absent += [f"{moment} IS NULL OR {moment} < 0 OR {moment} >= {after}" for moment in moments]
    names = ("without_account", "without_event_time", "without_known_time")
    counts = [f"count(CASE WHEN {one} THEN 1 END) AS {name}" for one, name in zip(absent, names, strict=True)]
    return f"SELECT {', '.join(counts)} FROM {table_name(facts.relation, s)}"


def engine_of(name: str) -> ServerSpelling:
    """The engine of this name, or a refusal."""
    if name not in ENGINES:
        raise InputError(f"engine {name!r} is not known.", fix=f"Use one of {', '.join(ENGINES)}.")
    return ENGINES[name]


class _Statement:
    """Collects common table expressions and, per metric, the expression of its column."""

    def __init__(self, spelling: ServerSpelling, days: np.ndarray, metrics: Sequence[ComputedMetric]) -> None:
        self._spelling, self._days, self._metrics = spelling, days, metrics
        self._steps: list[tuple[str, str]] = []
        self._joins: list[str] = []
        self._found: dict[str, str] = {}
        self._add("calendar", f"SELECT i, day FROM ({_values(list(enumerate(days)))}) AS t(i, day)")

    def grid(self, accounts: AccountRelation) -> None:
        """Every account and as-of date that has a row."""
        s = self._spelling
        bounds = [
            f" AND (a.{name} IS NULL OR c.day {order} a.{name})"
            for name, order, column in (
                ("first_day", ">=", accounts.first_day),
                ("last_day", "<=", accounts.last_day),
            )
            if column
        ]
        columns = [f"{trimmed(accounts.account, s)} AS account_id"]
        columns += [
            f"{s.day_number(s.identifier(column))} AS {name}"
            for name, column in (("first_day", accounts.first_day), ("last_day", accounts.last_day))
            if column
        ]
        self._add("accounts", f"SELECT {', '.join(columns)} FROM {table_name(accounts.relation, s)}")
        self._add(
            "grid",
            f"SELECT a.account_id, c.i, c.day FROM {_OWN}accounts a CROSS JOIN {_OWN}calendar c"
            f" WHERE a.account_id IS NOT NULL{''.join(bounds)}",
        )

    def scan(self, facts: TypedFacts, metrics: Sequence[ComputedMetric]) -> None:
        """All metrics of one fact table."""
        self._steps += facts.steps
        summed = sorted(facts.numbers[column] for column in summed_columns(metrics))
        source, scales = facts.name, {}
        if summed:
            scale, source = f"{facts.name}_scale", f"{facts.name}_exact"
            self._steps.append((scale, scale_query(summed, facts.name, self._spelling)))
            exact = exact_columns(summed, self._spelling)
            self._steps.append((source, f"SELECT f.*, {exact} FROM {facts.name} f CROSS JOIN {scale} s"))
            scales = {column: ServerScale(scale, self._spelling, column) for column in summed}
        for open_ended in (False, True):
            group = [metric for metric in metrics if (metric.window_days is None) == open_ended]
            if group:
                cells = cut(self._days, (span for metric in group for span in spans_of(metric)))
                name = f"{facts.name}_{'ever' if open_ended else 'within'}"
                self._cells(name, cells)
                partials = Partials(facts, scales, flags_of(cells.spans), spelling=self._spelling)
                self._queries(partials, self._base(facts, source, name), name, group)

    def text(self) -> str:
        """The statement."""
        s = self._spelling
        columns = ["g.account_id", f"{s.date_of('g.day')} AS as_of"]
        columns += [f"{self._column(metric)} AS {s.identifier(metric.id)}" for metric in self._metrics]
        steps = ",\n".join(f"{name} AS ({query})" for name, query in self._steps)
        return f"WITH {steps}\nSELECT {', '.join(columns)}\nFROM {_OWN}grid g{''.join(self._joins)}"

    def _column(self, metric: ComputedMetric) -> str:
        if metric.ratio is None:
            return self._found[metric.id]
        above, below = (self._column(next(m for m in self._metrics if m.id == part)) for part in metric.ratio)
        return f"({above}) / nullif({below}, 0)"

    def _add(self, name: str, query: str) -> None:
        self._steps.append((_OWN + name, query))

    def _cells(self, name: str, cells: Cells) -> None:
        """Days and their cell, moments of knowledge and their first as-of date, and which cell counts when."""
        s, first = self._spelling, cells.first_day
        start = -1 if first is None else max(-1, first)
        used, seen = _pieces(cells.edges, start), _pieces(self._days, start)
        self._steps.append((f"{name}_cells", f"SELECT cell, low, high FROM ({_values(used)}) AS t(cell, low, high)"))
        self._steps.append((f"{name}_days", f"SELECT cell, {s.days_between('low', 'high')} AS day FROM {name}_cells"))
        between = s.days_between("low", "high")
        self._steps.append(
            (f"{name}_seen", f"SELECT vis, {between} AS seen FROM ({_values(seen)}) AS t(vis, low, high)")
        )
        flags = [
            f", c.high > k.day - {far} AND c.high <= k.day - {near} AS w{n}"
            for n, (far, near) in enumerate(cells.spans)
        ]
        farthest = max((far for far, _ in cells.spans), default=None)
        within = "" if farthest is None else f" AND c.high > k.day - {farthest}"
        self._steps.append(
            (
                f"{name}_reach",
                f"SELECT c.cell, k.i, k.day{''.join(flags)} FROM {name}_cells c JOIN {_OWN}calendar k"
                f" ON c.high <= k.day{within}",
            )
        )

    def _base(self, facts: TypedFacts, source: str, name: str) -> str:
        """Facts with their cell and the first as-of date that knows of them."""
        s = self._spelling
        joined = f"{source} f JOIN {_OWN}accounts a ON a.account_id = f.account_id"
        joined += f" JOIN {name}_days d ON d.day = {s.day_of('f.event_at')}"
        if not facts.bitemporal:
            return f"(SELECT f.*, d.day, d.cell, 0 AS vis FROM {joined} WHERE f.event_at >= 0) AS base"
        seen = s.day_of("CASE WHEN f.known_at > f.event_at THEN f.known_at ELSE f.event_at END")
        joined += f" JOIN {name}_seen s ON s.seen = {seen}"
        return f"(SELECT f.*, d.day, d.cell, s.vis FROM {joined} WHERE f.event_at >= 0) AS base"

    def _queries(self, partials: Partials, base: str, name: str, metrics: Sequence[ComputedMetric]) -> None:
        for number, (query, own) in enumerate(scan_queries(partials, base, f"{name}_reach", metrics, "account_id")):
            found = f"{name}_{number}"
            self._steps.append((found, query))
            alias = f"j{len(self._joins)}"
            self._joins.append(f"\nLEFT JOIN {found} {alias} ON {alias}.account_id = g.account_id AND {alias}.i = g.i")
            for k, metric in enumerate(own):
                value = f"{alias}.m{k}"
                self._found[metric.id] = f"coalesce({value}, 0)" if has_zero(metric) else value


def _pieces(edges: np.ndarray, start: int) -> list[tuple[int, int, int]]:
    """(k, low, high): piece k of the time after `start` holds the days in `(low, high]`; empty ones are left out."""
    lows = [start, *(max(start, int(edge)) for edge in edges[:-1])]
    return [(k, low, int(high)) for k, (low, high) in enumerate(zip(lows, edges, strict=True)) if high > low]


def _values(rows: Iterable[Sequence[int]]) -> str:
    return "VALUES " + ", ".join(f"({', '.join(str(int(cell)) for cell in row)})" for row in rows)
