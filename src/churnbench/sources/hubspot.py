"""HubSpot: deals through their stages, meetings and mails, tickets when they were made."""

from __future__ import annotations

from dataclasses import replace

from churnbench.sources.history import only_partner, periods
from churnbench.sources.model import Asked, Fact, Metric, Parameter, Source
from churnbench.sources.shared import (
    VOLUME_COLUMNS,
    expansion_metric,
    resolution_metric,
    severe_metrics,
    touch_metrics,
    volume_metrics,
)

_INCOMING = '{ column = "direction", equals = "INCOMING_EMAIL" }'
_OUTGOING = '{ column = "direction", not_equals = ["INCOMING_EMAIL"] }'


def _won(asked: Asked) -> str:
    d = asked.dialect
    stages = periods(asked, "deal_stage", "deal_id", "value", "date_entered")
    kind = f"CASE WHEN {d.text('x.property_dealtype')} IN {d.one_of(asked.list_of('expansion_types'))} THEN 'yes' END"
    return (
        f"WITH owners AS (\n  {only_partner(asked, 'deal_company', 'deal_id', 'company_id')}),\n"
        f"stages AS (\n  {stages}),\n"
        "won AS (SELECT entity, min(valid_from) AS won_at FROM stages\n"
        f"  WHERE value IN {d.one_of(asked.list_of('won_stages'))} GROUP BY entity)\n"
        "SELECT DISTINCT w.native_key, w.rule_key, coalesce(w.several, 0) AS several, s.won_at AS event_time,\n"
        f"  s.entity AS fact_key, {kind} AS expansion\n"
        f"FROM won s JOIN {asked.table('deal')} x ON {d.text('x.deal_id')} = s.entity\n"
        "  LEFT JOIN owners w ON w.entity = s.entity"
    )


def _engagements(asked: Asked, table: str, moment: str, extra: str) -> str:
    """A meeting with several companies is a touch of each of them, so the links are not narrowed to one."""
    d = asked.dialect
    return (
        f"SELECT DISTINCT {d.text('c.company_id')} AS native_key, {d.text('c.company_id')} AS rule_key, 0 AS several,\n"
        f"  {d.utc(f'e.{moment}')} AS event_time, {d.utc('e.property_hs_createdate')} AS known_time,\n"
        f"  {d.text('e.engagement_id')} || ' ' || coalesce({d.text('c.company_id')}, '') AS fact_key, {extra}\n"
        f"FROM {asked.table(table)} e LEFT JOIN {asked.table('engagement_company')} c\n"
        f"  ON {d.text('c.engagement_id')} = {d.text('e.engagement_id')}"
    )


def _meetings(asked: Asked) -> str:
    return _engagements(asked, "engagement_meeting", "property_hs_meeting_start_time", "'meeting' AS kind")


def _emails(asked: Asked) -> str:
    return _engagements(
        asked, "engagement_email", "property_hs_timestamp", "e.property_hs_email_direction AS direction"
    )


def _tickets(asked: Asked) -> str:
    d = asked.dialect
    return (
        f"WITH owners AS (\n  {only_partner(asked, 'ticket_company', 'ticket_id', 'company_id')})\n"
        "SELECT DISTINCT w.native_key, w.rule_key, coalesce(w.several, 0) AS several,\n"
        f"  {d.utc('t.property_createdate')} AS event_time, {d.text('t.id')} AS fact_key,\n"
        f"  {VOLUME_COLUMNS}\n"
        f"FROM {asked.table('ticket')} t LEFT JOIN owners w ON w.entity = {d.text('t.id')}"
    )


def _changed(asked: Asked) -> str:
    """When a property of a ticket changed."""
    return asked.dialect.utc(asked.dialect.identifier(asked.text_of("history_time")))


def _closed(asked: Asked) -> str:
    """The first time a ticket got a closing date, by the history of that property."""
    d = asked.dialect
    where = "name = 'closed_date' AND value IS NOT NULL"
    return (
        f"WITH owners AS (\n  {only_partner(asked, 'ticket_company', 'ticket_id', 'company_id')}),\n"
        f"closings AS (SELECT {d.text('ticket_id')} AS entity, min({_changed(asked)}) AS closed_at\n"
        f"  FROM {asked.table('ticket_property_history')} WHERE {where} GROUP BY 1)\n"
        "SELECT DISTINCT w.native_key, w.rule_key, coalesce(w.several, 0) AS several, c.closed_at AS event_time,\n"
        f"  c.entity AS fact_key, {d.hours(d.utc('t.property_createdate'), 'c.closed_at')} AS hours\n"
        f"FROM closings c JOIN {asked.table('ticket')} t ON {d.text('t.id')} = c.entity\n"
        "  LEFT JOIN owners w ON w.entity = c.entity"
    )


