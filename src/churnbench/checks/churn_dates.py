"""Do the rows of accounts end when their churn is said to have happened?

While a customer is one, it has a row per period; so its last row lies less than one period before it leaves.
When most churned accounts have no row for longer than that, churn is on record later than it happened, or the
rows nearest to it were removed. Either way features and label are shifted against each other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.checks.context import MIN_EVENTS, CheckContext
from churnbench.domain.findings import Finding

#: Error of the sign test on "the median silence is at most one period".
ALARM_RATE = 0.001


def check_churn_dates(context: CheckContext) -> list[Finding]:
    """Most churned accounts have no row for more than a period before their churn: review."""
    if not context.cohort.dated:
        return [Finding("churn-dates", "ok", "Not applicable: the table has no dates.")]
    silence, period = days_of_silence(context.cohort.frame)
    if len(silence) < MIN_EVENTS:
        return [Finding("churn-dates", "ok", "Not computed: too few churned accounts.")]
    longer = int((silence > period).sum())
    typical = f"the median is {np.median(silence):.0f} days, one period {period:.0f}"
    if stats.binomtest(longer, len(silence), 0.5, alternative="greater").pvalue >= ALARM_RATE:
        return [Finding("churn-dates", "ok", f"Rows of churned accounts run up to their churn ({typical}).")]
    return [
        Finding(
            "churn-dates",
            "review",
            f"{longer:,} of {len(silence):,} churned accounts have no row for more than a period before their churn "
            f"({typical}). Churn seems to be recorded later than it happened, or the last rows were removed; then "
            "labels and features do not belong together. Compare churned_on and known_on with the day of notice.",
        )
    ]


def days_of_silence(frame: pd.DataFrame) -> tuple[pd.Series, float]:
    """Days from each churned account's last row to its churn, and the days of one period.

    Args:
        frame: a cohort frame; only churns up to the newest as-of date count, since rows may end before them.

    Returns:
        Days per churned account (> 0), and the median of the longest usual step between dates; NaN with one date.
    """
    rows = frame[frame["churned_on"].notna() & (frame["churned_on"] <= frame["as_of"].max())]
    rows = rows[rows["as_of"] < rows["churned_on"]]
    last = rows.sort_values("as_of", kind="stable").groupby("account_id").tail(1)
    silence = (last["churned_on"] - last["as_of"]).dt.days
    steps = np.diff(np.sort(frame["as_of"].unique())).astype("timedelta64[D]").astype(float)
    # Months have 28 to 31 days: the long ones are still one period.
    return silence, float(np.quantile(steps, 0.9)) if len(steps) else float("nan")
