"""Churn models and their recalibration.

Every model yields an index (log-odds of churn), known out of fold on the training rows; one recalibration turns the
index of any contender into P(churn).
"""

from churnbench.metrics.reliability import expit, logit
from churnbench.models.boosting import Boosted, cross_predict, fit_boosting
from churnbench.models.design import Encoder
from churnbench.models.logistic import fit_logistic, log_odds
from churnbench.models.recalibration import Line, Recalibration, on_one_scale, recalibrate

__all__ = [
    "Boosted",
    "Encoder",
    "Line",
    "Recalibration",
    "cross_predict",
    "expit",
    "fit_boosting",
    "fit_logistic",
    "log_odds",
    "logit",
    "on_one_scale",
    "recalibrate",
]
