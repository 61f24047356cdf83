"""Recalibration against scikit-learn, planted truth, and formulas written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from churnbench.models import Line, Recalibration, expit, logit, recalibrate
from churnbench.models.recalibration import LEAST_FALL, fit_line


def _drawn(rows: int, intercept: float, slope: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    index = rng.normal(0.5, 2.0, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-(intercept + slope * index)))).astype(float)
    return index, y, np.arange(rows)


def _platt_by_sklearn(index: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Each row counted twice, as churned and as kept, with Platt's softened targets as weights."""
    positives = y.sum()
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    doubled = np.concatenate([index, index])[:, None]
    labels = np.concatenate([np.ones(len(y)), np.zeros(len(y))])
    model.fit(doubled, labels, sample_weight=np.concatenate([target, 1 - target]))
    return float(model.intercept_[0]), float(model.coef_[0, 0])


@pytest.mark.parametrize(("scale", "seed"), [(1.0, 0), (30.0, 1), (0.01, 2)])
def test_the_line_is_the_one_scikit_learn_finds(scale: float, seed: int) -> None:
    index, y, accounts = _drawn(400, -1.5, 0.8, seed)
    line = fit_line(index * scale, y, accounts)
    intercept, slope = _platt_by_sklearn(index * scale, y)
    assert line.intercept == pytest.approx(intercept, abs=1e-5)
    assert line.slope == pytest.approx(slope, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(6, 60), st.floats(-3, 3), st.floats(-3, 3))
def test_the_gradient_vanishes_at_the_line_even_for_few_or_separated_rows(
    seed: int, rows: int, intercept: float, slope: float
) -> None:
    index, y, accounts = _drawn(rows, intercept, slope, seed)
    line = fit_line(index, y, accounts)
    positives = y.sum()
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    residual = target - line.probability(index)
    assert abs(residual.sum()) < 1e-6
    assert abs(residual @ index) < 1e-5


def test_a_planted_miscalibration_is_found_within_its_own_standard_error() -> None:
    index, y, accounts = _drawn(20_000, -2.0, 0.6, 5)
    line = fit_line(index, y, accounts)
    errors = np.sqrt(np.diag(line.covariance))
    assert abs(line.intercept + 2.0) < 3 * errors[0]
    assert abs(line.slope - 0.6) < 3 * errors[1]


def test_the_covariance_is_the_clustered_sandwich() -> None:
    index, y, _ = _drawn(300, -1.0, 0.7, 8)
    accounts = np.repeat(np.arange(60), 5)
    line = fit_line(index, y, accounts)
    p = line.probability(index)
    positives = y.sum()
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    bread = np.zeros((2, 2))
    for x, q in zip(index, p, strict=True):
        bread += q * (1 - q) * np.outer([1, x], [1, x])
    meat = np.zeros((2, 2))
    for account in range(60):
        score = np.zeros(2)
        for row in np.flatnonzero(accounts == account):
            score += (target[row] - p[row]) * np.array([1, index[row]])
        meat += np.outer(score, score)
    inverse = np.linalg.inv(bread)
    assert np.allclose(line.covariance, inverse @ meat @ inverse, rtol=1e-6)


def test_repeating_every_row_of_an_account_leaves_its_interval_alone() -> None:
    index, y, accounts = _drawn(500, -1.0, 0.7, 3)
    once = fit_line(index, y, accounts)
    often = fit_line(np.repeat(index, 6), np.repeat(y, 6), np.repeat(accounts, 6))
    assert np.allclose(np.sqrt(np.diag(often.covariance)), np.sqrt(np.diag(once.covariance)), rtol=0.05)


def test_a_health_score_never_raises_the_risk_when_falling_is_asked() -> None:
    index, y, accounts = _drawn(500, -1.0, 0.7, 4)
    flat = fit_line(index, y, accounts, falling=True)
    assert flat.slope == LEAST_FALL < 0
    assert flat.probability(np.array([-5.0, 5.0])) == pytest.approx((y.sum() + 0.5) / (len(y) + 1), rel=0.01)
    # What the score tells apart stays apart, so that its own AUC is the one that is printed.
    assert roc_auc_score(y, flat.probability(index)) == pytest.approx(roc_auc_score(y, -index))
    falling = fit_line(-index, y, accounts, falling=True)
    assert falling.slope == pytest.approx(fit_line(-index, y, accounts).slope)
    assert falling.slope < 0


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_gives_finite_probabilities_near_it(label: float) -> None:
    index = np.linspace(-1, 1, 50)
    line = fit_line(index, np.full(50, label), np.arange(50))
    assert np.allclose(line.probability(index), label, atol=0.05)
    assert np.isfinite(line.covariance).all()
    low, high = line.interval(index)
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()


