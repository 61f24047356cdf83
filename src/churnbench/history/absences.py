"""When accounts were away: frozen from their churn date on, scored again from the day on which they came back.

Both are entries of the log of outcomes, which is only ever appended to; a correction is a further entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.history.backend import Entry

_LEAST_REASON = 10
#: Kinds of outcomes that freeze an account, and that end it.
_KINDS = ("churn", "reactivation")


@dataclass(frozen=True)
class Absence:
    """An account was no customer from `churned_on` until the day before `returned_on`; None: it has not come back."""

    churned_on: date
    returned_on: date | None = None


@dataclass(frozen=True)
class Frozen:
    """What `ScoreStore.freeze` entered: accounts newly frozen (or a date corrected), and those that returned."""

    churned: int
    returned: int


def absences(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Absence]]:
    """Account -> its absences, oldest first, from the log of outcomes.

    >>> log = [{"account_id": "A1", "churned_on": "2025-06-01"}, {"account_id": "A1", "returned_on": "2025-09-01"}]
    >>> absences(log)["A1"]
    [Absence(churned_on=datetime.date(2025, 6, 1), returned_on=datetime.date(2025, 9, 1))]
    """
    found: dict[str, list[Absence]] = {}
    for entry in entries:
        _apply(found.setdefault(entry["account_id"], []), entry)
    return found


def away(frame: pd.DataFrame, known: Mapping[str, Sequence[Absence]]) -> npt.NDArray[np.bool_]:
    """Whether each reading lies in an absence of its account.

    Args:
        frame: account_id, as_of.
        known: from `absences`.
    """
    inside = np.zeros(len(frame), dtype=bool)
    met = {name: known[name] for name in frame["account_id"].unique() if name in known}
    for number in range(max(map(len, met.values()), default=0)):
        some = {account: gone[number] for account, gone in met.items() if len(gone) > number}
        start = pd.to_datetime(frame["account_id"].map({name: one.churned_on for name, one in some.items()}))
        ends = {name: one.returned_on for name, one in some.items() if one.returned_on is not None}
        back = pd.to_datetime(frame["account_id"].map(ends)) if ends else pd.Series(pd.NaT, index=frame.index)
        inside |= ((frame["as_of"] >= start) & ~(frame["as_of"] >= back)).to_numpy(dtype=bool)
    return inside


def new_outcomes(
    outcomes: pd.DataFrame, known: Mapping[str, Sequence[Absence]], today: date, reason: str | None
) -> list[Entry]:
    """Entries for churns and returns that the store does not know yet.

    Args:
        outcomes: account_id, churned_on and optionally kind; only "churn" (or none) freezes, and "reactivation" with
            its day in churned_on ends it. Of several churns without a return between them the earliest counts.
        known: from `absences`.
        today: day of the entry.
        reason: why a known date changes.

    Raises:
        InputError: a date that is none, or another date for a churn or return that is known, without a reason.
    """
    churns, backs = _dated(outcomes)
    entries: list[Entry] = []
    for account in sorted(churns):
        before = list(known.get(account, ()))
        # A list of churns alone does not take back the returns that are on record.
        back = backs.get(account) or {one.returned_on for one in before if one.returned_on}
        for given in _stays(sorted(churns[account]), sorted(back)):
            for entry in _differing(account, given, before, reason):
                entries.append({**entry, "told_on": today.isoformat()})
                _apply(before, entry)
    return entries


def _dated(outcomes: pd.DataFrame) -> tuple[dict[str, set[date]], dict[str, set[date]]]:
    """Account -> days of its churns, and account -> days of its returns."""
    for name in ("account_id", "churned_on"):
        if name not in outcomes:
            raise InputError(f"the outcomes have no column {name}.", column=name, fix="Give account_id, churned_on.")
    kind = (
        outcomes["kind"].astype(object) if "kind" in outcomes else pd.Series(None, index=outcomes.index, dtype=object)
    )
    kind = kind.where(kind.notna(), "churn").astype(str).str.strip().str.lower().replace("", "churn")
    rows = outcomes.loc[kind.isin(_KINDS)]
    when = pd.to_datetime(rows["churned_on"], errors="coerce")
    if when.isna().any():
        row = int(when.isna().to_numpy().argmax())
        raise InputError(
            f"{rows['churned_on'].iloc[row]!r} is not a date.", column="churned_on", fix="Write it like 2026-01-31."
        )
    found: dict[str, dict[str, set[date]]] = {name: {} for name in _KINDS}
    for account, name, day in zip(rows["account_id"].astype(str), kind[rows.index], when, strict=True):
        found[name].setdefault(account, set()).add(day.date())
    return found["churn"], found["reactivation"]


def _stays(churns: Sequence[date], backs: Sequence[date]) -> list[Absence]:
    """Absences that ascending dates of one account describe."""
    found: list[Absence] = []
    for day in churns:
        gone = found[-1] if found else None
        if gone is not None and (gone.returned_on is None or day < gone.returned_on):
            continue
        found.append(Absence(day, next((back for back in backs if back > day), None)))
    return found


def _differing(account: str, given: Absence, known: Sequence[Absence], reason: str | None) -> list[Entry]:
    """Entries that bring what is known to one given absence."""
    entries: list[Entry] = []
    place = _place(known, given.churned_on)
    held = known[place] if place < len(known) else None
    if given.churned_on not in {one.churned_on for one in known}:
        was = None if held is None else f"account {account!r} is frozen since {held.churned_on}"
        said = _said(was, f"{given.churned_on} arrived as its churn date", reason)
        entries.append({"account_id": account, "churned_on": given.churned_on.isoformat(), **said})
    held = next((one for one in known if one.churned_on == given.churned_on), held)
    returned = None if held is None else held.returned_on
    if given.returned_on is not None and given.returned_on != returned:
        was = None if returned is None else f"account {account!r} is back since {returned}"
        said = _said(was, f"{given.returned_on} arrived as the day of its return", reason)
        entries.append({"account_id": account, "returned_on": given.returned_on.isoformat(), **said})
    return entries


def _said(known: str | None, arrived: str, reason: str | None) -> dict[str, str]:
    """The reason of a correction; nothing where nothing was known."""
    if known is None:
        return {}
    if len((reason or "").strip()) < _LEAST_REASON:
        raise InputError(
            f"{known}; {arrived}.",
            column="churned_on",
            fix="If the date was corrected, say so with --reason (at least 10 characters).",
        )
    return {"reason": str(reason)}


def _place(known: Sequence[Absence], churned_on: date) -> int:
    """Which absence a churn date belongs to: the first that had not ended by then, else a new one."""
    open_then = (k for k, one in enumerate(known) if one.returned_on is None or churned_on < one.returned_on)
    return next(open_then, len(known))


def _apply(known: list[Absence], entry: Mapping[str, Any]) -> None:
    """Lay one entry over the absences of its account."""
    if "returned_on" in entry:
        back = date.fromisoformat(entry["returned_on"])
        place = max((k for k, one in enumerate(known) if one.churned_on < back), default=None)
        if place is not None:
            known[place] = Absence(known[place].churned_on, back)
        return
    day = date.fromisoformat(entry["churned_on"])
    place = _place(known, day)
    known[place : place + 1] = [Absence(day, known[place].returned_on if place < len(known) else None)]
