"""Fact tables of the simulated world: what they hold, when it was known, and that it adds up."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from fact_worlds import KNOBS, SETTINGS, chunk, features_beside_recorded, tables
from pyarrow import parquet
from scipy.stats import spearmanr

from churnbench.cohort.history import open_history
from churnbench.data import world_chunk, world_settings
from churnbench.data.presets import load_preset
from churnbench.data.project import load_project
from churnbench.data.simulate_facts import facts_project, facts_project_text
from churnbench.data.world_chunk import iter_chunks
from churnbench.data.world_facts import FACT_TABLES, FactKnobs, iter_facts, write_facts
from churnbench.data.world_facts_events import most_users
from churnbench.data.world_facts_money import seats_by_month
from churnbench.data.world_facts_relations import SALES_CYCLE_DAYS
from churnbench.data.world_settings import RUN_IN, WorldSettings
from churnbench.domain.errors import InputError

#: Metrics that facts reproduce to the last digit, wherever the record is a multiple of what can be counted.
EXACT = (
    "touchpoint_quality",
    "executive_meetings_180d",
    "training_completion_share",
    "community_events_90d",
    "csat",
    "ticket_tone",
    "is_reference",
    "contract_utilisation",
    "expansions_24m",
)
#: Least rank correlation of those that can only be close; all others reach .99.
RANKS = {"escalations_90d": 0.9, "support_tickets_90d": 0.9, "on_time_payment_share": 0.95, "active_seats_share": 0.98}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Features from facts beside recorded metrics, of accounts of 90 days and more."""
    folder = tmp_path_factory.mktemp("facts")
    facts_project(SETTINGS, folder, KNOBS, truth=False)
    features, recorded = features_beside_recorded(folder, chunk())
    return features, recorded, tenure(recorded)


def tenure(rows):
    started = chunk().book.set_index("account_id")["started_on"]
    ids, as_of = rows.index.get_level_values(0), rows.index.get_level_values(1)
    return np.asarray((as_of - pd.DatetimeIndex(started.loc[ids])).days)


def delay(table):
    frame = tables()[table]
    return (frame["known_time"] - frame[FACT_TABLES[table].event]) / pd.Timedelta(days=1)


# --- Facts add up to the recorded metrics


@pytest.mark.parametrize("metric", [metric.id for metric in load_preset("four-dimensions").metrics])
def test_metrics_computed_from_the_facts_rank_accounts_like_the_recorded_ones(both, metric):
    features, recorded, days = both
    old = days >= 90
    ours, theirs = (frame[metric].to_numpy(dtype=float)[old] for frame in (features, recorded))
    there = ~np.isnan(ours) & ~np.isnan(theirs)
    assert there.mean() > 0.6
    assert spearmanr(ours[there], theirs[there]).statistic > RANKS.get(metric, 0.99)


@pytest.mark.parametrize("metric", EXACT)
def test_metrics_that_can_be_exact_are_exact_and_missing_where_the_record_is(both, metric):
    features, recorded, days = both
    old = days >= 90
    ours, theirs = (frame[metric].to_numpy(dtype=float)[old] for frame in (features, recorded))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def test_payments_are_exact_once_a_whole_year_lies_under_contract(both):
    features, recorded, days = both
    old = days >= 400
    ours, theirs = (frame["on_time_payment_share"].to_numpy()[old] for frame in (features, recorded))
    np.testing.assert_allclose(ours, theirs, atol=5.1e-4)
    assert old.sum() > 500


def test_the_arr_trend_is_the_recorded_one_as_a_share_of_todays_arr(both):
    features, recorded, _ = both
    trend = features["arr_trend_12m"].to_numpy()
    np.testing.assert_allclose(1.0 / (1.0 - trend) - 1.0, recorded["arr_trend_12m"].to_numpy(), atol=5.1e-4)
    assert (trend != 0).sum() > 100


def test_active_seats_and_features_are_the_recorded_shares_rounded_to_whole_people_and_features(both):
    features, recorded, _ = both
    drawn = chunk()
    place = drawn.book.reset_index().set_index("account_id")["index"]
    row = place.loc[recorded.index.get_level_values(0)].to_numpy()
    month = np.searchsorted(drawn.days, recorded.index.get_level_values(1).to_numpy().astype("datetime64[D]"))
    tracked = np.minimum(seats_by_month(drawn), most_users(KNOBS.events_per_account_month))[row, month]
    expected = np.round(recorded["active_seats_share"].to_numpy() * tracked) / tracked
    np.testing.assert_allclose(features["active_seats_share"].to_numpy(), expected, atol=1e-12)
    adopted = np.round(recorded["feature_adoption_share"].to_numpy() * 24) / 24
    np.testing.assert_allclose(features["feature_adoption_share"].to_numpy(), adopted, atol=1e-12)


