"""Invariant 7: a row whose outcome window has not matured is censored, never counted as an account that stayed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from invariant_books import DATED, FORMULA, dated_tables, seeds, tried, written

from churnbench.backtesting import walk_forward
from churnbench.calibration import Settings, Training
from churnbench.domain.cohort import Cohort, OutcomeWindow
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.labels import label_snapshots, read_outcomes

windows = st.builds(OutcomeWindow, st.integers(0, 40), st.integers(1, 120), st.integers(0, 30))
days = st.dates(date(2024, 3, 1), date(2025, 3, 31))


def _cohort(tables: dict[str, pd.DataFrame], through: date | None = None) -> tuple[Cohort, FormulaSpec]:
    text = DATED if through is None else DATED.replace("2024-12-31", f"{through}")
    with TemporaryDirectory() as folder:
        history = written(Path(folder), text + FORMULA, tables)
        cohort, formula = history.cohort(), history.formula
        history.close()
    return cohort, formula


def _with_newer(tables: dict[str, pd.DataFrame], seed: int) -> dict[str, pd.DataFrame]:
    """The same book with four more months of snapshots, of which no label is known yet."""
    rng = np.random.default_rng(seed)
    last = tables["snapshots"].drop_duplicates("account_id", keep="last")
    still = last[last["as_of"] == last["as_of"].max()]
    more = [
        still.assign(as_of=day, logins=rng.uniform(0, 10, len(still)))
        for day in pd.date_range("2025-01-31", "2025-04-30", freq="ME")
    ]
    return {**tables, "snapshots": pd.concat([tables["snapshots"], *more])}


@tried(20)
@given(seeds, windows, days)
def test_no_row_has_a_label_before_its_window_and_its_records_are_complete(
    seed: int, window: OutcomeWindow, through: date
) -> None:
    tables = dated_tables(seed)
    rows = tables["snapshots"].merge(tables["accounts"], on="account_id")
    labels = label_snapshots(rows, read_outcomes(tables["outcomes"]), window, through, min_tenure_days=60)
    matures = rows["as_of"] + pd.Timedelta(days=window.gap_days + window.horizon_days + window.settle_days)
    early = (matures > pd.Timestamp(through)).to_numpy()
    assert labels.loc[early, "y"].isna().all()
    assert not labels.loc[early, "status"].isin(["labelled", "too-late"]).any()
    assert labels["y"].notna().equals(labels["status"] == "labelled")
    assert (labels["matures_on"] == matures).all()


@tried(20)
@given(seeds, windows, days, st.integers(0, 200))
def test_an_earlier_end_of_the_data_only_takes_labels_away(
    seed: int, window: OutcomeWindow, through: date, earlier: int
) -> None:
    tables = dated_tables(seed)
    rows = tables["snapshots"].merge(tables["accounts"], on="account_id")
    outcomes = read_outcomes(tables["outcomes"])
    late, early = (
        label_snapshots(rows, outcomes, window, day, min_tenure_days=60)
        for day in (through, through - timedelta(days=earlier))
    )
    kept = early["status"] == "labelled"
    assert (late.loc[kept, "status"] == "labelled").all()
    pd.testing.assert_frame_equal(late[kept], early[kept])
    # What was known at the date itself does not depend on the end of the data.
    known = ["before-signup", "churned", "notice-known", "tenure"]
    assert (late["reason"].isin(known) == early["reason"].isin(known)).all()
    assert set(early.loc[~kept & (late["status"] == "labelled"), "status"]) <= {"immature"}


@tried(4)
@given(seeds)
def test_rows_without_a_mature_label_change_nothing_that_is_learnt(seed: int) -> None:
    tables = dated_tables(seed, accounts=40)
    (ours, spec), (theirs, other) = _cohort(tables), _cohort(_with_newer(tables, seed))
    assert len(theirs.frame) > len(ours.frame)
    assert theirs.excluded["immature"] > ours.excluded.get("immature", 0)
    first, second = ours.labelled(), theirs.labelled()
    assert len(first) > 0
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True), check_exact=True)
    assert first["y"].mean() == second["y"].mean()
    assert spec == other
    try:
        folds = [walk_forward(cohort, min_train_events=1) for cohort in (ours, theirs)]
    except InputError:
        assume(False)
    assert [fold.name for fold in folds[0]] == [fold.name for fold in folds[1]]
    for mine, yours in zip(*folds, strict=True):
        trainings = [
            Training.of(cohort, fold.train_rows, spec, Settings()) for cohort, fold in ((ours, mine), (theirs, yours))
        ]
        pd.testing.assert_frame_equal(trainings[0].frame, trainings[1].frame)
        assert trainings[0].hand_body == trainings[1].hand_body
        assert trainings[0].events == trainings[1].events


@tried(4)
@given(seeds, st.dates(date(2024, 6, 1), date(2024, 12, 1)))
def test_labels_of_a_whole_cohort_only_disappear_when_its_data_end_earlier(seed: int, through: date) -> None:
    tables = dated_tables(seed)
    late, early = (_cohort(tables, day)[0].frame.set_index(["account_id", "as_of"]) for day in (None, through))
    kept = early[early["status"] == "labelled"]
    assert (kept["matures_on"] <= pd.Timestamp(through)).all()
    pd.testing.assert_series_equal(kept["y"], late.loc[kept.index, "y"])
    assert len(kept) < late["y"].notna().sum()
    assert early.loc[early["status"] == "immature", "y"].isna().all()
