"""Splits by date with a purge that follows from the outcome window, never typed in by hand.

A training row may be used at an origin only if its label was known by then:
`as_of + gap + horizon + settle <= origin`. Rows count from the origin on as test rows. The last two mature
quarters are the holdout; walk-forward folds end early enough that every one of their labels was known before
the holdout began, so that whatever is chosen on them is chosen strictly before it.

For cross-sectional tables there is no time; accounts are dealt to folds at random, classes in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError

Role = Literal["walk-forward", "holdout", "cross-validation"]
#: Below this many distinct churned accounts in training the holdout shrinks to one quarter.
_EVENTS_FOR_LONG_HOLDOUT = 20
_MONTHS_PER_QUARTER = 3


@dataclass(frozen=True, eq=False)
class Fold:
    """One origin: rows to learn from and rows to be tested on, as index labels of the cohort frame.

    Attributes:
        name: "2024-09-30" for dated folds, "part 1" for cross-validation.
        origin: first test date; None when cross-sectional.
        train_rows: index labels whose label was known at the origin.
        test_rows: index labels from the origin on.
        role: what the fold is for.
    """

    name: str
    origin: pd.Timestamp | None
    train_rows: np.ndarray
    test_rows: np.ndarray
    role: Role


def distinct_events(frame: pd.DataFrame) -> int:
    """Distinct churned accounts among labelled rows; an event is an account, never a row."""
    return int(frame.loc[frame["y"] == 1, "account_id"].nunique())


def _fold(rows: pd.DataFrame, test: pd.DataFrame, role: Role, rolling_months: int | None) -> Fold:
    origin = pd.Timestamp(test["as_of"].min())
    known = rows[rows["matures_on"] <= origin]
    if rolling_months is not None:
        known = known[known["as_of"] > origin - pd.DateOffset(months=rolling_months)]
    return Fold(f"{origin:%Y-%m-%d}", origin, known.index.to_numpy(), test.index.to_numpy(), role)


def _block(rows: pd.DataFrame, end: pd.Timestamp, months: int) -> pd.DataFrame:
    start = end - pd.DateOffset(months=months)
    # Month ends differ in length (30 June minus 3 months is 30 March, whose month end is the 31st);
    # a few days of tolerance keep one snapshot from falling into two blocks.
    return rows[(rows["as_of"] > start + pd.Timedelta(days=4)) & (rows["as_of"] <= end)]


def _usable(rows: pd.DataFrame, fold: Fold, min_events: int) -> bool:
    training = rows.loc[fold.train_rows]
    return len(fold.test_rows) > 0 and distinct_events(training) >= min_events and training["y"].nunique() == 2


def walk_forward(
    cohort: Cohort,
    *,
    holdout_quarters: int = 2,
    step_months: int = _MONTHS_PER_QUARTER,
    min_train_events: int = 10,
    rolling_months: int | None = None,
) -> tuple[Fold, ...]:
    """Quarterly folds in time order, the holdout last.

    Args:
        cohort: dated, labelled snapshots.
        holdout_quarters: length of the untouched end, in quarters of three months.
        step_months: months between two origins.
        min_train_events: an origin with fewer distinct churned accounts to learn from is left out.
        rolling_months: learn from this many months only; None learns from all that is known.

    Raises:
        InputError: when no row has a label that was known before the last quarter began.
    """
    rows = cohort.labelled()
    if rows.empty:
        raise InputError("no snapshot has a mature label.", fix="Check data_through, gap_days and horizon_days.")
    last = pd.Timestamp(rows["as_of"].max())
    holdout = None
    for quarters in range(holdout_quarters, 0, -1):
        holdout = _fold(rows, _block(rows, last, _MONTHS_PER_QUARTER * quarters), "holdout", rolling_months)
        if distinct_events(rows.loc[holdout.train_rows]) >= _EVENTS_FOR_LONG_HOLDOUT:
            break
    if holdout is None or holdout.origin is None or len(holdout.train_rows) == 0:
        window = cohort.window
        days = window.label_days if window else 0
        raise InputError(
            f"the history is too short to train and test: snapshots with mature labels run from "
            f"{rows['as_of'].min():%Y-%m-%d} to {last:%Y-%m-%d}, and a label is known {days} days after its snapshot.",
            fix=f"At least {days + 92} days between the first and the last mature snapshot are needed; add older "
            "snapshots, or shorten horizon_days.",
        )
    folds = [holdout]
    known = rows[rows["matures_on"] <= holdout.origin]
    while len(known):
        end = pd.Timestamp(known["as_of"].max())
        block = _block(known, end, step_months)
        fold = _fold(rows, block, "walk-forward", rolling_months)
        if not _usable(rows, fold, min_train_events):
            break
        folds.append(fold)
        known = known[known["as_of"] < block["as_of"].min()]
    return tuple(reversed(folds))


def cross_validation(cohort: Cohort, *, parts: int = 5, seed: int = 0) -> tuple[Fold, ...]:
    """Deal accounts of a cross-sectional table to `parts` folds, churned and kept in proportion.

    Args:
        cohort: labelled rows without dates.
        parts: number of folds; fewer when either class has fewer accounts.
        seed: seed of the dealing.

    Raises:
        InputError: when a class has a single account, so that it can be learned from or tested but not both.
    """
    rows = cohort.labelled()
    churned = rows.groupby("account_id")["y"].max()
    fewest = int(min((churned == 1).sum(), (churned == 0).sum()))
    if fewest == 1:
        raise InputError(
            f"of {len(churned):,} accounts only one has {'churned' if (churned == 1).sum() == 1 else 'stayed'}: "
            "nothing can be learned and tested.",
            fix="Add accounts; each class needs at least two, and about 20 churned ones before weights mean anything.",
        )
    # A single class is left to the sanity check, which says so.
    parts = min(parts, fewest) if fewest else parts
    assigned = deal_accounts(rows, parts=parts, seed=seed)
    index = rows.index.to_numpy()
    return tuple(
        Fold(f"part {part + 1}", None, index[assigned != part], index[assigned == part], "cross-validation")
        for part in range(parts)
    )


def deal_accounts(rows: pd.DataFrame, *, parts: int, seed: int) -> np.ndarray:
    """Part number 0..parts-1 per row; all rows of an account fall into one part, classes in proportion."""
    churned = rows.groupby("account_id", sort=True)["y"].max()
    generator = np.random.default_rng(seed)
    part = pd.Series(0, index=churned.index)
    for label in (0.0, 1.0):
        accounts = churned.index[churned == label]
        part.loc[accounts] = generator.permutation(np.arange(len(accounts)) % parts)
    return part.loc[rows["account_id"]].to_numpy()


def inner_folds(
    rows: pd.DataFrame, *, dated: bool, parts: int = 3, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds inside training for tuning, calibration and SHAP: pairs of positions (learn, predict).

    Dated rows are chained forward: the later ~60 % of the dates are cut into `parts` blocks and each block is
    predicted from rows whose label was known when it began. Blocks that cannot be learnt from are left out; when
    none is left (short history) accounts are dealt at random instead, which is still out-of-account.
    """
    if dated:
        chained = _chained(rows, parts)
        if chained:
            return chained
    assigned = deal_accounts(rows, parts=parts, seed=seed)
    return [
        (np.flatnonzero(assigned != part), np.flatnonzero(assigned == part))
        for part in range(parts)
        if rows.loc[assigned != part, "y"].nunique() == 2 and (assigned == part).any()
    ]


