"""Point values against scikit-learn, scipy and sums by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics as oracle
from sklearn.linear_model import LogisticRegression

from churnbench.domain.errors import InputError
from churnbench.metrics import decision, discrimination, drift, probability, rates, reliability
from churnbench.metrics.summary import MEASURES


def _book(rows=400, seed=0, ties=False, base=-1.5):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-(rng.normal(size=rows) + base)))
    y = (rng.random(rows) < p).astype(float)
    return y, np.round(p, 1) if ties else p, rng.uniform(0.1, 3.0, rows)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_rank_and_proper_scores_equal_scikit_learn(ties, weighted):
    y, p, weight = _book(ties=ties)
    p = np.clip(p, 0.01, 0.99)
    given = weight if weighted else None
    assert discrimination.auc(y, p, weights=given) == pytest.approx(
        oracle.roc_auc_score(y, p, sample_weight=given), abs=1e-12
    )
    assert discrimination.average_precision(y, p, weights=given) == pytest.approx(
        oracle.average_precision_score(y, p, sample_weight=given), abs=1e-12
    )
    assert probability.log_loss(y, p, weights=given) == pytest.approx(
        oracle.log_loss(y, p, sample_weight=given), abs=1e-12
    )
    assert probability.brier(y, p, weights=given) == pytest.approx(
        oracle.brier_score_loss(y, p, sample_weight=given), abs=1e-12
    )


def test_log_loss_moves_certain_probabilities_by_exactly_1e_15():
    assert probability.log_loss([1.0], [0.0]) == -math.log(1e-15)
    # 1 - 1e-15 is not a power of two: its complement is 9.99e-16.
    assert probability.log_loss([0.0], [1.0]) == pytest.approx(-math.log(1e-15), rel=1e-4)
    assert probability.log_loss([1.0, 0.0], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_calibration_slope_equals_an_unpenalised_logistic_regression(weighted):
    y, p, weight = _book(2000)
    p = p**1.5
    logit = np.log(p / (1 - p))
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        logit[:, None], y, sample_weight=weight if weighted else None
    )
    assert reliability.calibration_slope(y, p, weights=weight if weighted else None) == pytest.approx(
        fitted.coef_[0, 0], abs=1e-5
    )


def test_calibration_slope_converges_from_extreme_miscalibration():
    y, p, _ = _book(2000)
    extreme = np.clip(p, 1e-3, 1 - 1e-3) ** 8
    fitted = LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000).fit(reliability.logit(extreme)[:, None], y)
    assert reliability.calibration_slope(y, extreme) == pytest.approx(fitted.coef_[0, 0], abs=1e-4)


def test_calibration_slope_halves_a_newton_step_that_overshoots():
    # Found by search: from the start values the plain step raises the deviance twice.
    logit = np.array([-2.0, -4, -1, -3, 2, 0, 1, 22, 0, 0, 1, -2, 0])
    y = np.array([0.0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    fitted = LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000).fit(logit[:, None], y)
    found = reliability.calibration_slope(y, 1 / (1 + np.exp(-logit)))
    assert found == pytest.approx(fitted.coef_[0, 0], abs=1e-4)


def test_calibration_intercept_solves_its_equation():
    y, p, weight = _book(500)
    found = reliability.calibration_intercept(y, p / 2, weights=weight)
    logit = np.log(p / 2 / (1 - p / 2))
    root = optimize.brentq(lambda a: weight @ (y - 1 / (1 + np.exp(-(a + logit)))), -10, 10, xtol=1e-13)
    assert found == pytest.approx(root, abs=1e-9)
    assert found > 0.5


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([0, 0, 0], [0.1, 0.2, 0.3]),
        ([1, 1], [0.1, 0.2]),
        ([0, 1, 0], [0.2] * 3),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
    ],
)
def test_calibration_slope_is_undefined_without_a_finite_fit(y, p):
    assert math.isnan(reliability.calibration_slope(y, p))


def test_figures_without_rows_or_classes_are_nan_never_zero():
    for measure in (*MEASURES.values(), reliability.calibration_intercept, reliability.ece):
        assert math.isnan(measure([], []))
    assert math.isnan(reliability.ece_null([]))
    assert math.isnan(probability.brier_parts([], []).uncertainty)
    for measure in (discrimination.auc, discrimination.average_precision, discrimination.lift_at):
        assert math.isnan(measure([0, 0], [0.1, 0.2]))
    assert math.isnan(discrimination.auc([1, 1], [0.1, 0.2]))
    assert math.isnan(probability.observed_over_expected([1, 0], [0.0, 0.0]))
    assert math.isnan(discrimination.recall_at([0, 0], [0.1, 0.2], k=1))
    assert math.isnan(discrimination.precision_at([0, 1], [0.1, 0.2], k=0))
    assert math.isnan(decision.net_benefit([], [], threshold=0.1))
    assert math.isnan(decision.expected_profit([], [], value=1.0, contact_cost=0.1, save_rate=0.5))
    assert math.isnan(drift.psi([0, 0], [1, 1]))


def test_lift_without_ties_counts_the_called_rows():
    y, p, _ = _book(1000)
    called = np.argsort(-p)[:100]
    assert discrimination.lift_at(y, p) == pytest.approx(y[called].mean() / y.mean(), abs=1e-12)


def test_lift_under_ties_is_the_mean_over_random_tie_breaks():
    y, p, _ = _book(300, ties=True)
    rng = np.random.default_rng(1)
    drawn = [y[np.lexsort((rng.random(300), -p))[:60]].mean() / y.mean() for _ in range(4000)]
    found = discrimination.lift_at(y, p, share=0.2)
    assert found == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(4000))


def test_recall_and_precision_at_k_count_by_hand_and_take_values_as_weights():
    y, risk, arr = [1, 0, 1, 0], [4, 3, 3, 1], [10.0, 1.0, 5.0, 2.0]
    assert discrimination.recall_at(y, risk, k=2) == pytest.approx(1.5 / 2)
    assert discrimination.precision_at(y, risk, k=2) == pytest.approx(1.5 / 2)
    assert discrimination.recall_at(y, risk, k=2, weights=arr) == pytest.approx(12.5 / 15)
    assert discrimination.precision_at(y, risk, k=2, weights=arr) == pytest.approx(12.5 / 13)
    assert discrimination.recall_at(y, risk, k=99) == 1.0


def test_brier_parts_add_up_and_name_a_bent_forecast_miscalibrated():
    y, p, weight = _book(2000)
    for chosen in (None, weight):
        parts = probability.brier_parts(y, p**2, weights=chosen)
        total = parts.miscalibration - parts.discrimination + parts.uncertainty
        assert total == pytest.approx(probability.brier(y, p**2, weights=chosen), abs=1e-12)
    straight, bent = probability.brier_parts(y, p), probability.brier_parts(y, p**2)
    assert bent.miscalibration > straight.miscalibration + 0.005
    assert bent.discrimination == pytest.approx(straight.discrimination, abs=1e-12)


def test_reliability_bins_hold_all_rows_and_never_part_equal_probabilities():
    y, p, weight = _book(500, ties=True)
    bins = reliability.reliability_bins(y, p, bins=7, weights=weight)
    assert sorted(np.concatenate([one.members for one in bins])) == list(range(500))
    assert all(
        len(set(p[one.members]) & set(p[other.members])) == 0 for one in bins for other in bins if one is not other
    )
    assert [one.predicted for one in bins] == sorted(one.predicted for one in bins)
    assert sum(one.events for one in bins) == y.sum()
    first = bins[0]
    assert first.observed == pytest.approx(np.average(y[first.members], weights=weight[first.members]))


def test_bins_without_weight_are_left_out():
    bins = reliability.reliability_bins([0, 1, 0, 1], [0.1, 0.1, 0.9, 0.9], bins=2, weights=[0, 0, 1, 1])
    assert [one.rows for one in bins] == [2]


def test_ece_of_calibrated_probabilities_lies_near_its_null_value_and_bent_ones_far_above():
    values, nulls, bent = [], [], []
    for seed in range(30):
        y, p, _ = _book(2000, seed=seed)
        values.append(reliability.ece(y, p))
        nulls.append(reliability.ece_null(p))
        bent.append(reliability.ece(y, p**1.5))
    assert np.mean(values) == pytest.approx(np.mean(nulls), rel=0.1)
    assert min(bent) > 2 * max(nulls)


def test_net_benefit_counts_true_and_false_positives():
    y, p, weight = _book(300)
    acted = p >= 0.3
    expected = ((y * acted).sum() - ((1 - y) * acted).sum() * 3 / 7) / 300
    assert decision.net_benefit(y, p, threshold=0.3) == pytest.approx(expected, abs=1e-12)
    assert decision.net_benefit(y, p, threshold=0.0, weights=weight) == pytest.approx(np.average(y, weights=weight))


def test_profit_threshold_is_where_contacting_breaks_even():
    setting = {"value": 5000.0, "contact_cost": 200.0, "save_rate": 0.25, "offer_cost": 300.0}
    limit = decision.profit_threshold(**setting)
    gain = 0.25 * (5000 - 300) - 200
    assert limit * gain - (1 - limit) * 500 == pytest.approx(0.0, abs=1e-9)
    assert decision.profit_threshold(value=0.0, contact_cost=1.0, save_rate=0.0) == math.inf


def test_expected_profit_uses_each_accounts_own_value_unless_a_threshold_is_given():
    setting = {"contact_cost": 300.0, "save_rate": 0.3}
    y, p = [1, 1, 0, 0], [0.2, 0.2, 0.2, 0.01]
    small_and_large = decision.expected_profit(y, p, value=[1000, 10_000, 10_000, 0], **setting)
    assert small_and_large == pytest.approx((2700 - 300) / 4)
    everybody = decision.expected_profit(y, p, value=[1000, 10_000, 10_000, 0], threshold=0.0, **setting)
    assert everybody == pytest.approx((0 + 2700 - 600) / 4)


@pytest.mark.parametrize(("events", "trials"), [(0, 20), (3, 40), (20, 20), (7, 8)])
def test_clopper_pearson_and_wilson_equal_scipy(events, trials):
    test = stats.binomtest(events, trials)
    exact, score = test.proportion_ci(0.9, "exact"), test.proportion_ci(0.9, "wilson")
    found = rates.clopper_pearson(events, trials)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-10)
    found = rates.wilson(events, trials)
    assert (found.low, found.high) == pytest.approx((score.low, score.high), abs=1e-10)


def test_one_sided_limits_put_the_whole_error_on_one_side():
    upper = stats.binomtest(3, 40, alternative="less").proportion_ci(0.95, "exact")
    lower = stats.binomtest(3, 40, alternative="greater").proportion_ci(0.95, "exact")
    found = rates.clopper_pearson(3, 40, level=0.95, side="upper")
    assert (found.low, found.high) == pytest.approx((upper.low, upper.high))
    found = rates.clopper_pearson(3, 40, level=0.95, side="lower")
    assert (found.low, found.high) == pytest.approx((lower.low, lower.high))


@pytest.mark.parametrize(("events", "needed"), [(0.05, 59), (0.03, 99)])
def test_zero_events_promise_a_rate_only_from_the_number_of_accounts_in_the_method(events, needed):
    def high(accounts):
        return rates.korn_graubard(np.zeros(accounts), np.arange(accounts), level=0.95, side="upper").high

    assert high(needed) <= events < high(needed - 1)


def test_korn_graubard_with_one_row_per_account_is_nearly_clopper_pearson():
    y = np.array([1.0] * 12 + [0.0] * 188)
    plain, found = rates.clopper_pearson(12, 200), rates.korn_graubard(y, np.arange(200))
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=5e-4)
    assert rates.effective_size(y, np.arange(200)) == pytest.approx(199.0)


def test_twelve_copies_of_every_row_count_as_one():
    y = np.array([1.0] * 12 + [0.0] * 88)
    copies, accounts = np.repeat(y, 12), np.repeat(np.arange(100), 12)
    once, often = rates.korn_graubard(y, np.arange(100)), rates.korn_graubard(copies, accounts)
    assert rates.effective_size(copies, accounts) == pytest.approx(99.0)
    assert (often.low, often.high) == pytest.approx((once.low, once.high), abs=1e-3)
    assert rates.korn_graubard(np.zeros(1200), accounts).high == rates.clopper_pearson(0, 100).high


def test_korn_graubard_takes_text_accounts_weights_and_degenerate_books():
    y, accounts = np.array([1.0, 0, 0, 1, 0, 0]), ["b", "b", "a", "c", "d", "e"]
    coded = rates.korn_graubard(y, [1, 1, 0, 2, 3, 4])
    assert rates.korn_graubard(y, accounts) == coded
    assert rates.korn_graubard(y, accounts, weights=[2.0] * 6) == coded
    doubled = rates.korn_graubard(y, accounts, weights=[3, 1, 1, 1, 1, 1])
    assert doubled.value == pytest.approx(0.5)
    assert rates.korn_graubard([], []).as_json() == {"value": None, "ci90": [0.0, 1.0]}
    assert rates.effective_size([1, 0], ["a", "a"]) == 1.0
    assert rates.effective_size([1, 1, 0, 0], [-1, -2, -3, -4]) == pytest.approx(3.0)
    # Every account has exactly the overall rate: no variance between accounts, so all rows count.
    assert rates.effective_size([1, 0, 1, 0], ["a", "a", "b", "b"]) == 4.0


def test_psi_against_the_sum_by_hand_and_its_null_limit_by_simulation():
    rng = np.random.default_rng(3)
    p, q = np.array([0.5, 0.5]), np.array([0.6, 0.4])
    assert drift.psi(p * 1e9, q * 1e9) == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-6)
    limit = drift.psi_limit(8, 500, 300)
    drawn = [drift.psi(rng.multinomial(500, [1 / 8] * 8), rng.multinomial(300, [1 / 8] * 8)) for _ in range(2000)]
    assert 0.03 < np.mean(np.array(drawn) > limit) < 0.07


def test_quantile_counts_keep_missing_apart_and_survive_a_constant_or_empty_column():
    then, now = drift.quantile_counts([5.0] * 10, [5.0] * 4 + [6.0] + [np.nan])
    assert (then[-1], now[-1]) == (0.0, 1.0)
    assert then.sum() == 10
    assert now.sum() == 6
    assert [side.tolist() for side in drift.quantile_counts([np.nan], [1.0])] == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    "call",
    [
        lambda: discrimination.auc([0, 2], [1, 2]),
        lambda: discrimination.auc([0, 1], [1]),
        lambda: discrimination.auc([0, 1], [1, np.nan]),
        lambda: discrimination.auc([[0, 1]], [1, 2]),
        lambda: discrimination.auc([0, 1], [1, 2], weights=[1, -1]),
        lambda: discrimination.auc([0, 1], [1, 2], weights=[1, np.inf]),
        lambda: discrimination.lift_at([0, 1], [1, 2], share=0.0),
        lambda: discrimination.recall_at([0, 1], [1, 2], k=-1),
        lambda: probability.log_loss([0, 1], [0.5, 1.2]),
        lambda: reliability.reliability_bins([0], [0.1], bins=0),
        lambda: decision.net_benefit([0], [0.1], threshold=1.0),
        lambda: decision.expected_profit([0], [0.1], value=1, contact_cost=0, save_rate=2),
        lambda: rates.clopper_pearson(3, 2),
        lambda: rates.clopper_pearson(1, 2, level=1.0),
        lambda: rates.clopper_pearson(1, 2, side="both"),
        lambda: rates.wilson(3, 2),
        lambda: rates.korn_graubard([0, 1], ["a"]),
        lambda: rates.korn_graubard([0, 1], ["a", None]),
        lambda: drift.psi([1], [1]),
        lambda: drift.psi([1, -1], [1, 1]),
        lambda: drift.psi_limit(1, 5, 5),
        lambda: drift.quantile_counts([1.0], [1.0], bins=1),
    ],
)
def test_bad_input_is_refused_with_what_arrived(call):
    with pytest.raises(InputError, match=r"arrived|expected|missing|value|needs"):
        call()


def test_wilson_and_clopper_pearson_without_trials_claim_nothing():
    for limits in (rates.wilson(0, 0), rates.clopper_pearson(0, 0)):
        assert (limits.value, limits.low, limits.high) == (None, 0.0, 1.0)


rows = st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 4)), min_size=2, max_size=40)


@given(rows, st.randoms())
def test_no_measure_depends_on_the_order_of_rows(data, random):
    shuffled = list(data)
    random.shuffle(shuffled)
    for name, measure in MEASURES.items():
        results = []
        for table in (data, shuffled):
            y, p, w = (np.array(column, dtype=float) for column in zip(*table, strict=True))
            results.append(measure(y, p / 10, weights=w))
        assert results[0] == pytest.approx(results[1], rel=1e-6, abs=1e-9, nan_ok=True), name


@given(rows)
def test_an_integer_weight_equals_that_many_copies_of_the_row(data):
    y, p, w = (np.array(column, dtype=float) for column in zip(*data, strict=True))
    copies = w.astype(int)
    for name, measure in MEASURES.items():
        weighted = measure(y, p / 10, weights=w)
        repeated = measure(np.repeat(y, copies), np.repeat(p / 10, copies))
        assert weighted == pytest.approx(repeated, rel=1e-6, abs=1e-9, nan_ok=True), name


@given(rows)
def test_auc_mirrors_when_the_score_or_the_outcome_is_turned_round(data):
    y, p, _ = (np.array(column, dtype=float) for column in zip(*data, strict=True))
    value = discrimination.auc(y, p)
    assert discrimination.auc(y, -p) == pytest.approx(1 - value, nan_ok=True)
    assert discrimination.auc(1 - y, p) == pytest.approx(1 - value, nan_ok=True)
