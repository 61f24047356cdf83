"""Snapshots of churners at one lead time, beside snapshots of accounts that stayed.

A case is a snapshot so many days before its account's churn. A control is a labelled snapshot without an event
for 180 days (or as long as the lead time asked for). Controls are weighted to the cases' mix of dates, and of
whatever else the caller wants held equal, so that seasons and renewals do not count as warnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: `(from, to]` days before the churn.
Bucket = tuple[int, int]
#: Lead times of a profile.
BUCKETS: tuple[Bucket, ...] = ((0, 30), (30, 60), (60, 90), (90, 180))
#: Days without an event that make a control.
CLEAR_DAYS = 180
#: Distinct churned accounts below which a lead time says too little.
MIN_CASES = 20
#: Share of the churned accounts that controls watched for `CLEAR_DAYS` must leave matched.
_KEPT_CASES = 0.75


@dataclass(frozen=True, eq=False)
class Matched:
    """Cases at one lead time and their controls.

    Attributes:
        rows: shape (n,), which rows of the panel are used.
        outcome: shape (rows used,), 1 for cases, 0 for controls.
        weight: shape (rows used,), 1 for cases; controls are weighted to the cases' mix of groups.
        events: distinct churned accounts among the cases.
    """

    rows: Bools
    outcome: Floats
    weight: Floats
    events: int


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows among which cases and controls are sought; all arrays have one entry per row.

    Attributes:
        codes: account as a small integer.
        days: days until the churn, NaN when none is known.
        group: what a control must share with a case, as a small integer.
        case: whether the row may be a case.
        control: whether the row may be a control.
        watched: whether the account was watched for `CLEAR_DAYS` after the row.
    """

    codes: Integers
    days: Floats
    group: Integers
    case: Bools
    control: Bools
    watched: Bools

    def within(self, bucket: Bucket) -> Bools:
        """Rows at one lead time, shape (n,)."""
        return (self.days > bucket[0]) & (self.days <= bucket[1])

    def events(self, rows: Bools) -> int:
        """Distinct accounts among some rows."""
        return len(np.unique(self.codes[rows]))

    def match(self, known: Bools, bucket: Bucket, *, min_cases: int = MIN_CASES) -> Matched | None:
        """Cases and controls for one lead time.

        Args:
            known: shape (n,), rows that carry a value.
            bucket: `(from, to]` days before the churn.
            min_cases: distinct churned accounts needed.

        Returns:
            The match, or `None` with fewer churned accounts than needed. Cases without any control in their
            group are left out.
        """
        case = known & self.case & self.within(bucket)
        control = known & self.control & ~(self.days <= max(CLEAR_DAYS, bucket[1]))
        watched = control & self.watched
        size = int(self.group.max(initial=-1)) + 1
        cases = np.bincount(self.group[case], minlength=size)
        controls = np.bincount(self.group[control], minlength=size)
        beside = np.bincount(self.group[watched], minlength=size)
        kept, possible = (self.events(case & (others[self.group] > 0)) for others in (beside, controls))
        # Short histories: a mature label without an event has to do, where few controls or few cases would be left.
        if watched.sum() >= control.sum() / 2.0 and kept >= _KEPT_CASES * possible:
            control, controls = watched, beside
        case &= controls[self.group] > 0
        events = self.events(case)
        if events < max(1, min_cases):
            return None
        share = np.divide(cases, controls, out=np.zeros(size), where=controls > 0)
        weight = np.where(case, 1.0, share[self.group])
        rows = case | (control & (weight > 0.0))
        return Matched(rows, case[rows].astype(np.float64), weight[rows], events)


def days_until(later: pd.Series, earlier: pd.Series) -> Floats:
    """Days from one date to another, NaN where either is unknown, shape (n,)."""
    lead = later - earlier
    return np.asarray(lead.dt.total_seconds().to_numpy(dtype=np.float64) / 86_400.0)


def codes_of(columns: Sequence[npt.ArrayLike | pd.Series]) -> Integers:
    """One small integer per distinct combination of values, shape (n,).

    >>> codes_of([["a", "a", "b"], [1, 2, 1]]).tolist()
    [0, 1, 2]
    """
    code = np.zeros(len(pd.Series(columns[0])), dtype=np.int64)
    for column in columns:
        part, names = pd.factorize(pd.Series(column), sort=True, use_na_sentinel=False)
        code = np.asarray(pd.factorize(code * len(names) + part, sort=True)[0], dtype=np.int64)
    return code
