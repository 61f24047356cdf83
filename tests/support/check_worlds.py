"""Cohorts for the tests of the checks: a clean synthetic book, and one planted leak for each check."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnbench.domain.cohort import Cohort, OutcomeWindow

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
DAY = pd.Timedelta(days=1)
#: Columns of simulated snapshots that are no metrics.
KEYS = ("account_id", "as_of", "renewal_on", "arr")


@dataclass(frozen=True, eq=False)
class Split:
    """A fold as the checks see it."""

    train_rows: np.ndarray
    test_rows: np.ndarray
    origin: pd.Timestamp | None


def labelled_cohort(
    snapshots: pd.DataFrame, churn: pd.Series, metrics: tuple[str, ...], data_through: pd.Timestamp
) -> Cohort:
    """Labels for snapshots: `churn` maps account_id to its churn time."""
    frame = snapshots.sort_values(["as_of", "account_id"]).reset_index(drop=True)
    left = pd.to_datetime(frame["account_id"].map(churn)).astype("datetime64[ns]")
    lead = (left - frame["as_of"]) / DAY
    frame["churned_on"] = left.where(left <= data_through)
    frame["matures_on"] = frame["as_of"] + WINDOW.label_days * DAY
    frame["status"] = np.select(
        [lead <= 0, lead <= WINDOW.gap_days, frame["matures_on"] > data_through],
        ["ineligible", "too-late", "immature"],
        default="labelled",
    )
    inside = (lead > WINDOW.gap_days) & (lead <= WINDOW.gap_days + WINDOW.horizon_days)
    frame["y"] = np.where(frame["status"] == "labelled", inside.astype(float), np.nan)
    frame = frame.assign(stratum="all", segment="all", arr=np.nan, days_to_renewal=np.nan)
    return Cohort(frame, metrics, "point-in-time", WINDOW, data_through.date())


def clean_book(
    accounts: int = 600, months: int = 24, seed: int = 0, *, metrics: int = 6, base: float = 0.02
) -> tuple[Cohort, pd.Series]:
    """Monthly snapshots of slowly moving metrics, of which half drive the hazard; and the churn times."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-31", periods=months, freq="ME")
    level = rng.normal(size=(accounts, 1, metrics))
    moving = np.empty((accounts, months, metrics))
    moving[:, 0] = rng.normal(size=(accounts, metrics))
    for month in range(1, months):
        moving[:, month] = 0.8 * moving[:, month - 1] + 0.6 * rng.normal(size=(accounts, metrics))
    values = 0.7 * level + 0.7 * moving
    effect = np.where(np.arange(metrics) % 2 == 0, 0.6, 0.0)
    hazard = base * np.exp(-values @ effect - 0.3)
    leaves = rng.random((accounts, months)) < hazard
    month_left = np.where(leaves.any(axis=1), leaves.argmax(axis=1), months)
    entered = np.where(rng.random(accounts) < 0.3, rng.integers(0, months // 2, accounts), 0)
    month_left = np.maximum(month_left, entered)
    days = rng.integers(1, 31, accounts)
    churned = [dates[m] + d * DAY if m < months else pd.NaT for m, d in zip(month_left, days, strict=True)]
    names = [f"a{number:05d}" for number in range(accounts)]
    churn = pd.Series(pd.to_datetime(churned), index=names)
    here = (np.arange(months) >= entered[:, None]) & (np.arange(months) <= month_left[:, None])
    row, column = np.nonzero(here)
    snapshots = pd.DataFrame({"account_id": np.array(names)[row], "as_of": dates[column]})
    snapshots["as_of"] = snapshots["as_of"].astype("datetime64[ns]")
    for number in range(metrics):
        snapshots[f"m{number}"] = values[row, column, number]
    cohort = labelled_cohort(snapshots, churn, tuple(f"m{n}" for n in range(metrics)), dates[-1] + 30 * DAY)
    return cohort, churn


def with_column(cohort: Cohort, name: str, values: object) -> Cohort:
    """The cohort with one more metric."""
    return replace(cohort, frame=cohort.frame.assign(**{name: values}), metrics=(*cohort.metrics, name))


def days_left(cohort: Cohort) -> np.ndarray:
    """Days from each row to the churn, NaN when none is known."""
    return ((cohort.frame["churned_on"] - cohort.frame["as_of"]) / DAY).to_numpy(dtype=float)


def purged_folds(cohort: Cohort, *, holdout_months: int = 6) -> tuple[Split, ...]:
    """A walk-forward fold and the holdout, both with the derived purge."""
    rows = cohort.labelled()
    dates = sorted(rows["as_of"].unique())
    folds = []
    for start, end in ((-holdout_months - 3, -holdout_months), (-holdout_months, None)):
        origin = pd.Timestamp(dates[start])
        test = rows[rows["as_of"].isin(dates[start:end])]
        train = rows[rows["matures_on"] <= origin]
        folds.append(Split(train.index.to_numpy(), test.index.to_numpy(), origin))
    return tuple(folds)


def shuffled_split(cohort: Cohort, seed: int = 0) -> tuple[Split, ...]:
    """The classic mistake: rows dealt at random, so that an account is on both sides."""
    rows = cohort.labelled()
    test = np.random.default_rng(seed).random(len(rows)) < 0.3
    return (Split(rows.index[~test].to_numpy(), rows.index[test].to_numpy(), None),)


def cross_sectional(accounts: int = 400, seed: int = 0) -> Cohort:
    """A table without dates."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"account_id": [f"c{number}" for number in range(accounts)]})
    frame = frame.assign(
        as_of=pd.NaT, status="labelled", churned_on=pd.NaT, matures_on=pd.NaT, stratum="all", segment="all"
    )
    frame["arr"] = frame["days_to_renewal"] = np.nan
    frame["m0"] = rng.normal(size=accounts)
    frame["y"] = (rng.random(accounts) < 1 / (1 + np.exp(1.5 - frame["m0"]))).astype(float)
    return Cohort(frame, ("m0",), "cross-sectional", None, None)
