"""What may be appended: nothing from the future, nothing late without a reason, no second opinion under one key."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.history.overrides import OVERRIDE_COLUMNS
from churnbench.history.schema import NOT_COMPARED

LATE_AFTER_DAYS = 7
_LEAST_REASON = 10
_DERIVED = ("band", "health_score", *OVERRIDE_COLUMNS, *NOT_COMPARED)


def refuse_future(days: list[date], today: date) -> None:
    """Refuse readings of days that have not come.

    Raises:
        InputError: naming the day.
    """
    if days and max(days) > today:
        raise InputError(
            f"a reading is dated {max(days)}, after today ({today}).",
            column="as_of",
            fix="Correct --as-of; a history holds what was known, never what is to come.",
        )


def lateness(days: list[date], newest: date | None, today: date, reason: str | None, late_after: int) -> set[date]:
    """Days that arrive out of order (before the newest day held) or back-dated (long before today).

    Args:
        days: as-of dates that arrive.
        newest: newest as-of date held.
        today: day of the append.
        reason: why, when there is one.
        late_after: days after which a reading counts as back-dated.

    Raises:
        InputError: when there are such days and no reason of at least 10 characters.
    """
    out_of_order = {day for day in days if newest is not None and day < newest}
    late = out_of_order | {day for day in days if (today - day).days > late_after}
    if late and len((reason or "").strip()) < _LEAST_REASON:
        first = min(late)
        what = f"before {newest}, the newest day held" if first in out_of_order else f"{(today - first).days} days old"
        raise InputError(
            f"the reading of {first} is {what}.",
            column="as_of",
            fix="If it is meant, say why with --reason (at least 10 characters); the rows are marked with it.",
        )
    return late


def split_known(given: pd.DataFrame, held: pd.DataFrame) -> tuple[Any, int]:
    """Which readings are new; those that are there already must be the same.

    Args:
        given: a score history of one formula.
        held: readings of the same formula and dates in the store.

    Returns:
        Whether each given row is new, and how many are there already.

    Raises:
        InputError: when a reading differs from the one that is there: account, date, column, both values.
    """
    if held.empty:
        return np.ones(len(given), dtype=bool), 0
    key = ["account_id", "as_of"]
    place = pd.Series(range(len(held)), index=pd.MultiIndex.from_frame(held[key]))
    found = place.reindex(pd.MultiIndex.from_frame(given[key])).to_numpy(dtype=float)
    there = ~np.isnan(found)
    left = given.loc[there].reset_index(drop=True)
    right = held.iloc[found[there].astype(int)].reset_index(drop=True)
    for name in left.columns:
        if name not in _DERIVED and name in right:
            _refuse_other(left, right, name)
    return ~there, int(there.sum())


def _refuse_other(left: pd.DataFrame, right: pd.DataFrame, name: str) -> None:
    a, b = left[name], right[name]
    same = (a.isna() & b.isna()) | (a == b).fillna(value=False)
    if bool(same.all()):
        return
    row = int((~same).to_numpy().argmax())
    account, day, version = left.loc[row, ["account_id", "as_of", "config_version"]]
    raise InputError(
        f"account {account!r} has a reading of {str(day)[:10]} under config "
        f"{version!s} already, and it differs: {name} is {_shown(b[row])} there, {_shown(a[row])} arrived.",
        column=name,
        fix="A history is never rewritten. Score under a new config, or leave the day as it is.",
    )


def _shown(value: Any) -> str:
    return "missing" if value is None or pd.isna(value) else repr(value.item() if hasattr(value, "item") else value)
