"""Metrics of each mapping against figures worked out by hand; Zendesk has a file of its own."""

from __future__ import annotations

import pytest
from landing import metrics_on
from landing_tables import DAY, EXAMPLES

_USAGE = {
    "active_users_30d": 2.0,  # u1 and u2; the client that was offline arrived in April
    "active_users_90d": 2.0,
    "active_users_7d": 0.0,
    "daily_users_30d": 3 / 30,  # u1 on the 15th and 16th, u2 on the 16th
    "stickiness": 0.05,
    "power_users": 0.0,
    "power_user_share": 0.0,
    "casual_users_30d": 2.0,  # u1 on two days, u2 on one
    "casual_user_share": 1.0,
    "active_days_share_30d": 3 / 30,
    "usage_trend_90d": 6.0,  # 7 events after 1
    "usage_trend_30d": 1.5,  # 5 after 2
    "days_since_last_login": 15.0,
    "active_users_28d": 2.0,
    "logins_a_week_28d": 0.25,
    "logins_per_user_week": 0.125,
    "advanced_actions_share": 2 / 5,
    "key_features_used_30d": 2.0,
    "key_features_in_all": 3.0,
    "feature_adoption_share": 2 / 3,
    "key_feature_users_30d": 2.0,
    "feature_penetration_share": 1.0,
    "api_calls_30d": 1.0,
    "integrations_active": 1.0,
    "top_user_share": 3 / 4,  # the event without a user is nobody's
    "new_features_60d": 3.0,  # login, export, import; report was seen in December
}
_NPS = {
    "nps_steps": 100.0,
    "nps_people": 4.0,
    "nps": 25.0,  # last answers: 3, 9, 8 and 9
    "nps_last_score": 9.0,
    "nps_detractor": 0.0,
    "nps_promoter": 1.0,
    "nps_trend_12m": -75.0,  # 100, 0, -100 and 100 after 100
    "days_since_nps": 0.0,  # at 23:30 UTC on the day; the answer ten minutes after midnight is not there yet
    "days_in_a_month": 30.4375,
    "nps_age_months": 0.0,
    "nps_answers_12m": 5.0,
    "csat": 4.5,
}
EXPECTED = {
    "salesforce": {
        "touchpoints_90d": 2.0,  # not the meeting written down in April
        "days_since_last_touch": 11.0,
        "expansions_24m": 1.0,  # the one won in April is dated back to March by hand
        "expansion_requests_90d": 2.0,  # o1 and o3, when they were opened
        "lost_opportunities_12m": 0.0,
        "arr_value": 1200.0,
        "arr_trend_12m": 0.2,  # 1200 after 1000
        "seat_trend_12m": -0.2,  # 40 after 50
        "contractions_24m": 1.0,
        "downgraded_12m": 1.0,
        "seats": 40.0,
    },
    "hubspot": {
        "touchpoints_90d": 2.0,
        "days_since_last_touch": 20.0,
        "customer_mails_90d": 1.0,
        "our_mails_90d": 3.0,
        "customer_initiated_ratio": 1 / 3,
        "expansions_24m": 1.0,  # one was won in April, one belongs to two companies
        "tickets_30d": 2.0,
        "tickets_per_30d_12m": 3 * 30 / 365,
        "tickets_vs_own_average": 2 * 365 / 90,
        "tickets_90d": 3.0,
        "tickets_per_90d_12m": 3 * 90 / 365,
        "tickets_90d_vs_own_average": 365 / 90,
        "tickets_tenfold_90d": 30.0,
        "severe_tickets_90d": 1.0,  # counted once, when it became HIGH; the other one did so in April
        "severe_ticket_share": 1 / 3,
        "resolution_hours_90d": 36.0,  # 24 until it was first closed, and 48
    },
    "intercom": {
        "tickets_30d": 1.0,  # not those of a contact without a company yet, or with two
        "tickets_per_30d_12m": 2 * 30 / 365,
        "tickets_vs_own_average": 365 / 60,
        "tickets_90d": 2.0,
        "tickets_per_90d_12m": 2 * 90 / 365,
        "tickets_90d_vs_own_average": 365 / 90,
        "tickets_tenfold_90d": 20.0,
        "resolution_hours_90d": 8.0,  # 12 and 4
        "csat": 3.0,  # 4 and 2; the 4 became a 1 in April
        "resolution_csat_90d": 3.0,
        "arr_value": 1800.0,
        "contractions_24m": 0.0,  # it fell to 0 in April
        "downgraded_12m": 0.0,
        "arr_trend_12m": 0.5,
    },
    "amplitude": {**_USAGE, "sessions_30d": 5.0},
    "mixpanel": _USAGE,
    "pendo": {
        "active_users_30d": 2.0,
        "active_users_90d": 2.0,
        "active_users_7d": 0.0,
        "daily_users_30d": 2 / 30,
        "stickiness": 1 / 30,
        "power_users": 0.0,
        "power_user_share": 0.0,
        "casual_users_30d": 2.0,
        "casual_user_share": 1.0,
        "active_days_share_30d": 2 / 30,
        "usage_trend_90d": 1.8,  # 14 after 5
        "days_since_last_login": 19.0,
        "minutes_30d": 18.0,
        "minutes_per_user_30d": 9.0,
        "features_used_30d": 3.0,
        "core_features_used_30d": 1.0,  # f2 became core in April, f3 had ceased to be an hour before
        "key_feature_users_30d": 1.0,
        "feature_penetration_share": 0.5,
        "new_features_60d": 2.0,
    },
    "delighted": _NPS,
    "qualtrics": _NPS,
}


