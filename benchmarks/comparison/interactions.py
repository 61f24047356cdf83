"""Why an additive formula can lose: pairs of metrics that say more together than one by one, and compounds for them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import lightgbm
import numpy as np
from benchmarks.comparison.boosting import axis_values, rounds_on_folds
from benchmarks.comparison.formulas import LOW_BAR

from churnbench.calibration import Training
from churnbench.calibration.compounds import CompoundPath, compound_path, search_compounds
from churnbench.metrics import AccountBootstrap, Estimate
from churnbench.metrics.estimate import percentile_estimate
from churnbench.metrics.ranked import quotient
from churnbench.models.boosting import parameters

#: Trees spent on each pair; fixed, because choosing their number per pair would be choosing on the tested rows.
_ROUNDS = 30


@dataclass(frozen=True)
class Pair:
    """Two metrics and what their interaction is worth on later rows.

    Attributes:
        metrics: labels.
        gain: fall of the log loss when trees may combine the two, beyond trees on each of the two alone; nats per
            row, 90 % account interval. The largest of many, so that zero signal shows small positive values too.
    """

    metrics: tuple[str, str]
    gain: Estimate


def strongest_pairs(training: Training, *, shown: int, replicates: int, pairs: int | None = None) -> list[Pair]:
    """Pairs with the largest gain on the inner folds' later rows, on top of additive boosting.

    Args:
        training: the rows to learn from.
        shown: number of pairs returned.
        replicates: account resamples for the interval.
        pairs: look at so many pairs only (the first); None looks at all.
    """
    values = axis_values(training.hand_curves, training.frame)
    settings = parameters(1, len(values), training.settings.seed)
    rounds, _ = rounds_on_folds(values, training, settings)
    names = {metric.id: metric.label or metric.id for metric in training.spec.metrics}
    labels = [names[curve.metric] for curve in training.hand_curves]
    candidates = list(combinations(range(values.shape[1]), 2))[:pairs]
    rows = np.concatenate([predict for _, predict in training.folds])
    gains: list[np.ndarray] = [np.zeros(0)] * len(candidates)
    for learn, predict in training.folds:
        base = lightgbm.train(settings, _data(values[learn], training.y[learn], None), num_boost_round=rounds)
        start = [np.asarray(base.predict(values[part], raw_score=True)) for part in (learn, predict)]
        for number, pair in enumerate(candidates):
            gained = _gain(values[:, list(pair)], training.y, learn, predict, start, training.settings.seed)
            gains[number] = np.concatenate([gains[number], gained])
    bootstrap = AccountBootstrap(training.accounts[rows], replicates=replicates, seed=training.settings.seed)
    best = sorted(range(len(candidates)), key=lambda number: -gains[number].mean())[:shown]
    return [Pair((labels[candidates[k][0]], labels[candidates[k][1]]), _mean_gain(bootstrap, gains[k])) for k in best]


def _data(values: np.ndarray, y: np.ndarray, start: np.ndarray | None) -> Any:
    return lightgbm.Dataset(values, label=y, init_score=start, params={"max_bin": 127, "verbosity": -1})


def _gain(
    values: np.ndarray, y: np.ndarray, learn: np.ndarray, predict: np.ndarray, start: list[np.ndarray], seed: int
) -> np.ndarray:
    """Per later row: loss with single-split trees on the two metrics minus loss with trees that combine them."""
    losses = []
    for depth in (1, 2):
        settings = {**parameters(depth, len(learn), seed), "feature_fraction": 1.0}
        booster = lightgbm.train(settings, _data(values[learn], y[learn], start[0]), num_boost_round=_ROUNDS)
        index = start[1] + np.asarray(booster.predict(values[predict], raw_score=True))
        losses.append(np.logaddexp(0.0, index) - y[predict] * index)
    return np.asarray(losses[0] - losses[1])


def _mean_gain(bootstrap: AccountBootstrap, gains: np.ndarray) -> Estimate:
    summed, size = bootstrap.totals(bootstrap.by_account(bootstrap.codes, gains, np.ones(len(gains)))).T
    return percentile_estimate(float(gains.mean()), quotient(summed, size))


@dataclass(frozen=True, eq=False)
class CompoundStory:
    """What a search for compounds finds on a set's last training rows with a low bar.

    Attributes:
        found: texts in the order of the search, with their statistics.
        path: loss on later inner rows with the first k of them.
    """

    found: tuple[tuple[str, float], ...]
    path: CompoundPath


def compound_story(training: Training) -> CompoundStory:
    """The search with the low bar, and what its first k compounds are worth on later rows."""
    found = tuple((compound.text, compound.statistic) for compound in search_compounds(training, needed=LOW_BAR))
    return CompoundStory(found, compound_path(training, needed=LOW_BAR))
