"""Velocity, hysteresis, overrides' rules and the roll-up to parents."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from history_worlds import config, day_of, inputs

from churnbench.domain.errors import InputError
from churnbench.domain.score_history import as_history
from churnbench.formula import with_bands, with_hysteresis
from churnbench.history import BandState, reading_of_movement, roll_up, score_day, velocity_band, with_velocity
from churnbench.history.overrides import in_force, new_override
from churnbench_scorer import Scorer


def scores(*readings: tuple[int, int | None], account: str = "A") -> pd.DataFrame:
    return as_history(
        pd.DataFrame(
            {
                "account_id": account,
                "as_of": [day_of(day) for day, _ in readings],
                "health_score_x100": pd.array([score for _, score in readings], dtype="Int64"),
                "band": "red",
            }
        )
    )


@pytest.mark.parametrize(
    ("change", "band"),
    [
        (-1501, "declining-fast"),
        (-1500, "declining-fast"),
        (-1499, "declining"),
        (-600, "declining"),
        (-599, "stable"),
        (0, "stable"),
        (599, "stable"),
        (600, "improving"),
        (1499, "improving"),
        (1500, "improving-fast"),
    ],
)
def test_velocity_bands_take_their_edges_to_the_stronger_movement(change: int, band: str) -> None:
    made = with_velocity(scores((0, 5000), (30, 5000 + change)))
    assert made["velocity_band"].tolist() == [None, band]
    assert made["velocity"].iloc[1] == pytest.approx(change / 3000)
    # The edges hold for spans whose days divide nothing evenly, too.
    if change % 30 == 0:
        odd = with_velocity(scores((0, 5000), (31, 5000 + change * 31 // 30)))
        assert odd["velocity_band"].iloc[1] == band


def test_the_reading_thirty_days_ago_counts_and_a_younger_one_only_without_it() -> None:
    made = with_velocity(scores((0, 9000), (10, 5000), (20, 5300), (40, 6500)))
    assert made["velocity"].tolist()[1:] == pytest.approx([-4.0, (53 - 90) / 20, (65 - 50) / 30])
    assert made["velocity_days"].tolist()[1:] == [10, 20, 30]


def test_no_velocity_without_a_second_reading_without_a_score_or_across_a_long_gap() -> None:
    made = with_velocity(scores((0, 5000), (10, None), (71, 6000), (90, 6190)))
    assert made["velocity"].isna().tolist() == [True, True, True, False]
    assert made["velocity"].iloc[3] == pytest.approx(0.1)


def test_velocity_looks_at_one_account_at_a_time_and_never_ahead() -> None:
    both = pd.concat([scores((0, 5000), (30, 8000)), scores((0, 9000), (30, 6000), account="B")])
    whole = with_velocity(both)
    assert whole["velocity"].dropna().tolist() == [1.0, -1.0]
    early = with_velocity(both[both["as_of"] < pd.Timestamp(day_of(30))])
    assert early["velocity"].isna().all()


def test_an_empty_history_and_one_without_any_score_have_no_velocity() -> None:
    assert with_velocity(scores()).empty
    assert with_velocity(scores((0, None), (30, None)))["velocity_band"].tolist() == [None, None]


def test_velocity_borders_can_be_set() -> None:
    assert velocity_band([-1.0, 0.9], (-2, -1, 1, 2)).tolist() == ["declining", "stable"]


def test_band_and_movement_read_together() -> None:
    said = {
        (band, velocity): reading_of_movement(band, velocity, config())
        for band in ("red", "yellow", "green", "insufficient-data")
        for velocity in ("declining-fast", "declining", "stable", "improving-fast", None)
    }
    assert {key: words for key, words in said.items() if words} == {
        ("red", "improving-fast"): "recovery possible",
        ("yellow", "declining-fast"): "urgent",
        ("green", "declining"): "early warning",
        ("green", "declining-fast"): "early warning",
    }


def _walk(document: dict[str, Any], days: int, band_after: int) -> pd.DataFrame:
    """Days scored one after the other, each knowing the ones before, without a store."""
    past: list[pd.DataFrame] = []
    for number in range(days):
        recent = [
            frame.assign(place=place)[["account_id", "place", "calculated_band", "held_band"]]
            for place, frame in enumerate(reversed(past), start=1)
        ]
        state = BandState.of(pd.concat(recent)) if recent else None
        past.append(score_day(document, inputs(number, 40), day_of(number), state=state, band_after=band_after))
    return pd.concat(past)


@pytest.mark.parametrize("band_after", [1, 2, 3, 4])
def test_a_band_changes_after_so_many_readings_beyond_it(band_after: int) -> None:
    document = config(with_bands(config()["body"], [("red", 0), ("yellow", 45), ("green", 65)]))
    rows = _walk(document, 14, band_after)
    order = {"red": 0, "yellow": 1, "green": 2}
    changes = 0
    for _, one in rows.groupby("account_id"):
        calculated, held = one["calculated_band"].tolist(), one["held_band"].tolist()
        for k in range(1, len(one)):
            now, before = calculated[k], held[k - 1]
            if now not in order or before not in order:
                assert held[k] == now
                continue
            window = [order.get(band) for band in calculated[max(0, k - band_after + 1) : k + 1]]
            sides = [None if band is None else np.sign(band - order[before]) for band in window]
            leaves = all(side is None or side == sides[-1] for side in sides) and sides[-1] != 0
            assert held[k] == (now if leaves else before)
            changes += held[k] != before
    assert changes > 5
    assert (rows["calculated_band"] != rows["held_band"]).any() == (band_after > 1)


def test_a_config_with_hysteresis_gets_the_band_in_force_and_agrees_with_the_scorer_day_by_day() -> None:
    body = with_bands(config()["body"], [("red", 0), ("yellow", 45), ("green", 65)])
    body = with_hysteresis(body, band_input="band_in_force", margin=1.5, reading_input="last_reading")
    document = config(body)
    rows = _walk(document, 10, band_after=1)
    assert (rows["calculated_band"] != rows["held_band"]).any()
    scorer = Scorer(document)
    for _, one in rows.groupby("account_id"):
        held = reading = None
        for row in one.to_dict("records"):
            given = {n: None if pd.isna(row[n]) else row[n] for n in scorer.inputs}
            assert (given["band_in_force"], given["last_reading"]) == (held, reading)
            score = scorer.score(given)
            assert (score.band, score.reading_band) == (row["held_band"], row["calculated_band"])
            held, reading = score.band, score.reading_band


def test_a_band_that_the_file_brings_counts_only_for_an_account_that_the_history_does_not_know() -> None:
    body = with_hysteresis(config()["body"], band_input="band_in_force", margin=100.0)
    state = BandState(pd.Series({"A00": "red"}), (pd.Series({"A00": "red"}),))
    rows = score_day(config(body), inputs(0, 3, band_in_force="green"), day_of(0), state=state)
    assert rows["band_in_force"].tolist() == ["red", "green", "green"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"account_id": ["A", "A"]}, "arrives twice"),
        ({"account_id": ["A", None]}, "has no account_id"),
        ({"account_id": ["A", "B\x00"]}, "control character"),
    ],
)
def test_accounts_must_be_named_and_different(columns: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        score_day(config(), inputs(0, 2).assign(**columns), day_of(0))


def test_an_input_called_like_a_column_of_the_history_is_refused() -> None:
    body = with_hysteresis(config()["body"], band_input="band", margin=1.0)
    with pytest.raises(InputError, match="'band', which is a column"):
        score_day(config(body), inputs(0), day_of(0))


def test_an_absent_metric_is_refused_unless_that_is_allowed() -> None:
    rows = inputs(0).drop(columns="plan")
    with pytest.raises(InputError, match="no column plan"):
        score_day(config(), rows, day_of(0))
    assert score_day(config(), rows, day_of(0), allow_missing=True)["plan"].isna().all()


WORDS = {"reason": "Champion has left the company", "author": "Ada Byron"}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({}, "a band or a score"),
        ({"band": "red", "score": 10.0}, "exactly one"),
        ({"band": "blue"}, "'blue' is not a band"),
        ({"score": 100.5}, "not within 0 to 100"),
        ({"score": float("nan")}, "not within 0 to 100"),
        ({"band": "red", "reason": "because"}, "at least 10"),
        ({"band": "red", "author": " "}, "the author"),
        ({"band": "red", "reason": "a reason\u202e that lies"}, "controls"),
        ({"band": "red", "until": day_of(0)}, "must end after today"),
        ({"band": "red", "until": day_of(400)}, "within a year"),
    ],
)
def test_an_override_needs_a_value_a_reason_an_author_and_an_end(what: dict[str, Any], words: str) -> None:
    given = {"until": day_of(5), **WORDS, **what}
    with pytest.raises(InputError, match=words):
        new_override("A", today=day_of(0), bands=["red", "yellow", "green"], **given)


def test_an_overridden_score_shows_its_band_and_leaves_the_calculated_score_alone() -> None:
    plain = score_day(config(), inputs(0), day_of(0))
    entry = new_override("A03", today=day_of(0), until=day_of(5), score=64.5, **WORDS)
    shown = score_day(config(), inputs(0), day_of(0), overrides=[entry])
    pd.testing.assert_series_equal(shown["health_score_x100"], plain["health_score_x100"])
    row = shown.set_index("account_id").loc["A03"]
    assert (row["band"], row["override_band"], row["override_score"]) == ("yellow", "yellow", 64.5)
    assert row["calculated_band"] == plain.set_index("account_id").loc["A03", "calculated_band"]
    assert shown["override_id"].notna().sum() == 1
    assert [e["id"] for e in in_force([entry], day_of(5))] == [entry["id"]]
    assert in_force([entry], day_of(6)) == []


def family(*rows: tuple[str, str | None, float, int | None]) -> pd.DataFrame:
    columns = ["account_id", "parent_id", "arr", "health_score_x100"]
    made = pd.DataFrame(rows, columns=columns)
    return made.assign(health_score_x100=pd.array(made["health_score_x100"], dtype="Int64"))


def test_a_parent_is_the_arr_weighted_mean_of_its_family_over_all_levels() -> None:
    rows = family(
        ("top", None, 100, 9000),
        ("mid", "top", 100, 5000),
        ("leaf", "mid", 200, 2000),
        ("unscored", "mid", 500, None),
        ("free", "mid", 0, 10000),
        ("alone", None, 50, 7000),
    )
    made = roll_up(rows).set_index("account_id")
    assert list(made.index) == ["mid", "top"]
    assert made["rolled_up_x100"].tolist() == [3000, 4500]
    assert made["excluded"].tolist() == [2, 2]
    assert made["accounts"].tolist() == [4, 5]
    assert made["lowest_account"].tolist() == ["leaf", "leaf"]


def test_the_roll_up_equals_a_plain_sum_over_random_trees_in_any_row_order() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        count = int(rng.integers(2, 40))
        parents = [None, *(f"a{rng.integers(0, k)}" if rng.random() < 0.9 else None for k in range(1, count))]
        rows = family(
            *(
                (
                    f"a{k}",
                    parents[k],
                    float(rng.integers(0, 5)),
                    int(rng.integers(0, 10001)) if rng.random() < 0.8 else None,
                )
                for k in range(count)
            )
        )
        made = roll_up(rows.sample(frac=1, random_state=int(rng.integers(0, 99)))).set_index("account_id")
        above = dict(zip(rows["account_id"], rows["parent_id"], strict=True))

        def within(name: str | None, top: str) -> bool:
            while isinstance(name, str):
                if name == top:
                    return True
                name = above[name]  # noqa: B023 - used at once
            return False

        for top in made.index:
            members = rows[[within(name, top) for name in rows["account_id"]]]
            counted = members[members["health_score_x100"].notna() & (members["arr"] > 0)]
            assert made.loc[top, "scored"] == len(counted)
            if len(counted):
                mean = (counted["arr"] * counted["health_score_x100"].astype(float)).sum() / counted["arr"].sum()
                assert made.loc[top, "rolled_up_x100"] == np.floor(mean + 0.5)
            else:
                assert pd.isna(made.loc[top, "rolled_up_x100"])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("a", "b", 1, 1), ("b", "c", 1, 1), ("c", "a", 1, 1), ("d", None, 1, 1)], "a -> b -> c -> a"),
        ([("a", "a", 1, 1)], "a -> a"),
        ([("a", "ghost", 1, 1)], "'ghost', which has no reading"),
        ([("a", None, -1, 1)], "negative ARR"),
        ([("a", None, 1, 1), ("a", None, 1, 1)], "arrives twice"),
    ],
)
def test_families_that_make_no_sense_are_refused(rows: list[Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        roll_up(family(*rows))


def test_a_book_without_families_and_an_empty_one_have_no_parents() -> None:
    assert roll_up(family(("a", None, 1, 1))).empty
    assert roll_up(family()).empty


def test_a_day_keeps_the_renewal_date_that_the_days_to_renewal_imply() -> None:
    rows = score_day(config(), inputs(0), date(2026, 1, 1))
    assert set(rows["renewal_on"]) == {pd.Timestamp(date(2026, 1, 1) + timedelta(days=30))}
