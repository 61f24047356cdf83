"""Zendesk tickets on tables of the landing shape, against figures worked out by hand."""

import os
from pathlib import Path

import pytest
from landing import metrics_on
from zendesk_tables import DAY, tables


def found(folder: Path, made=None, days=(DAY,), **choices):
    choices.setdefault("optional", ["first_replies"])
    return metrics_on(folder, "zendesk", made or tables(), days, ["A-1", "A-2"], **choices)


EXPECTED = {
    "tickets_30d": 1.0,  # ticket 2 came on 1 March, exactly 30 days before: outside
    "tickets_90d": 3.0,  # ticket 1 came 89 days before
    "tickets_per_30d_12m": 3 * 30 / 365,
    "tickets_vs_own_average": 365 / 90,
    "tickets_per_90d_12m": 3 * 90 / 365,
    "tickets_90d_vs_own_average": 365 / 90,
    "tickets_tenfold_90d": 30.0,
    "resolution_hours_90d": 10.0,  # of 6, 10 and 96
    "within_sla_share": 2 / 3,
    "open_critical_tickets": 1.0,
    "severe_tickets_90d": 1.0,
    "severe_ticket_share": 1 / 3,
    "escalations_90d": 1.0,
    "support_escalated_90d": 1.0,
    "csat": 3.0,  # good 5 and bad 1
    "resolution_csat_90d": 3.0,
    "reopened_tickets_90d": 1.0,
    "solved_tickets_90d": 3.0,
    "reopened_share_90d": 1 / 3,
    "first_reply_hours_90d": 3.0,
}


def test_every_metric_equals_the_figure_worked_out_by_hand(tmp_path) -> None:
    row = found(tmp_path).loc[("A-1", DAY)]
    assert set(row.index) == set(EXPECTED)
    assert row.to_dict() == pytest.approx(EXPECTED)


def test_sqlite_gives_the_same_figures(tmp_path) -> None:
    assert found(tmp_path, database="sqlite").loc[("A-1", DAY)].to_dict() == pytest.approx(EXPECTED)


@pytest.mark.postgres
def test_postgres_gives_the_same_figures(tmp_path) -> None:
    address = os.environ.get("CHURNBENCH_TEST_POSTGRES")
    if not address:
        pytest.skip("set CHURNBENCH_TEST_POSTGRES to a postgresql:// address")
    assert found(tmp_path, database=address).loc[("A-1", DAY)].to_dict() == pytest.approx(EXPECTED)


def test_a_ticket_whose_promised_time_is_over_counts_as_broken_before_it_is_solved(tmp_path) -> None:
    shares = found(tmp_path, days=("2024-03-21", "2024-03-22"))["within_sla_share"]
    assert shares[("A-2", "2024-03-21")] != shares[("A-2", "2024-03-21")]  # undecided: missing, not 0
    assert shares[("A-2", "2024-03-22")] == 0


def test_a_critical_ticket_is_counted_while_it_is_open_and_critical_and_at_no_other_time(tmp_path) -> None:
    days = ["2024-03-01", "2024-03-02", "2024-03-04", "2024-03-05", "2024-03-10", "2024-04-14", "2024-04-15"]
    open_then = found(tmp_path, days=days)["open_critical_tickets"]
    assert [open_then[("A-1", day)] for day in days] == [0, 1, 1, 0, 1, 1, 0]


def test_the_promise_and_the_critical_priorities_are_the_user_s(tmp_path) -> None:
    row = found(tmp_path, settings={"sla_hours": "8", "critical": "urgent, normal"}).loc[("A-1", DAY)]
    assert row["within_sla_share"] == pytest.approx(1 / 3)
    assert row["escalations_90d"] == 0  # normal to urgent is no raise when both are critical
