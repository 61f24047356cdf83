"""SQL of each aggregate, in two steps: partial results per cell, and what a window makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from churnbench.data.computed import ComputedMetric, Condition
from churnbench.features.cells import Span
from churnbench.features.spelling import DUCKDB, Spelling, Summing, ValueColumns


def condition_sql(facts: ValueColumns, metric: ComputedMetric, spelling: Spelling = DUCKDB) -> str:
    """The metric's conditions as one SQL expression, "TRUE" without any."""
    return " AND ".join(_one_condition(facts, part, spelling) for part in metric.where) or "TRUE"


def _one_condition(facts: ValueColumns, part: Condition, spelling: Spelling) -> str:
    if part.numeric:
        cell = facts.numbers[part.column]
        values = [spelling.literal(value) for value in part.values]
    else:
        cell = f"lower({facts.texts[part.column]})" if _boolean(part) else facts.texts[part.column]
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in part.values]
        values = [spelling.literal(text) for text in texts]
    if part.operator in ("at_least", "at_most"):
        return f"{cell} {'>=' if part.operator == 'at_least' else '<='} {values[0]}"
    # NOT IN is neither true nor false on NULL, so that a missing cell never matches.
    return f"{cell} {'NOT IN' if part.operator == 'not_equals' else 'IN'} ({', '.join(values)})"


def _boolean(part: Condition) -> bool:
    return all(isinstance(value, bool) for value in part.values)


@dataclass
class Partials:
    """What the metrics of one scan need, each expression computed once.

    Attributes:
        facts: the columns of the table that is scanned.
        scales: how each number column is added up exactly.
        flags: window -> its flag in the reach table.
        per_cell: SQL over facts -> column name, one value per account and cell.
        per_window: SQL over those -> column name, one value per account and as-of date.
        spelling: the engine's spelling.
    """

    facts: ValueColumns
    scales: Mapping[str, Summing]
    flags: Mapping[Span | None, str]
    per_cell: dict[str, str] = field(default_factory=dict)
    per_window: dict[str, str] = field(default_factory=dict)
    spelling: Spelling = DUCKDB

    def matching(self, metric: ComputedMetric) -> str:
        """The metric's conditions."""
        return condition_sql(self.facts, metric, self.spelling)

    def _combined(self, how: str, span: Span | None, expression: str) -> str:
        cell = self.per_cell.setdefault(expression, f"p{len(self.per_cell)}")
        window = f"{how}({cell}) FILTER (WHERE {self.flags[span]})"
        return self.per_window.setdefault(window, f"s{len(self.per_window)}")

    def count(self, span: Span | None, where: str, value: str | None = None) -> str:
        """Number of matching facts in a window (with a value, if one is named)."""
        name = self._combined("sum", span, f"count({value or '*'}) FILTER (WHERE {where})")
        return self.spelling.as_double(f"coalesce({name}, 0)")

    def total(self, span: Span | None, where: str, value: str, *, by_day: bool = False) -> str:
        """Sum of a value (times the day's number) in a window; 0 without facts."""
        scale = self.scales[value]
        weighted = f"{scale.scaled(value)} * day" if by_day else scale.scaled(value)
        name = self._combined("sum", span, f"sum({weighted}) FILTER (WHERE {where})")
        return f"coalesce({scale.restored(name)}, 0)"

    def days(self, span: Span | None, where: str) -> str:
        """Sum of the day numbers of matching facts."""
        name = self._combined("sum", span, f"sum(day) FILTER (WHERE {where})")
        return self.spelling.as_double(f"coalesce({name}, 0)")

    def extreme(self, which: str, span: Span | None, where: str, value: str) -> str:
        """Smallest or largest value in a window, NULL without facts."""
        return self._combined(which, span, f"{which}({value}) FILTER (WHERE {where})")


#: Days that reach back from any date that a table may hold to before the first one.
EVER = 50_000

Expression = Callable[[Partials, ComputedMetric], str]


def span_of(metric: ComputedMetric) -> Span | None:
    """The metric's window; None without a beginning."""
    return None if metric.window_days is None else (metric.window_days, 0)


def spans_of(metric: ComputedMetric) -> tuple[Span, ...]:
    """Every window the metric looks at."""
    if metric.window_days is None:
        return ()
    width = metric.window_days
    if metric.of == "last" and metric.agg in ("change", "relative_change"):
        return ((EVER, 0), (EVER, width))
    before: tuple[Span, ...] = ((2 * width, width),) if metric.agg in ("change", "relative_change") else ()
    return ((width, 0), *before)


