"""Fit every contender on every fold and keep what they said about rows they had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from churnbench.backtesting.splits import Fold


@dataclass(frozen=True, eq=False)
class Prediction:
    """P(churn) per row, and for formulas the health score 0-100 (NaN where there is too little data)."""

    churn_probability: np.ndarray
    health_score: np.ndarray | None


class Predictor(Protocol):
    """Anything fitted that can speak about new rows."""

    def predict(self, frame: pd.DataFrame) -> Prediction:
        """P(churn), and for formulas the health score."""


@dataclass(frozen=True, eq=False)
class FoldPredictions:
    """What each contender said about a fold's test rows, in the fold's row order."""

    fold: Fold
    predictions: Mapping[str, Prediction]


def predict_fold(frame: pd.DataFrame, fold: Fold, fitted: Mapping[str, Predictor]) -> FoldPredictions:
    """Predict a fold's test rows with contenders fitted on its training rows."""
    test = frame.loc[fold.test_rows]
    return FoldPredictions(fold, {name: predictor.predict(test) for name, predictor in fitted.items()})


def pooled(frame: pd.DataFrame, parts: list[FoldPredictions]) -> pd.DataFrame:
    """One row per tested snapshot with every contender's answer.

    Columns: account_id, as_of, y, fold, and per contender `NAME.churn_probability`, for formulas also
    `NAME.health_score`. The index holds the labels of the cohort frame.
    """
    blocks = []
    for part in parts:
        rows = frame.loc[part.fold.test_rows, ["account_id", "as_of", "y"]].copy()
        rows["fold"] = part.fold.name
        for name, prediction in part.predictions.items():
            rows[f"{name}.churn_probability"] = prediction.churn_probability
            if prediction.health_score is not None:
                rows[f"{name}.health_score"] = prediction.health_score
        blocks.append(rows)
    return pd.concat(blocks) if blocks else pd.DataFrame(columns=["account_id", "as_of", "y", "fold"])
