"""The finished candidate: calibrated cut-offs on the familiar numbers, ranking untouched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata
from small_books import linear_book, plain_spec

from churnbench.calibration import CONTENDERS, FittedContender, Proposal, Settings, ThresholdRule, Training, propose
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.formula import score_frame

EFFECTS = {"m0": 2.5, "m1": 1.5, "m2": 0.5}
FIVE = (("critical", 0.0), ("at-risk", 30.0), ("neutral", 50.0), ("healthy", 70.0), ("thriving", 85.0))


def _training(**changed: object) -> Training:
    frame = linear_book(EFFECTS, accounts=500, intercept=-3.0)
    spec = replace(plain_spec(dict.fromkeys(EFFECTS, 1.0)), **changed)  # type: ignore[arg-type]
    return Training(frame, spec, tuple(EFFECTS), True, Settings())


@pytest.fixture(scope="module")
def training() -> Training:
    return _training()


def _proposed(training: Training, rule: ThresholdRule, *, display_map: bool = True) -> tuple[Proposal, FittedContender]:
    training.settings = replace(training.settings, display_map=display_map)
    fitted, incumbent = (CONTENDERS[n].fit(n, training, OutcomeWindow()) for n in ("anchored", "incumbent"))
    return propose(training, fitted, incumbent, rule), fitted


def _shown(proposal: Proposal, frame: pd.DataFrame) -> np.ndarray:
    return score_frame(proposal.candidate.body, frame)["health_score_x100"].to_numpy(dtype=float) / 100


def test_the_display_map_puts_the_cut_offs_on_the_familiar_numbers(training: Training) -> None:
    proposal, fitted = _proposed(training, ThresholdRule(green_risk=0.02, red_risk=0.20))
    assert [t.band for t in proposal.thresholds] == ["red", "yellow", "green"]
    assert [t.from_shown for t in proposal.thresholds] == [0.0, 60.0, 80.0]
    assert proposal.candidate.body["bands"] == [["red", 0], ["yellow", 6000], ["green", 8000]]
    red, yellow, green = proposal.thresholds
    assert green.cut.guaranteed
    assert red.cut.guaranteed
    assert green.from_raw == pytest.approx(green.cut.score, abs=0.01)
    assert yellow.from_raw == pytest.approx(red.cut.score, abs=0.01)
    raw = score_frame(fitted.body, training.frame)["raw_score"].to_numpy(dtype=float)
    band = score_frame(proposal.candidate.body, training.frame)["band"].to_numpy(dtype=object)
    clear = np.abs(raw - green.from_raw) > 0.02
    assert np.array_equal((band == "green")[clear], (raw >= green.from_raw)[clear])
    clear = np.abs(raw - yellow.from_raw) > 0.02
    assert np.array_equal((band == "red")[clear], (raw < yellow.from_raw)[clear])


def test_the_display_map_never_changes_the_ranking_or_the_probabilities(training: Training) -> None:
    proposal, fitted = _proposed(training, ThresholdRule(green_risk=0.02, red_risk=0.20))
    before = score_frame(fitted.body, training.frame)
    after = score_frame(proposal.candidate.body, training.frame)
    assert np.allclose(before["churn_probability"], after["churn_probability"])
    raw = before["raw_score"].to_numpy(dtype=float)
    order = np.argsort(raw)
    assert (np.diff(_shown(proposal, training.frame)[order]) >= 0).all()


def test_without_a_display_map_the_bands_move_instead(training: Training) -> None:
    rule = ThresholdRule(green_risk=0.02, red_risk=0.20)
    mapped, fitted = _proposed(training, rule)
    plain, _ = _proposed(training, rule, display_map=False)
    assert not plain.candidate.body.get("display_map")
    assert [t.from_shown for t in plain.thresholds] == [t.from_raw for t in plain.thresholds]
    assert [t.from_raw for t in plain.thresholds] == [t.from_raw for t in mapped.thresholds]
    assert [t.was for t in plain.thresholds] == [0.0, 60.0, 80.0]
    raw = score_frame(fitted.body, training.frame)["raw_score"].to_numpy(dtype=float)
    assert np.allclose(_shown(plain, training.frame), raw, atol=0.0051)


def test_promises_of_the_cut_offs_are_kept_on_new_accounts(training: Training) -> None:
    proposal, _ = _proposed(training, ThresholdRule(green_risk=0.02, red_risk=0.20))
    new = linear_book(EFFECTS, accounts=3000, months=1, seed=99, intercept=-3.0)
    band = score_frame(proposal.candidate.body, new)["band"].to_numpy(dtype=object)
    rates = {name: new.loc[band == name, "y"].mean() for name in ("red", "yellow", "green")}
    assert rates["green"] <= 0.02 + 0.01
    assert rates["red"] >= 0.20 - 0.03
    assert rates["red"] > rates["yellow"] > rates["green"]


def test_what_cannot_be_promised_keeps_its_share_and_says_so(training: Training) -> None:
    proposal, _ = _proposed(training, ThresholdRule(green_risk=0.0005, red_risk=0.97))
    assert len(proposal.warnings) == 2
    assert "0.1%" in proposal.warnings[0]
    assert all("promises nothing" in warning for warning in proposal.warnings)
    assert not any(t.cut and t.cut.guaranteed for t in proposal.thresholds)
    assert [t.cut.promise for t in proposal.thresholds if t.cut] == [None, None]
    rows = training.frame.iloc[proposal.candidate.rows]
    today = score_frame(training.hand_body, rows)["health_score_x100"].to_numpy(dtype=float) / 100
    for position, familiar in ((1, 60.0), (2, 80.0)):
        below = (proposal.rows.score < proposal.thresholds[position].from_raw).mean()
        assert below == pytest.approx((today < familiar).mean(), abs=0.03)


def test_five_bands_keep_their_order_and_their_inner_places() -> None:
    training = _training(bands=FIVE)
    proposal, _ = _proposed(training, ThresholdRule(green_risk=0.02, red_risk=0.20))
    assert [t.from_shown for t in proposal.thresholds] == [0.0, 30.0, 50.0, 70.0, 85.0]
    raws = [t.from_raw for t in proposal.thresholds]
    assert raws == sorted(raws)
    assert len(set(raws)) == 5
    assert [t.cut is None for t in proposal.thresholds] == [False, True, True, True, False]


def test_two_bands_share_one_cut_off_and_one_band_needs_none() -> None:
    two = _training(bands=(("low", 0.0), ("high", 50.0)))
    proposal, _ = _proposed(two, ThresholdRule(green_risk=0.02, red_risk=0.20))
    assert proposal.thresholds[1].from_shown == 50.0
    assert proposal.thresholds[1].from_raw == pytest.approx(proposal.thresholds[1].cut.score, abs=0.01)
    one = _training(bands=(("all", 0.0),))
    proposal, fitted = _proposed(one, ThresholdRule())
    assert proposal.candidate is fitted
    assert [t.cut for t in proposal.thresholds] == [None]


def test_capacity_calls_that_many_accounts_per_snapshot(training: Training) -> None:
    proposal, _ = _proposed(training, ThresholdRule(by="capacity", capacity=40, green_risk=0.04))
    low = proposal.thresholds[1].from_raw
    snapshots = np.unique(proposal.rows.snapshot)
    called = [int((proposal.rows.score[proposal.rows.snapshot == s] < low + 0.005).sum()) for s in snapshots]
    assert np.median(called) == pytest.approx(40, abs=3)
    assert proposal.thresholds[0].cut.promise is None


def test_cost_calls_accounts_whose_risk_pays_for_the_contact(training: Training) -> None:
    proposal, fitted = _proposed(training, ThresholdRule(by="cost", contact_cost=30, save_rate=0.3, green_risk=0.04))
    # arr is 1,000 everywhere: contacting pays from P(churn) = 30 / (0.3 x 1000) = 0.1 on.
    low = proposal.thresholds[1].from_raw
    at_cut = float(fitted.recalibration.fallback.probability(np.array([low]))[0])
    assert at_cut == pytest.approx(0.1, abs=0.01)


def test_cost_without_values_is_refused_with_what_to_do() -> None:
    training = _training()
    training.frame["arr"] = np.nan
    with pytest.raises(InputError, match=r"thresholds\.value.*arr.*capacity"):
        _proposed(training, ThresholdRule(by="cost", contact_cost=30, save_rate=0.3))


def test_a_model_cannot_become_the_candidate(training: Training) -> None:
    model, incumbent = (CONTENDERS[n].fit(n, training, OutcomeWindow()) for n in ("logistic", "incumbent"))
    with pytest.raises(InputError, match="not a formula"):
        propose(training, model, incumbent, ThresholdRule())


def test_cut_offs_that_would_cross_are_kept_apart(training: Training) -> None:
    proposal, _ = _proposed(training, ThresholdRule(green_risk=0.30, red_risk=0.01))
    raws = [t.from_raw for t in proposal.thresholds]
    assert raws[1] + 0.4 <= raws[2]
    shown = _shown(proposal, training.frame)
    raw = score_frame(training.hand_body, training.frame)["raw_score"].to_numpy(dtype=float)
    assert np.isfinite(shown).all()
    assert np.corrcoef(rankdata(shown), rankdata(raw))[0, 1] > 0.5
