"""Exact sums outside DuckDB: the very integers of `features.exact`, their scale found by the statement itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from churnbench.data.computed import ComputedMetric
from churnbench.features.elsewhere.spellings import ServerSpelling
from churnbench.features.exact import DAY_BITS, MOST_POWER, SUM_BITS

#: A scaled value has up to 126 binary digits: two halves that fit a 64-bit integer each.
_HALF = 2**63
#: Aggregates that add up the values of their column.
_SUMMED = frozenset({"sum", "mean", "slope", "change", "relative_change"})


def summed_columns(metrics: Iterable[ComputedMetric]) -> set[str]:
    """Columns that some metric adds up."""
    return {metric.column for metric in metrics if metric.column and metric.agg in _SUMMED}


@dataclass(frozen=True)
class ServerScale:
    """How one number column is summed; twin of `Scale`, with the integers in a column of their own.

    Whole numbers that DuckDB adds up as doubles are scaled too: both are exact, so that the sums are the same.

    Attributes:
        relation: the one-row relation of scales.
        spelling: the engine.
        column: SQL column of the values.
    """

    relation: str
    spelling: ServerSpelling
    column: str

    def scaled(self, value: str) -> str:
        """The column that `exact_columns` makes."""
        return f"e_{value}"

    def restored(self, total: str) -> str:
        """The double nearest to the sum (both engines round once in CAST), taken back by a power of two."""
        return f"({self.spelling.as_double(total)} * (SELECT down_{self.column} FROM {self.relation}))"


def exact_columns(columns: Sequence[str], spelling: ServerSpelling) -> str:
    """SQL of one exact whole number `e_<column>` per column, from it and `up_<column>`, `down_<column>`.

    Engines turn a double into a wide decimal by way of its shortest text, or of 15 digits: neither is exact. The
    double has 53 binary digits, so that both halves of the split below are exact.
    """
    s, made = spelling, []
    for column in columns:
        value = f"({column} * up_{column})"
        high = s.toward_zero(f"{value} * {s.real(1 / _HALF)}")
        low = s.half_even(f"{value} - {s.as_double(high)} * {s.real(float(_HALF))}")
        whole = f"CAST({high} AS {s.exact}) * {_HALF} + CAST(CAST({low} AS {s.whole}) AS {s.exact})"
        # Below a quarter a value rounds to 0, and some engines refuse a product that small.
        small = f"abs({column}) < {s.real(0.25)} * down_{column}"
        absent = f"WHEN {column} IS NULL THEN NULL"
        made.append(f"CASE {absent} WHEN {small} THEN CAST(0 AS {s.exact}) ELSE {whole} END AS e_{column}")
    return ", ".join(made)


def scale_query(columns: Sequence[str], relation: str, spelling: ServerSpelling) -> str:
    """A one-row query of `up_<column>` and `down_<column>`: `features.exact.scale_for` as SQL."""
    s = spelling
    found, powers, scales = [], [], []
    for column in columns:
        found += [f"coalesce(max(abs({column})), 0) AS largest_{column}", f"count({column}) AS count_{column}"]
        largest = f"least(greatest(largest_{column}, {s.real(2.0**-1000)}), {s.real(2.0**1020)})"
        count = s.as_double(f"greatest(count_{column}, 1)")
        digits = f"{SUM_BITS - DAY_BITS} - {_binary_digits(count, s)} - {_binary_digits(largest, s)}"
        held = f"greatest({-MOST_POWER}, least({MOST_POWER}, {digits}))"
        powers.append(f"CASE WHEN largest_{column} = 0 THEN 0 ELSE {held} END AS power_{column}")
        scales += [
            f"{_power(f'{sign}power_{column}', s)} AS {way}_{column}" for sign, way in (("", "up"), ("-", "down"))
        ]
    return (
        f"SELECT {', '.join(scales)} FROM (SELECT {', '.join(powers)} FROM"
        f" (SELECT {', '.join(found)} FROM {relation}) AS seen) AS powers"
    )


def _power(exponent: str, spelling: ServerSpelling) -> str:
    return f"power({spelling.real(2.0)}, {spelling.as_double(exponent)})"


def _binary_digits(value: str, spelling: ServerSpelling) -> str:
    """Exponent of math.frexp: binary digits before the point. The logarithm may be off by one next to a power."""
    s = spelling
    guess = s.as_double(f"floor(ln({value}) / ln({s.real(2.0)}))")
    below, above = f"{value} < {_power(guess, s)}", f"{value} >= {_power(f'{guess} + 1', s)}"
    return f"(CASE WHEN {below} THEN {guess} WHEN {above} THEN {guess} + 2 ELSE {guess} + 1 END)"
