"""Cut-offs: promises are kept, capacity and cost are arithmetic, labels that promise nothing keep their share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from churnbench.calibration import settled_bands
from churnbench.calibration.thresholds import (
    ScoredRows,
    capacity_cut,
    default_risks,
    green_cut,
    least_accounts,
    red_cut,
    risk_cut,
    share_cut,
)

DELTA = 0.10


def _risk(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(1.5 - 0.07 * score)))


def _rows(accounts: int, seed: int, *, each: int = 3) -> ScoredRows:
    """Accounts with a score of their own and correlated outcomes over a few snapshots."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0, 100, accounts)
    score = np.clip(np.repeat(level, each) + rng.normal(0, 3, accounts * each), 0, 100)
    y = (rng.random(accounts * each) < _risk(score)).astype(float)
    return ScoredRows(score, y, np.repeat(np.arange(accounts), each), np.tile(np.arange(each), accounts))


def _true_rate(keep: np.ndarray, score: np.ndarray) -> float:
    return float(_risk(score[keep]).mean())


def test_promised_risks_are_broken_no_more_often_than_said() -> None:
    population = _rows(60_000, 999, each=1).score
    runs, green_broken, red_broken, green_made, red_made = 60, 0, 0, 0, 0
    for seed in range(runs):
        rows = _rows(600, seed)
        green = green_cut(rows, risk=0.05, delta=DELTA)
        if green is not None:
            green_made += 1
            green_broken += _true_rate(population >= green.score, population) > 0.05
        red = red_cut(rows, risk=0.50, delta=DELTA)
        if red is not None:
            red_made += 1
            red_broken += _true_rate(population < red.score, population) < 0.50
    allowed = DELTA + 2 * np.sqrt(DELTA * (1 - DELTA) / runs)
    assert green_broken / runs <= allowed
    assert red_broken / runs <= allowed
    assert green_made >= runs / 2
    assert red_made >= runs / 2


def test_the_bound_of_an_accepted_cut_keeps_its_promise_and_more_data_reach_further() -> None:
    small, large = (green_cut(_rows(size, 1), risk=0.05, delta=DELTA) for size in (500, 5000))
    assert small is not None
    assert large is not None
    for cut in (small, large):
        assert cut.guaranteed
        assert cut.bound <= 0.05
    assert large.score < small.score
    # The exact cut-off of this world: mean risk above it equals the promise.
    at = np.linspace(0, 100, 20_001)
    means = np.array([_risk(at[at >= c]).mean() for c in range(30, 80)])
    assert large.score >= 30 + int(np.argmax(means <= 0.05))


def test_green_stops_at_the_first_failure_even_if_a_lower_cut_would_pass_again() -> None:
    score = np.concatenate([np.full(400, 95.0), np.full(100, 70.0), np.full(4000, 50.0)])
    y = np.concatenate([np.zeros(400), np.ones(100), np.zeros(4000)])
    rows = ScoredRows(score, y, np.arange(len(y)), np.zeros(len(y), dtype=int))
    cut = green_cut(rows, risk=0.05, delta=DELTA)
    assert cut is not None
    assert cut.score == 71.0
    assert (cut.accounts, cut.events) == (400, 0)
    # One-sided bound with zero events, by its closed form.
    assert cut.bound == pytest.approx(1 - DELTA ** (1 / 400), rel=1e-6)


def test_green_is_never_claimed_on_fewer_accounts_than_the_walk_must_start_with() -> None:
    needed = least_accounts(0.05, DELTA)
    assert needed == int(np.ceil(3 * np.log(DELTA) / np.log(0.95)))
    for accounts, claimed in ((needed - 1, False), (needed, True)):
        zeros = np.zeros(accounts)
        rows = ScoredRows(np.full(accounts, 99.0), zeros, np.arange(accounts), zeros.astype(int))
        assert (green_cut(rows, risk=0.05, delta=DELTA) is not None) == claimed


def test_rows_of_one_account_are_not_many_accounts() -> None:
    rows = ScoredRows(np.full(5000, 99.0), np.zeros(5000), np.repeat(np.arange(20), 250), np.zeros(5000, dtype=int))
    assert green_cut(rows, risk=0.05, delta=DELTA) is None


def test_red_needs_accounts_and_churned_ones_and_its_bound_is_the_binomial_one() -> None:
    def rows(count: int, churned: int) -> ScoredRows:
        y = (np.arange(count) < churned).astype(float)
        return ScoredRows(np.full(count, 10.0), y, np.arange(count), np.zeros(count, dtype=int))

    assert red_cut(rows(29, 25), risk=0.25, delta=DELTA) is None
    assert red_cut(rows(60, 7), risk=0.01, delta=DELTA) is None
    assert red_cut(rows(60, 12), risk=0.25, delta=DELTA) is None
    cut = red_cut(rows(60, 30), risk=0.25, delta=DELTA)
    assert cut is not None
    assert cut.score == 99.0
    assert cut.bound == pytest.approx(stats.beta.ppf(DELTA, 30, 31), abs=0.002)


def test_capacity_marks_that_many_accounts_at_the_median_snapshot() -> None:
    rng = np.random.default_rng(0)
    score, snapshot = rng.uniform(0, 100, 600), np.repeat([0, 1, 2], 200)
    rows = ScoredRows(score, np.zeros(600), np.tile(np.arange(200), 3), snapshot)
    cut = capacity_cut(rows, 30)
    called = [int((score[snapshot == s] < cut.score).sum()) for s in range(3)]
    assert sorted(called)[1] == 30
    assert cut.promise is None
    assert not cut.guaranteed
    assert (score < capacity_cut(rows, 10_000).score).mean() > 0.98


def test_the_risk_cut_has_every_risky_row_below_it() -> None:
    rows = _rows(300, 5)
    p = _risk(rows.score)
    cut = risk_cut(rows, p, 0.3)
    assert np.array_equal(rows.score < cut.score, p >= 0.3)
    nobody = risk_cut(rows, p, 1.0)
    assert (nobody.score, nobody.accounts) == (0.0, 0)


@given(st.floats(-0.5, 1.5))
def test_a_label_without_promise_keeps_its_share(share: float) -> None:
    rows = _rows(200, 3)
    cut = share_cut(rows, share)
    assert (rows.score < cut.score).mean() == pytest.approx(min(max(share, 0), 1), abs=0.01)
    assert cut.promise is None


@given(st.floats(0.001, 0.6))
def test_default_risks_are_half_and_twice_the_odds(rate: float) -> None:
    green, red = default_risks(rate)
    assert green / (1 - green) == pytest.approx(rate / (1 - rate) / 2)
    assert red / (1 - red) == pytest.approx(2 * rate / (1 - rate))


@given(st.lists(st.sampled_from(["red", "yellow", "green"]), max_size=12), st.integers(1, 4))
def test_a_band_changes_only_after_that_many_equal_readings(bands: list[str], readings: int) -> None:
    shown = settled_bands(bands, readings)
    assert len(shown) == len(bands)
    for position in range(1, len(bands)):
        if shown[position] != shown[position - 1]:
            assert position + 1 >= readings
            assert set(bands[position - readings + 1 : position + 1]) == {shown[position]}
    if readings == 1:
        assert shown == bands


def test_a_reading_that_only_flickers_never_shows() -> None:
    assert settled_bands(["green", "red", "green", "red", "green"]) == ["green"] * 5
    assert settled_bands(["green", "red", "yellow", "yellow"], 2) == ["green", "green", "green", "yellow"]
