"""Pendo: events and feature events in sums per visitor and hour; a feature is core as it was at the time."""

from __future__ import annotations

from churnbench.sources.history import periods
from churnbench.sources.model import Asked, Fact, Metric, Source
from churnbench.sources.product_events import first_uses, user_days
from churnbench.sources.shared import one_owner
from churnbench.sources.usage_metrics import penetration_metrics, trend_metrics, user_metrics


def _events(asked: Asked) -> str:
    d = asked.dialect
    at, count, minutes = (d.identifier(name) for name in ("timestamp", "num_events", "num_minutes"))
    known = f", {d.utc(d.identifier(asked.known_column))} AS known_time" if asked.known_column else ""
    parts = [d.text(name) for name in ("visitor_id", d.utc(at), count, minutes)]
    key = " || ' ' || ".join(f"coalesce({part}, '')" for part in parts)
    return (
        f"SELECT {one_owner(asked, 'account_id')}, {d.utc(at)} AS event_time{known},\n"
        f"  {key} AS fact_key, {d.text('visitor_id')} AS user_id,\n"
        f"  {d.number(count)} AS num_events, {d.number(minutes)} AS num_minutes\n"
        f"FROM {asked.table('event')}"
    )


def _features(asked: Asked) -> str:
    d = asked.dialect
    at = d.identifier("timestamp")
    core = periods(asked, "feature_history", "id", "is_core_event", "last_updated_at")
    known = f", {d.utc('e.' + d.identifier(asked.known_column))} AS known_time" if asked.known_column else ""
    parts = [d.text(name) for name in ("e.visitor_id", "e.feature_id", d.utc(f"e.{at}"), "e.num_events")]
    key = " || ' ' || ".join(f"coalesce({part}, '')" for part in parts)
    return (
        f"WITH cores AS (\n  {core})\n"
        f"SELECT DISTINCT {one_owner(asked, 'e.account_id')}, {d.utc(f'e.{at}')} AS event_time{known},\n"
        f"  {key} AS fact_key, {d.text('e.visitor_id')} AS user_id, {d.text('e.feature_id')} AS feature,\n"
        f"  {d.number('e.num_events')} AS num_events,\n"
        f"  CASE WHEN {d.true('c.value')} THEN {d.text('e.feature_id')} END AS core_feature,\n"
        f"  CASE WHEN {d.true('c.value')} THEN 'yes' END AS is_core\n"
        f"FROM {asked.table('feature_event')} e LEFT JOIN cores c ON c.entity = {d.text('e.feature_id')}\n"
        f"  AND {d.utc(f'e.{at}')} >= c.valid_from AND (c.valid_to IS NULL OR {d.utc(f'e.{at}')} < c.valid_to)"
    )


def _user_days(asked: Asked) -> str:
    return user_days(_events(asked), asked)


def _first_uses(asked: Asked) -> str:
    return first_uses(_features(asked), asked, "feature")


_FEATURES = ("feature_event", "feature_history")

PENDO = Source(
    name="pendo",
    title="Pendo",
    tables={
        "event": ("account_id", "visitor_id", "timestamp", "num_events", "num_minutes"),
        "feature_event": ("account_id", "visitor_id", "feature_id", "timestamp", "num_events"),
        "feature_history": ("id", "is_core_event", "last_updated_at"),
    },
    facts=(
        Fact("events", ("event",), _events, "a visitor used the product", known="choice"),
        Fact("user_days", ("event",), _user_days, "a visitor used the product on a day", known="choice"),
        Fact("feature_uses", _FEATURES, _features, "a visitor used a feature", known="choice"),
        Fact("first_uses", _FEATURES, _first_uses, "a feature was used for the first time", known="choice"),
    ),
    metrics=(
        *user_metrics("events", "user_days"),
        *trend_metrics("events", "num_events"),
        Metric("days_since_last_login", "events", "days_since_last"),
        Metric("minutes_30d", "events", "sum", "num_minutes", 30, helper=True),
        Metric("minutes_per_user_30d", ratio=("minutes_30d", "active_users_30d")),
        Metric("features_used_30d", "feature_uses", "distinct", "feature", 30),
        Metric("core_features_used_30d", "feature_uses", "distinct", "core_feature", 30),
        *penetration_metrics("feature_uses", "is_core"),
        Metric("new_features_60d", "first_uses", "count", window_days=60),
    ),
    rule="event.account_id is the account id; native key (for the identity table): the same",
    unobtainable={
        "feature_adoption_share": "how many core features there were is no fact of an account;"
        " use core_features_used_30d",
        "logins_per_user_week": "rows are sums per visitor and hour; a login is not marked",
        "top_user_share": "rows are sums: their number says little about who does most",
    },
    leaks={
        "feature.is_core_event (newest)": "is what is core today: feature_history says what was",
        "account.last_visit, visitor.last_visit": "are current values",
    },
    notes=(
        "No login is marked: days since the last one are days since the last use.",
        "Rows that agree in account, visitor, time and counts count once: Pendo gives them no id.",
        "timestamp is UTC.",
    ),
)
