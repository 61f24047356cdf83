import math

import pytest
from formula_worlds import FULL_ROW, small_body

from churnbench_scorer import INSUFFICIENT, InputRefused, Score, Scorer, load


@pytest.fixture
def scorer(document: dict) -> Scorer:
    return load(document)


def score(scorer: Scorer, **changed: object) -> Score:
    return scorer.score({**FULL_ROW, **changed})


def with_body(document: dict, **changed: object) -> Scorer:
    return Scorer({**document, "body": {**small_body(), **changed}})


def test_a_complete_row_scores_as_worked_out_on_paper(scorer: Scorer) -> None:
    found = score(scorer)
    # logins 15 -> 75, seats 30/40 -> 75: usage 75. sponsor 100, plan 10: people 55. .7*75 + .3*55 = 69.
    assert found.health_score_x100 == found.raw_score_x100 == found.total_score_x100 == 6900
    assert found.raw_score == pytest.approx(69.0)
    assert found.band == "yellow"
    assert found.coverage_bp == 10000
    assert found.churn_probability == pytest.approx(0.4 - 0.003 * 69)
    assert found.dimension_scores == {"usage": 75.0, "people": 55.0}
    assert found.metric_points == {"logins": 75.0, "seats": 75.0, "sponsor": 100.0, "plan": 10.0}
    assert found.contributions == [
        ("logins", 3150, 1050),
        ("seats", 2100, 700),
        ("sponsor", 1500, 0),
        ("plan", 150, 1350),
    ]


def test_a_segment_has_its_own_weights_and_any_other_text_the_default(scorer: Scorer) -> None:
    assert score(scorer, segment="SMB").health_score_x100 == 7300
    for other in ("smb", "constructor", "__proto__", "", None, math.nan):
        assert score(scorer, segment=other).health_score_x100 == 6900


def test_a_skipped_metric_hands_its_weight_to_its_dimension_and_lowers_coverage(scorer: Scorer) -> None:
    found = score(scorer, logins_30d=None, active_seats=10)
    # usage: seats alone 25; people 55 as before
    assert found.health_score_x100 == round(0.7 * 2500 + 0.3 * 5500)
    assert found.coverage_bp == round(0.7 * 4000 + 0.3 * 10000)
    assert found.contributions[0] == ("logins", 0, 0)


def test_neutral_and_worst_count_in_the_score_but_not_in_coverage(scorer: Scorer) -> None:
    found = score(scorer, has_sponsor=None, bought_seats=0)
    # usage (.6*75 + .4*0) = 45, people (.5*50 + .5*10) = 30
    assert found.health_score_x100 == round(0.7 * 4500 + 0.3 * 3000)
    assert found.coverage_bp == round(0.7 * 6000 + 0.3 * 5000)


def test_below_the_least_coverage_there_is_no_score_rather_than_a_red_one(scorer: Scorer) -> None:
    found = score(scorer, logins_30d=math.nan, has_sponsor=None)
    assert found.coverage_bp == 4300
    assert (found.health_score_x100, found.raw_score_x100, found.raw_score, found.total_score_x100) == (None,) * 4
    assert (found.band, found.churn_probability, found.contributions) == (INSUFFICIENT, None, [])
    assert found.dimension_scores["usage"] == 75.0


def test_coverage_exactly_at_the_limit_is_enough(document: dict) -> None:
    row = {**FULL_ROW, "has_sponsor": None}
    at, above = with_body(document, min_coverage=8500), with_body(document, min_coverage=8501)
    assert at.score(row).coverage_bp == above.score(row).coverage_bp == 8500
    assert at.score(row).health_score_x100 is not None
    assert above.score(row).health_score_x100 is None


def test_without_a_floor_an_empty_row_still_has_no_score_unless_a_policy_gives_points(document: dict) -> None:
    body = small_body()
    for metric in body["metrics"]:
        metric["missing"] = "skip"
    assert with_body(document, metrics=body["metrics"], min_coverage=0).score({}).health_score_x100 is None
    assert with_body(document, min_coverage=0).score({}).health_score_x100 == round(0.3 * 5000)


@pytest.mark.parametrize(
    ("x", "points"),
    [(-1e308, 0.0), (-1, 0.0), (0, 0.0), (10, 50.0), (10.5, 52.5), (20, 100.0), (21, 100.0), (1e308, 100.0)],
)
def test_a_curve_is_flat_outside_its_knots_and_linear_between(scorer: Scorer, x: float, points: float) -> None:
    assert score(scorer, logins_30d=x).metric_points["logins"] == points


