"""Prior strength, thinning, out-of-fold scores and resampled weights of the anchored refit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_books import linear_book, plain_spec

from churnbench.calibration import AnchoredRefit, Settings, Training, missing_policies, resample_weights
from churnbench.calibration.anchored import PRIOR_SCALES, SMALL_DATA_SCALE, thin
from churnbench.calibration.derivations import derive_anchored, formula_curves
from churnbench.domain.progress import Silent

EFFECTS = {"m0": 1.5, "m1": 1.0, "m2": 0.5, "m3": 0.0}
TRUE = {"m0": 0.5, "m1": 1 / 3, "m2": 1 / 6, "m3": 0.0}


def _training(frame: pd.DataFrame, weights: dict[str, float] | None = None, **settings: object) -> Training:
    return Training(
        frame, plain_spec(weights or dict.fromkeys(EFFECTS, 1.0)), tuple(EFFECTS), True, Settings(**settings)
    )  # type: ignore[arg-type]


def test_weights_move_from_the_hand_formula_towards_the_truth() -> None:
    shares = derive_anchored(_training(linear_book(EFFECTS, accounts=500))).shares
    off_before = sum(abs(0.25 - TRUE[m]) for m in EFFECTS) / 2
    off_after = sum(abs(shares[m] - TRUE[m]) for m in EFFECTS) / 2
    assert off_after < 0.12 < off_before
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_looser_prior_moves_the_weights_farther_from_the_hand_formula() -> None:
    training = _training(linear_book(EFFECTS, accounts=60, months=6))
    refit = AnchoredRefit(training)
    moved = []
    for sd in PRIOR_SCALES:
        curves, _ = formula_curves(training, refit.fit_part(refit.whole, sd, "declared"))
        moved.append(sum(abs(curve.share - 0.25) for curve in curves))
    assert moved[-1] > 1.5 * moved[0]


def test_a_tight_prior_lets_go_of_the_one_metric_that_the_experts_have_wrong() -> None:
    frame = linear_book({"m0": 3.0, "m1": 0.4, "m2": 0.4, "m3": 0.4}, accounts=400)
    training = _training(frame, {"m0": 1, "m1": 33, "m2": 33, "m3": 33})
    refit = AnchoredRefit(training)
    part = refit.whole
    scale = 0.05
    heavy = refit.fit_part(part, scale, "declared")
    shapes = dict.fromkeys(("m0", "m1", "m2", "m3"), "declared")
    _, firm = refit._solve(part, np.full(4, scale), shapes, limits={})
    curves, _ = formula_curves(training, heavy)
    held, _ = formula_curves(training, heavy, firm.coefficients)
    assert curves[0].id == held[0].id == "m0"
    # The truth is 3 of 4.2 parts; the normal prior of the same width stops far short of it.
    assert curves[0].share > held[0].share + 0.1
    assert abs(curves[0].share - 3.0 / 4.2) < 0.1


def test_a_hand_formula_that_is_right_keeps_a_tight_prior_and_one_that_is_wrong_does_not() -> None:
    right = _training(linear_book(EFFECTS, seed=1), {"m0": 50, "m1": 33, "m2": 17, "m3": 0.1})
    wrong = _training(linear_book(EFFECTS, seed=1), {"m0": 1, "m1": 3, "m2": 17, "m3": 80})
    assert AnchoredRefit(right).choose_prior() < AnchoredRefit(wrong).choose_prior()


def test_with_few_events_the_prior_is_prescribed() -> None:
    frame = linear_book(EFFECTS, accounts=180, months=10, intercept=-4.3)
    training = _training(frame)
    assert 20 <= training.events < 150
    assert AnchoredRefit(training).choose_prior() == SMALL_DATA_SCALE


def test_thinning_keeps_all_churn_and_weights_restore_the_shares() -> None:
    y = (np.random.default_rng(0).random(5000) < 0.05).astype(float)
    sample = thin(y, 3, most=1000)
    assert len(sample.rows) == 1000
    assert (np.diff(sample.rows) > 0).all()
    assert y[sample.rows].sum() == y.sum()
    assert sample.weight.sum() == pytest.approx(5000)
    assert np.average(y[sample.rows], weights=sample.weight) == pytest.approx(y.mean())
    assert np.array_equal(sample.rows, thin(y, 3, most=1000).rows)


def test_thinning_a_book_full_of_churn_restores_both_shares_too() -> None:
    y = (np.random.default_rng(0).random(5000) < 0.9).astype(float)
    sample = thin(y, 3, most=1000)
    assert np.average(y[sample.rows], weights=sample.weight) == pytest.approx(y.mean())
    assert sample.weight.sum() == pytest.approx(5000)


def test_few_rows_are_not_thinned() -> None:
    sample = thin(np.zeros(10), 0, most=1000)
    assert sample.rows.tolist() == list(range(10))
    assert (sample.weight == 1).all()


def test_out_of_fold_scores_use_no_outcome_of_the_rows_they_score() -> None:
    frame = linear_book(EFFECTS)
    training = _training(frame, shapes="declared")
    refit = AnchoredRefit(training)
    fit = refit.fit()
    rows, index = refit.out_of_fold(fit)
    for learn, predict in training.held_out:
        assert not set(training.accounts[learn]) & set(training.accounts[predict])
    predicted = training.held_out[-1][1]
    unseen = np.isin(training.accounts, np.unique(training.accounts[predicted]))
    flipped = frame.copy()
    flipped.loc[unseen, "y"] = 1 - flipped.loc[unseen, "y"]
    again = _training(flipped, shapes="declared")
    again.__dict__["held_out"] = training.held_out  # dealing accounts looks at outcomes to keep classes in proportion
    rows_again, index_again = AnchoredRefit(again).out_of_fold(fit)
    assert np.array_equal(rows, rows_again)
    assert np.allclose(index[-len(predicted) :], index_again[-len(predicted) :])
    assert not np.allclose(index[: -len(predicted)], index_again[: -len(predicted)])


def test_the_same_training_gives_the_same_body() -> None:
    frame = linear_book(EFFECTS)
    assert derive_anchored(_training(frame)).body == derive_anchored(_training(frame)).body


def test_fewer_than_twenty_churned_accounts_leave_the_hand_formula_as_it_is() -> None:
    training = _training(linear_book(EFFECTS, accounts=40, months=8, intercept=-4.5))
    assert training.tier == "descriptive"
    assert derive_anchored(training).body == training.hand_body


def test_resampled_weights_hold_the_estimate_and_usually_the_truth() -> None:
    inside = total = 0
    for seed in range(3):
        training = _training(linear_book(EFFECTS, accounts=250, seed=seed), bootstrap=40, shapes="declared")
        refit = AnchoredRefit(training)
        fit = refit.fit_part(refit.whole, 5.0, "declared")
        spread = resample_weights(training, fit, Silent())
        assert spread is not None
        curves, _ = formula_curves(training, fit)
        for curve in curves:
            low, high = spread.metrics[curve.id]
            assert low - 0.05 <= curve.share <= high + 0.05
            if TRUE[curve.id] > 0:
                inside += low <= TRUE[curve.id] <= high
                total += 1
        assert spread.dimensions["all"] == pytest.approx((1.0, 1.0))
        assert spread.selection_rate["m0"] == 1.0
        assert all(0 <= rate <= 1 for rate in (*spread.selection_rate.values(), *spread.direction_agreement.values()))
        for position, ramps in enumerate(fit.basis.ramps):
            band = spread.curves[ramps.metric]
            assert np.array_equal(band[:, 0], fit.basis.ramps[position].knots)
            assert (band[:, 1] <= band[:, 2]).all()
    assert inside >= 0.6 * total


def test_repeating_the_rows_of_every_account_leaves_the_intervals_of_weights_alone() -> None:
    frame = linear_book(EFFECTS, accounts=250)
    repeated = pd.concat([frame] * 4, ignore_index=True).sort_values(["as_of", "account_id"], kind="stable")
    widths = []
    for rows in (frame, repeated.reset_index(drop=True)):
        training = _training(rows, bootstrap=60, shapes="declared")
        refit = AnchoredRefit(training)
        spread = resample_weights(training, refit.fit_part(refit.whole, 0.4, "declared"), Silent())
        assert spread is not None
        widths.append(np.array([high - low for low, high in spread.metrics.values()]))
    assert np.allclose(widths[1], widths[0], rtol=0.35, atol=0.02)
    assert widths[1].sum() == pytest.approx(widths[0].sum(), rel=0.2)


def test_no_resamples_give_no_intervals() -> None:
    training = _training(linear_book(EFFECTS, accounts=80))
    refit = AnchoredRefit(training)
    fit = refit.fit_part(refit.whole, 0.1, "declared")
    training.settings = replace(training.settings, bootstrap=0)
    assert resample_weights(training, fit, Silent()) is None


def test_missing_policies_are_compared_on_the_same_rows() -> None:
    frame = linear_book(EFFECTS, missing=0.2)
    training = _training(frame)
    derived = derive_anchored(training)
    before = str(derived.body)
    found = missing_policies(training, derived)
    assert [entry["policy"] for entry in found] == ["as exported", "skip", "neutral", "worst"]
    assert str(derived.body) == before
    by_policy = {entry["policy"]: entry for entry in found}
    # Cells are missing at random here, so that calling them the worst must cost accuracy.
    assert by_policy["worst"]["auc"] < by_policy["skip"]["auc"]
    assert by_policy["worst"]["log_loss"] > by_policy["as exported"]["log_loss"]
