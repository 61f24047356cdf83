"""Folds by date: nothing that was not known at the origin may teach, and nothing tested may leak back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_books import WINDOW, cohort_frame, cohort_of, panel

from churnbench.backtesting import Fold, cross_validation, distinct_events, inner_folds, walk_forward
from churnbench.backtesting.splits import deal_accounts
from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError

MONTHS = pd.date_range("2022-01-31", periods=30, freq="ME")


def _label_end(cohort: Cohort, rows: np.ndarray) -> pd.Series:
    """When each row's label was known, by arithmetic of its own."""
    window = cohort.window
    assert window is not None
    days = timedelta(days=window.gap_days + window.horizon_days + window.settle_days)
    return cohort.frame.loc[rows, "as_of"].map(lambda at: at.to_pydatetime() + days)


def _audit(cohort: Cohort, folds: tuple[Fold, ...]) -> None:
    holdout = folds[-1]
    assert [fold.role for fold in folds] == ["walk-forward"] * (len(folds) - 1) + ["holdout"]
    tested: set[int] = set()
    for fold in folds:
        assert fold.origin == cohort.frame.loc[fold.test_rows, "as_of"].min()
        assert (_label_end(cohort, fold.train_rows) <= fold.origin.to_pydatetime()).all()
        assert not tested & set(fold.test_rows)
        tested |= set(fold.test_rows)
        if fold is not holdout:
            assert (_label_end(cohort, fold.test_rows) <= holdout.origin.to_pydatetime()).all()
    origins = [fold.origin for fold in folds]
    assert origins == sorted(origins)
    assert len(set(origins)) == len(origins)


@pytest.mark.parametrize("shift", range(-3, 4))
def test_a_row_teaches_from_the_very_day_on_which_its_label_is_known(shift: int) -> None:
    cohort = panel(MONTHS)
    origin = walk_forward(cohort)[-1].origin
    extra = cohort_frame(["edge"], [origin - pd.Timedelta(days=WINDOW.label_days + shift)], [0.0])
    frame = pd.concat([cohort.frame, extra], ignore_index=True)
    holdout = walk_forward(replace(cohort, frame=frame))[-1]
    assert holdout.origin == origin
    assert (len(frame) - 1 in holdout.train_rows) == (shift >= 0)


