"""Rivals from outside: explainable boosting (interpret) and optimal-binning scorecards (optbinning).

Neither is a dependency of churnbench; both come with the optional group "rivals" and are left out when absent.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.comparison.protocol import Index, Made, cross_fitted, log_odds, shares
from sklearn.linear_model import LogisticRegression

from churnbench.calibration import CONTENDERS, Training
from churnbench.domain.cohort import OutcomeWindow


def installed(package: str) -> bool:
    """Whether a rival's package can be imported."""
    return importlib.util.find_spec(package) is not None


@dataclass(frozen=True)
class EbmSettings:
    """What an explainable boosting machine may spend.

    Attributes:
        outer_bags, interactions, learning_rate, max_bins, max_interaction_bins: as interpret calls them.
    """

    outer_bags: int = 4
    interactions: int | str = 10
    learning_rate: float = 0.04
    max_bins: int = 256
    max_interaction_bins: int = 32


#: interpret's own defaults, several times as slow; the command's `--full` uses them.
EBM_DEFAULTS = EbmSettings(14, "3x", 0.015, 1024, 64)


def logistic(training: Training, window: OutcomeWindow | None) -> Made:
    """The project's logistic regression on standardised metrics with missing indicators."""
    return Made(CONTENDERS["logistic"].fit("logistic", training, window), None, len(training.metrics))


@dataclass(frozen=True)
class ExplainableBoosting:
    """An explainable boosting machine with pairs of metrics.

    Source: Lou et al. (2013), doi:10.1145/2487575.2487579.
    """

    settings: EbmSettings

    def fit(self, training: Training, window: OutcomeWindow | None) -> Made:  # noqa: ARG002
        """On all training rows and on each inner fold."""
        made: list[Any] = []

        def fit(rows: np.ndarray) -> Index:
            model = self._model(training, rows)
            made.append(model)
            return lambda frame: np.asarray(model.decision_function(_inputs(training, frame)), dtype=float)

        fitted = cross_fitted("ebm", training, fit)
        ranges = _term_ranges(made[0])
        pairs = sum(len(term) > 1 for term in made[0].term_features_)
        return Made(fitted, shares(ranges), len(ranges), notes=f"{pairs} pairs")

    def weights(self, training: Training) -> Mapping[str, float]:
        """Range of each term on the log-odds, as a share; a pair is a term of its own."""
        return shares(_term_ranges(self._model(training, np.arange(len(training.y)))))

    def _model(self, training: Training, rows: np.ndarray) -> Any:
        model = _ebm(training, self.settings)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Missing values detected")
            return model.fit(_inputs(training, training.frame.iloc[rows]), training.y[rows].astype(int))


def _term_ranges(model: Any) -> dict[str, float]:
    return {
        str(name): float(np.ptp(scores)) for name, scores in zip(model.term_names_, model.term_scores_, strict=True)
    }


def _ebm(training: Training, settings: EbmSettings) -> Any:
    text = set(training.encoder.categories)
    return importlib.import_module("interpret.glassbox").ExplainableBoostingClassifier(
        feature_names=list(training.metrics),
        feature_types=["nominal" if metric in text else "continuous" for metric in training.metrics],
        outer_bags=settings.outer_bags,
        interactions=settings.interactions,
        learning_rate=settings.learning_rate,
        max_bins=settings.max_bins,
        max_interaction_bins=settings.max_interaction_bins,
        random_state=training.settings.seed,
        n_jobs=1,
    )


def _inputs(training: Training, frame: pd.DataFrame) -> pd.DataFrame:
    """Metric columns as rivals read them: floats, and text as objects."""
    text = set(training.encoder.categories)
    return pd.DataFrame(
        {
            metric: frame[metric].astype(object).where(frame[metric].notna(), "missing")
            if metric in text
            else frame[metric].to_numpy(dtype=float, na_value=np.nan)
            for metric in training.metrics
        }
    )


def scorecard(training: Training, window: OutcomeWindow | None) -> Made:  # noqa: ARG001
    """A credit-style scorecard: optimal monotone bins, weight of evidence, logistic regression.

    Source: Navas-Palencia (2020), arXiv:2001.08025.
    """
    made: list[Any] = []

    def fit(rows: np.ndarray) -> Index:
        card = _fitted_card(training, rows)
        made.append(card)
        return lambda frame: log_odds(np.asarray(card.predict_proba(_inputs(training, frame)))[:, 1])

    fitted = cross_fitted("scorecard", training, fit)
    used = _point_ranges(made[0])
    return Made(fitted, used, len(used))


def scorecard_weights(training: Training) -> Mapping[str, float]:
    """Range of each metric's points, as a share."""
    return _point_ranges(_fitted_card(training, np.arange(len(training.y))))


def _point_ranges(card: Any) -> dict[str, float]:
    table = card.table(style="detailed")
    ranges = {str(name): float(np.ptp(points)) for name, points in table.groupby("Variable")["Points"]}
    return {name: value for name, value in shares(ranges).items() if value > 0}


def _fitted_card(training: Training, rows: np.ndarray) -> Any:
    card = _card(training)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations and bins without events
        return card.fit(
            _inputs(training, training.frame.iloc[rows]),
            training.y[rows].astype(int),
            metric_special="empirical",
            metric_missing="empirical",
        )


def _card(training: Training) -> Any:
    optbinning = importlib.import_module("optbinning")
    process = optbinning.BinningProcess(
        variable_names=list(training.metrics), categorical_variables=list(training.encoder.categories)
    )
    return optbinning.Scorecard(process, LogisticRegression(max_iter=1000))
