"""The vectorised formula and the scorer give the same doubles and integers, row for row."""

from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formula_worlds import assemble, knots_of, random_body, random_row
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.formula import frame as frame_module
from churnbench.formula import metric_values, score_frame, validate_body
from churnbench_scorer import Score, Scorer


def as_frame(rows: list[dict[str, Any]], kinds: dict[str, str]) -> pd.DataFrame:
    columns = {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in kinds}
    return pd.DataFrame(columns).set_axis([f"r{k}" for k in range(len(rows))])


def same(expected: float | None, found: object) -> bool:
    return bool(pd.isna(found)) if expected is None else expected == found


def assert_same_row(expected: Score, found: pd.Series) -> None:
    assert same(expected.raw_score, found["raw_score"])
    assert same(expected.raw_score_x100, found["raw_score_x100"])
    assert same(expected.health_score_x100, found["health_score_x100"])
    assert expected.band == found["band"]
    assert expected.coverage_bp == found["coverage_bp"]
    assert same(expected.churn_probability, found["churn_probability"])
    for name, value in expected.dimension_scores.items():
        assert same(value, found[f"{name}_score"])
    for name, gained, lost in expected.contributions:
        assert (gained, lost) == (found[f"{name}_gained_x100"], found[f"{name}_lost_x100"])


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([3, 7, 100]))
def test_every_row_of_every_random_formula_is_exactly_the_scorers(seed: int, chunk: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    kinds = validate_body(body)
    scorer = Scorer(assemble(body))
    rows = [random_row(rng, kinds, knots_of(body)) for _ in range(12)]
    frame = as_frame(rows, kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame_module, "CHUNK", chunk)
        scored = score_frame(body, frame, contributions=True)
    assert list(scored.index) == list(frame.index)
    for row, (_, found) in zip(rows, scored.iterrows(), strict=True):
        assert_same_row(scorer.score(row), found)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_metric_values_are_the_scorers_points_wherever_no_policy_steps_in(seed: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    for metric in body["metrics"]:
        metric["missing"] = "skip"
    kinds = validate_body(body)
    scorer = Scorer(assemble(body))
    rows = [random_row(rng, kinds, knots_of(body)) for _ in range(8)]
    values = metric_values(body, as_frame(rows, kinds))
    assert list(values) == [metric["id"] for metric in body["metrics"]]
    for row, (_, found) in zip(rows, values.iterrows(), strict=True):
        for name, points in scorer.score(row).metric_points.items():
            assert same(points, found[name])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_the_order_of_rows_and_the_presence_of_others_change_no_score(seed: int) -> None:
    rng = Random(seed)
    body = random_body(rng)
    kinds = validate_body(body)
    frame = as_frame([random_row(rng, kinds, knots_of(body)) for _ in range(12)], kinds)
    whole = score_frame(body, frame)
    turned = score_frame(body, frame.iloc[::-1])
    pd.testing.assert_frame_equal(turned.iloc[::-1], whole)
    pd.testing.assert_frame_equal(score_frame(body, frame.iloc[3:5]), whole.iloc[3:5])


def test_an_empty_frame_scores_to_an_empty_frame_with_the_same_columns_and_types() -> None:
    body = random_body(Random(1))
    kinds = validate_body(body)
    rng = Random(2)
    some = score_frame(body, as_frame([random_row(rng, kinds, {}) for _ in range(3)], kinds), contributions=True)
    none = score_frame(body, as_frame([], kinds), contributions=True)
    assert len(none) == 0
    assert list(none.columns) == list(some.columns)
    assert list(none.dtypes) == list(some.dtypes)
    assert np.issubdtype(none["coverage_bp"].dtype, np.integer)
