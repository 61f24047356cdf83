"""Segment weights by partial pooling: their arithmetic, and what they recover where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from segment_books import CONTRAST, DIMENSIONS, EVEN, MIX, segment_book
from segment_trainings import learned, refined, total_variation, training_on, truth_of
from sklearn.linear_model import LogisticRegression

from churnbench.calibration import Limits, Training
from churnbench.calibration.refinements import Refinements, compared
from churnbench.calibration.segment_uncertainty import resample_profiles
from churnbench.calibration.segment_weights import (
    SegmentEstimate,
    SegmentSample,
    common_factors,
    contrasts,
    declared_tilts,
    own_estimate,
    pool,
    profiles,
)
from churnbench.formula import score_frame

ALIKE = dict.fromkeys(MIX, EVEN)
#: The declared profiles of today's formula turned round: what SMB needs is declared for Enterprise.
WRONG = {"Enterprise": CONTRAST["SMB"], "SMB": CONTRAST["Enterprise"], "Mid-Market": CONTRAST["Mid-Market"]}


@pytest.fixture(scope="module")
def different() -> list[tuple[Training, Refinements]]:
    """Four books whose segments differ."""
    return [learned(CONTRAST, seed=seed) for seed in range(4)]


@pytest.fixture(scope="module")
def alike() -> list[tuple[Training, Refinements]]:
    """Four books whose segments weigh dimensions alike."""
    return [learned(ALIKE, accounts=700, seed=seed) for seed in range(4)]


def test_pooled_profiles_are_nearer_to_the_truth_than_one_profile_and_than_no_pooling(
    different: list[tuple[Training, Refinements]],
) -> None:
    pooled, none, complete = [], [], []
    for _, found in different:
        trial = found.segments
        weights = trial.weights
        pooled.append(total_variation(weights.shares, CONTRAST))
        complete.append(total_variation(dict.fromkeys(weights.shares, weights.overall), CONTRAST))
        alone = pool(trial.estimates, {}, own=frozenset(weights.shares), deviation=100.0)
        unpooled = profiles(trial.samples, alone, weights.dimensions, weights.overall, weights.spread)
        none.append(total_variation(unpooled.shares, CONTRAST))
    assert np.mean(pooled) < np.mean(none) < np.mean(complete)
    assert np.mean(pooled) <= 0.15


def test_where_segments_differ_it_mostly_pays_and_is_adopted(different: list[tuple[Training, Refinements]]) -> None:
    trials = [found.segments.trial for _, found in different]
    assert sum(trial is not None and trial.adopted for trial in trials) >= 2
    assert np.mean([trial.gain for trial in trials if trial]) > 0
    assert np.mean([trial.auc for trial in trials if trial]) > 0


def test_where_segments_are_alike_profiles_stay_together_and_are_not_adopted(
    alike: list[tuple[Training, Refinements]],
) -> None:
    found = [one.segments for _, one in alike]
    assert sum(one.adopted for one in found) <= 1
    pooled = np.mean([total_variation(one.weights.shares, ALIKE) for one in found])
    alone = []
    for one in found:
        w = one.weights
        every = profiles(
            one.samples,
            pool(one.estimates, {}, own=frozenset(w.shares), deviation=100.0),
            w.dimensions,
            w.overall,
            w.spread,
        )
        alone.append(total_variation(every.shares, ALIKE))
    assert pooled < 0.7 * np.mean(alone)


def test_what_is_not_adopted_changes_neither_the_formula_nor_its_scores(
    alike: list[tuple[Training, Refinements]],
) -> None:
    training, found = next((t, f) for t, f in alike if not f.segments.adopted and not f.ramp.adopted)
    assert found.final.weights.shares == {}
    health = found.final.parts.health(training.frame)
    assert np.allclose(found.final.relief(training.frame), found.final.spread * health @ found.final.weights.overall)


def test_a_segment_s_own_estimate_is_the_logistic_regression_of_its_rows_with_a_clustered_covariance(
    different: list[tuple[Training, Refinements]],
) -> None:
    _, found = different[0]
    sample, weights = found.segments.samples["SMB"], found.segments.weights
    estimate = own_estimate(sample, weights.overall, weights.spread)
    design = -weights.spread * sample.health * weights.overall
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=500).fit(design, sample.y)
    assert estimate.multipliers == pytest.approx(reference.coef_[0], rel=0.05, abs=0.03)  # ridge of sd 3 in ours

    full = np.column_stack([np.ones(len(design)), design])
    p = 1 / (1 + np.exp(-(estimate.solution.intercept + design @ estimate.multipliers)))
    bread = np.linalg.inv((full * (p * (1 - p))[:, None]).T @ full + np.diag([0, *np.full(4, 1 / 9)]))
    meat = np.zeros((5, 5))
    for account in np.unique(sample.cluster):
        score = full[sample.cluster == account].T @ (p - sample.y)[sample.cluster == account]
        meat += np.outer(score, score)
    assert estimate.covariance == pytest.approx((bread @ meat @ bread)[1:, 1:], rel=1e-3)


def test_rows_without_churn_may_be_thinned_when_weights_restore_them(
    different: list[tuple[Training, Refinements]],
) -> None:
    _, found = different[0]
    sample, weights = found.segments.samples["SMB"], found.segments.weights
    accounts = int(sample.cluster.max()) + 1
    doubled = sample.drawn(np.full(accounts, 2))
    once, twice = (own_estimate(one, weights.overall, weights.spread) for one in (sample, doubled))
    assert twice.multipliers == pytest.approx(once.multipliers, abs=0.02)
    assert (doubled.accounts, doubled.events) == (sample.accounts, sample.events)
    nobody = sample.drawn(np.zeros(accounts))
    assert (nobody.accounts, len(nobody.y)) == (0, 0)


def estimate_of(name: str, multipliers: np.ndarray, sd: float) -> SegmentEstimate:
    empty = SegmentSample(name, np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), np.zeros(0))
    return SegmentEstimate(empty, multipliers, np.eye(4) * sd**2, None)  # type: ignore[arg-type]


def test_the_deviation_is_that_of_the_highest_restricted_likelihood() -> None:
    rng = np.random.default_rng(4)
    groups = [estimate_of(f"s{k}", 1 + rng.normal(0, 0.5, 4), 0.3) for k in range(5)]
    found = pool(groups, {}, own=frozenset({"s0"}))
    turn, factor = contrasts(4), common_factors(groups)
    z = np.array([turn @ g.multipliers / f for g, f in zip(groups, factor, strict=True)])

    def restricted(sd: float) -> float:
        """Density of the contrasts between groups; any orthonormal contrasts of five values are independent."""
        between = contrasts(5) @ z  # variances of the groups are equal up to their factors, about one
        return float(stats.norm.logpdf(between, scale=np.hypot(0.3 / factor.mean(), sd)).sum())

    best = max((0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0), key=restricted)
    assert found.deviation == pytest.approx(best, abs=0.15)
    assert 0.2 <= found.deviation <= 1.0


def test_noise_alone_pools_completely() -> None:
    same = [estimate_of(f"s{k}", np.array([1.0, 1.1, 0.9, 1.0]), 0.4) for k in range(3)]
    found = pool(same, {}, own=frozenset({"s0", "s1"}))
    assert found.deviation == 0
    assert set(found.multipliers) == {"s0", "s1"}
    assert found.multipliers["s0"] == pytest.approx(np.ones(4), abs=1e-6)


def test_what_all_segments_say_together_is_no_difference_between_them() -> None:
    tilt = np.array([0.6, -0.2, -0.2, -0.2])
    groups = [estimate_of(f"s{k}", 1 + tilt + 0.01 * k, 0.1) for k in range(3)]
    found = pool(groups, {}, own=frozenset({"s0"}), deviation=0.5)
    assert found.multipliers["s0"] == pytest.approx(np.ones(4), abs=0.03)


def test_an_overall_factor_of_a_segment_is_no_tilt() -> None:
    groups = [estimate_of(f"s{k}", np.full(4, size), 0.05) for k, size in enumerate((0.5, 1.0, 2.0))]
    found = pool(groups, {}, own=frozenset({"s0", "s2"}), deviation=0.5)
    for multipliers in found.multipliers.values():
        assert multipliers == pytest.approx(np.ones(4), abs=1e-6)
    assert common_factors(groups) == pytest.approx([0.5, 1.0, 2.0], rel=0.02)
    hopeless = [estimate_of(f"s{k}", np.full(4, -1.0), 0.05) for k in range(2)]
    assert (common_factors(hopeless) > 0).all()


def test_declared_differences_are_trusted_as_far_as_the_data_confirm_them() -> None:
    declared = {"s0": np.array([0.5, -0.5, 0.0, 0.0]), "s1": np.array([-0.5, 0.5, 0.0, 0.0])}
    own = frozenset(declared)
    for truth, expected in ((1.0, 1.0), (0.4, 0.4), (-1.0, 0.0)):
        groups = [estimate_of(name, 1 + truth * tilt, 0.05) for name, tilt in declared.items()]
        found = pool(groups, declared, own=own, deviation=0.0)
        assert found.trust == pytest.approx(expected, abs=0.05)
        assert found.multipliers["s0"] == pytest.approx(1 + expected * declared["s0"], abs=0.05)


@pytest.mark.parametrize(("declared", "least", "most"), [(CONTRAST, 0.5, 1.0), (WRONG, 0.0, 0.05)])
def test_right_declared_profiles_are_confirmed_and_wrong_ones_are_not(
    declared: dict[str, dict[str, float]], least: float, most: float
) -> None:
    training = training_on(segment_book(CONTRAST, accounts=1000, seed=2), declared=declared)
    _, found = refined(training)
    assert found.segments.weights.pooled.trust is not None
    assert least <= found.segments.weights.pooled.trust <= most


def test_declared_weights_become_ratios_and_dimensions_without_a_default_weight_stay() -> None:
    found = declared_tilts(
        {"a": 2, "b": 0, "c": 2}, {"S": {"a": 3, "b": 4, "c": 1}, "empty": {"a": 0}}, ("a", "b", "c")
    )
    assert list(found) == ["S"]
    assert found["S"] == pytest.approx([3 / 8 / 0.5 - 1, 0, 1 / 8 / 0.5 - 1])


def test_a_profile_keeps_the_mean_of_its_segment_where_the_overall_weights_have_it(
    different: list[tuple[Training, Refinements]],
) -> None:
    training, found = next((t, f) for t, f in different if f.segments.adopted and not f.ramp.adopted)
    health, segment = found.final.parts.health(training.frame), training.frame["segment"].to_numpy(dtype=object)
    plain = found.final.weights.spread * health @ found.final.weights.overall
    moved = found.final.relief(training.frame) + found.final.weights.level_range[0]
    for name in MIX:
        assert moved[segment == name].mean() == pytest.approx(plain[segment == name].mean(), abs=1e-9)
    assert found.final.relief(training.frame).min() >= 0
    assert found.final.relief(training.frame).max() <= found.final.spread


def test_intervals_cover_the_true_profile_about_as_often_as_they_say(
    different: list[tuple[Training, Refinements]],
) -> None:
    covered = []
    for training, found in different:
        spread = resample_profiles(training, found.final.parts, found.segments)
        assert spread is not None
        for name, interval in spread.segments.items():
            truth = truth_of(CONTRAST, name)
            covered += list((interval[:, 0] <= truth + 0.02) & (truth - 0.02 <= interval[:, 1]))
        assert (spread.overall[:, 0] <= found.segments.weights.overall + 0.03).all()
        assert (found.segments.weights.overall - 0.03 <= spread.overall[:, 1]).all()
    assert 0.7 <= np.mean(covered) <= 1.0


def test_no_resamples_no_intervals(different: list[tuple[Training, Refinements]]) -> None:
    training, found = different[0]
    without = replace(training, settings=replace(training.settings, bootstrap=0))
    assert resample_profiles(without, found.final.parts, found.segments) is None


def test_a_small_segment_takes_the_overall_profile_but_helps_to_tell_the_others_apart() -> None:
    book = segment_book(CONTRAST, accounts=1000, seed=1, mix={"Enterprise": 0.06, "Mid-Market": 0.44, "SMB": 0.5})
    _, found = refined(training_on(book))
    events = book[book["y"] == 1].groupby("segment")["account_id"].nunique()
    assert events["Enterprise"] < 50
    assert set(found.segments.weights.shares) == {"Mid-Market", "SMB"}
    assert set(found.segments.samples) == {"Enterprise", "Mid-Market", "SMB"}
    rest = compared(found.segments.samples, frozenset({"Enterprise"}))
    assert [one.events >= 50 for one in rest[1:]] == [True]
    assert rest[1].events == len(set(book.loc[(book["y"] == 1) & (book["segment"] != "Enterprise"), "account_id"]))


def test_a_single_group_has_nothing_to_be_compared_with() -> None:
    book = segment_book(CONTRAST, accounts=500, seed=1, mix={"SMB": 0.93, "Enterprise": 0.07})
    _, found = refined(training_on(book))
    assert found.segments.weights.shares == {}
    assert not found.segments.adopted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("one segment", "There is one segment."),
        ("limits", "Limits on weights"),
        ("few events", "No segment has 50 churned accounts"),
        ("name", "'segment_level' is taken"),
        ("one dimension", "One dimension carries all the weight."),
    ],
)
def test_it_says_why_nothing_was_tried(change: str, words: str) -> None:
    book = segment_book(ALIKE, accounts=300, seed=3, monthly=0.01)
    training = training_on(book.assign(segment="all") if change == "one segment" else book)
    if change == "limits":
        training.settings = replace(training.settings, limits=Limits(max_metric_share=0.5))
    if change in ("name", "one dimension"):
        new = "segment_level" if change == "name" else "usage"
        spec = training.spec
        every = tuple(
            replace(m, dimension=new if change == "one dimension" or m.dimension == "usage" else m.dimension)
            for m in spec.metrics
        )
        kept = [d for d in spec.dimensions if change == "name" or d.id == "usage"]
        training.spec = replace(
            spec,
            metrics=every,
            dimensions=tuple(replace(d, id=new) if d.id == "usage" else d for d in kept),
        )
    _, found = refined(training)
    assert found.segments.trial is None
    assert words in found.segments.reason
    assert len(found.final.parts.dimensions) == (1 if change == "one dimension" else len(DIMENSIONS))


def test_out_of_fold_scores_come_from_profiles_that_did_not_see_the_rows() -> None:
    from churnbench.calibration.derivations import derive_anchored

    training = training_on(segment_book(CONTRAST, accounts=1000, seed=3))
    derived = derive_anchored(training)
    assert derived.refinements is not None
    assert derived.refinements.segments.adopted
    assert len(derived.refinements.inner) == len(training.folds)
    raw = score_frame(derived.body, training.frame)["raw_score"].to_numpy(dtype=float)
    final = derived.refinements.final
    assert raw == pytest.approx(100 * final.relief(training.frame) / final.spread, abs=0.05)
    at = 0
    for inner, (learn, predict) in zip(derived.refinements.held_out, training.held_out, strict=True):
        assert not set(training.accounts[learn]) & set(training.accounts[predict])
        mine = derived.raw_score[at : at + len(predict)]
        expected = inner.relief(training.frame.iloc[predict]) * 100 / final.spread
        inside = (mine > 0) & (mine < 100)
        assert np.ptp((mine - expected)[inside]) < 0.1  # one shift per fold, nothing else
        at += len(predict)
