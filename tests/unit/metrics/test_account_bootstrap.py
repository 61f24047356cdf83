"""Resamples of accounts: exactness against refits by hand, and coverage."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from churnbench.domain.errors import InputError
from churnbench.metrics import (
    IMPROVES,
    MEASURES,
    AccountBootstrap,
    Estimate,
    paired_difference,
    paired_log_loss_difference,
    percentile_estimate,
    summarise,
)
from churnbench.metrics.ranked import rank, replicate_auc, replicate_average_precision, replicate_lift


def _panel(accounts=60, per=5, seed=0, ties=True):
    rng = np.random.default_rng(seed)
    names = np.repeat([f"a{number:03d}" for number in range(accounts)], per)
    effect = np.repeat(rng.normal(size=accounts), per)
    p = 1 / (1 + np.exp(-(effect + 0.5 * rng.normal(size=len(names)) - 1.5)))
    y = (rng.random(len(names)) < p).astype(float)
    return y, np.clip(np.round(p, 1 if ties else 9), 0.01, 0.99), names


def _all_counts(bootstrap):
    return np.concatenate([counts for _, counts in bootstrap.chunks(7)])


def test_every_resample_draws_as_many_accounts_as_there_are():
    bootstrap = AccountBootstrap(["b", "a", "a", "c"], replicates=120, seed=4)
    counts = _all_counts(bootstrap)
    assert counts.shape == (120, 3)
    assert (counts.sum(axis=1) == 3).all()
    assert list(bootstrap.names) == ["a", "b", "c"]
    slices = [which for which, _ in bootstrap.chunks(7)]
    assert [number for which in slices for number in range(which.start, which.stop)] == list(range(120))


def test_draws_are_multinomial_with_equal_chances():
    counts = _all_counts(AccountBootstrap(np.arange(10), replicates=4000, seed=1)).astype(float)
    assert counts.mean(axis=0) == pytest.approx(np.ones(10), abs=0.07)
    assert counts.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.12)


def test_fewer_replicates_are_a_prefix_and_the_seed_matters():
    few, many, other = (
        _all_counts(AccountBootstrap(np.arange(9), replicates=number, seed=seed))
        for number, seed in ((30, 5), (80, 5), (30, 6))
    )
    assert (many[:30] == few).all()
    assert (other != few).any()


def test_counts_too_many_to_keep_are_drawn_again_and_stay_the_same(monkeypatch):
    kept = AccountBootstrap(np.arange(40), replicates=90, seed=2)
    monkeypatch.setattr("churnbench.metrics.bootstrap._KEEP_BYTES", 0)
    again = AccountBootstrap(np.arange(40), replicates=90, seed=2)
    assert (_all_counts(kept) == _all_counts(again)).all()
    assert (_all_counts(again) == _all_counts(again)).all()
    assert not again._kept


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_rank_measures_of_each_resample_equal_scikit_learn_on_weighted_rows(ties, weighted):
    y, p, names = _panel(ties=ties)
    weight = np.random.default_rng(9).uniform(0.2, 2.0, len(y)) if weighted else None
    bootstrap = AccountBootstrap(names, replicates=40, seed=3)
    ranked = rank(y, p, bootstrap.codes, bootstrap.size, weight=weight)
    found = {"auc": [], "ap": [], "lift": []}
    for _, cells in ranked.chunks(bootstrap):
        found["auc"].append(replicate_auc(cells))
        found["ap"].append(replicate_average_precision(cells))
        found["lift"].append(replicate_lift(cells, 0.1))
    found = {name: np.concatenate(parts) for name, parts in found.items()}
    for number, counts in enumerate(_all_counts(bootstrap)):
        row = counts[bootstrap.codes] * (1.0 if weight is None else weight)
        assert found["auc"][number] == pytest.approx(oracle.roc_auc_score(y, p, sample_weight=row), abs=1e-9)
        expected = oracle.average_precision_score(y, p, sample_weight=row)
        assert found["ap"][number] == pytest.approx(expected, abs=1e-9)
        assert found["lift"][number] == pytest.approx(MEASURES["lift_at_10pct"](y, p, weights=row), abs=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_every_measure_summarised_equals_resampling_by_hand(weighted):
    y, p, names = _panel(accounts=150, ties=False)
    weight = np.random.default_rng(9).uniform(0.2, 2.0, len(y)) if weighted else None
    bootstrap = AccountBootstrap(names, replicates=150, seed=3)
    found = summarise(y, p, names, bootstrap=bootstrap, weights=weight)
    assert list(found) == [
        "auc",
        "log_loss",
        "brier",
        "average_precision",
        "lift_at_10pct",
        "calibration_slope",
        "observed_over_expected",
    ]
    counts = _all_counts(bootstrap)
    for name, measure in MEASURES.items():
        drawn = [measure(y, p, weights=row[bootstrap.codes] * (1.0 if weight is None else weight)) for row in counts]
        low, high = np.quantile(drawn, [0.05, 0.95])
        # The slope takes one Newton step instead of a refit: close, not equal.
        tolerance = 0.04 if name == "calibration_slope" else 1e-9
        assert found[name].value == pytest.approx(measure(y, p, weights=weight), abs=1e-12)
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=tolerance), name


def test_one_newton_step_gives_nearly_the_interval_of_refits_at_fifty_churners():
    rng = np.random.default_rng(12)
    p = 1 / (1 + np.exp(-(rng.normal(size=600) - 2.5)))
    y = (rng.random(600) < p).astype(float)
    bootstrap = AccountBootstrap(np.arange(600), replicates=200, seed=1)
    found = summarise(y, p, bootstrap=bootstrap)["calibration_slope"]
    drawn = [MEASURES["calibration_slope"](y, p, weights=row) for row in _all_counts(bootstrap)]
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.08 * (high - low))


def test_the_order_of_rows_and_the_slicing_into_chunks_change_nothing(monkeypatch):
    y, p, names = _panel()
    order = np.random.default_rng(0).permutation(len(y))
    first = summarise(y, p, bootstrap=AccountBootstrap(names, replicates=60, seed=8))
    second = summarise(y[order], p[order], bootstrap=AccountBootstrap(names[order], replicates=60, seed=8))
    monkeypatch.setattr("churnbench.metrics.ranked._CELLS_AT_ONCE", 100)
    third = summarise(y, p, bootstrap=AccountBootstrap(names, replicates=60, seed=8))
    for name in MEASURES:
        for other in (second, third):
            for field in ("value", "low", "high"):
                assert getattr(first[name], field) == pytest.approx(getattr(other[name], field), abs=1e-9)


def test_undefined_figures_are_null_and_never_zero():
    names = np.arange(30)
    found = summarise(np.zeros(30), np.full(30, 0.2), bootstrap=AccountBootstrap(names, replicates=50))
    for name in ("auc", "average_precision", "lift_at_10pct", "calibration_slope"):
        assert found[name].as_json() == {"value": None, "ci90": None}
    assert found["log_loss"].value == pytest.approx(-np.log(0.8))
    assert found["observed_over_expected"].value == 0.0
    empty = summarise([], [], [], bootstrap=AccountBootstrap(names, replicates=50))
    assert all(estimate == Estimate(None) for estimate in empty.values())
    nobody = summarise([], [], bootstrap=AccountBootstrap([], replicates=5))
    assert all(estimate == Estimate(None) for estimate in nobody.values())


def test_a_single_churned_account_gives_a_figure_without_interval():
    y = np.zeros(30)
    y[3] = 1.0
    found = summarise(y, np.linspace(0.1, 0.5, 30), bootstrap=AccountBootstrap(np.arange(30), replicates=300))
    assert found["auc"].value is not None
    assert found["auc"].as_json()["ci90"] is None


def test_percentile_intervals_follow_the_level():
    drawn = np.arange(1001.0)
    wide, narrow = (percentile_estimate(500.0, drawn, level=level) for level in (0.9, 0.5))
    assert (wide.low, wide.high, narrow.low, narrow.high) == pytest.approx((50, 950, 250, 750))
    assert percentile_estimate(1.0, np.array([])) == Estimate(1.0)
    assert percentile_estimate(1.0, np.full(10, np.nan)) == Estimate(1.0)


def test_one_bootstrap_of_the_book_serves_any_subset_of_its_accounts():
    y, p, names = _panel()
    bootstrap = AccountBootstrap(names, replicates=50, seed=1)
    part = np.isin(names, ["a001", "a002", "a003", "a004", "a010", "a011"])
    found = summarise(y[part], p[part], names[part], bootstrap=bootstrap)
    assert found["brier"].value == pytest.approx(MEASURES["brier"](y[part], p[part]))
    assert found["brier"].low < found["brier"].high


def test_unknown_accounts_wrong_lengths_and_no_replicates_are_refused():
    bootstrap = AccountBootstrap(["a", "b"], replicates=5)
    with pytest.raises(InputError, match="account 'c' is not among"):
        summarise([0, 1], [0.1, 0.2], ["a", "c"], bootstrap=bootstrap)
    with pytest.raises(InputError, match="3 rows arrived"):
        summarise([0, 1, 0], [0.1, 0.2, 0.3], bootstrap=bootstrap)
    with pytest.raises(InputError, match="2 values arrived for 3 rows"):
        summarise([0, 1, 0], [0.1, 0.2, 0.3], ["a", "b"], bootstrap=bootstrap)
    with pytest.raises(InputError, match="0 replicates"):
        AccountBootstrap(["a"], replicates=0)
    with pytest.raises(InputError, match="position 1 is missing"):
        AccountBootstrap(["a", None])


def test_the_paired_difference_is_positive_when_the_new_probabilities_are_better():
    y, p, names = _panel(accounts=200)
    bootstrap = AccountBootstrap(names, replicates=200, seed=2)
    base = np.full(len(y), y.mean())
    found = paired_log_loss_difference(y, base, p, bootstrap=bootstrap)
    assert found.value == pytest.approx(MEASURES["log_loss"](y, base) - MEASURES["log_loss"](y, p))
    assert 0 < found.low < found.value < found.high
    assert paired_log_loss_difference(y, p, base, bootstrap=bootstrap).value == pytest.approx(-found.value)
    for name in IMPROVES:
        assert paired_difference(name, y, base, p, names, bootstrap=bootstrap).value > 0, name
        same = paired_difference(name, y, p, p, bootstrap=bootstrap, weights=np.ones(len(y)))
        assert same == Estimate(0.0, 0.0, 0.0)


def test_pairing_makes_the_interval_of_near_copies_narrow():
    y, p, names = _panel(accounts=200, ties=False)
    bootstrap = AccountBootstrap(names, replicates=200, seed=2)
    alone = summarise(y, p, bootstrap=bootstrap)["log_loss"]
    paired = paired_log_loss_difference(y, p, np.clip(p * 1.02, 0, 1), bootstrap=bootstrap)
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


def test_measures_that_aim_at_one_cannot_be_compared_by_difference():
    with pytest.raises(InputError, match="cannot be compared"):
        paired_difference("calibration_slope", [0, 1], [0.1, 0.2], [0.1, 0.2], bootstrap=AccountBootstrap([1, 2]))


def test_account_intervals_cover_the_truth_where_row_intervals_do_not():
    rng = np.random.default_rng(20)
    covered = {"accounts": 0, "rows": 0}
    worlds = 100
    for seed in range(worlds):
        risk = rng.beta(1.0, 6.0, 150)
        y = np.repeat((rng.random(150) < risk).astype(float), 8)
        p = np.repeat(risk, 8)
        truth = 1.0
        for kind, names in (("accounts", np.repeat(np.arange(150), 8)), ("rows", np.arange(1200))):
            bootstrap = AccountBootstrap(names, replicates=150, seed=seed)
            found = summarise(y, p, bootstrap=bootstrap)["observed_over_expected"]
            covered[kind] += found.low <= truth <= found.high
    assert 82 <= covered["accounts"] <= 97
    assert covered["rows"] < 65


def test_korn_graubard_covers_the_true_rate_of_repeated_accounts():
    from churnbench.metrics import korn_graubard

    rng = np.random.default_rng(21)
    covered = 0
    for _ in range(200):
        risk = rng.beta(0.5, 9.5, 120)
        y = (rng.random((120, 6)) < risk[:, None]).astype(float).ravel()
        found = korn_graubard(y, np.repeat(np.arange(120), 6))
        covered += found.low <= 0.05 <= found.high
    assert 172 <= covered <= 200
