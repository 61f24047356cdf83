"""Each kind of trigger on readings whose answer can be told by looking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from alert_histories import history, only, readings, the

from churnbench.playbooks import KIND_FIELDS, Declared, evaluate
from churnbench.playbooks.kinds import KINDS
from churnbench.playbooks.readings import Readings


def seen(frame: pd.DataFrame, declared: Declared, *columns: str) -> tuple[list[bool], list[bool]]:
    """Where the condition begins, and where it is over."""
    trigger = the(declared)
    signal = KINDS[trigger.kind](Readings(frame), trigger, columns or trigger.of)
    return signal.begins.tolist(), signal.ends.tolist()


def test_every_declared_kind_has_a_function_and_the_other_way_round() -> None:
    assert set(KINDS) == set(KIND_FIELDS)


def test_below_is_strict_and_a_missing_score_neither_begins_nor_ends() -> None:
    frame = history(readings("a", [60, 59.99, None, 60]))
    begins, ends = seen(frame, only(kind="below", of="health_score", value=60))
    assert begins == [False, True, False, False]
    assert ends == [True, False, False, True]


def test_falls_below_needs_a_known_reading_at_or_above_before_it_even_across_a_missing_one() -> None:
    frame = history(readings("a", [55, 61, None, 59, 58]), readings("b", [40, 39, 70, 60, 59.5]))
    begins, _ = seen(frame, only(kind="falls_below", of="health_score", value=60))
    assert begins == [False, False, False, True, False, False, False, False, False, True]


def test_a_clear_value_keeps_the_episode_open_until_it_is_reached() -> None:
    frame = history(readings("a", [70, 59, 61, 62.9, 63]))
    _, ends = seen(frame, only(kind="falls_below", of="health_score", value=60, clear=63))
    assert ends == [True, False, False, False, True]


def test_a_fall_is_measured_against_the_newest_reading_at_or_before_the_date() -> None:
    # Readings on days 0, 3, 7, 9, 17: seven days before day 9 lies day 2, whose newest reading is that of day 0.
    frame = history(readings("a", [80, 75, 71, 70, 70]))
    frame["as_of"] = pd.Timestamp("2026-01-01") + pd.to_timedelta([0, 3, 7, 9, 17], unit="D")
    trigger = only(kind="falls_by", of="health_score", points=10, days=7)
    begins, ends = seen(frame, trigger)
    assert begins == [False, False, False, True, False]
    assert ends == [False, False, True, False, True]
    assert Readings(frame).back(7).tolist() == [-1, -1, 0, 0, 3]


def test_a_reading_older_than_two_windows_is_no_measure_of_a_fall() -> None:
    frame = history(readings("a", [90, 50], every="15D"))
    assert Readings(frame).back(7).tolist() == [-1, -1]
    assert Readings(frame).back(8).tolist() == [-1, 0]


def test_ten_points_are_ten_points_whatever_floats_say() -> None:
    frame = history(readings("a", [71.1, 61.1]))
    assert seen(frame, only(kind="falls_by", of="health_score", points=10, days=7))[0] == [False, True]


def test_a_relative_fall_needs_something_to_fall_from() -> None:
    frame = history(readings("a", [70] * 4, logins=[10.0, 8.0, 0.0, 0.0]))
    begins, ends = seen(frame, only(kind="falls_share", of="logins", share=0.2, days=7))
    assert begins == [False, True, True, False]
    assert ends == [False, False, False, False]  # from zero nothing falls, and nothing is known to have recovered


def test_several_down_counts_columns_and_leaves_unknown_ones_open() -> None:
    frame = history(
        readings("a", [70] * 3, u_score=[80.0, 70.0, 70.0], e_score=[80.0, 75.0, np.nan], s_score=[50.0, 49.0, 49.0])
    )
    trigger = only(kind="several_down", points=5, days=7, count=2)
    begins, ends = seen(frame, trigger, "u_score", "e_score", "s_score")
    assert begins == [False, True, False]
    assert ends == [False, False, True]  # only e_score is unknown, and one would not be enough


def test_a_component_turns_red_once_and_is_over_when_all_known_ones_are_back() -> None:
    frame = history(readings("a", [70] * 4, u_score=[61.0, 59.0, 58.0, 60.0], e_score=[80.0, 80.0, 59.0, np.nan]))
    begins, ends = seen(frame, only(kind="any_falls_below", value=60), "u_score", "e_score")
    assert begins == [False, True, True, False]
    assert ends == [True, False, False, True]


def test_a_band_change_needs_a_known_band_before_it() -> None:
    frame = history(readings("a", [50, 70, None, 50, 40]))
    begins, ends = seen(frame, only(kind="band_change", bands=["red"]))
    assert begins == [False, False, False, True, False]
    assert ends == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("after", "band"),
    [
        (65.0, "declining fast"),
        (65.1, "declining"),
        (74.0, "declining"),
        (74.1, None),
        (85.9, None),
        (86.0, "improving"),
        (95.0, "improving fast"),
    ],
)
def test_velocity_on_the_border_belongs_to_the_steeper_band(after: float, band: str | None) -> None:
    frame = history(readings("a", [80, after], every="30D"))
    bands = {
        "declining fast": {"per_day_to": -0.5},
        "declining": {"per_day_from": -0.5, "per_day_to": -0.2},
        "improving": {"per_day_from": 0.2, "per_day_to": 0.5},
        "improving fast": {"per_day_from": 0.5},
    }
    said = [
        name
        for name, limits in bands.items()
        if seen(frame, only(kind="velocity", of="health_score", days=30, **limits))[0][1]
    ]
    assert said == ([] if band is None else [band])


def test_velocity_divides_by_the_days_that_really_passed() -> None:
    frame = history(readings("a", [80, 56], every="40D"))
    assert seen(frame, only(kind="velocity", of="health_score", days=30, per_day_to=-0.6))[0] == [False, True]


def test_absent_counts_days_since_the_value_was_known_and_zero_is_known() -> None:
    frame = history(readings("a", [70] * 4, nps=[0.0, np.nan, np.nan, 5.0]), readings("b", [70] * 4, nps=np.nan))
    begins, ends = seen(frame, only(kind="absent", of="nps", days=14))
    assert begins == [False, False, True, False] + [False] * 4  # never asked is not silence
    assert ends == [True, False, False, True] + [False] * 4


def test_the_renewal_clock_opens_once_per_renewal_and_skips_no_step_between_readings() -> None:
    due = [pd.Timestamp("2026-03-01")] * 4 + [pd.Timestamp("2027-03-01")]
    frame = history(readings("a", [70] * 5, every="20D", renewal_on=due))
    for step, opened in ((45, "2026-01-25"), (30, "2026-02-14"), (14, None)):
        made = evaluate(frame[frame["as_of"] <= "2026-02-20"].reset_index(drop=True), only(kind="renewal", days=step))
        assert made.alerts["first_seen"].dt.strftime("%Y-%m-%d").tolist() == ([] if opened is None else [opened])
    assert len(evaluate(frame, only(kind="renewal", days=45)).alerts) == 0


def test_a_cadence_begins_anew_every_so_many_days_and_when_the_band_is_entered() -> None:
    frame = history(readings("a", [50, 50, 50, 70, 50]))
    made = evaluate(frame, only(kind="cadence", bands=["red"], every_days=14))
    opened = sorted([*made.over["first_seen"], *made.alerts["first_seen"]])
    assert [f"{day:%m-%d}" for day in opened] == ["01-05", "01-19", "02-02"]


@pytest.mark.parametrize(
    ("declared", "columns", "sentence"),
    [
        (
            {"kind": "falls_below", "of": "health_score", "value": 60},
            {},
            "Health score 55, below 60; it was 70 on 2026-01-05.",
        ),
        (
            {"kind": "falls_by", "of": "health_score", "points": 10, "days": 7},
            {},
            "Health score fell by 15, from 70 on 2026-01-05 to 55.",
        ),
        (
            {"kind": "falls_share", "of": "x", "share": 0.2, "days": 7},
            {"x": [0.5, 0.3]},
            "x fell by 40%, from 0.5 on 2026-01-05 to 0.3.",
        ),
        ({"kind": "at_least", "of": "x", "value": 3}, {"x": [1.0, 4.0]}, "x 4, at least 3."),
        (
            {"kind": "velocity", "of": "health_score", "days": 7, "per_day_to": -0.5},
            {},
            "Health score moves by -2.14 a day: from 70 on 2026-01-05 to 55.",
        ),
        ({"kind": "band_change", "bands": ["red"]}, {}, "Band red; it was yellow on 2026-01-05."),
        ({"kind": "absent", "of": "x", "days": 7}, {"x": [1.0, np.nan]}, "x has been missing for 7 days."),
        ({"kind": "any_falls_below", "value": 60}, {"usage_score": [70.0, 42.0]}, "usage score 42, fallen below 60."),
        (
            {"kind": "several_down", "points": 5, "days": 7, "count": 1},
            {"usage_score": [70.0, 42.0]},
            "1 fell by 5 points or more since 2026-01-05: usage score.",
        ),
        (
            {"kind": "renewal", "days": 30},
            {"renewal_on": pd.Timestamp("2026-02-10")},
            "Renewal on 2026-02-10, 29 days away.",
        ),
        ({"kind": "cadence", "bands": ["red"], "every_days": 7}, {}, "Band red for 0 days; contact every 7 days."),
        (
            {"kind": "below", "of": "health_score", "value": 60, "renewal_within_days": 60},
            {"renewal_on": pd.Timestamp("2026-02-10")},
            "Health score 55, below 60, renewal on 2026-02-10 (29 days).",
        ),
    ],
)
def test_the_evidence_names_the_figures_and_the_date_compared_with(
    declared: dict[str, Any], columns: dict[str, Any], sentence: str
) -> None:
    frame = history(readings("a", [70, 55], **columns))
    assert evaluate(frame, only(**declared)).alerts["evidence"].tolist() == [sentence]
