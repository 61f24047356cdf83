"""How much of each band was treated, and the warnings that follow from it."""

from __future__ import annotations

from typing import Any

import pandas as pd

#: Above this share of a band's snapshots, its churn rate says more about the care than about the risk.
MAX_TREATED = 0.30
#: Bands and periods with fewer accounts are shown and never warned about.
MIN_ACCOUNTS = 10
ALL = "all"


def treated_shares(rows: pd.DataFrame, exposed: pd.DataFrame, bands: pd.Series) -> list[dict[str, Any]]:
    """Treated share per band and calendar quarter of the as-of date, and per band over all quarters ("all").

    Args:
        rows: account_id, as_of of labelled rows.
        exposed: from `exposure`, the same rows.
        bands: band of each row.

    Returns:
        Entries of band, period, accounts, treated_accounts, snapshots, treated_snapshots and share (0-1, of the
        snapshots, followed by a treatment inside the outcome window); in the order of bands as they first occur.
    """
    table = pd.DataFrame(
        {
            "band": bands.to_numpy(dtype=object),
            "period": rows["as_of"].dt.to_period("Q").astype(str).to_numpy(dtype=object),
            "account": rows["account_id"].to_numpy(dtype=object),
            "treated": exposed["treated"].to_numpy(dtype=bool),
        }
    )
    found = []
    for band in dict.fromkeys(table["band"]):
        here = table[table["band"] == band]
        periods = [(ALL, here), *here.groupby("period", sort=True)]
        found += [_entry(str(band), str(period), part) for period, part in periods]
    return found


def _entry(band: str, period: str, part: pd.DataFrame) -> dict[str, Any]:
    treated = part[part["treated"]]
    return {
        "band": band,
        "period": period,
        "accounts": int(part["account"].nunique()),
        "treated_accounts": int(treated["account"].nunique()),
        "snapshots": len(part),
        "treated_snapshots": len(treated),
        "share": len(treated) / len(part),
    }


def share_warnings(shares: list[dict[str, Any]]) -> list[str]:
    """One sentence per band of which more than 30 % was treated, over all or in a quarter."""
    found = []
    for band in dict.fromkeys(entry["band"] for entry in shares):
        high = [
            entry
            for entry in shares
            if entry["band"] == band and entry["share"] > MAX_TREATED and entry["accounts"] >= MIN_ACCOUNTS
        ]
        if not high:
            continue
        worst = max(high, key=lambda entry: (entry["period"] == ALL, entry["share"]))
        when = "" if worst["period"] == ALL else f" of {worst['period']}"
        found.append(
            f"{worst['share']:.0%} of the snapshots in band {band}{when} were followed by a treatment inside their "
            f"outcome window ({worst['treated_accounts']} of {worst['accounts']} accounts): churn there is the risk "
            "under current care, and a saved account looks like a false alarm. Saves cannot be counted from risk alone."
        )
    return found
