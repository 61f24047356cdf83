"""Invariant 3: writing every row down twice is no new information, so intervals, cut-offs and weights stay.

What counts accounts stays exactly; what counts rows may move by as much as the sources of the method say:

- Korn and Graubard multiply the effective size by (t of rows - 1 / t of accounts - 1) squared. Twice the rows change
  the first quantile by `t(2 n - 1) / t(n - 1)`: at 60 rows the size falls by 1.5 %, and an interval grows by half of
  that. The effective size is also capped at the number of rows, which binds only where the accounts' rates differ by
  less than chance would make them; such books are left out.
- Platt's softened targets are worth one churned and one kept row, which count half as much beside twice the rows; the
  anchor's slope, and with it the pull on the weights, moves by about one part in the number of churned rows: .002.
- The refit's design effect is never taken below 1. Where chance made it .7 on the rows as they are, twice the rows
  show the .7, and the pull is that much weaker: up to .03 of a share.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from invariant_books import level_book, seeds, training_of, tried
from scipy import stats

from churnbench.calibration import AnchoredRefit
from churnbench.calibration.derivations import derive_anchored, derive_hand, formula_curves
from churnbench.calibration.penalised_fit import Problem, solve
from churnbench.calibration.thresholds import ScoredRows, capacity_cut, green_cut, share_cut
from churnbench.metrics import AccountBootstrap, clopper_pearson, korn_graubard, paired_log_loss_difference, summarise
from churnbench.metrics.rates import effective_size


def _answers(seed: int, accounts: int = 60, size: int = 180) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accounts, outcomes and probabilities; churn runs in accounts."""
    rng = np.random.default_rng(seed)
    account = np.sort(rng.integers(0, accounts, size))
    lean = rng.normal(size=accounts)[account]
    p = 1 / (1 + np.exp(-(lean + 0.5 * rng.normal(size=size) - 1)))
    y = (rng.random(size) < 1 / (1 + np.exp(-(2 * lean - 1)))).astype(float)
    return account, y, p


@tried(15)
@given(seeds)
def test_account_intervals_of_every_measure_stay_the_same(seed: int) -> None:
    account, y, p = _answers(seed)
    other = np.random.default_rng(seed + 1).uniform(0.05, 0.95, len(p))
    found = []
    for times in (1, 2):
        a, yy, pp, oo = (np.repeat(part, times) for part in (account, y, p, other))
        bootstrap = AccountBootstrap(a, replicates=80, seed=3)
        measures = summarise(yy, pp, bootstrap=bootstrap)
        measures["delta"] = paired_log_loss_difference(yy, oo, pp, bootstrap=bootstrap)
        found.append({f"{k}.{end}": getattr(m, end) for k, m in measures.items() for end in ("value", "low", "high")})
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-12)


@tried(40)
@given(seeds)
def test_a_rate_s_interval_moves_by_no_more_than_the_t_quantile_of_its_rows_does(seed: int) -> None:
    account, y, _ = _answers(seed)
    size = effective_size(y, account)
    assume(0 < y.mean() < 1 and size < len(y))
    assert effective_size(np.repeat(y, 2), np.repeat(account, 2)) == pytest.approx(size, rel=1e-12)
    once, twice = korn_graubard(y, account), korn_graubard(np.repeat(y, 2), np.repeat(account, 2))
    assert once.value == twice.value
    # The whole difference is a smaller effective size, by the ratio of the two quantiles squared.
    clusters = len(np.unique(account))
    reach = [stats.t.isf(0.05, len(y) * times - 1) / stats.t.isf(0.05, clusters - 1) for times in (1, 2)]
    for limits, factor in zip((once, twice), reach, strict=True):
        n = size * factor**2
        assert limits.low == pytest.approx(clopper_pearson(n * y.mean(), n).low, rel=1e-9)
        assert limits.high == pytest.approx(clopper_pearson(n * y.mean(), n).high, rel=1e-9)
    assert 0.98 < reach[1] / reach[0] <= 1.0
    for end in ("low", "high"):
        assert abs(getattr(once, end) - getattr(twice, end)) < 0.02 * (once.high - once.low)


