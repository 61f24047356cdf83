"""Metrics that are computed from fact tables, as declared: what to count, over which days, of which facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Aggregate = Literal[
    "count",
    "sum",
    "mean",
    "median",
    "min",
    "max",
    "distinct",
    "top_share",
    "last",
    "days_since_last",
    "share",
    "active_days_share",
    "slope",
    "change",
    "relative_change",
]
#: Every aggregate, in the order in which the documentation lists them.
AGGREGATES: tuple[str, ...] = get_args(Aggregate)
#: Aggregates that read a value column; the others count facts.
NEEDS_COLUMN = frozenset({"sum", "mean", "median", "min", "max", "distinct", "top_share", "last"})
#: Aggregates that may read a value column: with one they add it up per window, without one they count facts.
MAY_HAVE_COLUMN = NEEDS_COLUMN | {"slope", "change", "relative_change"}
#: Aggregates without a window unless one is declared: the newest fact counts however old it is.
OPEN_ENDED = frozenset({"last", "days_since_last"})

Operator = Literal["equals", "not_equals", "in", "at_least", "at_most"]
Scalar = str | int | float | bool


@dataclass(frozen=True)
class Condition:
    """One comparison of a fact's column with fixed values; a missing cell never matches.

    Attributes:
        column: column of the fact table.
        operator: equals | in (any of), not_equals (none of), at_least, at_most (numbers, inclusive).
        values: one or more values; numbers are compared as numbers, all else as text.
    """

    column: str
    operator: Operator
    values: tuple[Scalar, ...]

    @property
    def numeric(self) -> bool:
        """Whether the column is compared as a number."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True)
class ComputedMetric:
    """One metric to compute per account and as-of date.

    Attributes:
        id: name of the resulting column.
        source: name of the fact table; "" for a ratio.
        agg: an `Aggregate`; "ratio" for the quotient of two other metrics.
        column: value column of the fact table, or None.
        window_days: a fact counts when its date lies in `(as_of - window_days, as_of]`; None: however old.
        where: conditions that all must hold.
        of: what change and relative_change compare between the two windows: count, sum or mean; "last" compares the
            newest value with the newest one that was `window_days` older, however old both are.
        min_days, max_days: of `distinct`, only values with facts on so many different days of the window; None: any.
        ratio: ids of numerator and denominator; NULL where the denominator is 0 or missing.
        text: whether `last` returns text (for category metrics).
    """

    id: str
    source: str = ""
    agg: str = "count"
    column: str | None = None
    window_days: int | None = None
    where: tuple[Condition, ...] = ()
    of: Literal["count", "sum", "mean", "last"] = "count"
    ratio: tuple[str, str] | None = None
    text: bool = False
    min_days: int | None = None
    max_days: int | None = None
