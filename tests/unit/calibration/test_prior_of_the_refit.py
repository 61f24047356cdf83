"""What the refit believes before it sees an outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_books import linear_book, plain_spec

from churnbench.calibration import AnchoredRefit, Settings, Training
from churnbench.calibration.penalised_fit import account_slopes, settled, slope, solve
from churnbench.calibration.prior import FREEDOM, Prior, student_scales, unit_covariance

EFFECTS = {"m0": 1.5, "m1": 0.5}


@pytest.fixture(scope="module")
def refit() -> AnchoredRefit:
    frame = linear_book(EFFECTS, accounts=200, missing=0.2)
    return AnchoredRefit(Training(frame, plain_spec(dict.fromkeys(EFFECTS, 1.0)), tuple(EFFECTS), True, Settings()))


@pytest.fixture
def prior(refit: AnchoredRefit) -> Prior:
    return refit.whole.prior


def test_a_metric_s_range_has_variance_one_and_its_steps_mostly_move_together(prior: Prior) -> None:
    for ramps in prior.basis.ramps:
        covariance = unit_covariance(ramps, prior.basis.fill[ramps.ramp_columns])
        steps = covariance[: ramps.segments, : ramps.segments]
        assert steps.sum() == pytest.approx(1.0)
        assert np.linalg.eigvalsh(covariance).min() > 0
        loose = np.diag(np.sqrt(np.diag(steps)))
        correlation = np.linalg.inv(loose) @ steps @ np.linalg.inv(loose)
        assert correlation[np.triu_indices(ramps.segments, 1)].min() > 0.2


def test_a_missing_value_is_expected_to_be_worth_the_mean_of_its_curve(prior: Prior) -> None:
    ramps = prior.basis.ramps[0]
    assert ramps.missing
    fill = prior.basis.fill[ramps.ramp_columns]
    covariance = unit_covariance(ramps, fill)
    steps = covariance[:-1, :-1]
    # E[missing | steps] under a normal prior is the regression of the last coefficient on the others.
    assert np.allclose(np.linalg.solve(steps, covariance[:-1, -1]), fill)


def test_draws_have_the_covariance_that_the_penalty_stands_for(prior: Prior) -> None:
    scales = np.array([0.3, 0.1])
    generator = np.random.default_rng(0)
    draws = np.stack([prior.drawn(scales, generator) for _ in range(6000)])
    stated = np.linalg.inv(2 * prior.effective_rows * prior.penalty(scales))
    assert np.allclose(np.cov(draws.T), stated, atol=0.08 * np.abs(stated).max())


def test_a_curve_moved_as_one_counts_less_than_the_same_range_in_one_segment(prior: Prior) -> None:
    ramps = prior.basis.ramps[0]
    penalty = prior.penalty(np.array([0.1, 0.1]))
    width = np.diff(ramps.knots)
    whole, one = np.zeros(prior.basis.width), np.zeros(prior.basis.width)
    whole[ramps.ramp_columns] = (1 / ramps.segments + width / width.sum()) / 2
    one[ramps.ramp_columns.start] = 1.0
    for change in (whole, one):
        change[ramps.missing_column] = change[ramps.ramp_columns] @ prior.basis.fill[ramps.ramp_columns]
        assert prior.moves(np.zeros(prior.basis.width), change)[0] == pytest.approx(1 / prior.spread)
    assert whole @ penalty @ whole < one @ penalty @ one / 3


def test_a_metric_that_moved_far_is_held_less_and_one_that_stayed_more() -> None:
    scales = student_scales(0.1, np.array([0.0, 0.1, 1.0]))
    assert scales[0] < 0.1 < scales[2]
    assert scales[1] == pytest.approx(0.1)
    # The reweighted normal has the same slope at the point as the Student t: (v + 1) m / (v s^2 + m^2) = m / scale^2.
    moved = 0.37
    assert moved / student_scales(0.1, np.array([moved]))[0] ** 2 == pytest.approx(
        (FREEDOM + 1) * moved / (FREEDOM * 0.01 + moved**2)
    )


def test_the_slopes_of_accounts_add_up_to_the_slope_of_the_fit(refit: AnchoredRefit) -> None:
    fit = refit.fit_part(refit.whole, 0.1, "declared")
    by_account = account_slopes(fit.problem, fit.solution, refit.whole.cluster)
    assert np.allclose(by_account.sum(axis=0), slope(fit.problem, fit.solution), atol=1e-12)
    one = int(refit.whole.cluster[3])
    alone = replace(fit.problem, weight=np.where(refit.whole.cluster == one, fit.problem.weight, 0.0))
    share = alone.weight.sum() / fit.problem.weight.sum()
    assert np.allclose(by_account[one], share * slope(alone, fit.solution), atol=1e-12)


def test_coefficients_a_hair_inside_their_bound_are_on_it(refit: AnchoredRefit) -> None:
    problem = replace(refit.fit_part(refit.whole, 0.1, "declared").problem)
    a = np.full(problem.design.shape[1], 1e-9)
    held = settled(problem, a)
    assert (held[problem.bound != 0] == 0).all()
    assert (held[problem.bound == 0] == 1e-9).all()
    assert np.isfinite(solve(problem).loss)
