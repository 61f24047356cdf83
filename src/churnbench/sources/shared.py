"""Metrics that several sources give, so that they are computed alike everywhere."""

from __future__ import annotations

from churnbench.sources.model import Asked, Metric


def touch_metrics(fact: str) -> tuple[Metric, ...]:
    """Touchpoints from one fact table."""
    return (
        Metric("touchpoints_90d", fact, "count", window_days=90),
        Metric("days_since_last_touch", fact, "days_since_last"),
    )


def expansion_metric(fact: str) -> Metric:
    """Expansions from one fact table."""
    return Metric("expansions_24m", fact, "count", window_days=730)


def level_metric(metric: str, fact: str, column: str) -> Metric:
    """The trend of a level over twelve months: the newest value against the newest one a year before."""
    return Metric(metric, fact, "relative_change", column, 365, of="last")


def contraction_metrics(fact: str) -> tuple[Metric, ...]:
    """Falls of the yearly value from one fact table whose column downgrade says yes where it fell."""
    return (
        Metric("contractions_24m", fact, "count", window_days=730, where='{ column = "downgrade", equals = "yes" }'),
        Metric("downgraded_12m", fact, "distinct", "downgrade", 365),
    )


#: Columns of a fact table of tickets that `volume_metrics` reads.
VOLUME_COLUMNS = "10.0 AS tenfold, 30.0 / 365.0 AS month_share, 90.0 / 365.0 AS quarter_share"


def volume_metrics(fact: str) -> tuple[Metric, ...]:
    """Tickets or conversations from one fact table with `VOLUME_COLUMNS`."""
    return (
        Metric("tickets_30d", fact, "count", window_days=30),
        Metric("tickets_per_30d_12m", fact, "sum", "month_share", 365, helper=True),
        Metric("tickets_vs_own_average", ratio=("tickets_30d", "tickets_per_30d_12m")),
        Metric("tickets_90d", fact, "count", window_days=90),
        Metric("tickets_per_90d_12m", fact, "sum", "quarter_share", 365, helper=True),
        Metric("tickets_90d_vs_own_average", ratio=("tickets_90d", "tickets_per_90d_12m")),
        Metric("tickets_tenfold_90d", fact, "sum", "tenfold", 90, helper=True),
    )


def severe_metrics(fact: str) -> tuple[Metric, ...]:
    """Tickets of high priority from one fact table, beside `volume_metrics`."""
    return (
        Metric("severe_tickets_90d", fact, "count", window_days=90),
        Metric("severe_ticket_share", ratio=("severe_tickets_90d", "tickets_90d")),
    )


def resolution_metric(fact: str) -> Metric:
    """Median hours until solved."""
    return Metric("resolution_hours_90d", fact, "median", "hours", 90)


def csat_metric(fact: str, metric: str = "csat") -> Metric:
    """Mean of answers from 1 to 5."""
    return Metric(metric, fact, "mean", "score", 90)


def nps_metrics(fact: str) -> tuple[Metric, ...]:
    """NPS from the steps, people and single answers of `history.standing`."""
    return (
        Metric("nps_steps", fact, "sum", "steps", 3650, helper=True),
        Metric("nps_people", fact, "sum", "people", 3650, helper=True),
        Metric("nps", ratio=("nps_steps", "nps_people")),
        Metric("nps_last_score", fact, "last", "score"),
        Metric("nps_detractor", fact, "last", "detractor", dimension="sentiment"),
        Metric("nps_promoter", fact, "last", "promoter", dimension="sentiment"),
        Metric("nps_trend_12m", fact, "change", "points", 182, of="mean"),
        Metric("days_since_nps", fact, "days_since_last", helper=True),
        Metric("days_in_a_month", fact, "last", "month_days", helper=True),
        Metric("nps_age_months", ratio=("days_since_nps", "days_in_a_month")),
        Metric("nps_answers_12m", fact, "count", window_days=365),
    )


def nps_points(score: str) -> str:
    """SQL of -100, 0 or 100 for an answer from 0 to 10, NULL for any other number."""
    return (
        f"CASE WHEN {score} >= 9 AND {score} <= 10 THEN 100.0 WHEN {score} >= 7 AND {score} < 9 THEN 0.0"
        f" WHEN {score} >= 0 AND {score} < 7 THEN -100.0 END"
    )


def one_owner(asked: Asked, key: str) -> str:
    """native_key, rule_key and several where one column names the owner."""
    text = asked.dialect.text(key)
    return f"{text} AS native_key, {text} AS rule_key, 0 AS several"
