"""Invariant 6: old and new are treated alike, and more evidence for the new never hurts it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import seeds, tried

from churnbench.calibration import Guard, decide, null_log_loss
from churnbench.calibration.gate import MARGIN_SHARE, Decision
from churnbench.metrics import AccountBootstrap, Estimate, paired_log_loss_difference
from churnbench.metrics.summary import paired_difference

BASE = 0.06
MARGIN = MARGIN_SHARE * null_log_loss(BASE)
#: What each answer means for the new formula, worst first; equal and unsettled both leave the old one.
RANK = {"reject": 0, "not-enough-evidence": 1, "keep-equivalent": 1, "promote": 2}

margins = st.floats(-8, 8)
widths = st.floats(0, 8)


def _decision(value: float, below: float, above: float, events: int = 60, *guards: Guard) -> Decision:
    """The gate's answer; figures are in margins."""
    delta = Estimate(value * MARGIN, (value - below) * MARGIN, (value + above) * MARGIN)
    return decide(delta, base_rate=BASE, holdout_events=events, tier="full", guards=guards)


@tried(15)
@given(seeds)
def test_swapping_old_and_new_negates_the_difference_and_its_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    account = rng.integers(0, 40, 150)
    old, new = rng.uniform(0.02, 0.98, (2, 150))
    y = (rng.random(150) < (old + new) / 2).astype(float)
    bootstrap = AccountBootstrap(account, replicates=90, seed=2)
    for name in ("log_loss", "auc", "brier", "average_precision", "lift_at_10pct"):
        ours = paired_difference(name, y, old, new, bootstrap=bootstrap)
        theirs = paired_difference(name, y, new, old, bootstrap=bootstrap)
        assert ours.value == pytest.approx(-(theirs.value or 0.0), abs=1e-12)
        assert (ours.low, ours.high) == pytest.approx((-(theirs.high or 0.0), -(theirs.low or 0.0)), abs=1e-12)
    same = paired_log_loss_difference(y, old, old, bootstrap=bootstrap)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


@tried(300)
@given(margins, widths, widths, st.integers(0, 200))
def test_what_is_promoted_would_be_rejected_the_other_way_round(
    value: float, below: float, above: float, events: int
) -> None:
    forward = _decision(value, below, above, events).verdict
    backward = _decision(-value, above, below, events).verdict
    assert (forward, backward) != ("promote", "promote")
    if forward == "promote":
        # An interval that ends exactly at the margin is within it too: then the two are equivalent.
        assert backward == "reject" or (backward == "keep-equivalent" and value + above <= 1 + 1e-9)
    if forward == "keep-equivalent":
        assert backward == "keep-equivalent" or value + above >= 1 - 1e-9


@tried(300)
@given(margins, widths, widths, st.floats(0, 8))
def test_a_larger_gain_with_the_same_interval_around_it_never_gets_a_worse_answer(
    value: float, below: float, above: float, more: float
) -> None:
    before, after = _decision(value, below, above), _decision(value + more, below, above)
    assert RANK[after.verdict] >= RANK[before.verdict]


@tried(200)
@given(margins, widths, widths, st.floats(0, 1))
def test_a_narrower_interval_settles_what_a_wider_one_settled(
    value: float, below: float, above: float, share: float
) -> None:
    wide, narrow = _decision(value, below, above), _decision(value, below * share, above * share)
    if wide.verdict == "promote":
        assert narrow.verdict == "promote"
    if wide.verdict == "keep-equivalent":
        assert narrow.verdict in ("keep-equivalent", "promote")
    if wide.verdict == "reject":
        assert narrow.verdict in ("reject", "keep-equivalent")


@tried(200)
@given(margins, widths, widths, st.integers(0, 100), st.integers(0, 100))
def test_more_churned_accounts_never_take_a_promotion_back_and_a_broken_guard_always_does(
    value: float, below: float, above: float, events: int, more: int
) -> None:
    few, many = (_decision(value, below, above, count).verdict for count in (events, events + more))
    assert RANK[many] >= RANK[few]
    broken = _decision(value, below, above, events + more, Guard("worst-segment", False, "Worse in SMB.")).verdict
    assert broken != "promote"
    assert RANK[broken] <= RANK[many]
    unknown = _decision(value, below, above, events + more, Guard("worst-segment", None, "?")).verdict
    assert unknown == many