@tried(25)
@given(seeds)
def test_cut_offs_stay_where_they_are_unless_their_bound_sits_on_the_promise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 400
    account, snapshot = np.arange(size) // 2, np.arange(size) % 2
    score = np.round(np.repeat(rng.uniform(0, 100, size // 2), 2) + rng.uniform(-5, 5, size)).clip(0, 100)
    # One chance per account: its rows are alike, so that the cap on the effective size does not bind.
    y = (np.repeat(rng.random(size // 2), 2) < np.exp(-score / 20)).astype(float)
    once = ScoredRows(score, y, account, snapshot)
    twice = ScoredRows(*(np.repeat(part, 2) for part in (score, y, account, snapshot)))
    first, second = (green_cut(rows, risk=0.12, delta=0.1) for rows in (once, twice))
    assert (first is None) == (second is None)
    if first is not None and second is not None and first.score != second.score:
        # Twice the rows can only widen a bound, by a few thousandths: the walk may stop one step earlier.
        assert second.score > first.score
        stopped = once.score >= second.score - 1
        bound = korn_graubard(once.y[stopped], once.account[stopped], level=0.9, side="upper").high
        assert bound is not None
        assert 0.118 < bound <= 0.12
    elif first is not None and second is not None:
        assert (first.accounts, first.events) == (second.accounts, second.events)
        assert first.bound == pytest.approx(second.bound, abs=0.005)
    assert share_cut(once, 0.3).score == pytest.approx(share_cut(twice, 0.3).score, abs=1.0)
    assert capacity_cut(once, 10).accounts >= capacity_cut(twice, 10).accounts


@tried(15)
@given(seeds)
def test_a_penalised_fit_is_exactly_the_same_on_rows_written_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    design = rng.uniform(0, 1, (60, 4))
    y = (rng.random(60) < 1 / (1 + np.exp(-(2 * design[:, 0] - 1)))).astype(float)
    anchor, penalty, bound = rng.uniform(0, 1, 4), 0.02 * np.eye(4), np.array([1.0, 1.0, -1.0, 0.0])

    def fitted(times: int) -> np.ndarray:
        rows, outcome = np.repeat(design, times, axis=0), np.repeat(y, times)
        return solve(Problem(rows, outcome, np.ones(len(rows)), anchor, penalty, bound)).coefficients

    assert fitted(1) == pytest.approx(fitted(2), abs=1e-7)


@tried(6)
@given(seeds)
def test_weights_of_the_anchored_refit_stay_where_the_rows_carry_the_same_information(seed: int) -> None:
    frame = level_book(seed, accounts=100, months=6)
    doubled = frame.loc[frame.index.repeat(2)].reset_index(drop=True)
    once, twice = training_of(frame), training_of(doubled)
    assert once.events == twice.events
    hand = derive_hand(once).shares
    assert hand == pytest.approx(derive_hand(twice).shares, abs=1e-12)
    fits = [AnchoredRefit(training).fit() for training in (once, twice)]
    first, second = (
        {curve.id: curve.share for curve in formula_curves(training, fit)[0]}
        for training, fit in zip((once, twice), fits, strict=True)
    )
    informative = [fit.prior.effective_rows for fit in fits]
    assert informative[1] / informative[0] < 1.6
    alike = informative[1] == pytest.approx(informative[0], rel=0.02)
    assert first == pytest.approx(second, abs=0.002 if alike else 0.03)
    assert max(abs(first[name] - hand[name]) for name in first) > 0.005


def test_the_same_account_under_one_name_is_no_new_account() -> None:
    frame = level_book(5)
    doubled = pd.concat([frame, frame], ignore_index=True)
    assert training_of(frame).tier == training_of(doubled).tier
    assert (
        derive_anchored(training_of(doubled)).notes["prior_scale"]
        == derive_anchored(training_of(frame)).notes["prior_scale"]
    )
