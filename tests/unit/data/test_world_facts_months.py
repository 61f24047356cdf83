"""Facts fall into exactly the windows that a snapshot looks at, and counts add up to trailing sums."""

import numpy as np
import pandas as pd
import pytest

from churnbench.data.world_chunk import draw_chunk
from churnbench.data.world_facts_months import (
    LAST_28,
    MIDDLE,
    account_months,
    days_in_month,
    expand,
    followed_counts,
    later,
    moments,
    monthly_counts,
    spread_evenly,
)
from churnbench.data.world_settings import RUN_IN, WorldSettings

MONTH_ENDS = pd.date_range("1999-12-31", "2032-12-31", freq="ME")


@pytest.fixture(scope="module")
def chunk():
    return draw_chunk(WorldSettings(accounts=80, months=8, seed=11, base_rate=0.1), 0)


@pytest.mark.parametrize(
    ("within", "window_days", "months"),
    [(LAST_28, 28, 1), (MIDDLE, 30, 1), (MIDDLE, 90, 3), (MIDDLE, 180, 6), (MIDDLE, 365, 12), (MIDDLE, 730, 24)],
)
def test_a_window_at_any_month_end_holds_whole_months_of_facts_and_no_day_of_another(within, window_days, months):
    for number in range(months, len(MONTH_ENDS)):
        as_of = MONTH_ENDS[number]
        for back in range(min(months + 2, number + 1)):
            end = MONTH_ENDS[number - back]
            days = pd.date_range(end - pd.Timedelta(days=within[0]), end - pd.Timedelta(days=within[1]))
            seen = (days > as_of - pd.Timedelta(days=window_days)) & (days <= as_of)
            assert seen.all() if back < months else not seen.any(), (as_of, end)


@pytest.mark.parametrize("months", [1, 3, 6, 24])
def test_counts_are_recovered_exactly_from_their_trailing_sums(months):
    true = np.random.default_rng(1).poisson(0.8, (40, 30))
    trailing = np.stack([np.convolve(row, np.ones(months))[:30] for row in true])
    np.testing.assert_array_equal(monthly_counts(trailing, months), true)


def test_a_trailing_sum_that_falls_too_fast_adds_no_event_and_is_met_again_afterwards():
    counts = monthly_counts(np.array([[2.0, 4.0, 0.0, np.nan, 5.0, 5.0]]), 3)
    assert counts.tolist() == [[2, 2, 0, 0, 5, 0]]


def test_followed_counts_reach_a_slow_level_and_never_fall_below_the_least():
    months = np.arange(40)
    level = np.stack([9 + 3 * np.sin(months / 8), np.full(40, 6.0), np.zeros(40)])
    least = np.ones(level.shape, dtype=np.int64)
    counts = followed_counts(level, 3, least)
    assert (counts >= 1).all()
    trailing = counts[:, 2:] + counts[:, 1:-1] + counts[:, :-2]
    np.testing.assert_allclose(trailing[0], level[0, 2:], atol=1.5)
    assert (trailing[1] == 6).all()
    assert (trailing[2] == 3).all()
    assert counts[1].max() == 2, "the first window is filled evenly"


def test_an_even_split_keeps_every_total_and_differs_by_at_most_one():
    rng = np.random.default_rng(2)
    counts, totals = rng.integers(0, 9, 50), rng.integers(0, 40, 50)
    owner, place = expand(counts)
    parts = spread_evenly(totals, counts, owner, place)
    sums = np.bincount(owner, weights=parts, minlength=50)
    np.testing.assert_array_equal(sums[counts > 0], totals[counts > 0])
    shares = pd.Series(parts).groupby(owner).agg(["min", "max"])
    assert (shares["max"] - shares["min"] <= 1).all()


def test_account_months_are_those_with_a_day_under_contract(chunk):
    row, month = account_months(chunk, 3)
    told = set(zip(row.tolist(), month.tolist(), strict=True))
    expected = set()
    for number in range(RUN_IN - 3, len(chunk.days)):
        first, last = chunk.days[number - 1] + 1, chunk.days[number]
        for account, (start, end) in enumerate(zip(chunk.started, chunk.ended, strict=True)):
            if start <= last and (np.isnat(end) or end - 1 >= first):
                expected.add((account, number))
    assert told == expected
    assert len(told) < len(chunk.book) * (len(chunk.days) - RUN_IN + 3), "some account starts or leaves"


def test_days_lie_inside_their_month_and_not_before_the_contract(chunk):
    row, month = account_months(chunk, 5)
    days = days_in_month(chunk, row, month, np.random.default_rng(0), within=MIDDLE)
    assert (days >= chunk.started[row]).all()
    assert (days <= chunk.days[month]).all()
    assert (days > chunk.days[month - 1]).all()
    whole = chunk.started[row] <= chunk.days[month] - 26
    assert set((chunk.days[month] - days).astype(int)[whole]) == set(range(3, 27))


def test_moments_fall_into_the_working_day_and_delays_into_their_limits():
    days = np.full(5000, np.datetime64("2024-02-29", "D"))
    at = moments(days, np.random.default_rng(0))
    hours = (at - days.astype("datetime64[s]")).astype(int) / 3600
    assert hours.min() >= 7
    assert hours.max() < 19
    delay = (later(at, np.random.default_rng(1), 5.0, 30.0) - at).astype(int) / 86_400
    assert 5.0 <= delay.min() < 5.1
    assert 29.9 < delay.max() <= 30.0
