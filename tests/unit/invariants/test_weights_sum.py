"""Invariant 5: shares of the score sum to one, and basis points to exactly 10000 on every level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import level_book, seeds, training_of, tried
from small_books import plain_spec

from churnbench.calibration import DERIVATIONS, AnchoredRefit, Limits, resample_weights
from churnbench.calibration.derivations import LEAST_SHARE, derive_anchored, formula_curves
from churnbench.domain.errors import InputError
from churnbench.domain.progress import Silent
from churnbench.formula import build_body, effective_points, to_basis_points, with_segments

#: Dimensions and metrics are rounded to a basis point each, and metrics below `LEAST_SHARE` are left out.
ROUNDED = 2e-4 + 4 * LEAST_SHARE


def _bad_sums(body: dict[str, Any]) -> list[str]:
    """Levels of a body whose weights do not sum to the whole, or are not above 0 where they must be."""
    profiles = [("default", body["segments"]["default"])]
    profiles += [(entry["segment"], entry["weights"]) for entry in body["segments"]["by"]]
    levels = [*((d["id"], d["weights"]) for d in body["dimensions"]), *profiles]
    bad = [
        f"{name} sums to {total}" for name, pairs in levels if (total := sum(weight for _, weight in pairs)) != 10000
    ]
    bad += [f"{d['id']} holds {name}" for d in body["dimensions"] for name, weight in d["weights"] if weight <= 0]
    points = sum(effective_points(body).values())
    return bad if points == pytest.approx(100.0, abs=1e-9) else [*bad, f"points sum to {points}"]


@tried(6)
@given(seeds, st.lists(st.floats(1, 1000), min_size=4, max_size=4))
def test_weights_of_every_derivation_sum_and_are_those_of_its_shares(seed: int, hand: list[float]) -> None:
    weights = {f"m{number}": weight for number, weight in enumerate(hand)}
    training = training_of(level_book(seed, missing=0.1), weights)
    for derive in DERIVATIONS.values():
        derived = derive(training)
        assert sum(derived.shares.values()) == pytest.approx(1.0, abs=1e-9)
        assert min(derived.shares.values()) >= 0.0
        assert _bad_sums(derived.body) == []
        points = effective_points(derived.body)
        for metric, share in derived.shares.items():
            assert points.get(metric, 0.0) / 100 == pytest.approx(share, abs=ROUNDED)


@tried(8)
@given(seeds, st.floats(0.3, 0.6), st.sampled_from([None, (0.2, 0.8)]), st.sampled_from([None, 5.0, 20.0]))
def test_limits_hold_in_the_weights_that_people_get_and_these_still_sum(
    seed: int, largest: float, dimension: tuple[float, float] | None, move: float | None
) -> None:
    # A limit on moves contradicts a limit on the largest metric unless the hand formula is within reach of both.
    limits = Limits(
        max_metric_share=max(largest, 0.4 if move else 0.0), dimension_share=dimension, max_move_points=move
    )
    training = training_of(level_book(seed), limits=limits)
    derived = derive_anchored(training)
    assert _bad_sums(derived.body) == []
    points = {metric: value / 100 for metric, value in effective_points(derived.body).items()}
    assert max(points.values()) <= (limits.max_metric_share or 1.0) + ROUNDED
    hand = dict(zip([curve.metric for curve in training.hand_curves], training.hand_shares, strict=True))
    if move is not None:
        assert max(abs(points.get(metric, 0.0) - hand[metric]) for metric in hand) <= move / 100 + ROUNDED
    if dimension is not None:
        even = sum(points.get(metric, 0.0) for metric in ("m0", "m2"))
        assert dimension[0] - ROUNDED <= even <= dimension[1] + ROUNDED


@tried(4)
@given(seeds)
def test_every_resample_of_the_weights_sums_too(seed: int) -> None:
    training = training_of(level_book(seed))
    fit = AnchoredRefit(training).fit()
    curves, _ = formula_curves(training, fit)
    spread = resample_weights(training, fit, Silent())
    assert spread is not None
    assert sum(curve.share for curve in curves) == pytest.approx(1.0)
    # Means of resamples sum to one exactly; their limits must at least embrace it.
    assert sum(low for low, _ in spread.metrics.values()) <= 1.0 <= sum(high for _, high in spread.metrics.values())
    low, high = spread.dimensions["even"]
    assert 1 - high == pytest.approx(spread.dimensions["odd"][0], abs=1e-9)
    assert 1 - low == pytest.approx(spread.dimensions["odd"][1], abs=1e-9)


shares = st.one_of(st.floats(0, 1e6), st.sampled_from([0.0, 5e-324, 1e-12, 1e300, 1e308]))


@tried(300)
@given(st.lists(shares, min_size=1, max_size=40))
def test_basis_points_sum_and_stay_within_one_of_what_they_stand_for(given_shares: list[float]) -> None:
    if not any(share > 0 for share in given_shares):
        with pytest.raises(InputError, match="all are zero"):
            to_basis_points(given_shares)
        return
    points = to_basis_points(given_shares)
    assert sum(points) == 10000
    assert min(points) >= 0
    largest = max(given_shares)
    exact = np.array([share / largest for share in given_shares])
    assert np.abs(np.array(points) - exact / exact.sum() * 10000).max() < 1.0 + 1e-9


@tried(40)
@given(
    st.lists(st.floats(0.001, 1000), min_size=1, max_size=9), st.lists(st.floats(0, 50), min_size=9, max_size=9), seeds
)
def test_a_hand_formula_s_weights_sum_on_every_level_whatever_was_typed(
    typed: list[float], by_segment: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = {f"m{number}": weight for number, weight in enumerate(typed)}
    spec = plain_spec(weights, dimension_of={metric: f"d{rng.integers(0, 3)}" for metric in weights})
    frame = level_book(0, accounts=3, months=2)[["m0"]]
    frame = frame.assign(**dict.fromkeys(weights, frame["m0"]))
    body = build_body(spec, frame)
    names = [dimension["id"] for dimension in body["dimensions"]]
    profile = dict(zip(names, by_segment, strict=False))
    if sum(profile.values()) > 0:
        body = with_segments(body, {"SMB": profile})
    assert _bad_sums(body) == []
