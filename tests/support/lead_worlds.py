"""Books whose metrics answer to a dated decision to leave, each so many days before the churn.

A churner's metric falls by `size` standard deviations, at once, `lead` days before the churn and stays down. So
its AUC is that of two shifted normal distributions at any later lead time, and one half at any earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from check_worlds import DAY, labelled_cohort

from churnbench.domain.cohort import Cohort


def answering_book(
    answers: Mapping[str, tuple[float, float]],
    *,
    accounts: int = 500,
    months: int = 18,
    churners: float = 0.4,
    seed: int = 0,
) -> Cohort:
    """Monthly snapshots of independent standard normal metrics, and when they fall.

    Args:
        answers: metric -> (days before the churn at which it falls, standard deviations by which it falls).
        accounts: all present from the first snapshot on.
        months: number of monthly snapshots.
        churners: share of accounts that leave, on a day drawn evenly over the months after the third.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-31", periods=months, freq="ME").astype("datetime64[ns]")
    names = np.array([f"a{number:05d}" for number in range(accounts)])
    span = (dates[-1] - dates[0]).days
    left_after = rng.integers(90, span, accounts)
    leaves = rng.random(accounts) < churners
    churn = pd.Series(pd.to_datetime(dates[0]) + pd.to_timedelta(left_after, unit="D"), index=names)[leaves]
    frame = pd.DataFrame({"account_id": np.repeat(names, months), "as_of": np.tile(dates.to_numpy(), accounts)})
    days = ((frame["account_id"].map(churn) - frame["as_of"]) / DAY).to_numpy(dtype=float)
    for name, (lead, size) in answers.items():
        frame[name] = rng.normal(size=len(frame)) - size * (days <= lead)
    frame = frame[~(days < -60)]  # gone accounts leave the book after a while
    return labelled_cohort(frame, churn, tuple(answers), dates[-1] + 30 * DAY)