def measured(folder, source, day=DAY, **choices):
    example = EXAMPLES[source]
    settings = {**example.settings, **choices.pop("settings", {})}
    choices.setdefault("known_column", example.known)
    found = metrics_on(
        folder, source, example.tables, [day], ["A-1", "A-2"], optional=example.optional, settings=settings, **choices
    )
    return found.xs(day, level="as_of")


@pytest.mark.parametrize("source", EXPECTED)
def test_every_metric_equals_the_figure_worked_out_by_hand(tmp_path, source) -> None:
    row = measured(tmp_path, source).loc["A-1"].dropna().to_dict()
    assert row == pytest.approx(EXPECTED[source])


def test_a_lost_renewal_and_a_conversation_of_a_former_employer_belong_to_whom_they_belonged_then(tmp_path) -> None:
    assert measured(tmp_path, "salesforce").loc["A-2", "lost_opportunities_12m"] == 1
    assert measured(tmp_path, "intercom").loc["A-2", "tickets_per_30d_12m"] == pytest.approx(30 / 365)


@pytest.mark.parametrize("database", [None, "sqlite"])
@pytest.mark.parametrize(
    ("zone", "on_the_day", "a_day_later"),
    [("UTC", 1, 0), ("America/New_York", 0, 1), ("Asia/Tokyo", 1, 0), ("Pacific/Auckland", 1, 0)],
)
def test_an_event_at_half_past_eleven_in_the_evening_lands_on_the_day_that_it_has_in_utc(
    tmp_path, database, zone, on_the_day, a_day_later
) -> None:
    event = ("2024-03-31 23:30:00", "login", "u1", '{"company": "A-1"}', "i1")
    tables = {"event": (("time", "name", "distinct_id", "groups", "insert_id"), [event])}
    settings = {"timezone": zone}
    days = ["2024-03-31", "2024-04-01"]
    found = metrics_on(tmp_path, "mixpanel", tables, days, ["A-1"], settings=settings, database=database)
    seen = found["active_users_30d"]
    assert [seen[("A-1", day)] for day in days] == [on_the_day, 1]
    assert found["days_since_last_login"][("A-1", "2024-04-01")] == 1 - a_day_later