@settings(max_examples=20, deadline=None)
@given(
    gap=st.integers(0, 40),
    horizon=st.integers(1, 120),
    settle=st.integers(0, 30),
    every=st.sampled_from([1, 7, 30]),
    start=st.dates(pd.Timestamp("2019-01-01").date(), pd.Timestamp("2022-12-31").date()),
)
def test_no_fold_of_any_window_or_rhythm_learns_from_the_future(
    gap: int, horizon: int, settle: int, every: int, start: object
) -> None:
    window = OutcomeWindow(gap, horizon, settle)
    dates = pd.date_range(start, periods=600 // every, freq=f"{every}D")
    ids = [f"a{k}" for k in range(6)]
    y = [float((k + n) % 4 == 0) for n in range(len(dates)) for k in range(6)]
    frame = cohort_frame(ids * len(dates), np.repeat(dates, 6), y, window)
    cohort = cohort_of(frame, window=window)
    folds = walk_forward(cohort, min_train_events=1)
    _audit(cohort, folds)
    # The purge takes only what it must: every labelled row known at the origin teaches.
    for fold in folds:
        assert len(fold.train_rows) == int((frame["matures_on"] <= fold.origin).sum())


def test_the_holdout_is_the_last_two_quarters_whatever_the_length_of_their_months() -> None:
    for last in range(18, 30):
        cohort = panel(MONTHS[:last])
        holdout = walk_forward(cohort)[-1]
        tested = sorted(cohort.frame.loc[holdout.test_rows, "as_of"].unique())
        assert tested == list(MONTHS[last - 6 : last])


def test_walk_forward_blocks_are_whole_quarters_that_meet_without_gap() -> None:
    cohort = panel(MONTHS)
    folds = walk_forward(cohort)[:-1]
    assert len(folds) >= 3
    days = [sorted(cohort.frame.loc[fold.test_rows, "as_of"].unique()) for fold in folds]
    assert [len(block) for block in days] == [3] * len(folds)
    together = [day for block in days for day in block]
    first = list(MONTHS).index(together[0])
    assert together == list(MONTHS[first : first + len(together)])


def test_weekly_snapshots_are_cut_by_date_and_none_is_lost_between_blocks() -> None:
    weeks = pd.date_range("2022-01-03", periods=120, freq="7D")
    cohort = panel(weeks, accounts=12, churners=12)
    folds = walk_forward(cohort)
    _audit(cohort, folds)
    before = np.concatenate([fold.test_rows for fold in folds[:-1]])
    dates = sorted(cohort.frame.loc[before, "as_of"].unique())
    assert np.all(np.diff(np.array(dates, dtype="datetime64[D]")).astype(int) == 7)


def test_a_rolling_window_forgets_what_is_older() -> None:
    cohort = panel(MONTHS)
    rolling = walk_forward(cohort, rolling_months=9)[-1]
    expanding = walk_forward(cohort)[-1]
    oldest = cohort.frame.loc[rolling.train_rows, "as_of"].min()
    assert oldest > rolling.origin - pd.DateOffset(months=9)
    assert set(rolling.train_rows) < set(expanding.train_rows)
    assert np.array_equal(rolling.test_rows, expanding.test_rows)


def test_monthly_origins_step_by_one_month() -> None:
    folds = walk_forward(panel(MONTHS), step_months=1)[:-1]
    months = [12 * fold.origin.year + fold.origin.month for fold in folds]
    assert set(np.diff(months)) == {1}


def test_a_holdout_with_few_events_to_learn_from_shrinks_to_one_quarter() -> None:
    rich, poor = panel(MONTHS, churners=20), panel(MONTHS, churners=19)
    tested = [c.frame.loc[walk_forward(c)[-1].test_rows, "as_of"].nunique() for c in (rich, poor)]
    assert tested == [6, 3]


def test_folds_with_fewer_churned_accounts_than_asked_are_left_out() -> None:
    cohort = panel(MONTHS, churners=20)
    assert len(walk_forward(cohort, min_train_events=21)) == 1
    assert len(walk_forward(cohort, min_train_events=20)) > 1


def test_rows_without_a_mature_label_are_in_no_fold() -> None:
    cohort = panel(MONTHS)
    frame = cohort.frame.copy()
    hidden = frame.index[::7]
    frame.loc[hidden, ["status", "y"]] = ["immature", np.nan]
    for fold in walk_forward(replace(cohort, frame=frame)):
        assert not set(hidden) & (set(fold.train_rows) | set(fold.test_rows))


def test_a_short_history_is_refused_with_its_dates_and_what_would_do() -> None:
    with pytest.raises(InputError) as caught:
        walk_forward(panel(MONTHS[:4]))
    text = str(caught.value)
    for part in ("too short", "2022-01-31", "2022-04-30", "104 days", "196 days", "horizon_days"):
        assert part in text


def test_the_history_that_the_refusal_asks_for_is_enough() -> None:
    first = pd.Timestamp("2022-01-31")
    cohort = panel(pd.date_range(first, first + pd.Timedelta(days=196), freq="7D"))
    assert len(walk_forward(cohort)[-1].train_rows) > 0


def test_no_quarter_to_hold_out_is_refused() -> None:
    with pytest.raises(InputError, match="too short"):
        walk_forward(panel(MONTHS), holdout_quarters=0)


def test_a_cohort_without_labels_is_refused() -> None:
    cohort = panel(MONTHS)
    with pytest.raises(InputError, match="no snapshot has a mature label"):
        walk_forward(replace(cohort, frame=cohort.frame.assign(status="immature")))


def test_an_event_is_an_account_never_a_row() -> None:
    frame = cohort_frame(["a", "a", "b", "c"], MONTHS[:4], [1, 1, 1, 0])
    assert distinct_events(frame) == 2


def _table(accounts: int, rows_each: int, churners: int) -> Cohort:
    ids = np.repeat([f"a{k:03d}" for k in range(accounts)], rows_each)
    frame = cohort_frame(ids, [pd.NaT] * len(ids), np.repeat(np.arange(accounts) < churners, rows_each))
    return cohort_of(frame, window=None, dated=False)


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 80), st.integers(1, 3), st.integers(5, 9), st.integers(0, 5))
def test_cross_validation_keeps_accounts_whole_and_classes_in_proportion(
    accounts: int, rows_each: int, churners: int, seed: int
) -> None:
    cohort = _table(accounts, rows_each, churners)
    folds = cross_validation(cohort, seed=seed)
    assert sorted(np.concatenate([fold.test_rows for fold in folds])) == list(cohort.frame.index)
    for fold in folds:
        ids = cohort.frame["account_id"]
        assert not set(ids[fold.train_rows]) & set(ids[fold.test_rows])
        assert len(fold.train_rows) + len(fold.test_rows) == len(cohort.frame)
        assert fold.origin is None
        events = distinct_events(cohort.frame.loc[fold.test_rows])
        assert churners // 5 <= events <= -(-churners // 5)


