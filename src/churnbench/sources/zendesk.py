"""Zendesk: tickets through their field history; the ticket table's current columns are not read."""

from __future__ import annotations

from churnbench.sources.history import periods
from churnbench.sources.model import Asked, Fact, Metric, Parameter, Source
from churnbench.sources.shared import (
    VOLUME_COLUMNS,
    csat_metric,
    resolution_metric,
    severe_metrics,
    volume_metrics,
)

_OVER = "('solved', 'closed', 'deleted')"


def _tickets(asked: Asked) -> str:
    """Common table expression `tickets`: one row per ticket with its owner and when it was made."""
    d = asked.dialect
    return (
        f"WITH tickets AS (SELECT DISTINCT {d.text('t.id')} AS ticket, {d.text('t.organization_id')} AS native_key,\n"
        f"    {d.text('o.external_id')} AS rule_key, 0 AS several, {d.utc('t.created_at')} AS created\n"
        f"  FROM {asked.table('ticket')} t LEFT JOIN {asked.table('organization')} o\n"
        f"    ON {d.text('o.id')} = {d.text('t.organization_id')})"
    )


def _field(asked: Asked, field: str) -> str:
    where = f"field_name = {asked.dialect.literal(field)}"
    return periods(asked, "ticket_field_history", "ticket_id", "value", "updated", where)


_WHO = "t.native_key, t.rule_key, t.several"


def _created(asked: Asked) -> str:
    return (
        f"{_tickets(asked)}\nSELECT {_WHO}, created AS event_time, ticket AS fact_key,\n"
        f"  {VOLUME_COLUMNS} FROM tickets t"
    )


def _status(asked: Asked) -> str:
    at = asked.dialect.text("s.valid_from")
    return (
        f"{_tickets(asked)},\nchanges AS (\n  {_field(asked, 'status')})\n"
        f"SELECT {_WHO}, s.valid_from AS event_time, t.ticket || ' ' || {at} || ' ' || s.value AS fact_key,\n"
        f"  CASE WHEN s.previous IN {_OVER} AND s.value NOT IN {_OVER} THEN t.ticket END AS reopened\n"
        "FROM tickets t JOIN changes s ON s.entity = t.ticket"
    )


def _first_solved(asked: Asked) -> str:
    return (
        f"changes AS (\n  {_field(asked, 'status')}),\n"
        "solved AS (SELECT entity, min(valid_from) AS solved_at FROM changes\n"
        "  WHERE value IN ('solved', 'closed') GROUP BY entity)"
    )


def _solved(asked: Asked) -> str:
    return (
        f"{_tickets(asked)},\n{_first_solved(asked)}\n"
        f"SELECT {_WHO}, solved_at AS event_time, ticket AS fact_key,\n"
        f"  {asked.dialect.hours('created', 'solved_at')} AS hours\n"
        "FROM tickets t JOIN solved s ON s.entity = t.ticket"
    )


def _promised(asked: Asked) -> str:
    """Decided when it is solved or when the promised time is over, whichever comes first."""
    d = asked.dialect
    until = d.later("created", asked.text_of("sla_hours"))
    return (
        f"{_tickets(asked)},\n{_first_solved(asked)},\n"
        f"due AS (SELECT {_WHO}, ticket, solved_at, {until} AS due_at\n"
        "  FROM tickets t LEFT JOIN solved s ON s.entity = t.ticket),\n"
        "decided AS (SELECT t.*, CASE WHEN solved_at <= due_at THEN 'yes' ELSE 'no' END AS in_time FROM due t)\n"
        f"SELECT {_WHO}, CASE WHEN in_time = 'yes' THEN solved_at ELSE due_at END AS event_time,\n"
        f"  ticket AS fact_key, in_time FROM decided t WHERE in_time = 'yes' OR due_at <= {d.now()}"
    )