@pytest.mark.parametrize("x", [None, math.nan, math.inf, -math.inf, 1.1e308, -1.1e308, 10**400, -(10**400)])
def test_null_nan_and_values_beyond_1e308_are_missing(scorer: Scorer, x: object) -> None:
    assert score(scorer, logins_30d=x).metric_points["logins"] is None


@pytest.mark.parametrize(
    ("top", "bottom", "points"),
    [
        (10, 40, 25.0),
        (80, 40, 100.0),
        (-5, 40, 0.0),
        (40, 40, 100.0),
        (1e308, 5e-324, 100.0),
        (10, 0, None),
        (10, -40, None),
        (10, None, None),
        (None, 40, None),
        (math.inf, 40, None),
    ],
)
def test_a_ratio_is_clipped_and_missing_without_a_positive_denominator(
    document: dict, top: object, bottom: object, points: float | None
) -> None:
    body = small_body()
    body["metrics"][1]["missing"] = "skip"
    found = with_body(document, metrics=body["metrics"]).score(
        {**FULL_ROW, "active_seats": top, "bought_seats": bottom}
    )
    assert found.metric_points["seats"] == points


@pytest.mark.parametrize(("x", "points"), [(True, 100.0), (1, 100.0), (0.5, 100.0), (0.49, 20.0), (False, 20.0)])
def test_a_boolean_is_true_from_one_half(scorer: Scorer, x: object, points: float) -> None:
    assert score(scorer, has_sponsor=x).metric_points["sponsor"] == points


def test_bands_begin_at_their_threshold(document: dict) -> None:
    # 69.00 exactly: "from" is inclusive
    assert with_body(document, bands=[["low", 0], ["high", 6900]]).score(FULL_ROW).band == "high"
    assert with_body(document, bands=[["low", 0], ["high", 6901]]).score(FULL_ROW).band == "low"


def test_caps_hold_the_score_down_in_order_and_are_named(document: dict) -> None:
    caps = [
        {"id": "sev1", "input": "open_sev1", "op": ">=", "value": 1, "max_score": 59},
        {"id": "free", "input": "plan", "op": "=", "value": "free", "max_score": 65},
        {"id": "quiet", "input": "logins_30d", "op": "<", "value": 3, "max_score": 10},
    ]
    scorer = with_body(document, caps=caps)
    found = score(scorer, open_sev1=2)
    assert (found.health_score_x100, found.total_score_x100, found.caps) == (5900, 6900, ("sev1", "free"))
    assert found.band == "red"
    assert found.churn_probability == pytest.approx(0.4 - 0.003 * 59)
    assert score(scorer, open_sev1=0.99, plan=None).caps == ()
    assert score(scorer, open_sev1=None, logins_30d=math.inf, plan="gold").caps == ()
    assert score(scorer, open_sev1=math.inf, logins_30d=-math.inf).caps == ("free",)
    assert score(scorer, logins_30d=2).health_score_x100 == 1000


def test_the_ramp_raises_young_accounts_and_never_beyond_100(document: dict) -> None:
    ramp = {"input": "tenure", "points": [[0, 2], [100, 1]], "slopes": [-0.01]}
    scorer = with_body(document, ramp=ramp)

    def with_tenure(days: object) -> int | None:
        return scorer.score({**FULL_ROW, "tenure": days}, extra="ignore").health_score_x100

    assert with_tenure(0) == 10000
    assert with_tenure(60) == round(6900 * 1.4)
    assert with_tenure(100) == with_tenure(5000) == with_tenure(None) == with_tenure(math.nan) == 6900


def test_the_display_map_moves_what_people_see_and_nothing_else(document: dict) -> None:
    shown = {"points": [[0, 0], [69, 80], [100, 100]], "slopes": [80 / 69, 20 / 31]}
    found = with_body(document, display_map=shown).score(FULL_ROW)
    assert (found.raw_score_x100, found.health_score_x100, found.band) == (6900, 8000, "green")
    assert found.churn_probability == pytest.approx(0.4 - 0.003 * 69)


