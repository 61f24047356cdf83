"""Each metric as ramps between knots, in the direction in which it was declared to raise risk.

`logit P(churn) = b + sum_jk a_jk z_jk`, where `z_jk` rises from 0 to 1 (or falls from 0 to -1) over segment k of
metric j. With every `a >= 0` each curve bends only the way its owner declared; the hand formula is one point of the
same space, so that "anchored to the hand formula" has a plain meaning: a distance between two vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from churnbench.calibration.hand_curve import HandCurve

Shape = Literal["declared", "flipped", "free"]
_FEW_VALUES = 7
#: A missing indicator of its own needs this many accounts and events that carry it (method, section 5.1).
_MISSING_ACCOUNTS, _MISSING_EVENTS = 30, 5


@dataclass(frozen=True, eq=False)
class MetricRamps:
    """Ramps of one metric.

    Attributes:
        metric: metric id.
        knots: ascending (segments + 1,), metric units; category codes for categories.
        sign: +1 or -1 per segment: +1 where a larger value is declared to raise the risk of churn.
        hand_points: 0-100 points of the hand curve at the knots.
        missing: whether the metric carries an indicator of its own for missing values.
        columns: position of the first column, and of the column after the last, in the design.
    """

    metric: str
    knots: np.ndarray
    sign: np.ndarray
    hand_points: np.ndarray
    missing: bool
    columns: tuple[int, int]

    @property
    def segments(self) -> int:
        """Number of ramps."""
        return len(self.knots) - 1

    @property
    def ramp_columns(self) -> slice:
        """Design columns of the ramps."""
        return slice(self.columns[0], self.columns[0] + self.segments)

    @property
    def missing_column(self) -> int | None:
        """Design column of the missing indicator."""
        return self.columns[1] - 1 if self.missing else None

    def health_at_knots(self, coefficients: np.ndarray) -> np.ndarray:
        """Contribution to health (minus log-odds of churn) at each knot, 0 at the first."""
        return np.concatenate([[0.0], np.cumsum(-self.sign * coefficients[self.ramp_columns])])

    def health_range(self, coefficients: np.ndarray) -> tuple[float, float]:
        """Lowest and highest health; a learned value for "missing" beyond a free curve's ends belongs to the range."""
        places = self.health_at_knots(coefficients)
        if self.missing_column is not None:
            places = np.append(places, -coefficients[self.missing_column])
        return float(places.min()), float(places.max())


@dataclass(frozen=True, eq=False)
class Basis:
    """All metrics' ramps, and the numbers needed to build a design matrix from a frame."""

    ramps: tuple[MetricRamps, ...]
    hand: tuple[HandCurve, ...]
    fill: np.ndarray

    @property
    def width(self) -> int:
        """Number of design columns, without the intercept."""
        return self.ramps[-1].columns[1] if self.ramps else 0

    def design(self, frame: pd.DataFrame) -> np.ndarray:
        """Shape (rows, width), float64.

        Missing values of a metric with an indicator take 0 on its ramps and 1 on the indicator; otherwise they
        take the mean ramps of training, which leaves the ranking of such a row to its other metrics.
        """
        built = np.empty((len(frame), self.width))
        for ramps, curve in zip(self.ramps, self.hand, strict=True):
            x = curve.values(frame)
            lower, span = ramps.knots[:-1], np.diff(ramps.knots)
            block = ramps.sign * np.clip((x[:, None] - lower) / span, 0.0, 1.0)
            absent = np.isnan(x)
            block[absent] = 0.0 if ramps.missing else self.fill[ramps.ramp_columns]
            built[:, ramps.ramp_columns] = block
            if ramps.missing_column is not None:
                built[:, ramps.missing_column] = absent
        return built

    def hand_coefficients(self, shares: np.ndarray, slope: float) -> np.ndarray:
        """The hand formula on this basis.

        Args:
            shares: share of each metric in the whole hand score, summing to 1.
            slope: log-odds of churn per point of the hand score, <= 0.

        Returns:
            Coefficients (width,), log-odds of churn; indicators sit at the hand formula's mean points.
        """
        a = np.zeros(self.width)
        for ramps, share in zip(self.ramps, shares, strict=True):
            steps = -slope * share * np.diff(ramps.hand_points)
            a[ramps.ramp_columns] = -ramps.sign * steps
            if ramps.missing_column is not None:
                a[ramps.missing_column] = float(a[ramps.ramp_columns] @ self.fill[ramps.ramp_columns])
        return a


