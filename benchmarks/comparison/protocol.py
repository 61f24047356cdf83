"""One protocol behind which every way of scoring accounts is fitted, timed and asked for its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from churnbench.calibration import FittedContender, Training
from churnbench.domain.cohort import OutcomeWindow
from churnbench.models import on_one_scale, recalibrate

#: What kind of thing a method yields: the field's recipes, formulas fitted to outcomes, or something else than a
#: weighted formula.
Group = Literal["recipe", "fitted", "rival"]
Index = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True, eq=False)
class Made:
    """One method fitted on one training set.

    Attributes:
        fitted: the contender; it predicts.
        weights: term -> share of the score, summing to 1; None for what has no weights.
        inputs: metrics it reads, compounds and pairs of metrics included.
        prepared: adds the columns it needs to a frame; None when it needs none.
        notes: what was chosen, for the record.
    """

    fitted: FittedContender
    weights: Mapping[str, float] | None
    inputs: int
    prepared: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    notes: str = ""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """P(churn) of rows that it did not see (rows,)."""
        return self.fitted.predict(self.prepared(frame) if self.prepared else frame).churn_probability


@dataclass(frozen=True)
class Method:
    """One row of every table.

    Attributes:
        label: what tables and figures call it.
        group: which kind of method.
        fit: fits it on a training set.
        from_boosting: whether it starts from the LightGBM challenger, whose time then counts as its own.
        weighted: whether the stability of its weights is asked for.
        weigh: a shorter way to its weights than `fit`, without out-of-fold fits; None takes those of `fit`.
    """

    label: str
    group: Group
    fit: Callable[[Training, OutcomeWindow | None], Made]
    from_boosting: bool = False
    weighted: bool = True
    weigh: Callable[[Training], Mapping[str, float]] | None = None


def cross_fitted(name: str, training: Training, fit: Callable[[np.ndarray], Index]) -> FittedContender:
    """A rival as a contender, recalibrated exactly as the project's own: on out-of-fold rows of the inner folds.

    Args:
        name: key of the method.
        training: what may be learned from.
        fit: given positions of training rows, fits the rival there and returns its log-odds of churn as a function
            of a frame.
    """
    final = fit(np.arange(len(training.y)))
    inner, own = [], []
    for learn, predict in training.held_out:
        later = training.frame.iloc[predict]
        inner.append(fit(learn)(later))
        own.append(final(later))
    rows = training.held_out_rows
    index = on_one_scale(inner, own)
    line = recalibrate(index, training.y[rows], training.accounts[rows], training.stratum[rows])
    return FittedContender(name, "model", line, final, rows, index)


def log_odds(p: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities, finite for 0 and 1."""
    kept = np.clip(p, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(kept / (1 - kept)))


def shares(ranges: Mapping[str, float]) -> dict[str, float]:
    """Ranges as shares of their sum; equal shares when all are 0."""
    total = sum(ranges.values())
    return {name: value / total if total > 0 else 1 / len(ranges) for name, value in ranges.items()}
