"""The greedy search for compounds: candidates from what the additive fit leaves over, kept by a score test.

Candidates are cut out of every pair of metrics. Leaves of depth-2 trees, the usual source of such rules, pass over
pairs that only matter together, because neither metric alone is worth the tree's first split.

Source: Rao (1948) for the score test; Rao and Scott (1984) for the design effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from churnbench.calibration.anchored import AnchoredFit
from churnbench.calibration.compound_metric import Compound, Condition
from churnbench.calibration.penalised_fit import Problem, Solution, solve
from churnbench.calibration.prior import student_scales
from churnbench.calibration.shapes import design_effect
from churnbench.calibration.training import Training
from churnbench.models import expit

#: Each side of a compound needs this many accounts, and the inside this many that churned and that stayed.
_ACCOUNTS, _EACH_OUTCOME = 30, 5
#: Limits tried per metric, rules per pair of metrics and rules in all that go on to the exact test.
_CUTS, _PER_PAIR, _CANDIDATES = 12, 2, 80
_PRIOR_ROUNDS = 2
#: Sign of each quadrant in an interaction: below/below, below/above, above/below, above/above.
_SIGNS = np.array([1.0, -1.0, -1.0, 1.0])[:, None, None]


@dataclass(frozen=True, eq=False)
class Step:
    """A compound that passed, and the fit with it and all before it."""

    compound: Compound
    solution: Solution


@dataclass(frozen=True, eq=False)
class _Rule:
    """A candidate: positions of two metrics, and on each whether "at least" and the limit."""

    sides: tuple[tuple[int, bool, float], tuple[int, bool, float]]
    column: np.ndarray


def search(training: Training, fit: AnchoredFit, most: int, needed: float) -> Iterator[Step]:
    """Yield the best remaining rule by its score test, refit, and go on until none is left that passes."""
    if most == 0:
        return
    frame = training.frame.iloc[fit.sample.rows]
    cluster = np.asarray(pd.factorize(frame["account_id"])[0])
    values = np.column_stack([curve.values(frame) for curve in fit.basis.hand])
    rules = [r for r in _mine(values, fit) if _supported(r.column, fit.problem.y, cluster)]
    problem, solution = fit.problem, fit.solution
    declared = {metric.id: metric for metric in training.spec.metrics}
    for _ in range(min(most, len(rules))):
        scores, statistics = score_tests(problem, solution, [rule.column for rule in rules], cluster)
        best = int(statistics.argmax())
        if statistics[best] <= needed:
            return
        rule = rules.pop(best)
        problem, solution = _refitted(fit, problem, solution, rule.column)
        curves = [fit.basis.hand[position] for position, _, _ in rule.sides]
        metrics = [declared[curve.metric] for curve in curves]
        first, second = (
            Condition(curve, metric.label or metric.id, at_least, limit)
            for curve, metric, (_, at_least, limit) in zip(curves, metrics, rule.sides, strict=True)
        )
        yield Step(
            Compound((first, second), metrics[0].dimension, bool(scores[best] > 0), float(statistics[best])), solution
        )


def _refitted(fit: AnchoredFit, problem: Problem, solution: Solution, column: np.ndarray) -> tuple[Problem, Solution]:
    """The fit with one more column, pulled towards no effect by the heavy-tailed prior of the joint refit."""
    constraints, spread = problem.constraints, fit.prior_scale
    problem = replace(
        problem,
        design=np.column_stack([problem.design, column]),
        anchor=np.append(problem.anchor, 0.0),
        penalty=np.pad(problem.penalty, (0, 1)),
        bound=np.append(problem.bound, 0.0),
        constraints=np.column_stack([constraints, np.zeros(len(constraints))]) if constraints.size else constraints,
    )
    solution = replace(solution, coefficients=np.append(solution.coefficients, 0.0))
    for _ in range(_PRIOR_ROUNDS):
        # A boolean metric has one segment, so that its step is its range.
        penalty = problem.penalty.copy()
        penalty[-1, -1] = fit.prior.strength(spread)
        problem = replace(problem, penalty=penalty)
        solution = solve(problem, start=solution)
        moved = solution.coefficients[-1:] / fit.prior.spread
        spread = float(student_scales(fit.prior_scale, moved)[0])
    return problem, solution


def score_tests(
    problem: Problem, solution: Solution, columns: Sequence[np.ndarray], cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Score and statistic of each candidate column beside what the fit already holds.

    The column's part that the fit could express itself is taken out first (weighted least squares), so that only
    what two conditions say together is tested.
    """
    p = expit(solution.log_odds(problem.design))
    variance = p * (1 - p)
    working = problem.weight * variance
    held = np.column_stack([np.ones(len(p)), problem.design])
    candidates = np.column_stack(columns)
    square = held.T @ (held * working[:, None]) + 1e-8 * float(working.sum()) * np.eye(held.shape[1])
    candidates = candidates - held @ np.linalg.solve(square, held.T @ (candidates * working[:, None]))
    residual = problem.y - p
    scores = candidates.T @ (problem.weight * residual)
    information = working @ candidates**2
    effects = np.array([design_effect(c[:, None], residual, variance, problem.weight, cluster) for c in candidates.T])
    statistics = np.divide(scores**2, information * effects, out=np.zeros(len(scores)), where=information > 1e-9)
    return scores, statistics