def test_a_constant_index_says_the_base_rate() -> None:
    y = np.array([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    line = fit_line(np.full(10, 3.0), y, np.arange(10))
    positives = 1
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (9 + 2)).mean()
    assert line.probability(np.array([3.0])) == pytest.approx(target, abs=1e-9)


def test_the_interval_holds_the_line_and_widens_away_from_the_data() -> None:
    index, y, accounts = _drawn(300, -1.0, 0.7, 6)
    line = fit_line(index, y, accounts)
    at = np.array([0.5, 20.0])
    low, high = line.interval(at)
    middle = line.probability(at)
    assert (low <= middle).all()
    assert (middle <= high).all()
    spread = logit(high) - logit(low)
    assert spread[1] > 3 * spread[0]


def test_strata_with_events_enough_get_lines_of_their_own() -> None:
    index, y, accounts = _drawn(3000, -1.0, 0.7, 9)
    stratum = np.where(np.arange(3000) % 2 == 0, "renewal", "no-renewal").astype(object)
    y = np.where(stratum == "renewal", y, np.roll(y, 7))
    fitted = recalibrate(index, y, accounts, stratum)
    for name in ("renewal", "no-renewal"):
        rows = stratum == name
        own = fit_line(index[rows], y[rows], accounts[rows])
        assert fitted.lines[name].slope == pytest.approx(own.slope)
        assert fitted.lines[name].intercept == pytest.approx(own.intercept)
    assert fitted.lines["renewal"].slope > 5 * abs(fitted.lines["no-renewal"].slope)


def test_strata_with_few_events_share_the_slope_and_expect_what_was_observed() -> None:
    index, y, accounts = _drawn(900, -1.5, 0.7, 2)
    stratum = np.where(np.arange(900) < 60, "renewal", "no-renewal").astype(object)
    fitted = recalibrate(index, y, accounts, stratum)
    slopes = {line.slope for line in fitted.lines.values()}
    assert slopes == {fitted.fallback.slope}
    for name, line in fitted.lines.items():
        rows = stratum == name
        assert line.probability(index[rows]).mean() == pytest.approx((y[rows].sum() + 0.5) / (rows.sum() + 1), abs=1e-9)


def test_rows_without_an_index_get_the_base_rate_and_teach_nothing() -> None:
    index, y, accounts = _drawn(200, -1.0, 0.7, 2)
    stratum = np.array(["all"] * 200, dtype=object)
    holed = np.concatenate([index, [np.nan] * 50])
    fitted = recalibrate(holed, np.concatenate([y, np.ones(50)]), np.arange(250), np.array(["all"] * 250, dtype=object))
    plain = recalibrate(index, y, accounts, stratum)
    assert fitted.fallback.slope == pytest.approx(plain.fallback.slope)
    said = fitted.probability(np.array([np.nan, 0.0]), np.array(["all", "all"], dtype=object))
    assert said[0] == pytest.approx(y.mean())
    assert said[1] == pytest.approx(plain.probability(np.array([0.0]), np.array(["all"], dtype=object))[0])


def test_a_stratum_never_seen_is_answered_by_the_line_over_all_rows() -> None:
    line, other = Line(-1.0, 0.5, np.eye(2)), Line(2.0, 0.0, np.eye(2))
    fitted = Recalibration({"renewal": other}, line, 0.1)
    said = fitted.probability(np.array([1.0, 1.0]), np.array(["renewal", "new"], dtype=object))
    assert said.tolist() == pytest.approx([expit(np.array(2.0)).item(), expit(np.array(-0.5)).item()])


@given(st.floats(-30, 30))
def test_expit_and_logit_undo_each_other_between_their_limits(value: float) -> None:
    back = float(logit(expit(np.array([value])))[0])
    # Near 1 a double has only about 1e-16 left to say it in, so the error grows with exp(value).
    assert back == pytest.approx(value, abs=1e-6 + 1e-15 * np.exp(abs(value)))
