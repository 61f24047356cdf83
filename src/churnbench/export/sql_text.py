"""The few SQL constructs that every engine computes alike, as text.

Only CASE, + - * /, < >= =, CAST, COALESCE and FLOOR. No LEAST or GREATEST (engines differ on NULL), no ROUND
(they differ on halves), no IS NULL, no implicit cast. Doubles are cast from text, since a bare 0.4 is a
DECIMAL in some engines. A value that may be missing is tested by comparison: NULL makes CASE fall through.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from sqlglot import exp

from churnbench.domain.errors import InputError
from churnbench.export.sql_dialects import COLUMN_TYPES, DIALECTS, Dialect
from churnbench.export.sql_guards import (
    BORDER,
    LOWERED,
    RAISED,
    SHRUNK,
    STRETCHED,
    first_double,
    flat_starts,
    lifted,
)

__all__ = ["COLUMN_TYPES", "DIALECTS", "Dialect", "Writer"]


class Writer:
    """Writes expressions in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def name(self, name: str) -> str:
        """A quoted identifier.

        Raises:
            InputError: for an empty one or one with a character that the engine cannot hold in a name.
        """
        if not name or any(character in name for character in self.dialect.not_in_names):
            raise InputError(f"{name!r} cannot be a name in SQL.", fix="Rename the table or column.")
        return str(exp.to_identifier(name, quoted=True).sql(dialect=self.dialect.name))

    def plain(self, name: str) -> str:
        """A quoted identifier that an unquoted plain word finds: upper case where the engine folds to it."""
        return self.name(name.upper() if self.dialect.folds and _is_word(name) else name)

    def table(self, name: str | Sequence[str]) -> str:
        """A table name: a sequence of exact parts, or text as `table_parts` reads it."""
        if isinstance(name, str):
            return ".".join(self.name(part) if exact else self.plain(part) for part, exact in table_parts(name))
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
        text = repr(float(value)).replace("inf", self.dialect.infinity)
        return f"CAST('{text}' AS {self.dialect.double})"

    def height(self, value: float) -> str:
        """Points, a multiplier or a probability; see `sql_guards.TINY`."""
        return self.number(lifted(float(value)) if self.dialect.raises else value)

    def column(self, column: str, column_type: str) -> str:
        """A column of the table as a double."""
        return self.dialect.cast(column_type).format(x=column)

    def as_double(self, expression: str) -> str:
        """The expression as a double."""
        return f"CAST({expression} AS {self.dialect.double})"

    def as_text(self, expression: str) -> str:
        """The expression as text that `is_text` compares."""
        mark = f" || {self.string(self.dialect.text_mark)}" if self.dialect.text_mark else ""
        return f"CAST({expression} AS {self.dialect.text}){mark}{self.dialect.collation}"

    def as_integer(self, expression: str) -> str:
        """The expression, a whole number, as an integer."""
        return f"CAST({expression} AS {self.dialect.integer})"

    def is_text(self, value: str, text: str) -> str:
        """Condition that a text from `as_text` is exactly this one."""
        return f"{value} = {self.string(text + self.dialect.text_mark)}{self.dialect.collation}"

    def within(self, value: str, low: float, high: float) -> str:
        """Condition low <= value <= high."""
        return f"{value} >= {self.number(low)} AND {self.number(high)} >= {value}"

    def curve(self, x: str, points: Sequence[Sequence[float]], slopes: Sequence[float]) -> str:
        """Height of a piecewise line; NULL where x is."""
        n, h = self.number, self.height
        branches = [f"WHEN {x} < {n(points[0][0])} THEN {h(points[0][1])}"]
        for start, end, slope in zip(points, points[1:], slopes, strict=False):
            if self.dialect.raises:
                flat = flat_starts(float(start[0]), float(end[0]), lifted(float(start[1])), float(slope))
                branches += [f"WHEN {x} < {n(bound)} THEN {n(height)}" for bound, height in flat]
            rise = f"{h(start[1])} + ({x} - {n(start[0])}) * {n(slope)}"
            branches.append(f"WHEN {x} < {n(end[0])} THEN {rise}")
        branches.append(f"WHEN {x} >= {n(points[-1][0])} THEN {h(points[-1][1])}")
        return f"CASE {' '.join(branches)} END"

    def by_text(self, value: str, table: Sequence[tuple[str, float]], otherwise: float | None) -> str:
        """A number by text; `otherwise` (NULL when None) for missing or unknown text."""
        rest = "" if otherwise is None else f" ELSE {self.number(otherwise)}"
        branches = " ".join(f"WHEN {self.is_text(value, text)} THEN {self.number(x)}" for text, x in table)
        return f"CASE {branches}{rest} END"

    def rounded(self, value: str, multiplier: float | None = None) -> str:
        """floor(value * multiplier + 0.5), for values that are not below zero by more than rounding."""
        product = value if multiplier is None else f"{value} * {self.number(multiplier)}"
        return self.dialect.floor.format(x=f"{product} + {self.number(0.5)}")

    def quotient(self, top: str, bottom: str) -> str:
        """The quotient top / bottom for a bottom above zero; NULL for any other."""
        n, divided = self.number, f"{top} / {bottom}"
        if not self.dialect.raises:
            return f"CASE WHEN {n(0)} < {bottom} THEN {divided} END"

        def vast(sign: float) -> str:
            limit = f"{top} * {n(sign * SHRUNK)} >= {bottom} * {n(STRETCHED)}"
            return f"CASE WHEN {limit} THEN {n(sign * math.inf)} ELSE {divided} END"

        def minute(sign: float) -> str:
            limit = f"{bottom} * {n(LOWERED)} >= {top} * {n(sign * RAISED)}"
            return f"CASE WHEN {limit} THEN {n(0)} ELSE {divided} END"

        far = f"WHEN {top} >= {n(BORDER)} THEN {{}} WHEN {n(-BORDER)} >= {top} THEN {{}}"
        below_one = f"CASE {far.format(vast(1.0), vast(-1.0))} ELSE {divided} END"
        near = f"WHEN {n(0)} < {top} THEN {minute(1.0)} WHEN {top} < {n(0)} THEN {minute(-1.0)}"
        from_one = f"CASE {far.format(divided, divided)} {near} ELSE {divided} END"
        return f"CASE WHEN {n(0)} < {bottom} THEN CASE WHEN {bottom} < {n(1)} THEN {below_one} ELSE {from_one} END END"

    def held(self, value: str, multiplier: float, low: float, high: float) -> str:
        """The product value * multiplier, held within low and high; NULL where value is."""
        n, product = self.number, f"{value} * {self.number(multiplier)}"
        floor, ceiling = n(low), n(high)
        if not self.dialect.raises:
            outside = f"WHEN {product} < {floor} THEN {floor} WHEN {product} >= {ceiling} THEN {ceiling}"
            return f"CASE {outside} ELSE {product} END"
        # The same comparisons, made before the product, since that may overflow.
        least = first_double(lambda x: x * multiplier >= low, -math.inf, math.inf)
        most = first_double(lambda x: x * multiplier >= high, -math.inf, math.inf)
        nothing = ""
        if math.ulp(0.0) * multiplier == 0.0:
            some = first_double(lambda x: x * multiplier > 0.0, 0.0, 1.0)
            nothing = f" WHEN {n(-some)} < {value} AND {value} < {n(some)} THEN {n(0)}"
        return (
            f"CASE WHEN {value} < {n(least)} THEN {floor} WHEN {value} >= {n(most)} THEN {ceiling}{nothing} "
            f"ELSE {product} END"
        )


