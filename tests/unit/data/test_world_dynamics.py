"""What moves when in the simulated world: declines, departures, treatments and segments keep their promises."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from churnbench.data.simulate import simulate_world
from churnbench.data.world_chunk import draw_chunk
from churnbench.data.world_effects import lead_time
from churnbench.data.world_hazard import shift_log
from churnbench.data.world_latent import delayed, draw_latent
from churnbench.data.world_metrics import METRICS, segment_factor
from churnbench.data.world_projection import best_formula
from churnbench.data.world_settings import RUN_IN, Treatment, WorldSettings
from churnbench.domain.errors import InputError

SETTINGS = WorldSettings(accounts=3000, months=18, seed=21)


@pytest.fixture(scope="module")
def chunk():
    return draw_chunk(SETTINGS, 0)


@pytest.fixture(scope="module")
def treated():
    return simulate_world(
        3000, 12, seed=5, base_rate=0.05, treatment=Treatment(trigger=0.3, treated=0.9, effect=0.3, months=3)
    )


def response(chunk, name, event):
    """Mean of a recorded metric by months since an event, less its mean six months before; in its own sd."""
    values = chunk.recorded[name]
    row, month = np.nonzero(event[:, RUN_IN:-7])
    month = month + RUN_IN
    around = np.array([np.nanmean(values[row, month + k]) for k in range(-6, 8)])
    return (around - around[0]) / np.nanstd(values)


@pytest.mark.parametrize(
    ("name", "before", "answers"),
    [
        ("logins_per_user_week", -1, 0),
        ("advanced_actions_share", -1, 0),
        ("touchpoint_quality", -1, 1),
        ("ticket_tone", 0, 2),
        ("contract_utilisation", 4, 5),
    ],
)
def test_each_record_answers_a_decline_of_commitment_after_its_designed_delay(chunk, name, before, answers):
    # Declines follow each other at random, so that several thousand of them are averaged.
    by_month = response(chunk, name, chunk.latent.declined)
    full = by_month[6:].min()
    assert full < -0.15
    assert by_month[6 + before] > 0.35 * full
    assert by_month[6 + answers] < 0.6 * full


def test_the_hazard_follows_a_decline_by_two_to_three_months(chunk):
    relief, declined = chunk.hazard.relief, chunk.latent.declined
    row, month = np.nonzero(declined[:, RUN_IN:-7])
    around = np.array([relief[row, month + RUN_IN + k].mean() for k in range(-1, 6)])
    assert abs(around[2] - around[0]) < 0.15 * (around[0] - around.min())
    assert around[3] == around.min()  # the hazard of the month that starts two month ends later


def test_designed_lead_times_are_in_the_ranges_of_the_field():
    days = {metric.id: lead_time(metric)["lead_days"] for metric in METRICS}
    for name in ("active_seats_share", "feature_adoption_share", "logins_per_user_week", "advanced_actions_share"):
        assert 60 <= days[name] <= 90
    for name in ("touchpoint_quality", "training_completion_share", "community_events_90d"):
        assert 45 <= days[name] <= 60
    for name in ("nps", "csat", "ticket_tone", "escalations_90d", "support_tickets_90d"):
        assert 30 <= days[name] <= 45
    for name in ("contract_utilisation", "on_time_payment_share"):
        assert -92 <= days[name] <= -60
    assert lead_time(METRICS[0])["by_design"] == "leading"
    assert {lead_time(metric)["by_design"] for metric in METRICS} == {"leading", "coincident", "lagging"}


def test_a_departed_champion_costs_30_to_40_points_at_once(chunk):
    q, departed = chunk.latent.recorded_level(4), chunk.latent.departed
    row, month = np.nonzero(departed[:, RUN_IN:])
    fall = q[row, month + RUN_IN - 1] - q[row, month + RUN_IN]
    assert 30 < 15 * fall.mean() < 40
    before, after = (chunk.recorded["touchpoint_quality"][row, month + RUN_IN - k] for k in (1, 0))
    scale = 25.0 * (np.nanmean(before) - np.nanmean(after))  # 1 to 5 as 0 to 100
    assert 24 < scale < 40  # somewhat less: a rating cannot fall below 1


def test_churn_after_a_departure_comes_mostly_30_to_90_days_later():
    drawn = draw_chunk(WorldSettings(accounts=4000, months=24, seed=8, departures=0.03), 0)
    gone = drawn.voluntary[drawn.departures["row"]]
    days = (gone - drawn.departures["departed_on"].to_numpy().astype("datetime64[D]")).astype(float)
    days = days[~np.isnan(days) & (days > 0)]
    by_month = np.histogram(days, bins=[0, 30, 60, 90, 120, 150, 180, 210])[0]
    usual = by_month[4:].mean()
    excess = by_month[:4] - usual
    assert excess[1] + excess[2] > 0.6 * excess.sum()
    assert by_month[1] > 1.8 * usual


def test_departures_are_dated_within_the_contract_and_told_in_the_truth():
    world = simulate_world(800, 12, seed=2, departures=0.05, truth=False)
    started = world.departures["account_id"].map(world.accounts.set_index("account_id")["started_on"])
    assert (world.departures["departed_on"] > started).all()
    assert len(world.departures) > 0.03 * len(world.snapshots)
    told = world.truth["departures"]
    assert told["monthly_rate"] == 0.05
    assert told["metrics"] == ["touchpoint_quality", "executive_meetings_180d", "nps", "csat", "ticket_tone"]
    assert told["hazard_factor_30_to_90_days"]["Enterprise"] > told["hazard_factor_30_to_90_days"]["SMB"] > 4
    assert "churn_probability" not in world.truth_table
    assert world.truth["mean_churn_probability"] is None


def test_a_delay_of_part_of_a_month_lies_on_the_line_between_two_month_ends():
    steps = np.array([[1.0, 2.0, 4.0, 8.0]])
    assert delayed(steps, 1.25).tolist() == [[1.0, 1.0, 1.75, 3.5]]
    assert delayed(steps, 0.0).tolist() == steps.tolist()
    assert delayed(steps, 9.0).tolist() == [[1.0] * 4]


def test_latent_levels_have_variance_one_and_money_moves_slowest():
    latent = draw_latent(4000, 12, np.random.default_rng(0), departures=0.0)
    assert latent.factors[:, :, 1:].var() == pytest.approx(1.0, abs=0.02)
    assert latent.own.var() == pytest.approx(1.0, abs=0.02)
    stays = [np.corrcoef(latent.factors[:, 0, f], latent.factors[:, 11, f])[0, 1] for f in range(1, 6)]
    assert max(stays) == stays[4]
    assert not latent.departure.any()


def test_stated_probabilities_hold_under_a_treatment_policy(treated):
    rows, table = treated.snapshots, treated.truth_table
    churn = treated.outcomes[treated.outcomes["kind"] == "churn"].set_index("account_id")
    days = (rows["account_id"].map(churn[["churned_on", "known_on"]].min(axis=1)) - rows["as_of"]).dt.days
    at = sorted(rows["as_of"].unique())[4]
    here = (rows["as_of"] == at) & ~(days <= 0)
    y, p = (days[here] > 14) & (days[here] <= 104), table.loc[here, "churn_probability"]
    assert stats.poisson.interval(0.998, p.sum())[0] <= y.sum() <= stats.poisson.interval(0.998, p.sum())[1]
    untreated = table.loc[here, "untreated_probability"]
    assert untreated.sum() > 1.3 * p.sum()
    # A churn that is put off may fall into the window, so single rows may gain by being left alone; few do.
    assert (untreated >= p - 1e-12).mean() > 0.99


def test_interventions_tell_who_a_coin_decided_on_and_whom_it_held_out(treated):
    log = treated.interventions
    coin = log[log["randomised"] == 1]
    assert log.loc[log["randomised"] == 0, "propensity"].isna().all()
    assert (log.loc[log["randomised"] == 0, "treated"] == 1).all()
    assert (coin["propensity"] == 0.8).all()
    assert stats.binomtest(int(coin["treated"].sum()), len(coin), 0.8).pvalue > 0.001
    assert (log["known_on"] >= log["started_on"]).all()
    assert log["known_on"].max() <= treated.snapshots["as_of"].max()
    again = log.sort_values(["account_id", "started_on"])
    apart = again.groupby("account_id")["started_on"].diff().dt.days.dropna()
    assert apart.min() >= 80  # nobody is treated twice at a time
    left = log["account_id"].map(
        treated.outcomes[treated.outcomes["kind"] == "churn"].set_index("account_id")["churned_on"]
    )
    assert not (left <= log["started_on"]).any()


def test_the_treatment_lowers_churn_of_the_treated_by_its_factor_against_the_held_out():
    settings = WorldSettings(
        accounts=4000,
        months=18,
        seed=3,
        base_rate=0.06,
        treatment=Treatment(trigger=0.5, treated=1.0, effect=0.3, months=3, near=9.0, holdout=0.5),
    )
    drawn = draw_chunk(settings, 0)
    log = drawn.interventions
    row = pd.Series(range(len(drawn.book)), index=drawn.book["account_id"])[log["account_id"]].to_numpy()
    days = (drawn.voluntary[row] - log["started_on"].to_numpy().astype("datetime64[D]")).astype(float)
    soon = pd.Series((days > 0) & (days <= 80)).groupby(log["treated"]).mean()
    assert 0.22 < soon[1] / soon[0] < 0.42
    assert drawn.care is not None
    assert set(np.unique(drawn.care.factor)) == {0.3, 1.0}


def test_a_treatment_changes_nothing_that_was_recorded_before_anybody_left():
    plain, cared = (draw_chunk(WorldSettings(300, 12, 4, treatment=treatment), 0) for treatment in (None, Treatment()))
    pd.testing.assert_frame_equal(plain.book, cared.book)
    np.testing.assert_array_equal(plain.latent.factors, cared.latent.factors)
    assert plain.interventions.empty
    assert list(plain.interventions) == list(cared.interventions)


def test_segments_have_the_weights_that_the_truth_states():
    assert segment_factor("SMB", "engagement", 0.0) == 1.0
    mild, strong = (simulate_world(300, 8, seed=1, contrast=c).truth["segments"] for c in (1.0, 3.0))
    for notion in ("per_sd", "range"):
        gap = [
            side["Enterprise"]["weights"][notion]["dimensions"]["engagement"]
            - side["SMB"]["weights"][notion]["dimensions"]["engagement"]
            for side in (mild, strong)
        ]
        assert 5 < gap[0] < gap[1]
    assert strong["SMB"]["weights"]["range"]["dimensions"]["usage"] > (
        strong["Enterprise"]["weights"]["range"]["dimensions"]["usage"] + 15
    )
    for segment in strong.values():
        assert sum(segment["weights"]["range"]["metrics"].values()) == pytest.approx(100, abs=0.05)


def test_the_range_of_a_saturated_metric_counts_only_what_it_can_still_take_away():
    told = {row["id"]: row for row in simulate_world(1000, 8, seed=1).truth["metrics"]}
    adoption = told["feature_adoption_share"]
    assert adoption["weight_percent_range"] < 0.7 * adoption["weight_percent_per_sd"]
    curve = adoption["curve"]
    assert curve["log_hazard"][-1] == curve["log_hazard"][-2]  # flat at the top
    assert np.all(np.diff(curve["value"]) > 0)
    tickets = told["support_tickets_90d"]["recorded_curve"]["log_hazard"]
    assert np.all(np.diff(tickets) <= 0)
    assert told["expansions_24m"]["curve"] is None
    # 1.05 per sd over 4.65 sd between the first and the last percentile of a normal level
    line = told["support_tickets_90d"]["curve"]["log_hazard"]
    assert line[0] - line[-1] == pytest.approx(1.05 * 2 * stats.norm.ppf(0.99), rel=0.08)


def test_missingness_is_a_knob_and_zero_leaves_only_what_nobody_could_answer():
    none, much = (simulate_world(400, 8, seed=1, missingness=m, truth=False).snapshots for m in (0.0, 2.0))
    assert none["nps"].notna().all()
    assert none["touchpoint_quality"].notna().all()
    assert (none["csat"].isna() == none["ticket_tone"].isna()).all()
    assert 0.45 < much["nps"].isna().mean() < 0.75


def test_a_shift_of_the_hazard_changes_nothing_before_its_day_and_the_rate_after_it():
    plain, shifted = (
        simulate_world(3000, 12, seed=4, truth=False, hazard_shift=shift) for shift in (None, (date(2025, 7, 1), 2.0))
    )
    left = [w.outcomes[w.outcomes["kind"] == "churn"] for w in (plain, shifted)]
    early = [table[table["known_on"] < "2025-07-01"].reset_index(drop=True) for table in left]
    assert early[0].equals(early[1])
    late = [int((table["known_on"] >= "2025-07-01").sum()) for table in left]
    # The riskiest leave anyhow, so twice the hazard makes less than twice the churn.
    assert 1.4 < late[1] / late[0] < 2.0
    before = [w.snapshots[w.snapshots["as_of"] < "2025-07-01"] for w in (plain, shifted)]
    assert before[0].equals(before[1])
    assert shifted.truth["settings"]["hazard_shift"] == ["2025-07-01", 2.0]
    assert shifted.truth["hazard"]["shift"] == {"from": "2025-07-01", "factor": 2.0}
    assert plain.truth["hazard"]["shift"] is None


def test_the_month_of_a_shift_counts_by_the_days_that_are_left():
    edges = pd.DatetimeIndex(["2025-05-31", "2025-06-30", "2025-07-31", "2025-08-31"])
    assert np.exp(shift_log(edges, (date(2025, 7, 1), 1.5))).tolist() == pytest.approx([1.0, 1.5, 1.5])
    assert np.exp(shift_log(edges, (date(2025, 6, 16), 3.0))).tolist() == pytest.approx([2.0, 3.0, 3.0])
    assert shift_log(edges, None).tolist() == [0.0, 0.0, 0.0]


def test_the_best_formula_finds_the_true_dimensions_and_the_segments_contrast():
    world = simulate_world(1000, 12, seed=6, contrast=2.0)
    found = best_formula(world)
    assert sum(found.weights.values()) == pytest.approx(100)
    told = world.truth["weights"]["range"]["dimensions"]
    assert all(abs(found.dimensions[name] - told[name]) < 8 for name in told)
    sides = {name: best_formula(world, segment=name).dimensions for name in ("Enterprise", "SMB")}
    assert sides["Enterprise"]["engagement"] > sides["SMB"]["engagement"] + 8
    with pytest.raises(InputError, match="No row"):
        best_formula(world, segment="Public")
    with pytest.raises(InputError, match="truth=True"):
        best_formula(simulate_world(100, 8, seed=1, truth=False))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signal": 9.0}, "signal 9.0 is out of range"),
        ({"contrast": -1.0}, "contrast"),
        ({"departures": 0.5}, "departures"),
        ({"missingness": 4.0}, "missingness"),
        ({"hazard_shift": (date(2025, 7, 1), 0.0)}, "hazard_shift 0.0"),
        ({"hazard_shift": (date(2025, 7, 1), 9.0)}, "hazard_shift 9.0"),
    ],
)
def test_knobs_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        WorldSettings(accounts=100, months=12, seed=1, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"trigger": 0.0}, "shares"), ({"holdout": 1.5}, "shares"), ({"months": 0}, "months"), ({"effect": -1}, "effect")],
)
def test_impossible_treatments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Treatment(**arguments)
