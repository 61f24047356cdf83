"""The readings of a score history as arrays: who, when, and what was read some days before."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.object_]

#: A reading that lies more than so many windows back says nothing about the window.
_STALE = 2
#: Readings farther apart than so many windows cannot show a fall within one.
_SPARSE = 1.5


class Readings:
    """A score history, sorted by account and date, with what every trigger looks up.

    Args:
        history: a score history; see `churnbench.domain.score_history`.

    Raises:
        InputError: for a history that is not sorted, or has two readings of an account on one date.
    """

    def __init__(self, history: pd.DataFrame) -> None:
        self.frame = history
        # Histories are sorted by account, so equal neighbours are one account: no need to sort names again.
        self._words: dict[str, Words] = {}
        names = self.words("account_id")
        self.first: Bools = np.append(True, names[1:] != names[:-1])[: len(names)].astype(bool)
        self.codes: Integers = np.cumsum(self.first).astype(np.int64) - 1
        self.days: Integers = history["as_of"].to_numpy().astype("datetime64[D]").astype(np.int64)
        self._key = self.codes * 1_000_000 + self.days
        same = ~self.first[1:]
        names_once = len(set(names[self.first])) == int(self.first.sum())
        if not names_once or np.any(np.diff(self.days)[same] <= 0):
            raise InputError(
                "the score history is not sorted by account and date, or has a reading twice.",
                column="account_id, as_of",
                fix="Bring it into shape with churnbench.domain.score_history.as_history.",
            )
        self._numbers: dict[str, Floats] = {}

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def spacing(self) -> float:
        """Median days between neighbouring readings of an account; NaN with one reading each."""
        steps = np.diff(self.days)[~self.first[1:]]
        return float(np.median(steps)) if len(steps) else float("nan")

    @cached_property
    def renewal(self) -> tuple[Floats, Integers]:
        """Days from the reading to the renewal (NaN unknown, negative past), and the renewal as a day number."""
        due = self.frame["renewal_on"].to_numpy().astype("datetime64[D]")
        known = ~np.isnat(due)
        number = np.where(known, due, np.datetime64(0, "D")).astype(np.int64)
        return np.where(known, number - self.days, np.nan).astype(np.float64), number

    def sees(self, days: int) -> bool:
        """Whether readings are close enough together to show what happens within a window of days."""
        return not self.spacing > _SPARSE * days

    def number(self, column: str) -> Floats:
        """A column as floats, NaN for missing.

        Raises:
            TypeError, ValueError: for a column of words.
        """
        if column not in self._numbers:
            values = self.frame[column]
            self._numbers[column] = np.asarray(values.astype("Float64").astype(float), dtype=np.float64)
        return self._numbers[column]

    def words(self, column: str) -> Words:
        """A column as text, None for missing."""
        if column not in self._words:
            self._words[column] = self.frame[column].to_numpy(dtype=object)
        return self._words[column]

    def back(self, days: int) -> Integers:
        """Row of the newest reading at or before the date so many days back, -1 where there is none.

        A reading from before twice the window is none: what happened within the window cannot be told from it.
        """
        found = np.searchsorted(self._key, self._key - days, side="right") - 1
        found = np.where(found < 0, 0, found)
        fits = (self.codes[found] == self.codes) & (self.days[found] <= self.days - days)
        fits &= self.days - self.days[found] <= _STALE * days
        return np.where(fits, found, -1)

    def known_before(self, values: Floats) -> Integers:
        """Row of the account's last earlier reading with a value, -1 where there is none."""
        return self.last_true(~np.isnan(values), earlier=True)

    def last_true(self, flag: Bools, *, earlier: bool = False) -> Integers:
        """Row of the account's newest reading where a flag holds, up to this one or only before it; -1 without."""
        rows = np.arange(len(self))
        marked = np.where(flag, rows, -1)
        if earlier:
            marked = np.append(-1, marked[:-1])[: len(rows)]
        latest = np.maximum.accumulate(marked) if len(rows) else marked
        own = (latest >= 0) & (self.codes[np.maximum(latest, 0)] == self.codes)
        return np.where(own, latest, -1)

    def at(self, values: Floats, rows: Integers) -> Floats:
        """Values of other rows; NaN where there is none (-1)."""
        return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)
