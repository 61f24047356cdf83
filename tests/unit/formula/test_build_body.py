import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser
from churnbench.formula import (
    build_body,
    effective_points,
    metric_values,
    score_frame,
    to_basis_points,
    unusable_metrics,
    validate_body,
)


def one_metric(kind: str, params: dict[str, Any] | None = None, **fields: Any) -> FormulaSpec:
    metric = MetricSpec("x", "usage", 1.0, normalise=Normaliser(kind, params or {}), **fields)  # type: ignore[arg-type]
    return FormulaSpec((DimensionSpec("usage", 1.0),), (metric,))


def points(spec: FormulaSpec, values: list[object], **columns: list[object]) -> list[float]:
    frame = pd.DataFrame({"x": values, **columns})
    return metric_values(build_body(spec, frame), frame)["x"].tolist()


@pytest.mark.parametrize(
    ("kind", "params", "values", "expected"),
    [
        ("ramp", {"low": 0, "high": 20}, [-5, 0, 5, 20, 30], [0, 0, 25, 100, 100]),
        ("piecewise", {"points": [[0, 10], [1, 30], [3, 20]]}, [0, 0.5, 2, 9], [10, 20, 25, 20]),
        ("ratio", {"benchmark": 50}, [0, 25, 50, 80], [0, 50, 100, 100]),
        ("ratio", {"benchmark": 50, "cap": 2}, [50, 100, 200], [50, 100, 100]),
        ("nps", {}, [-100, 0, 30, 100], [0, 50, 65, 100]),
        ("csat", {}, [1, 3, 5], [0, 50, 100]),
        ("csat", {"low": 0, "high": 10}, [0, 7], [0, 70]),
        ("boolean", {}, [True, False], [100, 0]),
        ("boolean", {"yes": 90, "no": 30}, [True, False], [90, 30]),
        ("category", {"map": {"gold": 90, "free": 10}}, ["free", "gold"], [10, 90]),
        ("recency", {"fresh": 7, "stale": 37}, [0, 7, 22, 37, 90], [100, 100, 50, 0, 0]),
    ],
)
def test_each_normaliser_gives_the_points_of_its_definition(
    kind: str, params: dict, values: list, expected: list
) -> None:
    assert points(one_metric(kind, params), values) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["ramp", "ratio", "nps", "csat", "boolean", "quantile"])
def test_lower_is_healthier_mirrors_the_points(kind: str) -> None:
    params = {"ramp": {"low": 0, "high": 4}, "ratio": {"benchmark": 3}}.get(kind, {})
    values: list[object] = [0, 1, 1, 0, 1] if kind == "boolean" else [0, 1, 2, 3, 4]
    higher = points(one_metric(kind, params), values)
    lower = points(one_metric(kind, params, direction="lower_is_healthier"), values)
    assert lower == pytest.approx([100 - value for value in higher])


def test_literal_rules_ignore_the_direction() -> None:
    for kind, params, values in (
        ("piecewise", {"points": [[0, 10], [1, 30]]}, [0, 1]),
        ("category", {"map": {"a": 1, "b": 99}}, ["a", "b"]),
        ("recency", {"fresh": 0, "stale": 10}, [2, 8]),
    ):
        assert points(one_metric(kind, params), values) == points(
            one_metric(kind, params, direction="lower_is_healthier"), values
        )


def test_a_ratio_to_a_column_divides_row_by_row() -> None:
    spec = one_metric("ratio", {"denominator": "seats"})
    assert points(spec, [5, 5, 20, 5], seats=[10, 0, 10, -1]) == pytest.approx(
        [50, math.nan, 100, math.nan], nan_ok=True
    )
    half = one_metric("ratio", {"denominator": "seats", "cap": 0.5}, direction="lower_is_healthier")
    assert points(half, [5, 1], seats=[10, 10]) == pytest.approx([0, 80])


