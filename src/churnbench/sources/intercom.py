"""Intercom: conversations through their versions, the company by the contact's company at that time."""

from __future__ import annotations

from churnbench.sources.history import periods
from churnbench.sources.model import Asked, Fact, Metric, Source
from churnbench.sources.shared import (
    VOLUME_COLUMNS,
    contraction_metrics,
    csat_metric,
    level_metric,
    resolution_metric,
    volume_metrics,
)

_WHO = "w.native_key, w.rule_key, coalesce(w.several, 0) AS several"


def _versions(asked: Asked) -> str:
    """CTEs `versions` and `owners`: a conversation belongs to its contacts' company as it was when it began."""
    d = asked.dialect
    links = asked.table("contact_company_history")
    return (
        f"WITH versions AS (SELECT DISTINCT {d.text('id')} AS conversation, {d.utc('created_at')} AS created,\n"
        f"    {d.utc('updated_at')} AS updated, lower({d.text('state')}) AS state,\n"
        f"    {d.number('conversation_rating_value')} AS rating FROM {asked.table('conversation_history')}),\n"
        "begun AS (SELECT conversation, min(created) AS created FROM versions GROUP BY conversation),\n"
        f"links AS (SELECT DISTINCT {d.text('contact_id')} AS contact, {d.text('company_id')} AS company,\n"
        f"    {d.utc('contact_updated_at')} AS since FROM {links}),\n"
        f"contacts AS (SELECT DISTINCT {d.text('conversation_id')} AS conversation, {d.text('contact_id')} AS contact\n"
        f"  FROM {asked.table('conversation_contact_history')}),\n"
        # A contact's version holds until the next one; several companies in one version are several rows.
        "newest AS (SELECT b.conversation, c.contact, max(l.since) AS since FROM begun b\n"
        "  JOIN contacts c ON c.conversation = b.conversation\n"
        "  JOIN links l ON l.contact = c.contact AND l.since <= b.created GROUP BY b.conversation, c.contact),\n"
        f"named AS (SELECT {d.text('id')} AS company, min({d.text('company_id')}) AS own_id\n"
        f"  FROM {asked.table('company_history')} GROUP BY 1),\n"
        "found AS (SELECT n.conversation, min(k.own_id) AS a, max(k.own_id) AS b FROM newest n\n"
        "  JOIN links l ON l.contact = n.contact AND l.since = n.since\n"
        "  JOIN named k ON k.company = l.company GROUP BY n.conversation),\n"
        "owners AS (SELECT conversation, CASE WHEN a = b THEN a ELSE a || ' | ' || b END AS native_key,\n"
        "    CASE WHEN a = b THEN a END AS rule_key, CASE WHEN a = b THEN 0 ELSE 1 END AS several\n"
        "  FROM found WHERE a IS NOT NULL)"
    )


def _begun(asked: Asked) -> str:
    return (
        f"{_versions(asked)}\nSELECT {_WHO}, b.created AS event_time, b.conversation AS fact_key,\n"
        f"  {VOLUME_COLUMNS}\n"
        "FROM begun b LEFT JOIN owners w ON w.conversation = b.conversation"
    )


def _closed(asked: Asked) -> str:
    return (
        f"{_versions(asked)},\nclosed AS (SELECT conversation, min(updated) AS closed_at FROM versions\n"
        "  WHERE state = 'closed' GROUP BY conversation)\n"
        f"SELECT {_WHO}, c.closed_at AS event_time, c.conversation AS fact_key,\n"
        f"  {asked.dialect.hours('b.created', 'c.closed_at')} AS hours\n"
        "FROM closed c JOIN begun b ON b.conversation = c.conversation\n"
        "  LEFT JOIN owners w ON w.conversation = c.conversation"
    )


def _ratings(asked: Asked) -> str:
    """A rating is known from the first version that holds it; a changed one counts again when it is changed."""
    at = asked.dialect.text("r.updated")
    return (
        f"{_versions(asked)},\n"
        "rated AS (SELECT conversation, updated, rating,\n"
        "    lag(rating) OVER (PARTITION BY conversation ORDER BY updated, rating) AS previous\n"
        "  FROM (SELECT DISTINCT conversation, updated, rating FROM versions\n"
        "    WHERE rating IS NOT NULL AND updated IS NOT NULL) AS given)\n"
        f"SELECT {_WHO}, r.updated AS event_time, r.conversation || ' ' || {at} AS fact_key, r.rating AS score\n"
        "FROM rated r LEFT JOIN owners w ON w.conversation = r.conversation\n"
        "WHERE r.rating >= 1 AND r.rating <= 5 AND (r.previous IS NULL OR r.previous <> r.rating)"
    )


def _spend(asked: Asked) -> str:
    d = asked.dialect
    own = f"coalesce({d.text('company_id')}, '')"
    changes = periods(asked, "company_history", own, "monthly_spend", "updated_at", "monthly_spend IS NOT NULL")
    return (
        f"WITH spend AS (\n  {changes})\n"
        "SELECT entity AS native_key, entity AS rule_key, 0 AS several, valid_from AS event_time,\n"
        f"  entity || ' ' || {d.text('valid_from')} AS fact_key, 12.0 * {d.number('value')} AS arr_value,\n"
        f"  CASE WHEN {d.number('value')} < {d.number('previous')} THEN 'yes' END AS downgrade\n"
        "FROM spend WHERE previous IS NULL OR previous <> value"
    )


_TALK = ("conversation_history", "conversation_contact_history", "contact_company_history", "company_history")

INTERCOM = Source(
    name="intercom",
    title="Intercom",
    tables={
        "conversation_history": ("id", "created_at", "updated_at", "state", "conversation_rating_value"),
        "conversation_contact_history": ("conversation_id", "contact_id"),
        "contact_company_history": ("contact_id", "company_id", "contact_updated_at"),
        "company_history": ("id", "company_id", "monthly_spend", "updated_at"),
    },
    facts=(
        Fact("conversations", _TALK, _begun, "a conversation began"),
        Fact("closed", _TALK, _closed, "a conversation was closed for the first time"),
        Fact("ratings", _TALK, _ratings, "a conversation was rated 1 to 5"),
        Fact("spend", ("company_history",), _spend, "a company's monthly spend changed"),
    ),
    metrics=(
        *volume_metrics("conversations"),
        resolution_metric("closed"),
        csat_metric("ratings"),
        csat_metric("ratings", "resolution_csat_90d"),
        Metric("arr_value", "spend", "last", "arr_value"),
        level_metric("arr_trend_12m", "spend", "arr_value"),
        *contraction_metrics("spend"),
    ),
    rule="company_history.company_id (the id that you gave the company) is the account id; native key: the same."
    " The contact's company as of the beginning of the conversation counts",
    unobtainable={
        "first_reply_hours_90d": "needs conversation_part_history; statistics.* are current values",
        "escalations_90d": "needs a convention of tags: declare conversation_tag_history as facts",
        "open_critical_tickets": "priority is a yes/no of the current version only",
    },
    leaks={
        "conversation_history (newest version only)": "state and rating as they are now: all versions are read instead",
        "conversation.statistics_*": "closing and reply times filled in afterwards",
        "company_history (newest version only)": "monthly_spend is often set to 0 when a customer leaves",
    },
    notes=(
        "A conversation whose contact had no company yet when it began is unresolved, and counted as such.",
        "Contacts of two companies make a conversation ambiguous, and counted as such.",
        "monthly_spend times 12 stands for ARR.",
    ),
)
