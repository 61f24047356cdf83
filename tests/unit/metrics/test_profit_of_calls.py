"""What calls earn, with intervals: against plain loops over resampled books."""

from __future__ import annotations

import numpy as np
import pytest

from churnbench.metrics import AccountBootstrap
from churnbench.metrics.calls_profit import calls_profit, worthwhile_profit
from churnbench.metrics.decision import expected_profit


def book(seed: int, rows: int = 240) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """y, risk with ties, snapshot, account, profit with gaps."""
    drawn = np.random.default_rng(seed)
    account = drawn.integers(0, 60, rows).astype(str).astype(object)
    snapshot = drawn.integers(0, 3, rows).astype(str).astype(object)
    risk = np.round(drawn.uniform(0, 1, rows), 1)
    y = (drawn.uniform(0, 1, rows) < 0.2).astype(float)
    profit = np.where(y == 1, drawn.uniform(50, 500, rows), -30.0)
    profit[drawn.uniform(0, 1, rows) < 0.1] = np.nan
    return y, risk, snapshot, account, profit


def earned(risk: np.ndarray, snapshot: np.ndarray, weight: np.ndarray, profit: np.ndarray, k: int) -> float:
    """One weighted book, the slow way."""
    total = 0.0
    for name in set(snapshot):
        left, here = float(k), snapshot == name
        for level in sorted(set(risk[here]), reverse=True):
            tied = here & (risk == level)
            size = weight[tied].sum()
            part = 0.0 if size == 0 else min(1.0, max(0.0, left / size))
            total += part * float((weight * np.nan_to_num(profit))[tied].sum())
            left -= size
    return total / len(set(snapshot))


@pytest.mark.parametrize("k", [1, 7, 20, 1000])
def test_value_and_interval_are_those_of_ranking_every_resample_anew(k: int) -> None:
    y, risk, snapshot, account, profit = book(3)
    bootstrap = AccountBootstrap(account, replicates=60, seed=5)
    found = calls_profit(y, risk, snapshot, profit=profit, k=k, bootstrap=bootstrap)
    codes = bootstrap.row_codes(None, len(y))
    counts = np.vstack([part for _, part in bootstrap.chunks(50)])
    slow = [earned(risk, snapshot, drawn[codes].astype(float), profit, k) for drawn in counts]
    assert found.value == pytest.approx(earned(risk, snapshot, np.ones(len(y)), profit, k), abs=1e-9)
    assert [found.low, found.high] == pytest.approx(list(np.quantile(slow, [0.05, 0.95])), abs=1e-9)


def test_reading_the_riskiest_rows_alone_gives_what_reading_all_gives() -> None:
    drawn = np.random.default_rng(1)
    account = np.repeat(np.arange(900), 2).astype(str).astype(object)
    snapshot = np.tile(["a", "b"], 900).astype(object)
    risk, profit = np.round(drawn.uniform(0, 1, 1800), 3), drawn.normal(0, 100, 1800)
    bootstrap = AccountBootstrap(account, replicates=20, seed=0)
    found = calls_profit(np.zeros(1800), risk, snapshot, profit=profit, k=10, bootstrap=bootstrap)
    codes = bootstrap.row_codes(None, 1800)
    counts = np.vstack([part for _, part in bootstrap.chunks(50)])
    slow = [earned(risk, snapshot, drawn[codes].astype(float), profit, 10) for drawn in counts]
    assert [found.low, found.high] == pytest.approx(list(np.quantile(slow, [0.05, 0.95])), abs=1e-9)


def test_calling_all_whom_it_pays_to_call_is_the_expected_profit() -> None:
    drawn = np.random.default_rng(2)
    y, p = (drawn.uniform(0, 1, 300) < 0.2).astype(float), drawn.uniform(0, 1, 300)
    value = drawn.uniform(100, 9000, 300)
    account = drawn.integers(0, 80, 300).astype(str).astype(object)
    gain = 0.3 * value
    profit = np.where(y == 1, gain - 300, -300.0)
    found = worthwhile_profit(profit, p >= 300 / gain, bootstrap=AccountBootstrap(account, replicates=50, seed=0))
    assert found.value == pytest.approx(expected_profit(y, p, value=value, contact_cost=300, save_rate=0.3))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_without_a_known_value_nothing_is_claimed() -> None:
    bootstrap = AccountBootstrap(["a", "b"], replicates=5, seed=0)
    unknown = [np.nan, np.nan]
    assert calls_profit([0, 1], [0.1, 0.2], ["q", "q"], profit=unknown, k=1, bootstrap=bootstrap).value is None
    assert worthwhile_profit(unknown, [True, True], bootstrap=bootstrap).value is None