@pytest.mark.parametrize(
    ("days", "stratum"),
    [
        (0, "renewal"),
        (104, "renewal"),
        (104.0001, "other"),
        (-1, "other"),
        (None, "other"),
        (math.nan, "other"),
    ],
)
def test_the_risk_stratum_is_a_closed_interval_with_a_default(scorer: Scorer, days: object, stratum: str) -> None:
    start, slope = (0.8, -0.006) if stratum == "renewal" else (0.4, -0.003)
    assert score(scorer, days_to_renewal=days).churn_probability == pytest.approx(start + slope * 69, abs=1e-6)


def test_a_stratum_may_be_open_on_one_side_and_the_first_that_holds_wins(document: dict) -> None:
    curve = small_body()["risk_curve"]
    first, last = curve["strata"]
    middle = {
        **first,
        "id": "soon",
        "from": None,
        "to": 200,
        "points": [[0, 0.5, 0, 1], [1, 0.5, 0, 1]],
        "slopes": [0],
    }
    scorer = with_body(document, risk_curve={**curve, "strata": [first, middle, last]})
    assert score(scorer, days_to_renewal=150).churn_probability == 0.5
    assert score(scorer, days_to_renewal=-1e300).churn_probability == 0.5
    assert score(scorer, days_to_renewal=50).churn_probability == pytest.approx(0.8 - 0.006 * 69)


def test_without_a_risk_curve_there_is_no_probability(document: dict) -> None:
    assert with_body(document, risk_curve={"strata": []}).score(FULL_ROW).churn_probability is None
    body = small_body()
    del body["risk_curve"]
    assert Scorer({**document, "body": body}).score(FULL_ROW).churn_probability is None


def test_a_value_past_its_validity_is_missing_or_flagged(document: dict) -> None:
    metrics = small_body()["metrics"]
    metrics[0]["validity"] = {"input": "age", "days": 30, "then": "missing"}
    metrics[3]["validity"] = {"input": "age", "days": 60, "then": "flag"}
    scorer = with_body(document, metrics=metrics)

    def at_age(days: object) -> Score:
        return scorer.score({**FULL_ROW, "age": days}, extra="ignore")

    assert at_age(30).metric_points["logins"] == 75.0
    assert at_age(30.01).metric_points["logins"] is None
    assert at_age(None).metric_points["logins"] == 75.0
    assert (at_age(60).stale, at_age(61).stale, at_age(None).stale) == ((), ("plan",), ())
    assert at_age(61).metric_points["plan"] == 10.0


def test_an_undeclared_key_is_an_error_unless_extras_are_ignored(scorer: Scorer) -> None:
    with pytest.raises(InputRefused, match=r"'login'.*knows logins_30d"):
        scorer.score({"login": 3})
    assert scorer.score({**FULL_ROW, "login": 3}, extra="ignore").health_score_x100 == 6900


@pytest.mark.parametrize("value", ["12", b"12", [1], 1j, object()])
def test_text_and_other_types_where_a_number_belongs_are_refused(scorer: Scorer, value: object) -> None:
    with pytest.raises(InputRefused, match="logins_30d"):
        score(scorer, logins_30d=value)
    with pytest.raises(InputRefused, match="has_sponsor"):
        score(scorer, has_sponsor=value)


@pytest.mark.parametrize("value", [3, 2.5, True, ["gold"]])
def test_anything_but_text_in_a_category_is_refused(scorer: Scorer, value: object) -> None:
    with pytest.raises(InputRefused, match="plan"):
        score(scorer, plan=value)


def test_numbers_of_other_libraries_and_their_missing_values_are_understood(scorer: Scorer) -> None:
    import decimal

    import numpy as np
    import pandas as pd

    for value in (np.float64(15), np.int32(15), np.float32(15), decimal.Decimal(15)):
        assert score(scorer, logins_30d=value).health_score_x100 == 6900
    for missing in (pd.NA, pd.NaT, np.float64("nan"), decimal.Decimal("NaN")):
        assert score(scorer, logins_30d=missing).metric_points["logins"] is None
    for missing in (pd.NA, pd.NaT, np.nan):
        assert score(scorer, plan=missing).metric_points["plan"] is None


def test_a_score_prints_and_turns_into_plain_data(scorer: Scorer) -> None:
    import json

    found = score(scorer, open_sev1=1)
    assert repr(found) == (
        f"Score(health_score_x100=5900, band='red', coverage_bp=10000, churn_probability={found.churn_probability})"
    )
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["caps"] == ["sev1"]
    assert plain["contributions"][0] == ["logins", 3150, 1050]
    assert plain["dimension_scores"] == {"usage": 75.0, "people": 55.0}
