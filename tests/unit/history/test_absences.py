"""Accounts that left and came back: frozen in between, scored again afterwards, both on record."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from history_worlds import append_days, config, day_of, inputs

from churnbench.domain.errors import InputError
from churnbench.history import Absence, Frozen, ScoreStore, score_day
from churnbench.history.absences import absences, new_outcomes

WHY = "The date was corrected"


def events(*rows: tuple[str, int]) -> pd.DataFrame:
    """Outcomes of A01: kind and number of the day."""
    return pd.DataFrame(
        {"account_id": "A01", "churned_on": [f"{day_of(day)}" for _, day in rows], "kind": [kind for kind, _ in rows]}
    )


def test_a_returned_account_is_scored_again_and_its_freeze_stays_on_record(store: ScoreStore) -> None:
    append_days(store, config(), range(1))
    assert store.freeze(events(("churn", 1)), today=day_of(1)) == Frozen(1, 0)
    append_days(store, config(), range(1, 3))
    back = events(("churn", 1), ("reactivation", 3))
    assert store.freeze(back, today=day_of(3)) == Frozen(0, 1)
    assert store.freeze(back, today=day_of(3)) == Frozen(0, 0)
    append_days(store, config(), range(3, 5))

    days = [day.date() for day in store.history(["A01"])["as_of"]]
    assert days == [day_of(0), day_of(3), day_of(4)]
    assert store.last(["A01"])["as_of"].iloc[0].date() == day_of(4)
    assert store.churned() == {}
    assert store.absences()["A01"] == [Absence(day_of(1), day_of(3))]


def test_readings_from_within_an_absence_stay_hidden_after_the_return(store: ScoreStore) -> None:
    append_days(store, config(), range(4))
    store.freeze(events(("churn", 1), ("reactivation", 3)), today=day_of(4))
    assert [day.date() for day in store.history(["A01"])["as_of"]] == [day_of(0), day_of(3)]
    assert len(store.history(["A01"], after_churn=True)) == 4
    again = score_day(config(), inputs(2), day_of(2), state=store.state(day_of(2)))
    assert store.append(config(), again, today=day_of(4)).frozen == 1


def test_who_leaves_a_second_time_is_frozen_from_the_second_date_on(store: ScoreStore) -> None:
    append_days(store, config(), range(8))
    store.freeze(events(("churn", 1), ("reactivation", 3)), today=day_of(4))
    # A list that holds the newest churn alone does not unsay the return.
    assert store.freeze(events(("churn", 6)), today=day_of(7)) == Frozen(1, 0)
    assert [day.date() for day in store.history(["A01"])["as_of"]] == [day_of(k) for k in (0, 3, 4, 5)]
    assert store.churned() == {"A01": day_of(6)}


def test_what_was_known_on_an_earlier_day_takes_no_return_back(store: ScoreStore) -> None:
    append_days(store, config(), range(1))
    store.freeze(events(("churn", 1), ("reactivation", 3)), today=day_of(4))
    assert store.freeze(events(("churn", 1)), today=day_of(4)) == Frozen(0, 0)
    assert store.churned() == {}


def test_another_day_of_a_return_needs_a_reason(store: ScoreStore) -> None:
    append_days(store, config(), range(1))
    store.freeze(events(("churn", 1), ("reactivation", 3)), today=day_of(4))
    other = events(("churn", 1), ("reactivation", 5))
    with pytest.raises(InputError, match="is back since 2026-01-04; 2026-01-06 arrived"):
        store.freeze(other, today=day_of(6))
    assert store.freeze(other, today=day_of(6), reason=WHY) == Frozen(0, 1)
    assert store.absences()["A01"] == [Absence(day_of(1), day_of(5))]


def test_a_churn_date_of_an_earlier_stay_is_corrected_where_it_belongs(store: ScoreStore) -> None:
    append_days(store, config(), range(1))
    whole = events(("churn", 1), ("reactivation", 3), ("churn", 6))
    store.freeze(whole, today=day_of(7))
    moved = events(("churn", 2), ("reactivation", 3), ("churn", 6))
    with pytest.raises(InputError, match="is frozen since 2026-01-02"):
        store.freeze(moved, today=day_of(7))
    store.freeze(moved, today=day_of(7), reason=WHY)
    assert store.absences()["A01"] == [Absence(day_of(2), day_of(3)), Absence(day_of(6))]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("reactivation", 3)], []),
        ([("churn", 2), ("reactivation", 2)], [Absence(day_of(2))]),
        ([("churn", 2), ("churn", 4), ("reactivation", 5)], [Absence(day_of(2), day_of(5))]),
        ([("churn", 2), ("reactivation", 1)], [Absence(day_of(2))]),
        ([("contraction", 1), ("expansion", 2)], []),
    ],
    ids=["return without churn", "return on the day", "churn while away", "return before", "other kinds"],
)
def test_odd_outcomes_mean_what_they_can_mean(given: list[tuple[str, int]], expected: list[Absence]) -> None:
    entries = new_outcomes(events(*given), {}, date(2026, 2, 1), None)
    assert absences(entries).get("A01", []) == expected
