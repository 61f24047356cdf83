"""SHAP share, SHAP slope and distillation: their arithmetic, and what they recover in a linear world."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls
from small_books import linear_book, plain_spec

from churnbench.calibration import CONTENDERS, DERIVATIONS, Settings, Training
from churnbench.domain.cohort import OutcomeWindow
from churnbench.formula import effective_points, score_frame
from churnbench.metrics.discrimination import auc

EFFECTS = {"m0": 2.0, "m1": 1.2, "m2": 0.6, "m3": 0.0}
WINDOW = OutcomeWindow()


@pytest.fixture(scope="module")
def training() -> Training:
    frame = linear_book(EFFECTS, accounts=500)
    spec = plain_spec(dict.fromkeys(EFFECTS, 1.0), dimension_of={"m0": "a", "m1": "b", "m2": "a", "m3": "b"})
    return Training(frame, spec, tuple(EFFECTS), True, Settings())


def test_the_table_of_derivations_has_today_s_formula_and_four_others() -> None:
    assert list(DERIVATIONS) == ["incumbent", "shap_share", "shap_slope", "distilled", "anchored"]
    assert set(DERIVATIONS) < set(CONTENDERS)


@pytest.mark.parametrize("name", ["shap_slope", "distilled", "anchored"])
def test_every_derivation_recovers_the_order_of_the_weights_in_a_linear_world(training: Training, name: str) -> None:
    shares = DERIVATIONS[name](training).shares
    assert shares["m0"] > shares["m1"] > shares["m2"] > shares["m3"]
    total = sum(EFFECTS.values())
    assert sum(abs(shares[m] - EFFECTS[m] / total) for m in EFFECTS) / 2 < 0.12


def test_distilled_weights_are_non_negative_least_squares_on_all_hand_points(training: Training) -> None:
    boosted = training.boosted
    points = training.frame[list(EFFECTS)].to_numpy()[boosted.rows]
    design = np.column_stack([np.ones(len(points)), -np.ones(len(points)), -points])
    weights = nnls(design, boosted.index)[0][2:]  # a free intercept as the difference of two
    derived = DERIVATIONS["distilled"](training)
    assert np.allclose([derived.shares[m] for m in EFFECTS], weights / weights.sum(), atol=1e-4)


def test_shap_slope_is_the_least_squares_slope_of_contributions_on_hand_points(training: Training) -> None:
    shown = training.attribution
    slopes = {}
    for metric in EFFECTS:
        points = training.frame[metric].to_numpy()[shown.rows]
        slopes[metric] = max(0.0, -np.polyfit(points, shown.column(metric), 1)[0])
    derived = DERIVATIONS["shap_slope"](training)
    assert derived.shares == pytest.approx({m: s / sum(slopes.values()) for m, s in slopes.items()}, abs=1e-9)


def test_shap_share_sums_signed_values_within_a_dimension_before_their_size(training: Training) -> None:
    values = {metric: training.attribution.column(metric) for metric in EFFECTS}
    within = {m: np.abs(values[m]).mean() for m in EFFECTS}
    expected = {}
    for members in (("m0", "m2"), ("m1", "m3")):
        together = np.abs(sum(values[m] for m in members)).mean()
        for m in members:
            expected[m] = together * within[m] / sum(within[k] for k in members)
    total = sum(expected.values())
    derived = DERIVATIONS["shap_share"](training)
    assert derived.shares == pytest.approx({m: e / total for m, e in expected.items()}, abs=1e-9)


@pytest.mark.parametrize("name", ["incumbent", "shap_share", "shap_slope", "distilled"])
def test_derivations_on_hand_curves_keep_them_and_export_their_shares(training: Training, name: str) -> None:
    derived = DERIVATIONS[name](training)
    hand = {metric["id"]: metric["rule"] for metric in training.hand_body["metrics"]}
    assert all(metric["rule"] == hand[metric["id"]] for metric in derived.body["metrics"])
    points = effective_points(derived.body)
    for metric, share in derived.shares.items():
        assert points.get(metric, 0.0) == pytest.approx(100 * share, abs=0.06)
    assert np.isfinite(derived.raw_score).all()
    assert np.array_equal(derived.rows, training.held_out_rows)
    assert set(derived.rows) == {row for _, predict in training.folds for row in predict}


def test_a_wrong_direction_gets_no_weight_from_slope_and_distillation() -> None:
    frame = linear_book({"m0": 1.5, "m1": 1.0, "m2": -1.5}, accounts=400)
    spec = plain_spec(dict.fromkeys(("m0", "m1", "m2"), 1.0))
    training = Training(frame, spec, ("m0", "m1", "m2"), True, Settings())
    assert DERIVATIONS["shap_slope"](training).shares["m2"] == 0.0
    assert DERIVATIONS["distilled"](training).shares["m2"] < 0.02
    # The naive recipe is blind to direction and pays the metric in full.
    assert DERIVATIONS["shap_share"](training).shares["m2"] > 0.25


def test_where_nothing_points_in_a_declared_direction_today_s_formula_stays() -> None:
    frame = linear_book({"m0": -2.0, "m1": -2.0}, accounts=300)
    training = Training(frame, plain_spec({"m0": 70, "m1": 30}), ("m0", "m1"), True, Settings())
    for name in ("shap_slope", "distilled"):
        derived = DERIVATIONS[name](training)
        assert effective_points(derived.body) == pytest.approx({"m0": 70, "m1": 30})


def test_every_contender_predicts_probabilities_that_mean_what_they_say(training: Training) -> None:
    new = linear_book(EFFECTS, accounts=300, seed=77)
    for name, contender in CONTENDERS.items():
        said = contender.fit(name, training, WINDOW).predict(new)
        p = said.churn_probability
        assert ((p >= 0) & (p <= 1)).all()
        assert p.mean() == pytest.approx(new["y"].mean(), abs=0.03), name
        assert auc(new["y"].to_numpy(), p) > 0.62, name
        assert (said.health_score is not None) == (contender.kind == "formula")
        if said.health_score is not None:
            assert auc(new["y"].to_numpy(), -said.health_score) == pytest.approx(auc(new["y"].to_numpy(), p), abs=0.01)


def test_the_best_single_metric_is_the_one_that_orders_best_either_way_round() -> None:
    frame = linear_book({"m0": 0.3, "m1": -2.0}, accounts=300)
    training = Training(frame, plain_spec({"m0": 50, "m1": 50}), ("m0", "m1"), True, Settings())
    fitted = CONTENDERS["best_single_metric"].fit("best_single_metric", training, WINDOW)
    assert fitted.parameters["metric"] == "m1"
    at = frame.iloc[:3].copy()
    at["m1"] = [5.0, 95.0, np.nan]
    low, high, unknown = fitted.predict(at).churn_probability
    assert low < unknown < high


@pytest.mark.parametrize("y", ["nobody", "three accounts"])
def test_with_nothing_to_learn_from_models_say_the_base_rate_and_formulas_stay(y: str) -> None:
    frame = linear_book({"m0": 1.0, "m1": 1.0}, accounts=60, months=3)
    frame["y"] = (frame["account_id"].isin(["a0000", "a0001", "a0002"]) & (y != "nobody")).astype(float)
    training = Training(frame, plain_spec({"m0": 60, "m1": 40}), ("m0", "m1"), True, Settings())
    assert not training.teachable
    rate = frame["y"].mean()
    for name, contender in CONTENDERS.items():
        fitted = contender.fit(name, training, WINDOW)
        p = fitted.predict(frame).churn_probability
        assert np.isfinite(p).all()
        assert p.mean() == pytest.approx(rate, abs=0.05), name
        if fitted.body is not None:
            assert effective_points(fitted.body) == pytest.approx({"m0": 60, "m1": 40})


def test_rows_with_too_little_data_get_the_base_rate_and_no_health_score(training: Training) -> None:
    fitted = CONTENDERS["anchored"].fit("anchored", training, WINDOW)
    empty = training.frame.iloc[:2].copy()
    empty[list(EFFECTS)] = np.nan
    said = fitted.predict(empty)
    assert np.isnan(said.health_score).all()
    assert said.churn_probability == pytest.approx(fitted.recalibration.base_rate)


def test_renewal_strata_travel_into_the_risk_curve_of_the_config() -> None:
    frame = linear_book({"m0": 1.0, "m1": 1.0}, accounts=300)
    rng = np.random.default_rng(0)
    days = rng.integers(-50, 400, len(frame)).astype(float)
    frame["days_to_renewal"] = days
    inside = (days > 0) & (days <= 104)
    frame["stratum"] = np.where(inside, "renewal", "no-renewal")
    frame["y"] = np.maximum(frame["y"], (inside & (rng.random(len(frame)) < 0.2)).astype(float))
    training = Training(frame, plain_spec({"m0": 50, "m1": 50}), ("m0", "m1"), True, Settings())
    fitted = CONTENDERS["incumbent"].fit("incumbent", training, WINDOW)
    p = fitted.predict(frame).churn_probability
    for stratum in ("renewal", "no-renewal"):
        rows = (frame["stratum"] == stratum).to_numpy()
        assert p[rows].mean() == pytest.approx(frame.loc[rows, "y"].mean(), abs=0.02)
    raw = score_frame(fitted.body, frame)["raw_score"].to_numpy(dtype=float)
    direct = fitted.recalibration.probability(raw, frame["stratum"].to_numpy(dtype=object))
    assert np.abs(p - direct).max() < 0.002  # the config's curve has a knot every 2.5 points


def test_the_clock_counts_a_shared_fit_once() -> None:
    frame = linear_book({"m0": 1.0, "m1": 1.0}, accounts=100)
    training = Training(frame, plain_spec({"m0": 50, "m1": 50}), ("m0", "m1"), True, Settings())
    with training.clock.fitting(), training.clock.fitting():
        pass
    assert training.clock.seconds < 0.05
    _ = training.boosted
    once = training.clock.seconds
    _ = training.boosted
    assert training.clock.seconds == once
    assert isinstance(training.attribution.values, np.ndarray)
    assert isinstance(training.frame, pd.DataFrame)
