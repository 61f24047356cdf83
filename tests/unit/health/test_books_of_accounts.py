"""Portfolio, early warning, executive figures and cohorts against figures computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from health_books import MONTH_AGO, NOW, QUARTER_AGO, YEAR_AGO, book, churn, fact, part, peers, row

from churnbench.domain.errors import InputError
from churnbench.health import cohorts_report, early_warning_report, executive_report, portfolio_report
from churnbench.health.early_warning import changes_by_segment
from churnbench.health.past_flags import detection, matured, past_flags
from churnbench.health.retention import retention
from churnbench.health.survival import kaplan_meier


def three():
    """Three accounts: red and falling, yellow and stable, green and rising fast."""
    rows = []
    for name, before, now, arr, csm in (
        ("r", 5.0, 3.0, 1000.0, "Ada"),
        ("y", 8.0, 8.0, 2000.0, "Bob"),
        ("g", 7.0, 10.0, 4000.0, "Bob"),
    ):
        days = {"r": 30, "y": 80, "g": 200}[name]
        more = {"segment": "SMB", "arr": arr, "csm": csm, "renewal_on": NOW + pd.Timedelta(days=days)}
        rows += [row(name, MONTH_AGO, before, 50.0, **more), row(name, NOW, now, 50.0, **more)]
    return rows


def test_the_portfolio_counts_accounts_and_revenue_by_band():
    report = portfolio_report(book(three()))
    rows = {entry["band"]: entry for entry in table(report, "bands").rows}

    assert [(band, entry["accounts"], entry["arr"]) for band, entry in rows.items()] == [
        ("red", 1, 1000.0),
        ("yellow", 1, 2000.0),
        ("green", 1, 4000.0),
    ]
    assert rows["red"]["loss"] == pytest.approx(1000 * (0.5 - 0.004 * 38))
    assert rows["green"]["arr_share"] == pytest.approx(4 / 7)


def table(report, name):
    """The table with this id; a chart may share it."""
    return next(p for s in report.sections for p in s.parts if p.kind == "table" and p.id == name)


def part_of(report, name):
    """The section with this id."""
    return next(section for section in report.sections if section.id == name)


def test_movers_are_listed_with_what_drove_them():
    report = portfolio_report(book(three()))

    falling = table(report, "declining").rows
    assert [entry["account_id"] for entry in falling] == ["r"]
    assert falling[0]["drivers"] == "Logins −12.0"
    assert [entry["account_id"] for entry in table(report, "improving").rows] == ["g"]
    assert [entry["account_id"] for entry in table(report, "stable").rows] == ["y"]
    assert table(report, "patterns").rows[0]["pattern"] == "Usage"


def test_renewals_are_those_within_ninety_days_with_their_revenue_at_risk():
    report = portfolio_report(book(three()))

    assert [entry["account_id"] for entry in table(report, "renewals").rows] == ["y", "r"]
    assert table(report, "renewals").rows[0]["at_risk"] == pytest.approx(2000 * (0.5 - 0.004 * 68))
    assert [entry["accounts"] for entry in table(report, "renewal_windows").rows] == [1, 0, 1]


def test_capacity_is_held_against_what_was_declared():
    report = portfolio_report(book(three(), settings={"capacity": 0.0}))

    assert "1 accounts need intensive care, above the capacity of 0" in part_of(report, "capacity").finding
    assert part(portfolio_report(book(three())), "capacity_limit").kind == "absent"


def test_a_book_is_cut_down_to_one_csm_and_an_unknown_one_is_refused():
    assert fact(portfolio_report(book(three()).only(csm="Bob")), "accounts").value == 2
    with pytest.raises(InputError, match=r"no account has csm 'Eve'.*Ada, Bob"):
        book(three()).only(csm="Eve")


def test_an_account_that_left_after_its_last_reading_is_not_active():
    gone = book(three(), churns=[churn("g", "2026-01-05")], known_until=pd.Timestamp("2026-01-31"))

    assert sorted(gone.current["account_id"]) == ["r", "y"]


def year(count: int = 12):
    """Twelve accounts over a year: a00 leaves, a01 falls from 100 to 50, a02 grows from 100 to 150."""
    rows = []
    for place in range(count):
        name = f"a{place:02d}"
        arr = {"a01": 50.0, "a02": 150.0}.get(name, 100.0)
        rows.append(row(name, YEAR_AGO, 5.0, 50.0, arr=100.0))
        if place:
            rows.append(row(name, NOW, 5.0, 50.0, arr=arr))
    return book(rows, churns=[churn("a00", "2025-06-01")])


def test_retention_of_revenue_and_logos_is_what_the_hand_says():
    kept = retention(year(), YEAR_AGO)

    assert (kept.accounts, kept.left, kept.unknown) == (12, 1, 0)
    assert kept.logo.value == pytest.approx(11 / 12)
    assert kept.gross.value == pytest.approx((9 * 100 + 50 + 100) / 1200)
    assert kept.net.value == pytest.approx((9 * 100 + 50 + 150) / 1200)
    assert kept.expanded.value == pytest.approx(1 / 11)
    assert kept.gross.low < kept.gross.value <= kept.gross.high


def test_an_account_that_vanishes_without_a_churn_is_in_no_figure():
    rows = [row(f"a{n}", YEAR_AGO, 5.0, 50.0, arr=100.0) for n in range(12)]
    rows += [row(f"a{n}", NOW, 5.0, 50.0, arr=100.0) for n in range(11)]
    kept = retention(book(rows), YEAR_AGO)

    assert (kept.accounts, kept.unknown, kept.logo.value) == (11, 1, 1.0)


def test_revenue_that_never_changes_is_doubted_aloud():
    rows = [row(f"a{n}", day, 5.0, 50.0, arr=100.0) for n in range(12) for day in (YEAR_AGO, NOW)]

    assert "ARR ever changes" in part(executive_report(book(rows)), "revenue").why


def monthly(name: str, scores: list[float], end: str = "2025-12-31"):
    """Readings at month ends up to `end`, logins such that the score is as given."""
    days = pd.date_range(end=end, periods=len(scores), freq="ME")
    return [row(name, day, score / 10, score, arr=100.0) for day, score in zip(days, scores, strict=True)]


def test_past_flags_are_judged_on_matured_windows_alone():
    # Churn on 2025-06-15: readings of 28 Feb (day 107) lie before the window, those of 31 Mar to 31 May inside it.
    rows = (
        monthly("left", [40.0] * 5, end="2025-05-31")
        + monthly("stayed", [40.0, 90.0] * 6)
        + monthly("fine", [90.0] * 12)
    )
    made = book(rows, churns=[churn("left", "2025-06-15")])
    readings = matured(made)
    found = past_flags(made, readings)

    assert readings["as_of"].max() == pd.Timestamp("2025-08-31")
    assert readings["y"].sum() == 3
    assert readings.loc[readings["account_id"] == "left", "flag"].all()
    assert found.readings == 5 + 8 + 8
    assert found.precision.value == pytest.approx(3 / 9)
    assert found.recall.value == 1.0
    assert found.flag_nobody == pytest.approx(18 / 21)
    assert found.accuracy == pytest.approx(15 / 21)


def test_an_involuntary_churn_is_no_hit_and_no_false_alarm():
    rows = monthly("left", [40.0] * 5, end="2025-05-31") + monthly("fine", [90.0] * 12)
    readings = matured(book(rows, churns=[churn("left", "2025-06-15", involuntary=True)]))

    assert readings["y"].sum() == 0
    assert (readings["account_id"] == "left").sum() == 2


def test_time_to_detection_counts_from_the_first_of_two_red_readings():
    # Red on 31 Jan alone, then on 31 Mar and 30 Apr: the alert begins on 31 March.
    rows = monthly("left", [40.0, 90.0, 40.0, 40.0, 90.0], end="2025-05-31") + monthly("fine", [90.0] * 12)
    found = detection(book(rows, churns=[churn("left", "2025-06-15")]))

    assert (found.churned, found.warned) == (1, 1)
    assert found.quartiles[1] == (pd.Timestamp("2025-06-15") - pd.Timestamp("2025-03-31")).days


def test_vacuous_targets_carry_their_caveat():
    rows = monthly("left", [40.0] * 5, end="2025-05-31") + monthly("fine", [90.0] * 12)
    caveats = part(executive_report(book(rows, churns=[churn("left", "2025-06-15")])), "targets").rows

    assert "Flagging nobody reaches 76.9%" in caveats[0]["caveat"]


def test_a_fall_planted_in_one_segment_stands_out_and_noise_does_not():
    random = np.random.default_rng(1)
    rows = []
    for place in range(120):
        segment = "SMB" if place % 2 else "Enterprise"
        before, noise = 6.0, random.normal(0, 1.0, 2)
        fall = 2.0 if segment == "SMB" else 0.0
        more = {"segment": segment, "arr": 10.0}
        rows.append(row(f"a{place}", QUARTER_AGO, before, 50.0, **more))
        rows.append(row(f"a{place}", NOW, before - fall + noise[0], 50 + noise[1], **more))
    found = {(entry["segment"], entry["id"]): entry for entry in changes_by_segment(book(rows))}

    assert found["SMB", "logins"]["stands_out"]
    assert found["SMB", "logins"]["change"] == pytest.approx(-20, abs=4)
    assert not found["Enterprise", "logins"]["stands_out"]
    assert not found["SMB", "meetings"]["stands_out"]
    report = early_warning_report(book(rows))
    assert report.headline.startswith("Logins fell most")
    assert table(report, "worst").rows[0]["since"] == "2025-09-30"


def test_the_projected_loss_is_the_sum_of_revenue_times_probability_with_a_range():
    loss = fact(early_warning_report(book(three())), "loss")
    expected = 1000 * (0.5 - 0.004 * 38) + 2000 * (0.5 - 0.004 * 68) + 4000 * (0.5 - 0.004 * 80)

    assert loss.value == pytest.approx(expected)
    assert loss.ci90[0] < expected < loss.ci90[1] <= 7000


def test_groups_below_ten_accounts_are_not_compared():
    assert changes_by_segment(book([*three()])) == []
    report = early_warning_report(book(three()))
    assert "a quarter ago" in report.headline


def test_a_retention_curve_equals_the_hand_computed_product():
    # 12 accounts; one leaves at 2, two at 4 of which 11 are watched, the others are watched to 6.
    curve = kaplan_meier(np.zeros(12), [2.0, 4.0, 4.0] + [6.0] * 9, [True] * 3 + [False] * 9)

    assert curve.at(1.0).value == 1.0
    assert curve.at(1.0).low == pytest.approx(0.05 ** (1 / 12), abs=0.01)
    assert curve.at(2.0).value == pytest.approx(11 / 12)
    assert curve.at(4.0).value == pytest.approx(11 / 12 * 9 / 11)
    assert curve.at(5.0).value is None, "only nine accounts are watched beyond 4"


def test_late_entry_never_claims_what_was_not_watched():
    entry = np.full(20, 24.0)
    curve = kaplan_meier(entry, np.full(20, 36.0), [True] * 5 + [False] * 15)

    assert curve.first == 24.0
    assert curve.at(12.0).value is None
    assert curve.kept[-1] == pytest.approx(15 / 20)


def test_cohorts_say_which_attribute_is_missing_and_how_to_supply_it():
    report = cohorts_report(year())

    assert "industry" in part(report, "industry").why
    assert "accounts table" in part(report, "industry").fix
    assert part(report, "signup").kind == "absent"


def test_cohorts_by_industry_follow_who_left():
    rows = [
        row(f"a{n:02d}", day, 5.0, 50.0, arr=100.0 + n)
        for n in range(40)
        for day in (YEAR_AGO, MONTH_AGO, NOW)
        if n >= 10 or day == YEAR_AGO
    ]
    accounts = pd.DataFrame(
        {"account_id": [f"a{n:02d}" for n in range(40)], "industry": ["Retail"] * 20 + ["Health"] * 20}
    )
    made = book(rows, churns=[churn(f"a{n:02d}", "2025-06-01") for n in range(10)], accounts=accounts)
    found = {entry["group"]: entry for entry in table(cohorts_report(made), "industry").rows}

    assert found["Retail"]["after_6"] == pytest.approx(0.5)
    assert found["Health"]["after_6"] == 1.0
    assert found["Health"]["after_6_ci90"][0] == pytest.approx(0.05 ** (1 / 20), abs=1e-6)
    assert found["Retail"]["left"] == 10


def test_one_account_and_an_empty_past_still_give_every_report():
    alone = book([row("x", NOW, 5.0, 50.0)])

    for make in (portfolio_report, early_warning_report, executive_report, cohorts_report):
        report = make(alone)
        assert report.headline
        assert report.as_dict()["sections"]


def test_accounts_without_any_value_are_counted_as_having_no_score():
    nothing = book([row(f"a{n}", NOW, None, None) for n in range(3)])
    report = portfolio_report(nothing)

    assert {entry["band"]: entry["accounts"] for entry in table(report, "bands").rows}["insufficient-data"] == 3
    assert executive_report(nothing).as_dict()["facts"]


def test_peers_fixture_is_what_the_account_tests_assume():
    assert book(peers(12)).current["health_score"].tolist()[:2] == [26.0, 32.0]
