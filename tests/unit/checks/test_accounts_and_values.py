"""Twins, columns with one value per account, values that tell, and churn dates: caught, and not cried over."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from check_worlds import DAY, clean_book, cross_sectional, days_left, purged_folds, with_column
from scipy import stats

from churnbench.checks import CheckContext
from churnbench.checks.churn_dates import check_churn_dates, days_of_silence
from churnbench.checks.one_value import GroupOutcomes, check_one_value, closest_fit, group_outcomes, never_changes
from churnbench.checks.telling_values import check_telling_values, states
from churnbench.checks.twins import check_twins, twin_pairs


@pytest.fixture(scope="module")
def book():
    return clean_book(seed=1)[0]


def _context(cohort, **more):
    return CheckContext(cohort, folds=more.pop("folds", None) or purged_folds(cohort), **more)


def _flags(findings):
    return {finding.id: finding.severity for finding in findings if finding.severity != "ok"}


def _per_account(cohort, values):
    """One value per account, in the order of the sorted ids."""
    ids = sorted(cohort.frame["account_id"].unique())
    return cohort.frame["account_id"].map(dict(zip(ids, values, strict=True)))


def _left(cohort):
    """Whether each account ever churned, in the order of the sorted ids."""
    return cohort.frame.groupby("account_id")["churned_on"].agg(lambda days: days.notna().any()).to_numpy()


# --- twins


def test_one_customer_under_two_ids_is_found_and_named(book):
    copies = book.frame[book.frame["account_id"].isin(["a00003", "a00007"])]
    copies = copies.assign(account_id="z" + copies["account_id"])
    frame = pd.concat([book.frame, copies]).sort_values(["as_of", "account_id"]).reset_index(drop=True)
    (finding,) = check_twins(_context(replace(book, frame=frame)))
    assert (finding.id, finding.severity) == ("twin-accounts", "review")
    assert finding.detail.startswith("4 of 602 accounts show the same values")
    assert re.search(r"e\.g\. `(a0000[37])` and `z\1` on \d+ of \d+ dates\.", finding.detail)


def test_a_second_id_that_is_used_for_a_few_months_only_is_found_too(book):
    days = sorted(book.frame["as_of"].unique())
    copies = book.frame[(book.frame["account_id"] == "a00003") & book.frame["as_of"].isin(days[3:7])]
    frame = pd.concat([book.frame, copies.assign(account_id="new")], ignore_index=True)
    pairs = twin_pairs(frame, book.metrics, rare=3)
    assert pairs.to_numpy().tolist() == [["a00003", "new", 4, 4]]
    assert _flags(check_twins(_context(replace(book, frame=frame)))) == {"twin-accounts": "review"}


def test_two_equal_rows_on_a_single_date_accuse_nobody(book):
    frame = book.frame.copy()
    here = frame.index[frame["as_of"] == frame["as_of"].median()][:2]
    frame.loc[here[1], list(book.metrics)] = frame.loc[here[0], list(book.metrics)].to_numpy(dtype=float)
    assert len(twin_pairs(frame, book.metrics, rare=3)) == 1
    assert not _flags(check_twins(_context(replace(book, frame=frame))))


def test_dormant_accounts_with_nothing_but_zeros_are_no_twins(book):
    frame = book.frame.copy()
    dormant = frame["account_id"].isin([f"a{number:05d}" for number in range(0, 600, 8)])
    frame.loc[dormant, list(book.metrics)] = 0.0
    assert not _flags(check_twins(_context(replace(book, frame=frame))))


def test_two_dormant_accounts_without_any_value_are_no_twins(book):
    frame = book.frame.copy()
    frame.loc[frame["account_id"].isin(["a00001", "a00002"]), list(book.metrics)] = np.nan
    assert twin_pairs(frame, book.metrics, rare=3).empty


def test_a_coarse_table_in_which_many_rows_agree_accuses_nobody():
    cohort = clean_book(seed=2, metrics=3)[0]
    frame = cohort.frame.assign(**{name: (cohort.frame[name] > 0.5).astype(float) for name in cohort.metrics})
    assert frame.duplicated(["as_of", *cohort.metrics]).mean() > 0.9
    assert not _flags(check_twins(_context(replace(cohort, frame=frame))))


def test_without_dates_twins_need_more_rare_values():
    cohort = cross_sectional()
    rng = np.random.default_rng(0)
    for name in ("m1", "m2", "m3", "m4"):
        cohort = with_column(cohort, name, rng.normal(size=400))
    frame = cohort.frame.copy()
    frame.loc[1, list(cohort.metrics)] = frame.loc[0, list(cohort.metrics)].to_numpy(dtype=float)
    (finding,) = check_twins(CheckContext(replace(cohort, frame=frame)))
    assert finding.severity == "review"
    assert "`c0` and `c1`." in finding.detail
    four = replace(cohort, frame=frame, metrics=("m0", "m1", "m2", "m3"))
    assert not _flags(check_twins(CheckContext(four)))


def test_a_cohort_without_metrics_has_no_twins(book):
    assert twin_pairs(book.frame, (), rare=3).empty


# --- one value per account


def test_a_mean_over_the_whole_period_that_predicts_is_for_review(book):
    health = book.frame[["m0", "m2", "m4"]].sum(axis=1)
    mean = health.groupby(book.frame["account_id"]).transform("mean")
    (finding,) = check_one_value(_context(with_column(book, "lifetime", mean)))
    assert (finding.id, finding.severity) == ("one-value:lifetime", "review")
    assert "never changes within an account over" in finding.detail
    assert "[checks.allow]" in finding.detail


def test_seats_and_founding_years_that_say_nothing_pass(book):
    rng = np.random.default_rng(0)
    cohort = with_column(book, "seats", _per_account(book, np.round(np.exp(rng.normal(3, 1, 600)))))
    cohort = with_column(cohort, "tier", _per_account(book, rng.choice(["gold", "silver"], 600)))
    (finding,) = check_one_value(_context(cohort))
    assert finding.severity == "ok"
    assert "(`seats`)" in finding.detail


def test_columns_that_move_are_not_looked_at(book):
    assert not never_changes(book.frame, "m0")
    assert check_one_value(_context(book))[0].detail == "Every number changes within accounts over time."


def test_a_number_that_repeats_the_segment_is_shown_whatever_it_was_made_from(book):
    code = pd.Series(pd.factorize(book.frame["account_id"])[0] % 3, index=book.frame.index).astype(float)
    book = replace(book, frame=book.frame.assign(segment=code.map({0.0: "SMB", 1.0: "Mid", 2.0: "Enterprise"})))
    (finding,) = check_one_value(_context(with_column(book, "segment_code", code)))
    assert (finding.id, finding.severity) == ("one-value:segment_code", "review")
    assert "for each of the" in finding.detail
    finer = code + pd.factorize(book.frame["account_id"])[0] % 7 / 100
    details = [f.detail for f in check_one_value(_context(with_column(book, "finer", finer)))]
    assert not any("for each of the" in detail for detail in details)


def test_few_accounts_or_one_value_for_all_say_nothing_about_constancy(book):
    few = book.frame[book.frame["account_id"] < "a00040"].assign(size=1.0)
    assert not never_changes(few.assign(size=few["account_id"].str[-2:].astype(float)), "size")
    assert not never_changes(book.frame.assign(version=2.0), "version")


def test_without_dates_one_value_per_account_is_the_rule():
    (finding,) = check_one_value(CheckContext(cross_sectional()))
    assert finding.detail.startswith("Not applicable")


@pytest.mark.parametrize("size", [12, 60])
def test_groups_replaced_by_their_own_churn_rate_fit_too_well(book, size):
    left = _left(book).astype(float)
    group = np.random.default_rng(0).integers(0, 600 // size, 600)
    encoded = _per_account(book, pd.Series(left).groupby(group).transform("mean").round(4).to_numpy())
    (finding,) = check_one_value(_context(with_column(book, "group_risk", encoded)))
    assert (finding.id, finding.severity) == ("one-value:group_risk", "review")
    assert "follows the groups' own churn rates more closely than chance allows" in finding.detail


def test_rates_of_labelled_rows_fit_too_well_as_well(book):
    group = _per_account(book, np.random.default_rng(1).integers(0, 20, 600))
    rows = book.frame.assign(group=group)
    rate = rows["group"].map(rows[rows["status"] == "labelled"].groupby("group")["y"].mean())
    assert "one-value:risk" in _flags(check_one_value(_context(with_column(book, "risk", rate))))


def test_groups_that_truly_differ_and_are_scored_truly_fit_only_as_well_as_chance_allows():
    # The null distribution: with true rates as values the statistic is uniform, so 1e-4 is hardly ever undercut.
    rng = np.random.default_rng(0)
    sizes, truth = np.full(15, 80), np.linspace(0.05, 0.35, 15)
    found = []
    for _ in range(400):
        rate = rng.binomial(sizes, truth) / sizes
        groups = GroupOutcomes(truth, rate, truth * (1 - truth) / sizes)
        found.append(closest_fit([groups]).probability)
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_a_fit_needs_five_groups_and_outcomes():
    four = GroupOutcomes(np.arange(4.0), np.full(4, 0.1), np.full(4, 0.01))
    assert closest_fit([four]) is None
    assert closest_fit([GroupOutcomes(np.arange(6.0), np.zeros(6), np.zeros(6))]) is None


def test_group_outcomes_are_counted_by_hand():
    frame = pd.DataFrame(
        {
            "account_id": np.repeat([f"g{number}" for number in range(12)], 2),
            "size": np.repeat([1.0] * 5 + [2.0] * 5 + [3.0] * 2, 2),
            "status": ["labelled", "immature"] * 12,
            "churned_on": np.where(np.repeat(np.arange(12) % 2 == 0, 2), pd.Timestamp("2025-01-01"), pd.NaT),
        }
    )
    frame["y"] = np.where(frame["status"] == "labelled", frame["account_id"].isin(["g0", "g6"]), np.nan)
    frame["churned_on"] = pd.to_datetime(frame["churned_on"])
    ever, rows = group_outcomes(frame, "size")
    # Value 3.0 is held by two accounts only and does not count.
    assert (ever.value.tolist(), ever.rate.tolist()) == ([1.0, 2.0], [0.6, 0.4])
    assert rows.rate.tolist() == [0.2, 0.2]
    assert ever.variance == pytest.approx([0.25 / 5, 0.25 / 5])


# --- values that tell


def test_a_reason_asked_of_every_second_leaver_is_found_though_presence_is_not_enough(book):
    rng = np.random.default_rng(0)
    asked = (days_left(book) <= 104) & _per_account(book, rng.random(600) < 0.4).to_numpy()
    reason = np.where(asked, rng.choice(["price", "rival"], len(asked)), None)
    (finding,) = check_telling_values(_context(with_column(book, "reason", reason)))
    assert (finding.id, finding.severity) == ("telling-value:reason", "review")
    assert "Where `reason` is filled in, accounts leave within the outcome window at a rate of 1.000" in finding.detail


def test_a_status_text_a_small_number_and_a_rewritten_tail_are_found(book):
    rng = np.random.default_rng(0)
    marked = (days_left(book) <= 100) & _per_account(book, rng.random(600) < 0.5).to_numpy()
    noise = rng.normal(size=len(marked))
    columns = {
        "state": (np.where(marked, "ending", "open"), "`ending`"),
        "stage": (np.where(marked, 9.0, rng.integers(1, 4, len(marked))), "`9.0`"),
        "rating": (np.where(marked, -4.0 + 0.1 * noise, noise), "at most"),
        "exports": (np.where(marked, 4.0 + 0.1 * noise, noise), "at least"),
    }
    for name, (values, words) in columns.items():
        (finding,) = check_telling_values(_context(with_column(book, name, values)))
        assert finding.id == f"telling-value:{name}"
        assert words in finding.detail


def test_honest_warnings_pass_even_at_their_ends(book):
    assert check_telling_values(_context(book))[0].detail.startswith("No value of a column nearly decides churn")


def test_the_limit_is_ten_times_the_odds_of_the_book():
    cohort = clean_book(accounts=400, seed=3, base=0.08)[0]
    base = cohort.labelled()["y"].mean()
    odds = 10 * base / (1 - base)
    (finding,) = check_telling_values(_context(cohort))
    assert f"(limit {odds / (1 + odds):.3f}".replace("0.", ".") in finding.detail


def test_few_churners_say_nothing_about_values(book):
    frame = book.frame.assign(y=np.where(book.frame["status"] == "labelled", 0.0, np.nan))
    assert check_telling_values(_context(replace(book, frame=frame)))[0].detail.startswith("Not computed")


def test_states_are_presence_coarse_values_texts_and_tails():
    coarse = pd.Series([1.0] * 6 + [2.0] * 3 + [np.nan])
    assert [words for words, _ in states(coarse)] == ["filled in", "missing", "`1.0`"]
    text = pd.Series(["a"] * 5 + [None])
    assert [(words, int(here.sum())) for words, here in states(text)] == [("filled in", 5), ("missing", 1), ("`a`", 5)]
    number = pd.Series(np.arange(1000.0))
    tails = dict(states(number))
    assert tails["at most 19"].sum() == 20
    assert tails["at least 979"].sum() == 21
    assert list(states(pd.Series([np.nan, np.nan]))) == []


# --- churn dates


def test_churn_recorded_a_period_late_is_for_review(book):
    late = replace(book, frame=book.frame.assign(churned_on=book.frame["churned_on"] + 45 * DAY))
    (finding,) = check_churn_dates(_context(late))
    assert (finding.id, finding.severity) == ("churn-dates", "review")
    assert "recorded later than it happened" in finding.detail


def test_rows_that_run_up_to_the_churn_pass(book):
    (finding,) = check_churn_dates(_context(book))
    assert finding.severity == "ok"
    silence, period = days_of_silence(book.frame)
    assert period == 31.0
    assert silence.between(1, 31).all()


def test_churns_after_the_last_snapshot_do_not_count(book):
    frame = book.frame[book.frame["as_of"] < "2023-09-01"].reset_index(drop=True)
    silence, _ = days_of_silence(frame)
    assert silence.max() <= 31
    assert check_churn_dates(CheckContext(replace(book, frame=frame)))[0].severity == "ok"


def test_one_date_or_few_churners_are_not_judged(book):
    one = book.frame[book.frame["as_of"] == book.frame["as_of"].min()].reset_index(drop=True)
    assert check_churn_dates(CheckContext(replace(book, frame=one)))[0].detail.startswith("Not computed")
    assert np.isnan(days_of_silence(one)[1])
    assert check_churn_dates(CheckContext(cross_sectional()))[0].detail.startswith("Not applicable")
