"""Rows that cannot be: before signup, after churn, twice. They are findings, not input errors."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from churnbench.domain.findings import Finding
from churnbench.labels.outcomes import Outcomes

#: Example rows in a finding.
_SHOWN = 3


#: Findings about rows that no output may use: which one is meant, or what the day holds, is not known.
UNUSABLE = ("sanity:duplicate-rows", "sanity:future-dated")


def sanity_findings(
    snapshots: pd.DataFrame, outcomes: Outcomes | None, *, today: date | None = None
) -> tuple[Finding, ...]:
    """Look for impossible rows.

    Args:
        snapshots: account_id, as_of (NaT for a table without dates); optional started_on.
        outcomes: cleaned outcomes, or None for a table without dates.
        today: later snapshots cannot be; None looks for none.

    Returns:
        Blocking findings "sanity:duplicate-rows", "sanity:future-dated", "sanity:before-signup" and
        "sanity:after-churn", each only when there are such rows.
    """
    found = [_duplicates(snapshots)]
    if today is not None:
        found.append(_future_dated(snapshots, today))
    if "started_on" in snapshots:
        found.append(_before_signup(snapshots))
    if outcomes is not None:
        found.append(_after_churn(snapshots, outcomes))
    return tuple(finding for finding in found if finding is not None)


def _finding(check: str, rows: pd.DataFrame, sentence: str, fix: str) -> Finding | None:
    if rows.empty:
        return None
    shown = rows.sort_values(["as_of", "account_id"]).head(_SHOWN)
    examples = "; ".join(
        str(account) if pd.isna(day) else f"{account} on {day:%Y-%m-%d}"
        for account, day in zip(shown["account_id"], shown["as_of"], strict=True)
    )
    count = f"{len(rows)} {'row is' if len(rows) == 1 else 'rows are'}"
    return Finding(f"sanity:{check}", "block", f"{count} {sentence}, for example {examples}. {fix}")


def _duplicates(snapshots: pd.DataFrame) -> Finding | None:
    twice = snapshots.duplicated(["account_id", "as_of"])
    return _finding(
        "duplicate-rows",
        snapshots[twice],
        "there again for the same account and as-of date",
        "Keep one row per account and date; the first is used if this is allowed.",
    )


def _future_dated(snapshots: pd.DataFrame, today: date) -> Finding | None:
    return _finding(
        "future-dated",
        snapshots[snapshots["as_of"] > pd.Timestamp(today)],
        f"dated in the future, after {today}",
        "Correct the date or leave the row out.",
    )


def _before_signup(snapshots: pd.DataFrame) -> Finding | None:
    early = snapshots["as_of"] < snapshots["started_on"]
    return _finding(
        "before-signup",
        snapshots[early],
        "dated before the account's started_on",
        "Such a row can only have been filled in later; correct started_on or delete the rows.",
    )


def rows_after_churn(snapshots: pd.DataFrame, outcomes: Outcomes) -> np.ndarray:
    """Rows later than an end that was also known; an end on record late may rightly be followed by rows.

    Args:
        snapshots: account_id, as_of.
        outcomes: cleaned outcomes.

    Returns:
        Boolean per row; rows after a reactivation are not meant.
    """
    churns = outcomes.churns
    over = churns[["churned_on", "known_on"]].max(axis=1).astype("datetime64[us]")
    ends = pd.DataFrame({"account_id": churns["account_id"], "over": over, "back_on": churns["back_on"]})
    rows = pd.DataFrame(
        {
            "account_id": snapshots["account_id"].astype(str).to_numpy(),
            "as_of": snapshots["as_of"].to_numpy().astype("datetime64[us]"),
            "order": np.arange(len(snapshots)),
        }
    )
    merged = pd.merge_asof(
        rows.sort_values("as_of", kind="stable"),
        ends.sort_values("over", kind="stable"),
        left_on="as_of",
        right_on="over",
        by="account_id",
        allow_exact_matches=False,
    ).sort_values("order")
    return (merged["over"].notna() & ~(merged["back_on"] <= merged["as_of"])).to_numpy(dtype=bool)


def _after_churn(snapshots: pd.DataFrame, outcomes: Outcomes) -> Finding | None:
    return _finding(
        "after-churn",
        snapshots[rows_after_churn(snapshots, outcomes)],
        "dated after the account's churn",
        'Delete them, or add an outcome row with kind = "reactivation" and the date the account came back.',
    )
