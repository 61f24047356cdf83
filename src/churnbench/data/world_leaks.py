"""Planted leaks: mistakes that real exports make, applied to a clean simulated history.

Each takes the snapshots, the churn time per row (NaT when the account stays) and a source of randomness, and
returns changed snapshots. Only columns of the preset are touched, so that the preset meets the leak.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from churnbench.data.world_metrics import Array

_WINDOW_DAYS = 104  # default gap and horizon


def _days_left(snapshots: pd.DataFrame, churn_time: pd.Series) -> Array:
    """Days from each row to the account's churn; NaN when it stays."""
    return np.asarray((churn_time - snapshots["as_of"]).dt.days.to_numpy(dtype=np.float64, na_value=np.nan))


def footprint(snapshots: pd.DataFrame, churn_time: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """The act of leaving shows in the last 30 days: seats and logins collapse, and nothing before does."""
    near = _days_left(snapshots, churn_time) <= 30
    changed = snapshots.copy()
    for column in ("active_seats_share", "logins_per_user_week"):
        fallen = np.round(snapshots[column] * rng.uniform(0.0, 0.15, len(snapshots)), 3)
        changed[column] = snapshots[column].where(~near, fallen)
    return changed


def backfill(snapshots: pd.DataFrame, churn_time: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Half of the churned accounts had their CSM rating rewritten, after the fact, for the last 180 days."""
    accounts = snapshots["account_id"].unique()
    rewritten = set(accounts[rng.random(len(accounts)) < 0.5])
    hit = (_days_left(snapshots, churn_time) <= 180) & snapshots["account_id"].isin(rewritten).to_numpy()
    changed = snapshots.copy()
    low = np.round(rng.uniform(1.0, 1.6, len(snapshots)), 1)
    changed["touchpoint_quality"] = snapshots["touchpoint_quality"].where(~hit, low)
    return changed


def full(snapshots: pd.DataFrame, churn_time: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Ticket tone was taken from the cancellation call: it states the outcome of the coming window."""
    leaves = _days_left(snapshots, churn_time) <= _WINDOW_DAYS
    changed = snapshots.copy()
    told = np.where(leaves, -0.8, 0.4) + 0.1 * rng.standard_normal(len(snapshots))
    changed["ticket_tone"] = np.round(np.clip(told, -1.0, 1.0), 2)
    return changed


def current_state(snapshots: pd.DataFrame, churn_time: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Utilisation was read from today's contract table and stamped on every past row."""
    last = snapshots.groupby("account_id")["contract_utilisation"].transform("last")
    today = last.where(churn_time.isna(), last * rng.uniform(0.0, 0.3, len(snapshots)))
    changed = snapshots.copy()
    # One value per account is the very mark of this mistake.
    changed["contract_utilisation"] = today.groupby(snapshots["account_id"]).transform("last").round(2)
    return changed


#: Kinds of leak that `simulate_world(leak=...)` can plant.
LEAKS: dict[str, Callable[[pd.DataFrame, pd.Series, np.random.Generator], pd.DataFrame]] = {
    "footprint": footprint,
    "backfill": backfill,
    "full": full,
    "current-state": current_state,
}