def test_logins_and_depth_are_close_to_the_record(both):
    features, recorded, _ = both
    for metric, tolerance in (("logins_per_user_week", 0.35), ("advanced_actions_share", 0.02)):
        gap = (features[metric] - recorded[metric]).abs().dropna()
        assert gap.quantile(0.95) < tolerance


def test_nps_answers_are_whole_numbers_whose_mean_is_the_recorded_nps_on_the_scale_of_the_question(both):
    features, recorded, days = both
    old = days >= 90
    assert (features["nps"][old].isna() == recorded["nps"][old].isna()).all()
    gap = (20.0 * features["nps"] - 100.0 - recorded["nps"]).abs()
    assert gap[old].max() <= 20.0 / 3 / 2 + 1e-9
    answers = tables()["surveys"].query("survey_type == 'NPS'")["score"]
    assert set(answers.unique()) <= set(range(11))


def test_champions_left_in_the_features_are_the_departures_that_were_known(both):
    features, _, _ = both
    drawn = chunk()
    told = tables()["contacts"].query("role == 'champion' and change == 'left'")
    true = set(zip(drawn.departures["account_id"], drawn.departures["departed_on"], strict=True))
    assert set(zip(told["account_id"].astype(str), told["changed_at"].dt.normalize(), strict=True)) <= true
    old = drawn.departures["departed_on"] < pd.Timestamp(drawn.days[-1]) - pd.Timedelta(days=31)
    assert 20 < old.sum() <= len(told)
    as_of = features.index.get_level_values(1).max()
    recent = told["changed_at"] >= as_of - pd.Timedelta(days=89)
    expected = told.loc[recent & (told["known_time"] < as_of + pd.Timedelta(days=1)), "account_id"].astype(str)
    counted = features.xs(as_of, level=1)["champions_left_90d"]
    assert counted[counted > 0].to_dict() == {
        account: number for account, number in expected.value_counts().items() if account in counted.index
    }
    assert (counted > 0).sum() > 5


def test_hindsight_knows_of_departures_that_nobody_knew_of_on_the_date(tmp_path):
    facts_project(SETTINGS, tmp_path, KNOBS, truth=False)
    history = open_history(load_project(tmp_path), threads=1)
    later = history.as_of_features().set_index(["account_id", "as_of"])
    known = history.cohort().frame.set_index(["account_id", "as_of"]).loc[later.index]
    history.close()
    assert later["champions_left_90d"].sum() > known["champions_left_90d"].sum() > 0
    assert (later["touchpoint_quality"].fillna(0) == known["touchpoint_quality"].fillna(0)).mean() > 0.99


# --- When it happened, and when it was known


@pytest.mark.parametrize("table", FACT_TABLES)
def test_a_fact_is_known_when_it_happens_or_later_and_never_after_the_data_end(table):
    frame = tables()[table]
    assert len(frame) > 300
    assert list(frame) == list(FACT_TABLES[table].columns)
    assert (delay(table) >= 0).all()
    assert frame["known_time"].max() < pd.Timestamp(chunk().days[-1]) + pd.Timedelta(days=1)


@pytest.mark.parametrize("table", FACT_TABLES)
def test_facts_lie_under_contract(table):
    frame = tables()[table]
    drawn = chunk()
    row = drawn.book.reset_index().set_index("account_id")["index"].loc[frame["account_id"].astype(str)].to_numpy()
    day = frame[FACT_TABLES[table].event].to_numpy().astype("datetime64[D]")
    ahead = SALES_CYCLE_DAYS if table == "touchpoints" else 0
    assert (day >= drawn.started[row] - ahead).all()
    assert not (day >= drawn.ended[row]).any()
    assert (~np.isnat(drawn.ended)).sum() > 20, "the book must have endings for this to mean anything"


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ("tickets", 0.0, 0.02),
        ("surveys", 0.0, 3.0),
        ("contacts", 5.0, 30.0),
        ("invoices", 0.0, 10.0),
        ("touchpoints", 0.0, 2.0),
        ("subscriptions", 0.0, 0.5),
    ],
)
def test_lags_are_those_of_the_systems(table, low, high):
    lag = delay(table)
    assert lag.between(low, high + 1e-9).all()
    assert lag.max() > low + 0.7 * (high - low) or table == "subscriptions"


def test_few_product_events_arrive_days_late():
    lag = delay("product_events")
    assert 0.001 < (lag > 1.0).mean() < 0.01
    assert lag.max() < 13.0
    assert (lag < 4 / 24).mean() > 0.985, "all others within hours"


