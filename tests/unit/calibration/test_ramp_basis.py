"""Ramps: the hand formula is one point of the space, and a fitted point is again a formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from small_books import linear_book, plain_spec

from churnbench.calibration import AnchoredRefit, Settings, Training
from churnbench.calibration.basis import learn_basis, segment_count
from churnbench.calibration.derivations import derive_anchored, formula_curves
from churnbench.calibration.hand_curve import HandCurve
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser
from churnbench.formula import score_frame


def _mixed() -> tuple[pd.DataFrame, FormulaSpec]:
    """Every kind of normaliser, all cells filled."""
    frame = linear_book({"ramp": 1.0, "falling": -0.5, "bent": 0.3, "default": 0.2}, accounts=150, seed=3)
    rng = np.random.default_rng(0)
    frame["flag"] = (rng.random(len(frame)) < 0.3).astype(float)
    frame["plan"] = rng.choice(["basic", "pro", "old pro", "top"], len(frame))
    frame["used"], frame["seats"] = rng.integers(0, 60, len(frame)).astype(float), rng.integers(1, 50, len(frame)) * 1.0
    frame["since"] = rng.integers(0, 120, len(frame)).astype(float)
    kinds = {
        "ramp": Normaliser("ramp", {"low": 20, "high": 80}),
        "falling": Normaliser("ramp", {"low": 10, "high": 90}),
        "bent": Normaliser("piecewise", {"points": [[10, 0], [40, 100], [60, 100], [90, 20]]}),
        "default": Normaliser("quantile", {}),
        "flag": Normaliser("boolean", {}),
        "plan": Normaliser("category", {"map": {"basic": 10, "pro": 60, "old pro": 60, "top": 100}}),
        "used": Normaliser("ratio", {"denominator": "seats", "cap": 1.2}),
        "since": Normaliser("recency", {"fresh": 14, "stale": 90}),
    }
    metrics = tuple(
        MetricSpec(
            name,
            "one" if number % 2 else "two",
            10.0 + number,
            direction="lower_is_healthier" if name in ("falling", "flag") else "higher_is_healthier",
            normalise=kind,
        )
        for number, (name, kind) in enumerate(kinds.items())
    )
    return frame, FormulaSpec((DimensionSpec("one", 60), DimensionSpec("two", 40)), metrics)


def test_the_hand_formula_of_every_kind_of_rule_is_reproduced_exactly_on_complete_rows() -> None:
    frame, spec = _mixed()
    training = Training(frame, spec, tuple(m.id for m in spec.metrics), True, Settings())
    basis = learn_basis(frame, training.hand_curves, 6)
    slope = -0.07
    index = basis.design(frame) @ basis.hand_coefficients(training.hand_shares, slope)
    hand = score_frame(training.hand_body, frame)["raw_score"].to_numpy(dtype=float)
    # Ends beyond the 1st and 99th percentile are flat in the basis; the ratio is the only rule that reaches there.
    inside = np.ones(len(frame), dtype=bool)
    for ramps, curve in zip(basis.ramps, basis.hand, strict=True):
        x = curve.values(frame)
        inside &= (x >= ramps.knots[0]) & (x <= ramps.knots[-1]) | (np.ptp(curve.points_at(x)) == 0)
        outside = ~((x >= ramps.knots[0]) & (x <= ramps.knots[-1]))
        lost = np.abs(curve.points_at(x) - curve.points_at(np.clip(x, ramps.knots[0], ramps.knots[-1])))
        assert lost[outside].max(initial=0.0) <= 5.0
    assert inside.mean() > 0.8
    gap = (index - slope * hand)[inside]
    assert np.ptp(gap) < 1e-9


def test_coefficients_of_the_hand_formula_are_never_negative() -> None:
    frame, spec = _mixed()
    training = Training(frame, spec, tuple(m.id for m in spec.metrics), True, Settings())
    basis = learn_basis(frame, training.hand_curves, 6)
    assert (basis.hand_coefficients(training.hand_shares, -0.05) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 12), st.sampled_from(["uniform", "counts", "heavy", "constant"]))
def test_ramps_run_from_zero_to_one_and_add_up_to_the_clipped_position(seed: int, segments: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    drawn = {
        "uniform": rng.uniform(0, 100, 300),
        "counts": rng.poisson(3, 300) * 1.0,
        "heavy": np.exp(rng.normal(0, 3, 300)),
        "constant": np.full(300, 7.0),
    }[kind]
    frame = pd.DataFrame({"m": drawn, "account_id": [f"a{n}" for n in range(300)], "y": (rng.random(300) < 0.1) * 1.0})
    rule = {"id": "m", "input": "m", "rule": {"kind": "piecewise", "points": [[20, 0], [70, 100]], "slopes": [2]}}
    curve = HandCurve.of(rule, higher_is_healthier=True)
    basis = learn_basis(frame, (curve,), segments)
    knots = basis.ramps[0].knots
    assert (np.diff(knots) > 0).all()
    design = basis.design(frame)
    assert design.shape == (300, len(knots) - 1)
    assert ((design <= 0) & (design >= -1)).all()  # more is healthier: a ramp lowers the risk
    position = np.interp(drawn, knots, knots)
    assert np.allclose(-design @ np.diff(knots), position - knots[0])


def test_segments_grow_with_the_data() -> None:
    assert [segment_count(*size) for size in ((499, 900), (500, 499), (500, 500), (10_000, 10))] == [4, 6, 12, 6]


def test_a_missing_value_has_a_column_of_its_own_only_with_accounts_and_events_enough() -> None:
    frame = linear_book({"m": 1.0}, accounts=60, months=2)
    curve = (
        HandCurve.of(
            {"id": "m", "input": "m", "rule": {"kind": "piecewise", "points": [[0, 0], [100, 100]], "slopes": [1]}},
            higher_is_healthier=True,
        ),
    )
    ids = sorted(frame["account_id"].unique())

    def carries(accounts: int, events: int) -> bool:
        holed = frame.copy()
        absent = holed["account_id"].isin(ids[:accounts])
        holed.loc[absent, "m"] = np.nan
        holed["y"] = holed["account_id"].isin(ids[:events]).astype(float)
        return learn_basis(holed, curve, 4).ramps[0].missing

    assert carries(30, 5)
    assert not carries(29, 5)
    assert not carries(30, 4)


def test_missing_cells_take_the_indicator_or_the_mean_ramps() -> None:
    frame = linear_book({"m": 1.0, "n": 1.0}, accounts=80, months=4, missing=0.0)
    frame.loc[frame.index[: len(frame) // 2], "m"] = np.nan
    frame.loc[frame.index[0], "n"] = np.nan
    spec = plain_spec({"m": 50, "n": 50})
    training = Training(frame, spec, ("m", "n"), True, Settings())
    basis = learn_basis(frame, training.hand_curves, 4)
    m, n = basis.ramps
    assert m.missing
    assert not n.missing
    design = basis.design(frame)
    assert (design[0, m.ramp_columns] == 0).all()
    assert design[0, m.missing_column] == 1.0
    assert design[-1, m.missing_column] == 0.0
    present = frame["n"].notna().to_numpy()
    assert np.allclose(design[0, n.ramp_columns], design[present][:, n.ramp_columns].mean(axis=0))


def test_an_additive_fit_and_its_exported_formula_rank_alike_and_lie_on_one_line() -> None:
    effects = {"m0": 1.5, "m1": 1.0, "m2": 0.5, "m3": 0.0, "m4": -1.0, "m5": 0.0}
    frame = linear_book(effects, bent={"m5": 3.0})
    training = Training(frame, plain_spec(dict.fromkeys(effects, 1.0)), tuple(effects), True, Settings())
    refit = AnchoredRefit(training)
    fit = refit.fit()
    derived = derive_anchored(training)
    raw = score_frame(derived.body, frame)["raw_score"].to_numpy(dtype=float)
    index = fit.log_odds(frame)
    _, spread = formula_curves(training, fit)
    off = raw + 100 * index / spread
    # Knots keep six digits, points two decimals, weights four: together a few hundredths of a point.
    assert np.ptp(off) < 0.05
    assert spearmanr(raw, -index).statistic > 0.99999


def test_a_learned_value_for_missing_is_exported_and_ranks_as_fitted() -> None:
    effects = {"m0": 1.5, "m1": 1.0, "m2": 1.0, "m3": 1.0}
    frame = linear_book(effects, accounts=400, seed=5)
    rng = np.random.default_rng(1)
    risky = rng.random(len(frame)) < np.where(frame["y"] == 1, 0.7, 0.1)
    frame.loc[risky, "m1"] = np.nan
    training = Training(frame, plain_spec(dict.fromkeys(effects, 1.0)), tuple(effects), True, Settings())
    fit = AnchoredRefit(training).fit()
    derived = derive_anchored(training)
    exported = next(metric for metric in derived.body["metrics"] if metric["id"] == "m1")
    assert exported["missing"] == "neutral"
    assert exported["neutral"] < 30  # missing means risk here
    raw = score_frame(derived.body, frame)["raw_score"].to_numpy(dtype=float)
    _, spread = formula_curves(training, fit)
    assert np.ptp(raw + 100 * fit.log_odds(frame) / spread) < 0.05


@pytest.mark.parametrize("column", ["constant", "empty"])
def test_a_metric_without_information_takes_no_weight_from_the_others(column: str) -> None:
    frame = linear_book({"m0": 1.5, "m1": 1.0}, seed=2)
    frame["dull"] = 42.0 if column == "constant" else np.nan
    spec = plain_spec({"m0": 40, "m1": 40, "dull": 20})
    training = Training(frame, spec, ("m0", "m1", "dull"), True, Settings())
    derived = derive_anchored(training)
    assert derived.shares["m0"] > derived.shares["m1"] > 0.1
    raw = score_frame(derived.body, frame)["raw_score"].to_numpy(dtype=float)
    assert np.isfinite(raw).all()
    assert spearmanr(raw, frame["m0"]).statistic > 0.5
