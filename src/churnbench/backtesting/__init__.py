"""Date-based splits with derived purge, and what contenders said about rows they had not seen."""

from churnbench.backtesting.runner import FoldPredictions, Prediction, Predictor, pooled, predict_fold
from churnbench.backtesting.splits import (
    Fold,
    cross_validation,
    distinct_events,
    held_out_folds,
    inner_folds,
    walk_forward,
)

__all__ = [
    "Fold",
    "FoldPredictions",
    "Prediction",
    "Predictor",
    "cross_validation",
    "distinct_events",
    "held_out_folds",
    "inner_folds",
    "pooled",
    "predict_fold",
    "walk_forward",
]
