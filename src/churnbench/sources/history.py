"""Queries over history tables that several mappings share."""

from __future__ import annotations

from churnbench.sources.model import Asked


def periods(asked: Asked, table: str, key: str, value: str, changed: str, where: str = "TRUE") -> str:
    """Which value an entity had from when to when, from a table of changes; exact copies of a change count once.

    A change without a time is left out: nobody can say which values it lies between.

    Returns:
        A query of entity, value (text or NULL), valid_from, valid_to (NULL: still so), previous.
    """
    d = asked.dialect
    return (
        "SELECT entity, value, valid_from,\n"
        "    lead(valid_from) OVER (PARTITION BY entity ORDER BY valid_from, value) AS valid_to,\n"
        "    lag(value) OVER (PARTITION BY entity ORDER BY valid_from, value) AS previous\n"
        f"  FROM (SELECT DISTINCT {d.text(key)} AS entity, {d.text(value)} AS value, {d.utc(changed)} AS valid_from\n"
        f"    FROM {asked.table(table)} WHERE {where} AND {changed} IS NOT NULL) AS changes"
    )


def only_partner(asked: Asked, table: str, key: str, partner: str) -> str:
    """Who an entity belongs to, from a table of links.

    Returns:
        A query of entity, native_key (both names where there are several), rule_key (NULL then), several (0 or 1).
    """
    d = asked.dialect
    return (
        "SELECT entity, CASE WHEN a = b THEN a ELSE a || ' | ' || b END AS native_key,\n"
        "    CASE WHEN a = b THEN a END AS rule_key, CASE WHEN a = b THEN 0 ELSE 1 END AS several\n"
        f"  FROM (SELECT {d.text(key)} AS entity, min({d.text(partner)}) AS a, max({d.text(partner)}) AS b\n"
        f"    FROM {asked.table(table)} GROUP BY 1) AS links WHERE a IS NOT NULL"
    )


def standing(answers: str) -> str:
    """Turns answers into steps whose sums are those of everybody's last answer.

    Args:
        answers: relation with native_key, rule_key, several, person, event_time, fact_key, score, points.

    Returns:
        A query with steps and people: at any moment sum(steps) / sum(people) is the mean over people of their last
        answer until then. Nothing later is needed, and nothing expires. Beside them each answer by itself, and the
        days of a mean month. Of answers of one moment the highest is the last one, as for `agg = "last"`: detractor
        and promoter are those of that answer, and NULL beside the others.
    """
    before = "lag(points) OVER (PARTITION BY native_key, rule_key, person ORDER BY event_time, score, fact_key)"
    highest = "score = max(score) OVER (PARTITION BY native_key, rule_key, event_time)"
    return (
        "SELECT native_key, rule_key, several, event_time, fact_key, person, score, points,\n"
        f"    CASE WHEN {highest} THEN CASE WHEN points < 0 THEN 1.0 ELSE 0.0 END END AS detractor,\n"
        f"    CASE WHEN {highest} THEN CASE WHEN points > 0 THEN 1.0 ELSE 0.0 END END AS promoter,\n"
        "    30.4375 AS month_days,\n"
        f"    points - coalesce({before}, 0.0) AS steps,\n"
        f"    CASE WHEN {before} IS NULL THEN 1.0 ELSE 0.0 END AS people\n"
        f"  FROM {answers}"
    )
