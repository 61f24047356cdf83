"""Leaks as columns of their own: proxies of the outcome that somebody added to the formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from churnbench.data.world_leak_tables import WINDOW_DAYS, Tables

_REASONS = ("Price", "Competitor", "No budget", "Product")

#: What the project file must declare so that the formula meets the column.
DECLARE_CLOSED_REASON = """
[[formula.metrics]]
id = "closed_reason"
dimension = "sentiment"
weight = 10
direction = "higher_is_healthier"
normalise = { kind = "category", map = { Price = 20, Competitor = 0, "No budget" = 30, Product = 10 } }
"""
DECLARE_GROUP_RISK = """
[[formula.metrics]]
id = "group_risk"
dimension = "financial"
weight = 20
direction = "lower_is_healthier"
normalise = { kind = "quantile" }
"""


def closed_reason(tables: Tables, rng: np.random.Generator) -> Tables:
    """The CRM asks for a reason as soon as a loss is expected: filled for 60 % of the leavers, and for them only."""
    rows = tables.snapshots
    asked = rows["account_id"].isin(tables.leavers(0.6, rng)).to_numpy() & (tables.days_left <= WINDOW_DAYS)
    told = pd.Series(rng.choice(_REASONS, len(rows)), index=rows.index, dtype=object)
    return replace(tables, snapshots=rows.assign(closed_reason=told.where(asked, None)))


def group_target_encoded(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - one signature
    """Segment, industry and channel replaced by the churn rate of their accounts over all data, own outcome included.

    About a hundred groups: among 1,200 accounts each holds about a dozen.
    """
    return _encoded(tables, ["segment", "industry", "channel"])


def segment_target_encoded(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - one signature
    """The segment replaced by the churn rate of its accounts over all data: three numbers."""
    return _encoded(tables, ["segment"])


def csm_target_encoded(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - leaks share one signature
    """The account manager replaced by the churn rate of the manager's accounts over all data."""
    return _encoded(tables, ["csm"])


def _encoded(tables: Tables, keys: list[str]) -> Tables:
    accounts = tables.accounts
    churned = accounts["account_id"].isin(tables.churn_time.index).astype(float)
    rate = churned.groupby([accounts[key] for key in keys]).transform("mean").round(4)
    rate.index = accounts["account_id"]
    rows = tables.snapshots
    return replace(tables, snapshots=rows.assign(group_risk=rows["account_id"].map(rate).astype(float)))
