"""The risk curve of a formula in force keeps its slope; only its level follows the churn of today."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from small_books import plain_spec

from churnbench.calibration.levelled_curve import levelled, steepness
from churnbench.formula import build_body, score_frame, with_risk_curve
from churnbench.metrics.reliability import expit, logit


def book(rows: int = 400, seed: int = 1) -> pd.DataFrame:
    drawn = np.random.default_rng(seed).uniform(0, 100, rows)
    return pd.DataFrame({"use": drawn})


def body_with_curve(frame: pd.DataFrame) -> dict[str, object]:
    body = build_body(plain_spec({"use": 1.0}), frame)
    at = np.linspace(0.0, 100.0, 41)
    risks = [expit(level - 0.04 * at) for level in (0.0, -0.3, 0.3)]
    points = [[float(score), *(float(risk[k]) for risk in risks)] for k, score in enumerate(at)]
    return with_risk_curve(body, [{"id": "all", "from": None, "to": None, "points": points}])


def points_of(body: dict[str, object]) -> list[list[float]]:
    return body["risk_curve"]["strata"][0]["points"]  # type: ignore[index,no-any-return]


@pytest.mark.parametrize("rate", [0.02, 0.15, 0.6])
def test_expected_churn_becomes_observed_churn_and_scores_stay(rate: float) -> None:
    frame = book()
    body = body_with_curve(frame)
    y = (np.arange(len(frame)) < rate * len(frame)).astype(float)
    moved = levelled(body, frame, y)
    before, after = score_frame(body, frame), score_frame(moved, frame)
    # Between its points a curve is a straight line in probability, so that the level is met closely.
    assert after["churn_probability"].mean() == pytest.approx(y.mean(), rel=0.005)
    pd.testing.assert_series_equal(before["health_score_x100"], after["health_score_x100"])
    pd.testing.assert_series_equal(before["band"], after["band"])


def test_all_points_move_by_the_same_log_odds_and_never_cross() -> None:
    frame = book()
    body = body_with_curve(frame)
    moved = points_of(levelled(body, frame, (np.arange(len(frame)) % 3 == 0).astype(float)))
    shifts = [
        logit(np.array([now]))[0] - logit(np.array([then]))[0]
        for old, new in zip(points_of(body), moved, strict=True)
        for then, now in zip(old[1:], new[1:], strict=True)
    ]
    assert max(shifts) - min(shifts) < 1e-3
    assert min(shifts) > 0.3
    assert all(low <= p <= high for _, p, low, high in moved)
    assert all(left[1] >= right[1] for left, right in pairwise(moved))


def test_nothing_moves_without_both_outcomes_or_without_scores() -> None:
    frame = book()
    body = body_with_curve(frame)
    assert levelled(body, frame, np.zeros(len(frame))) == body
    assert levelled(body, frame, np.ones(len(frame))) == body
    nobody = pd.DataFrame({"use": [np.nan, np.nan]})
    assert levelled(body, nobody, np.array([0.0, 1.0])) == body


def churned(frame: pd.DataFrame, body: dict[str, object], factor: float, seed: int) -> np.ndarray:
    """Outcomes whose log-odds are those of the curve times a factor."""
    p = score_frame(body, frame)["churn_probability"].to_numpy()
    return (np.random.default_rng(seed).uniform(size=len(p)) < expit(factor * logit(p))).astype(float)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_many_unseen_outcomes_turn_the_curve_and_few_hardly_do(factor: float) -> None:
    many, few = book(20_000), book(60)
    body = body_with_curve(many)
    found = steepness(body, many, churned(many, body, factor, 2), np.arange(len(many)))
    assert found == pytest.approx(factor, abs=0.08)
    held = steepness(body, few, churned(few, body, factor, 3), np.arange(len(few)))
    assert abs(held - 1) < 0.5 * abs(factor - 1) + 0.1


def test_rows_of_one_account_count_its_outcome_once() -> None:
    frame = book(300)
    body = body_with_curve(frame)
    y = churned(frame, body, 0.4, 4)
    once = steepness(body, frame, y, np.arange(len(frame)))
    thrice = pd.concat([frame] * 3, ignore_index=True)
    # Three rows of one account weigh a third each; rows without churn weigh likewise.
    assert steepness(body, thrice, np.tile(y, 3), np.tile(np.arange(len(frame)), 3)) == pytest.approx(once, abs=1e-9)


def test_without_unseen_outcomes_nothing_is_turned() -> None:
    frame = book(10)
    body = body_with_curve(frame)
    assert steepness(body, frame, np.zeros(10), np.arange(10)) == 1.0
    assert steepness(body, frame.iloc[:0], np.zeros(0), np.arange(0)) == 1.0


def test_a_turned_curve_still_expects_what_was_observed() -> None:
    frame = book()
    body = body_with_curve(frame)
    y = (np.arange(len(frame)) % 5 == 0).astype(float)
    moved = levelled(body, frame, y, turned=0.6)
    assert score_frame(moved, frame)["churn_probability"].mean() == pytest.approx(0.2, rel=0.005)
    flat, steep = points_of(moved), points_of(levelled(body, frame, y))
    assert flat[0][1] - flat[-1][1] < steep[0][1] - steep[-1][1]
