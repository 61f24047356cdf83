from copy import deepcopy
from typing import Any

import pandas as pd
import pytest
from formula_worlds import small_body
from hypothesis import given
from hypothesis import strategies as st

from churnbench.domain.errors import InputError
from churnbench.formula import (
    MetricCurve,
    body_from_curves,
    effective_points,
    score_frame,
    validate_body,
    with_bands,
    with_caps,
    with_display_map,
    with_hysteresis,
    with_ramp,
    with_risk_curve,
    with_segments,
)

BANDS = [("red", 0.0), ("yellow", 60.0), ("green", 80.0)]
LINE = ((0.0, 0.0), (1.0, 100.0))


def curve(name: str, dimension: str, share: float, **fields: Any) -> MetricCurve:
    return MetricCurve(name, name, dimension, share, **{"points": LINE, **fields})


def test_shares_become_weights_on_both_levels_and_zero_shares_disappear() -> None:
    curves = [
        curve("a", "usage", 0.3),
        curve("b", "money", 0.2),
        curve("c", "usage", 0.1),
        curve("d", "people", 0.0),
        curve("e", "usage", 0.0),
        curve("f", "usage", 1e-9),
    ]
    body = body_from_curves(curves, ["money", "people", "usage"], BANDS, 5000)
    assert body["segments"]["default"] == [["money", 3333], ["usage", 6667]]
    assert body["dimensions"][1] == {"id": "usage", "weights": [["a", 7500], ["c", 2500]]}
    assert effective_points(body) == pytest.approx({"b": 33.33, "a": 50.0025, "c": 16.6675})
    assert body["bands"] == [["red", 0], ["yellow", 6000], ["green", 8000]]


@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=9))
def test_effective_points_follow_the_shares_within_two_basis_points(shares: list[float]) -> None:
    curves = [curve(f"m{k}", f"d{k % 3}", share) for k, share in enumerate(shares)]
    found = effective_points(body_from_curves(curves, ["d0", "d1", "d2"], BANDS, 0))
    assert sum(found.values()) == pytest.approx(100.0)
    for k, share in enumerate(shares):
        assert found.get(f"m{k}", 0.0) == pytest.approx(100 * share / sum(shares), abs=0.021)


def test_noise_beyond_ten_digits_changes_no_byte_of_a_body() -> None:
    one = body_from_curves([curve("a", "usage", 1, points=((0.1, 0.0), (1 / 3, 100.0)))], ["usage"], BANDS, 0)
    noisy = ((0.1 + 1e-16, 1e-14), (1 / 3 + 1e-13, 100.0 + 1e-9))
    assert body_from_curves([curve("a", "usage", 1, points=noisy)], ["usage"], BANDS, 0) == one


def test_knots_that_rounding_makes_equal_are_merged() -> None:
    points = ((0.0, 0.0), (1.0, 40.0), (1.0 + 1e-13, 41.0), (2.0, 100.0))
    rule = body_from_curves([curve("a", "usage", 1, points=points)], ["usage"], BANDS, 0)["metrics"][0]["rule"]
    assert rule == {"kind": "piecewise", "points": [[0, 0], [1, 40], [2, 100]], "slopes": [40, 60]}


def test_categories_hand_rules_policies_and_validity_are_carried() -> None:
    hand = small_body()["metrics"][1]["rule"]
    curves = [
        curve("plan", "usage", 1, points=None, categories={"gold": 90.0, "free": 10}),
        curve("seats", "usage", 1, rule=hand, missing="worst"),
        curve(
            "nps", "usage", 1, missing="neutral", neutral=100 / 3, validity={"input": "age", "days": 9, "then": "flag"}
        ),
    ]
    metrics = body_from_curves(curves, ["usage"], BANDS, 0)["metrics"]
    assert metrics[0]["rule"] == {"kind": "category", "map": [["gold", 90.0], ["free", 10.0]]}
    assert metrics[1]["rule"] == hand
    assert (metrics[1]["missing"], metrics[2]["neutral"]) == ("worst", 33.33333333)
    assert metrics[2]["validity"] == {"input": "age", "days": 9, "then": "flag"}


