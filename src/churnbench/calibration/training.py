"""What a contender may learn from: training rows, inner folds, the hand formula, and the shared challenger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from churnbench.backtesting import distinct_events, held_out_folds, inner_folds
from churnbench.calibration.draft import Draft
from churnbench.calibration.gate import Tier, small_data_tier
from churnbench.calibration.hand_curve import HandCurve
from churnbench.calibration.in_force import InForce
from churnbench.calibration.limits import Limits
from churnbench.cohort.directions import propose_from
from churnbench.domain.cohort import Cohort
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.explain import Attribution
from churnbench.formula import SEGMENT_LEVEL, build_body, effective_points
from churnbench.models import Boosted, Encoder, fit_boosting


@dataclass(frozen=True)
class Settings:
    """Choices that hold for every fold.

    Attributes:
        derive: which derivation becomes the candidate.
        shapes: how far curves may leave their declared direction.
        limits: limits on weights.
        display_map: put the calibrated cut-offs on the familiar numbers.
        bootstrap: account resamples for weights and curves.
        seed: seed of everything random.
        draft: a formula to test beside the derived ones, and as the candidate when `derive` is "draft".
        in_force: the released formula that is to be beaten; None where the declared one is.
    """

    derive: str = "anchored"
    shapes: str = "audited"
    limits: Limits = field(default_factory=Limits)
    display_map: bool = True
    bootstrap: int = 200
    seed: int = 0
    draft: Draft | None = None
    in_force: InForce | None = None


class FitClock:
    """Summed seconds of model fits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running = False

    @contextmanager
    def fitting(self) -> Iterator[None]:
        """Count the time inside as fitting; a fit that asks for another is counted once."""
        if self._running:
            yield
            return
        begun, self._running = time.perf_counter(), True
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - begun
            self._running = False


@dataclass(eq=False)
class Training:
    """Training rows of one fold. Expensive parts that several contenders share are made once, when first asked for.

    Attributes:
        frame: labelled rows, index reset.
        spec: the declared formula.
        metrics: input columns.
        dated: whether rows carry as-of dates.
        settings: choices for the whole review.
        clock: where time spent on fits is counted.
    """

    frame: pd.DataFrame
    spec: FormulaSpec
    metrics: tuple[str, ...]
    dated: bool
    settings: Settings
    clock: FitClock = field(default_factory=FitClock)

    @classmethod
    def of(cls, cohort: Cohort, rows: np.ndarray, spec: FormulaSpec, settings: Settings) -> Training:
        """Training rows of a cohort by index label."""
        frame = cohort.frame.loc[rows].reset_index(drop=True)
        return cls(frame, propose_from(spec, frame), cohort.metrics, cohort.dated, settings)

    @cached_property
    def y(self) -> np.ndarray:
        """0/1 (rows,)."""
        return self.frame["y"].to_numpy(dtype=float)

    @cached_property
    def accounts(self) -> np.ndarray:
        """Account number per row (rows,), integers."""
        return np.asarray(pd.factorize(self.frame["account_id"], sort=True)[0])

    @cached_property
    def stratum(self) -> np.ndarray:
        """Renewal stratum per row (rows,), str objects."""
        return self.frame["stratum"].to_numpy(dtype=object)

    @cached_property
    def events(self) -> int:
        """Distinct churned accounts."""
        return distinct_events(self.frame)

    @property
    def tier(self) -> Tier:
        """What so few or so many events allow."""
        return small_data_tier(self.events)

    @cached_property
    def folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Inner folds to tune on: pairs of row positions (learn, predict)."""
        return inner_folds(self.frame, dated=self.dated, seed=self.settings.seed)

    @cached_property
    def held_out(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Folds to recalibrate and choose cut-offs on: the same rows, each predicted from other accounts."""
        return held_out_folds(self.frame, self.folds, dated=self.dated, seed=self.settings.seed)

    @cached_property
    def held_out_rows(self) -> np.ndarray:
        """Positions of the rows that `held_out` predicts, in its order; all rows without folds."""
        if self.held_out:
            return np.concatenate([predict for _, predict in self.held_out])
        return np.arange(len(self.y))

    @property
    def teachable(self) -> bool:
        """Whether a model can be fitted at all: inner folds exist and five accounts churned."""
        return bool(self.folds) and self.events >= 5 and not self.y.all()

    @cached_property
    def hand_body(self) -> dict[str, Any]:
        """The hand formula as a config body, its quantile ramps cut on these rows."""
        return build_body(self.spec, self.frame)

    @cached_property
    def hand_curves(self) -> tuple[HandCurve, ...]:
        """Hand curve per metric, in the order of the body."""
        declared = {metric.id: metric for metric in self.spec.metrics}
        return tuple(
            HandCurve.of(metric, higher_is_healthier=declared[metric["id"]].direction == "higher_is_healthier")
            for metric in self.hand_body["metrics"]
        )

    @cached_property
    def hand_shares(self) -> np.ndarray:
        """Share of each metric in the hand score (metrics,), summing to 1, in the order of `hand_curves`."""
        points = effective_points(self.hand_body)
        shares = np.array([points[curve.metric] for curve in self.hand_curves])
        return np.asarray(shares / shares.sum())

    @property
    def today_body(self) -> dict[str, Any]:
        """Today's formula: the one in force, else the declared one."""
        return self.hand_body if self.settings.in_force is None else dict(self.settings.in_force.body)

    @cached_property
    def today_shares(self) -> np.ndarray:
        """Share of each metric in today's formula (metrics,), summing to 1, in the order of `hand_curves`.

        Metrics that only the formula in force knows are left out; where it knows none of these, the declared shares.
        """
        if self.settings.in_force is None:
            return self.hand_shares
        points = effective_points(self.today_body)
        points.pop(SEGMENT_LEVEL, None)
        shares = np.array([points.get(curve.metric, 0.0) for curve in self.hand_curves])
        return shares / shares.sum() if shares.sum() > 0 else self.hand_shares

    @cached_property
    def encoder(self) -> Encoder:
        """Text codes of these rows."""
        return Encoder.learn(self.frame, self.metrics)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Metric columns as float64 (rows, metrics)."""
        return self.encoder.matrix(self.frame)

    @cached_property
    def boosted(self) -> Boosted:
        """The LightGBM challenger; its out-of-fold SHAP values serve three derivations."""
        with self.clock.fitting():
            return fit_boosting(
                self.matrix,
                self.y,
                folds=self.folds,
                events=self.events,
                categories=self.encoder.category_positions,
                names=self.metrics,
                seed=self.settings.seed,
            )

    @cached_property
    def attribution(self) -> Attribution:
        """Out-of-fold SHAP values of the challenger."""
        return Attribution.of(self.metrics, self.boosted.rows, self.boosted.contributions)

    def timed(self, work: Callable[[], Any]) -> Any:
        """Run a fit and count its time."""
        with self.clock.fitting():
            return work()
