"""The challenger: shallow LightGBM, its rounds and depth chosen on forward-chained folds inside training.

Shallow trees keep SHAP fast and the ceiling honest on the few hundred events a B2B company has. Everything that is
chosen (depth, number of rounds) is chosen on rows predicted by models that did not see them; the same out-of-fold
predictions and SHAP values then serve recalibration and the derivation of weights.

Source: Ke et al. (2017), LightGBM; Lundberg et al. (2020), TreeSHAP (`pred_contrib` is LightGBM's own).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

_MAX_ROUNDS = 400
_PATIENCE = 40
_DEPTHS = (2, 4)
#: From this many distinct churned accounts on deeper trees are tried too.
_EVENTS_FOR_DEPTH = 50

InnerFolds = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Boosted:
    """A fitted challenger with its out-of-fold view of the training rows.

    Attributes:
        booster: native LightGBM booster on all training rows.
        rows: positions of the training rows that an inner fold predicted.
        index: their out-of-fold log-odds of churn (raw, before recalibration).
        contributions: their SHAP values on the log-odds, shape (len(rows), metrics); positive raises P(churn).
        depth, rounds: what was chosen.
    """

    booster: Any
    rows: np.ndarray
    index: np.ndarray
    contributions: np.ndarray
    depth: int
    rounds: int

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """Raw log-odds of churn for new rows."""
        return np.asarray(self.booster.predict(matrix, raw_score=True))


def parameters(depth: int, rows: int, seed: int) -> dict[str, Any]:
    """LightGBM settings of the challenger.

    Args:
        depth: depth of the trees, >= 1.
        rows: training rows; large data learn in larger steps and use all cores.
        seed: seed of row and column sampling.
    """
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": 0.06 if rows < 100_000 else 0.1,
        "max_depth": depth,
        "num_leaves": 2**depth,
        "min_data_in_leaf": int(np.clip(rows // 100, 10, 200)),
        "lambda_l2": 5.0,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": 127,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # Threads cost more than they save on small data, and two busy processes on two cores would crawl.
        "num_threads": 1 if rows < 50_000 else 0,
        "verbosity": -1,
    }


def _dataset(matrix: np.ndarray, y: np.ndarray, categories: list[int]) -> Any:
    return lightgbm.Dataset(
        matrix, label=y, categorical_feature=categories or "auto", params={"max_bin": 127, "verbosity": -1}
    )


def fit_boosting(
    matrix: np.ndarray,
    y: np.ndarray,
    *,
    folds: InnerFolds,
    events: int,
    categories: list[int],
    names: Sequence[str],
    seed: int,
    contribution_rows: int = 20_000,
) -> Boosted:
    """Choose depth and rounds on `folds`, then fit on all rows.

    Args:
        matrix: float64 (rows, metrics), NaN for missing.
        y: 0/1 (rows,), both classes present.
        folds: pairs of row positions (learn, predict).
        events: distinct churned accounts.
        categories: positions of category columns.
        names: metric names, kept in the booster.
        seed: seed of row and column sampling.
        contribution_rows: SHAP values are computed for at most this many rows per fold; the others are NaN.
    """
    depths = _DEPTHS if events >= _EVENTS_FOR_DEPTH else _DEPTHS[:1]
    trials = {depth: _cross_fit(matrix, y, folds, parameters(depth, len(y), seed), categories) for depth in depths}
    depth = min(trials, key=lambda tried: trials[tried][1])
    boosters, _, rounds = trials[depth]
    index, contributions = [], []
    generator = np.random.default_rng(seed)
    for (_, predict), booster in zip(folds, boosters, strict=True):
        index.append(booster.predict(matrix[predict], raw_score=True, num_iteration=rounds))
        shown = np.full((len(predict), matrix.shape[1]), np.nan)
        chosen = (
            np.arange(len(predict))
            if len(predict) <= contribution_rows
            else np.sort(generator.choice(len(predict), contribution_rows, replace=False))
        )
        shown[chosen] = booster.predict(matrix[predict[chosen]], pred_contrib=True, num_iteration=rounds)[:, :-1]
        contributions.append(shown)
    final = lightgbm.train(
        parameters(depth, len(y), seed),
        lightgbm.Dataset(
            matrix,
            label=y,
            feature_name=[f"f{position}" for position in range(len(names))],
            categorical_feature=categories or "auto",
            params={"max_bin": 127, "verbosity": -1},
        ),
        num_boost_round=rounds,
    )
    return Boosted(
        final,
        np.concatenate([predict for _, predict in folds]),
        np.concatenate(index),
        np.vstack(contributions),
        depth,
        rounds,
    )


def cross_predict(
    matrix: np.ndarray, y: np.ndarray, boosted: Boosted, *, folds: InnerFolds, categories: list[int], seed: int
) -> np.ndarray:
    """Raw log-odds of the rows that `folds` predict, by boosters of the chosen depth and rounds that did not see them.

    Returns:
        Shape (rows,), folds concatenated.
    """
    settings = parameters(boosted.depth, len(y), seed)
    found = []
    for learn, predict in folds:
        booster = lightgbm.train(
            settings, _dataset(matrix[learn], y[learn], categories), num_boost_round=boosted.rounds
        )
        found.append(np.asarray(booster.predict(matrix[predict], raw_score=True)))
    return np.concatenate(found)


def _cross_fit(
    matrix: np.ndarray, y: np.ndarray, folds: InnerFolds, parameters: dict[str, Any], categories: list[int]
) -> tuple[list[Any], float, int]:
    """Boosters per fold, the mean validation loss at the best common number of rounds, and that number."""
    boosters, curves, sizes = [], [], []
    for learn, predict in folds:
        history: dict[str, dict[str, list[float]]] = {}
        training = _dataset(matrix[learn], y[learn], categories)
        validation = training.create_valid(matrix[predict], label=y[predict])
        boosters.append(
            lightgbm.train(
                parameters,
                training,
                num_boost_round=_MAX_ROUNDS,
                valid_sets=[validation],
                valid_names=["later"],
                callbacks=[
                    lightgbm.early_stopping(_PATIENCE, verbose=False),
                    lightgbm.record_evaluation(history),
                ],
            )
        )
        curves.append(np.asarray(history["later"]["binary_logloss"]))
        sizes.append(len(predict))
    longest = max(len(curve) for curve in curves)
    padded = np.vstack([np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves])
    mean = np.average(padded, axis=0, weights=sizes)
    best = int(mean.argmin())
    return boosters, float(mean[best]), best + 1
