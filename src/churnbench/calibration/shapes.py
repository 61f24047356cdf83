"""Which way each metric's curve may bend, and the audit of declared directions.

A declared direction is flipped only when the evidence is strong (2 delta log-likelihood above 10), a shape freed only
above 15 + 2K; both are divided by the cluster design effect, because on panels rows repeat accounts and every shape
would otherwise look significant. Each change is returned for a person to see.

Source: method of the project, section 5.4; Rao and Scott (1984) for dividing by the design effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from churnbench.calibration.basis import Basis, MetricRamps, Shape
from churnbench.calibration.penalised_fit import Problem, Solution, curvature, quadratic_minimum, slope, solve
from churnbench.models import expit

FLIP_NEEDS = 10.0
FREE_NEEDS = 15.0
#: A proposal must reach this share of what is needed on the local quadratic model to be worth a full fit.
_WORTH_A_FIT = 0.6


@dataclass(frozen=True)
class ShapeChange:
    """A direction or shape that the data contradict.

    Attributes:
        metric: metric id.
        shape: "flipped" or "free".
        statistic: 2 delta log-likelihood divided by the design effect.
        needed: what the statistic had to exceed.
        design_effect: how many rows carry the information of one, >= 1.
    """

    metric: str
    shape: Shape
    statistic: float
    needed: float
    design_effect: float


Shapes = Mapping[str, Shape]


def bounds(basis: Basis, shapes: Shapes) -> np.ndarray:
    """Sign bound per column: ramps +1 declared, -1 flipped, 0 free; missing indicators are free."""
    bound = np.zeros(basis.width)
    for ramps in basis.ramps:
        bound[ramps.ramp_columns] = {"declared": 1.0, "flipped": -1.0, "free": 0.0}[shapes[ramps.metric]]
    return bound


def missing_constraints(basis: Basis, shapes: Shapes) -> np.ndarray:
    """Rows C with C a <= 0: a missing value is worth at least the curve's lowest and at most its highest point."""
    rows = []
    for ramps in basis.ramps:
        column = ramps.missing_column
        if column is None or shapes[ramps.metric] == "free":
            continue
        rises = rising(ramps, shapes[ramps.metric])
        for direction in (1.0, -1.0):
            # direction +1: health at missing <= sum of rising steps; -1: >= sum of falling steps.
            row = np.zeros(basis.width)
            row[column] = -direction
            steps = -ramps.sign * (rises == direction)
            row[ramps.ramp_columns] -= direction * steps
            rows.append(row)
    return np.asarray(rows) if rows else np.zeros((0, basis.width))


def rising(ramps: MetricRamps, shape: Shape) -> np.ndarray:
    """+1 where the curve may only rise in health over a segment, -1 where it may only fall."""
    return np.asarray(-ramps.sign if shape == "declared" else ramps.sign)


def constrained(
    basis: Basis,
    design: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    *,
    anchor: np.ndarray,
    penalty: np.ndarray,
    shapes: Shapes,
    extra: np.ndarray | None = None,
) -> Problem:
    """The fit under given shapes. A flipped metric is anchored at no effect: its declared curve is no guide."""
    held = anchor.copy()
    for ramps in basis.ramps:
        if shapes[ramps.metric] == "flipped":
            held[ramps.columns[0] : ramps.columns[1]] = 0.0
    rows = np.zeros((0, basis.width))
    if extra is not None and len(extra):
        # Limits speak of ranges; only then must a missing value's worth stay inside its curve's.
        rows = np.vstack([missing_constraints(basis, shapes), extra])
    return Problem(design, y, weight, held, penalty, bounds(basis, shapes), rows)


def design_effect(
    design: np.ndarray, residual: np.ndarray, variance: np.ndarray, weight: np.ndarray, cluster: np.ndarray
) -> float:
    """Cluster-robust over model-based variance of the score, averaged over columns, at least 1.

    Args:
        design: columns of one metric (rows, k).
        residual: y - p (rows,).
        variance: p (1 - p) (rows,).
        weight: row weights (rows,).
        cluster: account number of each row, 0-based.
    """
    centred = design - np.average(design, axis=0, weights=weight * variance + 1e-300)
    clusters = int(cluster.max()) + 1
    robust = sum(
        float((np.bincount(cluster, weight * residual * centred[:, k], clusters) ** 2).sum())
        for k in range(design.shape[1])
    )
    model = float(((weight * variance)[:, None] * centred**2).sum())
    return max(1.0, robust / model) if model > 0 else 1.0