@pytest.mark.parametrize(
    ("curves", "needle"),
    [
        ([curve("a", "nowhere", 1)], "'nowhere' is not among"),
        ([curve("a", "usage", -1)], "share -1"),
        ([curve("a", "usage", float("nan"))], "share nan"),
        ([curve("a", "usage", 0)], "all are zero"),
        ([], "all are zero"),
        ([curve("a", "usage", 1, points=None)], "neither points, categories nor a rule"),
        ([curve("a", "usage", 1, points=((0, float("nan")), (1, 1)))], "pairs of numbers"),
        ([curve("a", "usage", 1, points=((0, 1),))], "distinct knot"),
        ([curve("a", "usage", 1, points=((0, 1), (1, -1)))], "outside 0 to 100"),
        ([curve("a", "usage", 1), curve("a", "usage", 1)], "'a' twice"),
        ([curve("a", "usage", 1, points=None, categories={})], "empty category map"),
    ],
)
def test_curves_that_make_no_formula_are_refused(curves: list[MetricCurve], needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        body_from_curves(curves, ["usage"], BANDS, 0)


def changed_bodies() -> list[dict[str, Any]]:
    body = small_body()
    return [
        with_bands(body, [("low", 0), ("high", 50.005)]),
        with_display_map(body, [(0, 0), (50, 80), (100, 100)]),
        with_display_map(body, None),
        with_risk_curve(body, [{"id": "all", "points": [[0, 0.5, 0.4, 0.6], [100, 0.1, 0, 0.2]]}]),
        with_segments(body, {"Enterprise": {"people": 1}}, segment_input="tier"),
        with_ramp(body, [(0, 2), (90, 1)], tenure_input="tenure"),
        with_ramp(body, None, tenure_input="tenure"),
        with_caps(body, [{"id": "late", "input": "days_late", "op": ">=", "value": 30, "max_score": 40}]),
        with_hysteresis(body, band_input="band_in_force", margin=2.5),
    ]


def test_every_change_returns_a_valid_new_body_and_leaves_the_old_one_alone() -> None:
    assert small_body() == small_body()
    before = small_body()
    kept = deepcopy(before)
    for body in changed_bodies():
        validate_body(body)
        body["metrics"][0]["rule"]["points"][0][0] = -99
    with_bands(before, [("only", 0)])["segments"]["default"][0][1] = 1
    assert before == kept


def test_changes_do_what_their_names_say() -> None:
    bands, shown, plain, risk, segments, ramp, no_ramp, caps, held = changed_bodies()
    assert held["hysteresis"] == {"input": "band_in_force", "margin": 250, "reading": None}
    assert with_hysteresis(held, band_input=None)["hysteresis"] is None
    assert bands["bands"] == [["low", 0], ["high", 5001]]
    assert shown["display_map"] == {"points": [[0, 0], [50, 80], [100, 100]], "slopes": [1.6, 0.4]}
    assert plain["display_map"] is None
    assert risk["risk_curve"]["strata"][0]["slopes"] == [pytest.approx(-0.004)]
    assert segments["segments"]["by"] == [{"segment": "Enterprise", "weights": [["usage", 0], ["people", 10000]]}]
    assert ramp["ramp"]["slopes"] == [pytest.approx(-1 / 90)]
    assert no_ramp["ramp"] is None
    assert caps["caps"][0]["id"] == "late"


def test_the_risk_curve_of_a_stratum_reaches_the_rows_of_that_stratum() -> None:
    strata = [
        {"id": "renewal", "from": 0, "to": 104, "points": [[0, 0.9, 0.8, 1.0], [100, 0.5, 0.4, 0.6]]},
        {"id": "other", "from": None, "to": None, "points": [[0, 0.2, 0.1, 0.3], [100, 0.2, 0.1, 0.3]]},
    ]
    body = body_from_curves([curve("a", "usage", 1)], ["usage"], BANDS, 0)
    body = with_risk_curve(body, strata, stratum_input="days_to_renewal")
    frame = pd.DataFrame({"a": [1.0, 1.0, 0.0], "days_to_renewal": [10.0, 200.0, 104.0]})
    assert score_frame(body, frame)["churn_probability"].tolist() == pytest.approx([0.5, 0.2, 0.9])
    single = with_risk_curve(body, strata[1:])
    assert score_frame(single, frame)["churn_probability"].tolist() == pytest.approx([0.2, 0.2, 0.2])


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        (lambda body: with_bands(body, [("low", 10)]), "the first from 0"),
        (lambda body: with_display_map(body, [(0, 50), (100, 0)]), "falling map"),
        (lambda body: with_display_map(body, [(0, 50)]), "distinct knot"),
        (lambda body: with_segments(body, {"S": {"nobody": 1}}), "'nobody' is not among"),
        (lambda body: with_segments(body, {"S": {}}), "all are zero"),
        (lambda body: with_risk_curve(body, [{"id": "a", "points": [[0, 1], [1, 1]]}]), r"not \[score, p, low, high\]"),
        (lambda body: with_risk_curve(body, [{"id": "a", "points": [[0, 2, 0, 1], [1, 1, 0, 1]]}]), "outside 0 to 1"),
        (lambda body: with_caps(body, [{"id": "a"}]), "no field"),
        (lambda body: with_hysteresis(body, band_input="held"), "neither margin nor reading"),
    ],
)
def test_changes_that_break_the_format_are_refused(change: Any, needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        change(small_body())
