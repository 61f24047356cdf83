"""Learned profiles written into a body: weights, level, unknown segments, faults."""

from __future__ import annotations

import pandas as pd
import pytest

from churnbench.domain.errors import InputError
from churnbench.formula import (
    SEGMENT_LEVEL,
    Body,
    MetricCurve,
    body_from_curves,
    score_frame,
    to_basis_points,
    with_segment_profiles,
)

SHARES = {"A": {"x": 0.5, "y": 0.5}, "B": {"x": 1 / 3, "y": 2 / 3, "gone": 0.4}}
LEVELS = {"A": 100.0, "B": 0.0, "": 40.0}


@pytest.fixture
def plain() -> Body:
    curves = [MetricCurve(name, name, name, share, points=[(0, 0), (100, 100)]) for name, share in (("x", 7), ("y", 3))]
    return body_from_curves(curves, ["x", "y"], [("red", 0), ("green", 60)], 5000)


def test_a_profile_and_its_level_make_the_score_by_hand(plain: Body) -> None:
    body = with_segment_profiles(plain, SHARES, LEVELS, level_share=0.2)
    frame = pd.DataFrame({"x": [80.0] * 5, "y": [20.0] * 5, "segment": ["A", "B", "other", None, "A"]})
    scores = score_frame(body, frame)["raw_score"].tolist()
    by_hand = [
        0.8 * (0.5 * 80 + 0.5 * 20) + 0.2 * 100,
        0.2667 * 80 + 0.5333 * 20,
        0.8 * (0.7 * 80 + 0.3 * 20) + 0.2 * 40,
        0.8 * (0.7 * 80 + 0.3 * 20) + 0.2 * 40,
        0.8 * (0.5 * 80 + 0.5 * 20) + 0.2 * 100,
    ]
    assert scores == pytest.approx(by_hand, abs=1e-9)


def test_every_profile_sums_to_10000_and_gives_the_level_the_same_weight(plain: Body) -> None:
    body = with_segment_profiles(plain, SHARES, LEVELS, level_share=0.12345)
    every = [body["segments"]["default"], *(entry["weights"] for entry in body["segments"]["by"])]
    assert [sum(weight for _, weight in profile) for profile in every] == [10000] * 3
    assert {dict(profile)[SEGMENT_LEVEL] for profile in every} == {1235}
    assert plain["segments"]["by"] == []  # the argument is left alone


def test_without_a_level_there_is_no_dimension_for_it(plain: Body) -> None:
    body = with_segment_profiles(plain, SHARES, LEVELS, level_share=0.0)
    assert [dimension["id"] for dimension in body["dimensions"]] == ["x", "y"]
    assert body["segments"]["by"][1]["weights"] == [["x", 3333], ["y", 6667]]


def test_a_taken_name_or_a_profile_of_zeros_is_refused(plain: Body) -> None:
    twice = with_segment_profiles(plain, SHARES, LEVELS, level_share=0.1)
    with pytest.raises(InputError):
        with_segment_profiles(twice, SHARES, LEVELS, level_share=0.1)
    with pytest.raises(InputError, match="zero"):
        with_segment_profiles(plain, {"A": {"x": 0.0}}, LEVELS, level_share=0.1)


def test_basis_points_of_a_part() -> None:
    assert to_basis_points([1, 1, 1], full=100) == [34, 33, 33]
