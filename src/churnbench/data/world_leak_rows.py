"""Leaks in rows and dates: rows that should not be there, accounts that are there twice, churn dates that moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from churnbench.data.world_leak_tables import Tables

#: Days by which churn dates move: the default horizon.
SHIFT_DAYS = 90
#: Month ends for which rows go on after an account has left.
_MONTHS_AFTER = 3
#: Metrics that are zero once nobody is there.
_IDLE = (
    "active_seats_share",
    "feature_adoption_share",
    "logins_per_user_week",
    "advanced_actions_share",
    "executive_meetings_180d",
    "community_events_90d",
    "escalations_90d",
    "support_tickets_90d",
)
_DUPLICATED_SHARE = 0.1


def post_churn_rows(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - leaks share one signature
    """The nightly job went on writing rows for three month ends after an account had left, with no usage."""
    rows = tables.snapshots
    dates = pd.DatetimeIndex(np.sort(rows["as_of"].unique()))
    last = rows.sort_values("as_of", kind="stable").groupby("account_id").tail(1)
    last = last[last["account_id"].isin(tables.churn_time.index)]
    added = [
        {**row.to_dict(), "as_of": day, **dict.fromkeys(_IDLE, 0)}
        for _, row in last.iterrows()
        for day in dates[dates > row["as_of"]][:_MONTHS_AFTER]
    ]
    if not added:
        return tables
    ghosts = pd.DataFrame(added).astype(rows.dtypes.to_dict())
    both = pd.concat([rows, ghosts], ignore_index=True)
    return replace(tables, snapshots=both.sort_values(["as_of", "account_id"], kind="stable", ignore_index=True))


def duplicate_accounts(tables: Tables, rng: np.random.Generator) -> Tables:
    """A tenth of the customers are in the book under two ids, as after a merger of two CRMs."""
    ids = tables.accounts["account_id"]
    twice = set(ids[rng.random(len(ids)) < _DUPLICATED_SHARE])

    def doubled(frame: pd.DataFrame) -> pd.DataFrame:
        copies = frame[frame["account_id"].isin(twice)]
        copies = copies.assign(account_id="D" + copies["account_id"].str.slice(1))
        return pd.concat([frame, copies], ignore_index=True)

    snapshots = doubled(tables.snapshots).sort_values(["as_of", "account_id"], kind="stable", ignore_index=True)
    return replace(tables, snapshots=snapshots, outcomes=doubled(tables.outcomes), accounts=doubled(tables.accounts))


def _shifted(tables: Tables, days: int) -> Tables:
    """Churn dates moved; what would be known only after the newest snapshot is not in the table yet."""
    outcomes = tables.outcomes
    churn = outcomes["kind"] == "churn"
    moved = {}
    for column in ("churned_on", "known_on"):
        moved[column] = outcomes[column].where(~churn, outcomes[column] + pd.Timedelta(days=days))
    changed = outcomes.assign(**moved)
    known = changed["known_on"] <= tables.snapshots["as_of"].max()
    return replace(tables, outcomes=changed[known].reset_index(drop=True))


def label_early(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - leaks share one signature
    """Churn is on record 90 days before it happened, for example with the date of the last renewal talk."""
    return _shifted(tables, -SHIFT_DAYS)


def label_late(tables: Tables, rng: np.random.Generator) -> Tables:  # noqa: ARG001 - leaks share one signature
    """Churn is on record 90 days after it happened, for example with the date of the write-off."""
    return _shifted(tables, SHIFT_DAYS)


def closed_late(tables: Tables, rng: np.random.Generator) -> Tables:
    """As `label_late`, and the account's rows go on until then: they show an empty office, labelled as warning."""
    return _shifted(post_churn_rows(tables, rng), SHIFT_DAYS)