def _value(partials: Partials, metric: ComputedMetric) -> str:
    column = metric.column or ""
    return partials.facts.texts[column] if metric.text else partials.facts.numbers[column]


def _count(partials: Partials, metric: ComputedMetric) -> str:
    return partials.count(span_of(metric), partials.matching(metric))


def _sum(partials: Partials, metric: ComputedMetric) -> str:
    return partials.total(span_of(metric), partials.matching(metric), _value(partials, metric))


def _mean_in(partials: Partials, metric: ComputedMetric, span: Span | None) -> str:
    where, value = partials.matching(metric), _value(partials, metric)
    return f"{partials.total(span, where, value)} / nullif({partials.count(span, where, value)}, 0)"


def _mean(partials: Partials, metric: ComputedMetric) -> str:
    return _mean_in(partials, metric, span_of(metric))


def _extreme(partials: Partials, metric: ComputedMetric) -> str:
    where = partials.matching(metric)
    return partials.extreme(metric.agg, span_of(metric), where, _value(partials, metric))


def _last(partials: Partials, metric: ComputedMetric) -> str:
    return _last_in(partials, metric, span_of(metric))


def _last_in(partials: Partials, metric: ComputedMetric, span: Span | None) -> str:
    value = _value(partials, metric)
    # Among facts of the same moment the one known last counts, then the largest value: row order never
    # decides.
    newest = partials.spelling.newest(value, text=metric.text)
    where = f"{value} IS NOT NULL AND {partials.matching(metric)}"
    return partials.spelling.value_of_newest(partials.extreme("max", span, where, newest))


def _days_since_last(partials: Partials, metric: ComputedMetric) -> str:
    where = partials.matching(metric)
    return partials.spelling.as_double(f"today - {partials.extreme('max', span_of(metric), where, 'day')}")


def _share(partials: Partials, metric: ComputedMetric) -> str:
    span, where = span_of(metric), partials.matching(metric)
    return f"{partials.count(span, where)} / nullif({partials.count(span, 'TRUE')}, 0)"


def _slope(partials: Partials, metric: ComputedMetric) -> str:
    """Least squares of daily sums y over x = 1..w (days without facts are 0).

    slope = sum((x - (w + 1) / 2) y) * 12 / (w (w^2 - 1)); x = day - (as_of - w).
    """
    width, span = metric.window_days or 0, span_of(metric)
    where = partials.matching(metric)
    if metric.column is None:
        total, by_day = partials.count(span, where), partials.days(span, where)
    else:
        value = _value(partials, metric)
        total = partials.total(span, where, value)
        by_day = partials.total(span, where, value, by_day=True)
    centre = f"(today - {partials.spelling.real(width - (width + 1) / 2)})"
    return f"({by_day} - {centre} * {total}) * {partials.spelling.real(12 / (width * (width**2 - 1)))}"


def _compared(partials: Partials, metric: ComputedMetric) -> tuple[str, str]:
    width = metric.window_days or 0
    where = partials.matching(metric)

    def within(span: Span) -> str:
        if metric.of == "count":
            return partials.count(span, where)
        if metric.of == "mean":
            return f"({_mean_in(partials, metric, span)})"
        return partials.total(span, where, _value(partials, metric))

    if metric.of == "last":
        now, before = (f"({_last_in(partials, metric, span)})" for span in spans_of(metric))
        return now, before
    return within((width, 0)), within((2 * width, width))


def _change(partials: Partials, metric: ComputedMetric) -> str:
    now, before = _compared(partials, metric)
    return f"{now} - {before}"


def _relative_change(partials: Partials, metric: ComputedMetric) -> str:
    now, before = _compared(partials, metric)
    return f"({now} - {before}) / nullif(abs({before}), 0)"


#: Aggregates that one scan over cells computes; the others need passes of their own.
EXPRESSIONS: dict[str, Expression] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "min": _extreme,
    "max": _extreme,
    "last": _last,
    "days_since_last": _days_since_last,
    "share": _share,
    "slope": _slope,
    "change": _change,
    "relative_change": _relative_change,
}

#: What an active account without any fact in the window has: nothing happened, which is a 0 and not unknown.
#: All other aggregates are missing then.
ZERO_WITHOUT_FACTS = frozenset({"count", "sum", "distinct", "active_days_share", "slope"})


def has_zero(metric: ComputedMetric) -> bool:
    """Whether the metric of an account without any fact is 0 (else it is missing)."""
    return metric.agg in ZERO_WITHOUT_FACTS or (metric.agg == "change" and metric.of not in ("mean", "last"))