def audit(
    problem: Problem,
    basis: Basis,
    cluster: np.ndarray,
    solution: Solution,
    *,
    anchor: np.ndarray,
    extra: np.ndarray | None = None,
) -> tuple[dict[str, Shape], Solution, tuple[ShapeChange, ...]]:
    """Test every declared direction and accept, one at a time, the changes that the data insist on.

    Args:
        problem: the fit with all shapes declared.
        basis: its ramps.
        cluster: account number of each row.
        solution: its solution.
        anchor: hand formula on the basis.
        extra: further constraint rows that stay in force.

    Returns:
        Shape per metric, the fit under these shapes, and the accepted changes in the order of acceptance.
    """
    shapes: dict[str, Shape] = {ramps.metric: "declared" for ramps in basis.ramps}
    changes: list[ShapeChange] = []
    refused: set[tuple[str, Shape]] = set()

    def under(trial: Shapes, held: np.ndarray) -> Problem:
        return constrained(
            basis,
            problem.design,
            problem.y,
            problem.weight,
            anchor=held,
            penalty=problem.penalty,
            shapes=trial,
            extra=extra,
        )

    while True:
        proposals = _proposals(problem, basis, cluster, solution, shapes, anchor, under)
        proposals = [p for p in proposals if (p.metric, p.shape) not in refused]
        if not proposals:
            return shapes, solution, tuple(changes)
        best = max(proposals, key=lambda proposal: proposal.statistic - proposal.needed)
        trial = {**shapes, best.metric: best.shape}
        # Against the declared shape with its anchor removed, so that dropping a bad prior is not taken for a flip.
        without = _unanchored(basis, anchor, best.metric)
        baseline = solve(under(shapes, without), start=solution)
        refitted = solve(under(trial, anchor), start=solution)
        gained = 2 * problem.weight.sum() * (min(baseline.loss, solution.loss) - refitted.loss) / best.design_effect
        if gained > best.needed:
            shapes, solution = trial, refitted
            changes.append(ShapeChange(best.metric, best.shape, gained, best.needed, best.design_effect))
        else:
            refused.add((best.metric, best.shape))


def _unanchored(basis: Basis, anchor: np.ndarray, metric: str) -> np.ndarray:
    held = anchor.copy()
    for ramps in basis.ramps:
        if ramps.metric == metric:
            held[ramps.columns[0] : ramps.columns[1]] = 0.0
    return held


def _proposals(
    problem: Problem,
    basis: Basis,
    cluster: np.ndarray,
    solution: Solution,
    shapes: Shapes,
    anchor: np.ndarray,
    under: Callable[[Shapes, np.ndarray], Problem],
) -> list[ShapeChange]:
    """Changes that look worth a full fit, judged on the local quadratic model of the log-likelihood."""
    gradient, hessian = slope(problem, solution), curvature(problem, solution)
    x = np.concatenate([[solution.intercept], solution.coefficients])
    p = expit(solution.log_odds(problem.design))
    total = float(problem.weight.sum())

    def gained(moved: np.ndarray) -> float:
        return float(-2 * total * (gradient @ moved + 0.5 * moved @ hessian @ moved))

    def gain(trial: Shapes, held: np.ndarray) -> float:
        return gained(quadratic_minimum(under(trial, held), gradient, hessian, x) - x)

    found: list[ShapeChange] = []
    for ramps in basis.ramps:
        if shapes[ramps.metric] == "free":
            continue
        columns = problem.design[:, ramps.ramp_columns]
        effect = design_effect(columns, problem.y - p, p * (1 - p), problem.weight, cluster)
        without = _unanchored(basis, anchor, ramps.metric)
        most = gained(_unbounded_move(problem, ramps, gradient, hessian, x, without)) / effect
        if most < _WORTH_A_FIT * FLIP_NEEDS:
            continue
        baseline = max(0.0, gain(shapes, without))
        tried: dict[Shape, tuple[float, float]] = {}
        if shapes[ramps.metric] == "declared":
            tried["flipped"] = (
                (gain({**shapes, ramps.metric: "flipped"}, anchor) - baseline) / effect,
                FLIP_NEEDS,
            )
        needed = FREE_NEEDS + 2 * ramps.segments
        if ramps.segments > 1 and most > _WORTH_A_FIT * needed:
            tried["free"] = ((gain({**shapes, ramps.metric: "free"}, anchor) - baseline) / effect, needed)
        found += _worth_fitting(ramps, tried, effect)
    return found


def _worth_fitting(ramps: MetricRamps, tried: dict[Shape, tuple[float, float]], effect: float) -> list[ShapeChange]:
    passing = {shape: pair for shape, pair in tried.items() if pair[0] > _WORTH_A_FIT * pair[1]}
    if "free" in passing and "flipped" in passing:
        # A free shape costs K parameters; it must earn them beyond what the flip already explains.
        extra = passing["free"][0] - passing["flipped"][0]
        passing.pop("flipped" if extra > 2 * ramps.segments else "free")
    return [ShapeChange(ramps.metric, shape, pair[0], pair[1], effect) for shape, pair in passing.items()]


def _unbounded_move(
    problem: Problem,
    ramps: MetricRamps,
    gradient: np.ndarray,
    hessian: np.ndarray,
    x: np.ndarray,
    held: np.ndarray,
) -> np.ndarray:
    """Newton step with one metric's bounds lifted and every coefficient now at a bound held there.

    One linear solve; it can only promise more than the bounded step will keep, so it screens metrics cheaply.
    """
    moving = np.concatenate([[True], solution_moves(problem, x[1:])])
    moving[1 + ramps.columns[0] : 1 + ramps.columns[1]] = True
    chosen = np.flatnonzero(moving)
    penalty = np.zeros(hessian.shape)
    penalty[1:, 1:] = problem.penalty
    pull = gradient + 2.0 * penalty @ (x - np.concatenate([[0.0], held]))
    square = (hessian + 2.0 * penalty)[np.ix_(chosen, chosen)] + 1e-10 * np.eye(len(chosen))
    step = np.linalg.solve(square, -pull[chosen])
    moved = np.zeros(len(x))
    moved[chosen] = step
    return moved


def solution_moves(problem: Problem, a: np.ndarray) -> np.ndarray:
    """Which coefficients are free to move: unbounded ones, and bounded ones away from zero."""
    return np.asarray((problem.bound == 0) | (a != 0))
