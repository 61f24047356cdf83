"""Which snapshots were followed by a treatment before their outcome was settled, and how probable that was."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.domain.cohort import OutcomeWindow
from churnbench.interventions.log import InterventionLog


def exposure(rows: pd.DataFrame, log: InterventionLog, window: OutcomeWindow) -> pd.DataFrame:
    """What the log says about the outcome windows of snapshots.

    A row is exposed from the day after its as-of date until its churn, or the end of its window: a treatment after the
    churn can have changed nothing. Treatments under way on the as-of date belong to the past of a row.

    Args:
        rows: account_id, as_of, y, churned_on of labelled rows (n of them, any index).
        log: interventions known by the date that outcomes are complete up to.
        window: gap and horizon.

    Returns:
        Same index: treated (bool), whether a treatment began while the row was exposed; treated_after (float days from
        as_of to the first one, NaN without); stay (float 0-1), the known probability of having met no treatment
        until the first one or the end, a product over the entries whose propensity is known; unknown (bool), whether
        an entry without a known propensity came first or on the way; decisions (int), entries met on the way;
        under_way (bool), whether an earlier treatment of the account began within one window before as_of.
    """
    days = window.gap_days + window.horizon_days
    keyed = rows[["account_id", "as_of"]].assign(
        place=np.arange(len(rows)), until=_until(rows, days), account_id=rows["account_id"].astype(str)
    )
    entries = log.entries[["account_id", "started_on", "propensity", "treated"]]
    met = keyed.merge(entries, on="account_id").sort_values(["place", "started_on"], kind="stable")
    met["treated"] = met["treated"].astype(bool)
    earlier = met[met["treated"] & (met["started_on"] <= met["as_of"])]
    recent = earlier["place"][(earlier["as_of"] - earlier["started_on"]).dt.days < days]
    met = met[(met["started_on"] > met["as_of"]) & (met["started_on"] <= met["until"])]
    first = met[met["treated"]].groupby("place")["started_on"].first()
    ends = first.reindex(met["place"].to_numpy()).to_numpy().astype("datetime64[us]")
    met = met[np.isnat(ends) | (met["started_on"].to_numpy() <= ends)]
    by_row = pd.DataFrame(
        {"place": met["place"], "stay": (1.0 - met["propensity"]).fillna(1.0), "unknown": met["propensity"].isna()}
    ).groupby("place")
    every = pd.RangeIndex(len(rows))
    begun = first.reindex(every).to_numpy().astype("datetime64[us]")
    after = (begun - keyed["as_of"].to_numpy()) / np.timedelta64(1, "D")
    treated = ~np.isnan(after)
    return pd.DataFrame(
        {
            "treated": treated,
            "treated_after": after,
            "stay": by_row["stay"].prod().reindex(every, fill_value=1.0).to_numpy(dtype=float),
            "unknown": by_row["unknown"].any().reindex(every, fill_value=False).to_numpy(dtype=bool),
            "decisions": by_row.size().reindex(every, fill_value=0).to_numpy(dtype=int),
            "under_way": np.isin(np.arange(len(rows)), recent),
        },
        index=rows.index,
    )


def _until(rows: pd.DataFrame, days: int) -> pd.Series:
    """Last day on which a treatment could still change the outcome of a row."""
    end = rows["as_of"] + pd.Timedelta(days=days)
    return end.where(~((rows["y"] == 1) & rows["churned_on"].notna()), rows["churned_on"])
