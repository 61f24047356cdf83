"""LightGBM: the project's challenger as it is, with monotone directions, and without interactions."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from benchmarks.comparison.protocol import Made, cross_fitted

from churnbench.calibration import CONTENDERS, Training
from churnbench.calibration.hand_curve import HandCurve
from churnbench.domain.cohort import OutcomeWindow
from churnbench.models.boosting import parameters

_PATIENCE = 40
#: Trees with one split add up slowly and are given more of them; early stopping ends both.
_MOST_ROUNDS = {1: 3000, 2: 400, 4: 400}


def challenger(training: Training, window: OutcomeWindow | None) -> Made:
    """The project's LightGBM: depth 2 or 4 and the number of trees chosen on inner folds."""
    fitted = CONTENDERS["lightgbm"].fit("lightgbm", training, window)
    used = 0 if fitted.model is None else int((fitted.model.feature_importance("split") > 0).sum())
    return Made(fitted, None, used, notes=", ".join(f"{key} {value}" for key, value in fitted.parameters.items()))


def monotone(training: Training, window: OutcomeWindow | None) -> Made:  # noqa: ARG001
    """The same settings with every metric held to the direction that its owner declared."""
    return _boosted("lightgbm_monotone", training, (2, 4), constrained=True)


def additive(training: Training, window: OutcomeWindow | None) -> Made:  # noqa: ARG001
    """Trees with a single split: free curves, no interactions. Its distance to the challenger is their price."""
    return _boosted("lightgbm_additive", training, (1,), constrained=False)


def axis_values(curves: tuple[HandCurve, ...], frame: pd.DataFrame) -> np.ndarray:
    """Metrics as numbers (rows, metrics): categories in the order of their hand points, NaN for missing."""
    return np.column_stack([curve.values(frame) for curve in curves])


def declared_constraints(curves: tuple[HandCurve, ...]) -> list[int]:
    """Per metric: -1 where more means less churn, +1 where it means more, 0 where the hand curve turns."""
    found = []
    for curve in curves:
        steps = np.diff(curve.points)
        if (steps == 0).all():
            found.append(-1 if curve.higher_is_healthier else 1)
        else:
            found.append(-1 if (steps >= 0).all() else 1 if (steps <= 0).all() else 0)
    return found


def _boosted(name: str, training: Training, depths: tuple[int, ...], *, constrained: bool) -> Made:
    curves, seed = training.hand_curves, training.settings.seed
    values = axis_values(curves, training.frame)
    extra = {"monotone_constraints": declared_constraints(curves)} if constrained else {}
    trials = {
        depth: rounds_on_folds(values, training, {**parameters(depth, len(values), seed), **extra}) for depth in depths
    }
    depth = min(trials, key=lambda tried: trials[tried][1])
    rounds = trials[depth][0]
    used: list[int] = []

    def fit(rows: np.ndarray) -> Any:
        booster = lightgbm.train(
            {**parameters(depth, len(training.y), seed), **extra},
            lightgbm.Dataset(values[rows], label=training.y[rows], params={"max_bin": 127, "verbosity": -1}),
            num_boost_round=rounds,
        )
        used.append(int((booster.feature_importance("split") > 0).sum()))
        return lambda frame: np.asarray(booster.predict(axis_values(curves, frame), raw_score=True))

    fitted = cross_fitted(name, training, fit)
    return Made(fitted, None, used[0], notes=f"depth {depth}, rounds {rounds}")


def rounds_on_folds(values: np.ndarray, training: Training, settings: dict[str, Any]) -> tuple[int, float]:
    """Number of trees with the least loss on the inner folds' later rows, and that loss."""
    curves, sizes = [], []
    for learn, predict in training.folds:
        history: dict[str, dict[str, list[float]]] = {}
        rows = lightgbm.Dataset(values[learn], label=training.y[learn], params={"max_bin": 127, "verbosity": -1})
        lightgbm.train(
            settings,
            rows,
            num_boost_round=_MOST_ROUNDS[settings["max_depth"]],
            valid_sets=[rows.create_valid(values[predict], label=training.y[predict])],
            valid_names=["later"],
            callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False), lightgbm.record_evaluation(history)],
        )
        curves.append(np.asarray(history["later"]["binary_logloss"]))
        sizes.append(len(predict))
    longest = max(len(curve) for curve in curves)
    padded = np.vstack([np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves])
    mean = np.average(padded, axis=0, weights=sizes)
    return int(mean.argmin()) + 1, float(mean.min())
