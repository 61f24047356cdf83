"""Metrics of product use that Amplitude, Mixpanel and Pendo give alike."""

from __future__ import annotations

from churnbench.sources.model import Metric

#: Days of use in 30 from which a user is a power user, and up to which a casual one, as the catalogue defines them.
POWER_DAYS, CASUAL_DAYS = 12, 2
_LOGINS = '{ column = "is_login", equals = "yes" }'


def user_metrics(events: str, user_days: str) -> tuple[Metric, ...]:
    """Users, stickiness and days of use, from events with user_id and from days of users with one_thirtieth."""
    return (
        Metric("active_users_30d", events, "distinct", "user_id", 30),
        Metric("active_users_90d", events, "distinct", "user_id", 90, helper=True),
        Metric("active_users_7d", events, "distinct", "user_id", 7, helper=True),
        Metric("daily_users_30d", user_days, "sum", "one_thirtieth", 30, helper=True),
        Metric("stickiness", ratio=("daily_users_30d", "active_users_30d")),
        Metric("power_users", user_days, "distinct", "user_id", 30, min_days=POWER_DAYS),
        Metric("power_user_share", ratio=("power_users", "active_users_30d")),
        Metric("casual_users_30d", user_days, "distinct", "user_id", 30, max_days=CASUAL_DAYS, helper=True),
        Metric("casual_user_share", ratio=("casual_users_30d", "active_users_30d")),
        Metric("active_days_share_30d", events, "active_days_share", window_days=30),
    )


def trend_metrics(events: str, column: str | None = None) -> tuple[Metric, ...]:
    """Change of use against the same number of days before."""
    return tuple(Metric(f"usage_trend_{days}d", events, "relative_change", column, days) for days in (90, 30, 7))


def penetration_metrics(events: str, flag: str, needs: str = "") -> tuple[Metric, ...]:
    """Users of key features over active users, from events whose column `flag` says yes to a key feature."""
    where = f'{{ column = "{flag}", equals = "yes" }}'
    return (
        Metric("key_feature_users_30d", events, "distinct", "user_id", 30, where=where, helper=True, needs=needs),
        Metric("feature_penetration_share", ratio=("key_feature_users_30d", "active_users_30d")),
    )


EVENT_METRICS: tuple[Metric, ...] = (
    *user_metrics("events", "user_days"),
    *trend_metrics("events"),
    Metric("days_since_last_login", "events", "days_since_last", where=_LOGINS),
    Metric("active_users_28d", "events", "distinct", "user_id", 28, helper=True),
    Metric("logins_a_week_28d", "events", "sum", "quarter", 28, where=_LOGINS, helper=True),
    Metric("logins_per_user_week", ratio=("logins_a_week_28d", "active_users_28d")),
    Metric(
        "advanced_actions_share",
        "events",
        "share",
        window_days=30,
        where='{ column = "is_advanced", equals = "yes" }',
        needs="advanced_events",
    ),
    Metric("key_features_used_30d", "events", "distinct", "key_feature", 30, helper=True, needs="key_features"),
    Metric("key_features_in_all", "events", "last", "key_features_in_all", helper=True, needs="key_features"),
    Metric("feature_adoption_share", ratio=("key_features_used_30d", "key_features_in_all")),
    *penetration_metrics("events", "is_key", "key_features"),
    Metric(
        "api_calls_30d",
        "events",
        "count",
        window_days=30,
        where='{ column = "is_api", equals = "yes" }',
        needs="api_events",
    ),
    Metric("integrations_active", "events", "distinct", "integration", 30, needs="integration_events"),
    Metric("top_user_share", "events", "top_share", "user_id", 30),
    Metric("new_features_60d", "first_uses", "count", window_days=60),
)