def table_parts(text: str) -> list[tuple[str, bool]]:
    """The parts of a table's name, each with whether it is exact, as a quoted one is.

    Text is split at its dots when every part is a plain word or stands in double quotes, doubled to mean one of them;
    else it is one exact name.

    Raises:
        InputError: for text that begins with a quote and does not go on like that.

    >>> table_parts('crm."accounts 2.0"')
    [('crm', False), ('accounts 2.0', True)]
    >>> table_parts("accounts 2.0")
    [('accounts 2.0', True)]
    """
    parts: list[tuple[str, bool]] = []
    place, more = 0, True
    while more and (found := _PART.match(text, place)):
        quoted, word, dot = found.groups()
        if word is not None and not word.isidentifier():
            break
        parts.append((word, False) if quoted is None else (quoted.replace('""', '"'), True))
        place, more = found.end(), dot == "."
    if not more and place == len(text):
        return parts
    if text.startswith('"'):
        raise InputError(
            f"the table {text!r} has a quote that does not close before a dot or the end.",
            fix='Write "schema"."table", each " within a name twice.',
        )
    return [(text, True)]


#: A part of a table's name, quoted or not, and what follows it: a dot, or nothing.
_PART = re.compile(r'(?:"((?:[^"]|"")+)"|([^".]+))(\.|\Z)')


def _is_word(part: str) -> bool:
    """Whether engines that fold unquoted names fold this one; letters beyond ASCII need quotes there."""
    return part.isascii() and part.isidentifier()
