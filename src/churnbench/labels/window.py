"""Labels: does the churn of an account fall into the outcome window of a snapshot?

Notation of method.md section 1: s the as-of date, g the gap, h the horizon, t* the churn time. All
comparisons are between whole days; `(a, b]` leaves day a out and takes day b in.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.domain.cohort import OutcomeWindow
from churnbench.labels.outcomes import Outcomes


def label_snapshots(
    snapshots: pd.DataFrame,
    outcomes: Outcomes,
    window: OutcomeWindow,
    data_through: date,
    *,
    min_tenure_days: int = 90,
) -> pd.DataFrame:
    """Label every snapshot.

    Args:
        snapshots: account_id (str), as_of (datetime64 midnight); optional started_on (datetime64, NaT
            unknown).
        outcomes: cleaned outcomes.
        window: gap, horizon and settling time in days.
        data_through: last day up to which outcomes are complete.
        min_tenure_days: days since started_on below which an account is not yet judged.

    Returns:
        Same index. status "labelled" | "too-late" | "immature" | "ineligible"; reason (None where labelled)
        one of before-signup, churned, notice-known, tenure, immature, involuntary, too-late; y 1.0, 0.0 or
        NaN; churned_on the next t* (of the last stay where the account has left), NaT without; matures_on.

        An involuntary churn within gap + horizon is a competing event: the account could no longer choose, so
        such a row is ineligible ("involuntary"), neither a churner nor proof of staying.
    """
    as_of = snapshots["as_of"].to_numpy().astype("datetime64[D]")
    last, following = _neighbours(snapshots, outcomes)
    gap, horizon = np.timedelta64(window.gap_days, "D"), np.timedelta64(window.horizon_days, "D")
    next_at = following["churn_at"].to_numpy().astype("datetime64[D]")
    left = _left(last, as_of)
    inside = ~np.isnat(next_at) & (next_at <= as_of + gap + horizon)
    matures_on = as_of + np.timedelta64(window.label_days, "D")
    started = _days(snapshots, "started_on")
    # The order of the table decides: what is known at s first, then whether the label may be trusted at all,
    # then the label. A row is immature even if its churn has been seen: early on only the churners are known,
    # and taking them alone would raise the churn rate of the newest snapshots.
    rules = (
        ("before-signup", ~np.isnat(started) & (as_of < started)),
        ("churned", left & (last["churned_on"].to_numpy().astype("datetime64[D]") <= as_of)),
        ("notice-known", left),
        ("tenure", ~np.isnat(started) & (as_of - started < np.timedelta64(min_tenure_days, "D"))),
        ("immature", matures_on > np.datetime64(data_through, "D")),
        ("involuntary", inside & following["involuntary"].fillna(value=False).to_numpy(dtype=bool)),
        ("too-late", inside & (next_at <= as_of + gap)),
    )
    reason = np.select([rows for _, rows in rules], [name for name, _ in rules], default="labelled")
    labelled = reason == "labelled"
    status = np.where(np.isin(reason, ["labelled", "immature", "too-late"]), reason, "ineligible")
    churned_on = np.where(left, last["churn_at"].to_numpy().astype("datetime64[D]"), next_at)
    return pd.DataFrame(
        {
            "status": status,
            "reason": pd.Series(reason, index=snapshots.index, dtype=object).where(~labelled, None),
            "y": np.where(labelled, inside.astype(float), np.nan),
            "churned_on": churned_on.astype("datetime64[us]"),
            "matures_on": matures_on.astype("datetime64[us]"),
        },
        index=snapshots.index,
    )


def _days(frame: pd.DataFrame, column: str) -> NDArray[Any]:
    if column not in frame:
        return np.full(len(frame), np.datetime64("NaT"), dtype="datetime64[D]")
    return frame[column].to_numpy().astype("datetime64[D]")


def _left(last: pd.DataFrame, as_of: NDArray[Any]) -> NDArray[Any]:
    """Whether the account had left (or given notice) at s and had not come back by s."""
    at, back = (last[name].to_numpy().astype("datetime64[D]") for name in ("churn_at", "back_on"))
    left: NDArray[Any] = ~np.isnat(at) & ~(~np.isnat(back) & (back <= as_of))
    return left


def _neighbours(snapshots: pd.DataFrame, outcomes: Outcomes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per snapshot the last churn with t* <= s and the first with t* > s, in the order of the snapshots."""
    rows = pd.DataFrame(
        {
            "account_id": snapshots["account_id"].astype(str).to_numpy(),
            "as_of": snapshots["as_of"].to_numpy().astype("datetime64[us]"),
            "order": np.arange(len(snapshots)),
        }
    ).sort_values("as_of", kind="stable")
    churns = outcomes.churns.sort_values("churn_at", kind="stable")
    found = []
    for direction, same_day in (("backward", True), ("forward", False)):
        merged = pd.merge_asof(
            rows,
            churns,
            left_on="as_of",
            right_on="churn_at",
            by="account_id",
            direction=direction,  # type: ignore[arg-type]
            allow_exact_matches=same_day,
        )
        found.append(merged.sort_values("order").reset_index(drop=True))
    return found[0], found[1]


def renewal_stratum(as_of: pd.Series, renewal_on: pd.Series | None, window: OutcomeWindow) -> pd.DataFrame:
    """Whether a renewal falls into the outcome window.

    Args:
        as_of: datetime64.
        renewal_on: next renewal as known at as_of (datetime64, NaT unknown), or None.
        window: gap and horizon.

    Returns:
        Same index: stratum "renewal" iff renewal_on lies in `(s, s + g + h]`, else "no-renewal"; "all" when
        no renewal date is known anywhere. days_to_renewal float, NaN when unknown or past.
    """
    if renewal_on is None or renewal_on.isna().all():
        return pd.DataFrame({"stratum": "all", "days_to_renewal": np.nan}, index=as_of.index)
    days = (renewal_on - as_of).dt.days.astype(float)
    days = days.where(days >= 0)
    inside = (days > 0) & (days <= window.gap_days + window.horizon_days)
    return pd.DataFrame(
        {"stratum": np.where(inside, "renewal", "no-renewal"), "days_to_renewal": days}, index=as_of.index
    )
