"""How far along its life a weight config is: in force, due for review, or expired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

#: A review that is due within so many days is announced.
NOTICE_DAYS = 14


@dataclass(frozen=True)
class LifecycleState:
    """Where a config stands.

    Attributes:
        state: "active", "review due" or "expired"; only "expired" makes readers refuse it.
        days: whole days to the next date that matters, negative when it has passed; None when there is no such date.
        sentence: the same in words.
    """

    state: str
    days: int | None
    sentence: str


def lifecycle_state(document: Mapping[str, Any], now: datetime | date | str | None = None) -> LifecycleState:
    """Where a config stands at a moment.

    Args:
        document: a config document.
        now: a moment, a date (its first instant in UTC) or ISO text; default: the clock.

    Returns:
        "expired" from `hard_expiry` on, "review due" from 14 days before `review_by` on, else "active".
    """
    moment = _moment(now) if now is not None else datetime.now(UTC)
    name = f"Config {document['config_id']} {document['config_version']}"
    expiry, review = (document["lifecycle"].get(field) for field in ("hard_expiry", "review_by"))
    if expiry is not None and moment >= _moment(expiry):
        days = _days(moment, expiry)
        return LifecycleState(
            "expired", days, f"{name} expired on {expiry}; every reader refuses it. Release a reviewed config."
        )
    ending = "" if expiry is None else f" It expires on {expiry}, in {_counted(_days(moment, expiry))}."
    if review is None:
        return LifecycleState(
            "active",
            None if expiry is None else _days(moment, expiry),
            f"{name} is in force, without a date for its review.{ending}",
        )
    days = _days(moment, review)
    if moment >= _moment(review):
        said = f"{name} was due for review on {review}, {_counted(-days)} ago; it still scores.{ending}"
        return LifecycleState("review due", days, said)
    if moment >= _moment(review) - timedelta(days=NOTICE_DAYS):
        return LifecycleState("review due", days, f"{name} is due for review on {review}, in {_counted(days)}.{ending}")
    return LifecycleState("active", days, f"{name} is in force; its review is due on {review}.{ending}")


def _days(now: datetime, then: str) -> int:
    """Calendar days in UTC from now to then."""
    return (_moment(then).date() - now.date()).days


def _counted(days: int) -> str:
    return "1 day" if days == 1 else f"{days:,} days"


def _moment(value: datetime | date | str) -> datetime:
    """A moment in UTC; without a zone, UTC is meant."""
    text = value if isinstance(value, str) else value.isoformat()
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
