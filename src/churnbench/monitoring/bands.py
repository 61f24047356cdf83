"""Bands: what they promised and what came, and how often accounts change them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from churnbench.metrics import band_outcome
from churnbench.monitoring.exposure import Book
from churnbench_scorer import INSUFFICIENT

_Z90 = float(stats.norm.isf(0.05))
_DAYS_A_YEAR = 365.25


def by_band(book: Book, since: pd.Timestamp, promises: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Promised, expected and observed churn per band, of windows that began after `since` and have matured.

    Args:
        book: scored rows.
        since: last day whose outcomes the review had seen.
        promises: entries of the evidence's `thresholds` with `band` and `promise`; empty when nothing was promised.

    Returns:
        Per band, lowest first: rows, accounts, events (churned accounts), expected and observed share, ci90 by
        accounts (Korn-Graubard), promise, at_most, kept (None where the interval cannot tell).
    """
    frame = book.frame
    matured = (frame["status"] == "labelled") & (frame["as_of"] + pd.Timedelta(days=book.window.gap_days) >= since)
    rows = frame.loc[matured]
    promised = {str(entry.get("band")): entry.get("promise") for entry in promises}
    names = [str(name) for name, _ in book.body["bands"]]
    return [
        _band(name, rows.loc[rows["band"] == name], promised.get(name), at_most=name == names[-1]) for name in names
    ]


def _band(name: str, rows: pd.DataFrame, promise: float | None, *, at_most: bool) -> dict[str, Any]:
    y, accounts = rows["y"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object)
    return {
        **band_outcome(name, promise, y, accounts, rows["p"].to_numpy(dtype=float), at_most=at_most),
        "rows": len(rows),
    }


def band_changes(shown: pd.DataFrame, since: pd.Timestamp) -> dict[str, Any]:
    """Changes of band per account and year, before and after a date.

    Args:
        shown: account_id, as_of, band; what people saw, else the config's own bands.
        since: changes that end later count as now.

    Returns:
        `before` and `now`: rate (None without account-years), ci90 with accounts resampled in the limit (linearised),
        changes, account_years.
    """
    rows = shown.loc[shown["band"].notna() & (shown["band"] != INSUFFICIENT), ["account_id", "as_of", "band"]]
    rows = rows.sort_values(["account_id", "as_of"], kind="stable")
    same = (rows["account_id"] == rows["account_id"].shift()).to_numpy()
    moves = pd.DataFrame(
        {
            "account_id": rows["account_id"].to_numpy(),
            "as_of": rows["as_of"].to_numpy(),
            "years": (rows["as_of"] - rows["as_of"].shift()).dt.days.to_numpy(dtype=float) / _DAYS_A_YEAR,
            "changed": (rows["band"] != rows["band"].shift()).to_numpy(dtype=float),
        }
    ).loc[same]
    late = moves["as_of"] > since
    return {"before": _rate(moves.loc[~late]), "now": _rate(moves.loc[late])}


def _rate(moves: pd.DataFrame) -> dict[str, Any]:
    sums = moves.groupby("account_id")[["changed", "years"]].sum()
    changes, years = float(sums["changed"].sum()), float(sums["years"].sum())
    if years <= 0.0:
        return {"rate": None, "ci90": None, "changes": 0, "account_years": 0.0}
    rate = changes / years
    error = math.sqrt(float(((sums["changed"] - rate * sums["years"]) ** 2).sum())) / years
    reach = [max(0.0, rate - _Z90 * error), rate + _Z90 * error]
    return {"rate": rate, "ci90": reach, "changes": int(changes), "account_years": years}