def held_out_folds(
    rows: pd.DataFrame, folds: list[tuple[np.ndarray, np.ndarray]], *, dated: bool, parts: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds for recalibration and cut-offs: the rows that `folds` predict, each from all rows of other accounts.

    A fit on the first third of a history separates accounts worse than the final one, by an amount that differs from
    fold to fold; probabilities calibrated on it inherit that. Fits that lack a fifth of the accounts are nearly the
    final fit (decision 0009). Nothing is tuned on these folds, and all of them lie before the holdout.

    Args:
        rows: training rows.
        folds: from `inner_folds`.
        dated: whether the rows carry dates; without, `folds` deal accounts already.
        parts: number of groups of accounts.
        seed: of the dealing.
    """
    if not dated or not folds:
        return folds
    predicted = np.sort(np.concatenate([predict for _, predict in folds]))
    assigned = deal_accounts(rows, parts=parts, seed=seed)
    found = [(np.flatnonzero(assigned != part), predicted[assigned[predicted] == part]) for part in range(parts)]
    y = rows["y"].to_numpy()
    learnable = all(len(set(y[learn])) == 2 for learn, _ in found)
    return [fold for fold in found if len(fold[1])] if learnable else folds


def _chained(rows: pd.DataFrame, parts: int) -> list[tuple[np.ndarray, np.ndarray]]:
    as_of, matures = rows["as_of"].to_numpy(), rows["matures_on"].to_numpy()
    y, accounts = rows["y"].to_numpy(), rows["account_id"].to_numpy()
    dates = np.unique(as_of)
    first_known = np.searchsorted(dates, np.sort(np.unique(matures))[0])
    start = max(int(len(dates) * 0.4), int(first_known))
    folds = []
    for block in np.array_split(dates[start:], parts):
        if len(block) == 0:
            continue
        learn = np.flatnonzero(matures <= block[0])
        predict = np.flatnonzero((as_of >= block[0]) & (as_of <= block[-1]))
        events = len(set(accounts[learn][y[learn] == 1]))
        if events >= 5 and (y[learn] == 0).any() and (y[predict] == 1).any():
            folds.append((learn, predict))
    return folds
