"""Episodes, cool-down, owners, due dates; what cannot be evaluated; input that is meant to hurt."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from alert_histories import book, history, only, readings, watched_book

from churnbench.domain.errors import InputError
from churnbench.playbooks import declare, evaluate, records_of, task_list

BELOW = {"kind": "below", "of": "health_score", "value": 60}


def test_an_episode_stays_one_alert_however_often_it_is_read() -> None:
    frame = history(readings("a", [70, 55, 50, None, 58]))
    names = set()
    for day in frame["as_of"][1:]:
        made = evaluate(frame, only(**BELOW), as_of=day)
        names |= set(made.alerts["alert_id"])
        assert made.alerts["first_seen"].tolist() == [pd.Timestamp("2026-01-12")]
    assert len(names) == 1


def test_an_episode_that_begins_in_the_cool_down_counts_from_its_end_on() -> None:
    scores = [70, 55, 70, 55, 70, 55, 55, 55]
    frame = history(readings("a", scores))
    made = evaluate(frame, only(**BELOW, cool_down_days=21))
    # Over on 19 January, so rest until 9 February: the episode of 26 January is over by then, the last one is not.
    assert made.over["first_seen"].dt.strftime("%m-%d").tolist() == ["01-12"]
    assert made.alerts["first_seen"].dt.strftime("%m-%d").tolist() == ["02-09"]
    assert made.alerts["evidence"].tolist() == ["Health score 55, below 60."]


def test_what_is_read_later_changes_nothing_on_earlier_dates() -> None:
    frame, _ = watched_book(book())
    day = pd.Timestamp("2025-06-30")
    before = frame[frame["as_of"] <= day].reset_index(drop=True)
    later = frame.copy()
    later.loc[later["as_of"] > day, ["health_score", "usage_score", "churn_probability", "arr"]] = 1.0
    one, other = evaluate(before, declare()), evaluate(later, declare(), as_of=day)
    assert len(one.alerts) > 100
    pd.testing.assert_frame_equal(one.alerts, other.alerts)
    pd.testing.assert_frame_equal(one.over, other.over)


def test_episodes_of_whole_columns_equal_those_of_a_plain_walk_through_each_account() -> None:
    rng = np.random.default_rng(3)
    accounts = []
    for number in range(40):
        scores = [None if rng.random() < 0.1 else float(s) for s in rng.uniform(40, 80, 30).round(2)]
        accounts.append(readings(f"a{number}", scores))
    frame = history(*accounts)
    made = evaluate(frame, only(**BELOW, clear=65, cool_down_days=20))
    raised = pd.concat([made.over[["account_id", "first_seen"]], made.alerts[["account_id", "first_seen"]]])
    found = {(account, f"{day:%Y-%m-%d}") for account, day in raised.itertuples(index=False)}
    expected = set()
    for account, rows in frame.groupby("account_id"):
        opened, told, rest = False, False, pd.Timestamp.min
        for day, score in zip(rows["as_of"], rows["health_score"], strict=True):
            if score < 60:
                opened = True
            elif score >= 65:
                rest = day + pd.Timedelta(days=20) if told else rest
                opened = told = False
            if opened and not told and day >= rest:
                told = True
                expected.add((account, f"{day:%Y-%m-%d}"))
    assert len(expected) > 60
    assert found == expected


def test_an_account_that_is_no_longer_read_has_no_open_alert() -> None:
    frame = history(readings("gone", [50, 50]), readings("here", [50, 50, 50]))
    made = evaluate(frame, only(**BELOW))
    assert made.alerts["account_id"].tolist() == ["here"]
    assert made.over["account_id"].tolist() == ["gone"]


def test_owner_and_due_date_follow_roles_working_days_and_holidays() -> None:
    settings = {"managers": {"Ada": "Grace"}, "roles": {"manager": "Barbara"}, "holidays": [date(2026, 1, 6)]}
    frame = history(readings("a", [50], csm="Ada"), readings("b", [50], csm="Bob"), readings("c", [50], csm=None))
    by_manager = evaluate(frame, only(settings, **BELOW, owner="manager", due_days=1)).alerts.sort_values("account_id")
    assert by_manager["owner"].tolist() == ["Grace", "Barbara", "Barbara"]
    assert by_manager["due"].dt.strftime("%Y-%m-%d").tolist() == ["2026-01-07"] * 3  # Tuesday the 6th is a holiday
    by_csm = evaluate(frame, only(settings, **BELOW, owner="csm")).alerts.sort_values("account_id")
    assert by_csm["owner"].tolist() == ["Ada", "Bob", "unassigned"]


def test_alerts_are_ranked_by_probability_times_value_and_unknown_ones_come_last() -> None:
    frame = history(
        readings("small", [50], arr=100.0, churn_probability=0.5),
        readings("large", [50], arr=1000.0, churn_probability=0.1),
        readings("unknown", [50]),
    )
    assert evaluate(frame, only(**BELOW)).alerts["account_id"].tolist() == ["large", "small", "unknown"]


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        ({"kind": "at_least", "of": ["qbr_missed", "other"], "value": 1}, "needs metric qbr_missed or other"),
        (
            {"kind": "falls_by", "of": "health_score", "points": 10, "days": 7},
            "looks 7 days back, and readings are 31 days apart (median): such a fall cannot be seen",
        ),
        ({"kind": "renewal", "days": 30}, "needs renewal_on, which no reading has"),
        ({"kind": "cadence", "bands": ["amber"], "every_days": 7}, "needs band amber; there are green, red, yellow"),
        ({"kind": "at_least", "of": "empty", "value": 1}, "needs empty, which no reading has"),
        ({"kind": "at_least", "of": "plan", "value": 1}, "plan holds words, and this kind reads numbers"),
        ({**BELOW, "enabled": False}, "switched off in the project file"),
        ({"kind": "several_down", "points": 5, "days": 30, "count": 3}, "needs 3 of its columns, 0 are there"),
    ],
)
def test_a_trigger_that_cannot_be_evaluated_says_why(trigger: dict[str, object], reason: str) -> None:
    frame = history(readings("a", [50, 70, 90, 50], every="31D", empty=np.nan, plan="gold"))
    made = evaluate(frame, only(**trigger))
    assert [one.reason for one in made.not_evaluated] == [reason]
    assert len(made.alerts) == 0


def test_every_shipped_trigger_is_evaluated_or_named() -> None:
    frame, _ = watched_book(book())
    made = evaluate(frame, declare())
    named = {one.trigger for one in made.not_evaluated}
    assert "logins-down-20-in-a-week" in named
    assert {"key-user-gone", "usage-below-40", "score-falls-below-60"} <= set(made.alerts["trigger"]) - named


def test_hostile_names_stay_text_and_odd_histories_do_not_fall_over() -> None:
    evil = "=cmd()|' /C calc'!A0<script>\n"
    frame = history(readings(evil, [70, 50], csm='"; DROP TABLE'), readings("é", [None, None]), readings("z", [50]))
    made = evaluate(frame, only(**BELOW))
    assert set(made.alerts["account_id"]) == {evil}
    records = records_of(made.alerts, only(**BELOW))
    assert "<script>" not in task_list(records)
    assert evaluate(history(readings("a", [None])), only(**BELOW)).alerts.empty


def test_an_empty_history_and_an_unsorted_one_are_refused() -> None:
    frame = history(readings("a", [50]))
    with pytest.raises(InputError, match="no reading on or before 2020-01-01"):
        evaluate(frame, only(**BELOW), as_of=pd.Timestamp("2020-01-01"))
    with pytest.raises(InputError, match="not sorted"):
        evaluate(pd.concat([frame, frame], ignore_index=True), only(**BELOW))
