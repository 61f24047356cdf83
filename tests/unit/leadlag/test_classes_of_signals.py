"""Discoveries, p-values and the table of classes, by hand and against scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from churnbench.leadlag.classes import Reading, benjamini_hochberg, classify, p_above, spread_of, timing_of
from churnbench.leadlag.result import LeadTime
from churnbench.metrics import Estimate

BUCKETS = ((0, 30), (30, 60), (60, 90), (90, 180))


def times(*figures: tuple[float, bool] | None, half: float = 0.04) -> list[LeadTime]:
    """Lead times from (AUC, significant), nearest first; None where there are too few churned accounts."""
    return [
        LeadTime(*bucket, 5, Estimate(None))
        if figure is None
        else LeadTime(*bucket, 60, Estimate(figure[0], figure[0] - half, figure[0] + half), 0.01, figure[1])
        for bucket, figure in zip(BUCKETS, figures, strict=True)
    ]


HIGH, LOW, NO = (0.65, True), (0.57, True), (0.52, False)
FALL = (0.02, 0.15)


def test_discoveries_are_those_of_scipys_adjusted_p_values() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = np.where(rng.random(40) < 0.3, rng.random(40) ** 6, rng.random(40))
        expected = stats.false_discovery_control(p) <= 0.1
        assert benjamini_hochberg(p.tolist(), 0.1) == expected.tolist()
    assert benjamini_hochberg([], 0.1) == []
    assert benjamini_hochberg([0.2, 0.3], 0.1) == [False, False]


def test_the_p_value_is_students_and_grows_with_fewer_churned_accounts() -> None:
    assert p_above(0.6, 0.05, 21) == pytest.approx(stats.t.sf(2.0, 20))
    assert p_above(0.6, 0.05, 21) > p_above(0.6, 0.05, 2000)
    assert (p_above(1.0, 0.0, 30), p_above(0.5, 0.0, 30), p_above(0.1, 0.0, 30)) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("figures", "fall", "expected"),
    [
        ((HIGH, HIGH, HIGH, NO), FALL, "leading"),
        ((NO, NO, NO, HIGH), None, "leading"),
        ((HIGH, HIGH, None, HIGH), FALL, "leading"),
        ((HIGH, HIGH, NO, NO), FALL, "coincident"),
        ((HIGH, HIGH, LOW, NO), FALL, "coincident"),
        ((NO, HIGH, NO, NO), None, "coincident"),
        ((HIGH, NO, NO, NO), FALL, "footprint"),
        ((HIGH, NO, NO, NO), (-0.01, 0.2), "weak"),
        ((HIGH, NO, NO, NO), None, "weak"),
        ((HIGH, LOW, NO, NO), FALL, "weak"),
        ((LOW, NO, NO, NO), FALL, "weak"),
        ((NO, NO, NO, NO), FALL, "none"),
        ((HIGH, HIGH, None, None), FALL, "not-enough-events"),
        ((None, HIGH, NO, NO), None, "not-enough-events"),
        ((HIGH, NO, NO, None), FALL, "footprint"),
        (((0.65, False),) * 4, FALL, "none"),
    ],
)
def test_the_earliest_lead_time_that_counts_gives_the_class(figures, fall, expected) -> None:
    assert timing_of(times(*figures), fall, against=False) == expected
    mirrored = [
        one if one.auc.value is None else replace(one, auc=Estimate(*(1.0 - end for end in _turned(one.auc))))
        for one in times(*figures)
    ]
    turned = None if fall is None else (-fall[1], -fall[0])
    assert timing_of(mirrored, turned, against=True) == expected


def _turned(auc: Estimate) -> tuple[float, float, float]:
    assert auc.value is not None
    assert auc.low is not None
    assert auc.high is not None
    return auc.value, auc.high, auc.low


def test_a_figure_without_interval_cannot_count() -> None:
    bare = [replace(one, auc=Estimate(0.9)) for one in times(HIGH, HIGH, HIGH, HIGH)]
    assert timing_of(bare, None, against=False) == "weak"


def test_tests_of_all_signals_share_one_false_discovery_rate() -> None:
    """A p-value of .02 is a discovery alone, and none among many that show nothing."""
    one = tuple(replace(time, significant=False) for time in times((0.6, False), None, None, None))
    spread = 0.1 / stats.t.isf(0.02, 59)
    lonely = Reading(one, (spread, None, None, None), None, declared=True)
    ((tested, _, _),) = classify([lonely])
    assert tested[0].p_value == pytest.approx(0.02)
    assert tested[0].significant
    flat = tuple(times((0.5, False), None, None, None))
    crowd = [Reading(flat, (0.05, None, None, None), None, declared=True)] * 9
    assert not classify([lonely, *crowd])[0][0][0].significant


def test_a_signal_that_crosses_over_is_not_called_reversed() -> None:
    crossing = tuple(times((0.7, False), (0.7, False), (0.3, False), (0.3, False)))
    ((_, timing, against),) = classify([Reading(crossing, (0.02,) * 4, FALL, declared=True)])
    assert not against
    assert timing == "coincident"


def test_the_spread_ignores_undefined_resamples() -> None:
    assert spread_of(np.array([0.4, np.nan, 0.6])) == pytest.approx(np.std([0.4, 0.6], ddof=1))
    assert np.isnan(spread_of(np.array([np.nan, 0.5])))
