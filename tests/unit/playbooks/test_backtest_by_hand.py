"""Precision, recall, lead time and load of triggers, computed on paper; and the verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from alert_histories import WINDOW, history, only, readings
from scipy import stats

from churnbench.domain.errors import InputError
from churnbench.labels.outcomes import read_outcomes
from churnbench.labels.window import label_snapshots
from churnbench.metrics import Estimate
from churnbench.playbooks import TriggerBacktest, TriggerResult, backtest_triggers
from churnbench.playbooks.readings import Readings
from churnbench.playbooks.replay import by_probability, calls_at, caught_at_random, ground_of, share_called
from churnbench.playbooks.verdict import verdict_of

BELOW = {"kind": "below", "of": "health_score", "value": 60}


def small() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four accounts read every 30 days from 5 January on; two leave.

    - warned: red from 4 February on, leaves on 10 April: 65 days later, within 14 to 104.
    - silent: green, leaves on 10 April.
    - false: red at the third reading (6 March), stays.
    - late: red from 5 April on, leaves on 15 April: within the gap.
    """
    frame = history(
        readings("false", [70, 70, 50, 70, 70, 70], every="30D", csm="Ada", churn_probability=0.2),
        readings("late", [70, 70, 70, 50], every="30D", csm="Bob", churn_probability=0.3),
        readings("silent", [90, 90, 90, 90], every="30D", csm="Bob", churn_probability=0.9),
        readings("warned", [70, 50, 50, 50], every="30D", csm="Ada", churn_probability=0.1),
    )
    churned = pd.DataFrame(
        {
            "account_id": ["warned", "silent", "late"],
            "churned_on": pd.to_datetime(["2026-04-10", "2026-04-10", "2026-04-15"]),
        }
    )
    through = pd.Timestamp("2026-12-31").date()
    labels = frame[["account_id", "as_of"]].join(label_snapshots(frame, read_outcomes(churned), WINDOW, through))
    return frame, labels


def judged() -> tuple[TriggerBacktest, TriggerResult]:
    frame, labels = small()
    made = backtest_triggers(frame, labels, WINDOW, only(**BELOW), replicates=50)
    (result,) = made.results
    return made, result


def test_a_small_book_gives_the_figures_of_a_sheet_of_paper() -> None:
    made, result = judged()
    # Readings on 5 Jan, 4 Feb, 6 Mar, 5 Apr, 5 May, 4 Jun; every one is mature.
    assert (made.accounts, made.readings, made.churns, made.csms) == (4, 18, 3, 2)
    assert (result.alerts, result.accounts, result.hits, result.caught, result.too_late) == (3, 3, 1, 1, 1)
    assert result.precision.value == pytest.approx(1 / 3)
    assert result.recall.value == pytest.approx(1 / 3)
    assert result.lead_days.value == 65
    # 5 January to 4 June and one step of 30 days are 180 days; three alerts of two CSMs.
    assert made.weeks == pytest.approx(180 / 7)
    assert result.per_csm_week.value == pytest.approx(3 / 2 / (180 / 7))


def test_random_alerts_hit_as_often_as_accounts_on_those_dates_churn() -> None:
    _, result = judged()
    # 10 and 15 April lie 95 and 100, 65 and 70, 35 and 40, 5 and 10 days after the first four dates: three of four
    # accounts churn in the window on 4 February and on 6 March, none on 5 April.
    assert result.random_precision.value == pytest.approx((3 / 4 + 3 / 4 + 0) / 3)
    # One of four is called on 4 February, 6 March and 5 April: each churn is missed with (3/4)^2 of chance.
    assert result.random_recall.value == pytest.approx(1 - (3 / 4) ** 2)
    assert result.expected_caught == pytest.approx(3 * (1 - (3 / 4) ** 2))
    assert result.lift.value == pytest.approx((1 / 3) / 0.5)


def test_the_probability_gets_as_many_alerts_on_each_date_and_the_same_rest() -> None:
    frame, labels = small()
    ground = ground_of(Readings(frame), labels)
    rows = np.flatnonzero(frame["health_score"] == 50)
    calls = calls_at(ground, np.array([frame.index[frame["account_id"] == "warned"][1]]))
    tireless = by_probability(ground, np.sort(rows), quiet_days=0)
    assert tireless is not None
    called = frame.loc[tireless.rows, ["account_id", "as_of"]]
    assert called.groupby("as_of").size().tolist() == [1, 2, 2]
    assert called["account_id"].value_counts().to_dict() == {"silent": 3, "late": 2}
    rested = by_probability(ground, np.sort(rows), quiet_days=60)
    assert rested is not None
    assert frame.loc[rested.rows, "account_id"].tolist() == ["false", "late", "silent", "silent", "warned"]
    assert calls.caught.sum() == 1
    share = share_called(ground, np.sort(rows))
    assert share.sum() == pytest.approx(len(rows))
    assert caught_at_random(ground, share).max() < 1


