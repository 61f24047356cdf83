"""Leaks inside a metric column: values that were written, rewritten or averaged with knowledge of the future.

Only columns of the preset are touched, so that the preset meets the leak.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from churnbench.data.world_leak_tables import WINDOW_DAYS, Tables

#: Usage that a warehouse recomputes, and how many months ahead its moving average looks.
_RESTATED = ("active_seats_share", "feature_adoption_share", "logins_per_user_week")
_RESTATED_MONTHS = 3


def _with(tables: Tables, **columns: pd.Series) -> Tables:
    return replace(tables, snapshots=tables.snapshots.assign(**columns))


def footprint(tables: Tables, rng: np.random.Generator) -> Tables:
    """The act of leaving shows in the last 30 days: seats and logins collapse, and nothing before does."""
    rows = tables.snapshots
    near = tables.days_left <= 30
    changed = {}
    for column in ("active_seats_share", "logins_per_user_week"):
        fallen = np.round(rows[column] * rng.uniform(0.0, 0.15, len(rows)), 3)
        changed[column] = rows[column].where(~near, fallen)
    return _with(tables, **changed)


def backfill(tables: Tables, rng: np.random.Generator) -> Tables:
    """Half of the churned accounts had their CSM rating rewritten, after the fact, for the last 180 days."""
    rows = tables.snapshots
    accounts = rows["account_id"].unique()
    rewritten = set(accounts[rng.random(len(accounts)) < 0.5])
    hit = (tables.days_left <= 180) & rows["account_id"].isin(rewritten).to_numpy()
    low = np.round(rng.uniform(1.0, 1.6, len(rows)), 1)
    return _with(tables, touchpoint_quality=rows["touchpoint_quality"].where(~hit, low))


def full(tables: Tables, rng: np.random.Generator) -> Tables:
    """Ticket tone was taken from the cancellation call: it states the outcome of the coming window."""
    leaves = tables.days_left <= WINDOW_DAYS
    tone = pd.Series(np.where(leaves, -0.8, 0.4), index=tables.snapshots.index) + 0.1 * rng.standard_normal(len(leaves))
    return _with(tables, ticket_tone=tone.clip(-1.0, 1.0).round(2))


def current_state(tables: Tables, rng: np.random.Generator) -> Tables:
    """Utilisation was read from today's contract table and stamped on every past row."""
    rows = tables.snapshots
    last = rows.groupby("account_id")["contract_utilisation"].transform("last")
    today = last.where(tables.left_on.isna(), last * rng.uniform(0.0, 0.3, len(rows)))
    # One value per account is the very mark of this mistake.
    return _with(tables, contract_utilisation=today.groupby(rows["account_id"]).transform("last").round(2))


def restated_history(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - leaks share one signature
    """The warehouse restates past usage: each month becomes the mean of itself and the two months after it.

    A month in which the account is gone counts as no usage, so that leaving is seen two months ahead.
    """
    rows = tables.snapshots
    order = rows.sort_values(["account_id", "as_of"], kind="stable").index
    by_account = rows.loc[order].groupby("account_id", sort=False)
    gone = tables.left_on.loc[order].notna()
    changed = {}
    for column in _RESTATED:
        total = rows.loc[order, column].astype(float)
        count = pd.Series(1.0, index=order)
        for ahead in range(1, _RESTATED_MONTHS):
            later = by_account[column].shift(-ahead).astype(float)
            total = total + later.fillna(0.0)
            count = count + (later.notna() | gone)
        changed[column] = (total / count).round(3).reindex(rows.index)
    return _with(tables, **changed)


def whole_period(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - leaks share one signature
    """Feature adoption is the account's mean over all of its history, months after the as-of date included."""
    rows = tables.snapshots
    mean = rows.groupby("account_id")["feature_adoption_share"].transform("mean")
    return _with(tables, feature_adoption_share=mean.round(3))