def test_a_quantile_ramp_is_cut_at_the_5th_and_95th_percentile_of_training() -> None:
    values = np.random.default_rng(0).normal(size=400)
    training = pd.DataFrame({"x": np.append(values, [np.nan, np.inf])})
    rule = build_body(one_metric("quantile"), training)["metrics"][0]["rule"]
    assert [knot[0] for knot in rule["points"]] == pytest.approx(np.percentile(values, [5, 95]).tolist(), rel=1e-9)


def test_a_rare_event_gets_a_ramp_over_its_whole_range() -> None:
    rule = build_body(one_metric("quantile"), pd.DataFrame({"x": [0.0] * 99 + [4.0]}))["metrics"][0]["rule"]
    assert rule["points"] == [[0, 0], [4, 100]]


def test_metrics_that_the_data_cannot_shape_are_left_out_with_a_reason() -> None:
    spec = FormulaSpec(
        (DimensionSpec("usage", 60), DimensionSpec("money", 40)),
        (
            MetricSpec("alive", "usage", 1),
            MetricSpec("empty", "usage", 1),
            MetricSpec("constant", "money", 1),
            MetricSpec("unweighted", "usage", 0),
        ),
    )
    frame = pd.DataFrame({"alive": [1.0, 2.0], "empty": [np.nan] * 2, "constant": [3.0, 3.0], "unweighted": [1, 2]})
    assert unusable_metrics(spec, frame) == {
        "empty": "no value in the training data",
        "constant": "always 3 in the training data",
    }
    body = build_body(spec, frame)
    assert effective_points(body) == {"alive": 100.0}
    with pytest.raises(InputError, match="no usable metric"):
        build_body(spec, frame.assign(alive=np.nan))


def test_an_empty_column_stays_when_its_rule_needs_no_data() -> None:
    frame = pd.DataFrame({"x": [None, None]})
    body = build_body(one_metric("ramp", {"low": 0, "high": 1}), frame)
    assert score_frame(body, frame)["band"].tolist() == ["insufficient-data"] * 2


def test_weights_segments_policies_and_bands_arrive_in_the_body() -> None:
    spec = FormulaSpec(
        (DimensionSpec("usage", 3), DimensionSpec("money", 1)),
        (
            MetricSpec("a", "usage", 40, missing="neutral", neutral=37.5, normalise=Normaliser("nps")),
            MetricSpec("b", "usage", 20, missing="worst", normalise=Normaliser("nps")),
            MetricSpec("c", "money", 5, normalise=Normaliser("nps")),
        ),
        bands=(("red", 0), ("amber", 49.995), ("green", 75)),
        segment_weights={"SMB": {"usage": 90, "money": 10}, "Enterprise": {"money": 1}},
        min_coverage_bp=4000,
    )
    body = build_body(spec, pd.DataFrame({"a": [1.0], "b": [1.0], "c": [1.0]}))
    assert body["dimensions"] == [
        {"id": "usage", "weights": [["a", 6667], ["b", 3333]]},
        {"id": "money", "weights": [["c", 10000]]},
    ]
    assert body["segments"] == {
        "input": "segment",
        "default": [["usage", 7500], ["money", 2500]],
        "by": [
            {"segment": "SMB", "weights": [["usage", 9000], ["money", 1000]]},
            {"segment": "Enterprise", "weights": [["usage", 0], ["money", 10000]]},
        ],
    }
    assert body["bands"] == [["red", 0], ["amber", 5000], ["green", 7500]]
    assert body["min_coverage"] == 4000
    assert [metric.get("neutral") for metric in body["metrics"]] == [37.5, None, None]
    assert effective_points(body) == pytest.approx({"a": 50.0025, "b": 24.9975, "c": 25.0})
    assert validate_body(body) == {"a": "number", "b": "number", "c": "number", "segment": "category"}


