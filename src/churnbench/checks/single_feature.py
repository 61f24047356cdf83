"""Does one column alone, or its being filled in, predict churn too well?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.checks.context import MIN_EVENTS, CheckContext, both_classes, figure
from churnbench.checks.lead_time import lead_sentence
from churnbench.checks.small_models import out_of_fold_rate
from churnbench.domain.findings import Finding
from churnbench.metrics.discrimination import auc

BLOCK_AUC = 0.95
REVIEW_AUC = 0.85
PRESENCE_AUC = 0.80


def check_single_features(context: CheckContext) -> list[Finding]:
    """AUC of each column on training rows where it is filled: above .95 block, above .85 review.

    The strongest of: the number itself, its mirror image, and the churn rate of its category or bin among
    other accounts (for text, and for numbers whose risk is not monotone).
    """
    rows = context.training
    if not both_classes(rows):
        return [_too_few("single-feature-auc")]
    found = []
    strongest = ("", 0.0)
    for name in context.cohort.metrics:
        value = column_auc(rows, name, seed=context.seed)
        if value is None:
            continue
        strongest = max(strongest, (name, value), key=lambda pair: pair[1])
        if value > REVIEW_AUC:
            found.append(_accuse(context, name, value))
    if found:
        return found
    return [
        Finding(
            "single-feature-auc",
            "ok",
            f"The strongest single column, `{strongest[0]}`, has AUC {figure(strongest[1])}; "
            f"a leak is suspected above {figure(REVIEW_AUC)}.{context.sampled}",
        )
    ]


def check_presence(context: CheckContext) -> list[Finding]:
    """AUC of "is filled in" per column, and of the number of filled columns per row: above .80 review."""
    rows = context.training
    if not both_classes(rows):
        return [_too_few("presence")]
    y = rows["y"].to_numpy(dtype=np.float64)
    missing = rows[list(context.cohort.metrics)].isna().to_numpy(dtype=np.float64)
    found = []
    largest = 0.5
    for name, column in zip(context.cohort.metrics, missing.T, strict=True):
        value = _strongest(y, column)
        largest = max(largest, value)
        if value > PRESENCE_AUC:
            found.append(
                Finding(
                    f"presence:{name}",
                    "review",
                    f"Whether `{name}` is filled in at all predicts churn with AUC {figure(value)}. Often "
                    "that means that the column is written, or wiped, when an account leaves. Look at when "
                    "it is filled; if it is a true signal, write why under [checks.allow].",
                )
            )
    count = _strongest(y, missing.sum(axis=1)) if missing.shape[1] else 0.5
    if not found and count > PRESENCE_AUC:
        found.append(
            Finding(
                "presence:record-count",
                "review",
                f"The number of filled columns alone predicts churn with AUC {figure(count)}. Look at how "
                "complete rows of churned and other accounts are, and why.",
            )
        )
    return found or [
        Finding(
            "presence",
            "ok",
            f"Missing values do not give churn away (AUC at most {figure(max(largest, count))}).",
        )
    ]


def column_auc(rows: pd.DataFrame, name: str, *, seed: int) -> float | None:
    """Strongest AUC of one column on rows where it is filled; `None` with too few churners or others."""
    known = rows[rows[name].notna()]
    if not both_classes(known):
        return None
    y = known["y"].to_numpy(dtype=np.float64)
    codes = np.asarray(pd.factorize(known["account_id"], sort=True)[0], dtype=np.int64)
    value = auc(y, out_of_fold_rate(known[name], y, codes, seed=seed))
    if pd.api.types.is_numeric_dtype(known[name]):
        value = max(value, _strongest(y, known[name].to_numpy(dtype=np.float64)))
    return value


def _strongest(y: npt.NDArray[np.float64], column: npt.NDArray[np.float64]) -> float:
    """AUC in the stronger of the two directions."""
    value = auc(y, column)
    return max(value, 1.0 - value)


def _accuse(context: CheckContext, name: str, value: float) -> Finding:
    blocks = value > BLOCK_AUC
    lead = lead_sentence(context, name)
    opening = f"Column `{name}` alone {'almost predicts' if blocks else 'predicts'} churn (AUC {figure(value)})."
    advice = (
        "Blocked; to keep it, write the reason under [checks.allow]."
        if blocks
        else "Please look at when it is recorded; if it is a true signal, write why under [checks.allow]."
    )
    return Finding(
        f"single-feature-auc:{name}",
        "block" if blocks else "review",
        f"{opening} {lead}{advice}{context.sampled}",
    )


def _too_few(check: str) -> Finding:
    return Finding(
        check,
        "ok",
        f"Not computed: the training part needs at least {MIN_EVENTS} churned accounts and as many others.",
    )
