"""Outcomes as recorded, cleaned: one churn per stay of an account, other events kept apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.data.hints import did_you_mean, listed
from churnbench.domain.errors import InputError

#: Kinds of outcome rows.
KINDS = ("churn", "contraction", "expansion", "reactivation")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Cleaned outcomes.

    Attributes:
        churns: account_id, churn_at (t* = the earlier of notice and end), churned_on, known_on (NaT when not
            recorded), involuntary (bool), back_on (first reactivation after it, else NaT); sorted by
            (account_id, churn_at), at most one churn per stay.
        changes: account_id, on (day known or effective, the earlier), kind (contraction | expansion), share
            (NaN when not stated).
        settle_days: 95th percentile of the days from an end to its record.
        warnings: what a person should know about the rows.
    """

    churns: pd.DataFrame
    changes: pd.DataFrame
    settle_days: int
    warnings: tuple[str, ...] = ()


def read_outcomes(rows: pd.DataFrame, *, file: str = "outcomes") -> Outcomes:
    """Clean outcome rows.

    Args:
        rows: account_id, churned_on (datetime64); optional known_on (datetime64), kind (str, blank = churn),
            voluntary (1, 0 or NaN; NaN = voluntary), share (lost or won share of the value, 0-1).
        file: name for messages.

    Returns:
        The outcomes. Exact duplicates count once; of several churns without a reactivation between them the
        first counts; both leave a warning.

    Raises:
        InputError: an unknown kind, or a row without any date.
    """
    frame = _completed(rows)
    _check(frame, file)
    warnings: list[str] = []
    single = frame.drop_duplicates()
    if len(single) < len(frame):
        warnings.append(f"{file}: {len(frame) - len(single)} rows are exact copies of others and count once.")
    churned = single[single["kind"] == "churn"].copy()
    churned["churn_at"] = churned[["churned_on", "known_on"]].min(axis=1)
    churned["involuntary"] = churned["voluntary"] == 0
    back = single.loc[single["kind"] == "reactivation", ["account_id", "churned_on"]]
    # Every column takes part, so that the order of rows never decides; of two records of one churn that disagree
    # about its cause the voluntary one counts.
    order = ["account_id", "churn_at", "churned_on", "known_on", "involuntary"]
    churns, dropped = _stays(churned.sort_values(order), back)
    if dropped:
        warnings.append(
            f"{file}: {dropped} churn rows follow an earlier churn of the same account without a"
            " reactivation; the first counts."
        )
    changes = single[single["kind"].isin(["contraction", "expansion"])]
    return Outcomes(
        churns=churns,
        changes=pd.DataFrame(
            {
                "account_id": changes["account_id"],
                "on": changes[["churned_on", "known_on"]].min(axis=1),
                "kind": changes["kind"],
                "share": changes["share"],
            }
        ).reset_index(drop=True),
        settle_days=settle_days(churned),
        warnings=tuple(warnings),
    )


def settle_days(churned: pd.DataFrame) -> int:
    """Days after which 95 % of the ends are on record.

    Args:
        churned: churned_on and known_on (datetime64); rows without known_on say nothing.

    Returns:
        95th percentile (linear interpolation, rounded up) of `max(0, known_on - churned_on)`; 0 without rows.

    >>> settle_days(pd.DataFrame({"churned_on": pd.to_datetime(["2024-01-01"] * 2),
    ...                           "known_on": pd.to_datetime(["2024-01-11", "2023-12-01"])}))
    10
    """
    delay = (churned["known_on"] - churned["churned_on"]).dt.days.dropna().clip(lower=0)
    if delay.empty:
        return 0
    # Rounded first, else 9.000000000000002 days would become ten.
    return int(np.ceil(np.round(np.percentile(delay.to_numpy(dtype=float), 95), 9)))


def _completed(rows: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame({"account_id": rows["account_id"].astype(str)})
    for column in ("churned_on", "known_on"):
        frame[column] = pd.to_datetime(rows[column]) if column in rows else pd.NaT
        frame[column] = frame[column].astype("datetime64[us]")
    kind = rows["kind"].astype(object) if "kind" in rows else pd.Series(None, index=rows.index, dtype=object)
    frame["kind"] = kind.where(kind.notna(), "churn").astype(str).str.strip().str.lower()
    for column in ("voluntary", "share"):
        frame[column] = rows[column].astype(float) if column in rows else np.nan
    return frame


def _check(frame: pd.DataFrame, file: str) -> None:
    unknown = frame.loc[~frame["kind"].isin(KINDS), "kind"]
    if not unknown.empty:
        raise InputError(
            f"'{unknown.iloc[0]}' is not a kind of outcome; known are {listed(KINDS)}.",
            file=file,
            column="kind",
            fix=did_you_mean(unknown.iloc[0], KINDS) or "An empty cell means churn.",
        )


def _stays(churned: pd.DataFrame, back: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Drop churns of accounts that had already left; note when an account came back.

    Accounts with several churns are few, so they alone are walked through row by row.
    """
    columns = ["account_id", "churn_at", "churned_on", "known_on", "involuntary"]
    churned = churned[columns].reset_index(drop=True)
    returns = {account: np.sort(days.to_numpy()) for account, days in back.groupby("account_id")["churned_on"]}
    accounts = churned["account_id"].to_numpy(dtype=object)
    noticed = churned["churn_at"].to_numpy()
    ended = churned["churned_on"].to_numpy()
    back_on = np.full(len(churned), np.datetime64("NaT"), dtype="datetime64[us]")
    keep = np.ones(len(churned), dtype=bool)
    gone_until: dict[str, np.datetime64] = {}
    walk = churned["account_id"].isin(list(returns)) | churned["account_id"].duplicated(keep=False)
    for position in np.flatnonzero(walk.to_numpy()):
        account = accounts[position]
        if account in gone_until and not gone_until[account] <= noticed[position]:
            keep[position] = False
            continue
        days = returns.get(account, np.array([], dtype="datetime64[us]"))
        later = days[days > ended[position]]
        back_on[position] = later[0] if len(later) else np.datetime64("NaT")
        gone_until[account] = later[0] if len(later) else np.datetime64("9999-01-01")
    return churned.assign(back_on=back_on)[keep].reset_index(drop=True), int((~keep).sum())