def test_events_sent_twice_repeat_everything_but_the_time_they_became_known():
    events = tables()["product_events"]
    twice = events[events["insert_id"].duplicated(keep=False)].sort_values(["insert_id", "known_time"])
    assert 0.0005 < len(twice) / 2 / len(events) < 0.005
    same = [name for name in events if name not in ("known_time",)]
    first, second = twice.iloc[::2], twice.iloc[1::2]
    pd.testing.assert_frame_equal(first[same].reset_index(drop=True), second[same].reset_index(drop=True))
    assert (second["known_time"].to_numpy() > first["known_time"].to_numpy()).all()


def test_no_row_of_an_invoice_tells_of_a_payment_before_it_is_known():
    invoices = tables()["invoices"]
    assert invoices.groupby(["invoice_id", "status"], observed=True).size().max() == 1
    paid = invoices["status"].isin(["paid", "paid late"])
    assert (invoices["paid_on"].notna() == paid).all()
    when = pd.to_datetime(invoices["paid_on"])
    assert (when[paid] <= invoices["known_time"][paid]).all()
    due = pd.to_datetime(invoices["due_on"])
    assert (when[invoices["status"] == "paid"] <= due[invoices["status"] == "paid"]).all()
    assert (when[invoices["status"] == "paid late"] > due[invoices["status"] == "paid late"]).all()
    late = set(invoices.loc[invoices["status"] == "paid late", "invoice_id"])
    assert late <= set(invoices.loc[invoices["status"] == "overdue", "invoice_id"])


def test_the_history_of_a_ticket_repeats_what_the_ticket_shows_today():
    tickets, history = tables()["tickets"].set_index("ticket_id"), tables()["ticket_history"]
    assert tickets.index.is_unique
    solved = history[history["value"] == "solved"].set_index("ticket_id")["updated_at"]
    both = tickets.join(solved.rename("at"), how="inner")
    assert (both["solved_at"] == both["at"]).all()
    assert len(both) > 0.95 * len(tickets)
    ratings = history[history["field_name"] == "satisfaction_score"]
    rated = ratings.set_index("ticket_id")["value"].astype(str).astype(float)
    shown = tickets["csat"].dropna()
    known = shown.index.isin(rated.index)
    np.testing.assert_array_equal(rated.loc[shown.index[known]].to_numpy(), shown.to_numpy()[known])
    assert known.mean() > 0.98, "an account that leaves takes the rest of the history with it"
    escalated = set(history.loc[history["field_name"] == "escalated", "ticket_id"])
    assert escalated <= set(tickets.index[tickets["escalated"]])
    assert len(escalated) > 0.95 * tickets["escalated"].sum() > 50


def test_subscriptions_end_at_the_arr_of_the_contract_and_renew_every_year():
    drawn, log = chunk(), tables()["subscriptions"]
    last = log.sort_values("changed_at").groupby(log["account_id"].astype(str))["arr"].last()
    there = drawn.present[:, -1]
    ids = drawn.book["account_id"].to_numpy()[there]
    np.testing.assert_array_equal(last.loc[ids].to_numpy(), drawn.contracts.arr[there, -1])
    assert (log["account_id"].astype(str)[log["change"] == "new"].value_counts() == 1).all()
    assert ((pd.to_datetime(log["term_to"]) - pd.to_datetime(log["term_from"])).dt.days == 364).all()
    renewals = log[log["change"] == "renewal"]
    assert (pd.to_datetime(renewals["term_from"]) == renewals["changed_at"].dt.normalize()).all()
    before = log["changed_at"].dt.normalize() < pd.to_datetime(log["renewal_on"])
    assert (before & (log["changed_at"].dt.normalize() >= pd.to_datetime(log["term_from"]))).all()


def test_a_contact_joins_before_leaving_and_a_new_champion_follows():
    contacts = tables()["contacts"]
    left = contacts[contacts["change"] == "left"]
    assert (pd.to_datetime(left["joined_on"]) <= pd.to_datetime(left["left_on"])).all()
    assert contacts.loc[contacts["change"] == "joined", "left_on"].isna().all()
    joined = contacts[contacts["change"] == "joined"]
    assert joined["contact_id"].is_unique
    assert set(left["contact_id"]) <= set(joined["contact_id"])


# --- Volumes, seeds and files


def test_the_volume_of_events_follows_the_knob():
    events, drawn = {}, chunk(WorldSettings(60, 6, 2))
    for wanted in (40, 120):
        blocks = [part for name, part in iter_facts(drawn, FactKnobs(wanted)) if name == "product_events"]
        events[wanted] = sum(block.num_rows for block in blocks)
        assert len(blocks) == 6 + 3
    share = np.nanmean(drawn.recorded["active_seats_share"][:, RUN_IN - 3 :][drawn.present[:, RUN_IN - 3 :]])
    months = drawn.present[:, RUN_IN - 3 :].sum()
    assert events[120] / months == pytest.approx(120 * share / 0.6, rel=0.1)
    assert 2.0 < events[120] / events[40] <= 3.2


