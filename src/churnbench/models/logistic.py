"""Regularised logistic regression on standardised metrics with missing indicators; strength chosen inside training."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler

from churnbench.models.boosting import InnerFolds

_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
#: Regression coefficients are settled long before this many rows; more only cost time.
_MAX_ROWS = 60_000


def _pipeline(width: int, categories: list[int], strength: float) -> Pipeline:
    numbers = [position for position in range(width) if position not in set(categories)]
    steps: list[tuple[str, Any, list[int]]] = [
        (
            "numbers",
            make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
                RobustScaler(quantile_range=(5, 95)),
            ),
            numbers,
        )
    ]
    if categories:
        steps.append(
            (
                "categories",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value=-1.0),
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                ),
                categories,
            )
        )
    return make_pipeline(ColumnTransformer(steps), LogisticRegression(C=strength, max_iter=1000))


def log_odds(model: Pipeline, matrix: np.ndarray) -> np.ndarray:
    """Log-odds of churn, the sign taken from the class label and never from a column's position."""
    sign = 1.0 if model.classes_[-1] == 1 else -1.0
    return sign * np.asarray(model.decision_function(matrix))


def _loss(y: np.ndarray, index: np.ndarray) -> float:
    return float(np.mean(np.logaddexp(0.0, index) - y * index))


def fit_logistic(
    matrix: np.ndarray,
    y: np.ndarray,
    *,
    folds: InnerFolds,
    held_out: InnerFolds | None = None,
    categories: list[int],
    seed: int,
) -> tuple[Pipeline, np.ndarray, np.ndarray, float]:
    """Choose the strength on `folds`, then fit on all rows.

    Args:
        matrix: float64 (rows, metrics), NaN for missing.
        y: 0/1 (rows,).
        folds: pairs of row positions (learn, predict) to choose the strength on.
        held_out: folds for the log-odds that are returned; `folds` when None.
        categories: positions of category columns.
        seed: of the drawing of rows when there are very many.

    Returns:
        The pipeline, positions of the out-of-fold rows, their log-odds, and the chosen inverse penalty C.
    """
    generator = np.random.default_rng(seed)

    def thin(rows: np.ndarray) -> np.ndarray:
        return rows if len(rows) <= _MAX_ROWS else np.sort(generator.choice(rows, _MAX_ROWS, replace=False))

    def crossed(strength: float, parts: InnerFolds) -> np.ndarray:
        return np.concatenate(
            [
                log_odds(
                    _pipeline(matrix.shape[1], categories, strength).fit(matrix[used], y[used]),
                    matrix[predict],
                )
                for used, (_, predict) in zip([thin(learn) for learn, _ in parts], parts, strict=True)
            ]
        )

    truth = np.concatenate([y[predict] for _, predict in folds])
    tried = {strength: crossed(strength, folds) for strength in _STRENGTHS}
    chosen = min(tried, key=lambda strength: _loss(truth, tried[strength]))
    rows = thin(np.arange(len(y)))
    model = _pipeline(matrix.shape[1], categories, chosen).fit(matrix[rows], y[rows])
    parts = held_out if held_out is not None else folds
    index = tried[chosen] if held_out is None else crossed(chosen, parts)
    return model, np.concatenate([predict for _, predict in parts]), index, chosen
