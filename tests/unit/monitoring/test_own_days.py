"""Every day judged by one snapshot, every churn counted once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from monitored_books import NEWEST, REVIEWED, in_force, known, world

from churnbench.domain.errors import InputError
from churnbench.monitoring.exposure import own_days, scored_book
from churnbench.monitoring.rates import counted


@pytest.fixture(scope="module")
def book():
    cohort, churns = known(world(), NEWEST)
    return scored_book(cohort, churns, in_force()["body"])


def test_every_voluntary_churn_is_counted_at_most_once(book):
    rows = own_days(book, None, book.settled)
    events = rows[rows["event"] == 1]
    assert len(events) > 50
    assert not events.duplicated(["account_id", "left_on"]).any()


def test_two_halves_of_the_days_hold_what_the_whole_holds(book):
    whole = counted(own_days(book, None, book.settled))
    halves = counted(own_days(book, None, REVIEWED)), counted(own_days(book, REVIEWED, book.settled))
    assert halves[0].observed + halves[1].observed == whole.observed
    assert halves[0].account_days + halves[1].account_days == pytest.approx(whole.account_days, rel=0.01)
    assert halves[0].expected + halves[1].expected == pytest.approx(whole.expected, rel=0.01)


def test_no_day_lies_after_the_last_settled_one_even_when_it_is_asked_for(book):
    late = own_days(book, None, pd.Timestamp("2030-01-01"))
    pd.testing.assert_frame_equal(late, own_days(book, None, book.settled))
    assert (late.loc[late["event"] == 1, "left_on"] <= book.settled).all()


def test_an_account_owns_a_day_through_one_snapshot_only(book):
    rows = own_days(book, None, book.settled)
    gap = pd.Timedelta(days=book.window.gap_days)
    one = rows[rows["account_id"] == rows["account_id"].iloc[0]].sort_values("as_of")
    ends = one["as_of"] + gap + pd.to_timedelta(one["days"], unit="D")
    assert (ends.iloc[:-1].to_numpy() <= (one["as_of"] + gap).iloc[1:].to_numpy()).all()


def test_an_involuntary_churn_is_neither_an_event_nor_time_at_risk(book):
    cohort, churns = known(world(), NEWEST)
    leavers = own_days(book, None, book.settled).query("event == 1")["account_id"].unique()
    forced = churns.assign(involuntary=churns["account_id"].isin(leavers) | churns["involuntary"])
    other = scored_book(cohort, forced, in_force()["body"])
    assert own_days(other, None, other.settled)["event"].sum() == 0


def test_what_the_book_expects_comes_on_the_data_the_curve_was_fitted_on(book):
    before = counted(own_days(book, None, REVIEWED))
    assert 0.85 < before.observed / before.expected < 1.15


def test_a_config_without_a_risk_curve_is_refused_with_what_to_do():
    cohort, churns = known(world(), NEWEST)
    with pytest.raises(InputError, match="no risk curve"):
        scored_book(cohort, churns, {**in_force()["body"], "risk_curve": None})


def test_data_without_any_of_the_configs_metrics_are_refused():
    cohort, churns = known(world(), NEWEST)
    bare = replace(cohort, frame=cohort.frame.drop(columns=list(cohort.metrics)))
    with pytest.raises(InputError, match="none of the config's metrics"):
        scored_book(bare, churns, in_force()["body"])


def test_a_table_without_dates_is_refused():
    cohort, churns = known(world(), NEWEST)
    with pytest.raises(InputError, match="without dates"):
        scored_book(replace(cohort, window=None), churns, in_force()["body"])


def test_rows_without_a_score_expect_nothing_instead_of_zero(book):
    blank = replace(book, frame=book.frame.assign(p=np.nan))
    assert counted(own_days(blank, None, book.settled)).ratio is None
