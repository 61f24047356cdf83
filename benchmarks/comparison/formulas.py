"""The ways to set the weights of a health formula: the project's own contenders, and three made of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from benchmarks.comparison.protocol import Made

from churnbench.calibration import CONTENDERS, DerivedFormula, FittedContender, Training
from churnbench.calibration.compounds import (
    NEEDED,
    Compound,
    compound_frame,
    propose_compounds,
    search_compounds,
    with_compounds,
)
from churnbench.calibration.contenders import finish_formula
from churnbench.calibration.derivations import LEAST_SHARE, derive_hand
from churnbench.calibration.penalised_fit import Problem, solve
from churnbench.domain.cohort import OutcomeWindow
from churnbench.formula import MetricCurve, body_from_curves, score_frame
from churnbench.models import on_one_scale

#: A bar for compounds low enough that some pass it on every set, to show what they would do.
LOW_BAR = 10.0

Fit = Callable[[Training, OutcomeWindow | None], Made]


def own(name: str) -> Fit:
    """One of the project's own formula contenders."""

    def fit(training: Training, window: OutcomeWindow | None) -> Made:
        return _formula(CONTENDERS[name].fit(name, training, window))

    return fit


def _formula(fitted: FittedContender) -> Made:
    assert fitted.derived is not None  # noqa: S101 - formulas are derived
    weights = {metric: share for metric, share in fitted.derived.shares.items() if share >= LEAST_SHARE}
    notes = ", ".join(f"{key} {value}" for key, value in fitted.parameters.items())
    return Made(fitted, weights, len(weights), notes=notes)


def free_shapes(training: Training, window: OutcomeWindow | None) -> Made:
    """The anchored refit with every curve free to bend either way."""
    return own("anchored")(replace(training, settings=replace(training.settings, shapes="free")), window)


def non_negative_logistic(training: Training, window: OutcomeWindow | None) -> Made:
    """Plain maximum likelihood on the hand formula's points with weights >= 0: no prior, no learned curve."""
    name = "non_negative"
    if not training.teachable:
        return _formula(finish_formula(name, training, derive_hand(training), window))
    points = np.column_stack([curve.normalised(training.frame) for curve in training.hand_curves])
    present = np.isfinite(points)
    mean = np.where(present, points, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    health = np.where(present, points, mean)
    weights = _non_negative(health, training.y)
    if weights.sum() <= 0:
        return _formula(finish_formula(name, training, derive_hand(training), window))
    curves = _weighted_hand_curves(training, weights / weights.sum())
    body = body_from_curves(
        [curve for curve in curves if curve.share >= LEAST_SHARE],
        [dimension.id for dimension in training.spec.dimensions],
        training.spec.bands,
        training.spec.min_coverage_bp,
    )
    rows, folds = training.held_out_rows, training.held_out
    inner = [-health[predict] @ _non_negative(health[learn], training.y[learn]) for learn, predict in folds]
    index = on_one_scale(inner, [-health[predict] @ weights for _, predict in folds])
    # Rows with missing metrics are scored without them; the shift carries from one scale to the other.
    score = score_frame(body, training.frame.iloc[rows])["raw_score"].to_numpy(dtype=float)
    raw = np.clip(score - (index + health[rows] @ weights) / weights.sum(), 0.0, 100.0)
    derived = DerivedFormula(body, rows, raw, {curve.id: curve.share for curve in curves})
    return _formula(finish_formula(name, training, derived, window))


def _non_negative(health: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Log-odds of churn lost per point of each metric, >= 0 (metrics,)."""
    width = health.shape[1]
    zero = np.zeros(width)
    problem = Problem(-health / 100, y, np.ones(len(y)), zero, np.diag(zero), np.ones(width))
    return solve(problem).coefficients / 100


def _weighted_hand_curves(training: Training, weights: np.ndarray) -> list[MetricCurve]:
    rules = {metric["id"]: metric for metric in training.hand_body["metrics"]}
    declared = {metric.id: metric for metric in training.spec.metrics}
    return [
        MetricCurve(
            id=curve.metric,
            input=curve.input,
            dimension=declared[curve.metric].dimension,
            share=float(weight),
            rule=rules[curve.metric]["rule"],
            missing=rules[curve.metric]["missing"],
            neutral=float(rules[curve.metric].get("neutral", 50.0)),
        )
        for curve, weight in zip(training.hand_curves, weights, strict=True)
    ]


def compounds_as_proposed(training: Training, window: OutcomeWindow | None) -> Made:
    """Anchored refit with compounds that pass the product's two tests; the floor of 500 events is lifted here."""
    return _with(propose_compounds(training, needed=NEEDED, least_events=0), training, window)


def compounds_low_bar(training: Training, window: OutcomeWindow | None) -> Made:
    """The same with a score test that lets more through; later inner rows still decide how many are kept."""
    return _with(propose_compounds(training, needed=LOW_BAR, least_events=0), training, window)


def compounds_unchecked(training: Training, window: OutcomeWindow | None) -> Made:
    """The same low bar without the test on later rows: everything that looks good where it was found."""
    return _with(search_compounds(training, needed=LOW_BAR), training, window)


def _with(compounds: tuple[Compound, ...], training: Training, window: OutcomeWindow | None) -> Made:
    made = own("anchored")(with_compounds(training, compounds), window)

    def prepared(frame: pd.DataFrame) -> pd.DataFrame:
        return compound_frame(frame, compounds)

    return replace(made, prepared=prepared, notes="; ".join(compound.text for compound in compounds))
