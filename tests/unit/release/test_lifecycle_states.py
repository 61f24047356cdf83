from __future__ import annotations

import datetime as dt

import pytest
from release_worlds import candidate

from churnbench.release import lifecycle_state
from churnbench_scorer import ConfigRefused, load


def state(now: object, **dates: str | None) -> tuple[str, int | None, str]:
    document = {"config_id": "core", "config_version": "2.1.0", "lifecycle": {"created": "2026-01-01", **dates}}
    found = lifecycle_state(document, now)  # type: ignore[arg-type]
    return found.state, found.days, found.sentence


@pytest.mark.parametrize(
    ("now", "wanted", "days", "words"),
    [
        ("2026-06-01", "active", 29, "review is due on 2026-06-30"),
        ("2026-06-15T23:59:59Z", "active", 15, "in force"),
        ("2026-06-16", "review due", 14, "in 14 days"),
        ("2026-06-29T12:00:00Z", "review due", 1, "in 1 day."),
        ("2026-06-30", "review due", 0, "0 days ago; it still scores"),
        ("2026-07-10", "review due", -10, "10 days ago"),
    ],
)
def test_a_review_is_announced_two_weeks_ahead_and_counted_in_days(
    now: str, wanted: str, days: int, words: str
) -> None:
    found = state(now, review_by="2026-06-30")
    assert found[:2] == (wanted, days)
    assert words in found[2]


def test_an_expired_config_is_expired_whatever_its_review_says() -> None:
    dates = {"review_by": "2026-06-30", "hard_expiry": "2026-07-31"}
    assert state("2026-07-30T23:59:59Z", **dates)[0] == "review due"
    assert "expires on 2026-07-31, in 1 day" in state("2026-07-30", **dates)[2]
    assert state("2026-07-31", **dates)[:2] == ("expired", 0)
    assert "every reader refuses it" in state(dt.date(2026, 8, 1), **dates)[2]


def test_without_dates_a_config_is_in_force_for_good() -> None:
    assert state("2030-01-01")[:2] == ("active", None)
    assert state("2026-01-01", hard_expiry="2026-01-11")[:2] == ("active", 10)
    assert state(None)[0] == "active"  # the clock decides


def test_moments_with_a_zone_are_compared_in_utc() -> None:
    assert state("2026-07-31T01:00:00+02:00", hard_expiry="2026-07-31")[0] == "active"
    assert state(dt.datetime(2026, 7, 31, tzinfo=dt.UTC), hard_expiry="2026-07-31")[0] == "expired"


def test_the_state_agrees_with_what_readers_do() -> None:
    document = candidate(lifecycle={"created": "2026-01-01", "review_by": "2026-06-30", "hard_expiry": "2026-07-31"})
    for now in ("2026-06-30", "2026-07-30T23:59:59Z", "2026-07-31", "2026-08-15"):
        found = lifecycle_state(document, now).state
        try:
            warned = load(document, now=now).warnings
            assert found == "review due"
            assert warned
        except ConfigRefused:
            assert found == "expired"
