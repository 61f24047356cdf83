"""Invariant 9: stricter promises never widen a band, bands divide the book, and their rates add up to the base rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import level_book, seeds, training_of, tried

from churnbench.calibration import ThresholdRule, propose
from churnbench.calibration.contenders import CONTENDERS
from churnbench.calibration.thresholds import ScoredRows, capacity_cut, green_cut, least_accounts, red_cut
from churnbench.domain.cohort import OutcomeWindow
from churnbench.formula import score_frame, with_bands
from churnbench.workflow.book_evidence import band_check, band_evidence, bands_of

risks = st.floats(0.01, 0.5)


def _rows(seed: int, size: int = 700) -> ScoredRows:
    """Rows of a score that ranks churn, more or less well, with repeated accounts and ties."""
    rng = np.random.default_rng(seed)
    lean = rng.uniform(0, 100, size // 2)
    account = rng.integers(0, size // 2, size)
    score = np.round(lean[account] + rng.normal(0, 4, size), int(rng.integers(0, 3))).clip(0, 100)
    y = (rng.random(size) < 0.6 * np.exp(-score / rng.choice([10, 25, 60]))).astype(float)
    return ScoredRows(score, y, account, np.arange(size) % 5)


@tried(25)
@given(seeds, risks, risks)
def test_a_stricter_promise_never_gives_a_lower_green_cut_off(seed: int, one: float, other: float) -> None:
    rows, strict, lax = _rows(seed), min(one, other), max(one, other)
    first, second = (green_cut(rows, risk=risk, delta=0.1) for risk in (strict, lax))
    if first is None:
        return
    # A laxer promise may be tested on fewer accounts, so that its walk begins further up; where it fails on so few
    # that the stricter one does not look at them, nothing is promised.
    begins = [_begins(rows, risk) for risk in (strict, lax)]
    if second is None:
        assert begins[1] > begins[0]
    elif second.score <= begins[0]:
        assert second.score <= first.score
    for cut in (first, second):
        assert cut is None or (cut.guaranteed and cut.bound is not None and cut.promise is not None)
        assert cut is None or cut.bound <= cut.promise


def _begins(rows: ScoredRows, risk: float) -> int:
    """Score at which the walk down makes its first test."""
    return next(s for s in range(100, -1, -1) if rows.counted(rows.score >= s)[0] >= least_accounts(risk, 0.1))


@tried(25)
@given(seeds, risks, risks)
def test_a_stricter_promise_never_gives_a_higher_red_cut_off(seed: int, one: float, other: float) -> None:
    rows, lax, strict = _rows(seed), min(one, other), max(one, other)
    first, second = (red_cut(rows, risk=risk, delta=0.1) for risk in (strict, lax))
    if first is not None:
        assert second is not None
        assert second.score >= first.score


@tried(25)
@given(seeds, risks, st.floats(0.01, 0.3), st.floats(0.01, 0.3))
def test_more_confidence_never_gives_a_lower_green_or_a_higher_red_cut_off(
    seed: int, risk: float, one: float, other: float
) -> None:
    rows, sure, unsure = _rows(seed), min(one, other), max(one, other)
    reds = [red_cut(rows, risk=risk, delta=delta) for delta in (sure, unsure)]
    if reds[0] is not None:
        assert reds[1] is not None
        assert reds[1].score >= reds[0].score


@tried(25)
@given(seeds, st.integers(1, 150), st.integers(0, 100))
def test_a_larger_capacity_never_gives_a_lower_cut_off(seed: int, capacity: int, more: int) -> None:
    rows = _rows(seed)
    assert capacity_cut(rows, capacity + more).score >= capacity_cut(rows, capacity).score


@tried(25)
@given(seeds, st.integers(1, 5), st.booleans())
def test_bands_divide_the_rows_and_share_times_rate_adds_up_to_the_base_rate(seed: int, count: int, gaps: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = level_book(seed, accounts=30, months=4, missing=0.6 if gaps else 0.0).reset_index(drop=True)
    body = training_of(rows).hand_body
    starts = np.sort(rng.choice(np.arange(1, 100), count - 1, replace=False))
    body = with_bands(body, [(f"band-{k}", float(start)) for k, start in enumerate([0, *starts])])
    bands = bands_of(body, rows)
    entries = band_evidence("candidate", body, rows, bands, snapshots=4)
    assert {entry["band"] for entry in entries} >= set(bands)
    assert sum(entry["share"] for entry in entries) == pytest.approx(1.0)
    check = band_check(entries, float(rows["y"].mean()))
    assert check["ok"]
    assert check["sum_share_times_rate"] == pytest.approx(rows["y"].mean())
    shown = score_frame(body, rows)["health_score_x100"]
    lowest = {f"band-{k}": start * 100 for k, start in enumerate([0, *starts])}
    for band, score in zip(bands, shown, strict=True):
        assert pd.isna(score) == (band not in lowest)
        if band in lowest:
            assert max(name for name, start in lowest.items() if start <= score) == band


@tried(5)
@given(seeds, st.sampled_from(["risk", "capacity"]), st.booleans())
def test_finished_cut_offs_rise_from_band_to_band_on_both_scales(seed: int, by: str, display_map: bool) -> None:
    training = training_of(level_book(seed, accounts=120, levels=12), display_map=display_map)
    window = OutcomeWindow(14, 90, 0)
    incumbent, fitted = (CONTENDERS[name].fit(name, training, window) for name in ("incumbent", "anchored"))
    made = propose(training, fitted, incumbent, ThresholdRule(by=by, capacity=9, green_risk=0.15, red_risk=0.3))
    for scale in ("from_raw", "from_shown"):
        starts = [getattr(threshold, scale) for threshold in made.thresholds]
        assert starts[0] == 0.0
        assert starts == sorted(set(starts))
        assert starts[-1] < 100.0
    assert [threshold.band for threshold in made.thresholds] == [name for name, _ in (fitted.body or {})["bands"]]
