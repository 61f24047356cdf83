"""The few SQL constructs that every engine computes alike, as text.

Only CASE, + - * /, < >= =, CAST, COALESCE and FLOOR. No LEAST or GREATEST (engines differ on NULL), no ROUND
(they differ on halves), no IS NULL, no implicit cast. Doubles are cast from text, since a bare 0.4 is a
DECIMAL in some engines. A value that may be missing is tested by comparison: NULL makes CASE fall through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from churnbench.domain.errors import InputError


@dataclass(frozen=True)
class Dialect:
    """How one engine spells what differs.

    Attributes:
        name: the name of sqlglot's dialect, which quotes identifiers and text.
        double, text, integer: type names in CAST.
        materialise_all: whether every relation is materialised, for engines that would otherwise inline
            them into each other; else only the metric points are.
    """

    name: str
    double: str
    text: str
    integer: str
    materialise_all: bool = False


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("duckdb", double="DOUBLE", text="VARCHAR", integer="BIGINT"),
        Dialect("sqlite", double="REAL", text="TEXT", integer="INTEGER", materialise_all=True),
    )
}


class Writer:
    """Writes expressions in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def name(self, name: str) -> str:
        """A quoted identifier.

        Raises:
            InputError: for an empty one or one with a zero character.
        """
        if not name or "\x00" in name:
            raise InputError(f"{name!r} cannot be a name in SQL.", fix="Rename the table or column.")
        return str(exp.to_identifier(name, quoted=True).sql(dialect=self.dialect.name))

    def table(self, name: str | Sequence[str]) -> str:
        """A table name: a sequence of parts; or text, split at dots when every part is a plain word."""
        if isinstance(name, str):
            parts = name.split(".")
            plain = all(part.isascii() and part.isidentifier() for part in parts)
            return ".".join(self.name(part) for part in (parts if plain else [name]))
        return ".".join(self.name(part) for part in name)

    def string(self, value: str) -> str:
        """A text literal.

        Raises:
            InputError: for text with a zero character, which SQL engines cut or refuse.
        """
        if "\x00" in value:
            raise InputError(f"{value!r} holds a zero character.", fix="Remove it from the formula.")
        return str(exp.Literal.string(value).sql(dialect=self.dialect.name))

    def number(self, value: float) -> str:
        """A double, exact to the last bit."""
        return f"CAST('{float(value)!r}' AS {self.dialect.double})"

    def as_double(self, expression: str) -> str:
        """The expression as a double."""
        return f"CAST({expression} AS {self.dialect.double})"

    def as_text(self, expression: str) -> str:
        """The expression as text."""
        return f"CAST({expression} AS {self.dialect.text})"

    def as_integer(self, expression: str) -> str:
        """The expression, a whole number, as an integer."""
        return f"CAST({expression} AS {self.dialect.integer})"

    def within(self, value: str, low: float, high: float) -> str:
        """Condition low <= value <= high."""
        return f"{value} >= {self.number(low)} AND {self.number(high)} >= {value}"

    def curve(self, x: str, points: Sequence[Sequence[float]], slopes: Sequence[float]) -> str:
        """Height of a piecewise line; NULL where x is."""
        n = self.number
        first, last = points[0], points[-1]
        branches = [f"WHEN {x} < {n(first[0])} THEN {n(first[1])}"]
        for start, end, slope in zip(points, points[1:], slopes, strict=False):
            rise = f"{n(start[1])} + ({x} - {n(start[0])}) * {n(slope)}"
            branches.append(f"WHEN {x} < {n(end[0])} THEN {rise}")
        branches.append(f"WHEN {x} >= {n(last[0])} THEN {n(last[1])}")
        return f"CASE {' '.join(branches)} END"

    def by_text(self, value: str, table: Sequence[tuple[str, float]], otherwise: float | None) -> str:
        """A number by text; `otherwise` (NULL when None) for missing or unknown text."""
        rest = "" if otherwise is None else f" ELSE {self.number(otherwise)}"
        branches = " ".join(f"WHEN {value} = {self.string(text)} THEN {self.number(x)}" for text, x in table)
        return f"CASE {branches}{rest} END"

    def rounded(self, value: str, multiplier: float) -> str:
        """floor(value * multiplier + 0.5)."""
        return f"FLOOR({value} * {self.number(multiplier)} + {self.number(0.5)})"