def test_dealing_is_the_same_for_the_same_seed_and_row_order_does_not_matter() -> None:
    rows = _table(50, 2, 9).frame
    dealt = pd.Series(deal_accounts(rows, parts=5, seed=3), index=rows["account_id"]).groupby(level=0).first()
    shuffled = rows.sample(frac=1, random_state=1)
    again = pd.Series(deal_accounts(shuffled, parts=5, seed=3), index=shuffled["account_id"]).groupby(level=0).first()
    assert dealt.equals(again)
    assert not np.array_equal(deal_accounts(rows, parts=5, seed=3), deal_accounts(rows, parts=5, seed=4))


def test_inner_folds_chain_forward_with_the_same_purge() -> None:
    rows = panel(MONTHS[:16]).frame
    folds = inner_folds(rows, dated=True)
    assert len(folds) == 3
    begins = []
    for learn, predict in folds:
        begin = rows["as_of"].iloc[predict].min()
        ends = rows["as_of"].iloc[learn] + pd.Timedelta(days=14 + 90)
        assert (ends <= begin).all()
        assert len(learn) == int((rows["as_of"] + pd.Timedelta(days=104) <= begin).sum())
        begins.append(begin)
    assert begins == sorted(begins)
    predicted = np.concatenate([predict for _, predict in folds])
    assert len(set(predicted)) == len(predicted)


def test_a_history_too_short_to_chain_is_dealt_by_account() -> None:
    rows = panel(MONTHS[:3]).frame
    folds = inner_folds(rows, dated=True)
    assert len(folds) == 3
    ids = rows["account_id"].to_numpy()
    for learn, predict in folds:
        assert not set(ids[learn]) & set(ids[predict])


def test_one_late_date_makes_one_chained_fold_and_blocks_without_events_are_left_out() -> None:
    rows = panel(MONTHS[:6]).frame
    last = rows["as_of"] == rows["as_of"].max()
    with_events = inner_folds(rows, dated=True)
    assert all(len(learn) for learn, _ in with_events)
    quiet = rows.assign(y=np.where(last, 0.0, rows["y"]))
    late = max(rows["as_of"].iloc[predict].max() for _, predict in inner_folds(quiet, dated=True))
    assert late <= rows["as_of"].max()
    assert not any(last.iloc[predict].all() for _, predict in inner_folds(quiet, dated=True))


@pytest.mark.parametrize("churners", [2, 3, 10])
def test_cross_validation_has_no_more_parts_than_the_smaller_class_has_accounts(churners: int) -> None:
    for cohort in (_table(12, 1, churners), _table(12, 1, 12 - churners)):
        folds = cross_validation(cohort)
        assert len(folds) == min(5, churners, 12 - churners)
        for fold in folds:
            assert cohort.frame.loc[fold.train_rows, "y"].nunique() == 2


@pytest.mark.parametrize(("churners", "word"), [(1, "only one has churned"), (11, "only one has stayed")])
def test_a_class_with_a_single_account_is_refused(churners: int, word: str) -> None:
    with pytest.raises(InputError, match=word):
        cross_validation(_table(12, 1, churners))


@pytest.mark.parametrize("churners", [0, 12])
def test_a_single_class_is_dealt_and_left_to_the_sanity_check(churners: int) -> None:
    assert len(cross_validation(_table(12, 1, churners))) == 5


def test_every_inner_fold_learns_from_both_classes() -> None:
    rows = _table(40, 1, 39).frame
    folds = inner_folds(rows, dated=False)
    assert 0 < len(folds) < 3
    panel_rows = panel(MONTHS[:16]).frame
    early = panel_rows["as_of"] < MONTHS[9]
    always = panel_rows.assign(y=np.where(early, 1.0, panel_rows["y"]))
    for part, chosen in ((rows, folds), (always, inner_folds(always, dated=True))):
        assert all(part["y"].iloc[learn].nunique() == 2 for learn, _ in chosen)


def test_undated_rows_with_a_single_churned_account_still_have_a_fold_that_can_learn() -> None:
    folds = inner_folds(_table(12, 1, 1).frame, dated=False)
    assert len(folds) == 2
    y = _table(12, 1, 1).frame["y"].to_numpy()
    assert all(y[learn].any() for learn, _ in folds)
