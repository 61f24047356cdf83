"""The constrained fit against scikit-learn and SciPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, approx_fprime, minimize
from sklearn.linear_model import LogisticRegression

from churnbench.calibration.penalised_fit import Problem, Solution, curvature, mean_log_loss, slope, solve


def _problem(seed: int = 0, rows: int = 400, width: int = 5, **changed: object) -> Problem:
    rng = np.random.default_rng(seed)
    design = rng.uniform(-1, 1, (rows, width))
    true = rng.normal(0, 1.5, width)
    y = (rng.random(rows) < 1 / (1 + np.exp(1.5 - design @ true))).astype(float)
    parts: dict[str, object] = {
        "design": design,
        "y": y,
        "weight": np.ones(rows),
        "anchor": np.zeros(width),
        "penalty": 0.01 * np.eye(width),
        "bound": np.zeros(width),
    }
    return Problem(**(parts | changed))  # type: ignore[arg-type]


def _covariance(rng: np.random.Generator) -> np.ndarray:
    root = rng.normal(0, 1, (5, 5))
    return root @ root.T + 0.1 * np.eye(5)


def _objective(problem: Problem) -> Callable[[np.ndarray], float]:
    def value(x: np.ndarray) -> float:
        index = x[0] + problem.design @ x[1:]
        loss = np.average(np.logaddexp(0, index) - problem.y * index, weights=problem.weight)
        return float(loss + (x[1:] - problem.anchor) @ problem.penalty @ (x[1:] - problem.anchor))

    return value


def _scipy(problem: Problem, **options: object) -> np.ndarray:
    sides = {1.0: (0, None), -1.0: (None, 0), 0.0: (None, None)}
    bounds = [(None, None), *[sides[float(b)] for b in problem.bound]]
    start = np.zeros(len(bounds))
    tight = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000}

    def gradient(x: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-(x[0] + problem.design @ x[1:])))
        residual = problem.weight * (p - problem.y) / problem.weight.sum()
        slope = problem.design.T @ residual + 2 * problem.penalty @ (x[1:] - problem.anchor)
        return np.concatenate([[residual.sum()], slope])

    method = str(options.pop("method", "L-BFGS-B"))
    if method == "SLSQP":
        tight = {"ftol": 1e-15, "maxiter": 2000}
    found = minimize(_objective(problem), start, jac=gradient, bounds=bounds, method=method, options=tight, **options)
    return np.asarray(found.x)


def _as_vector(solution: Solution) -> np.ndarray:
    return np.concatenate([[solution.intercept], solution.coefficients])


@pytest.mark.parametrize("penalty", [1e-3, 1e-2, 0.3])
def test_without_bounds_it_is_scikit_learn_s_ridge_logistic_regression(penalty: float) -> None:
    problem = _problem(penalty=penalty * np.eye(5))
    model = LogisticRegression(C=1 / (2 * len(problem.y) * penalty), tol=1e-12, max_iter=10_000)
    model.fit(problem.design, problem.y)
    expected = np.concatenate([model.intercept_, model.coef_[0]])
    assert np.allclose(_as_vector(solve(problem)), expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), signs=st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=5, max_size=5))
def test_with_bounds_and_an_anchor_it_reaches_the_minimum_that_scipy_reaches(seed: int, signs: list[float]) -> None:
    rng = np.random.default_rng(seed)
    problem = _problem(
        seed,
        weight=rng.uniform(0.2, 3.0, 400),
        anchor=rng.normal(0, 1, 5),
        penalty=_covariance(rng) / 20,
        bound=np.array(signs),
    )
    mine, theirs = _as_vector(solve(problem)), _scipy(problem)
    value = _objective(problem)
    assert value(mine) <= value(theirs) + 1e-8
    assert np.allclose(mine, theirs, atol=1e-3)
    assert ((mine[1:] * problem.bound) >= 0).all()


def test_the_gap_to_scipy_s_minimum_is_below_a_millionth_with_bounds() -> None:
    problem = _problem(3, bound=np.ones(5))
    value = _objective(problem)
    assert abs(value(_as_vector(solve(problem))) - value(_scipy(problem))) < 1e-9
    assert np.allclose(_as_vector(solve(problem)), _scipy(problem), atol=1e-6)


def test_linear_constraints_hold_and_the_minimum_is_that_of_slsqp() -> None:
    rng = np.random.default_rng(2)
    share = np.vstack([np.eye(5)[0] - 0.25, np.eye(5)[1] - 0.25, 0.3 - np.array([0, 0, 0, 1.0, 1.0])])
    problem = _problem(2, bound=np.ones(5), anchor=rng.uniform(0, 1, 5), constraints=share)
    mine = _as_vector(solve(problem))
    theirs = _scipy(
        problem,
        method="SLSQP",
        constraints=LinearConstraint(np.column_stack([np.zeros(3), share]), -np.inf, 0.0),
    )
    assert (share @ mine[1:] <= 1e-6).all()
    assert _objective(problem)(mine) <= _objective(problem)(theirs) + 1e-7


def test_an_overwhelming_penalty_gives_the_anchor_and_none_gives_the_likelihood() -> None:
    anchor = np.array([0.5, -0.3, 0.0, 1.0, 2.0])
    held = solve(_problem(anchor=anchor, penalty=1e6 * np.eye(5)))
    assert np.allclose(held.coefficients, anchor, atol=1e-4)
    free = solve(_problem(anchor=anchor, penalty=np.zeros((5, 5))))
    gradient = slope(_problem(anchor=anchor), free)
    assert np.abs(gradient).max() < 1e-5


def test_a_coefficient_at_its_bound_is_exactly_zero() -> None:
    problem = _problem(0)
    against = -np.sign(solve(problem).coefficients)
    assert (solve(_problem(0, bound=against)).coefficients == 0.0).all()


def test_the_weights_count_rows() -> None:
    counts = np.random.default_rng(1).integers(0, 4, 400)
    base = _problem(1)
    weighted = solve(base.reweighted(counts.astype(float)))
    repeated = solve(
        _problem(
            1,
            design=np.repeat(base.design, counts, axis=0),
            y=np.repeat(base.y, counts),
            weight=np.ones(counts.sum()),
        )
    )
    assert np.allclose(_as_vector(weighted), _as_vector(repeated), atol=1e-5)


def test_a_start_elsewhere_ends_at_the_same_minimum() -> None:
    problem = _problem(4, bound=np.array([1.0, 1, 0, -1, 0]))
    far = Solution(3.0, np.array([4.0, 0, -5, 0, 5]), 0.0)
    assert np.allclose(_as_vector(solve(problem, start=far)), _as_vector(solve(problem)), atol=1e-4)


def test_gradient_and_curvature_are_those_of_finite_differences() -> None:
    problem = _problem(5, weight=np.random.default_rng(0).uniform(0.5, 2, 400), penalty=np.zeros((5, 5)))
    at = Solution(-0.7, np.array([0.2, -0.4, 1.0, 0.0, 0.3]), 0.0)
    gradient, hessian = slope(problem, at), curvature(problem, at)
    x = _as_vector(at)
    assert np.allclose(gradient, approx_fprime(x, _objective(problem), 1e-7), atol=1e-6)

    def slope_at(z: np.ndarray) -> np.ndarray:
        return slope(problem, Solution(float(z[0]), z[1:], 0.0))

    numeric = np.column_stack([(slope_at(x + h) - slope_at(x - h)) / 2e-5 for h in 1e-5 * np.eye(6)])
    assert np.allclose(hessian, numeric, atol=1e-7)


def test_separated_classes_stay_finite_under_the_penalty() -> None:
    design = np.linspace(-1, 1, 40)[:, None]
    problem = Problem(
        design, (design[:, 0] > 0).astype(float), np.ones(40), np.zeros(1), np.array([[1e-3]]), np.array([1.0])
    )
    found = solve(problem)
    assert np.isfinite(found.coefficients).all()
    assert found.loss < 0.2


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_is_fitted_to_nearly_certain_and_nothing_breaks(label: float) -> None:
    found = solve(_problem(y=np.full(400, label)))
    assert np.isfinite(_as_vector(found)).all()
    assert found.loss < 1e-3


def test_the_reported_loss_is_that_of_the_solution_and_leaves_the_penalty_out() -> None:
    problem = _problem(6, anchor=np.full(5, 3.0))
    found = solve(problem)
    index = found.log_odds(problem.design)
    p = 1 / (1 + np.exp(-index))
    by_hand = -np.mean(problem.y * np.log(p) + (1 - problem.y) * np.log(1 - p))
    assert found.loss == pytest.approx(by_hand)
    assert mean_log_loss(problem.y, index, problem.weight) == pytest.approx(by_hand)