def _critical(asked: Asked) -> str:
    """+1 when a ticket becomes open and critical, -1 when it stops being either."""
    d = asked.dialect
    words = d.one_of(asked.list_of("critical"))
    # A status or priority without a later change has no end; the comparison below takes it as endless.
    start = "CASE WHEN s.valid_from >= p.valid_from THEN s.valid_from ELSE p.valid_from END"
    end = (
        "CASE WHEN s.valid_to IS NULL THEN p.valid_to WHEN p.valid_to IS NULL OR s.valid_to <= p.valid_to"
        " THEN s.valid_to ELSE p.valid_to END"
    )
    return (
        f"{_tickets(asked)},\nstatuses AS (\n  {_field(asked, 'status')}),\n"
        f"priorities AS (\n  {_field(asked, 'priority')}),\n"
        f"burning AS (SELECT s.entity AS ticket, {start} AS since, {end} AS ended\n"
        "  FROM statuses s JOIN priorities p ON p.entity = s.entity\n"
        "    AND (p.valid_to IS NULL OR s.valid_from < p.valid_to)"
        " AND (s.valid_to IS NULL OR p.valid_from < s.valid_to)\n"
        f"  WHERE s.value NOT IN {_OVER} AND p.value IN {words}),\n"
        "steps AS (SELECT ticket, since AS moved_at, 1.0 AS step FROM burning"
        " UNION ALL SELECT ticket, ended, -1.0 FROM burning WHERE ended IS NOT NULL),\n"
        # Periods that follow each other end and begin at one moment: nothing has changed then.
        "summed AS (SELECT ticket, moved_at, sum(step) AS step FROM steps GROUP BY ticket, moved_at)\n"
        f"SELECT {_WHO}, s.moved_at AS event_time, t.ticket || ' ' || {d.text('s.moved_at')} AS fact_key, s.step\n"
        "FROM tickets t JOIN summed s ON s.ticket = t.ticket WHERE s.step <> 0"
    )


def _escalations(asked: Asked) -> str:
    # A ticket that was critical from the start was not escalated.
    return _first_priority(asked, "critical", risen=True, columns=", 'yes' AS escalated")


def _severe(asked: Asked) -> str:
    return _first_priority(asked, "severe")


def _first_priority(asked: Asked, option: str, *, risen: bool = False, columns: str = "") -> str:
    """The first moment at which a ticket had one of the priorities of an option; `risen` from another one."""
    words = asked.dialect.one_of(asked.list_of(option))
    from_another = f" AND previous IS NOT NULL AND previous NOT IN {words}" if risen else ""
    return (
        f"{_tickets(asked)},\nchanges AS (\n  {_field(asked, 'priority')}),\n"
        "raised AS (SELECT entity, min(valid_from) AS raised_at FROM changes\n"
        f"  WHERE value IN {words}{from_another} GROUP BY entity)\n"
        f"SELECT {_WHO}, raised_at AS event_time, ticket AS fact_key{columns}\n"
        "FROM tickets t JOIN raised r ON r.entity = t.ticket"
    )


def _ratings(asked: Asked) -> str:
    at = asked.dialect.text("s.valid_from")
    return (
        f"{_tickets(asked)},\nchanges AS (\n  {_field(asked, 'satisfaction_score')})\n"
        f"SELECT {_WHO}, s.valid_from AS event_time, t.ticket || ' ' || {at} AS fact_key,\n"
        "  CASE WHEN s.value LIKE 'good%' THEN 5.0 ELSE 1.0 END AS score\n"
        "FROM tickets t JOIN changes s ON s.entity = t.ticket\n"
        "WHERE (s.value LIKE 'good%' OR s.value LIKE 'bad%')\n"
        "  AND (s.previous IS NULL OR substr(s.previous, 1, 3) <> substr(s.value, 1, 3))"
    )