def segment_count(rows: int, events: int) -> int:
    """Segments per metric: 4 below 500 rows, 12 from 500 distinct churned accounts on, else 6."""
    if rows < 500:
        return 4
    return 12 if events >= 500 else 6


def learn_basis(training: pd.DataFrame, curves: Sequence[HandCurve], segments: int) -> Basis:
    """Place knots at quantiles of the training rows and at the hand formula's own knots.

    Args:
        training: labelled training rows.
        curves: hand curve per metric.
        segments: quantile segments per metric.
    """
    ramps: list[MetricRamps] = []
    fills: list[np.ndarray] = []
    start = 0
    for curve in curves:
        x = curve.values(training)
        absent = np.isnan(x)
        knots = _knots(x[~absent], curve, segments)
        points = curve.points_at(knots)
        steps = np.diff(points)
        # Where the hand curve is flat the declared direction decides; elsewhere its own slope does.
        sign = np.where(steps > 0, -1.0, np.where(steps < 0, 1.0, -1.0 if curve.higher_is_healthier else 1.0))
        carries = _carries_missing(training, absent)
        width = len(knots) - 1 + int(carries)
        ramps.append(MetricRamps(curve.metric, knots, sign, points, carries, (start, start + width)))
        present = x[~absent]
        block = sign * np.clip((present[:, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0)
        mean = block.mean(axis=0) if len(present) else np.zeros(len(knots) - 1)
        fills.append(np.concatenate([mean, np.zeros(int(carries))]))
        start += width
    return Basis(tuple(ramps), tuple(curves), np.concatenate(fills) if fills else np.zeros(0))


def _carries_missing(training: pd.DataFrame, absent: np.ndarray) -> bool:
    accounts = training.loc[absent, "account_id"]
    churned = accounts[training.loc[absent, "y"] == 1]
    return bool(accounts.nunique() >= _MISSING_ACCOUNTS and churned.nunique() >= _MISSING_EVENTS)


def _knots(present: np.ndarray, curve: HandCurve, segments: int) -> np.ndarray:
    if curve.categories is not None:
        return np.unique(np.asarray(list(curve.categories.values()), dtype=float))
    if len(present) == 0:
        return np.asarray(curve.knots, dtype=float)
    values = np.unique(present)
    if len(values) <= _FEW_VALUES:
        placed = values
    else:
        placed = np.unique(np.quantile(present, np.linspace(0.01, 0.99, segments + 1)))
    low, high = float(present.min()), float(present.max())
    own = [knot for knot in curve.knots if low <= knot <= high]
    together = np.unique(np.concatenate([placed, np.asarray(own, dtype=float)]))
    if len(together) < 2:
        together = np.array([together[0], together[0] + 1.0])
    return _spread(together, protected=np.asarray(own, dtype=float))


def _spread(knots: np.ndarray, protected: np.ndarray) -> np.ndarray:
    """Drop knots that sit closer than 1 % of the range to a neighbour; the hand formula's own knots stay."""
    least = (knots[-1] - knots[0]) * 0.01
    kept = [float(knots[0])]
    for knot in knots[1:]:
        if knot - kept[-1] >= least:
            kept.append(float(knot))
        elif knot in protected and len(kept) > 1 and kept[-1] not in protected:
            kept[-1] = float(knot)
    return np.asarray(kept) if len(kept) > 1 else np.array([knots[0], knots[-1]])