def test_more_events_change_no_other_table_but_the_number_of_tracked_users():
    few, many = (
        {
            name: part
            for name, part in iter_facts(chunk(WorldSettings(60, 6, 2)), FactKnobs(wanted))
            if name != "product_events"
        }
        for wanted in (40, 120)
    )
    for name in few:
        columns = [column for column in few[name].column_names if column != "tracked_users"]
        assert few[name].select(columns).equals(many[name].select(columns))
    assert not few["subscriptions"]["tracked_users"].equals(many["subscriptions"]["tracked_users"])


@pytest.mark.parametrize("wanted", [0, 1001])
def test_a_volume_out_of_range_is_refused_with_a_number_to_give(wanted):
    with pytest.raises(InputError, match="from 1 to 1000"):
        FactKnobs(wanted)


def test_chunks_write_parts_of_their_own_and_no_id_occurs_in_two(tmp_path, monkeypatch):
    monkeypatch.setattr(world_chunk, "CHUNK_ACCOUNTS", 30)
    monkeypatch.setattr(world_settings, "CHUNK_ACCOUNTS", 30)
    written = [write_facts(part, tmp_path, KNOBS) for part in iter_chunks(WorldSettings(60, 6, 1))]
    assert len(written) == 2
    for table, key in (
        ("product_events", "session_id"),
        ("product_events", "insert_id"),
        ("tickets", "ticket_id"),
        ("surveys", "survey_id"),
        ("touchpoints", "touchpoint_id"),
        ("contacts", "contact_id"),
        ("invoices", "invoice_id"),
    ):
        files = sorted((tmp_path / "facts" / table).iterdir())
        assert [file.name for file in files] == ["part-00000.parquet", "part-00001.parquet"]
        parts = [parquet.read_table(file).to_pandas() for file in files]
        assert [len(part) for part in parts] == [rows[table] for rows in written]
        assert not set(parts[0][key]) & set(parts[1][key])
        assert not set(parts[0]["account_id"]) & set(parts[1]["account_id"])


def test_the_same_settings_give_the_same_facts_and_a_chunk_its_own_randomness():
    settings = WorldSettings(40, 6, 9)
    one, two = (dict(iter_facts(next(iter_chunks(settings)), KNOBS)) for _ in range(2))
    assert all(one[name].equals(two[name]) for name in one)
    drawn = next(iter_chunks(settings))
    other = dict(iter_facts(dataclasses.replace(drawn, part=1), KNOBS))
    assert other["tickets"]["created_at"] != one["tickets"]["created_at"]


def test_product_events_come_in_row_groups_of_one_month(tmp_path):
    drawn = chunk(WorldSettings(60, 6, 2))
    rows = write_facts(drawn, tmp_path)
    file = parquet.ParquetFile(tmp_path / "facts" / "product_events" / "part-00000.parquet")
    assert file.metadata.num_row_groups == 9
    assert file.metadata.num_rows == rows["product_events"]
    first = file.read_row_group(0, columns=["event_time"])["event_time"].to_pandas()
    assert first.min().replace(day=1).date() == first.max().replace(day=1).date()


def test_a_project_of_facts_replaces_the_parts_of_an_earlier_one(tmp_path):
    stale = tmp_path / "facts" / "tickets" / "part-00007.parquet"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    written = facts_project(WorldSettings(25, 6, 1), tmp_path, KNOBS, truth=False)
    assert not stale.exists()
    assert written.chunks == 1
    for table in FACT_TABLES:
        assert parquet.read_table(tmp_path / "facts" / table / "part-00000.parquet").num_rows == written.rows[table]
    assert parquet.read_table(tmp_path / "accounts.parquet").num_rows == written.rows["accounts"] == 25


def test_a_leak_cannot_be_planted_in_facts(tmp_path):
    with pytest.raises(InputError, match="--leak"):
        facts_project(WorldSettings(25, 6, 1, leak="footprint"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_project_file_of_facts_computes_every_metric_of_the_preset(tmp_path):
    (tmp_path / "churnbench.toml").write_text(facts_project_text(SETTINGS))
    project = load_project(tmp_path)
    assert project.data.kind == "facts"
    computed = {metric.id for metric in project.declared.computed}
    assert computed >= {metric.id for metric in load_preset("four-dimensions").metrics}
    assert project.snapshots.first == pd.Timestamp("2025-05-31").date()
    assert project.label.data_through == pd.Timestamp("2025-12-31").date()
    assert {section.known_time for section in project.data.facts} == {"known_time"}
