"""Every planted leak does what its sentence says, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churnbench.data.project import load_project
from churnbench.data.simulate import World, simulate_world
from churnbench.data.simulate_demo import simulated_project
from churnbench.data.world_leak_columns import restated_history
from churnbench.data.world_leak_facts import READING_KEYS, readings
from churnbench.data.world_leak_tables import Tables
from churnbench.data.world_leaks import LEAKS, leaky_readings, plant

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate_world(400, 16, 5, base_rate=0.05, truth=False)


@pytest.fixture(scope="module")
def tables(world: World) -> Tables:
    return Tables.exported(world.snapshots, world.outcomes, world.accounts)


def test_the_churn_time_is_the_earlier_of_notice_and_end_of_voluntary_churn(tables):
    churn = tables.outcomes[tables.outcomes["kind"] == "churn"]
    by_hand = {row.account_id: min(row.churned_on, row.known_on) for row in churn.itertuples() if row.voluntary == 1}
    assert tables.churn_time.to_dict() == by_hand
    assert len(by_hand) > 30
    days = tables.days_left
    gone = tables.snapshots["account_id"].isin(list(by_hand)).to_numpy()
    assert np.isnan(days[~gone]).all()
    assert not np.isnan(days[gone]).any()


@pytest.mark.parametrize("leak", list(LEAKS))
def test_a_leak_leaves_its_input_alone_and_repeats_itself(tables, leak):
    before = tables.snapshots.copy(), tables.outcomes.copy(), tables.accounts.copy()
    first, again = plant(leak, tables, 3), plant(leak, tables, 3)
    for name, old in zip(("snapshots", "outcomes", "accounts"), before, strict=True):
        pd.testing.assert_frame_equal(getattr(tables, name), old)
        pd.testing.assert_frame_equal(getattr(first, name), getattr(again, name))
    pd.testing.assert_series_equal(first.churn_time, tables.churn_time)
    one = LEAKS[leak]
    assert (one.tables is None) != (one.facts is None)
    if one.facts is not None:
        pd.testing.assert_frame_equal(leaky_readings(leak, tables, 3), leaky_readings(leak, tables, 3))
        assert not leaky_readings(leak, tables, 3).equals(leaky_readings(None, tables, 3))
        assert first is tables


def test_only_the_named_tables_change(tables):
    changed = {}
    for leak in LEAKS:
        leaky = plant(leak, tables, 3)
        changed[leak] = {
            name
            for name in ("snapshots", "outcomes", "accounts")
            if not getattr(leaky, name).equals(getattr(tables, name))
        }
    dates = {"label-early", "label-late"}
    assert {leak for leak, names in changed.items() if "outcomes" in names} == {
        *dates,
        "closed-late",
        "duplicate-accounts",
    }
    assert {leak for leak, names in changed.items() if "accounts" in names} == {"duplicate-accounts"}
    silent = {leak for leak, names in changed.items() if not names}
    assert silent == {leak for leak in LEAKS if leak.startswith("facts-")}


def test_rows_after_the_churn_are_at_most_three_month_ends_without_usage(tables):
    leaky = plant("post-churn-rows", tables, 3).snapshots
    keys = tables.snapshots.set_index(["account_id", "as_of"]).index
    added = leaky[~leaky.set_index(["account_id", "as_of"]).index.isin(keys)]
    assert len(added) + len(tables.snapshots) == len(leaky)
    assert (added["as_of"] >= added["account_id"].map(tables.churn_time)).all()
    assert added.groupby("account_id").size().max() == 3
    assert (added[["active_seats_share", "logins_per_user_week", "support_tickets_90d"]] == 0).all(axis=None)
    assert leaky.dtypes.to_dict() == tables.snapshots.dtypes.to_dict()


def test_without_churn_there_are_no_rows_after_it(tables):
    stayed = Tables(tables.snapshots, tables.outcomes, tables.accounts, tables.churn_time.iloc[:0])
    assert plant("post-churn-rows", stayed, 3) is stayed


def test_a_tenth_of_the_accounts_is_there_twice_in_all_three_tables(tables):
    leaky = plant("duplicate-accounts", tables, 3)
    copies = leaky.accounts[leaky.accounts["account_id"].str.startswith("D")]
    assert 0.05 < len(copies) / len(tables.accounts) < 0.15
    originals = "A" + copies["account_id"].str.slice(1)
    for name in ("snapshots", "outcomes"):
        frame = getattr(leaky, name)
        twice = frame[frame["account_id"].isin(copies["account_id"])].drop(columns="account_id")
        once = frame[frame["account_id"].isin(originals)].drop(columns="account_id")
        assert sorted(map(str, twice.to_numpy().tolist())) == sorted(map(str, once.to_numpy().tolist()))


@pytest.mark.parametrize(("leak", "days"), [("label-early", -90), ("label-late", 90)])
def test_churn_dates_move_by_a_horizon_and_other_outcomes_stay(tables, leak, days):
    moved = plant(leak, tables, 3).outcomes
    churn, other = moved[moved["kind"] == "churn"], moved[moved["kind"] != "churn"]
    old = tables.outcomes.set_index("account_id")
    before = old[old["kind"] == "churn"].loc[churn["account_id"]]
    for column in ("churned_on", "known_on"):
        assert ((churn[column].to_numpy() - before[column].to_numpy()) == np.timedelta64(days, "D")).all()
    assert len(other) == (tables.outcomes["kind"] != "churn").sum()
    assert moved["known_on"].max() <= tables.snapshots["as_of"].max()


def test_restated_usage_is_the_mean_of_the_month_and_the_two_after_it():
    days = pd.date_range("2025-01-31", periods=4, freq="ME")
    rows = pd.DataFrame(
        {"account_id": ["leaves"] * 3 + ["stays"] * 4, "as_of": [*days[:3], *days], "logins_per_user_week": 6.0}
    )
    rows["active_seats_share"] = [0.9, 0.6, 0.3, 0.1, 0.2, 0.3, 0.4]
    rows["feature_adoption_share"] = 0.3
    small = Tables(rows, pd.DataFrame(), pd.DataFrame(), pd.Series({"leaves": days[2] + 5 * DAY}))
    seen = restated_history(small, np.random.default_rng(0)).snapshots
    # Months in which the account is gone count as nothing; months that are not there yet do not count.
    assert seen["active_seats_share"].tolist() == [0.6, 0.3, 0.1, 0.2, 0.3, 0.35, 0.4]
    assert seen["logins_per_user_week"].tolist() == [6.0, 4.0, 2.0, 6.0, 6.0, 6.0, 6.0]


def test_a_whole_period_metric_is_the_mean_of_past_and_future(tables):
    leaky = plant("whole-period", tables, 3).snapshots
    one = tables.snapshots["account_id"] == tables.snapshots["account_id"].iloc[0]
    assert leaky.loc[one, "feature_adoption_share"].unique().tolist() == [
        round(float(np.mean(tables.snapshots.loc[one, "feature_adoption_share"])), 3)
    ]


def test_a_closed_reason_is_there_for_most_leavers_within_the_window_and_for_nobody_else(tables):
    leaky = plant("closed-reason", tables, 3)
    told = leaky.snapshots["closed_reason"].notna().to_numpy()
    assert told.any()
    assert (tables.days_left[told] <= 104).all()
    near = tables.snapshots["account_id"][(tables.days_left <= 104)].nunique()
    assert 0.45 < tables.snapshots["account_id"][told].nunique() / near < 0.75


@pytest.mark.parametrize(("leak", "keys"), [("csm-target-encoded", ["csm"]), ("segment-target-encoded", ["segment"])])
def test_an_encoded_group_is_its_own_churn_rate(tables, leak, keys):
    leaky = plant(leak, tables, 3).snapshots
    book = tables.accounts.set_index("account_id")
    gone = book.index.isin(tables.churn_time.index)
    row = leaky.iloc[100]
    group = (book[keys] == book.loc[row["account_id"], keys]).all(axis=1).to_numpy()
    assert row["group_risk"] == pytest.approx(gone[group].mean(), abs=1e-4)


def test_small_encoded_groups_give_the_outcome_away_far_better_than_chance(tables):
    leaky = plant("group-target-encoded", tables, 3).snapshots.drop_duplicates("account_id")
    gone = leaky["account_id"].isin(tables.churn_time.index)
    assert roc_auc_score(gone, leaky["group_risk"]) > 0.75


def test_clean_readings_hold_every_snapshot_value_before_its_date(tables):
    told = readings(tables, np.random.default_rng(0))
    assert len(told) == len(tables.snapshots)
    assert (told["known_time"] > told["event_time"]).all()
    assert told["event_time"].is_monotonic_increasing
    month = told.assign(as_of=told["event_time"] + pd.offsets.MonthEnd(0))
    month["as_of"] = month["as_of"].dt.normalize()
    merged = tables.snapshots.merge(month, on=["account_id", "as_of"], suffixes=("", "_told"))
    assert len(merged) == len(told)
    assert (merged["nps"].fillna(999) == merged["nps_told"].fillna(999)).all()


def added_facts(tables: Tables, leak: str) -> pd.DataFrame:
    clean, leaky = leaky_readings(None, tables, 3), leaky_readings(leak, tables, 3)
    both = leaky.merge(clean, how="left", on=list(READING_KEYS), indicator=True, suffixes=("", "_clean"))
    added = both[both["_merge"] == "left_only"]
    assert len(leaky) == len(clean) + len(added)
    return added.assign(left=added["account_id"].map(tables.churn_time))


@pytest.mark.parametrize("leak", ["facts-entered-later", "facts-restated"])
def test_facts_entered_later_are_dated_before_the_churn_and_known_after_it(tables, leak):
    added = added_facts(tables, leak)
    assert (added["event_time"] < added["left"] + DAY).all()
    assert (added["known_time"] > added["left"]).all()
    assert (added["touchpoint_quality"] <= 1.8).all()


def test_backdated_facts_claim_to_have_been_known_at_once(tables):
    added = added_facts(tables, "facts-backdated")
    assert (added["known_time"] == added["event_time"]).all()
    assert ((added["left"] - added["event_time"]) <= 101 * DAY).all()


def test_impossible_fact_dates(tables):
    early = leaky_readings("facts-known-before-event", tables, 3)
    assert (early["event_time"] - early["known_time"] >= 20 * DAY).all()
    ahead = leaky_readings("facts-future-dated", tables, 3)
    share = (ahead["event_time"] > ahead["known_time"].max()).mean()
    assert 0.015 < share < 0.05


@pytest.mark.parametrize(
    ("leak", "kind"), [(None, "snapshots"), ("closed-reason", "snapshots"), ("facts-restated", "facts")]
)
def test_a_project_is_written_so_that_the_formula_meets_the_leak(tmp_path: Path, leak, kind):
    simulated_project(simulate_world(60, 12, 2, leak=leak, truth=False), tmp_path)
    project = load_project(tmp_path)
    assert project.data.kind == kind
    assert ("closed_reason" in {metric.id for metric in project.formula.metrics}) == (leak == "closed-reason")
    if kind == "facts":
        assert [metric.agg for metric in project.declared.computed] == ["last"] * 18
        assert (tmp_path / "readings.csv").is_file()
