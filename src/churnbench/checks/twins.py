"""Is one customer in the book under two ids?

Two accounts that show the same values in every column, on date after date, are one customer: after a merger of
two systems, say. Its churn counts twice, intervals become too narrow, and a split that keeps accounts on one
side keeps only ids there.

Small coincidences are kept out. A row can testify only when at least three of its values are rare on their
date, so that dormant accounts (all zeros, all missing) and coarse tables accuse nobody.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.checks.context import CheckContext
from churnbench.domain.findings import Finding

#: A value is rare when at most this share of the accounts of its date holds it (and at least two may).
RARE_SHARE = 0.05
#: Rare values that a row needs to testify: with dates, where it must happen again and again, and without.
RARE_VALUES = {True: 3, False: 5}
#: Dates on which twins must agree.
AGREED_DATES = 3
#: More accounts with one and the same row than this are a default, not a customer.
_LARGEST_GROUP = 4


def check_twins(context: CheckContext) -> list[Finding]:
    """Different ids with the same values in all columns, on three dates and on most that they share: review."""
    frame, dated = context.cohort.frame, context.cohort.dated
    needed = AGREED_DATES if dated else 1
    pairs = twin_pairs(frame, context.cohort.metrics, rare=RARE_VALUES[dated])
    pairs = pairs[(pairs["agreed"] >= needed) & (pairs["agreed"] > 0.5 * pairs["shared"])]
    if pairs.empty:
        return [Finding("twin-accounts", "ok", "No two accounts show the same values throughout.")]
    first = pairs.iloc[0]
    ids = len(set(pairs["left"]) | set(pairs["right"]))
    when = f" on {int(first['agreed'])} of {int(first['shared'])} dates" if dated else ""
    return [
        Finding(
            "twin-accounts",
            "review",
            f"{ids:,} of {frame['account_id'].nunique():,} accounts show the same values in all columns as another "
            f"one, e.g. `{first['left']}` and `{first['right']}`{when}. Probably they are one customer under two "
            "ids: churn counts twice, intervals are too narrow, and training may hold what is tested. Keep one id.",
        )
    ]


def twin_pairs(frame: pd.DataFrame, metrics: tuple[str, ...], *, rare: int) -> pd.DataFrame:
    """Pairs of accounts with equal rows that can testify.

    Args:
        frame: account_id, as_of and the metrics.
        metrics: columns to compare.
        rare: rare values that a row needs to testify.

    Returns:
        left, right (account ids, left < right), agreed (dates with equal rows), shared (dates on which both
        are there); sorted by agreed, most first.
    """
    empty = pd.DataFrame({"left": [], "right": [], "agreed": [], "shared": []})
    if not metrics:
        return empty
    print_of = pd.util.hash_pandas_object(frame[["as_of", *metrics]], index=False)
    sizes = print_of.map(print_of.value_counts())
    equal = ((sizes > 1) & (sizes <= _LARGEST_GROUP)).to_numpy()
    if not equal.any():
        return empty
    telling = equal & (_rare_values(frame, metrics, equal) >= rare)
    rows = pd.DataFrame({"account_id": frame["account_id"].astype(str), "print": print_of})[telling]
    both = rows.merge(rows, on="print", suffixes=("_left", "_right"))
    both = both[both["account_id_left"] < both["account_id_right"]]
    found = both.groupby(["account_id_left", "account_id_right"]).size().rename("agreed").reset_index()
    found.columns = pd.Index(["left", "right", "agreed"])
    dates = frame.groupby(frame["account_id"].astype(str))["as_of"].agg(set)
    found["shared"] = [len(dates[a] & dates[b]) for a, b in zip(found["left"], found["right"], strict=True)]
    return found.sort_values(["agreed", "left"], ascending=[False, True], kind="stable", ignore_index=True)


def _rare_values(frame: pd.DataFrame, metrics: tuple[str, ...], wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How many of a row's values are rare on its date, for wanted rows; 0 for the others. Missing is not rare."""
    date = pd.factorize(frame["as_of"], use_na_sentinel=False)[0]
    here = np.bincount(date)[date]
    rare = np.zeros(len(frame), dtype=np.int64)
    for name in metrics:
        code = pd.factorize(frame[name])[0]
        cell = date * (int(code.max()) + 2) + code + 1
        _, place, held = np.unique(cell, return_inverse=True, return_counts=True)
        few = held[place] <= np.maximum(2, RARE_SHARE * here)
        rare += wanted & (code >= 0) & few
    return rare
