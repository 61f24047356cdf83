"""Who could have left on which day, and how many were expected to: every day judged by one snapshot.

Outcome windows of monthly snapshots overlap threefold, and rows repeat accounts. Here each day belongs to the newest
snapshot that had foreseen it, `gap` days before: snapshot s owns the days (s + gap, next s + gap], at most its window.
An account counts once for each day, each churn once in all, so that counts are as good as independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.formula import Body, metric_inputs, score_frame

Floats = npt.NDArray[np.float64]
_FAR = pd.Timestamp("2200-01-01")


@dataclass(frozen=True, eq=False)
class Book:
    """A book of accounts scored with one config.

    Attributes:
        frame: rows of the cohort that were eligible, with `p` (P(churn) in the window, NaN without a score), `score`
            (0-100, NaN), `band`, `coverage` (0-1) and `left_on` (day of the next voluntary churn, NaT).
        body: the config body.
        window: outcome window.
        data_through: outcomes are complete up to here.
        metrics: input columns that the formula reads and the data hold.
        absent: input columns that the formula reads and the data do not hold.
    """

    frame: pd.DataFrame
    body: Body
    window: OutcomeWindow
    data_through: date
    metrics: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def settled(self) -> pd.Timestamp:
        """Last day whose churns are recorded."""
        return pd.Timestamp(self.data_through) - pd.Timedelta(days=self.window.settle_days)

    @property
    def dates(self) -> list[pd.Timestamp]:
        """As-of dates, ascending."""
        return [pd.Timestamp(day) for day in np.sort(self.frame["as_of"].unique())]


def scored_book(cohort: Cohort, churns: pd.DataFrame, body: Body) -> Book:
    """Score a cohort and join when each account left.

    Args:
        cohort: labelled snapshots.
        churns: account_id, churn_at, involuntary (see `labels.outcomes.Outcomes`).
        body: config body with a risk curve.

    Raises:
        InputError: a table without dates, a config without a risk curve, or without any metric in the data.
    """
    if cohort.window is None or cohort.data_through is None:
        raise InputError(
            "a table without dates cannot be monitored: nothing says which outcomes are new.",
            fix="Give snapshots of several dates and dated outcomes.",
        )
    if not body.get("risk_curve"):
        raise InputError(
            "the config has no risk curve, so it promises no churn that could be compared with what came.",
            fix="Run it once: churnbench run PROJECT --candidate CONFIG --out DIR gives it one.",
        )
    read = metric_inputs(body)
    absent = tuple(name for name in read if name not in cohort.frame)
    if len(absent) == len(read):
        raise InputError(
            f"none of the config's metrics is in the data; it reads {', '.join(read[:5])}.",
            fix="Monitor the project that the config was made for.",
        )
    frame = _eligible(cohort, churns)
    scored = score_frame(body, frame, allow_missing=True)
    frame["p"] = scored["churn_probability"].to_numpy(dtype=float)
    frame["score"] = scored["health_score_x100"].to_numpy(dtype=float, na_value=np.nan) / 100.0
    frame["band"] = scored["band"].to_numpy(dtype=object)
    frame["coverage"] = scored["coverage_bp"].to_numpy(dtype=float) / 10_000.0
    metrics = tuple(name for name in read if name in cohort.frame)
    return Book(frame, body, cohort.window, cohort.data_through, metrics, absent)


def _eligible(cohort: Cohort, churns: pd.DataFrame) -> pd.DataFrame:
    """Rows that could leave by choice; an involuntary churn in the window is a competing event."""
    assert cohort.window is not None  # noqa: S101 - checked by the caller
    frame = cohort.frame.loc[cohort.frame["status"] != "ineligible"]
    forced = churns.loc[churns["involuntary"].astype(bool), ["account_id", "churn_at"]].drop_duplicates()
    key = pd.MultiIndex.from_arrays([forced["account_id"].astype(str), forced["churn_at"].astype("datetime64[us]")])
    own = pd.MultiIndex.from_arrays([frame["account_id"], frame["churned_on"].astype("datetime64[us]")])
    involuntary = own.isin(key) if len(forced) else np.zeros(len(frame), dtype=bool)
    reach = pd.Timedelta(days=cohort.window.gap_days + cohort.window.horizon_days)
    keep = ~(involuntary & (frame["churned_on"] <= frame["as_of"] + reach).to_numpy())
    left = frame["churned_on"].where(~involuntary)
    return frame.assign(left_on=left).loc[keep].reset_index(drop=True)


def own_days(book: Book, after: pd.Timestamp | None, until: pd.Timestamp) -> pd.DataFrame:
    """Rows with the days they own in (after, until].

    Args:
        book: from `scored_book`.
        after: last day that does not count; None from the beginning.
        until: last day that counts; never later than `book.settled`.

    Returns:
        account_id, as_of, band, p, days (> 0), expected (P(churn on these days)), event (0/1), left_on. The hazard is
        taken as even within a window: P = 1 - (1 - p)^(days / horizon). Rows without a score are left out.
    """
    frame, window = book.frame, book.window
    dates = book.dates
    following = dict(zip(dates, [*dates[1:], _FAR], strict=True))
    gap = pd.Timedelta(days=window.gap_days)
    reach = pd.Timedelta(days=window.gap_days + window.horizon_days)
    begins = frame["as_of"] + gap
    ends = frame["as_of"].map(following) + gap
    for limit in (frame["as_of"] + reach, pd.Series(min(until, book.settled), index=frame.index)):
        ends = ends.where(ends <= limit, limit)
    if after is not None:
        begins = begins.where(begins >= after, after)
    days = (ends - begins).dt.days.to_numpy(dtype=float)
    left = frame["left_on"]
    kept = (days > 0) & ~(left <= begins).to_numpy() & np.isfinite(frame["p"].to_numpy())
    found: pd.DataFrame = frame.loc[kept, ["account_id", "as_of", "band", "p", "left_on"]].copy()
    found["days"] = days[kept]
    found["expected"] = part_of_window(found["p"].to_numpy(), found["days"].to_numpy(), window)
    found["event"] = ((left > begins) & (left <= ends)).to_numpy()[kept].astype(float)
    reset: pd.DataFrame = found.reset_index(drop=True)
    return reset


def part_of_window(p: Floats, days: Floats, window: OutcomeWindow) -> Floats:
    """Probability of leaving on some days of a window, from that of the whole window.

    >>> part_of_window(np.array([0.19]), np.array([45.0]), OutcomeWindow()).round(3).tolist()
    [0.1]
    """
    return np.asarray(-np.expm1(days / window.horizon_days * np.log1p(-np.minimum(p, 1.0 - 1e-9))))
