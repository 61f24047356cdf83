"""Which bands are at risk is said once: reports on five states count both at-risk and critical, everywhere."""

from __future__ import annotations

import pandas as pd
import pytest
from health_books import FIVE_STATES, MONTH_AGO, NOW, QUARTER_AGO, book, document, fact, part, row

from churnbench.domain.bands import band_roles, roles_of
from churnbench.health import (
    account_report,
    cohorts_report,
    customer_report,
    early_warning_report,
    executive_report,
    portfolio_report,
    worst_account,
)
from churnbench.health.past_flags import matured
from churnbench.history import reading_of_movement

MORE = {"segment": "SMB", "csm": "Ada", "renewal_on": NOW + pd.Timedelta(days=20)}
#: Account -> logins a week and meetings that put it into its state.
STATES = {"critical": (2.0, 10.0), "at-risk": (5.0, 20.0), "neutral": (8.0, 20.0), "healthy": (8.0, 70.0)}


def five(**more):
    """One account per state but the best, worth 100 each; a month ago each was worth 10 points more."""
    rows = []
    for name, (logins, meetings) in STATES.items():
        rows += [
            row(name, MONTH_AGO, logins + 1.0, meetings + 10.0, arr=100.0, **MORE),
            row(name, NOW, logins, meetings, arr=100.0, **MORE),
        ]
    return book(rows, bands=FIVE_STATES, **more)


def test_the_accounts_of_this_file_stand_in_the_states_they_are_named_after():
    current = five().current
    assert current["band"].tolist() == current["account_id"].tolist()


@pytest.mark.parametrize(
    ("bands", "roles"),
    [
        (["red", "yellow", "green"], ["red", "yellow", "green"]),
        (["Critical", "At-Risk", "Neutral", "Healthy", "Thriving"], ["red", "red", "yellow", "green", "green"]),
        (["at-risk", "healthy"], ["red", "green"]),
        (["E", "D", "C", "B", "A"], ["red", "yellow", "yellow", "yellow", "green"]),
        (["green", "yellow", "red"], ["red", "yellow", "green"]),
        (["yellow", "green"], ["red", "green"]),
    ],
)
def test_names_decide_unless_they_contradict_their_place(bands, roles):
    assert list(band_roles(bands).values()) == roles


def test_the_motions_of_a_config_decide_about_bands_with_names_of_ones_own():
    motions = {"poor": "escalate", "weak": "intervene", "fine": "monitor"}
    made = document(bands=(("poor", 0.0), ("weak", 30.0), ("fine", 60.0)), motions=motions)

    assert roles_of(made) == {"poor": "red", "weak": "red", "fine": "green"}
    assert roles_of({**made, "extra": {"motions": ["anything"]}}) == {"poor": "red", "weak": "yellow", "fine": "green"}


def test_a_portfolio_counts_both_states_at_risk():
    report = portfolio_report(five())

    assert report.headline == "2 of 4 accounts are critical or at-risk."
    assert fact(report, "at_risk_arr").value == 200.0
    assert part(report, "renewal_windows").rows[0]["at_risk"] == 2
    assert part(report, "capacity").rows[0]["needed"] >= 2


def test_the_executive_page_counts_the_revenue_of_both():
    report = executive_report(five())

    assert fact(report, "at_risk").value == pytest.approx(0.5)
    assert "50.0% of 4 active accounts are critical or at-risk" in report.reason


def test_an_early_warning_counts_who_entered_either_state_and_not_who_fell_from_one_to_the_other():
    rows = [
        row("fell_in", QUARTER_AGO, 8.0, 20.0, arr=5.0, **MORE),
        row("fell_in", NOW, 5.0, 20.0, arr=5.0, **MORE),
        row("fell_deeper", QUARTER_AGO, 5.0, 20.0, arr=7.0, **MORE),
        row("fell_deeper", NOW, 2.0, 10.0, arr=7.0, **MORE),
    ]
    found = part(early_warning_report(book(rows, bands=FIVE_STATES)), "segments").rows[0]

    assert (found["entered"], found["entered_arr"]) == (1, 5.0)


def test_readings_in_either_state_are_flags_and_red_flags():
    old = pd.Timestamp("2025-06-30")
    seen = book([row(name, old, *point) for name, point in STATES.items()], bands=FIVE_STATES, known_until=NOW)

    assert matured(seen).set_index("account_id")["flag"].to_dict() == {
        "critical": True,
        "at-risk": True,
        "neutral": False,
        "healthy": False,
    }
    flags = part(account_report(five(), "at-risk"), "red").rows
    assert "Band at-risk" in [flag["what"] for flag in flags]
    assert "Band healthy" in [light["what"] for light in part(account_report(five(), "healthy"), "green").rows]


def test_cohorts_name_both_states_in_their_column():
    many = [row(f"a{place:02d}", NOW, *STATES["at-risk"], arr=float(place), segment="SMB") for place in range(12)]
    many += [row(f"b{place:02d}", NOW, *STATES["healthy"], arr=float(place), segment="SMB") for place in range(12)]
    accounts = pd.DataFrame({"account_id": [one["account_id"] for one in many], "industry": "Retail"})
    table = part(cohorts_report(book(many, bands=FIVE_STATES, accounts=accounts)), "industry")

    assert table.columns[-1].label == "critical or at-risk today"
    assert table.rows[0]["at_risk"] == pytest.approx(0.5)


def test_the_customers_light_is_red_at_risk_and_green_when_healthy():
    lights = {name: customer_report(five(), name).facts[0].value for name in STATES}
    assert lights == {"critical": "red", "at-risk": "red", "neutral": "yellow", "healthy": "green"}


def test_the_account_looked_at_first_may_be_at_risk_and_not_critical():
    rows = [row("critical", NOW, 2.0, 10.0, arr=10.0), row("at-risk", NOW, 5.0, 20.0, arr=9000.0)]
    assert worst_account(book(rows, bands=FIVE_STATES)) == "at-risk"


def test_band_and_speed_are_read_alike_in_the_history_and_in_reports():
    made = document(bands=FIVE_STATES)

    assert reading_of_movement("at-risk", "improving-fast", made) == "recovery possible"
    assert reading_of_movement("healthy", "declining", made) == "early warning"
    assert reading_of_movement("neutral", "declining-fast", made) == "urgent"
    readings = {entry["band"]: entry["reading"] for entry in part(portfolio_report(five()), "speed").rows}
    assert readings["healthy"] == "early warning"
