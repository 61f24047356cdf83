"""Each check catches the mistake it is made for, and keeps quiet on a clean book."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from check_worlds import (
    DAY,
    Split,
    clean_book,
    cross_sectional,
    days_left,
    purged_folds,
    shuffled_split,
    with_column,
)

from churnbench.checks import CHECKS, CheckContext, run_checks
from churnbench.checks import context as context_module
from churnbench.checks.facts import check_as_known, check_replay
from churnbench.checks.lead_time import check_lead_cliff
from churnbench.checks.permutation import check_target_permutation, entry_groups, permuted_aucs
from churnbench.checks.sanity import check_sanity
from churnbench.checks.single_feature import check_presence, check_single_features
from churnbench.checks.split import check_split, check_train_test
from churnbench.domain.findings import Finding


@pytest.fixture(scope="module")
def book():
    return clean_book(seed=1)[0]


def _context(cohort, **more):
    return CheckContext(cohort, folds=more.pop("folds", None) or purged_folds(cohort), **more)


def _flags(findings):
    return {finding.id: finding.severity for finding in findings if finding.severity != "ok"}


def test_a_clean_book_passes_every_check_with_one_ok_each(book):
    findings = run_checks(_context(book))
    assert [finding.id for finding in findings] == list(CHECKS)
    assert {finding.severity for finding in findings} == {"ok"}
    assert all(finding.detail.endswith(".") for finding in findings)


def test_the_same_seed_gives_the_same_findings(book):
    assert run_checks(_context(book, seed=3)) == run_checks(_context(book, seed=3))


def test_a_column_that_states_the_outcome_is_blocked_with_its_lead_profile(book):
    rng = np.random.default_rng(0)
    told = np.where(days_left(book) <= 104, 3.5, 0.0) + rng.normal(size=len(book.frame))
    context = _context(with_column(book, "admin_exports", told))
    (finding,) = check_single_features(context)
    assert (finding.id, finding.severity) == ("single-feature-auc:admin_exports", "block")
    assert finding.detail.startswith("Column `admin_exports` alone almost predicts churn (AUC .9")
    assert "at 0-30 days" in finding.detail
    assert finding.detail.endswith("Blocked; to keep it, write the reason under [checks.allow].")
    assert _flags(check_sanity(context)) == {"sanity:perfect-model": "block"}


def test_a_strong_column_is_for_review_whatever_its_direction_or_shape(book):
    rng = np.random.default_rng(0)
    y = book.frame["y"].fillna(0.0).to_numpy()
    strong = 1.9 * y + rng.normal(size=len(y))
    both_ends = np.where(y == 1, rng.choice([-2.4, 2.4], len(y)), 0.0) + rng.normal(size=len(y))
    text = np.where(rng.random(len(y)) < np.where(y == 1, 0.85, 0.05), "closing", "open")
    text = np.where(rng.random(len(y)) < 0.02, None, text)
    for name, values in (("up", strong), ("down", -strong), ("ends", both_ends), ("text", text)):
        findings = check_single_features(_context(with_column(book, name, values)))
        assert _flags(findings) == {f"single-feature-auc:{name}": "review"}, name


def test_text_with_one_value_per_account_is_no_alarm(book):
    names = book.frame["account_id"].astype(str)
    assert not _flags(check_single_features(_context(with_column(book, "crm_id", names))))


def test_a_column_filled_in_when_an_account_leaves_is_for_review(book):
    rng = np.random.default_rng(0)
    leaves = book.frame["y"].fillna(0.0).to_numpy() == 1
    reason = np.where(rng.random(len(leaves)) < np.where(leaves, 0.8, 0.02), rng.normal(size=len(leaves)), np.nan)
    findings = check_presence(_context(with_column(book, "exit_interview", reason)))
    assert _flags(findings) == {"presence:exit_interview": "review"}
    assert "`exit_interview` is filled in at all" in findings[0].detail


def test_many_columns_that_are_each_a_little_emptier_are_found_by_their_number(book):
    rng = np.random.default_rng(0)
    cohort = book
    leaves = book.frame["y"].fillna(0.0).to_numpy() == 1
    for number in range(8):
        empty = rng.random(len(leaves)) < np.where(leaves, 0.5, 0.1)
        cohort = with_column(cohort, f"q{number}", np.where(empty, np.nan, 1.0 + number))
    assert _flags(check_presence(_context(cohort))) == {"presence:record-count": "review"}


def test_a_footprint_of_the_last_month_is_a_cliff_though_its_auc_is_harmless(book):
    rng = np.random.default_rng(0)
    exports = np.where(days_left(book) <= 30, 2.5, 0.0) + rng.normal(size=len(book.frame))
    context = _context(with_column(book, "exports", exports))
    assert not _flags(check_single_features(context))
    (finding,) = check_lead_cliff(context)
    assert (finding.id, finding.severity) == ("lead-cliff:exports", "review")
    assert "`exports` predicts churn 0-30 days before it happens" in finding.detail
    assert "footprint of leaving" in finding.detail


@pytest.mark.parametrize(("days", "words"), [(104, "outcome window ends"), (180, "about 180 days back")])
def test_a_backfill_of_half_of_the_churners_is_a_cliff_where_it_ends(days, words):
    book = clean_book(accounts=1000, seed=2)[0]
    rng = np.random.default_rng(0)
    half = book.frame["account_id"].str[-1].isin(list("02468")).to_numpy()
    rating = np.where(half & (days_left(book) <= days), -2.5, 0.0) + rng.normal(size=len(book.frame))
    context = _context(with_column(book, "rating", rating))
    assert not _flags(check_single_features(context))
    (finding,) = check_lead_cliff(context)
    assert finding.id == "lead-cliff:rating"
    assert words in finding.detail


def test_a_footprint_spread_over_several_columns_is_found_by_the_model():
    book = clean_book(accounts=1000, seed=3)[0]
    rng = np.random.default_rng(0)
    leaves = days_left(book) <= 104
    cohort = book
    for number in range(10):
        # Alone each column falls by less than .10 AUC at the end of the window.
        cohort = with_column(cohort, f"x{number}", 0.27 * leaves + rng.normal(size=len(leaves)))
    (finding,) = check_lead_cliff(_context(cohort))
    assert finding.id == "lead-cliff:model"
    assert finding.detail.startswith("A model of all columns predicts churn")


def test_rows_dealt_at_random_are_caught_by_both_the_audit_and_the_permutation(book):
    context = _context(book, folds=shuffled_split(book))
    assert _flags(check_target_permutation(context)) == {"target-permutation": "block"}
    (finding,) = check_split(context)
    assert finding.severity == "block"
    assert "training labels end after the test starts" in finding.detail


def test_a_forgotten_purge_is_named_with_an_account_and_its_dates(book):
    good = purged_folds(book)[-1]
    rows = book.labelled()
    unpurged = Split(rows.index[rows["as_of"] < good.origin].to_numpy(), good.test_rows, good.origin)
    findings = check_split(_context(book, folds=(good, unpurged)))
    assert [finding.severity for finding in findings] == ["block"]
    assert f"starts on {good.origin:%Y-%m-%d}" in findings[0].detail
    assert findings[0].id == f"split-audit:{good.origin:%Y-%m-%d}"


def test_a_row_on_both_sides_blocks(book):
    good = purged_folds(book)[-1]
    twice = Split(good.train_rows, np.append(good.test_rows, good.train_rows[:2]), good.origin)
    assert "2 rows are in training and in test" in check_split(_context(book, folds=(twice,)))[0].detail


def test_a_change_of_the_book_is_told_apart_and_its_column_named(book):
    later = (book.frame["as_of"] >= purged_folds(book)[-1].origin).to_numpy()
    moved = np.random.default_rng(0).normal(size=len(later)) + 1.5 * later
    (finding,) = check_train_test(_context(with_column(book, "seats", moved)))
    assert (finding.id, finding.severity) == ("train-vs-test", "review")
    assert "most of all by `seats`" in finding.detail


def test_tenure_is_left_out_of_the_comparison_of_periods_and_named(book):
    frame = book.frame
    tenure = (frame["as_of"] - frame.groupby("account_id")["as_of"].transform("min")).dt.days.astype(float)
    with_region = with_column(book, "region", np.where(frame["account_id"].str[-1] > "5", "north", "south"))
    (finding,) = check_train_test(_context(with_column(with_region, "tenure", tenure)))
    assert finding.severity == "ok"
    assert "Left out, since they only rise: `tenure`" in finding.detail
    alone = replace(with_column(book, "tenure", tenure), metrics=("tenure",))
    assert check_train_test(_context(alone))[0].detail.startswith("Not applicable. Left out")


class _Facts:
    """A history whose features change in one way."""

    def __init__(self, cohort, change=None, later=None):
        self.frame, self.change, self.later = cohort.frame, change, later

    def replay(self, as_of, *, inject):
        again = self.frame[self.frame["as_of"] == as_of].drop(columns="as_of")
        return again if self.change is None else self.change(again.copy(), inject)

    def as_of_features(self):
        return self.later


def _peeks(again, inject):
    again["m1"] += 1.0 * inject
    return again


def _loses(again, inject):
    return again.iloc[1:]


def _computes_nothing(again, inject):
    return None


def test_features_that_change_with_invented_future_facts_block(book):
    text = with_column(book, "plan", np.where(book.frame["m0"] > 1, None, "gold"))
    assert check_replay(_context(text, history=_Facts(text)))[0].severity == "ok"
    (finding,) = check_replay(_context(text, history=_Facts(text, _peeks)))
    assert (finding.id, finding.severity) == ("replay:m1", "block")
    assert "with invented facts after that date" in finding.detail
    (finding,) = check_replay(_context(book, history=_Facts(book, _loses)))
    assert finding.id == "replay:account_id"
    nothing = check_replay(_context(book, history=_Facts(book, _computes_nothing)))
    assert nothing[0].detail == "Not applicable: no column is computed from facts."


def test_text_that_changes_when_the_future_is_deleted_blocks(book):
    plans = with_column(book, "plan", "gold")

    def forget(again, inject):
        again.loc[again.index[:3], "plan"] = None
        again.loc[again.index[3:5], "plan"] = "silver"
        return again

    (finding,) = check_replay(_context(plans, history=_Facts(plans, forget)))
    assert finding.id == "replay:plan"
    assert "(5 of " in finding.detail


def test_a_column_that_ranks_churn_in_hindsight_only_blocks(book):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(book.frame))
    known = with_column(book, "nps", np.where(rng.random(len(noise)) < 0.5, np.nan, noise))
    later = known.frame[["account_id", "as_of", *known.metrics]].copy()
    later["m0"] += 1e-3 * noise
    assert check_as_known(_context(known, history=_Facts(known, later=later)))[0].severity == "ok"
    later["nps"] = noise - 1.5 * (days_left(book) <= 104)
    (finding,) = check_as_known(_context(known, history=_Facts(known, later=later)))
    assert (finding.id, finding.severity) == ("as-known:nps", "block")
    assert "in hindsight" in finding.detail


def test_a_gain_in_hindsight_within_noise_passes():
    book = clean_book(accounts=120, months=14, seed=5)[0]
    rng = np.random.default_rng(3)
    gains = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        known = with_column(book, "x", rng.normal(size=len(book.frame)))
        later = known.frame[["account_id", "as_of"]].assign(x=rng.normal(size=len(book.frame)))
        context = CheckContext(known, history=_Facts(known, later=later))
        gains += check_as_known(context)
    assert {finding.severity for finding in gains} == {"ok"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_one_class_blocks_and_the_other_checks_say_that_they_were_not_computed(book, share):
    frame = book.frame.assign(y=np.where(book.frame["status"] == "labelled", share, np.nan))
    findings = run_checks(_context(replace(book, frame=frame)))
    assert _flags(findings) == {"sanity:one-class": "block"}
    assert sum(finding.detail.startswith("Not computed") for finding in findings) >= 3


def test_zero_rows_block_and_say_why(book):
    frame = book.frame.assign(status="immature", y=np.nan)
    empty = replace(book, frame=frame, excluded={"immature": 9})
    findings = run_checks(CheckContext(empty))
    assert _flags(findings) == {"sanity:no-rows": "block"}
    assert "(9 immature)" in findings[0].detail


def test_a_label_that_the_date_decides_blocks(book):
    frame = book.frame.copy()
    late = (frame["as_of"] > frame["as_of"].median()).astype(float)
    frame["y"] = late.where(frame["status"] == "labelled")
    assert "sanity:constant-per-snapshot" in _flags(check_sanity(_context(replace(book, frame=frame))))


def test_duplicates_and_rows_after_the_churn_block_with_an_example(book):
    rows = book.labelled()
    frame = pd.concat([book.frame, rows.iloc[[0]]], ignore_index=True)
    left = frame.index[frame["status"] == "labelled"][5]
    frame.loc[left, "churned_on"] = frame.loc[left, "as_of"] - 3 * DAY
    flags = _flags(check_sanity(_context(replace(book, frame=frame))))
    assert flags == {"sanity:duplicates": "block", "sanity:after-churn": "block"}


def test_a_table_without_dates_passes_time_checks_as_not_applicable():
    cohort = cross_sectional()
    part = np.arange(400) % 5 == 0
    folds = (Split(np.flatnonzero(~part), np.flatnonzero(part), None),)
    findings = run_checks(CheckContext(cohort, folds=folds))
    assert not _flags(findings)
    details = {finding.id: finding.detail for finding in findings}
    for check in ("replay", "as-known", "lead-cliff", "train-vs-test"):
        assert details[check].startswith("Not applicable"), check
    assert "no account is on both sides" in details["split-audit"]
    assert "AUC" in details["target-permutation"]
    leak = with_column(cohort, "told", cohort.frame["y"] + 0.01 * np.arange(400) / 400)
    assert _flags(check_single_features(CheckContext(leak))) == {"single-feature-auc:told": "block"}


def test_an_account_on_both_sides_of_a_cross_validation_blocks():
    cohort = cross_sectional()
    frame = cohort.frame.assign(account_id=[f"c{number // 2}" for number in range(400)])
    part = np.arange(400) % 2 == 0
    folds = (Split(np.flatnonzero(~part), np.flatnonzero(part), None),)
    (finding,) = check_split(CheckContext(replace(cohort, frame=frame), folds=folds))
    assert "200 accounts are in training and in test, e.g. `c0`" in finding.detail


def test_reasons_are_attached_by_id_by_check_or_by_column_and_lift_the_block(book):
    y = book.frame["y"].fillna(0.0)
    cohort = with_column(book, "told", y + 0.001 * np.arange(len(y)) / len(y))
    for key in ("single-feature-auc:told", "single-feature-auc", "told"):
        findings = run_checks(_context(cohort, allow={key: "agreed", "sanity": "agreed", "lead-cliff": "agreed"}))
        found = next(finding for finding in findings if finding.id == "single-feature-auc:told")
        assert (found.severity, found.allowed, found.blocks) == ("block", "agreed", False)
    empty = run_checks(_context(cohort, allow={"told": ""}))
    assert any(finding.blocks for finding in empty)
    assert all(finding.allowed is None for finding in empty)


def test_findings_of_the_cohort_come_first(book):
    noticed = Finding("before-signup:2023-01-31", "block", "3 rows lie before signup.")
    findings = run_checks(_context(replace(book, findings=(noticed,)), allow={"before-signup": "migrated"}))
    assert findings[0].allowed == "migrated"


def test_progress_hears_of_every_check(book):
    class Diary:
        def __init__(self):
            self.heard = []

        def stage(self, name, total=None):
            self.heard.append((name, total))

        def step(self, detail=""):
            self.heard.append(detail)

    diary = Diary()
    run_checks(CheckContext(book, progress=diary))
    assert diary.heard == [("checks", len(CHECKS)), *CHECKS]


def test_large_books_are_judged_on_whole_random_accounts_and_say_so(book, monkeypatch):
    monkeypatch.setattr(context_module, "SAMPLE_ROWS", 5000)
    context = _context(book, seed=1)
    sample = context.sample
    assert 4500 < len(sample) <= 5000
    whole = book.frame[book.frame["status"].isin(["labelled", "too-late"])]
    kept = whole[whole["account_id"].isin(sample["account_id"])]
    assert len(kept) == len(sample)
    assert "randomly drawn accounts" in check_single_features(context)[0].detail


def test_short_histories_say_that_nothing_was_computed():
    book = clean_book(accounts=60, months=8, seed=4)[0]
    rows = book.labelled()
    tiny = (Split(rows.index.to_numpy()[:40], rows.index.to_numpy()[-20:], rows["as_of"].max()),)
    later = book.frame[["account_id", "as_of", "m0"]]
    context = CheckContext(book, folds=tiny, history=_Facts(book, later=later))
    for check in (
        check_as_known,
        check_single_features,
        check_presence,
        check_lead_cliff,
        check_target_permutation,
        check_train_test,
    ):
        (finding,) = check(context)
        assert (finding.severity, finding.detail.startswith("Not computed")) == ("ok", True), check


def test_a_column_filled_for_a_handful_of_accounts_accuses_nobody(book):
    few = book.frame["account_id"] < "a00009"
    rare = np.where(few, days_left(book), np.nan)
    assert not _flags(check_single_features(_context(with_column(book, "rare", rare))))
    assert not _flags(check_lead_cliff(_context(with_column(book, "rare", rare))))


def test_a_first_fold_whose_outcomes_cannot_be_swapped_is_not_judged(monkeypatch, book):
    monkeypatch.setattr("churnbench.checks.permutation.permuted_aucs", lambda *_, **__: np.array([0.9] * 3))
    (finding,) = check_target_permutation(_context(book))
    assert finding.detail == "Not computed: too few churned accounts to swap."


def test_swaps_that_leave_one_class_are_left_out():
    rows = clean_book(accounts=45, months=10, seed=6)[0].labelled()
    rows = rows.assign(part=np.where(rows["as_of"] < rows["as_of"].median(), "train", "test"))
    rows["y"] = (rows["account_id"].isin(rows["account_id"].iloc[:1]) & (rows["part"] == "train")).astype(float)
    assert len(permuted_aucs(rows, ("m0", "m1"), seed=0)) == 0


def test_two_accounts_are_too_few_to_compare_periods(book):
    rows = book.labelled().iloc[:300].copy()
    rows["account_id"] = np.where(np.arange(300) < 150, "a", "b")
    cohort = replace(book, frame=rows.reset_index(drop=True))
    folds = (Split(np.arange(150), np.arange(150, 300), rows["as_of"].max()),)
    (finding,) = check_train_test(CheckContext(cohort, folds=folds))
    assert finding.detail == "Not computed: too few accounts to compare."


def test_with_few_churners_the_model_is_left_out_and_the_lead_profile_too():
    book = clean_book(accounts=150, months=14, seed=7, base=0.005)[0]
    y = book.frame["y"].fillna(0.0).to_numpy()
    context = CheckContext(with_column(book, "told", y + 0.01 * np.arange(len(y)) / len(y)))
    assert context.model_risk is None
    assert check_sanity(context)[0].severity == "ok"
    (finding,) = check_single_features(context)
    assert finding.severity == "block"
    assert "By days before churn" not in finding.detail


def test_entry_groups_hold_every_account_once_and_at_least_twenty():
    rng = np.random.default_rng(0)
    account = np.repeat(np.arange(130), 3)
    date = np.clip(rng.integers(0, 40, 130), 0, 39)[account] + np.tile(np.arange(3), 130)
    groups = entry_groups(account, date)
    assert sorted(np.concatenate(groups)) == list(range(130))
    assert min(len(group) for group in groups) >= 20
    assert len(groups) > 2


def test_no_check_changes_the_cohort(book):
    before = book.frame.copy()
    run_checks(_context(book))
    pd.testing.assert_frame_equal(book.frame, before)
