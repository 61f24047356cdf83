"""What engines spell differently in the SQL of an aggregate; the aggregates themselves are written once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from churnbench.data.computed import Scalar
from churnbench.data.sql import literal


class ValueColumns(Protocol):
    """The typed value columns of a fact table.

    Attributes:
        numbers: column of the data -> its SQL column, a double.
        texts: column of the data -> its SQL column, text.
    """

    @property
    def numbers(self) -> Mapping[str, str]:
        """Column of the data -> SQL column of doubles."""

    @property
    def texts(self) -> Mapping[str, str]:
        """Column of the data -> SQL column of text."""


class Summing(Protocol):
    """How one number column is added up without rounding on the way."""

    def scaled(self, value: str) -> str:
        """SQL of the summand."""

    def restored(self, total: str) -> str:
        """SQL of the sum as a double."""


class Spelling:
    """DuckDB's spelling; other engines override what they write otherwise.

    Attributes:
        double: type name of a double in CAST.
        materialised: what follows AS where a common table expression shall be computed once.
    """

    double = "DOUBLE"
    materialised = " MATERIALIZED"

    def literal(self, value: Scalar) -> str:
        """A value; numbers are doubles, text is quoted."""
        return literal(value)

    def real(self, value: float) -> str:
        """A double, exact to the last bit."""
        return f"CAST('{value!r}' AS {self.double})"

    def as_double(self, expression: str) -> str:
        """The expression as a double."""
        return f"CAST({expression} AS {self.double})"

    def newest(self, value: str, *, text: bool) -> str:  # noqa: ARG002 - others must know
        """What `max` picks the newest fact by: the moment, then since when it was known, then the value."""
        return f"struct_pack(e := event_at, k := known_at, v := {value})"

    def value_of_newest(self, newest: str) -> str:
        """The value inside `newest`."""
        return f"({newest}).v"


DUCKDB = Spelling()
