"""The proof suite in its small form: fixed seeds, the same code as `python -m proofs --full`."""

from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest
from proofs.books import Recipe, folds_of, labelled, preset_formula
from proofs.coverage import Setting
from proofs.montecarlo import Average, Share
from proofs.sizes import QUICK
from proofs.truth import effective_shares, expert_formula, total_variation

from churnbench.calibration import Settings, Training
from proofs import care, coverage, gate, segments

#: Books of the coverage proof, everywhere the same unless asked for otherwise; the full form takes 300 others.
BOOKS = int(os.environ.get("CHURNBENCH_PROOF_BOOKS", "16"))
EQUALS = 30
JOBS = min(2, os.cpu_count() or 1)
SMALL = Recipe(accounts=1400, months=24)


@pytest.fixture(scope="module")
def setting() -> Setting:
    return coverage.prepare(books=20)


@pytest.fixture(scope="module")
def found(setting: Setting) -> dict:
    return coverage.run(BOOKS, JOBS, setting, QUICK.first)


@pytest.mark.parametrize(
    "quantity",
    ["AUC", "log loss", "log loss difference", "band risk", "risk curve", "metric weight", "dimension weight"],
)
def test_ninety_per_cent_intervals_cover_the_population_value_about_that_often(found: dict, quantity: str) -> None:
    share = _covered(found, quantity)
    assert share.replicates == BOOKS
    # So few books show only a gross failure; two standard errors of a coverage of .9 are allowed.
    assert share.value >= 0.865 - 2 * math.sqrt(0.09 / BOOKS)


def _covered(found: dict, quantity: str) -> Average:
    claims = found["claims"]
    return Average.of(claims[claims["quantity"] == quantity].groupby("seed")["covered"].mean())


def test_cut_offs_break_their_promise_in_at_most_one_book_of_ten(found: dict) -> None:
    for _, group in found["promises"].groupby("end"):
        assert group["made"].any()
        assert Share.of(group["calibrated_broken"]).at_most(0.10)
        assert Share.of(group["later_broken"]).at_most(0.10)


def test_the_refit_is_nearer_to_the_true_weights_than_every_other_way(found: dict) -> None:
    mean = found["recovery"].groupby("name")[["dimension", "metric", "metric_signed"]].mean()
    others = ["incumbent", "shap_share", "shap_slope", "distilled", "maximum likelihood"]
    assert mean.loc["anchored", "dimension"] <= 0.12
    for other in others:
        assert mean.loc["anchored", "dimension"] < mean.loc[other, "dimension"]
        assert mean.loc["anchored", "metric"] < mean.loc[other, "metric"]
        assert mean.loc["anchored", "metric_signed"] < mean.loc[other, "metric_signed"]
    # docs/proofs.md: what is left is mostly what nobody could tell from so few events, even with every curve known.
    assert mean.loc["curves known", "metric"] < mean.loc["anchored", "metric"] < 2 * mean.loc["curves known", "metric"]


def test_a_purged_backtest_says_what_is_true_and_rows_dealt_at_random_do_not(found: dict) -> None:
    live = found["live"].assign(gap=lambda table: table["backtest"] - table["live"])
    for name, group in live.groupby("name"):
        gap = Average.of(group["gap"])
        if "random" in str(name):
            assert gap.value > 0.02
            assert gap.value > 5 * gap.error
        else:
            assert abs(gap.value) <= 2.5 * math.hypot(gap.error, group["live_error"].mean())


def test_equally_good_formulas_are_not_promoted_over_each_other_more_often_than_allowed() -> None:
    table = gate.run_equals(gate.equals(SMALL, books=30), EQUALS, JOBS)
    assert Share.of(table["verdict"] == "promote").at_most(0.05)


def test_worlds_without_signal_and_experts_who_are_right_see_no_promotion_of_something_worse() -> None:
    # The population of the full form: experts who are right about a few books are wrong about the next.
    kinds = gate.cases(SMALL, books=60)
    null = gate.run(kinds["null world"], 8, JOBS)
    assert not (null["verdict"] == "promote").any()
    right = gate.run(kinds["right experts"], 8, JOBS)
    assert not ((right["verdict"] == "promote") & (right["true_gain"] <= 0)).any()
    wrong = gate.run(kinds["wrong experts"], 6, JOBS)
    assert (wrong["verdict"] == "promote").mean() >= 0.5
    assert (wrong["true_gain"] > 0).all()


def test_a_playbook_lowers_the_auc_and_the_interval_still_covers_the_auc_under_current_care() -> None:
    alone, cared = (care.run(company, 10, JOBS) for company in care.companies(SMALL, books=6))
    assert cared["live"].mean() < alone["live"].mean()
    assert cared["lowest_band_rate"].mean() < alone["lowest_band_rate"].mean()
    assert ((cared["low"] <= cared["live"]) & (cared["live"] <= cared["high"])).mean() >= 0.7


def test_pooled_weights_of_segments_are_not_farther_from_the_truth_than_one_profile() -> None:
    kind = segments.company(3.0, recipe=replace(segments.RECIPE, accounts=2000), books=6)
    table = segments.run(kind, 4, JOBS)
    assert {"SMB", "Mid-Market"} <= set(table["segment"])
    assert table["pooled"].mean() <= table["one profile"].mean() + 0.02
    assert table["pooled"].max() < 0.25


def test_the_population_s_own_formula_is_what_the_experts_who_are_right_declare(setting: Setting) -> None:
    spec = expert_formula(setting.truth, preset_formula())
    cohort = setting.recipe.cohort(3)
    training = Training.of(cohort, folds_of(cohort)[-1].train_rows, spec, Settings())
    shares = effective_shares(training.hand_body, setting.truth.grid)
    assert total_variation(shares, setting.truth.signed()) < 0.02
    assert sum(setting.truth.shares().values()) == pytest.approx(1.0)


def test_cohorts_without_files_are_those_that_the_project_folder_gives(tmp_path) -> None:
    from churnbench.cohort import open_history
    from churnbench.data.project import load_project
    from churnbench.data.simulate_demo import simulated_project

    world = Recipe(accounts=120, months=14).world(1)
    simulated_project(world, tmp_path)
    theirs = open_history(load_project(tmp_path)).cohort()
    mine = labelled(world)
    assert mine.window == theirs.window
    for column in ("account_id", "as_of", "status", "y", "stratum", "segment", "days_to_renewal", "days_since_start"):
        assert mine.frame[column].astype(object).fillna("none").tolist() == (
            theirs.frame[column].astype(object).fillna("none").tolist()
        ), column
    for metric in theirs.metrics:
        assert np.allclose(mine.frame[metric], theirs.frame[metric], equal_nan=True), metric