@pytest.mark.parametrize(
    ("kind", "params", "needle"),
    [
        ("ramp", {"low": 0}, "high None"),
        ("ramp", {"low": 3, "high": 3}, "low below high"),
        ("ramp", {"low": 0, "high": "9"}, "high '9'"),
        ("ramp", {"low": True, "high": 2}, "low True"),
        ("ramp", {"low": 0, "high": math.nan}, "finite number"),
        ("ramp", {"low": 0, "high": 1, "mid": 2}, "parameter 'mid'"),
        ("nps", {"low": 0}, "only none"),
        ("piecewise", {}, "points None"),
        ("piecewise", {"points": [[0, 1], [1]]}, "pairs"),
        ("piecewise", {"points": [[0, 1]]}, "distinct knot"),
        ("piecewise", {"points": [[1, 1], [0, 1]]}, "do not ascend"),
        ("piecewise", {"points": [[0, 1], [1, 101]]}, "outside 0 to 100"),
        ("ratio", {}, "either benchmark or denominator"),
        ("ratio", {"benchmark": 1, "denominator": "x"}, "either benchmark or denominator"),
        ("ratio", {"benchmark": 0}, "above 0"),
        ("ratio", {"benchmark": 1, "cap": 0}, "above 0"),
        ("ratio", {"denominator": 3}, "name of a column"),
        ("ratio", {"denominator": "nowhere"}, "'nowhere'"),
        ("recency", {"fresh": 9, "stale": 9}, "fresh below stale"),
        ("category", {}, "map None"),
        ("category", {"map": {}}, "empty category map"),
        ("category", {"map": {"a": "b"}}, "table of text"),
        ("category", {"map": {"a": 200}}, "200"),
        ("spline", {}, "one of ramp"),
    ],
)
def test_impossible_declarations_name_the_metric_and_what_was_expected(kind: str, params: dict, needle: str) -> None:
    with pytest.raises(InputError, match=needle) as caught:
        build_body(one_metric(kind, params), pd.DataFrame({"x": [1.0, 2.0]}))
    assert "x" in str(caught.value)


def test_text_where_a_rule_needs_numbers_points_to_the_category_rule() -> None:
    with pytest.raises(InputError, match="category") as caught:
        build_body(one_metric("ramp", {"low": 0, "high": 1}), pd.DataFrame({"x": ["a", None]}))
    assert caught.value.column == "x"


@pytest.mark.parametrize(
    ("spec", "needle"),
    [
        (FormulaSpec((DimensionSpec("usage", 1),), (MetricSpec("x", "usgae", 1),)), "usgae"),
        (FormulaSpec((DimensionSpec("usage", 1),), (MetricSpec("gone", "usage", 1),)), "a column 'gone'"),
        (FormulaSpec((DimensionSpec("usage", 1),), (MetricSpec("x", "usage", -1),)), "weight -1"),
        (FormulaSpec((DimensionSpec("usage", 1),), (MetricSpec("x", "usage", math.nan),)), "weight nan"),
        (FormulaSpec((DimensionSpec("usage", -1),), (MetricSpec("x", "usage", 1),)), "share -1"),
        (
            FormulaSpec((DimensionSpec("usage", 1),), (MetricSpec("x", "usage", 1),), segment_weights={"S": {"y": 1}}),
            "'y' is not declared",
        ),
        (
            FormulaSpec(
                (DimensionSpec("usage", 1),), (MetricSpec("x", "usage", 1),), segment_weights={"S": {"usage": 0}}
            ),
            "all are zero",
        ),
        (FormulaSpec((DimensionSpec("usage", 1),), (MetricSpec("x y", "usage", 1),)), "text like"),
    ],
)
def test_impossible_formulas_are_refused(spec: FormulaSpec, needle: str) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "x y": [1.0, 2.0]})
    with pytest.raises(InputError, match=needle):
        build_body(spec, frame)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12).filter(lambda shares: sum(shares) > 1e-3))
def test_basis_points_sum_to_10000_and_stay_within_one_of_exact(shares: list[float]) -> None:
    found = to_basis_points(shares)
    assert sum(found) == 10000
    assert all(abs(value - share / sum(shares) * 10000) <= 1 + 1e-6 for value, share in zip(found, shares, strict=True))


@pytest.mark.parametrize("shares", [[], [0.0], [-1.0, 2.0], [math.nan], [math.inf]])
def test_shares_that_cannot_be_weights_are_refused(shares: list[float]) -> None:
    with pytest.raises(InputError):
        to_basis_points(shares)
