"""Metrics of product use that Amplitude, Mixpanel and Pendo give alike."""

from __future__ import annotations

from churnbench.sources.model import Metric
from churnbench.sources.shared import LOWER


def user_metrics(events: str, user_days: str) -> tuple[Metric, ...]:
    """Users, stickiness and days of use, from events with user_id and from days of users with one_thirtieth."""
    return (
        Metric(
            "active_users_30d", events, "distinct", "user_id", 30, unit="users active in 30 days", label="Active users"
        ),
        Metric("active_users_90d", events, "distinct", "user_id", 90, helper=True),
        Metric("daily_users_30d", user_days, "sum", "one_thirtieth", 30, helper=True),
        Metric(
            "stickiness",
            ratio=("daily_users_30d", "active_users_30d"),
            unit="DAU over MAU, share",
            label="Stickiness",
        ),
        Metric(
            "active_days_share_30d",
            events,
            "active_days_share",
            window_days=30,
            unit="share of days with use, 30 days",
            label="Days with use",
        ),
    )


def trend_metrics(events: str, column: str | None = None) -> tuple[Metric, ...]:
    """Change of use against the same number of days before."""
    spans = ((90, "usage_trend_90d"), (30, "usage_trend_30d"), (7, "usage_trend_7d"))
    return tuple(
        Metric(
            name,
            events,
            "relative_change",
            column,
            days,
            unit=f"relative change against the {days} days before",
            label=f"Usage trend, {days} days" if days != 90 else "Usage trend",
            dimension="usage",
        )
        for days, name in spans
    )


EVENT_METRICS: tuple[Metric, ...] = (
    *user_metrics("events", "user_days"),
    *trend_metrics("events"),
    Metric(
        "days_since_last_login",
        "events",
        "days_since_last",
        where='{ column = "is_login", equals = "yes" }',
        unit="days",
        direction=LOWER,
        label="Days since last login",
    ),
    Metric("active_users_28d", "events", "distinct", "user_id", 28, helper=True),
    Metric(
        "logins_a_week_28d",
        "events",
        "sum",
        "quarter",
        28,
        where='{ column = "is_login", equals = "yes" }',
        helper=True,
    ),
    Metric(
        "logins_per_user_week",
        ratio=("logins_a_week_28d", "active_users_28d"),
        unit="logins per active user and week",
        label="Login frequency",
    ),
    Metric(
        "advanced_actions_share",
        "events",
        "share",
        window_days=30,
        where='{ column = "is_advanced", equals = "yes" }',
        unit="share of actions that are advanced, 30 days",
        label="Depth of use",
        needs="advanced_events",
    ),
    Metric(
        "key_features_used_30d",
        "events",
        "distinct",
        "key_feature",
        30,
        helper=True,
        needs="key_features",
    ),
    Metric("key_features_in_all", "events", "last", "key_features_in_all", helper=True, needs="key_features"),
    Metric(
        "feature_adoption_share",
        ratio=("key_features_used_30d", "key_features_in_all"),
        unit="share of key features used, 30 days",
        label="Feature adoption",
    ),
    Metric(
        "top_user_share",
        "events",
        "top_share",
        "user_id",
        30,
        unit="share of actions by the busiest user, 30 days",
        direction=LOWER,
        label="Single-user dependency",
    ),
    Metric(
        "new_features_60d",
        "first_uses",
        "count",
        window_days=60,
        unit="kinds of event first seen in 60 days",
        label="New features adopted",
    ),
)
