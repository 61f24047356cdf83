"""What a planted leak may change: the tables that a company would export, and when accounts leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.data.world_metrics import Array

#: Days after an as-of date that the default outcome window reaches: gap 14 and horizon 90.
WINDOW_DAYS = 104


@dataclass(frozen=True, eq=False)
class Tables:
    """The exported tables of a world, as a leak finds them.

    Attributes:
        snapshots: one row per account and month end; see `World`.
        outcomes: dated outcomes; see `World`.
        accounts: one row per account; see `World`.
        churn_time: account_id -> true day of the voluntary churn (notice or end), of accounts that left.
    """

    snapshots: pd.DataFrame
    outcomes: pd.DataFrame
    accounts: pd.DataFrame
    churn_time: pd.Series

    @classmethod
    def exported(cls, snapshots: pd.DataFrame, outcomes: pd.DataFrame, accounts: pd.DataFrame) -> Tables:
        """Clean tables; the churn time is read off the outcomes before anything happens to them."""
        churn = outcomes[(outcomes["kind"] == "churn") & (outcomes["voluntary"] == 1)]
        return cls(snapshots, outcomes, accounts, churn.set_index("account_id")[["churned_on", "known_on"]].min(axis=1))

    @property
    def left_on(self) -> pd.Series:
        """Churn day per snapshot row, NaT when the account stays; index of the snapshots."""
        days = self.churn_time.reindex(self.snapshots["account_id"]).to_numpy()
        return pd.Series(days.astype("datetime64[ns]"), index=self.snapshots.index)

    @property
    def days_left(self) -> Array:
        """Days from each snapshot row to the account's churn, shape (rows,); NaN when it stays."""
        left = (self.left_on - self.snapshots["as_of"]).dt.days
        return np.asarray(left.to_numpy(dtype=np.float64, na_value=np.nan))

    def leavers(self, share: float, rng: np.random.Generator) -> pd.Index:
        """A random share of the accounts that leave."""
        return self.churn_time.index[rng.random(len(self.churn_time)) < share]
