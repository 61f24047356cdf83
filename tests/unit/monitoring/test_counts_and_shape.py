"""Observed over expected, slope and AUC against other ways to compute them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from churnbench.domain.errors import InputError
from churnbench.metrics import AccountBootstrap
from churnbench.metrics.discrimination import auc
from churnbench.monitoring.rates import Count, compared, counted, poisson_limits
from churnbench.monitoring.shape import Figure, auc_of, clustered_auc, shape, slope_of


def count(observed: int, expected: float) -> Count:
    ratio = observed / expected if expected else None
    return Count(observed, expected, 1.0, ratio, 0.0, 9.0)


@pytest.mark.parametrize(("new", "before"), [(78, 150), (0, 40), (25, 100), (5, 0)])
def test_the_comparison_is_the_binomial_test_given_the_sum(new, before):
    found = compared(count(new, 30.0), count(before, 90.0), level=0.9)
    exact = stats.binomtest(new, new + before, 0.25, alternative="greater").pvalue
    less = stats.binomtest(new, new + before, 0.25, alternative="less").pvalue
    chance = stats.binom.pmf(new, new + before, 0.25)
    assert found.p_rise == pytest.approx(exact - chance / 2)
    assert found.p_fall == pytest.approx(less - chance / 2)
    limits = stats.binomtest(new, new + before, 0.25).proportion_ci(0.9)
    assert found.low == pytest.approx(3 * limits.low / (1 - limits.low))
    if limits.high < 1:
        assert found.high == pytest.approx(3 * limits.high / (1 - limits.high))
    else:
        assert found.high is None


def test_a_rise_is_found_less_surely_when_the_past_holds_few_events():
    much = compared(count(78, 52.0), count(400, 400.0))
    little = compared(count(78, 52.0), count(40, 40.0))
    assert much.p_rise < 0.005 < little.p_rise


def test_stable_counts_raise_alarms_as_often_as_the_level_says():
    rng = np.random.default_rng(1)
    hits = [
        compared(count(int(new), 50.0), count(int(old), 140.0)).p_rise < 0.04
        for new, old in zip(rng.poisson(50, 4000), rng.poisson(140, 4000), strict=True)
    ]
    assert 0.025 < np.mean(hits) < 0.05


def test_nothing_expected_gives_no_ratio_and_no_alarm():
    assert compared(count(3, 0.0), count(10, 10.0)).p_rise == 1.0
    assert compared(count(0, 5.0), count(0, 5.0)).ratio is None
    assert counted(pd.DataFrame({"event": [], "expected": [], "days": []})).ratio is None


def test_poisson_limits_cover_and_refuse_negative_counts():
    low, high = poisson_limits(7, level=0.9)
    assert stats.poisson.sf(6, low) == pytest.approx(0.05)
    assert stats.poisson.cdf(7, high) == pytest.approx(0.05)
    with pytest.raises(InputError):
        poisson_limits(-1)


def made_rows(seed: int, slope: float = 1.0, accounts: int = 1500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = rng.normal(-3.0, 1.0, accounts)
    p = 1 / (1 + np.exp(-index))
    y = rng.random(accounts) < 1 / (1 + np.exp(-(slope * (index + 3.0) - 3.0)))
    return pd.DataFrame({"account_id": [f"a{k}" for k in range(accounts)], "p": p, "expected": p, "event": y * 1.0})


def test_auc_is_that_of_the_measure_and_its_error_that_of_resampled_accounts():
    rows = made_rows(3)
    rows = pd.concat([rows, rows.assign(event=0.0, p=rows["p"] * 0.9)], ignore_index=True)  # every account twice
    value, error = clustered_auc(*(rows[name].to_numpy() for name in ("event", "p", "account_id")))
    assert value == pytest.approx(auc(rows["event"], rows["p"]))
    bootstrap = AccountBootstrap(rows["account_id"].to_numpy(), replicates=300, seed=0)
    codes = bootstrap.row_codes(None, len(rows))
    drawn = [
        auc(rows["event"], rows["p"], weights=one[codes])
        for _, part in bootstrap.chunks(50)
        for one in part.astype(float)
    ]
    assert error == pytest.approx(np.std(drawn), rel=0.2)


def test_the_slope_of_probabilities_too_extreme_lies_below_one():
    right, extreme = slope_of(made_rows(1, accounts=8000)), slope_of(made_rows(1, slope=0.4, accounts=8000))
    assert right.value == pytest.approx(1.0, abs=0.15)
    assert extreme.value == pytest.approx(0.4, abs=0.15)
    assert shape(extreme, right).p < 0.001
    assert shape(extreme, right).fell


def test_few_events_give_no_figure_and_no_test():
    rows = made_rows(2).assign(event=0.0)
    assert auc_of(rows).value is None
    assert slope_of(rows).as_json() == {"value": None, "ci90": None, "events": 0}
    assert shape(Figure(None, None, 0), auc_of(made_rows(2))).p is None
