"""The only place where text becomes part of an SQL statement."""

from __future__ import annotations

from collections.abc import Iterable

from churnbench.data.computed import Scalar


def identifier(name: str) -> str:
    """A quoted identifier.

    >>> identifier('we"ird')
    '"we""ird"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: Scalar) -> str:
    """A value as DuckDB writes it; text is quoted, numbers are doubles.

    >>> literal("it's"), literal(True), literal(3)
    ("'it''s'", 'TRUE', "CAST('3' AS DOUBLE)")
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        # A bare 0.4 would be DECIMAL in DuckDB.
        return f"CAST('{value!r}' AS DOUBLE)"
    return "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[Scalar]) -> str:
    """A parenthesised list of values.

    >>> literals(["a", "b"])
    "('a', 'b')"
    """
    return "(" + ", ".join(literal(value) for value in values) + ")"
