"""The backtest: every contender on the same folds, the holdout opened last and once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from churnbench.backtesting import Fold, FoldPredictions, cross_validation, pooled, predict_fold, walk_forward
from churnbench.calibration import (
    FittedContender,
    Proposal,
    Settings,
    ThresholdRule,
    Training,
    contenders_of,
    propose,
)
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.domain.progress import Progress

_QUARTER_TO_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def make_folds(project: Project, cohort: Cohort, seed: int) -> tuple[Fold, ...]:
    """Folds as the project's `[backtest]` asks, or cross-validation for a table without dates."""
    if not cohort.dated:
        return cross_validation(cohort, seed=seed)
    section = project.backtest
    return walk_forward(
        cohort,
        holdout_quarters=section.holdout_quarters,
        step_months=_QUARTER_TO_MONTHS[section.origins],
        min_train_events=section.min_train_events or 10,
        rolling_months=section.rolling_months if section.window == "rolling" else None,
    )


@dataclass(eq=False)
class Backtest:
    """Fits and predictions of one review.

    Attributes:
        cohort: labelled snapshots.
        spec: the declared formula.
        folds: in time order; the last is the holdout (dated), or all are parts of a cross-validation.
        settings: choices that hold for every fold.
        training: rows that the shipped formula learned from.
        fitted: contenders fitted on `training`.
        proposal: the finished candidate.
        walk_forward: predictions on folds before the holdout; None when there are none.
        holdout: predictions on the holdout; filled by `open_holdout`.
        fit_seconds: contender -> seconds over all folds.
        model_seconds: summed seconds of all model fits.
    """

    cohort: Cohort
    spec: FormulaSpec
    folds: tuple[Fold, ...]
    settings: Settings
    training: Training
    fitted: Mapping[str, FittedContender]
    proposal: Proposal
    walk_forward: pd.DataFrame | None
    holdout: pd.DataFrame | None = None
    fit_seconds: dict[str, float] = field(default_factory=dict)
    model_seconds: float = 0.0
    parts: list[FoldPredictions] = field(default_factory=list)

    @property
    def candidate(self) -> FittedContender:
        """The finished candidate, with cut-offs and display map."""
        return self.proposal.candidate

    @property
    def shipped(self) -> FittedContender:
        """The candidate as its config holds it: what monitoring recalibrated keeps its curve.

        Every contender is measured with a curve fitted to training rows. Those end before the outcomes that asked for
        another curve, so that shipping the measured one would undo the recalibration.
        """
        draft = self.settings.draft
        return replace(self.candidate, body=dict(draft.body)) if draft is not None and draft.moved else self.candidate

    def open_holdout(self) -> pd.DataFrame:
        """Predict the holdout. Everything that could be chosen has been chosen by now."""
        if self.cohort.dated:
            final = {**self.fitted, self.candidate.name: self.candidate}
            self.holdout = pooled(self.cohort.frame, [predict_fold(self.cohort.frame, self.folds[-1], final)])
        else:
            self.holdout = pooled(self.cohort.frame, self.parts)
        return self.holdout


def run_backtest(
    cohort: Cohort,
    spec: FormulaSpec,
    folds: tuple[Fold, ...],
    settings: Settings,
    rule: ThresholdRule,
    progress: Progress,
) -> Backtest:
    """Fit all contenders on every fold and finish the candidate; the holdout stays closed.

    Args:
        cohort: labelled snapshots.
        spec: the declared formula, every metric a column of the cohort.
        folds: from `make_folds`.
        settings: derivation, shapes, limits, seed, and a draft to test.
        rule: how cut-offs are chosen.
        progress: told of each fit.
    """
    seconds: dict[str, float] = dict.fromkeys(contenders_of(settings), 0.0)
    model_seconds = 0.0
    earlier = folds[:-1] if cohort.dated else folds
    parts = []
    progress.stage("fitting contenders", (len(earlier) + 1) * len(seconds))
    for fold in earlier:
        training = Training.of(cohort, fold.train_rows, spec, settings)
        fitted = _fit_all(training, cohort, seconds, progress, fold.name)
        model_seconds += training.clock.seconds
        parts.append(predict_fold(cohort.frame, fold, fitted))
    training = last_training(cohort, spec, folds, settings)
    fitted = _fit_all(training, cohort, seconds, progress, "all rows" if not cohort.dated else folds[-1].name)
    model_seconds += training.clock.seconds
    proposal = propose(training, fitted[settings.derive], fitted["incumbent"], rule)
    return Backtest(
        cohort,
        training.spec,
        folds,
        settings,
        training,
        fitted,
        proposal,
        pooled(cohort.frame, parts) if cohort.dated and parts else None,
        fit_seconds=seconds,
        model_seconds=model_seconds,
        parts=parts,
    )


def last_training(cohort: Cohort, spec: FormulaSpec, folds: tuple[Fold, ...], settings: Settings) -> Training:
    """Rows that the shipped formula learns from: known before the holdout began, or all of a table without dates."""
    rows = folds[-1].train_rows if cohort.dated else cohort.labelled().index.to_numpy()
    return Training.of(cohort, rows, spec, settings)


def _fit_all(
    training: Training, cohort: Cohort, seconds: dict[str, float], progress: Progress, fold: str
) -> dict[str, FittedContender]:
    fitted = {}
    if training.teachable:
        begun = time.perf_counter()
        _ = training.boosted  # made first, so that its time is LightGBM's and not the first user's
        seconds["lightgbm"] += time.perf_counter() - begun
    for name, contender in contenders_of(training.settings).items():
        begun = time.perf_counter()
        fitted[name] = contender.fit(name, training, cohort.window)
        seconds[name] += time.perf_counter() - begun
        progress.step(f"{fold} {contender.label}")
    return fitted
