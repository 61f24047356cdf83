"""Invariant 2, fits and measures: the order in which rows, metrics and labels arrive changes no figure.

Sums of doubles taken in another order differ in their last digits, and Newton steps stop once the objective moves by
less than 1e-8, where a coefficient may be off by about its square root over the curvature. So figures that are plain
sums must agree to 1e-9, and shares of a fit to 1e-4: a hundredth of a point of 100.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from invariant_books import level_book, seeds, training_of, tried

from churnbench.calibration import AnchoredRefit
from churnbench.calibration.derivations import derive_anchored, derive_hand, formula_curves
from churnbench.calibration.thresholds import ScoredRows, capacity_cut, green_cut, red_cut, share_cut
from churnbench.metrics import AccountBootstrap, korn_graubard, paired_log_loss_difference, summarise
from churnbench.models import recalibrate

FIT = 1e-4


def _shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


@tried(6)
@given(seeds)
def test_an_anchored_fit_does_not_depend_on_the_order_of_its_rows(seed: int) -> None:
    frame = level_book(seed, missing=0.1)
    ours, theirs = training_of(frame), training_of(_shuffled(frame, seed))
    fits = [AnchoredRefit(training).fit() for training in (ours, theirs)]
    assert fits[0].prior_scale == fits[1].prior_scale
    assert fits[0].shapes == fits[1].shapes
    assert fits[0].log_odds(frame) == pytest.approx(fits[1].log_odds(frame), abs=20 * FIT)
    first, second = (
        {curve.id: curve.share for curve in formula_curves(training, fit)[0]}
        for training, fit in zip((ours, theirs), fits, strict=True)
    )
    assert first == pytest.approx(second, abs=FIT)


@tried(4)
@given(seeds)
def test_derived_weights_do_not_depend_on_the_order_in_which_the_formula_names_its_metrics(seed: int) -> None:
    frame = level_book(seed, missing=0.1)
    weights = {"m0": 40.0, "m1": 30.0, "m2": 20.0, "m3": 10.0}
    ours, theirs = training_of(frame, weights), training_of(frame, dict(reversed(weights.items())))
    for derive in (derive_hand, derive_anchored):
        first, second = derive(ours), derive(theirs)
        assert first.shares == pytest.approx(second.shares, abs=FIT)
        assert np.array_equal(first.rows, second.rows)
        assert first.raw_score == pytest.approx(second.raw_score, abs=0.05, nan_ok=True)


@tried(15)
@given(seeds)
def test_cut_offs_do_not_depend_on_the_order_of_rows_or_on_how_accounts_are_numbered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(200, 500))
    score = np.round(rng.uniform(0, 100, size), int(rng.integers(0, 3)))
    y = (rng.random(size) < np.exp(-score / 25)).astype(float)
    account, snapshot = rng.integers(0, 150, size), rng.integers(0, 6, size)
    order, numbered = rng.permutation(size), rng.permutation(150)
    ours = ScoredRows(score, y, account, snapshot)
    theirs = ScoredRows(score[order], y[order], numbered[account][order], snapshot[order])
    for cut in (
        lambda rows: green_cut(rows, risk=0.1, delta=0.1),
        lambda rows: red_cut(rows, risk=0.2, delta=0.1),
        lambda rows: capacity_cut(rows, 7),
        lambda rows: share_cut(rows, 0.3),
    ):
        first, second = cut(ours), cut(theirs)
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert (first.score, first.accounts, first.events) == (second.score, second.accounts, second.events)
            assert first.bound is None or first.bound == pytest.approx(second.bound, rel=1e-9)


@tried(10)
@given(seeds)
def test_measures_and_their_intervals_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 160
    account = rng.choice([f"a{number}" for number in range(50)], size)
    old, new = (np.round(rng.uniform(0.02, 0.98, size), 1 + int(rng.integers(0, 3))).clip(0.01, 0.99) for _ in range(2))
    y = (rng.random(size) < new).astype(float)
    order = rng.permutation(size)
    found = []
    for rows in (np.arange(size), order):
        bootstrap = AccountBootstrap(account[rows], replicates=60, seed=1)
        measures = summarise(y[rows], new[rows], bootstrap=bootstrap)
        measures["delta"] = paired_log_loss_difference(y[rows], old[rows], new[rows], bootstrap=bootstrap)
        measures["rate"] = korn_graubard(y[rows], account[rows])
        found.append({f"{k}.{end}": getattr(m, end) for k, m in measures.items() for end in ("value", "low", "high")})
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-12)


@tried(10)
@given(seeds)
def test_recalibration_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = rng.normal(size=120)
    y = (rng.random(120) < 1 / (1 + np.exp(-index))).astype(float)
    account, stratum = rng.integers(0, 40, 120), rng.choice(np.array(["renewal", "no-renewal"], dtype=object), 120)
    order = rng.permutation(120)
    first = recalibrate(index, y, account, stratum)
    second = recalibrate(index[order], y[order], account[order], stratum[order])
    assert first.probability(index, stratum) == pytest.approx(second.probability(index, stratum), abs=1e-9)
    assert first.fallback.interval(index)[0] == pytest.approx(second.fallback.interval(index)[0], abs=1e-9)
