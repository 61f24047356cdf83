"""The account report against figures computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from health_books import MONTH_AGO, NOW, QUARTER_AGO, book, churn, fact, formula, part, peers, row

from churnbench.data.sections_playbooks import ActionSection, PlaybookSection, PlaybooksSection
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import RiskFactor
from churnbench.health import account_report, worst_account
from churnbench.playbooks import declare

MINE = {"segment": "SMB", "arr": 5000.0, "csm": "Ada", "renewal_on": pd.Timestamp("2026-02-14")}


def mine(**more):
    """Account x: 60 points a quarter ago, 56 a month ago, 38 now; its peers average 53 (median 53)."""
    rows = [
        row("x", QUARTER_AGO, 8.0, 30.0, **MINE),
        row("x", MONTH_AGO, 8.0, 20.0, **MINE),
        row("x", NOW, 5.0, 20.0, **MINE),
        *peers(12),
    ]
    return book(rows, **more)


def test_score_band_and_changes_are_those_of_the_readings():
    report = account_report(mine(), "x")

    assert fact(report, "health_score").value == 38.0
    assert fact(report, "band").value == "red"
    assert fact(report, "change_month").value == pytest.approx(38 - 56)
    assert fact(report, "change_quarter").value == pytest.approx(38 - 60)
    assert fact(report, "band_quarter").value == "yellow"
    assert fact(report, "days_to_renewal").value == 45
    assert "declining fast" in report.headline


def test_the_churn_probability_and_its_interval_come_from_the_configs_curve():
    probability = fact(account_report(mine(), "x"), "probability")

    assert probability.value == pytest.approx(0.5 - 0.004 * 38)
    assert probability.ci90 == pytest.approx((0.4 - 0.0035 * 38, 0.6 - 0.004 * 38))


def test_metrics_stand_beside_benchmark_peer_average_and_top_quartile():
    rows = {entry["id"]: entry for entry in part(account_report(mine(), "x"), "metrics").rows}
    logins = rows["logins"]

    assert logins["benchmark"] == 10.0
    assert logins["average"] == pytest.approx((55 + 1 + 2) / 12)
    assert logins["average_ci90"][0] < logins["average"] < logins["average_ci90"][1]
    assert logins["top"] == pytest.approx(7.25)  # of 1, 1, 2, 2, 3, ..., 10
    assert logins["top_ci90"][0] <= logins["top"] <= logins["top_ci90"][1]
    assert logins["change_month"] == -3.0
    assert logins["trend"] == "worse"
    assert logins["points"] == pytest.approx(30.0)


def test_below_ten_peers_no_benchmark_is_given_and_the_report_says_so():
    crowd = book([row("x", NOW, 5.0, 20.0, segment="SMB"), *peers(9)])
    report = account_report(crowd, "x")

    assert part(report, "metrics").rows[0]["average"] is None
    assert "9 other active accounts, 10 are needed" in part(report, "peers").why
    assert part(report, "waterfall").kind == "absent"
    assert part(report, "goal").kind == "absent"


def test_the_waterfall_leads_from_the_peers_median_to_the_score():
    data = part(account_report(mine(), "x"), "waterfall").data

    assert data["start"] == pytest.approx(6 * 4.5 + 20)
    assert {label: change for label, _, change in data["steps"]} == pytest.approx({"Logins": 3.0, "Meetings": -12.0})
    assert data["start"] + sum(change for *_, change in data["steps"]) == pytest.approx(38.0)


def test_risk_factors_are_ranked_with_the_points_they_cost():
    rows = part(account_report(mine(), "x"), "risks").rows

    assert [(entry["metric"], entry["severity"], entry["lost"]) for entry in rows] == [
        ("Meetings", "high", 32.0),
        ("Logins", "low", 30.0),
    ]
    assert rows[0]["against"] == pytest.approx(-12.0)
    assert [entry["metric"] for entry in part(account_report(mine(), "x"), "positives").rows] == ["Logins"]


def test_drivers_say_what_the_probability_would_be_at_the_peers_median():
    drivers = {entry["metric"]: entry for entry in part(account_report(mine(), "x"), "drivers").rows}

    assert drivers["Meetings"]["then"] == pytest.approx(0.5 - 0.004 * 50)
    assert drivers["Logins"]["then"] == pytest.approx(0.5 - 0.004 * 35)


def a_month(*, rises: list[float], band_start: float = 2.0):
    """Account x in red, and one other per rise (in logins a week) that began the month at 20 points or so."""
    rows = [row("x", MONTH_AGO, 5.0, 20.0, **MINE), row("x", NOW, 5.0, 20.0, **MINE)]
    for place, rise in enumerate(rises):
        rows += [
            row(f"p{place:02d}", MONTH_AGO, band_start, 20.0, segment="SMB"),
            row(f"p{place:02d}", NOW, band_start + rise, 20.0, segment="SMB"),
        ]
    return book(rows)


def test_the_goal_is_what_a_quarter_of_the_accounts_of_the_band_gained_in_the_last_month():
    months = a_month(rises=[0.0] * 9 + [2.0] * 4 + [4.0] * 3)
    goal = {number.id: number for number in part(account_report(months, "x"), "goal").numbers}

    assert goal["goal_score"].value == pytest.approx(38.0 + 6 * 2.0), "the upper quartile of the 16 others"
    assert goal["goal_score"].ci90 == (38.0, pytest.approx(38.0 + 6 * 4.0))
    assert goal["goal_band"].value == "red"


def test_a_goal_never_asks_for_a_fall_and_says_where_most_points_are_missing():
    goal = {number.id: number for number in part(account_report(a_month(rises=[-1.0] * 12), "x"), "goal").numbers}

    assert goal["goal_score"].value == 38.0
    assert "goal_logins" not in goal, "it lies above its peers' median already"


def test_without_ten_accounts_that_began_a_month_in_the_band_there_is_no_goal():
    absent = part(account_report(a_month(rises=[1.0] * 9), "x"), "goal")

    assert "only 9 other accounts began the last month in red, 10 are needed" in absent.why


def test_red_flags_name_their_evidence_most_severe_first():
    flags = part(account_report(mine(), "x"), "red").rows

    assert [flag["what"] for flag in flags[:2]] == ["Score falls", "Renewal near with a low score"]
    assert flags[0]["evidence"] == "-18.0 points since 2025-11-30"
    assert {"Band red", "Engagement weak", "A dimension is down"} <= {flag["what"] for flag in flags}


def test_the_renewal_clock_knows_what_was_due_and_what_comes_next():
    clock = part(account_report(mine(), "x"), "renewal").rows

    assert [(entry["days_before"], entry["state"]) for entry in clock] == [
        (90, "was due"),
        (60, "was due"),
        (45, "next"),
        (30, "later"),
        (14, "later"),
    ]
    assert clock[2]["date"] == "2025-12-31"


def test_actions_are_ranked_by_what_they_are_expected_to_save():
    asked = [
        {"action": "write", "cost": 10.0, "save_rate": 0.1, "owner": "Eve", "source": "playbook"},
        {"action": "visit", "cost": 100.0, "save_rate": 0.4},
        {"action": "wait"},
    ]
    rows = part(account_report(mine(), "x", actions=asked), "actions").rows
    p = 0.5 - 0.004 * 38

    assert [entry["action"] for entry in rows] == ["visit", "write", "wait"]
    assert rows[0]["expected_value"] == pytest.approx(5000 * p * 0.4 - 100)
    assert rows[1]["basis"] == "declared, not measured"
    assert rows[2]["expected_value"] is None
    assert rows[2]["basis"] == "not computed: no save_rate, no cost"


def test_the_projects_own_save_rate_stands_in_and_is_marked_as_declared():
    declared = mine(settings={"save_rate": 0.3, "contact_cost": 50.0, "capacity": None})
    rows = part(account_report(declared, "x"), "actions").rows

    assert rows[0]["expected_value"] == pytest.approx(5000 * (0.5 - 0.004 * 38) * 0.3 - 50)
    assert "declared, not measured" in rows[0]["basis"]


def test_actions_are_the_tasks_of_the_accounts_own_alerts_with_owner_and_working_day():
    rows = part(account_report(mine(), "x"), "actions").rows
    found = {entry["action"]: entry for entry in rows}

    weekly = found["Weekly call on the recovery plan"]
    assert weekly["owner"] == "Ada"
    assert weekly["due"] == "2026-01-02", "two working days after Wednesday, December 31st"
    assert weekly["source"] == "playbook cadence-red: Weekly contact of a red account"
    assert found["Send the proposal"]["source"] == "playbook renewal-60: 60 days before renewal"
    assert all(entry["success"] for entry in rows)


def test_a_project_without_playbooks_is_given_no_action_and_no_renewal_clock():
    bare = mine(declared=declare(PlaybooksSection(use="none")))
    report = account_report(bare, "x")

    assert part(report, "actions").rows == []
    assert "no trigger of kind renewal" in part(report, "renewal").why


def test_the_projects_own_renewal_playbook_replaces_the_step_of_the_clock():
    call = PlaybookSection(
        id="renewal-45",
        label="Own",
        actions=[ActionSection(action="Call the board", owner="csm", within_days=1, success="Called")],
    )
    clock = part(account_report(mine(declared=declare(PlaybooksSection(own=[call]))), "x"), "renewal").rows

    assert clock[2]["step"] == "Call the board"
    assert {entry["owner"] for entry in clock} == {"Ada", "manager"}


def test_key_events_hold_band_changes_jumps_and_recorded_expansions():
    grown = mine(changes=[{"account_id": "x", "on": "2025-10-15", "kind": "expansion", "share": 0.2}])
    events = [(entry["date"], entry["event"]) for entry in part(account_report(grown, "x"), "events").rows]

    assert events == [
        ("2025-12-31", "Score falls"),
        ("2025-11-30", "yellow to red"),
        ("2025-10-15", "Expansion"),
    ]


def test_without_a_risk_curve_the_probability_is_absent_and_never_zero():
    report = account_report(mine(risk=False), "x")

    assert fact(report, "probability").value is None
    assert "no risk curve" in part(report, "probability").why
    assert part(report, "actions").rows[0]["expected_value"] is None


def test_an_account_without_any_value_has_no_score_and_says_so():
    empty = book([row("x", NOW, None, None, segment="SMB"), *peers(12)])
    report = account_report(empty, "x")

    assert report.headline.startswith("No score")
    assert fact(report, "health_score").value is None
    assert part(report, "metrics").rows[0]["points"] is None


def test_the_worst_account_is_the_lowest_band_with_the_largest_revenue_at_risk():
    rows = [
        row("small", NOW, 1.0, 0.0, arr=100.0),
        row("large", NOW, 4.0, 40.0, arr=9000.0),
        row("green", NOW, 10.0, 100.0, arr=90000.0),
    ]
    assert worst_account(book(rows)) == "large"


def test_an_account_that_left_or_never_was_is_refused_by_name():
    gone = book([row("x", QUARTER_AGO, 5.0, 5.0), row("y", NOW, 5.0, 5.0)])
    with pytest.raises(InputError, match="'x' has left, or has no recent reading"):
        account_report(gone, "x")
    with pytest.raises(InputError, match="'z' is unknown"):
        account_report(gone, "z")


def register(*factors: RiskFactor):
    """The formula with these risk factors."""
    return replace(formula(), risk_factors=factors, severity_points={"high": 20.0, "critical": 40.0})


def test_the_risk_factor_register_names_what_holds_with_severity_evidence_and_points():
    spec = register(
        RiskFactor("few_meetings", "meetings", "<", 30.0, "high", "Hardly any meeting"),
        RiskFactor("champion", "champion_departed_90d", ">=", 1.0, "critical", "Champion departure"),
        RiskFactor("logins", "logins", "<", 1.0, "high", "Nobody logs in"),
    )
    table = part(account_report(mine(spec=spec), "x"), "register")

    assert table.rows == [
        {"label": "Hardly any meeting", "severity": "high", "evidence": "meetings is 20", "points": 20.0}
    ]
    assert table.title == "Risk-factor register: 20 points"
    assert "no value known, so not judged: Champion departure" in table.how


def test_a_formula_without_risk_factors_says_so():
    assert part(account_report(mine(), "x"), "register").why == "the formula declares no risk factors"


def test_key_events_hold_a_return_an_override_and_what_was_done():
    log = pd.DataFrame(
        {
            "account_id": ["x", "other"],
            "started_on": pd.to_datetime(["2025-11-05", "2025-11-06"]),
            "kind": ["adoption call", "nothing to see"],
            "treated": [True, True],
            "trigger": ["usage below 40", None],
            "outcome": [None, None],
        }
    )
    came_back = {**churn("x", "2025-09-01"), "back_on": pd.Timestamp("2025-09-20")}
    seen = mine(interventions=log, churns=[came_back])
    overridden = seen.history.assign(
        override_id=[None] * len(seen.history),
        override_band=None,
        override_reason=None,
        override_author=None,
        override_until="2026-03-31",
    )
    last = (overridden["account_id"] == "x") & (overridden["as_of"] == NOW)
    overridden.loc[last, ["override_id", "override_band", "override_reason", "override_author"]] = [
        "o1",
        "green",
        "New sponsor",
        "Ada",
    ]
    report = account_report(replace(seen, history=overridden), "x")
    events = [(entry["date"], entry["event"], entry["detail"]) for entry in part(report, "events").rows]

    assert ("2025-09-01", "Leaves", "") in events
    assert ("2025-09-20", "Comes back", "") in events
    assert ("2025-11-05", "Intervention: adoption call", "usage below 40") in events
    assert ("2025-12-31", "Override: band green", "New sponsor (Ada)") in events
    assert report.caveats[0] == (
        "Overridden by Ada until 2026-03-31: New sponsor. By the thresholds alone the band is red."
    )
    assert not any("nothing to see" in event for _, event, _ in events)
