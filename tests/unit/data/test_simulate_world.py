"""The synthetic world: what it writes is what a company could have, and its stated truth is true."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from churnbench.data.presets import load_preset
from churnbench.data.simulate import simulate_world, write_world
from churnbench.data.simulate_demo import demo_project, simulated_project, starter_project
from churnbench.data.world_book import next_renewals
from churnbench.data.world_hazard import draw_times
from churnbench.data.world_metrics import METRICS
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import InputError


@pytest.fixture(scope="module")
def world():
    return simulate_world(600, 12, seed=3)


@pytest.fixture(scope="module")
def large_world():
    return simulate_world(6000, 12, seed=5)


def churn_times(world):
    churn = world.outcomes[world.outcomes["kind"] == "churn"].set_index("account_id")
    return churn[["churned_on", "known_on"]].min(axis=1)


def labelled(world, gap=14, horizon=90):
    """Rows with a settled label by the plain definition, accounts that closed down left out."""
    rows = world.snapshots
    days = (rows["account_id"].map(churn_times(world)) - rows["as_of"]).dt.days
    closed = set(world.outcomes.loc[world.outcomes["voluntary"] == 0, "account_id"])
    settled = rows["as_of"] + pd.Timedelta(days=gap + horizon + 12) <= rows["as_of"].max()
    keep = settled & ~(days <= 0) & ~rows["account_id"].isin(closed)
    return ((days > gap) & (days <= gap + horizon)).astype(int), keep


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    one, two, other = (simulate_world(60, 8, seed=seed) for seed in (1, 1, 2))
    for name in ("snapshots", "outcomes", "accounts", "truth_table"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert one.truth == two.truth
    assert not one.snapshots.equals(other.snapshots)


def test_snapshots_carry_every_metric_of_the_default_preset_under_its_own_id(world):
    expected = [metric.id for metric in load_preset("four-dimensions").metrics]
    assert [metric.id for metric in METRICS] == expected
    assert list(world.snapshots)[4:] == expected
    assert all(pd.api.types.is_numeric_dtype(world.snapshots[name]) for name in expected)


def test_metrics_stay_in_the_units_that_the_preset_declares(world):
    rows = world.snapshots
    for name in ("active_seats_share", "feature_adoption_share", "on_time_payment_share", "is_reference"):
        assert rows[name].dropna().between(0, 1).all()
    assert rows["nps"].dropna().between(-100, 100).all()
    assert rows["csat"].dropna().between(1, 5).all()
    assert rows["ticket_tone"].dropna().between(-1, 1).all()


def test_every_account_has_at_most_one_row_per_month_end_and_only_while_under_contract(world):
    rows = world.snapshots
    assert not rows.duplicated(["account_id", "as_of"]).any()
    assert rows["as_of"].dt.is_month_end.all()
    assert rows["as_of"].nunique() == 12
    started = rows["account_id"].map(world.accounts.set_index("account_id")["started_on"])
    assert (started <= rows["as_of"]).all()
    churn = world.outcomes[world.outcomes["kind"] == "churn"].set_index("account_id")["churned_on"]
    ended = rows["account_id"].map(churn)
    assert not (ended <= rows["as_of"]).any()


def test_nothing_in_the_outcomes_became_known_after_the_newest_snapshot(world):
    assert (world.outcomes["known_on"] <= world.snapshots["as_of"].max()).all()


def test_no_account_churns_twice_and_nothing_changes_after_churn(world):
    churn = world.outcomes[world.outcomes["kind"] == "churn"]
    assert churn["account_id"].is_unique
    rest = world.outcomes[world.outcomes["kind"] != "churn"]
    end = rest["account_id"].map(churn.set_index("account_id")["churned_on"])
    assert not (rest["churned_on"] >= end).any()


def test_the_renewal_date_of_a_row_is_the_next_one_as_known_then(world):
    rows = world.snapshots
    ahead = (rows["renewal_on"] - rows["as_of"]).dt.days
    assert ahead.between(1, 365).all()
    started = rows["account_id"].map(world.accounts.set_index("account_id")["started_on"])
    assert (((rows["renewal_on"] - started).dt.days % 365) == 0).all()
    assert "renewal_on" not in world.accounts  # the next renewal as of today would tell who is still there


def test_notice_before_a_renewal_ends_the_contract_at_the_renewal_and_other_churn_is_entered_late(world):
    churn = world.outcomes[(world.outcomes["kind"] == "churn") & (world.outcomes["voluntary"] == 1)]
    noticed = churn[churn["known_on"] < churn["churned_on"]]
    started = noticed["account_id"].map(world.accounts.set_index("account_id")["started_on"])
    assert len(noticed) > 10
    assert (((noticed["churned_on"] - started).dt.days % 365) == 0).all()
    late = (churn["known_on"] - churn["churned_on"]).dt.days
    assert late.max() <= 12


def test_churn_is_several_times_as_likely_before_a_renewal(large_world):
    y, keep = labelled(large_world)
    rows = large_world.snapshots
    near = (rows["renewal_on"] - rows["as_of"]).dt.days <= 104
    assert y[keep & near].mean() > 1.7 * y[keep & ~near].mean()


def test_the_stated_probability_is_calibrated_in_the_outcomes_that_followed(large_world):
    y, keep = labelled(large_world)
    p = large_world.truth_table["churn_probability"]
    assert p.between(0, 1).all()
    # One date, so that every account counts once. (One random row per account would favour rows near churn:
    # accounts that leave have fewer rows.)
    dates = sorted(large_world.snapshots.loc[keep, "as_of"].unique())
    rows = large_world.snapshots[keep & (large_world.snapshots["as_of"] == dates[3])]
    fifth = pd.qcut(p[rows.index], 5, labels=False)
    for group in range(5):
        index = rows.index[fifth == group]
        expected, observed = p[index].sum(), y[index].sum()
        assert stats.poisson.sf(observed - 1, expected) > 0.001
        assert stats.poisson.cdf(observed, expected) > 0.001


@pytest.mark.parametrize("knobs", [{"signal": 3.0}, {"contrast": 5.0}, {"signal": 2.0, "departures": 0.04}])
def test_the_stated_probability_holds_where_everything_strikes_hard(knobs):
    world = simulate_world(3000, 20, seed=11, **knobs)
    y, keep = labelled(world)
    p = world.truth_table["churn_probability"]
    accounts = world.snapshots["account_id"]
    for inside in (keep, keep & (p > p[keep].quantile(0.98))):
        # Rows of one account share their fate: the error is that of sums over accounts.
        sums = (y - p)[inside].groupby(accounts[inside]).sum()
        assert abs(sums.sum()) < 3.5 * np.sqrt((sums**2).sum())


def test_accounts_that_are_gone_before_the_first_snapshot_leave_a_steady_rate_behind(large_world):
    y, keep = labelled(large_world)
    months = large_world.snapshots["as_of"]
    early = y[keep & (months <= months.min() + pd.Timedelta(days=62))].mean()
    late = y[keep & (months > months.min() + pd.Timedelta(days=150))].mean()
    assert 0.6 < early / late < 1.7


def test_the_truth_ranks_churn_far_better_than_any_single_metric(large_world):
    y, keep = labelled(large_world)
    truth = roc_auc_score(y[keep], large_world.truth_table["churn_probability"][keep])
    single = []
    for metric in METRICS:
        values = large_world.snapshots[metric.id].astype(float)
        there = keep & values.notna()
        auc = roc_auc_score(y[there], values[there])
        single.append(max(auc, 1 - auc))
    assert truth > 0.84
    assert max(single) < truth - 0.08


def test_more_support_tickets_mean_less_churn_against_the_direction_of_the_preset(large_world):
    y, keep = labelled(large_world)
    declared = {metric.id: metric.direction for metric in load_preset("four-dimensions").metrics}
    assert declared["support_tickets_90d"] == "lower_is_healthier"
    tickets = large_world.snapshots["support_tickets_90d"]
    assert roc_auc_score(y[keep], -tickets[keep]) > 0.58
    truth = {row["id"]: row["direction"] for row in large_world.truth["metrics"]}
    assert truth["support_tickets_90d"] == "higher_is_healthier"


def test_a_saturated_metric_stops_helping_above_its_knee(large_world):
    y, keep = labelled(large_world)
    share = large_world.snapshots["feature_adoption_share"]
    low, middle, high = (y[keep & share.between(a, b)].mean() for a, b in ((0, 0.35), (0.55, 0.7), (0.75, 1)))
    assert low - middle > 3 * abs(middle - high)


def test_usage_metrics_are_near_copies_of_each_other(world):
    rows = world.snapshots[["active_seats_share", "logins_per_user_week", "advanced_actions_share"]]
    correlation = rows.corr("spearman").to_numpy()
    assert correlation[0, 1] > 0.6
    assert correlation[0, 2] > 0.35


def test_surveys_are_answered_less_by_accounts_in_a_bad_mood(large_world):
    rows = large_world.snapshots
    tone = rows["ticket_tone"]
    silent = rows["nps"].isna()
    assert 0.2 < silent.mean() < 0.45
    assert tone[silent].mean() < tone[~silent].mean() - 0.05


def test_csat_and_ticket_tone_are_missing_exactly_when_nobody_wrote_a_ticket_or_the_survey_went_unanswered(
    world,
):
    rows = world.snapshots
    quiet = rows["ticket_tone"].isna()
    assert (rows.loc[quiet, "support_tickets_90d"] == 0).all()
    assert rows.loc[quiet, "csat"].isna().all()
    assert rows.loc[~quiet, "csat"].isna().mean() < 0.15


def test_arr_and_its_trend_follow_from_the_recorded_contractions_and_expansions(world):
    changes = world.outcomes[world.outcomes["kind"] != "churn"]
    assert changes.loc[changes["kind"] == "contraction", "share"].between(-0.45, -0.1).all()
    assert changes.loc[changes["kind"] == "expansion", "share"].between(0.05, 0.35).all()
    newest = world.snapshots[world.snapshots["as_of"] == world.snapshots["as_of"].max()].set_index("account_id")
    signed = world.accounts.set_index("account_id")["arr"]
    for account in newest.index[:100]:
        own = changes.loc[changes["account_id"] == account, "share"]
        assert newest.loc[account, "arr"] == pytest.approx(signed[account] * (1 + own).prod(), abs=51)


def test_a_null_world_churns_independently_of_every_metric():
    world = simulate_world(6000, 12, seed=8, null=True, truth=False)
    assert (world.truth_table["metric_risk"] == 0).all()
    assert all(row["effect_per_sd"] == row["weight_percent_range"] == 0 for row in world.truth["metrics"])
    y, keep = labelled(world)
    dates = sorted(world.snapshots.loc[keep, "as_of"].unique())
    rows = world.snapshots[keep & world.snapshots["as_of"].isin([dates[0], dates[4]])]
    p_values = []
    for metric in METRICS:
        values = rows[metric.id].astype(float).dropna()
        churned = y[values.index] == 1
        p_values.append(stats.mannwhitneyu(values[churned], values[~churned]).pvalue)
    assert min(p_values) > 0.05 / len(METRICS) / 10
    assert y[keep].sum() > 200


def test_without_signal_metrics_add_nothing_but_renewals_still_matter():
    world = simulate_world(2000, 12, seed=4, signal=0.0)
    assert (world.truth_table["metric_risk"] == 0).all()
    rows = world.snapshots
    near = (rows["renewal_on"] - rows["as_of"]).dt.days <= 104
    p = world.truth_table["churn_probability"]
    assert p[near].mean() > 2 * p[~near].mean()


def test_a_higher_base_rate_makes_more_churn_in_proportion():
    low, high = (
        (simulate_world(3000, 12, seed=6, base_rate=rate, truth=False).outcomes["voluntary"] == 1).sum()
        for rate in (0.02, 0.06)
    )
    assert 2.4 < high / low < 3.6
    # 3,000 accounts, of which about a sixth are not signed yet on average, over eleven months
    assert 0.75 < low / (3000 * 0.86 * 11 / 3 * 0.02) < 1.25


@pytest.mark.parametrize(
    ("leak", "columns"),
    [
        ("footprint", {"active_seats_share", "logins_per_user_week"}),
        ("backfill", {"touchpoint_quality"}),
        ("full", {"ticket_tone"}),
        ("current-state", {"contract_utilisation"}),
    ],
)
def test_a_leak_changes_its_own_columns_and_nothing_else(world, leak, columns):
    leaky = simulate_world(600, 12, seed=3, leak=leak)
    changed = {name for name in world.snapshots if not world.snapshots[name].equals(leaky.snapshots[name])}
    assert changed == columns
    pd.testing.assert_frame_equal(world.outcomes, leaky.outcomes)
    pd.testing.assert_frame_equal(world.truth_table, leaky.truth_table)
    assert leaky.truth["settings"]["leak"] == leak


def lead_auc(world, column, low, high):
    """AUC of low values, for rows `low` < days to churn <= `high` against rows of accounts that stay."""
    rows = world.snapshots
    days = (rows["account_id"].map(churn_times(world)) - rows["as_of"]).dt.days
    case, control = (days > low) & (days <= high), days.isna()
    keep = (case | control) & rows[column].notna()
    return roc_auc_score(case[keep], -rows[column][keep].astype(float))


def test_the_footprint_shows_only_in_the_last_month_before_churn():
    leaky = simulate_world(1500, 12, seed=9, leak="footprint", truth=False)
    assert lead_auc(leaky, "active_seats_share", 0, 30) > 0.95
    assert lead_auc(leaky, "active_seats_share", 30, 60) < 0.80


def test_a_backfilled_rating_gives_half_of_the_leavers_away_long_before():
    clean, leaky = (simulate_world(1500, 12, seed=9, leak=leak, truth=False) for leak in (None, "backfill"))
    assert lead_auc(leaky, "touchpoint_quality", 90, 180) > lead_auc(clean, "touchpoint_quality", 90, 180) + 0.1


def test_a_full_leak_separates_the_label_almost_perfectly():
    leaky = simulate_world(1500, 12, seed=9, leak="full", truth=False)
    y, keep = labelled(leaky)
    tone = leaky.snapshots["ticket_tone"]
    assert roc_auc_score(y[keep], -tone[keep]) > 0.95


def test_a_current_state_column_never_changes_within_an_account():
    leaky = simulate_world(400, 12, seed=9, leak="current-state", truth=False)
    assert leaky.snapshots.groupby("account_id")["contract_utilisation"].nunique().max() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"accounts": 5}, "too small a world"),
        ({"months": 3}, "too small a world"),
        ({"base_rate": 0.9}, "quarterly churn probability"),
        ({"leak": "tea"}, "known are footprint"),
        ({"window": OutcomeWindow(gap_days=200, horizon_days=90)}, "too long"),
    ],
)
def test_impossible_worlds_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate_world(**{"accounts": 100, "months": 12, "seed": 1, **arguments})


def test_event_times_follow_the_exponential_law_of_their_hazard():
    edges = pd.date_range("2024-01-31", periods=13, freq="ME")
    rates = np.full((20000, 12), 0.1)
    times = draw_times(rates, edges, np.random.default_rng(0))
    happened = ~np.isnat(times)
    assert happened.mean() == pytest.approx(1 - np.exp(-1.2), abs=0.012)
    assert (times[happened] > np.datetime64("2024-01-31")).all()
    assert (times[happened] <= np.datetime64("2025-01-31")).all()


def test_an_account_without_hazard_never_leaves():
    edges = pd.date_range("2024-01-31", periods=4, freq="ME")
    assert np.isnat(draw_times(np.zeros((5, 3)), edges, np.random.default_rng(0))).all()


def test_the_renewal_is_strictly_after_the_day_and_a_whole_number_of_terms_after_the_start():
    start = np.array(["2024-03-01", "2025-06-01"], dtype="datetime64[D]")
    found = next_renewals(start, pd.Timestamp("2025-03-01"))
    assert found.tolist() == [pd.Timestamp("2026-03-01").date(), pd.Timestamp("2026-06-01").date()]


def test_write_world_leaves_three_tables_with_iso_dates_and_the_truth_beside_them(tmp_path, world):
    write_world(world, tmp_path / "book")
    names = sorted(path.name for path in (tmp_path / "book").iterdir())
    tables = ["accounts.csv", "outcomes.csv", "snapshots.csv"]
    assert names == [*tables, "truth.json", "truth.parquet", "truth_departures.parquet"]
    back = pd.read_csv(tmp_path / "book" / "snapshots.csv", parse_dates=["as_of", "renewal_on"])
    assert len(back) == len(world.snapshots)
    assert back["nps"].isna().sum() == world.snapshots["nps"].isna().sum()
    truth = json.loads((tmp_path / "book" / "truth.json").read_text("utf-8"))
    for notion in ("per_sd", "range", "recorded_range"):
        assert sum(row[f"weight_percent_{notion}"] for row in truth["metrics"]) == pytest.approx(100, abs=0.05)
    assert truth["settings"]["seed"] == 3
    assert truth["treatment"] is None
    table = pd.read_parquet(tmp_path / "book" / "truth.parquet")
    assert list(table) == ["account_id", "as_of", "churn_probability", "metric_risk"]


def test_written_files_are_the_same_bytes_for_the_same_seed(tmp_path):
    for name in ("one", "two"):
        write_world(simulate_world(50, 6, seed=2), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_simulated_project_can_be_loaded_as_it_stands(tmp_path, world):
    from churnbench.data.project import load_project

    simulated_project(world, tmp_path)
    project = load_project(tmp_path)
    assert project.formula.preset == "four-dimensions"
    assert project.label.data_through == world.snapshots["as_of"].max().date()


def test_the_demo_has_2000_accounts_24_snapshots_and_about_330_churned_accounts(tmp_path):
    world = demo_project(tmp_path / "demo")
    assert len(world.accounts) == 2000
    assert world.snapshots["as_of"].nunique() == 24
    assert 280 <= (world.outcomes["kind"] == "churn").sum() <= 400
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "accounts.csv",
        "churnbench.toml",
        "outcomes.csv",
        "snapshots.csv",
    ]


def test_a_new_project_folder_holds_a_readme_and_a_notebook_without_outputs_beside_the_demo(tmp_path):
    starter_project(tmp_path / "acme")
    assert {path.name for path in (tmp_path / "acme").iterdir()} == {
        "README.md",
        "accounts.csv",
        "churnbench.toml",
        "explore.ipynb",
        "outcomes.csv",
        "snapshots.csv",
    }
    notebook = json.loads((tmp_path / "acme" / "explore.ipynb").read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) >= 3
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    for cell in code:
        python = [line for line in cell["source"] if not line.startswith("!")]
        compile("".join(python), "explore.ipynb", "exec")
