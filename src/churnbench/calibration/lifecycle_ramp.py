"""A multiplier on young accounts' scores, learned: what is expected of an account grows with its tenure.

An account that is still being set up shows little use without being at risk. The ramp lifts its total by a factor that
falls from the first days to 1 at 180 days. With the total T in log-odds,

    logit P(churn) = b - c T (1 + sum_k g_k z_k(tenure)),   g_k >= 0,

where z_k falls from 1 to 0 over piece k of the tenure axis: linear in c and c g_k, so that the same penalised fit
serves. A prior of no ramp holds the g_k back, and young accounts who are riskier than their score find g = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnbench.calibration.penalised_fit import Problem, solve
from churnbench.calibration.shapes import design_effect
from churnbench.models import expit

#: Days of tenure between which the multiplier may fall; it is 1 from the last one on.
KNOTS = (0.0, 45.0, 90.0, 135.0, 180.0)
#: Distinct churned accounts, with a row younger than the last knot, from which a ramp is tried.
YOUNG_EVENTS = 20
#: Prior standard deviation of the fall of the multiplier over one piece.
_PRIOR_SD = 0.25
#: A ramp that never lifts a score by five per cent is none.
_LEAST_LIFT = 0.05


@dataclass(frozen=True, eq=False)
class LifecycleRamp:
    """Multiplier of the total by tenure.

    Attributes:
        points: `(tenure in days, multiplier)`, multipliers falling to 1 at the last knot.
    """

    points: tuple[tuple[float, float], ...]

    def multiplier(self, tenure: np.ndarray) -> np.ndarray:
        """Multiplier per row (rows,), >= 1; 1 where the tenure (days) is NaN."""
        x, height = np.array(self.points).T
        found = np.interp(np.where(np.isnan(tenure), np.inf, tenure), x, height)
        return np.asarray(found)


def learn_ramp(
    relief: np.ndarray, tenure: np.ndarray, y: np.ndarray, weight: np.ndarray, cluster: np.ndarray
) -> LifecycleRamp | None:
    """Fit the ramp on training rows; None when too few accounts churned young, or nothing is found.

    Args:
        relief: total in log-odds (rows,), >= 0.
        tenure: days since the account started (rows,), NaN where unknown.
        y: 0/1 (rows,).
        weight: row weights (rows,).
        cluster: account of each row (rows,).
    """
    known = ~np.isnan(tenure)
    young = known & (tenure < KNOTS[-1])
    if len(np.unique(cluster[young & (y == 1)])) < YOUNG_EVENTS:
        return None
    knots = np.array(KNOTS)
    pieces = 1.0 - np.clip((tenure[known, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0)
    # Pieces of the axis on which no row lies (younger than the least tenure with a label) teach nothing.
    used = np.flatnonzero((pieces > 0).any(axis=0))
    design = -relief[known, None] * np.column_stack([np.ones(len(pieces)), pieces[:, used]])
    anchor = np.array([1.0, *np.zeros(len(used))])
    problem = Problem(
        design,
        y[known],
        weight[known],
        anchor,
        np.zeros((len(anchor), len(anchor))),
        np.array([0.0, *np.ones(len(used))]),
    )
    p = expit(solve(problem, max_steps=5).log_odds(design))
    effect = design_effect(
        design[:, :1], y[known] - p, p * (1 - p), weight[known], np.unique(cluster[known], return_inverse=True)[1]
    )
    strength = effect / (2.0 * float(weight[known].sum()) * _PRIOR_SD**2)
    penalised = Problem(design, problem.y, problem.weight, anchor, np.diag(strength * (1 - anchor)), problem.bound)
    found = solve(penalised).coefficients
    if found[0] <= 0:
        return None
    steps = np.zeros(len(knots) - 1)
    steps[used] = found[1:] / found[0]
    return _as_points(knots, steps, first=int(used[0]))


def _as_points(knots: np.ndarray, steps: np.ndarray, *, first: int) -> LifecycleRamp | None:
    """Multipliers at the knots that have rows; below the first one the multiplier stays as it is there."""
    heights = 1.0 + np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
    if heights.max() < 1.0 + _LEAST_LIFT:
        return None
    return LifecycleRamp(
        tuple((float(x), round(float(h), 4)) for x, h in zip(knots[first:], heights[first:], strict=True))
    )
