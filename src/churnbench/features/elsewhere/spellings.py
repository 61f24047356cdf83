"""How Spark and PostgreSQL spell what differs. Moments are whole microseconds since 1970-01-01 UTC everywhere."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from churnbench.data.computed import Scalar
from churnbench.domain.errors import InputError
from churnbench.features.spelling import Spelling

MICROSECONDS_A_DAY = 86_400_000_000
_HARMLESS = re.compile(r"[A-Za-z0-9 _.,:;@+/-]*")
#: A column of text as an array element compares with these two in front of it.
_MOMENT_OFFSET = 2 * 10**19


class ServerSpelling(Spelling, ABC):
    """What `features_sql` needs beyond the aggregates.

    Attributes:
        name: the engine's name.
        text, whole, exact: type names of text, 64-bit integers and 128-bit (or longer) whole numbers.
    """

    name = ""
    text = ""
    whole = "BIGINT"
    exact = ""

    def identifier(self, name: str) -> str:
        """A quoted identifier.

        Raises:
            InputError: for an empty one or one with a zero character.
        """
        if not name or "\x00" in name:
            raise InputError(f"{name!r} cannot be a name in SQL.", fix="Rename the table or column.")
        return '"' + name.replace('"', '""') + '"'

    def as_text(self, expression: str) -> str:
        """The expression as text that is ordered by its bytes."""
        return f"CAST({expression} AS {self.text})"

    @abstractmethod
    def moment(self, column: str) -> str:
        """A date or time as microseconds."""

    @abstractmethod
    def day_number(self, column: str) -> str:
        """A date as days since 1970-01-01."""

    @abstractmethod
    def day_of(self, moment: str) -> str:
        """Day of a moment that is not before 1970."""

    @abstractmethod
    def date_of(self, day: str) -> str:
        """Date of a day number."""

    @abstractmethod
    def days_between(self, low: str, high: str) -> str:
        """Every whole number above low and up to high, one row each."""

    @abstractmethod
    def half_even(self, value: str) -> str:
        """A double, rounded to a whole number as DuckDB rounds in CAST: halves to the even one."""

    @abstractmethod
    def toward_zero(self, value: str) -> str:
        """A double without its fraction."""


class Spark(ServerSpelling):
    """Spark SQL, whatever its parser settings; CAST of times needs the session's zone to be UTC."""

    name = "spark"
    materialised = ""
    text = "STRING"
    # 2^126 has 38 digits.
    exact = "DECIMAL(38, 0)"

    def identifier(self, name: str) -> str:
        """A name in backticks; `${` would be replaced by Spark before it parses anything."""
        super().identifier(name)
        if "${" in name:
            raise InputError(f"{name!r} holds '${{', which Spark replaces in SQL text.", fix="Rename the column.")
        return "`" + name.replace("`", "``") + "`"

    def literal(self, value: Scalar) -> str:
        """Text with any odd character as bytes: backslashes and `${}` mean something in Spark's quotes."""
        if isinstance(value, str) and not _HARMLESS.fullmatch(value):
            return f"CAST(X'{value.encode().hex()}' AS STRING)"
        return super().literal(value)

    def newest(self, value: str, *, text: bool) -> str:  # noqa: ARG002 - a struct holds either
        """A struct, compared field by field."""
        return f"named_struct('e', event_at, 'k', known_at, 'v', {value})"

    def moment(self, column: str) -> str:
        """Microseconds; dates and times without a zone are taken as the session's zone says, which must be UTC."""
        return f"unix_micros(CAST({column} AS TIMESTAMP))"

    def day_number(self, column: str) -> str:
        """Days; times are cut in the session's zone."""
        return f"unix_date(CAST({column} AS DATE))"

    def day_of(self, moment: str) -> str:
        """Whole division."""
        return f"CAST({moment} DIV {MICROSECONDS_A_DAY} AS INT)"

    def date_of(self, day: str) -> str:
        """A DATE."""
        return f"date_from_unix_date({day})"

    def days_between(self, low: str, high: str) -> str:
        """A generator."""
        return f"explode(sequence({low} + 1, {high}))"

    def half_even(self, value: str) -> str:
        """Java's rint."""
        return f"rint({value})"

    def toward_zero(self, value: str) -> str:
        """Spark's CAST to a whole number cuts."""
        return f"CAST({value} AS BIGINT)"


class Postgres(ServerSpelling):
    """PostgreSQL 14 or later."""

    name = "postgres"
    double = "DOUBLE PRECISION"
    text = "TEXT"
    exact = "NUMERIC"

    def literal(self, value: Scalar) -> str:
        """Numbers are doubles, text is quoted (standard_conforming_strings, PostgreSQL's default)."""
        if isinstance(value, bool):
            return super().literal(value)
        if isinstance(value, (int, float)):
            return f"CAST('{value!r}' AS {self.double})"
        if "\x00" in value:
            raise InputError(f"{value!r} holds a zero character.", fix="Remove it from the condition.")
        return super().literal(value)

    def newest(self, value: str, *, text: bool) -> str:
        """An array, compared element by element: `max` of a row exists only from PostgreSQL 18 on."""
        if text:
            moments = [f"CAST(CAST({name} AS NUMERIC) + {_MOMENT_OFFSET} AS TEXT)" for name in ("event_at", "known_at")]
            return f"ARRAY[{', '.join(moments)}, {value}]"
        # Day and microsecond of the day, for a double holds whole numbers only up to 2^53.
        halves = [f"{name} {sign} {MICROSECONDS_A_DAY}" for name in ("event_at", "known_at") for sign in "/%"]
        return f"ARRAY[{', '.join(self.as_double(half) for half in halves)}, {value}]"

    def value_of_newest(self, newest: str) -> str:
        """The last element."""
        return f"({newest})[array_length({newest}, 1)]"

    def as_text(self, expression: str) -> str:
        """Text in the order of its bytes, not of a language."""
        return f'CAST({expression} AS TEXT) COLLATE "C"'

    def moment(self, column: str) -> str:
        """Microseconds of any date or time, whatever the session's zone."""
        return f"CAST(EXTRACT(EPOCH FROM {column}) * 1000000 AS BIGINT)"

    def day_number(self, column: str) -> str:
        """Days, cut in UTC."""
        return f"CAST(FLOOR(EXTRACT(EPOCH FROM {column}) / 86400) AS INTEGER)"

    def day_of(self, moment: str) -> str:
        """Whole division."""
        return f"CAST({moment} / {MICROSECONDS_A_DAY} AS INTEGER)"

    def date_of(self, day: str) -> str:
        """A date."""
        return f"(DATE '1970-01-01' + {day})"

    def days_between(self, low: str, high: str) -> str:
        """A set-returning function."""
        return f"generate_series({low} + 1, {high})"

    def half_even(self, value: str) -> str:
        """PostgreSQL rounds doubles (not NUMERIC) to the even one."""
        return f"round({value})"

    def toward_zero(self, value: str) -> str:
        """PostgreSQL's CAST would round."""
        return f"CAST(trunc({value}) AS BIGINT)"


#: Every engine that `features_sql` writes for.
ENGINES: dict[str, ServerSpelling] = {spelling.name: spelling for spelling in (Spark(), Postgres())}
