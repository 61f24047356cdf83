"""The risk curve of a formula in force keeps its slope; only its level follows the churn of today."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from small_books import plain_spec

from churnbench.calibration.levelled_curve import levelled
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
