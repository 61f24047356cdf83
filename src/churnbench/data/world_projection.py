"""The best additive formula on recorded values: what calibration would find with outcomes without end.

A formula never sees the latent levels on which the world acts. It sees noisy, late and correlated records, so
that a metric without any effect of its own earns weight where it stands in for one that has (logins for active
seats). The fair aim of a recovered weight is therefore not the true effect but the additive formula that comes
closest to the true probabilities: here logistic regression of those probabilities, not of the drawn outcomes,
on ramps of the recorded values (White 1982 on what a misspecified model estimates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data.simulate import World
from churnbench.data.world_effects import CURVE_PERCENTILES
from churnbench.data.world_metrics import METRICS, Array
from churnbench.domain.errors import InputError

_SEGMENTS = 6  # ramps per metric, as the calibration's default
_PENALTY = 1.0  # a trace of ridge on n rows, so that columns that hardly vary stay put
_TENURE_DAYS = 90


@dataclass(frozen=True)
class BestFormula:
    """The additive formula nearest to the truth.

    Attributes:
        weights: metric id -> per cent of the sum of ranges (1st to 99th percentile of the recorded values).
        dimensions: dimension -> per cent.
        curves: metric id -> value and log_odds (of churn, relative to the median value), both lists.
        rows: rows used.
    """

    weights: Mapping[str, float]
    dimensions: Mapping[str, float]
    curves: Mapping[str, Mapping[str, list[float]]]
    rows: int


def best_formula(world: World, *, segment: str | None = None) -> BestFormula:
    """Find the additive formula nearest to the true probabilities of a world's rows.

    The log odds are a level per renewal stratum plus one piecewise linear curve per metric, free in shape; a
    missing value has a level of its own. Rows of the first 90 days and after notice are left out.

    Args:
        world: a clean world with its probabilities; 5,000 accounts or more give weights to about a point.
        segment: only this segment's accounts, or None for one formula for all.

    Returns:
        The formula.

    Raises:
        InputError: the world was drawn without probabilities, or nothing is left of it.
    """
    if "churn_probability" not in world.truth_table:
        raise InputError("The world was drawn without its true probabilities.", fix="Draw it with truth=True.")
    rows = _usable(world, segment)
    if not rows.any():
        raise InputError(f"No row is left of segment '{segment}'.", fix="Name a segment of the world.")
    snapshots = world.snapshots[rows]
    target = world.truth_table["churn_probability"].to_numpy()[rows]
    window = world.truth["window"]
    days = sum(window.values()) if isinstance(window, dict) else 0
    near = ((snapshots["renewal_on"] - snapshots["as_of"]).dt.days <= days).to_numpy(dtype=np.float64)
    blocks = {metric.id: _Ramps(snapshots[metric.id].to_numpy(dtype=np.float64, na_value=np.nan)) for metric in METRICS}
    design = np.column_stack([np.ones(len(near)), near, *(block.columns for block in blocks.values())])
    coefficients = _fit(design, target)
    curves, first = {}, 2
    for name, block in blocks.items():
        points, height = block.curve(coefficients[first : first + block.columns.shape[1]])
        curves[name] = {"value": points.tolist(), "log_odds": height.tolist()}
        first += block.columns.shape[1]
    return _summed(curves, int(rows.sum()))


def _summed(curves: Mapping[str, Mapping[str, list[float]]], rows: int) -> BestFormula:
    size = {name: max(curve["log_odds"]) - min(curve["log_odds"]) for name, curve in curves.items()}
    total = sum(size.values())
    weights = {name: 100.0 * value / total for name, value in size.items()}
    dimensions: dict[str, float] = {}
    for metric in METRICS:
        dimensions[metric.dimension] = dimensions.get(metric.dimension, 0.0) + weights[metric.id]
    return BestFormula(weights, dimensions, curves, rows)


def _usable(world: World, segment: str | None) -> NDArray[np.bool_]:
    rows = world.snapshots
    accounts = world.accounts.set_index("account_id")
    churn = world.outcomes[world.outcomes["kind"] == "churn"].set_index("account_id")
    gone = rows["account_id"].map(churn[["churned_on", "known_on"]].min(axis=1))
    tenure = (rows["as_of"] - rows["account_id"].map(accounts["started_on"])).dt.days
    keep = (tenure >= _TENURE_DAYS) & ~(pd.to_datetime(gone) <= rows["as_of"])
    if segment is not None:
        keep &= rows["account_id"].map(accounts["segment"]) == segment
    return np.asarray(keep)


class _Ramps:
    """Clipped ramps of one recorded metric between knots at its quantiles, and an indicator of missing."""

    def __init__(self, values: Array) -> None:
        missing = np.isnan(values)
        known = values[~missing]
        self._points = np.percentile(known, CURVE_PERCENTILES)
        self._knots = np.unique(np.percentile(known, np.linspace(1.0, 99.0, _SEGMENTS + 1)))
        ramps = self._ramps(np.where(missing, self._knots[0], values))
        self.columns = np.column_stack([ramps, missing]) if missing.any() else ramps

    def _ramps(self, values: Array) -> Array:
        low, high = self._knots[:-1], self._knots[1:]
        return np.asarray(np.clip((values[:, None] - low) / (high - low), 0.0, 1.0))

    def curve(self, coefficients: Array) -> tuple[Array, Array]:
        """Values and log odds relative to the median."""
        height = self._ramps(self._points) @ coefficients[: len(self._knots) - 1]
        return self._points, height - height[CURVE_PERCENTILES.index(50)]


def _fit(design: Array, target: Array) -> Array:
    """Newton's method for logistic regression of a probability, with a trace of ridge."""
    start = float(np.log(target.mean() / (1.0 - target.mean())))
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = start
    ridge = _PENALTY * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    for _ in range(50):
        fitted = 1.0 / (1.0 + np.exp(-design @ coefficients))
        slope = design.T @ (target - fitted) - ridge @ coefficients
        curvature = (design * (fitted * (1.0 - fitted))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, slope)
        coefficients = coefficients + step
        if float(np.abs(step).max()) < 1e-8:
            break
    return coefficients
