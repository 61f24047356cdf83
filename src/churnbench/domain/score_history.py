"""What a score history looks like as a frame: the one table that triggers, reports and monitoring read."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from churnbench.domain.errors import InputError

#: Columns of every score history, in this order; then one `<dimension>_score` per dimension and one column per input.
HISTORY_COLUMNS = (
    "account_id",
    "as_of",
    "config_version",
    "body_sha256",
    "health_score_x100",
    "health_score",
    "calculated_band",
    "band",
    "coverage_bp",
    "churn_probability",
    "segment",
    "csm",
    "arr",
    "parent_id",
    "renewal_on",
)
#: Columns that say which reading a row is.
READING = ("account_id", "as_of")
DIMENSION_SUFFIX = "_score"


def as_history(frame: pd.DataFrame, extra: Iterable[str] = ()) -> pd.DataFrame:
    """Bring a frame into the shape of a score history.

    Args:
        frame: has account_id, as_of, health_score_x100 and band; of the other `HISTORY_COLUMNS` those that are absent
            are added as missing (calculated_band as band, coverage_bp as full).
        extra: further columns to keep, in this order: dimension scores and inputs.

    Returns:
        A new frame with `HISTORY_COLUMNS` and `extra`, sorted by (account_id, as_of), one row per account and date.
        health_score is health_score_x100 / 100, NaN for insufficient data; probabilities are P(churn).

    Raises:
        InputError: an account has two rows on one date.

    >>> reading = {"account_id": ["a"], "as_of": ["2026-01-31"], "health_score_x100": [6412], "band": ["yellow"]}
    >>> history = as_history(pd.DataFrame(reading))
    >>> history[["health_score", "calculated_band", "coverage_bp"]].to_dict("records")
    [{'health_score': 64.12, 'calculated_band': 'yellow', 'coverage_bp': 10000}]
    """
    made = frame.copy()
    made["account_id"] = made["account_id"].astype(str)
    made["as_of"] = pd.to_datetime(made["as_of"]).dt.normalize().astype("datetime64[ns]")
    made["health_score_x100"] = made["health_score_x100"].astype("Int64")
    made["health_score"] = made["health_score_x100"].astype("Float64").astype(float) / 100
    if "calculated_band" not in made:
        made["calculated_band"] = made["band"]
    if "coverage_bp" not in made:
        made["coverage_bp"] = 10_000
    for name in ("churn_probability", "arr"):
        made[name] = made[name].astype(float) if name in made else float("nan")
    for name in ("config_version", "body_sha256", "segment", "csm", "parent_id"):
        made[name] = made[name].astype(object).where(made[name].notna(), None) if name in made else None
    made["segment"] = made["segment"].where(made["segment"].notna(), "all")
    renewal = made["renewal_on"] if "renewal_on" in made else pd.Series(pd.NaT, index=made.index)
    made["renewal_on"] = pd.to_datetime(renewal).astype("datetime64[ns]")
    twice = made.duplicated(list(READING))
    if twice.any():
        row = made.loc[twice].iloc[0]
        raise InputError(
            f"account {row['account_id']!r} has two readings on {row['as_of']:%Y-%m-%d}.",
            column="account_id",
            fix="Keep one reading per account and date.",
        )
    names = [*HISTORY_COLUMNS, *(name for name in extra if name not in HISTORY_COLUMNS)]
    return made[names].sort_values(list(READING), kind="stable").reset_index(drop=True)


def dimension_columns(history: pd.DataFrame, dimensions: Iterable[str]) -> dict[str, str]:
    """Dimension id -> column of its score, for the dimensions that the history holds."""
    named = {dimension: f"{dimension}{DIMENSION_SUFFIX}" for dimension in dimensions}
    return {dimension: column for dimension, column in named.items() if column in history}