def test_an_alert_that_began_before_the_window_is_not_credited() -> None:
    frame = history(readings("a", [50] * 8, every="30D"), readings("b", [70] * 8, every="30D"))
    churned = pd.DataFrame({"account_id": ["a"], "churned_on": [pd.Timestamp("2026-08-10")]})
    labels = frame[["account_id", "as_of"]].join(
        label_snapshots(frame, read_outcomes(churned), WINDOW, pd.Timestamp("2027-12-31").date())
    )
    (result,) = backtest_triggers(frame, labels, WINDOW, only(**BELOW), replicates=10).results
    assert (result.alerts, result.hits, result.recall.value) == (1, 0, 0.0)


def test_immature_alerts_are_not_judged_and_a_history_of_them_alone_is_refused() -> None:
    frame, _ = small()
    none = pd.DataFrame({"account_id": [], "churned_on": pd.to_datetime([])})
    early = label_snapshots(frame, read_outcomes(none), WINDOW, pd.Timestamp("2026-06-01").date())
    labels = frame[["account_id", "as_of"]].join(early)
    made = backtest_triggers(frame, labels, WINDOW, only(**BELOW), replicates=10)
    assert made.last == "2026-02-04"
    assert made.results[0].alerts == 1
    with pytest.raises(InputError, match="no reading has a mature outcome window"):
        backtest_triggers(frame, labels.assign(status="immature"), WINDOW, only(**BELOW), replicates=10)


def test_since_leaves_earlier_alerts_out() -> None:
    frame, labels = small()
    made = backtest_triggers(frame, labels, WINDOW, only(**BELOW), since=pd.Timestamp("2026-03-01"), replicates=10)
    assert (made.first, made.results[0].alerts, made.results[0].hits) == ("2026-03-06", 2, 0)


def test_since_after_the_last_mature_reading_says_so() -> None:
    frame, labels = small()
    with pytest.raises(InputError, match=r"is of 2026-06-04, before 2027-01-01") as refused:
        backtest_triggers(frame, labels, WINDOW, only(**BELOW), since=pd.Timestamp("2027-01-01"), replicates=10)
    assert "--since" in str(refused.value)


def test_no_hit_and_nothing_but_hits_are_not_printed_as_certain() -> None:
    frame, labels = small()
    (none,) = backtest_triggers(
        frame, labels, WINDOW, only(**BELOW), since=pd.Timestamp("2026-03-01"), replicates=50
    ).results
    assert (none.hits, none.accounts, none.precision.value, none.precision.low) == (0, 2, 0.0, 0.0)
    assert none.precision.high == pytest.approx(1 - 0.05 ** (1 / 2))  # of two accounts, exact
    (every,) = backtest_triggers(frame, labels, WINDOW, only(**(BELOW | {"value": 95})), replicates=50).results
    assert every.recall.value is not None
    assert every.recall.low is not None
    whole = next(one for one in (every.precision, every.recall, none.recall) if one.value in (0.0, 1.0))
    assert (whole.low, whole.high) != (whole.value, whole.value)


def test_the_probability_is_a_rival_only_on_dates_it_did_not_learn_from() -> None:
    frame, labels = small()
    on_all = backtest_triggers(frame, labels, WINDOW, only(**BELOW), replicates=10).results[0]
    learned = pd.Timestamp("2026-02-10")
    later = backtest_triggers(frame, labels, WINDOW, only(**BELOW), learned_until=learned, replicates=10).results[0]
    assert later.precision == on_all.precision
    # Alerts of 6 March and 5 April are left: none is right. The probability, silent since its call of 4 February,
    # turns to "late" on 6 March, who leaves on 15 April, and to one more account on 5 April in vain.
    assert on_all.over_probability.value == pytest.approx(1 / 3 - on_all.probability_precision.value)
    assert later.over_probability.value == pytest.approx(0 - 1 / 2)
    after = pd.Timestamp("2026-12-31")
    never = backtest_triggers(frame, labels, WINDOW, only(**BELOW), learned_until=after, replicates=10).results[0]
    assert never.over_probability.value is None


def _judge(**figures: object) -> str:
    usual = {
        "scheduled": False,
        "accounts": 80,
        "events": 60,
        "caught": 20,
        "expected": 8.0,
        "beats_chance": True,
        "lift": Estimate(2.5, 1.6, 3.4),
        "over_probability": Estimate(0.01, -0.02, 0.04),
    }
    return verdict_of(**{**usual, **figures}).word  # type: ignore[arg-type]


def test_a_verdict_needs_events_chance_beaten_and_no_clear_loss_to_the_probability() -> None:
    assert _judge() == "earns its noise"
    assert _judge(over_probability=Estimate(None)) == "earns its noise"
    assert _judge(over_probability=Estimate(-0.05, -0.08, -0.01)) == "noise"
    assert _judge(events=19) == "too few events to say"
    assert _judge(accounts=19) == "too few events to say"
    assert _judge(scheduled=True) == "schedule"


def test_noise_is_said_only_when_twice_chance_can_be_ruled_out() -> None:
    for caught in range(30):
        limit = stats.chi2.ppf(0.95, 2 * (caught + 1)) / 2
        # The exact upper limit: with this mean, so few or fewer are seen in one of twenty histories.
        assert stats.poisson.cdf(caught, limit) == pytest.approx(0.05)
        weak = {"caught": caught, "beats_chance": False}
        assert _judge(expected=limit / 2 + 0.01, **weak) == "noise"
        assert _judge(expected=limit / 2 - 0.01, **weak) == "too few events to say"
