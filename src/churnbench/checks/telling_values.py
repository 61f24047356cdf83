"""Values that few rows hold and that nearly all leave with.

An AUC over all rows hides them: a reason for the loss that is asked of every second leaver, or ratings
rewritten for some. Looked at are states (filled in, missing), texts and the values of coarse numbers, and the
lowest and highest few per cent of the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.checks.context import CheckContext, both_classes, figure
from churnbench.domain.findings import Finding
from churnbench.metrics.rates import korn_graubard

#: Churn rate that the lower limit must exceed.
TELLING_RATE = 1.0 / 3.0
#: Odds of churn with the value over odds in the book that the lower limit must exceed.
TELLING_ODDS = 10.0
#: Rows of a text or coarse number below which it is not looked at.
_FEW_ROWS = 5
#: One-sided error over all columns together.
ALARM_RATE = 0.01
#: Numbers with at most so many different values are looked at value by value.
COARSE = 20
#: Shares of the rows at either end of other numbers.
TAILS = (0.0025, 0.005, 0.01, 0.02, 0.04)

Bools = npt.NDArray[np.bool_]


def check_telling_values(context: CheckContext) -> list[Finding]:
    """A value with which over a third leave within the window, at over 10 times the odds of the book: review.

    Both must hold for the lower confidence limit, accounts as clusters, Bonferroni over columns. All labelled
    rows count, since values that few rows hold need them.
    """
    rows = context.sample[context.sample["status"] == "labelled"]
    if not both_classes(rows):
        return [Finding("telling-value", "ok", "Not computed: too few churned accounts.")]
    y = rows["y"].to_numpy(dtype=np.float64)
    base = float(y.mean())
    odds = TELLING_ODDS * base / (1.0 - base)
    limit = max(TELLING_RATE, odds / (1.0 + odds))
    level = 1.0 - ALARM_RATE / max(1, len(context.cohort.metrics))
    found = []
    for name in context.cohort.metrics:
        told = [(rate, words) for words, here in states(rows[name]) if (rate := _rate(rows, y, here, limit, level))]
        if told:
            rate, words = max(told)
            found.append(
                Finding(
                    f"telling-value:{name}",
                    "review",
                    f"Where `{name}` is {words}, accounts leave within the outcome window at a rate of {figure(rate)}; "
                    f"in the book it is {figure(base)}. Such a value is often written because an account leaves, or it "
                    "is part of how churn is defined. Please look at when it is recorded; if it is a true signal, "
                    f"write why under [checks.allow].{context.sampled}",
                )
            )
    return found or [
        Finding("telling-value", "ok", f"No value of a column nearly decides churn (limit {figure(limit)}).")
    ]


def _rate(rows: pd.DataFrame, y: npt.NDArray[np.float64], here: Bools, limit: float, level: float) -> float:
    """Churn rate with a value when its lower limit, over accounts, exceeds the limit; else 0."""
    if y[here].mean() <= limit:
        return 0.0
    rate = korn_graubard(y[here], rows.loc[here, "account_id"], level=level, side="lower")
    return float(rate.value or 0.0) if (rate.low or 0.0) > limit else 0.0


def states(column: pd.Series) -> Iterator[tuple[str, Bools]]:
    """What a column may say, in words, and the rows where it does; states of no row are left out."""
    known = column.notna().to_numpy()
    if known.any() and not known.all():
        yield "filled in", known
        yield "missing", ~known
    values = column[known]
    numeric = pd.api.types.is_numeric_dtype(column)
    if not numeric or values.nunique() <= COARSE:
        counts = values.value_counts()
        for value in counts.index[counts >= _FEW_ROWS]:
            yield f"`{value}`", (column == value).fillna(value=False).to_numpy(dtype=bool)
        return
    number = column.to_numpy(dtype=np.float64, na_value=np.nan)
    for share in TAILS:
        low, high = np.nanquantile(number, [share, 1.0 - share], method="closest_observation")
        yield f"at most {low:g}", number <= low
        yield f"at least {high:g}", number >= high