def _first_reply(asked: Asked) -> str:
    d = asked.dialect
    return (
        f"{_tickets(asked)},\n"
        f"replies AS (SELECT {d.text('c.ticket_id')} AS entity, min({d.utc('c.created')}) AS replied_at\n"
        f"  FROM {asked.table('ticket_comment')} c JOIN {asked.table('user')} u"
        f" ON {d.text('u.id')} = {d.text('c.user_id')}\n"
        f"  WHERE {d.true('c.' + d.identifier('public'))} AND u.role IN ('agent', 'admin') GROUP BY 1)\n"
        f"SELECT {_WHO}, replied_at AS event_time, ticket AS fact_key,\n"
        f"  {d.hours('created', 'replied_at')} AS hours\n"
        "FROM tickets t JOIN replies r ON r.entity = t.ticket"
    )


_TICKET = ("ticket", "organization")
_PAST = (*_TICKET, "ticket_field_history")

ZENDESK = Source(
    name="zendesk",
    title="Zendesk",
    tables={
        "ticket": ("id", "organization_id", "created_at"),
        "organization": ("id", "external_id"),
        "ticket_field_history": ("ticket_id", "field_name", "value", "updated"),
        "ticket_comment": ("ticket_id", "user_id", "created", "public"),
        "user": ("id", "role"),
    },
    facts=(
        Fact("tickets", _TICKET, _created, "a ticket was made"),
        Fact("status_changes", _PAST, _status, "a ticket's status changed"),
        Fact("solved", _PAST, _solved, "a ticket was solved for the first time"),
        Fact("promises", _PAST, _promised, "a ticket was solved in the promised time, or that time was over"),
        Fact("critical_steps", _PAST, _critical, "a ticket became open and critical (+1), or no longer was (-1)"),
        Fact("escalations", _PAST, _escalations, "a ticket's priority was raised to critical"),
        Fact("severe_tickets", _PAST, _severe, "a ticket first had a high priority"),
        Fact("ratings", _PAST, _ratings, "a ticket was rated good (5) or bad (1)"),
        Fact(
            "first_replies",
            (*_TICKET, "ticket_comment", "user"),
            _first_reply,
            "an agent answered a ticket in public for the first time",
            optional=True,
        ),
    ),
    metrics=(
        *volume_metrics("tickets"),
        resolution_metric("solved"),
        Metric(
            "within_sla_share",
            "promises",
            "share",
            window_days=90,
            where='{ column = "in_time", equals = "yes" }',
        ),
        Metric("open_critical_tickets", "critical_steps", "sum", "step", 3650),
        *severe_metrics("severe_tickets"),
        Metric("escalations_90d", "escalations", "count", window_days=90),
        Metric("support_escalated_90d", "escalations", "distinct", "escalated", 90, dimension="support"),
        csat_metric("ratings"),
        csat_metric("ratings", "resolution_csat_90d"),
        Metric("reopened_tickets_90d", "status_changes", "distinct", "reopened", 90, helper=True),
        Metric("solved_tickets_90d", "solved", "count", window_days=90, helper=True),
        Metric("reopened_share_90d", ratio=("reopened_tickets_90d", "solved_tickets_90d")),
        Metric("first_reply_hours_90d", "first_replies", "median", "hours", 90),
    ),
    rule="organization.external_id is the account id; native key (for the identity table): ticket.organization_id",
    parameters=(
        Parameter("critical", "urgent", "Priorities that count as critical."),
        Parameter("severe", "high,urgent", "Priorities that count as high."),
        Parameter("sla_hours", "24", "Hours within which a ticket shall be solved.", "hours"),
    ),
    unobtainable={
        "ticket_tone": "needs a reading of the text; compute it in the warehouse and declare it as facts of its own",
        "recurring_issue": "needs tickets to be classified by cause",
    },
    leaks={
        "ticket.status": "shows today's state: a ticket closed after churn would look closed before",
        "ticket.priority": "may have been raised later",
        "ticket.satisfaction_rating": "may have been given later",
        "ticket.updated_at": "moves with every later change",
        "ticket_metric.*": "first-reply and resolution times as they are now, filled in after the fact",
    },
    notes=(
        "A rating that is changed counts again when it is changed; good is 5 and bad is 1.",
        "Calendar hours, not business hours.",
        "ticket.organization_id and organization.external_id are as they are now; where an organisation changed hands,"
        " give its periods in the identity table.",
    ),
)
