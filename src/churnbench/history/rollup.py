"""Scores of parents: their family's scores weighted by ARR, over as many levels as there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
COLUMNS = (
    "account_id", "rolled_up_x100", "own_x100", "accounts", "scored", "excluded", "arr", "arr_scored", "lowest_x100",
    "lowest_account",
)  # fmt: skip


def roll_up(readings: pd.DataFrame) -> pd.DataFrame:
    """Health of every account that has children.

    A parent's figure is the mean over itself and all accounts below it, weighted by ARR. An account without a score, or
    without an ARR above 0, has no weight; it is left out and counted.

    Args:
        readings: one row per account: account_id, parent_id (None at the top), arr, health_score_x100.

    Returns:
        One row per parent, by account_id: rolled_up_x100 (Int64, NA when nobody in the family counts), own_x100,
        accounts (in the family, itself included), scored, excluded, arr (of all), arr_scored, and the lowest score of
        an account that counts, with its name.

    Raises:
        InputError: an account twice, a parent that is no account, a family that is its own ancestor (the circle is
            written out), a negative ARR.
    """
    rows = readings.reset_index(drop=True)
    ids = rows["account_id"].astype(str)
    if ids.duplicated().any():
        raise InputError(
            f"account {ids[ids.duplicated()].iloc[0]!r} arrives twice.", column="account_id", fix="Take one day."
        )
    arr = rows["arr"].to_numpy(dtype=float)
    if (arr < 0).any():
        raise InputError(
            f"account {ids[int((arr < 0).argmax())]!r} has a negative ARR.", column="arr", fix="Correct it."
        )
    parent = _parents(ids, rows["parent_id"])
    order = _top_down(ids, parent)
    score = rows["health_score_x100"].astype("Float64").to_numpy(dtype=float, na_value=np.nan).astype(np.float64)
    counts = ~np.isnan(score) & (arr > 0)
    sums = np.column_stack(
        [
            np.where(counts, arr * score, 0.0),
            np.where(counts, arr, 0.0),
            np.nan_to_num(arr),
            np.ones(len(ids)),
            counts.astype(float),
        ]
    )
    lowest = np.where(counts, score, np.inf)
    who = np.arange(len(ids))
    for k in reversed(order):
        above = parent[k]
        if above >= 0:
            sums[above] += sums[k]
            if (lowest[k], ids[who[k]]) < (lowest[above], ids[who[above]]):
                lowest[above], who[above] = lowest[k], who[k]
    heads = np.unique(parent[parent >= 0])
    return _table(ids, heads, sums, score, lowest, who)


def _table(ids: pd.Series, heads: Places, sums: Floats, score: Floats, lowest: Floats, who: Places) -> pd.DataFrame:
    weighted, weight, total, accounts, scored = sums[heads].T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.floor(weighted / weight + 0.5)
    known = np.isfinite(lowest[heads])
    made = pd.DataFrame(
        {
            "account_id": ids.to_numpy()[heads],
            "rolled_up_x100": pd.array(np.where(weight > 0, mean, np.nan)).astype("Int64"),
            "own_x100": pd.array(score[heads]).astype("Int64"),
            "accounts": accounts.astype(int),
            "scored": scored.astype(int),
            "excluded": (accounts - scored).astype(int),
            "arr": total,
            "arr_scored": weight,
            "lowest_x100": pd.array(np.where(known, lowest[heads], np.nan)).astype("Int64"),
            "lowest_account": pd.Series(ids.to_numpy()[who[heads]], dtype=object).where(known, None),
        }
    )
    return made.sort_values("account_id").reset_index(drop=True)[list(COLUMNS)]


def _parents(ids: pd.Series, named: pd.Series) -> Places:
    """Position of each account's parent, -1 at the top."""
    place = pd.Series(np.arange(len(ids)), index=ids)
    has = named.notna() & (named.astype(str).str.strip() != "")
    found = place.reindex(named.where(has).astype(object)).to_numpy(dtype=float)
    unknown = has.to_numpy() & np.isnan(found)
    if unknown.any():
        k = int(unknown.argmax())
        raise InputError(
            f"account {ids[k]!r} names the parent {named[k]!r}, which has no reading.",
            column="parent_id",
            fix="Add the parent (without a score, if it has none), or leave parent_id empty.",
        )
    return np.where(has, np.nan_to_num(found, nan=-1), -1).astype(np.intp)


def _top_down(ids: pd.Series, parent: Places) -> list[int]:
    """Positions so that every parent comes before its children.

    Raises:
        InputError: for a circle.
    """
    children: dict[int, list[int]] = {}
    for k, above in enumerate(parent):
        children.setdefault(int(above), []).append(k)
    order = list(children.get(-1, ()))
    for k in order:  # grows while it is read
        order.extend(children.get(k, ()))
    if len(order) < len(ids):
        raise InputError(
            f"a family is its own ancestor: {_circle(ids, parent, set(order))}.",
            column="parent_id",
            fix="Leave the parent_id of the topmost account empty.",
        )
    return order


def _circle(ids: pd.Series, parent: Places, reached: set[int]) -> str:
    at = next(k for k in range(len(ids)) if k not in reached)
    seen: list[int] = []
    while at not in seen:
        seen.append(at)
        at = int(parent[at])
    names = [str(ids[k]) for k in (*seen[seen.index(at) :], at)]
    return " -> ".join(names if len(names) < 8 else [*names[:6], "...", names[-1]])
