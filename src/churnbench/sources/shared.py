"""Metrics that several sources give, so that they are worded alike everywhere."""

from __future__ import annotations

from churnbench.sources.model import Asked, Direction, Metric

LOWER: Direction = "lower_is_healthier"


def touch_metrics(fact: str) -> tuple[Metric, ...]:
    """Touchpoints from one fact table."""
    return (
        Metric(
            "touchpoints_90d",
            fact,
            "count",
            window_days=90,
            unit="meetings and calls, 90 days",
            label="Touchpoints",
            dimension="engagement",
        ),
        Metric(
            "days_since_last_touch",
            fact,
            "days_since_last",
            unit="days",
            direction=LOWER,
            label="Days since last touch",
            dimension="engagement",
        ),
    )


def expansion_metric(fact: str) -> Metric:
    """Expansions from one fact table."""
    return Metric(
        "expansions_24m",
        fact,
        "count",
        window_days=730,
        unit="expansions, 24 months",
        label="Expansion history",
        dimension="financial",
    )


def level_metrics(fact: str, column: str, metric: str, unit: str, label: str, dimension: str) -> tuple[Metric, ...]:
    """The trend of a level over twelve months: the newest value against the newest one a year before."""
    return (
        Metric(
            metric,
            fact,
            "relative_change",
            column,
            365,
            of="last",
            unit=unit,
            label=label,
            dimension=dimension,
        ),
    )


def volume_metrics(fact: str) -> tuple[Metric, ...]:
    """Tickets or conversations from one fact table with the columns month_share and tenfold."""
    return (
        Metric("tickets_30d", fact, "count", window_days=30, helper=True),
        Metric("tickets_per_30d_12m", fact, "sum", "month_share", 365, helper=True),
        Metric(
            "tickets_vs_own_average",
            ratio=("tickets_30d", "tickets_per_30d_12m"),
            unit="tickets in 30 days over own 12-month average",
            direction=LOWER,
            label="Ticket volume",
            dimension="support",
        ),
        Metric(
            "tickets_90d",
            fact,
            "count",
            window_days=90,
            unit="tickets, 90 days",
            direction=LOWER,
            label="Tickets",
            dimension="support",
        ),
        Metric("tickets_tenfold_90d", fact, "sum", "tenfold", 90, helper=True),
    )


def resolution_metric(fact: str) -> Metric:
    """Median hours until solved."""
    return Metric(
        "resolution_hours_90d",
        fact,
        "median",
        "hours",
        90,
        unit="hours, median of 90 days",
        direction=LOWER,
        label="Resolution time",
        dimension="support",
    )


def csat_metric(fact: str, where: str | None = None) -> Metric:
    """Mean of answers from 1 to 5."""
    return Metric(
        "csat",
        fact,
        "mean",
        "score",
        90,
        where=where,
        unit="1-5, mean of 90 days",
        label="CSAT",
        dimension="sentiment",
    )


def nps_metrics(fact: str) -> tuple[Metric, ...]:
    """NPS from steps and people of `history.standing`."""
    return (
        Metric("nps_steps", fact, "sum", "steps", 3650, helper=True),
        Metric("nps_people", fact, "sum", "people", 3650, helper=True),
        Metric(
            "nps",
            ratio=("nps_steps", "nps_people"),
            unit="last answer, mean over contacts, -100 to 100",
            label="NPS",
            dimension="sentiment",
            normalise='{ kind = "nps" }',
        ),
        Metric(
            "nps_change_90d",
            fact,
            "change",
            "points",
            90,
            of="mean",
            unit="mean answer of 90 days minus that of the 90 days before, points",
            label="NPS trend",
            dimension="sentiment",
        ),
        Metric(
            "days_since_last_nps",
            fact,
            "days_since_last",
            unit="days",
            direction=LOWER,
            label="Days since an NPS answer",
            dimension="sentiment",
        ),
        Metric(
            "nps_answers_12m",
            fact,
            "count",
            window_days=365,
            unit="answers, 12 months",
            label="NPS answers",
            dimension="sentiment",
        ),
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
