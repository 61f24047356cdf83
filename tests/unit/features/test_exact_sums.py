"""Sums are the correctly rounded ones, as math.fsum gives them."""

from __future__ import annotations

import math
from fractions import Fraction

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.features.exact import nearest_double, scale_for


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda x: round(x, 6)), min_size=1, max_size=30))
def test_a_scaled_sum_is_the_nearest_double_to_the_true_sum(values: list[float]) -> None:
    scale = scale_for(max(map(abs, values)), len(values), whole=all(v.is_integer() for v in values))
    rows = ", ".join(f"(CAST('{value!r}' AS DOUBLE))" for value in values)
    total = scale.restored(f"sum({scale.scaled('v')})")
    found = duckdb.execute(f"SELECT {total} FROM (VALUES {rows}) t(v)").fetchall()
    assert found[0][0] == math.fsum(values)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.integers(-(2**125), 2**125), st.integers(0, 125).map(lambda n: 2**n + 2 ** max(0, n - 53))))
def test_a_128_bit_integer_becomes_its_nearest_double(whole: int) -> None:
    total = f"CAST('{whole}' AS HUGEINT)"
    found = duckdb.execute(f"SELECT {nearest_double(total)}").fetchall()[0][0]
    assert found == float(Fraction(whole))


@pytest.mark.parametrize(("largest", "whole", "exact"), [(5.0, True, True), (0.0, False, True), (0.5, False, False)])
def test_whole_numbers_are_added_as_they_are(largest: float, whole: bool, exact: bool) -> None:
    assert (scale_for(largest, 10, whole=whole).power is None) is exact
