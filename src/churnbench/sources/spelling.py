"""What a mapping needs that engines spell differently; the rest of its SQL is common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from churnbench.data.sql import identifier, literal
from churnbench.domain.errors import InputError


class Dialect(ABC):
    """How one engine writes what a mapping needs. Moments are UTC without a zone.

    Attributes:
        name: "duckdb", "postgres" or "sqlite".
    """

    name = ""

    def identifier(self, name: str) -> str:
        """A quoted identifier.

        Raises:
            InputError: for an empty name or one with a control character.
        """
        if not name or re.search(r"[\x00-\x1f\x7f]", name):
            raise InputError(f"{name!r} cannot be the name of a table or column.", fix="Correct the name.")
        return identifier(name)

    def literal(self, value: str) -> str:
        """Text in quotes.

        Raises:
            InputError: for text with a control character.
        """
        if re.search(r"[\x00-\x1f\x7f]", value):
            raise InputError(f"{value!r} holds a control character.", fix="Remove it.")
        return literal(value)

    def one_of(self, values: tuple[str, ...]) -> str:
        """A parenthesised list of texts; an empty one holds only NULL, which equals nothing."""
        return f"({', '.join(self.literal(value) for value in values) or 'NULL'})"

    def text(self, expression: str) -> str:
        """The expression as trimmed text, NULL where nothing is left."""
        return f"nullif(trim(CAST({expression} AS TEXT)), '')"

    def true(self, column: str) -> str:
        """Whether a column says yes, whatever type the loader gave it."""
        return f"lower(CAST({column} AS TEXT)) IN ('true', 't', '1', 'yes')"

    @abstractmethod
    def number(self, expression: str) -> str:
        """The expression as a double, NULL where it is no number."""

    @abstractmethod
    def utc(self, expression: str) -> str:
        """A date, time or text as a moment; without an offset it is taken as UTC."""

    @abstractmethod
    def local(self, expression: str, zone: str) -> str:
        """A time of the clock in a zone as a moment."""

    @abstractmethod
    def unix(self, expression: str) -> str:
        """Seconds since 1970 as a moment."""

    @abstractmethod
    def moment(self, text: str) -> str:
        """A fixed moment, written as 2024-01-31 00:00:00."""

    @abstractmethod
    def hours(self, start: str, end: str) -> str:
        """Hours between two moments, a double."""

    @abstractmethod
    def later(self, moment: str, hours: str) -> str:
        """A moment a whole number of hours later."""

    @abstractmethod
    def day(self, moment: str) -> str:
        """Day of a moment as text."""

    @abstractmethod
    def now(self) -> str:
        """This moment."""

    @abstractmethod
    def parsed(self, column: str) -> str:
        """A cell with a JSON object in the form that `entry` reads, NULL where it holds none."""

    @abstractmethod
    def entry(self, parsed: str, name: str) -> str:
        """A key of a parsed object: its text, or the only element of a list; else NULL."""

    @abstractmethod
    def entry_as_written(self, parsed: str, name: str) -> str:
        """The same key as JSON text, lists included."""


def json_path(name: str, *, first: bool = False) -> str:
    """Path of a key of a JSON object, quoted; with `first` of the first element of the list there.

    Raises:
        InputError: for a key that could leave the path.
    """
    if re.search(r'["\\\x00-\x1f]', name):
        raise InputError(f"{name!r} cannot be the key of a property.", fix="Use a key without quotes and backslashes.")
    return literal(f'$."{name}"' + ("[0]" if first else ""))
