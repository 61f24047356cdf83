"""A score measured under current care, and what it would be worth had nobody intervened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.cohort import OutcomeWindow
from churnbench.interventions.term import treatment_term
from churnbench.interventions.weighting import UntreatedWeights
from churnbench.metrics import AccountBootstrap, summarise

#: What every figure of a review estimates, unless it says otherwise.
ESTIMAND = "risk under current care"
UNTREATED = "risk if nobody intervened between the as-of date and the end of the outcome window"
#: way -> what must be true for its figures to mean what they say.
ASSUMPTIONS: Mapping[str, str] = {
    "plain": f"None about treatments: it measures the {ESTIMAND}, which changes when care changes.",
    "weighted": (
        "The logged propensities are the probabilities that really decided (true by construction where a coin did), "
        "every treatment is in the log, and for each treated account some like it were left alone."
    ),
    "treatment_term": (
        "At equal score, who was treated does not depend on anything else that drives churn; a treatment changes the "
        "odds of churn by one factor for everybody; the risk is logistic in the score."
    ),
}
_MEASURES = ("auc", "calibration_slope", "observed_over_expected", "log_loss")


def evaluate_under_treatment(
    rows: pd.DataFrame,
    exposed: pd.DataFrame,
    p: npt.NDArray[np.float64],
    *,
    weights: UntreatedWeights,
    window: OutcomeWindow,
    bootstrap: AccountBootstrap,
) -> dict[str, Any]:
    """AUC and calibration of one score in three ways, with 90 % account-bootstrap intervals.

    Args:
        rows: account_id, as_of, y, churned_on; n labelled rows.
        exposed: from `exposure`, the same rows.
        p: shape (n,), P(churn).
        weights: from `untreated_weights`, the same rows.
        window: gap and horizon.
        bootstrap: resamples of the accounts of these rows.

    Returns:
        plain, weighted and treatment_term; the last two hold `obstacle`, a sentence, where they cannot be had. With
        usable weights there is no treatment term: it would need more assumptions and tell less.
    """
    y, accounts = rows["y"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object)
    plain = summarise(y, p, accounts, bootstrap=bootstrap)
    found: dict[str, Any] = {"plain": {name: plain[name].as_json() for name in _MEASURES}}
    found["weighted"] = {"obstacle": weights.obstacle}
    found["treatment_term"] = {"obstacle": "Propensities are known; the weighted figures need fewer assumptions."}
    if weights.obstacle is None:
        reweighted = summarise(y, p, accounts, bootstrap=bootstrap, weights=weights.weight)
        found["weighted"] |= {name: reweighted[name].as_json() for name in _MEASURES}
    elif weights.treated_rows:
        found["treatment_term"] = treatment_term(rows, exposed, p, window, bootstrap).as_json()
    else:
        found["treatment_term"] = {"obstacle": weights.obstacle}
    return found
