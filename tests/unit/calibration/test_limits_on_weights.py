"""Limits hold in what is exported, and limits that cannot hold are refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_books import linear_book, plain_spec

from churnbench.calibration import Limits, Settings, Training, prices
from churnbench.calibration.derivations import derive_anchored
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec, Normaliser
from churnbench.formula import effective_points

EFFECTS = {"m0": 1.5, "m1": 1.0, "m2": 0.5, "m3": 0.0, "m4": -1.0, "m5": 0.0}
DIMENSION = {"m0": "a", "m1": "a", "m2": "a", "m3": "b", "m4": "b", "m5": "b"}
#: Shares are rounded to basis points on two levels; in points of 100 that is one or two hundredths.
ROUNDING = 0.03


@pytest.fixture(scope="module")
def book() -> pd.DataFrame:
    return linear_book(EFFECTS, bent={"m5": 3.0}, accounts=250)


def _spec(**changed: object) -> FormulaSpec:
    return plain_spec(dict.fromkeys(EFFECTS, 10.0), dimension_of=DIMENSION, leading=("m0", "m3"), **changed)  # type: ignore[arg-type]


def _exported(book: pd.DataFrame, limits: Limits, shapes: str, spec: FormulaSpec | None = None) -> dict[str, float]:
    settings = Settings(limits=limits, shapes=shapes)
    derived = derive_anchored(Training(book, spec or _spec(), tuple(EFFECTS), True, settings))
    assert derived.refit is not None
    found = effective_points(derived.body)
    return {metric: found.get(metric, 0.0) for metric in EFFECTS}


@pytest.mark.parametrize("shapes", ["declared", "audited", "free"])
@pytest.mark.parametrize("most", [0.18, 0.25])
def test_no_metric_exceeds_the_largest_share(book: pd.DataFrame, shapes: str, most: float) -> None:
    unlimited = _exported(book, Limits(), shapes)
    assert max(unlimited.values()) > 100 * most + 1  # otherwise the limit would have nothing to do
    limited = _exported(book, Limits(max_metric_share=most), shapes)
    assert max(limited.values()) <= 100 * most + ROUNDING


@pytest.mark.parametrize("shapes", ["declared", "audited", "free"])
def test_dimensions_stay_between_their_smallest_and_largest_share(book: pd.DataFrame, shapes: str) -> None:
    limited = _exported(book, Limits(dimension_share=(0.48, 0.52)), shapes)
    for dimension in "ab":
        share = sum(limited[m] for m in EFFECTS if DIMENSION[m] == dimension)
        assert 48 - ROUNDING <= share <= 52 + ROUNDING


@pytest.mark.parametrize("shapes", ["declared", "audited", "free"])
@pytest.mark.parametrize("reach", [3.0, 8.0])
def test_no_metric_and_no_dimension_moves_further_than_allowed(book: pd.DataFrame, shapes: str, reach: float) -> None:
    limited = _exported(book, Limits(max_move_points=reach), shapes)
    for metric in EFFECTS:
        assert abs(limited[metric] - 100 / 6) <= reach + ROUNDING
    assert abs(sum(limited[m] for m in EFFECTS if DIMENSION[m] == "a") - 50) <= reach + ROUNDING


@pytest.mark.parametrize("shapes", ["declared", "audited", "free"])
def test_leading_metrics_carry_the_share_that_is_asked(book: pd.DataFrame, shapes: str) -> None:
    limited = _exported(book, Limits(leading_share=(0.70, 0.80)), shapes)
    assert 70 - ROUNDING <= limited["m0"] + limited["m3"] <= 80 + ROUNDING


@pytest.mark.parametrize("shapes", ["declared", "audited"])
def test_limits_hold_for_a_hand_curve_that_rises_and_falls(book: pd.DataFrame, shapes: str) -> None:
    hump = Normaliser("piecewise", {"points": [[0, 0], [50, 100], [100, 0]]})
    plain = Normaliser("ramp", {"low": 0.0, "high": 100.0})
    spec = _spec(normalisers={**dict.fromkeys(EFFECTS, plain), "m5": hump})
    assert _exported(book, Limits(), shapes, spec)["m5"] > 20
    limited = _exported(book, Limits(max_metric_share=0.18), shapes, spec)
    assert max(limited.values()) <= 18 + ROUNDING


def test_limits_hold_with_learned_values_for_missing_cells(book: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    holed = book.copy()
    holed.loc[rng.random(len(book)) < np.where(book["y"] == 1, 0.6, 0.1), "m3"] = np.nan
    for shapes in ("declared", "free"):
        limited = _exported(holed, Limits(max_metric_share=0.20), shapes)
        assert max(limited.values()) <= 20 + ROUNDING


def test_a_limit_that_does_not_bind_changes_nothing(book: pd.DataFrame) -> None:
    loose = _exported(book, Limits(max_metric_share=0.9, dimension_share=(0.01, 0.99)), "declared")
    none = _exported(book, Limits(), "declared")
    assert loose == pytest.approx(none, abs=0.1)


@pytest.mark.parametrize(
    ("limits", "named", "silent"),
    [
        (Limits(max_metric_share=0.15), ["max_metric_share"], ["dimension_share", "leading_share"]),
        (Limits(dimension_share=(0.6, 0.9)), ["dimension_share"], ["max_metric_share"]),
        (
            Limits(max_metric_share=0.25, leading_share=(0.7, 0.8), dimension_share=(0.1, 0.9)),
            ["max_metric_share", "leading_share"],
            ["dimension_share"],
        ),
        (Limits(max_move_points=5, leading_share=(0.7, 0.8)), ["max_move_points", "leading_share"], []),
    ],
)
def test_limits_that_cannot_hold_together_are_refused_by_name(
    book: pd.DataFrame, limits: Limits, named: list[str], silent: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        _exported(book, limits, "declared")
    text = str(caught.value)
    assert all(f"calibration.{name}" in text for name in named)
    assert not any(f"calibration.{name}" in text for name in silent)
    assert "churnbench.toml" in text


def test_leading_share_without_leading_metrics_says_what_is_missing(book: pd.DataFrame) -> None:
    spec = plain_spec(dict.fromkeys(EFFECTS, 10.0), dimension_of=DIMENSION)
    with pytest.raises(InputError, match="0 are declared leading = true"):
        _exported(book, Limits(leading_share=(0.7, 0.8)), "declared", spec)


def test_leading_share_of_metrics_that_are_all_leading_says_so(book: pd.DataFrame) -> None:
    spec = plain_spec(dict.fromkeys(EFFECTS, 10.0), dimension_of=DIMENSION)
    spec = replace(spec, metrics=tuple(replace(metric, leading=True) for metric in spec.metrics))
    with pytest.raises(InputError, match="all metrics are declared leading = true"):
        _exported(book, Limits(leading_share=(0.7, 0.8)), "declared", spec)


def test_each_limit_and_each_other_shape_has_a_price(book: pd.DataFrame) -> None:
    settings = Settings(limits=Limits(leading_share=(0.75, 0.80), max_metric_share=0.6), shapes="audited")
    training = Training(book, _spec(), tuple(EFFECTS), True, settings)
    derived = derive_anchored(training)
    assert derived.refit is not None
    found = {price.id: price for price in prices(training, derived)}
    shapes = ["shapes: audited against declared", "shapes: audited against free"]
    assert set(found) == {*shapes, "leading_share", "max_metric_share"}
    # Forcing three quarters of the weight onto one good and one empty metric must cost accuracy.
    assert found["leading_share"].auc > 0.005
    assert found["leading_share"].log_loss > 0.001
    assert found["leading_share"].auc > found["max_metric_share"].auc
    # Declared shapes know neither the U of m5 nor the wrong sign of m4: going back to them costs accuracy.
    assert found["shapes: audited against declared"].auc < -0.005