def _severe(asked: Asked) -> str:
    """The first time a ticket had a high priority, by the history of that property."""
    d = asked.dialect
    where = f"name = 'hs_ticket_priority' AND {d.text('value')} IN {d.one_of(asked.list_of('severe'))}"
    return (
        f"WITH owners AS (\n  {only_partner(asked, 'ticket_company', 'ticket_id', 'company_id')}),\n"
        f"raised AS (SELECT {d.text('ticket_id')} AS entity, min({_changed(asked)}) AS raised_at\n"
        f"  FROM {asked.table('ticket_property_history')} WHERE {where} GROUP BY 1)\n"
        "SELECT DISTINCT w.native_key, w.rule_key, coalesce(w.several, 0) AS several, r.raised_at AS event_time,\n"
        "  r.entity AS fact_key FROM raised r LEFT JOIN owners w ON w.entity = r.entity"
    )


_PAST = ("ticket", "ticket_company", "ticket_property_history")

HUBSPOT = Source(
    name="hubspot",
    title="HubSpot",
    tables={
        "deal": ("deal_id", "property_dealtype"),
        "deal_stage": ("deal_id", "value", "date_entered"),
        "deal_company": ("deal_id", "company_id"),
        "engagement_meeting": ("engagement_id", "property_hs_meeting_start_time", "property_hs_createdate"),
        "engagement_email": (
            "engagement_id",
            "property_hs_timestamp",
            "property_hs_createdate",
            "property_hs_email_direction",
        ),
        "engagement_company": ("engagement_id", "company_id"),
        "ticket": ("id", "property_createdate"),
        "ticket_company": ("ticket_id", "company_id"),
        "ticket_property_history": ("ticket_id", "name", "value", "timestamp_instant"),
    },
    facts=(
        Fact("won_deals", ("deal", "deal_stage", "deal_company"), _won, "a deal was won"),
        Fact("meetings", ("engagement_meeting", "engagement_company"), _meetings, "a meeting was held", known=True),
        Fact("emails", ("engagement_email", "engagement_company"), _emails, "a mail came or went", known=True),
        Fact("tickets", ("ticket", "ticket_company"), _tickets, "a ticket was made"),
        Fact("closed_tickets", _PAST, _closed, "a ticket was closed for the first time", optional=True),
        Fact("severe_tickets", _PAST, _severe, "a ticket first got a high priority", optional=True),
    ),
    metrics=(
        *touch_metrics("meetings"),
        Metric("customer_mails_90d", "emails", "count", window_days=90, where=_INCOMING, helper=True),
        Metric("our_mails_90d", "emails", "count", window_days=90, where=_OUTGOING, helper=True),
        Metric("customer_initiated_ratio", ratio=("customer_mails_90d", "our_mails_90d")),
        replace(expansion_metric("won_deals"), where='{ column = "expansion", equals = "yes" }'),
        *volume_metrics("tickets"),
        resolution_metric("closed_tickets"),
        *severe_metrics("severe_tickets"),
    ),
    rule="the HubSpot company id is the account id; native key (for the identity table): the same."
    " A deal or ticket of several companies is ambiguous; a meeting or mail counts for each",
    parameters=(
        Parameter("won_stages", "closedwon", "Ids of stages that mean won (deal_pipeline_stage has them)."),
        Parameter("expansion_types", "existingbusiness", "Deal types that are expansions."),
        Parameter("severe", "HIGH,URGENT", "Priorities of a ticket that count as high."),
        Parameter(
            "history_time",
            "timestamp_instant",
            "Column of ticket_property_history with the time of the change; some loaders call it timestamp.",
            "text",
        ),
    ),
    unobtainable={
        "arr_trend_12m": "a deal's amount is today's and no contract; use billing or a subscription table",
        "csat": "feedback surveys are in tables of their own that few load; declare them as facts",
        "within_sla_share": "HubSpot's own service-level columns are current values",
    },
    leaks={
        "deal.deal_pipeline_stage_id": "shows today's stage: deal_stage says when it was entered",
        "deal.property_closedate": "is moved by hand",
        "deal.property_amount": "is corrected later",
        "ticket.property_closed_date": "is emptied when a ticket is opened again and set later",
        "ticket.property_hs_ticket_priority": "shows today's priority",
        "engagement_meeting.property_hs_meeting_outcome": "is set after the meeting, and corrected",
    },
    notes=(
        "Meetings and mails count from the later of their date and property_hs_createdate.",
        "Links of deals, tickets and engagements to companies are as they are now.",
    ),
)
