"""What became of past flags, on matured windows alone; and how early they came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.health.book import Book
from churnbench.metrics import Estimate, clopper_pearson, korn_graubard

#: An alert that began earlier than this before the churn is not credited with it.
LOOK_BACK_DAYS = 360


@dataclass(frozen=True, eq=False)
class PastFlags:
    """Flags (readings in a band at risk) against what followed.

    Attributes:
        readings, accounts, churned: matured readings, their accounts, distinct accounts that churned in a window.
        flagged: share of readings flagged.
        base_rate: share of readings followed by a churn in the window.
        precision: of flagged readings, share followed by a churn; 90 % Korn-Graubard interval.
        others: of readings not flagged, share followed by a churn.
        recall: of churned accounts, share flagged at least once inside the window before; Clopper-Pearson.
        accuracy, flag_nobody: share of readings judged right, and what flagging nobody would reach.
        false_alarms: of readings without churn, share flagged.
    """

    readings: int
    accounts: int
    churned: int
    flagged: float
    base_rate: float
    precision: Estimate
    others: Estimate
    recall: Estimate
    accuracy: float
    flag_nobody: float
    false_alarms: float


def matured(book: Book) -> pd.DataFrame:
    """Readings whose outcome window lies wholly in what is known, with `y`, `churn_at` and `flag`.

    Readings followed by an involuntary churn in the window, or by a churn within the gap, are left out here (the latter
    still count as missed in recall).
    """
    rows = next_churn(book, book.history[book.history["health_score"].notna()])
    window = book.window
    rows = rows[rows["as_of"] + pd.Timedelta(days=window.label_days) <= book.known_until]
    days = (rows["churn_at"] - rows["as_of"]).dt.days
    within = days.between(window.gap_days + 1, window.gap_days + window.horizon_days)
    too_late = days.between(0, window.gap_days)
    kept = ~too_late & ~(within & (rows["involuntary"] == True))  # noqa: E712 - missing is not true
    rows = rows.assign(y=within.astype(float), flag=book.at_risk(rows))
    return rows[kept].reset_index(drop=True)


def next_churn(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Readings with the first churn after each (`churn_at` NaT and `involuntary` NaN where none is known)."""
    gone = book.churns[["account_id", "churn_at", "involuntary"]]
    gone = gone.assign(
        account_id=gone["account_id"].astype(str),
        churn_at=gone["churn_at"].astype("datetime64[ns]"),
        involuntary=gone["involuntary"].astype(object),
    )
    left = rows.assign(
        account_id=rows["account_id"].astype(str),
        order=np.arange(len(rows)),
        as_of=rows["as_of"].astype("datetime64[ns]"),
    )
    merged = pd.merge_asof(
        left.sort_values("as_of", kind="stable"),
        gone.sort_values("churn_at"),
        left_on="as_of",
        right_on="churn_at",
        by="account_id",
        direction="forward",
        allow_exact_matches=False,
    )
    return merged.sort_values("order").drop(columns="order").reset_index(drop=True)


def past_flags(book: Book, rows: pd.DataFrame) -> PastFlags | None:
    """Judge the flags of matured readings (from `matured`); None without readings."""
    if rows.empty:
        return None
    y, flag = rows["y"].to_numpy(dtype=float), rows["flag"].to_numpy(dtype=bool)
    accounts = rows["account_id"].to_numpy()
    caught = rows[(y == 1) & flag]["account_id"].nunique()
    churned = _events(book, rows)
    right = float(np.mean(flag == (y == 1)))
    return PastFlags(
        readings=len(rows),
        accounts=int(rows["account_id"].nunique()),
        churned=churned,
        flagged=float(flag.mean()),
        base_rate=float(y.mean()),
        precision=korn_graubard(y[flag], accounts[flag]) if flag.any() else Estimate(None),
        others=korn_graubard(y[~flag], accounts[~flag]) if (~flag).any() else Estimate(None),
        recall=clopper_pearson(float(min(caught, churned)), float(churned)) if churned else Estimate(None),
        accuracy=right,
        flag_nobody=float(np.mean(y == 0)),
        false_alarms=float(flag[y == 0].mean()) if (y == 0).any() else float("nan"),
    )


def _events(book: Book, rows: pd.DataFrame) -> int:
    """Accounts whose voluntary churn lies where the rows could have foreseen it, seen in time or not."""
    window = book.window
    first = rows["as_of"].min() + pd.Timedelta(days=window.gap_days)
    last = rows["as_of"].max() + pd.Timedelta(days=window.gap_days + window.horizon_days)
    gone = book.churns[~book.churns["involuntary"].astype(bool)]
    inside = gone[(gone["churn_at"] > first) & (gone["churn_at"] <= last)]
    known = set(book.history["account_id"])
    return int(inside.loc[inside["account_id"].isin(known), "account_id"].nunique())


@dataclass(frozen=True)
class Detection:
    """Lead time of sustained alerts.

    Attributes:
        churned: churned accounts with two readings or more in the year before.
        warned: of them, those with a sustained alert (two readings in a row in a band at risk).
        quartiles: days from the first sustained alert to the churn, 25 / 50 / 75 %; None when none was warned.
        a_month: share warned at least 30 days ahead, with its interval.
    """

    churned: int
    warned: int
    quartiles: tuple[float, float, float] | None
    a_month: Estimate


def detection(book: Book) -> Detection:
    """How long before a voluntary churn a band at risk began to warn."""
    rows = next_churn(book, book.history).sort_values(["account_id", "as_of"], kind="stable").reset_index(drop=True)
    red = book.at_risk(rows).to_numpy()
    follows = (rows["account_id"] == rows["account_id"].shift(-1)).to_numpy()
    start = red & np.append(red[1:], False)[: len(red)] & follows
    days = (rows["churn_at"] - rows["as_of"]).dt.days
    counted = (days > 0) & (days <= LOOK_BACK_DAYS) & (rows["involuntary"] == False)  # noqa: E712 - missing is not false
    inside = rows.assign(days=days, lead=days.where(start))[counted]
    if inside.empty:
        return Detection(0, 0, None, Estimate(None))
    stays = inside.groupby(["account_id", "churn_at"]).agg(readings=("days", "size"), lead=("lead", "max"))
    stays = stays[stays["readings"] >= 2]
    lead = stays["lead"].dropna().to_numpy(dtype=float)
    quartiles = tuple(float(value) for value in np.quantile(lead, [0.25, 0.5, 0.75])) if len(lead) else None
    share = clopper_pearson(float((lead >= 30).sum()), float(len(stays))) if len(stays) else Estimate(None)
    return Detection(len(stays), len(lead), quartiles, share)  # type: ignore[arg-type]


def band_changes_per_year(book: Book) -> float | None:
    """Changes of the shown band per account and year; None without two readings of any account."""
    rows = book.history.sort_values(["account_id", "as_of"], kind="stable")
    same = rows["account_id"] == rows["account_id"].shift()
    years = (rows["as_of"] - rows["as_of"].shift())[same].dt.days.sum() / 365.25
    if not years:
        return None
    return float((rows["band"].ne(rows["band"].shift()) & same).sum() / years)
