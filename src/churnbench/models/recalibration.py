"""One recalibration for every contender, so that comparisons are about ranking and not about bookkeeping.

Platt scaling: a logistic regression of the outcome on a contender's index (its log-odds, or its health score),
fitted on out-of-fold rows inside training; one intercept per renewal stratum where strata exist, and slopes of
their own where every stratum has events enough.

Source: Platt (1999), Probabilistic outputs for support vector machines; with a half-count prior on the classes as
proposed there, which keeps perfectly separated small samples finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from churnbench.metrics.reliability import expit, logit

#: Distinct churned accounts that every stratum needs for a slope of its own.
_EVENTS_FOR_OWN_SLOPE = 50
_CRITICAL_90 = 1.6448536269514722
#: Slope of a health score that shows no fall in training, log-odds per point: a tenth over the whole scale. It hardly
#: moves a probability, but accounts that the score tells apart stay apart, and its true AUC is what gets printed.
LEAST_FALL = -0.001


@dataclass(frozen=True, eq=False)
class Line:
    """`logit P(churn) = intercept + slope * index` with its account-clustered covariance (2 x 2)."""

    intercept: float
    slope: float
    covariance: np.ndarray

    def probability(self, index: np.ndarray) -> np.ndarray:
        """P(churn), same shape as `index`."""
        return expit(self.intercept + self.slope * np.asarray(index, dtype=float))

    def interval(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """90 % interval of P(churn), from the covariance on the log-odds scale."""
        at = np.asarray(index, dtype=float)
        design = np.column_stack([np.ones_like(at), at])
        spread = _CRITICAL_90 * np.sqrt(np.maximum(0.0, np.einsum("ij,jk,ik->i", design, self.covariance, design)))
        middle = self.intercept + self.slope * at
        return expit(middle - spread), expit(middle + spread)


@dataclass(frozen=True, eq=False)
class Recalibration:
    """A line per stratum; `fallback` serves rows of a stratum that training never saw.

    Attributes:
        lines: stratum -> line.
        fallback: line over all rows.
        base_rate: share of churn among the rows it was fitted on; the answer where there is no index.
    """

    lines: dict[str, Line]
    fallback: Line
    base_rate: float

    def probability(self, index: np.ndarray, stratum: np.ndarray) -> np.ndarray:
        """P(churn) per row; rows whose index is NaN get the base rate."""
        result = self.fallback.probability(index)
        for name, line in self.lines.items():
            rows = stratum == name
            result[rows] = line.probability(index[rows])
        return np.where(np.isnan(result), self.base_rate, result)


def fit_line(index: np.ndarray, y: np.ndarray, accounts: np.ndarray, *, falling: bool = False) -> Line:
    """Fit one line by Newton steps on Platt's softened targets.

    Args:
        index: float (rows,), finite.
        y: 0/1 (rows,).
        accounts: account of each row, for the clustered covariance.
        falling: a health score must not raise P(churn); a slope above `LEAST_FALL` is set to it.
    """
    beta, design, residual, information = _newton(index, y)
    if falling and beta[1] > LEAST_FALL:
        rate = float((y.sum() + 0.5) / (len(y) + 1.0))
        level = float(logit(np.array([rate]))[0]) - LEAST_FALL * float(index.mean())
        return Line(level, LEAST_FALL, np.diag([1.0 / max(len(y) * rate * (1 - rate), 1e-9), 0.0]))
    _, cluster = np.unique(accounts, return_inverse=True)
    scores = np.column_stack([np.bincount(cluster, residual * design[:, k]) for k in range(2)])
    bread = np.linalg.pinv(information)
    covariance = bread @ (scores.T @ scores) @ bread
    return Line(float(beta[0]), float(beta[1]), covariance)


def _newton(index: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    positives = float(y.sum())
    high, low = (positives + 1.0) / (positives + 2.0), 1.0 / (len(y) - positives + 2.0)
    target = np.where(y == 1, high, low)
    centre, scale = float(index.mean()), float(index.std()) or 1.0
    design = np.column_stack([np.ones(len(index)), (index - centre) / scale])
    rate = float(target.mean())
    beta = np.array([np.log(rate / (1 - rate)), 0.0])
    for _ in range(50):
        p = expit(design @ beta)
        weight = np.maximum(p * (1 - p), 1e-10)
        information = (design * weight[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (target - p))
        beta = beta + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    # Back from the standardised index to its own units.
    back = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    raw = np.column_stack([np.ones(len(index)), index])
    p = expit(design @ beta)
    weight = p * (1 - p)
    return back @ beta, raw, target - p, (raw * weight[:, None]).T @ raw


def on_one_scale(inner: Sequence[np.ndarray], final: Sequence[np.ndarray]) -> np.ndarray:
    """Out-of-fold indices of several inner fits, each shifted to the level of the final fit.

    Inner fits learned from fewer rows and from periods with other base rates; what recalibration should see is how
    well they separate accounts, on the level at which the final fit will speak. No outcome enters the shift.

    Args:
        inner: per fold, the index of its later rows by the fit that did not see them.
        final: per fold, the final fit's index of the same rows.

    Returns:
        One index per row, folds concatenated.

    >>> on_one_scale([np.array([0.0, 2.0])], [np.array([4.0, 6.0])]).tolist()
    [4.0, 6.0]
    """
    return np.concatenate([own - own.mean() + last.mean() for own, last in zip(inner, final, strict=True)])


def recalibrate(
    index: np.ndarray, y: np.ndarray, accounts: np.ndarray, stratum: np.ndarray, *, falling: bool = False
) -> Recalibration:
    """Fit the lines. Rows whose index is NaN are left out.

    With strata of fewer than 50 distinct churned accounts the slope is shared and only the intercept differs.
    """
    usable = ~np.isnan(index)
    index, y, accounts, stratum = index[usable], y[usable], accounts[usable], stratum[usable]
    overall = fit_line(index, y, accounts, falling=falling)
    base_rate = float(y.mean())
    lines: dict[str, Line] = {}
    names = sorted(set(stratum))
    if len(names) > 1:
        events = {name: len(set(accounts[(stratum == name) & (y == 1)])) for name in names}
        own = min(events.values()) >= _EVENTS_FOR_OWN_SLOPE
        for name in names:
            rows = stratum == name
            lines[name] = (
                fit_line(index[rows], y[rows], accounts[rows], falling=falling)
                if own
                else _shifted(overall, index[rows], y[rows])
            )
    return Recalibration(lines, overall, base_rate)


def _shifted(line: Line, index: np.ndarray, y: np.ndarray) -> Line:
    """The same slope with the intercept at which expected equals observed churn (with half a count)."""
    wanted = (float(y.sum()) + 0.5) / (len(y) + 1.0)
    low, high = -30.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        expected = float(expit(line.intercept + middle + line.slope * index).mean())
        low, high = (middle, high) if expected < wanted else (low, middle)
    covariance = line.covariance.copy()
    covariance[0, 0] += 1.0 / max(float(y.sum()), 1.0)
    return Line(line.intercept + (low + high) / 2, line.slope, covariance)
