"""Cells and keys of a scorecard file, read one by one; errors name file, row and key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnbench.data.hints import did_you_mean, listed
from churnbench.domain.errors import InputError

#: Key under which a record of a CSV file keeps its row.
ROW = "\0row"


@dataclass(frozen=True)
class Fields:
    """The keys of one record.

    Attributes:
        content: key -> value as the file has it; empty cells are absent.
        file: name of the file.
        place: how an error names the record, e.g. "groups[1].measures[2]".
    """

    content: Mapping[str, Any]
    file: str
    place: str

    def error(self, message: str, fix: str, key: str | None = None) -> InputError:
        """An error at a key of this record."""
        where = ".".join(part for part in (self.place, key) if part) or None
        return InputError(message, file=self.file, row=self.content.get(ROW), column=where, fix=fix)

    def only(self, known: Iterable[str]) -> None:
        """Refuse keys that are not known."""
        names = list(known)
        unknown = next((key for key in self.content if key != ROW and key not in names), None)
        if unknown is not None:
            raise self.error(
                f"'{unknown}' is not known here; known are {listed(names, 20)}.",
                did_you_mean(str(unknown), names) or "Correct or delete it.",
            )

    def number(self, key: str, default: float | None = None, *, low: float = -1e300, high: float = 1e300) -> float:
        """A finite number within bounds."""
        value = self.content.get(key, default)
        number = _as_number(value)
        if number is None or not low <= number <= high:
            bounds = f" from {low:g} to {high:g}" if high < 1e300 else f" from {low:g} upwards" if low > -1e300 else ""
            what = "is missing" if value is None else f"= {_shown(value)} does not fit"
            raise self.error(f"{key} {what}; expected a number{bounds}.", "Write the number, without a unit.", key)
        return number

    def optional_number(self, key: str) -> float | None:
        """A finite number, or None when it is absent."""
        return self.number(key) if self.content.get(key) is not None else None

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self.content.get(key, default)
        if not isinstance(value, str) or not value.strip():
            what = "is missing" if value is None else f"= {value!r} is no text"
            raise self.error(f"{key} {what}.", f"Write {key}, in quotes where it looks like something else.", key)
        return value.strip()

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> Any:
        """One of a few words."""
        value = self.content.get(key, default)
        if value not in allowed:
            what = "is missing" if value is None else f"= {value!r} is not known"
            raise self.error(
                f"{key} {what}; it decides scores and must be one of {', '.join(allowed)}.",
                did_you_mean(str(value), allowed) or "State how the platform does it.",
                key,
            )
        return value

    def records(self, key: str, known: Iterable[str]) -> list[Fields]:
        """A list of records under a key; empty when it is absent."""
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.error(f"{key} must be a list of records; got {_shown(value)}.", "Correct it.", key)
        place = f"{self.place}.{key}" if self.place else key
        found = [Fields(one, self.file, f"{place}[{number}]") for number, one in enumerate(value, start=1)]
        names = list(known)
        for one in found:
            one.only(names)
        return found

    def table(self, key: str) -> dict[Any, Any]:
        """A table under a key; empty when it is absent."""
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{key} must be a table; got {_shown(value)}.", "Correct it.", key)
        return value


def _as_number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
