"""Drift with its null limits, missing values, seasons, silent feeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from monitored_books import NEWEST, REVIEWED, in_force, known, watched, world

from churnbench.domain.cohort import Cohort
from churnbench.monitoring import monitor
from churnbench.monitoring.drift import drifts
from churnbench.monitoring.exposure import Book, scored_book
from churnbench.monitoring.rates import Count
from churnbench.monitoring.verdict import _silent_outcomes


def changed(column: str, values, *, only: pd.Timestamp | None = NEWEST) -> tuple[Cohort, pd.DataFrame]:
    """The grown book with one column overwritten on the newest date (or everywhere)."""
    cohort, churns = known(world(), NEWEST)
    frame = cohort.frame.copy()
    rows = frame["as_of"] == only if only is not None else frame["as_of"].notna()
    frame.loc[rows, column] = values
    return replace(cohort, frame=frame), churns


def look(cohort: Cohort, churns: pd.DataFrame):
    return monitor(cohort, churns, watched(), project="tiny")


def test_a_stable_book_has_no_data_problem():
    assert look(*known(world(), NEWEST)).data_problems == ()


def test_a_metric_that_ends_comes_before_everything_else_in_the_verdict():
    found = look(*changed("nps", np.nan))
    assert found.verdict == "investigate data"
    assert found.exit_code == 13
    assert any("nps: no account has a value any more." in problem for problem in found.data_problems)


def test_a_metric_that_stands_still_is_a_problem():
    found = look(*changed("logins_per_user_week", 3.0))
    assert any("logins_per_user_week: every account has the same value now" in p for p in found.data_problems)


def test_a_moved_distribution_is_a_problem_and_named():
    cohort, churns = known(world(), NEWEST)
    now = cohort.frame["as_of"] == NEWEST
    frame = cohort.frame.assign(csat=cohort.frame["csat"].where(~now, cohort.frame["csat"] - 2.0))
    assert any(
        problem.startswith("csat: its distribution moved")
        for problem in look(replace(cohort, frame=frame), churns).data_problems
    )


def test_a_season_that_also_moved_a_year_ago_is_none():
    cohort, churns = known(world(), NEWEST)
    december = cohort.frame["as_of"].dt.month == 12
    frame = cohort.frame.assign(
        logins_per_user_week=cohort.frame["logins_per_user_week"].where(
            ~december, 0.2 * cohort.frame["logins_per_user_week"]
        )
    )
    book = scored_book(replace(cohort, frame=frame), churns, in_force()["body"])
    found = {drift.name: drift for drift in drifts(book, REVIEWED, NEWEST, alpha=0.01)}["logins_per_user_week"]
    assert found.psi > found.limit
    assert found.psi_year < found.limit_year
    assert found.problem is None


def test_a_column_that_left_the_data_is_named():
    cohort, churns = known(world(), NEWEST)
    found = look(replace(cohort, frame=cohort.frame.drop(columns=["nps"])), churns)
    assert "The formula reads nps, which the data no longer hold." in found.data_problems


def test_snapshots_that_stopped_are_noticed():
    cohort, churns = known(world(), NEWEST)
    frame = cohort.frame[cohort.frame["as_of"] <= pd.Timestamp("2025-08-31")].reset_index(drop=True)
    assert any(
        "newest snapshot is of 2025-08-31" in p for p in look(replace(cohort, frame=frame), churns).data_problems
    )


@pytest.mark.parametrize(("days", "noticed"), [(100, False), (2000, True)])
def test_snapshots_that_run_ahead_of_the_outcomes_are_noticed(days, noticed):
    cohort, churns = known(world(), NEWEST)
    newest = cohort.frame[cohort.frame["as_of"] == NEWEST]
    ahead = newest.assign(as_of=NEWEST + pd.Timedelta(days=days))
    found = look(replace(cohort, frame=pd.concat([cohort.frame, ahead], ignore_index=True)), churns)
    assert any("although outcomes reach to 2025-12-31 only" in p for p in found.data_problems) == noticed


def test_half_an_export_is_noticed():
    cohort, churns = known(world(), NEWEST)
    gone = (cohort.frame["as_of"] == NEWEST) & (np.arange(len(cohort.frame)) % 2 == 0)
    found = look(replace(cohort, frame=cohort.frame[~gone].reset_index(drop=True)), churns)
    assert any(problem.startswith("The newest snapshot holds") for problem in found.data_problems)


def test_an_outcomes_feed_that_stopped_is_a_data_problem_and_no_success():
    cohort, churns = known(world(), NEWEST)
    late = cohort.frame["churned_on"] > REVIEWED
    frame = cohort.frame.assign(churned_on=cohort.frame["churned_on"].mask(late))
    found = look(replace(cohort, frame=frame), churns[churns["churn_at"] <= REVIEWED])
    assert found.verdict == "investigate data"
    assert any("has the outcomes feed stopped?" in problem for problem in found.data_problems)


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (lambda left: left <= pd.Timestamp("2025-07-20"), "Only "),
        (lambda left: left <= pd.Timestamp("2025-10-31"), "No churn since 2025-10-"),
    ],
)
def test_outcomes_that_stop_on_the_way_are_a_data_problem_and_no_success(kept, words):
    cohort, churns = known(world(), NEWEST)
    frame = cohort.frame.assign(churned_on=cohort.frame["churned_on"].where(kept(cohort.frame["churned_on"])))
    found = look(replace(cohort, frame=frame), churns[kept(churns["churn_at"])])
    assert found.verdict == "investigate data"
    assert any(problem.startswith(words) and "stopped?" in problem for problem in found.data_problems)


def test_churn_that_is_booked_at_the_end_of_quarters_is_silent_in_between():
    cohort, churns = known(world(), NEWEST)
    book = scored_book(cohort, churns, in_force()["body"])
    quarters = book.frame["left_on"].dt.to_period("Q").dt.start_time
    lumpy = replace(book, frame=book.frame.assign(left_on=quarters.where(quarters > book.frame["as_of"])))
    recent, before = Count(60, 60.0, 1.0, 1.0, 0.8, 1.2), Count(180, 180.0, 1.0, 1.0, 0.9, 1.1)
    assert _silent_outcomes(lumpy, recent, before) == []
    daily = book.frame.assign(left_on=book.frame["left_on"].where(book.frame["left_on"] <= pd.Timestamp("2025-10-31")))
    assert len(_silent_outcomes(replace(book, frame=daily), recent, before)) == 1


def test_a_jump_of_all_scores_is_dated():
    cohort, churns = known(world(), NEWEST)
    since = cohort.frame["as_of"] >= pd.Timestamp("2025-10-31")
    changes = {
        name: cohort.frame[name].mask(since, cohort.frame[name] * 0.4)
        for name in ("active_seats_share", "feature_adoption_share")
    }
    found = look(replace(cohort, frame=cohort.frame.assign(**changes)), churns)
    assert any("The mean score moved by -" in p and "2025-10-31" in p for p in found.data_problems)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_hardly_any_accounts_give_no_index_and_no_error(rows):
    cohort, churns = known(world(), NEWEST)
    book = scored_book(cohort, churns, in_force()["body"])
    tiny: Book = replace(book, frame=book.frame.groupby("as_of").head(rows) if rows else book.frame.head(0).assign())
    if rows:
        assert all(drift.psi is None for drift in drifts(tiny, REVIEWED, NEWEST, alpha=0.01))


def test_text_metrics_are_compared_by_category_and_new_ones_share_a_bin():
    cohort, churns = known(world(), NEWEST)
    body = in_force()["body"]
    book = scored_book(cohort, churns, body)
    now = (book.frame["as_of"] == NEWEST).to_numpy()
    plans = np.where(now, "=cmd()", np.where(np.arange(len(now)) % 2, "basic", "<script>"))
    text = replace(book, frame=book.frame.assign(plan=plans.astype(object)), metrics=("plan",))
    assert drifts(text, REVIEWED, NEWEST, alpha=0.01)[0].problem is not None
