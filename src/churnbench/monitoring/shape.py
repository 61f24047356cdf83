"""Whether the score still ranks, and whether its probabilities are as spread as what happens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from churnbench.metrics.reliability import logit
from churnbench.models.recalibration import fit_line
from churnbench.monitoring.budget import LEAST_FOR_SHAPE

Floats = npt.NDArray[np.float64]
_Z90 = float(stats.norm.isf(0.05))


@dataclass(frozen=True)
class Figure:
    """A figure with its standard error by accounts; both None where there are too few churned accounts."""

    value: float | None
    error: float | None
    events: int

    def as_json(self) -> dict[str, Any]:
        """Plain values, with the 90 % interval."""
        known = self.value is not None and self.error is not None
        reach = [self.value - _Z90 * self.error, self.value + _Z90 * self.error] if known else None  # type: ignore[operator]
        return {"value": self.value, "ci90": reach, "events": self.events}


@dataclass(frozen=True)
class Shape:
    """A figure now and before, with the two-sided p-value of their difference (None where it cannot be judged)."""

    now: Figure
    before: Figure
    p: float | None

    @property
    def fell(self) -> bool:
        """Whether it is lower now."""
        return self.now.value is not None and self.before.value is not None and self.now.value < self.before.value

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"now": self.now.as_json(), "before": self.before.as_json(), "p": self.p}


def slope_of(rows: pd.DataFrame) -> Figure:
    """Calibration slope of rows of `own_days`: 1 is right, below 1 the probabilities are too extreme."""
    events = int(rows["event"].sum())
    if not _enough(rows):
        return Figure(None, None, events)
    index = logit(rows["expected"].to_numpy(dtype=float))
    line = fit_line(index, rows["event"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object))
    return Figure(line.slope, math.sqrt(max(line.covariance[1, 1], 0.0)), events)


def auc_of(rows: pd.DataFrame) -> Figure:
    """AUC of rows of `own_days` with a standard error that honours repeated accounts.

    Source: Obuchowski 1997, doi:10.2307/2533958.
    """
    y, events = rows["event"].to_numpy(dtype=float), int(rows["event"].sum())
    if not _enough(rows):
        return Figure(None, None, events)
    value, error = clustered_auc(y, rows["p"].to_numpy(dtype=float), rows["account_id"].to_numpy(dtype=object))
    return Figure(value, error, events)


def clustered_auc(y: Floats, risk: Floats, accounts: npt.NDArray[Any]) -> tuple[float, float]:
    """AUC and its standard error with accounts as clusters.

    Args:
        y: 0/1 (rows,), both present.
        risk: (rows,), higher is riskier.
        accounts: account of each row.

    >>> clustered_auc(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), np.arange(4))[0]
    0.75
    """
    case, control = risk[y == 1], np.sort(risk[y == 0])
    ordered = np.sort(case)
    below = (np.searchsorted(control, risk, "left") + np.searchsorted(control, risk, "right")) / (2.0 * len(control))
    above = 1.0 - (np.searchsorted(ordered, risk, "left") + np.searchsorted(ordered, risk, "right")) / (2.0 * len(case))
    value = float(below[y == 1].mean())
    _, cluster = np.unique(accounts.astype(str), return_inverse=True)
    cases = np.bincount(cluster, np.where(y == 1, below - value, 0.0)) / len(case)
    controls = np.bincount(cluster, np.where(y == 0, above - value, 0.0)) / len(control)
    number = max(int(cluster.max()) + 1, 2)
    return value, math.sqrt(number / (number - 1.0) * float(((cases + controls) ** 2).sum()))


def shape(now: Figure, before: Figure) -> Shape:
    """Compare two figures as independent estimates."""
    if now.value is None or before.value is None or now.error is None or before.error is None:
        return Shape(now, before, None)
    spread = math.hypot(now.error, before.error)
    return Shape(now, before, float(2.0 * stats.norm.sf(abs(now.value - before.value) / spread)) if spread else None)


def _enough(rows: pd.DataFrame) -> bool:
    events = rows["event"].sum()
    return bool(LEAST_FOR_SHAPE <= events < len(rows) and np.ptp(rows["p"]) > 0.0)
