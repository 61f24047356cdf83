"""Dates of facts that cannot be are shown to a person, table by table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pandas as pd
import pytest

from churnbench.cohort.fact_dates import fact_date_findings
from churnbench.data.session import Session
from churnbench.features import Facts

THROUGH = date(2024, 6, 30)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(memory_limit="200MB", threads=1) as opened:
        yield opened


def facts(session: Session, *, known_days_later: list[int], moved_days: int = 0, bitemporal: bool = True) -> Facts:
    """One fact a day from 2024-01-01 on; the last ones are dated `moved_days` later."""
    size = len(known_days_later)
    event = pd.Series(pd.date_range("2024-01-01", periods=size, freq="D"))
    known = event + pd.to_timedelta(known_days_later, unit="D")
    event.iloc[-size // 10 :] += pd.Timedelta(days=moved_days)
    rows = pd.DataFrame({"account_id": "a", "event_at": event, "known_at": known})
    name = session.fresh_name("dated")
    session.connection.register(f"{name}_rows", rows)
    session.connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {name}_rows")
    session.connection.unregister(f"{name}_rows")
    return Facts(name, session, name, {}, {}, bitemporal)


def test_facts_that_are_known_when_they_happen_or_later_pass(session):
    tables = {"tickets": facts(session, known_days_later=[0, 1, 40] * 30)}
    assert fact_date_findings(tables, THROUGH) == ()


def test_one_fact_in_a_hundred_may_be_planned(session):
    planned = [-30] + [1] * 119
    assert fact_date_findings({"visits": facts(session, known_days_later=planned)}, THROUGH) == ()


def test_facts_known_before_they_happened_are_for_review_and_counted(session):
    tables = {
        "good": facts(session, known_days_later=[1] * 50),
        "odd": facts(session, known_days_later=[-5] * 20 + [1] * 30),
    }
    (finding,) = fact_date_findings(tables, THROUGH)
    assert (finding.id, finding.severity) == ("fact-dates:odd", "review")
    assert finding.detail.startswith("20 of 50 facts in `odd` were known more than a day before they happened.")


def test_a_day_of_difference_is_a_time_zone_and_passes(session):
    assert fact_date_findings({"logins": facts(session, known_days_later=[-1] * 50)}, THROUGH) == ()


def test_facts_dated_after_everything_known_are_for_review(session):
    (finding,) = fact_date_findings({"visits": facts(session, known_days_later=[1] * 50, moved_days=400)}, THROUGH)
    assert (finding.id, finding.severity) == ("fact-dates:visits", "review")
    assert finding.detail.startswith("5 of 50 facts in `visits` are dated after anything was known.")


def test_what_another_table_knows_later_makes_a_date_possible(session):
    visits = facts(session, known_days_later=[300] * 45 + [0] * 5)
    ahead = facts(session, known_days_later=[1] * 50, moved_days=200)
    assert [finding.id for finding in fact_date_findings({"ahead": ahead}, THROUGH)] == ["fact-dates:ahead"]
    found = fact_date_findings({"ahead": ahead, "visits": visits}, THROUGH)
    # 2024 has 366 days: the facts of `ahead` end in September, `visits` were known until December.
    assert "after anything was known" not in "".join(finding.detail for finding in found)


def test_tables_without_a_known_time_cannot_be_judged(session):
    assert fact_date_findings({"plain": facts(session, known_days_later=[-9] * 50, bitemporal=False)}, THROUGH) == ()
