"""The store on both of its places: what it takes, what it refuses, what it gives back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from history_worlds import append_days, config, day_of, inputs
from release_worlds import moved_body

from churnbench.domain.errors import InputError
from churnbench.domain.score_history import HISTORY_COLUMNS
from churnbench.history import Frozen, ScoreStore, score_day

LATE = "The warehouse was down that day"


def readings(day: int, document: dict[str, Any] | None = None, **columns: Any) -> pd.DataFrame:
    return score_day(document or config(), inputs(day, **columns), day_of(day))


def test_what_was_appended_comes_back_with_every_input_and_in_the_shape_of_a_history(store: ScoreStore) -> None:
    given = readings(0)
    store.append(config(), given, today=day_of(0))
    back = store.history()
    assert tuple(back.columns[: len(HISTORY_COLUMNS)]) == HISTORY_COLUMNS
    both = [name for name in given.columns if name in back]
    assert len(both) == len(given.columns)
    pd.testing.assert_frame_equal(back[both], given[both], check_dtype=False)


def test_the_same_reading_again_changes_nothing(store: ScoreStore) -> None:
    store.append(config(), readings(0), today=day_of(0))
    before = store.history()
    again = store.append(config(), readings(0), today=day_of(0))
    assert (again.added, again.same) == (0, 12)
    pd.testing.assert_frame_equal(store.history(), before)


def test_the_same_formula_under_a_new_version_is_the_same_reading(store: ScoreStore) -> None:
    store.append(config(), readings(0), today=day_of(0))
    issued = config(version="1.0.1", sequence=5)
    assert store.append(issued, readings(0, issued), today=day_of(0)).same == 12
    assert len(store.history(every=True)) == 12


def test_another_reading_under_the_same_key_is_refused_with_account_and_both_values(store: ScoreStore) -> None:
    store.append(config(), readings(0), today=day_of(0))
    other = inputs(0)
    other.loc[3, "active_seats"] = 0.0 if other.loc[3, "active_seats"] else 1.0
    with pytest.raises(InputError) as caught:
        store.append(config(), score_day(config(), other, day_of(0)), today=day_of(0))
    said = str(caught.value)
    there = store.history(["A03"])["health_score_x100"].iloc[0]
    assert "'A03'" in said
    assert "2026-01-01" in said
    assert f"is {there} there" in said
    assert len(store.history()) == 12


def test_an_attribute_that_differs_is_a_different_reading(store: ScoreStore) -> None:
    store.append(config(), readings(0), today=day_of(0))
    with pytest.raises(InputError, match=r"csm is missing there, 'eve' arrived"):
        store.append(config(), score_day(config(), inputs(0, csm="eve"), day_of(0)), today=day_of(0))


def test_a_new_config_is_a_further_row_and_readers_get_the_newest_unless_they_choose(store: ScoreStore) -> None:
    new = config(moved_body(10), version="1.1.0", sequence=2)
    store.append(new, readings(0, new), today=day_of(0))
    store.append(config(), readings(0), today=day_of(0))
    assert set(store.history()["config_version"]) == {"1.1.0"}
    assert len(store.history(every=True)) == 24
    old = store.history(body_sha256=config()["integrity"]["body_sha256"])
    pd.testing.assert_series_equal(old["health_score_x100"], readings(0)["health_score_x100"])


def test_the_future_is_refused(store: ScoreStore) -> None:
    with pytest.raises(InputError, match="after today"):
        store.append(config(), readings(1), today=day_of(0))
    assert store.newest() is None


def test_a_day_out_of_order_needs_a_reason_and_is_marked_with_it(store: ScoreStore) -> None:
    append_days(store, config(), range(3, 5))
    with pytest.raises(InputError, match="the newest day held"):
        store.append(config(), readings(2), today=day_of(4))
    with pytest.raises(InputError, match="the newest day held"):
        store.append(config(), readings(2), today=day_of(4), reason="because ")
    assert store.append(config(), readings(2), today=day_of(4), reason=LATE).late == 12
    marks = store.history().groupby("as_of")["late_reason"].first()
    assert [mark if isinstance(mark, str) else None for mark in marks] == [LATE, None, None]


def test_a_reading_long_before_today_needs_a_reason_too(store: ScoreStore) -> None:
    with pytest.raises(InputError, match="8 days old"):
        store.append(config(), readings(0), today=day_of(8))
    assert store.append(config(), readings(0), today=day_of(7)).late == 0


def test_an_account_is_frozen_from_its_churn_date_on_and_its_last_reading_stays(store: ScoreStore) -> None:
    append_days(store, config(), range(2))
    outcomes = pd.DataFrame(
        {"account_id": ["A01", "A02"], "churned_on": [f"{day_of(2)}", f"{day_of(0)}"], "kind": ["churn", "contraction"]}
    )
    assert store.freeze(outcomes, today=day_of(2)) == Frozen(1, 0)
    assert store.freeze(outcomes, today=day_of(2)) == Frozen(0, 0)
    made = store.append(config(), readings(2), today=day_of(2))
    assert (made.added, made.frozen) == (11, 1)
    last = store.last().set_index("account_id")["as_of"]
    assert last["A01"] == pd.Timestamp(day_of(1))
    assert last["A02"] == pd.Timestamp(day_of(2))


def test_readings_appended_before_the_churn_was_known_are_not_shown(store: ScoreStore) -> None:
    append_days(store, config(), range(3))
    store.freeze(pd.DataFrame({"account_id": ["A01"], "churned_on": [f"{day_of(1)}"]}), today=day_of(3))
    assert len(store.history(["A01"])) == 1
    assert len(store.history(["A01"], after_churn=True)) == 3


def test_another_churn_date_needs_a_reason(store: ScoreStore) -> None:
    first, other = (pd.DataFrame({"account_id": ["A01"], "churned_on": [f"{day_of(k)}"]}) for k in (1, 5))
    store.freeze(first, today=day_of(1))
    with pytest.raises(InputError, match="is frozen since 2026-01-02"):
        store.freeze(other, today=day_of(5))
    store.freeze(other, today=day_of(5), reason="The notice was withdrawn once")
    assert store.churned() == {"A01": day_of(5)}


def test_overrides_survive_a_re_score_stand_beside_the_calculated_band_and_expire(store: ScoreStore) -> None:
    append_days(store, config(), range(1))
    words = {"reason": "Champion has left the company", "author": "Ada Byron"}
    entry = store.override("A04", today=day_of(1), until=day_of(3), band="red", **words)
    append_days(store, config(), range(1, 6))
    append_days(store, config(), range(5, 6))
    shown = store.history(["A04"])
    there = shown["override_id"].notna().tolist()
    assert there == [False, True, True, True, False, False]
    assert set(shown.loc[there, "band"]) == {"red"}
    assert (shown["band"] == shown["held_band"])[~np.array(there)].all()
    assert shown["calculated_band"].tolist() == store.history(["A04"], every=True)["calculated_band"].tolist()
    assert shown.loc[1, "override_author"] == "Ada Byron"
    store.revoke(entry["id"], today=day_of(3), reason="New champion found", author="Eve")
    assert store.history(["A04"])["override_id"].notna().tolist() == [False, True, True, False, False, False]
    with pytest.raises(InputError, match="revoked already"):
        store.revoke(entry["id"], today=day_of(4), reason="New champion found", author="Eve")
    assert [entry["event"] for entry in store.overrides()] == ["override", "revoke"]


def test_the_state_before_a_day_is_that_of_the_last_readings_and_of_nothing_later(store: ScoreStore) -> None:
    append_days(store, config(), range(4))
    state = store.state(day_of(2), band_after=3)
    for back, series in enumerate(state.readings):
        day = store.history(since=day_of(1 - back), until=day_of(1 - back)).set_index("account_id")
        assert series.to_dict() == day["calculated_band"].to_dict()
    assert len(state.readings) == 2
    assert store.state(day_of(0)).held.empty
    assert store.state(day_of(3) + timedelta(days=101)).held.empty


def test_a_reading_can_be_scored_again_from_what_is_stored(store: ScoreStore) -> None:
    from churnbench_scorer import Scorer

    append_days(store, config(), range(2))
    for account, day in (("A00", 0), ("A05", 1), ("A11", 1)):
        found = store.reading(account, day_of(day))
        row = store.history([account], since=day_of(day), until=day_of(day)).iloc[0]
        score = Scorer(store.documents()[found.body_sha256]).score(found.inputs)
        assert score.health_score_x100 == (None if pd.isna(row["health_score_x100"]) else row["health_score_x100"])
        assert score.coverage_bp == row["coverage_bp"]
    with pytest.raises(InputError, match="the last one before it is of 2026-01-02"):
        store.reading("A00", day_of(9))


def test_hostile_names_come_back_as_they_went_in(store: ScoreStore) -> None:
    names = [
        "=cmd()",
        "<script>",
        "a'b\"c",
        "Größe; DROP TABLE churnbench_history",
        "\\N",
        "{1,2}",
        "\u202ex",
        "%s",
        "a,b",
    ]
    frame = inputs(0, len(names)).assign(account_id=names, csm=names, segment=names)
    store.append(config(), score_day(config(), frame, day_of(0)), today=day_of(0))
    assert sorted(store.history()["account_id"]) == sorted(names)
    assert store.history(["a'b\"c"])["csm"].tolist() == ["a'b\"c"]
    assert dict(store.history()[["account_id", "segment"]].to_numpy()) == dict(zip(names, names, strict=True))


def test_nothing_one_account_and_all_missing_are_ordinary_days(store: ScoreStore) -> None:
    empty = score_day(config(), inputs(0).head(0), day_of(0))
    assert store.append(config(), empty, today=day_of(0)).added == 0
    assert store.history().empty
    one = inputs(0).head(1).assign(logins_30d=np.nan, active_seats=np.nan, has_sponsor=np.nan, plan=None, segment=None)
    store.append(config(), score_day(config(), one, day_of(0)), today=day_of(0))
    (row,) = store.history().to_dict("records")
    assert (row["band"], pd.isna(row["health_score_x100"]), row["segment"]) == ("insufficient-data", True, "all")
    assert store.reading("A00", day_of(0)).inputs["logins_30d"] is None
