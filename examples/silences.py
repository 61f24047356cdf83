"""Churn without a contract: an account has left when it has been silent for a fixed number of days."""

from __future__ import annotations

import pandas as pd


def silence_outcomes(purchases: pd.DataFrame, days: int, data_through: pd.Timestamp) -> pd.DataFrame:
    """Every silence that completes within the data, and the purchase that ends it, if any.

    Args:
        purchases: account_id and day (midnight), one row per purchase, any order.
        days: length of a silence that counts as churn.
        data_through: last day of the data; a silence that would complete later is still open and not listed.

    Returns:
        account_id, churned_on, known_on, kind: a row "churn" on the day on which the silence completes (it is
        known that day, not before), and a row "reactivation" on the day of the next purchase after it.
    """
    visits = purchases[["account_id", "day"]].drop_duplicates().sort_values(["account_id", "day"])
    following = visits.groupby("account_id")["day"].shift(-1)
    completed = visits["day"] + pd.Timedelta(days=days)
    # A purchase on the very day on which the silence would complete still prevents it.
    silent = (completed <= data_through) & ~(following <= completed)
    churn = pd.DataFrame({"account_id": visits["account_id"][silent], "churned_on": completed[silent], "kind": "churn"})
    back = silent & following.notna()
    returned = pd.DataFrame(
        {"account_id": visits["account_id"][back], "churned_on": following[back], "kind": "reactivation"}
    )
    outcomes = pd.concat([churn, returned])
    outcomes.insert(2, "known_on", outcomes["churned_on"])
    return outcomes.sort_values(["account_id", "churned_on"]).reset_index(drop=True)


def first_purchases(purchases: pd.DataFrame) -> pd.Series:
    """Day of each account's first purchase, indexed by account_id."""
    return purchases.groupby("account_id")["day"].min().rename("started_on")