def _supported(column: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> bool:
    inside = column > 0
    return (
        len(np.unique(cluster[inside])) >= _ACCOUNTS
        and len(np.unique(cluster[~inside])) >= _ACCOUNTS
        and len(np.unique(cluster[inside & (y == 1)])) >= _EACH_OUTCOME
        and len(np.unique(cluster[inside & (y == 0)])) >= _EACH_OUTCOME
    )


def _mine(values: np.ndarray, fit: AnchoredFit) -> list[_Rule]:
    """The most promising rules of every pair of metrics, by what the additive fit leaves over in four quadrants.

    Two limits cut the rows of a pair into 2 x 2 cells. With residual sums u and information w per cell, the statistic
    of an interaction beside both main effects is (u11/w11 - u12/w12 - u21/w21 + u22/w22)^2 / sum(1/w). Sums over a
    grid of limits give it for all of them at once.
    """
    p = expit(fit.solution.log_odds(fit.problem.design))
    residual, working = fit.problem.weight * (fit.problem.y - p), fit.problem.weight * p * (1 - p)
    limits = [_limits(column) for column in values.T]
    cells = [np.searchsorted(cuts, column, side="right") for cuts, column in zip(limits, values.T, strict=True)]
    known = ~np.isnan(values)
    found: list[tuple[float, tuple[int, bool, float], tuple[int, bool, float]]] = []
    for i, j in combinations(range(values.shape[1]), 2):
        shape = (len(limits[i]) + 1, len(limits[j]) + 1)
        if min(shape) < 2:
            continue
        rows = known[:, i] & known[:, j]
        place = cells[i][rows] * shape[1] + cells[j][rows]
        u, w = (
            _quadrants(np.bincount(place, x[rows], shape[0] * shape[1]).reshape(shape)) for x in (residual, working)
        )
        w = np.maximum(w, 1e-9)
        statistics = ((u / w) * _SIGNS).sum(axis=0) ** 2 / (1 / w).sum(axis=0)
        for at in np.argsort(-statistics, axis=None)[:_PER_PAIR]:
            k, m = np.unravel_index(at, statistics.shape)
            # All four quadrants say the same beside the main effects; the one furthest off is what people would name.
            quadrant = int((u[:, k, m] ** 2 / w[:, k, m]).argmax())
            sides = (i, quadrant >= 2, float(limits[i][k])), (j, quadrant % 2 == 1, float(limits[j][m]))
            found.append((float(statistics[k, m]), *sides))
    found.sort(key=lambda candidate: -candidate[0])
    return [_rule(values, first, second) for _, first, second in found[:_CANDIDATES]]


def _rule(values: np.ndarray, *sides: tuple[int, bool, float]) -> _Rule:
    met = [values[:, k] >= limit if at_least else values[:, k] < limit for k, at_least, limit in sides]
    return _Rule((sides[0], sides[1]), np.asarray(met[0] & met[1], dtype=float))


def _quadrants(cells: np.ndarray) -> np.ndarray:
    """Sums below/below, below/above, above/below and above/above every pair of inner limits: (4, limits, limits)."""
    low = cells.cumsum(axis=0).cumsum(axis=1)
    first, second, total = low[:-1, -1:], low[-1:, :-1], low[-1, -1]
    both = low[:-1, :-1]
    return np.stack([both, first - both, second - both, total - first - second + both])


def _limits(column: np.ndarray) -> np.ndarray:
    """Where a metric may be cut: at every value when there are few, else at quantiles; ascending, easy to read."""
    distinct = np.unique(column[~np.isnan(column)])
    if len(distinct) - 1 <= _CUTS:
        cuts = distinct[:-1]
    else:
        cuts = np.unique(np.nanquantile(column, np.linspace(0, 1, _CUTS + 2)[1:-1]))
        cuts = cuts[cuts < distinct[-1]]
    return np.unique([short_limit(float(cut), distinct) for cut in cuts])


def short_limit(threshold: float, distinct: np.ndarray) -> float:
    """The shortest number that parts the values as `value <= threshold` does, so that people can read it.

    >>> short_limit(2.0000000000000004, np.array([1.0, 2.0, 3.0])), short_limit(0.3349, np.array([0.31, 0.36]))
    (3.0, 0.33)
    """
    place = int(np.searchsorted(distinct, threshold, side="right"))
    if place == 0 or place == len(distinct):
        return threshold
    low, high = float(distinct[place - 1]), float(distinct[place])
    for digits in range(1, 17):
        for exact in ((low + high) / 2, high):
            limit = float(f"{exact:.{digits}g}")
            if low < limit <= high:
                return limit
    return high
