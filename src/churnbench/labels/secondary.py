"""Labels of outcomes that are not churn: contraction and expansion, kept apart from it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.domain.cohort import OutcomeWindow
from churnbench.labels.outcomes import Outcomes


def label_changes(
    labelled: pd.DataFrame, outcomes: Outcomes, window: OutcomeWindow, *, contraction_share: float = 0.20
) -> pd.DataFrame:
    """Contraction and expansion in the outcome window `(s + g, s + g + h]`.

    Args:
        labelled: account_id, as_of, status.
        outcomes: cleaned outcomes.
        window: gap and horizon.
        contraction_share: a contraction counts from this share of the value on; one without a share counts.

    Returns:
        Same index: y_contraction and y_expansion, 1.0 or 0.0 where status is "labelled", else NaN.
    """
    columns = {}
    changes = outcomes.changes
    big_enough = changes["share"].isna() | (changes["share"].abs() >= contraction_share)
    for kind, counts in (("contraction", big_enough), ("expansion", changes["on"].notna())):
        inside = in_window(labelled, changes[(changes["kind"] == kind) & counts], window)
        columns[f"y_{kind}"] = np.where(labelled["status"] == "labelled", inside.astype(float), np.nan)
    return pd.DataFrame(columns, index=labelled.index)


def in_window(rows: pd.DataFrame, events: pd.DataFrame, window: OutcomeWindow) -> np.ndarray:
    """Whether the first event after s + g falls within the horizon.

    Args:
        rows: account_id, as_of.
        events: account_id, on.
        window: gap g and horizon.

    Returns:
        bool (rows,).
    """
    if events.empty:
        return np.zeros(len(rows), dtype=bool)
    begin = rows["as_of"].to_numpy().astype("datetime64[us]") + np.timedelta64(window.gap_days, "D")
    left = pd.DataFrame({"account_id": rows["account_id"].to_numpy(), "begin": begin, "order": np.arange(len(rows))})
    merged = pd.merge_asof(
        left.sort_values("begin", kind="stable"),
        events[["account_id", "on"]].sort_values("on", kind="stable"),
        left_on="begin",
        right_on="on",
        by="account_id",
        direction="forward",
        allow_exact_matches=False,
    ).sort_values("order")
    inside = (merged["on"] - merged["begin"]) <= pd.Timedelta(days=window.horizon_days)
    return inside.to_numpy(dtype=bool)