def test_a_power_user_is_one_with_use_on_twelve_days_of_thirty_and_late_days_count_when_they_arrive(tmp_path) -> None:
    columns = ("account_id", "visitor_id", "timestamp", "num_events", "num_minutes", "arrived")
    rows = [
        ("A-1", visitor, f"2024-03-{day:02d} 0{hour}:00:00", 1, 1, f"2024-03-{day:02d} 12:00:00")
        for visitor, days in (("v1", range(1, 13)), ("v2", range(1, 12)), ("v3", [5]), ("v4", [4, 5, 6]))
        for day in days
        for hour in (8, 9)
    ]
    rows.append(("A-1", "v2", "2024-03-12 10:00:00", 1, 1, "2024-03-20 12:00:00"))
    no_features = ("account_id", "visitor_id", "feature_id", "timestamp", "num_events", "arrived")
    history = EXAMPLES["pendo"].tables["feature_history"]
    tables = {"event": (columns, rows), "feature_event": (no_features, []), "feature_history": history}
    days = ["2024-03-11", "2024-03-12", "2024-03-20", "2024-03-31"]
    found = metrics_on(tmp_path, "pendo", tables, days, ["A-1"], known_column="arrived").loc["A-1"]
    assert found["power_users"].to_dict() == dict(zip(days, [0, 1, 2, 0], strict=True))  # 1 March is over by the 31st
    assert found["casual_users_30d"].to_dict() == dict(zip(days, [1, 1, 1, 1], strict=True))
    assert found["power_user_share"]["2024-03-20"] == 0.5


@pytest.mark.parametrize("database", [None, "sqlite"])
def test_the_clock_is_turned_with_the_zone(tmp_path, database) -> None:
    """00:30 in Berlin is 22:30 the day before in summer and 23:30 in winter; at 01:30 they part."""
    rows = [
        (at, "login", f"u{n}", '{"company": "A-1"}', f"i{n}")
        for n, at in enumerate(("2024-07-15 01:30:00", "2024-01-15 01:30:00", "2024-07-15 02:30:00"))
    ]
    tables = {"event": (("time", "name", "distinct_id", "groups", "insert_id"), rows)}
    days = ["2024-01-14", "2024-01-15", "2024-07-14", "2024-07-15"]
    settings = {"timezone": "Europe/Berlin"}
    found = metrics_on(tmp_path, "mixpanel", tables, days, ["A-1"], settings=settings, database=database)
    assert [found["active_users_30d"][("A-1", day)] for day in days] == [0, 1, 1, 2]


def test_without_an_arrival_column_an_event_counts_from_when_it_happened(tmp_path) -> None:
    assert measured(tmp_path, "amplitude", known_column=None).loc["A-1", "active_users_30d"] == 3


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("database", [None, "sqlite"])
def test_answers_of_one_second_give_a_score_and_flags_of_the_same_answer(tmp_path, database, order) -> None:
    columns, rows = EXAMPLES["delighted"].tables["response"]
    _id, _person, kind, _score, at, properties = rows[2]  # the last one until the day
    tied = [("t1", "p2", kind, 8, at, properties), ("t2", "p8", kind, 3, at, properties)]
    made = {"response": (columns, [*(row for row in rows if row[0] != "r3"), *tied[::order]])}
    found = metrics_on(tmp_path, "delighted", made, [DAY], ["A-1"], database=database).loc[("A-1", DAY)]
    assert found[["nps_last_score", "nps_detractor", "nps_promoter"]].tolist() == [8.0, 0.0, 0.0]
    assert found["nps_people"] == 5.0


@pytest.mark.parametrize("database", [None, "sqlite"])
def test_two_answers_of_one_person_in_one_second_stand_as_the_higher_one(tmp_path, database) -> None:
    columns, rows = EXAMPLES["delighted"].tables["response"]
    _id, person, kind, _score, at, properties = rows[2]
    made = {"response": (columns, [("a", person, kind, 10, at, properties), ("b", person, kind, 3, at, properties)])}
    found = metrics_on(tmp_path, "delighted", made, [DAY], ["A-1"], database=database).loc[("A-1", DAY)]
    assert found[["nps", "nps_last_score", "nps_promoter"]].tolist() == [100.0, 10.0, 1.0]


def test_the_time_of_a_ticket_s_changes_may_be_in_another_column(tmp_path) -> None:
    example = EXAMPLES["hubspot"]
    columns, rows = example.tables["ticket_property_history"]
    renamed = tuple("timestamp" if name == "timestamp_instant" else name for name in columns)
    choices = {"optional": example.optional, "settings": {**example.settings, "history_time": "timestamp"}}
    made = {**example.tables, "ticket_property_history": (renamed, rows)}
    found = metrics_on(tmp_path, "hubspot", made, [DAY], ["A-1"], **choices).loc[("A-1", DAY)]
    for metric in ("resolution_hours_90d", "severe_tickets_90d"):
        assert found[metric] == pytest.approx(EXPECTED["hubspot"][metric])
