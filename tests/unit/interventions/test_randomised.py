"""Random hold-outs: coins, accounts needed, effects with intervals, what an action is worth, and refusals."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from treated_worlds import THROUGH, coin_entries

from churnbench.data.world_settings import Treatment
from churnbench.domain.errors import InputError
from churnbench.interventions import (
    DECLARED,
    MEASURED,
    Rule,
    assign,
    checked_log,
    declared_rate,
    expected_value,
    measured_rate,
    plan,
    power_of,
    randomised_effect,
    randomised_outcomes,
    read_assignment,
    read_scores,
    simulated_power,
    uplift_by_band,
    write_assignment,
)

#: The treatment takes 60 % off the hazard of the 90 days after the coin.
POLICY = Treatment(trigger=0.4, near=9.0, holdout=0.3, effect=0.4, months=3)
RULE = Rule(cut_off=60, width=10, share=0.2, period="2026q1", seed=7)


def scores(count: int = 4000) -> pd.DataFrame:
    return pd.DataFrame({"account_id": [f"A{k}" for k in range(count)], "health_score": np.arange(count) % 100.0})


def test_an_assignment_depends_on_account_period_and_seed_and_on_nothing_else() -> None:
    whole = assign(scores(), RULE).set_index("account_id")
    part = assign(scores().iloc[::-7], RULE).set_index("account_id")
    pd.testing.assert_frame_equal(whole.loc[part.index], part)
    for other in (replace(RULE, period="2026q2"), replace(RULE, seed=8)):
        assert (assign(scores(), other)["arm"].to_numpy() != whole["arm"].to_numpy()).any()


def test_a_coin_is_thrown_near_the_cut_off_only_with_the_share_asked_for() -> None:
    found = assign(scores(), RULE).merge(scores(), on=["account_id", "health_score"])
    near = found["health_score"].between(50, 59.99)
    assert (found["health_score"] < 60).all()
    assert (found["randomised"] == near).all()
    assert found.loc[near, "propensity"].unique() == pytest.approx([0.8])
    assert found.loc[~near, "propensity"].isna().all()
    assert (found.loc[~near, "arm"] == "treat").all()
    held = int((found.loc[near, "arm"] == "hold-out").sum())
    assert stats.binomtest(held, int(near.sum()), 0.2).pvalue > 0.01


@pytest.mark.parametrize(
    "wrong", [{"share": 0.0}, {"share": 0.9}, {"cut_off": 0.0}, {"width": -1.0}, {"period": " "}, {"cut_off": 101.0}]
)
def test_an_impossible_rule_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        replace(RULE, **wrong)  # type: ignore[arg-type]


def test_odd_scores_are_refused_left_out_or_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than one score"):
        assign(pd.DataFrame({"account_id": ["A", "A"], "health_score": [1.0, 2.0]}), RULE)
    with pytest.raises(InputError, match="not a health score"):
        assign(pd.DataFrame({"account_id": ["A"], "health_score": [140.0]}), RULE)
    unscored = pd.DataFrame({"account_id": ["A"], "health_score": [np.nan]})
    assert assign(unscored, RULE).empty
    assert assign(unscored.iloc[:0], RULE).empty
    with pytest.raises(InputError, match="no such file"):
        read_scores(tmp_path / "none.csv")


def test_an_assignment_survives_its_file_whatever_the_accounts_are_called(tmp_path: Path) -> None:
    names = ["=cmd()", "<script>", 'a "b", c', "+1", "A1"]
    made = assign(pd.DataFrame({"account_id": names, "health_score": 55.0}), RULE)
    write_assignment(made, tmp_path / "coins.csv")
    assert "\n=" not in (tmp_path / "coins.csv").read_text("utf-8")
    back = read_assignment(tmp_path / "coins.csv")
    assert back["account_id"].tolist() == made["account_id"].tolist()
    assert back["treated"].tolist() == made["treated"].tolist()
    with pytest.raises(InputError, match="CSV"):
        write_assignment(made, tmp_path / "coins.xlsx")


@pytest.mark.parametrize(
    ("rate", "reduction", "share"), [(0.2, 0.3, 0.15), (0.1, 0.5, 0.5), (0.3, 0.4, 0.2), (0.05, 0.6, 0.15)]
)
def test_the_formula_for_power_agrees_with_simulated_trials(rate: float, reduction: float, share: float) -> None:
    made = plan(rate, reduction, share=share)
    assert made.power == pytest.approx(0.8, abs=0.005)
    assert power_of(made.accounts - 10, rate, reduction, share=share) < made.power
    # The normal approximation is within a few points of the truth at these sizes.
    assert simulated_power(made.accounts, rate, reduction, share=share) == pytest.approx(0.8, abs=0.04)
    assert simulated_power(made.accounts, rate, 0.0, share=share) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(
    "numbers",
    [(0.0, 0.3, 0.2), (1.0, 0.3, 0.2), (0.2, 0.0, 0.2), (0.2, 1.1, 0.2), (0.2, 0.3, 0.0), (math.nan, 0.3, 0.2)],
)
def test_impossible_trials_are_refused(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(InputError):
        plan(numbers[0], numbers[1], share=numbers[2])


@pytest.mark.slow
def test_the_interval_of_the_randomised_effect_covers_the_true_effect() -> None:
    # The truth from 12,000 accounts; it lies near 1 - .4 of the churn, less what churned anyway before the help.
    big = pd.concat(
        [part.assign(account_id=f"{seed}-" + part["account_id"]) for seed in (900, 901, 902) for part in
         [coin_entries(4000, seed, POLICY)]]
    )  # fmt: skip
    held, treated = (float(big.loc[big["treated"] == arm, "y"].mean()) for arm in (False, True))
    assert 0.4 < 1 - treated / held < 0.6
    covered = []
    for seed in range(10):
        effect = randomised_effect(coin_entries(700, seed, POLICY), days=90, replicates=200, seed=seed)
        low, high = effect.risk_difference.low, effect.risk_difference.high
        assert low is not None
        assert high is not None
        covered.append(low <= treated - held <= high)
        assert effect.warnings == ()
    # Ten honest 90 % intervals: fewer than seven hits have a probability of about one in a hundred.
    assert sum(covered) >= 7


def test_a_playbook_that_does_nothing_is_seldom_said_to_save_anybody() -> None:
    idle = replace(POLICY, effect=1.0)
    said = [
        randomised_effect(coin_entries(700, seed, idle), days=90, replicates=200, seed=seed).established
        for seed in range(10)
    ]
    assert sum(said) <= 2


def entries(held: int, held_churned: int, treated: int, treated_churned: int) -> pd.DataFrame:
    size = held + treated
    arm = np.arange(size) >= held
    y = np.concatenate([np.arange(held) < held_churned, np.arange(treated) < treated_churned]).astype(float)
    return pd.DataFrame(
        {"account_id": [f"A{k}" for k in range(size)], "propensity": treated / size, "treated": arm, "y": y}
    )


def test_few_events_get_account_level_limits_and_none_are_no_proof() -> None:
    few = randomised_effect(entries(50, 6, 150, 6), days=104)
    assert "few" in few.method
    low, high = few.risk_difference.low, few.risk_difference.high
    assert low is not None
    assert high is not None
    assert low < few.risk_difference.value < high  # type: ignore[operator]
    none = randomised_effect(entries(50, 0, 150, 0), days=104)
    assert not none.established
    assert none.relative_reduction.value is None
    assert none.risk_difference.low < 0 < none.risk_difference.high  # type: ignore[operator]
    with pytest.raises(InputError, match="no save rate"):
        measured_rate(none)
    empty_arm = randomised_effect(entries(0, 0, 20, 3).assign(propensity=0.8), days=104)
    assert empty_arm.risk_difference.value is None
    assert "empty" in empty_arm.sentence


def test_arms_that_no_fair_coin_would_give_are_reported() -> None:
    (sentence,) = randomised_effect(entries(100, 9, 100, 9).assign(propensity=0.8), days=104).warnings
    assert "should have treated about 160 of 200" in sentence


def test_coins_of_different_chances_do_not_bias_the_effect() -> None:
    # Risky accounts are treated more often; without weights the playbook would seem to do harm.
    rng = np.random.default_rng(0)
    risky = rng.random(40_000) < 0.5
    chance = np.where(risky, 0.9, 0.3)
    treated = rng.random(40_000) < chance
    y = rng.random(40_000) < np.where(risky, 0.4, 0.1) * np.where(treated, 0.7, 1.0)
    made = pd.DataFrame(
        {"account_id": [f"A{k}" for k in range(40_000)], "propensity": chance, "treated": treated, "y": y.astype(float)}
    )
    assert y[treated].mean() > y[~treated].mean()
    effect = randomised_effect(made, days=104, replicates=100)
    assert effect.relative_reduction.value == pytest.approx(0.3, abs=0.05)
    assert effect.held.value == pytest.approx(0.25, abs=0.02)


def churns(*rows: tuple[str, str, bool]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "churn_at", "involuntary"])
    return frame.assign(churn_at=pd.to_datetime(frame["churn_at"]), back_on=pd.NaT)


def logged(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "started_on", "treated"])
    return frame.assign(started_on=pd.to_datetime(frame["started_on"]), propensity=0.8, randomised=1.0, kind="call")


def test_the_outcome_is_counted_from_the_day_of_the_coin_and_only_once_its_window_has_closed() -> None:
    log = checked_log(
        logged(
            ("inside", "2025-01-10", 1),
            ("last day", "2025-01-10", 1),
            ("later", "2025-01-10", 0),
            ("stays", "2025-01-10", 0),
            ("gone", "2025-01-10", 0),
            ("same day", "2025-01-10", 0),
            ("closed", "2025-01-10", 1),
            ("young", "2025-12-01", 1),
        )
    )
    left = churns(
        ("inside", "2025-01-11", False),
        ("last day", "2025-04-24", False),
        ("later", "2025-04-25", False),
        ("gone", "2025-01-01", False),
        ("same day", "2025-01-10", False),
        ("closed", "2025-02-01", True),
    )
    found = randomised_outcomes(log, left, days=104, through=THROUGH).set_index("account_id")["y"]
    assert found.to_dict() == {"inside": 1.0, "last day": 1.0, "later": 0.0, "stays": 0.0}


def test_there_is_no_uplift_without_randomised_data() -> None:
    frame = logged(("A", "2025-01-10", 1)).assign(randomised=0.0)
    with pytest.raises(InputError, match="No uplift without randomised data"):
        randomised_outcomes(checked_log(frame), churns(), days=104, through=THROUGH)
    young = checked_log(logged(("A", "2025-12-10", 1)))
    with pytest.raises(InputError, match="No uplift without randomised data"):
        randomised_effect(randomised_outcomes(young, churns(), days=104, through=date(2025, 12, 31)), days=104)
    gone = checked_log(logged(("A", "2025-01-10", 1)))
    left = randomised_outcomes(gone, churns(("A", "2025-01-01", False)), days=104, through=THROUGH)
    with pytest.raises(InputError, match="had left before it"):
        randomised_effect(left, days=104)


def test_coins_whose_windows_are_open_are_counted_with_the_day_from_which_they_can_be_judged() -> None:
    frame = logged(("A", "2026-01-10", 1), ("B", "2026-01-20", 0))
    with pytest.raises(InputError) as caught:
        randomised_outcomes(checked_log(frame), churns(), days=100, through=date(2025, 12, 31), settle_days=10)
    assert "2 coins were thrown from 2026-01-10 to 2026-01-20, and outcomes are complete up to 2025-12-31." in str(
        caught.value
    )
    assert "judged once outcomes are complete up to 2026-04-30 (100 days" in str(caught.value.fix)
    assert "all of them up to 2026-05-10" in str(caught.value.fix)
    log = checked_log(frame)
    on_the_day = randomised_outcomes(log, churns(), days=100, through=date(2026, 4, 30), settle_days=10)
    assert on_the_day["account_id"].tolist() == ["A"]
    # What was put on record late cannot be used earlier.
    late = checked_log(frame.assign(known_on=pd.Timestamp("2026-08-01")))
    with pytest.raises(InputError) as caught:
        randomised_outcomes(late, churns(), days=100, through=date(2026, 5, 10), settle_days=10)
    assert "up to 2026-08-01" in str(caught.value.fix)


def test_the_counts_in_the_sentence_are_those_that_the_rates_come_from() -> None:
    twice = pd.concat([entries(100, 12, 300, 20)] * 2, ignore_index=True)
    effect = randomised_effect(twice, days=104, replicates=50)
    assert effect.accounts == (100, 300)
    assert effect.coins == (200, 600)
    assert effect.churned_coins == (24, 40)
    assert "12.0% of the coins that held an account out (24 of 200)" in effect.sentence
    assert "(40 of 600)" in effect.sentence
    assert "weighted" not in effect.sentence
    uneven = twice.assign(propensity=np.where(np.arange(len(twice)) % 2 == 0, 0.7, 0.8))
    assert "each coin weighted by its chance" in randomised_effect(uneven, days=104, replicates=50).sentence


def test_a_band_with_few_churned_accounts_gets_a_number_of_accounts_instead_of_an_effect() -> None:
    made = pd.concat([entries(100, 30, 300, 40), entries(20, 2, 60, 2)], ignore_index=True)
    made["account_id"] = [f"A{k}" for k in range(len(made))]
    bands = pd.Series(["red"] * 400 + ["yellow"] * 70 + [None] * 10)
    red, yellow = uplift_by_band(made, bands, days=104, replicates=50)
    assert red["effect"]["established"]
    assert red["more_accounts"] is None
    assert yellow["effect"] is None
    assert yellow["more_accounts"] > 100
    assert f"about {yellow['more_accounts']:,} more" in yellow["sentence"]


def test_expected_value_says_on_whose_word_and_never_takes_missing_for_zero() -> None:
    found = expected_value([0.5, np.nan, 0.2], [1000.0, 1000.0, np.nan], 0.4, 50.0)
    assert found.value[0] == pytest.approx(150)
    assert np.isnan(found.value[1:]).all()
    assert found.provenance == DECLARED
    assert not found.rate.established
    assert found.low is None
    assert DECLARED in found.rate.sentence
    effect = randomised_effect(entries(100, 30, 300, 40), days=104, replicates=200)
    measured = expected_value(0.5, 1000.0, effect, 50.0)
    assert measured.provenance == MEASURED
    assert measured.rate.established
    assert measured.low is not None
    assert measured.high is not None
    assert measured.low < measured.value < measured.high
    harmful = measured_rate(randomised_effect(entries(100, 12, 300, 60), days=104, replicates=200))
    assert harmful.value < 0
    assert expected_value(0.5, 1000.0, harmful, 0.0).value < 0


@pytest.mark.parametrize(
    ("p", "arr", "rate", "cost"), [(1.2, 1, 0.3, 1), (0.5, -1, 0.3, 1), (0.5, 1, 1.3, 1), (0.5, 1, 0.3, -1)]
)
def test_impossible_values_are_refused(p: float, arr: float, rate: float, cost: float) -> None:
    with pytest.raises(InputError):
        expected_value(p, arr, rate, cost)


def test_a_declared_rate_is_never_established() -> None:
    assert not declared_rate(1.0).established
