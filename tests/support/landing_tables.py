"""Small landing tables of every source, with the columns that change later, and when each row was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import zendesk_tables as zendesk
from landing import Tables

DAY = "2024-03-31"


@dataclass(frozen=True)
class Example:
    """Tables of one source.

    Attributes:
        tables: the tables, current-state columns included.
        written: table -> column that says when a row was written; tables without one hold no events.
        current: table -> columns that the source overwrites.
        optional: facts to ask for.
        settings: choices.
        known: column that says when an event arrived.
    """

    tables: Tables
    written: Mapping[str, str]
    current: Mapping[str, Sequence[str]] = field(default_factory=dict)
    optional: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    known: str | None = None


SALESFORCE = Example(
    {
        "opportunity": (
            ("id", "account_id", "type", "amount", "close_date", "stage_name", "is_closed", "is_won"),
            [
                ("o1", "A-1", "Expansion", 100.0, "2024-02-10", "Closed Won", True, True),
                ("o2", "A-1", "New Business", 100.0, "2023-01-10", "Closed Won", True, True),
                ("o3", "A-1", "Upsell", 100.0, "2024-03-10", "Closed Won", True, True),
                ("o4", "A-2", "Renewal", 100.0, "2024-03-10", "Closed Lost", True, False),
            ],
        ),
        "opportunity_history": (
            ("opportunity_id", "stage_name", "created_date"),
            [
                ("o1", "Proposal", "2024-01-10 10:00:00"),
                ("o1", "Closed Won", "2024-02-10 10:00:00"),
                ("o1", "Closed Won", "2024-02-11 10:00:00"),  # written again when the amount was corrected
                ("o2", "Closed Won", "2023-01-10 10:00:00"),
                ("o3", "Proposal", "2024-03-01 10:00:00"),
                ("o3", "Closed Won", "2024-04-02 10:00:00"),  # close_date says 10 March: dated back
                ("o4", "Closed Lost", "2024-03-12 10:00:00"),
            ],
        ),
        "event": (
            ("id", "account_id", "activity_date", "created_date"),
            [
                ("e1", "A-1", "2024-03-20 10:00:00", "2024-03-01 10:00:00"),  # planned ahead
                ("e2", "A-1", "2024-03-25 10:00:00", "2024-04-05 10:00:00"),  # written down afterwards
                ("e3", "A-1", "2023-06-01 10:00:00", "2023-06-01 10:00:00"),
            ],
        ),
        "task": (
            ("id", "account_id", "completed_date_time", "status", "activity_date"),
            [
                ("t1", "A-1", "2024-02-01 10:00:00", "Completed", "2024-01-01"),
                ("t2", "A-1", "2024-04-01 10:00:00", "Completed", "2024-03-01"),
            ],
        ),
        "account_history": (
            ("account_id", "field", "old_value", "new_value", "created_date"),
            [
                ("A-1", "ARR__c", None, "1000", "2023-01-10 10:00:00"),
                ("A-1", "ARR__c", "1000", "1500", "2023-09-10 10:00:00"),
                ("A-1", "ARR__c", "1500", "1200", "2024-02-10 10:00:00"),
                ("A-1", "ARR__c", "1200", "0", "2024-04-10 10:00:00"),
                ("A-1", "Seats__c", None, "50", "2023-01-10 10:00:00"),
                ("A-1", "Seats__c", "50", "40", "2024-01-10 10:00:00"),
                ("A-1", "Owner", "a", "b", "2024-01-10 10:00:00"),
            ],
        ),
    },
    written={
        "opportunity_history": "created_date",
        "event": "created_date",
        "task": "completed_date_time",
        "account_history": "created_date",
    },
    current={
        "opportunity": ("amount", "close_date", "stage_name", "is_closed", "is_won"),
        "task": ("status", "activity_date"),
    },
    optional=["contract"],
)
HUBSPOT = Example(
    {
        "deal": (
            ("deal_id", "property_dealtype", "property_amount", "property_closedate", "deal_pipeline_stage_id"),
            [
                (1, "existingbusiness", 10.0, "2024-02-01", "closedwon"),
                (2, "newbusiness", 10.0, "2023-02-01", "closedwon"),
                (3, "existingbusiness", 10.0, "2024-03-01", "closedwon"),
                (4, "existingbusiness", 10.0, "2024-02-01", "closedwon"),
            ],
        ),
        "deal_stage": (
            ("deal_id", "value", "date_entered"),
            [
                (1, "proposal", "2024-01-01 09:00:00"),
                (1, "closedwon", "2024-02-01 09:00:00"),
                (2, "closedwon", "2023-02-01 09:00:00"),
                (3, "closedwon", "2024-04-01 09:00:00"),
                (4, "closedwon", "2024-02-02 09:00:00"),
            ],
        ),
        "deal_company": (("deal_id", "company_id"), [(1, "A-1"), (2, "A-1"), (3, "A-1"), (4, "A-1"), (4, "A-2")]),
        "engagement_meeting": (
            (
                "engagement_id",
                "property_hs_meeting_start_time",
                "property_hs_createdate",
                "property_hs_meeting_outcome",
            ),
            [
                (11, "2024-03-11 09:00:00", "2024-03-01 09:00:00", "COMPLETED"),
                (12, "2024-01-11 09:00:00", "2024-01-01 09:00:00", "COMPLETED"),
                (13, "2024-03-21 09:00:00", "2024-04-02 09:00:00", "COMPLETED"),
            ],
        ),
        "engagement_email": (
            ("engagement_id", "property_hs_timestamp", "property_hs_createdate", "property_hs_email_direction"),
            [
                (21, "2024-03-01 09:00:00", "2024-03-01 09:00:00", "EMAIL"),
                (22, "2024-03-02 09:00:00", "2024-03-02 09:00:00", "INCOMING_EMAIL"),
                (23, "2024-03-03 09:00:00", "2024-03-03 09:00:00", "EMAIL"),
                (24, "2024-03-04 09:00:00", "2024-03-04 09:00:00", "EMAIL"),
                (25, "2024-04-04 09:00:00", "2024-04-04 09:00:00", "INCOMING_EMAIL"),
            ],
        ),
        "engagement_company": (
            ("engagement_id", "company_id"),
            [(11, "A-1"), (11, "A-2"), (12, "A-1"), (13, "A-1"), *((n, "A-1") for n in range(21, 26))],
        ),
        "ticket": (
            ("id", "property_createdate", "property_closed_date", "property_hs_ticket_priority"),
            [
                (31, "2024-03-10 00:00:00", "2024-03-11 00:00:00", "HIGH"),
                (32, "2024-01-10 00:00:00", "2024-01-12 00:00:00", "LOW"),
                (33, "2024-03-30 00:00:00", "2024-04-02 00:00:00", "LOW"),
            ],
        ),
        "ticket_company": (("ticket_id", "company_id"), [(31, "A-1"), (32, "A-1"), (33, "A-1")]),
        "ticket_property_history": (
            ("ticket_id", "name", "value", "timestamp_instant"),
            [
                (31, "closed_date", "2024-03-11", "2024-03-11 00:00:00"),
                (31, "closed_date", None, "2024-03-12 00:00:00"),  # opened again
                (31, "closed_date", "2024-03-15", "2024-03-15 00:00:00"),
                (32, "closed_date", "2024-01-12", "2024-01-12 00:00:00"),
                (33, "closed_date", "2024-04-02", "2024-04-02 00:00:00"),
                (31, "subject", "x", "2024-03-10 00:00:00"),
                (31, "hs_ticket_priority", "LOW", "2024-03-10 00:00:00"),
                (31, "hs_ticket_priority", "HIGH", "2024-03-13 00:00:00"),
                (31, "hs_ticket_priority", "URGENT", "2024-03-14 00:00:00"),
                (32, "hs_ticket_priority", "LOW", "2024-01-10 00:00:00"),
                (33, "hs_ticket_priority", "HIGH", "2024-04-01 00:00:00"),
            ],
        ),
    },
    written={
        "deal_stage": "date_entered",
        "engagement_meeting": "property_hs_createdate",
        "engagement_email": "property_hs_createdate",
        "ticket": "property_createdate",
        "ticket_property_history": "timestamp_instant",
    },
    current={
        "deal": ("property_amount", "property_closedate", "deal_pipeline_stage_id"),
        "engagement_meeting": ("property_hs_meeting_outcome",),
        "ticket": ("property_closed_date", "property_hs_ticket_priority"),
    },
    optional=["closed_tickets", "severe_tickets"],
)
INTERCOM = Example(
    {
        "conversation_history": (
            ("id", "created_at", "updated_at", "state", "conversation_rating_value"),
            [
                ("c1", "2024-03-10 08:00:00", "2024-03-10 08:00:00", "open", None),
                ("c1", "2024-03-10 08:00:00", "2024-03-10 20:00:00", "closed", None),
                ("c1", "2024-03-10 08:00:00", "2024-03-11 08:00:00", "closed", 4),
                ("c1", "2024-03-10 08:00:00", "2024-04-11 08:00:00", "open", 1),
                ("c2", "2024-02-10 08:00:00", "2024-02-10 08:00:00", "open", None),
                ("c2", "2024-02-10 08:00:00", "2024-02-10 12:00:00", "closed", 2),
                ("c2", "2024-02-10 08:00:00", "2024-02-12 12:00:00", "closed", 2),
                ("c3", "2024-03-12 08:00:00", "2024-03-12 08:00:00", "open", None),  # the contact came later
                ("c4", "2024-03-12 08:00:00", "2024-03-12 08:00:00", "open", None),  # of two companies
                ("c5", "2023-05-12 08:00:00", "2023-05-12 08:00:00", "open", None),  # when she was with A-2
            ],
        ),
        "conversation_contact_history": (
            ("conversation_id", "contact_id"),
            [("c1", "p1"), ("c2", "p1"), ("c3", "p2"), ("c4", "p3"), ("c5", "p1")],
        ),
        "contact_company_history": (
            ("contact_id", "company_id", "contact_updated_at"),
            [
                ("p1", "i2", "2023-01-01 00:00:00"),
                ("p1", "i1", "2023-06-01 00:00:00"),
                ("p1", "i2", "2024-04-15 00:00:00"),
                ("p2", "i1", "2024-04-01 00:00:00"),
                ("p3", "i1", "2024-01-01 00:00:00"),
                ("p3", "i2", "2024-01-01 00:00:00"),
            ],
        ),
        "company_history": (
            ("id", "company_id", "monthly_spend", "updated_at"),
            [
                ("i1", "A-1", 100, "2023-01-01 00:00:00"),
                ("i1", "A-1", 100, "2023-03-01 00:00:00"),
                ("i1", "A-1", 150, "2024-01-01 00:00:00"),
                ("i1", "A-1", 0, "2024-04-20 00:00:00"),
                ("i2", "A-2", 10, "2023-01-01 00:00:00"),
            ],
        ),
    },
    written={
        "conversation_history": "updated_at",
        "contact_company_history": "contact_updated_at",
        "company_history": "updated_at",
    },
)


def _event(
    n: int, at: str, kind: str, user: str | None, session: str, groups: str | None, known: str
) -> tuple[Any, ...]:
    return (at, kind, user, session, groups, f"i{n}", known)


_A1, _BOTH = '{"company": ["A-1"]}', '{"company": ["A-1", "A-2"]}'
_EVENTS = [
    _event(1, "2024-03-01 10:00:00", "login", "u1", "s1", _A1, "2024-03-01 10:01:00"),
    _event(2, "2024-03-15 10:00:00", "report", "u1", "s1", _A1, "2024-03-15 10:01:00"),
    _event(3, "2024-03-15 23:30:00", "export", "u1", "s2", '{"company": "A-1"}', "2024-03-15 23:31:00"),
    _event(4, "2024-03-16 10:00:00", "login", "u1", "s3", _A1, "2024-03-16 10:01:00"),
    _event(5, "2024-03-16 11:00:00", "report", "u2", "s4", _A1, "2024-03-16 11:01:00"),
    _event(6, "2024-02-16 11:00:00", "report", "u2", "s5", _A1, "2024-02-16 11:01:00"),
    _event(7, "2023-12-16 11:00:00", "report", "u2", "s6", _A1, "2023-12-16 11:01:00"),
    _event(8, "2024-03-20 11:00:00", "report", "u9", "s7", _BOTH, "2024-03-20 11:01:00"),
    _event(9, "2024-03-20 11:00:00", "report", "u9", "s8", "not json", "2024-03-20 11:01:00"),
    _event(10, "2024-03-20 11:00:00", "report", "u9", "s9", None, "2024-03-20 11:01:00"),
    _event(11, "2024-03-31 23:30:00", "import", None, "s10", _A1, "2024-03-31 23:31:00"),
    _event(12, "2024-04-01 11:00:00", "login", "u7", "s11", _A1, "2024-04-01 11:01:00"),
    _event(13, "2024-03-30 11:00:00", "login", "u8", "s12", _A1, "2024-04-02 11:01:00"),  # a client that was offline
]
_USAGE_SETTINGS = {
    "advanced_events": "export,import",
    "key_features": "report,export,forecast",
    "api_events": "import",
    "integration_events": "export,forecast",
}
AMPLITUDE = Example(
    {
        "event": (
            ("event_time", "event_type", "user_id", "session_id", "groups", "insert_id", "server_upload_time"),
            _EVENTS,
        )
    },
    written={"event": "server_upload_time"},
    settings=_USAGE_SETTINGS,
    known="server_upload_time",
)
MIXPANEL = Example(
    {
        "event": (
            ("time", "name", "distinct_id", "groups", "insert_id", "server_upload_time"),
            [(at, kind, user, groups, key, known) for at, kind, user, _, groups, key, known in _EVENTS],
        )
    },
    written={"event": "server_upload_time"},
    settings=_USAGE_SETTINGS,
    known="server_upload_time",
)
PENDO = Example(
    {
        "event": (
            ("account_id", "visitor_id", "timestamp", "num_events", "num_minutes"),
            [
                ("A-1", "v1", "2024-03-10 10:00:00", 5, 10),
                ("A-1", "v1", "2024-03-10 11:00:00", 3, 5),
                ("A-1", "v2", "2024-03-12 10:00:00", 2, 3),
                ("A-1", "v2", "2024-01-20 10:00:00", 4, 3),
                ("A-2", "v4", "2024-02-20 10:00:00", 4, 3),
                ("A-2", "v4", "2024-02-26 10:00:00", 6, 3),
                ("A-1", "v2", "2023-12-20 10:00:00", 5, 3),
                ("A-1", "v3", "2024-04-02 10:00:00", 9, 9),
            ],
        ),
        "feature_event": (
            ("account_id", "visitor_id", "feature_id", "timestamp", "num_events"),
            [
                ("A-1", "v1", "f1", "2024-03-10 10:00:00", 2),
                ("A-1", "v1", "f2", "2024-03-10 10:00:00", 1),
                ("A-1", "v2", "f3", "2024-03-12 10:00:00", 1),
                ("A-1", "v2", "f1", "2023-12-20 10:00:00", 1),
                ("A-1", "v2", "f4", "2024-04-02 10:00:00", 1),
            ],
        ),
        "feature_history": (
            ("id", "is_core_event", "last_updated_at"),
            [
                ("f1", True, "2023-01-01 00:00:00"),
                ("f2", False, "2023-01-01 00:00:00"),
                ("f2", True, "2024-04-01 00:00:00"),
                ("f3", True, "2023-01-01 00:00:00"),
                ("f3", False, "2024-03-12 09:00:00"),
            ],
        ),
    },
    written={"event": "timestamp", "feature_event": "timestamp", "feature_history": "last_updated_at"},
)


def _unix(text: str) -> int:
    import pandas as pd

    return int(pd.Timestamp(text, tz="UTC").timestamp())


_P1 = '{"account_id": "A-1"}'
DELIGHTED = Example(
    {
        "response": (
            ("id", "person_id", "survey_type", "score", "created_at", "person_properties"),
            [
                ("r1", "p1", "nps", 10, _unix("2023-06-01 10:00:00"), _P1),
                ("r2", "p1", "nps", 3, _unix("2024-02-01 10:00:00"), _P1),
                ("r3", "p2", "nps", 9, _unix("2024-03-31 23:30:00"), _P1),
                ("r4", "p3", "nps", 8, _unix("2024-01-10 10:00:00"), _P1),
                ("r5", "p2", "nps", 0, _unix("2024-04-01 00:10:00"), _P1),
                ("r6", "p1", "csat", 4, _unix("2024-03-01 10:00:00"), _P1),
                ("r7", "p2", "csat", 5, _unix("2024-03-02 10:00:00"), _P1),
                ("r8", "p9", "nps", 0, _unix("2024-03-02 10:00:00"), '{"plan": "x"}'),
                ("r10", "p4", "nps", 9, _unix("2023-11-02 10:00:00"), _P1),
                ("r9", "p1", "csat", 11, _unix("2024-03-02 10:00:00"), _P1),
            ],
        )
    },
    written={"response": "created_at"},
)
QUALTRICS = Example(
    {
        "survey_response": (
            ("id", "recorded_date", "finished", "progress"),
            [
                (r, at, done, 100)
                for r, at, done in (
                    ("r1", "2023-06-01 10:00:00", True),
                    ("r2", "2024-02-01 10:00:00", True),
                    ("r3", "2024-03-31 23:30:00", True),
                    ("r4", "2024-01-10 10:00:00", True),
                    ("r5", "2024-04-01 00:10:00", True),
                    ("r6", "2024-03-05 00:10:00", False),
                    ("r8", "2024-03-02 10:00:00", True),
                    ("r10", "2023-11-02 10:00:00", True),
                )
            ],
        ),
        "question_response": (
            ("response_id", "question_id", "value"),
            [
                ("r1", "QID1", "10"),
                ("r2", "QID1", "3"),
                ("r2", "QID2", "4"),
                ("r3", "QID1", "9"),
                ("r3", "QID2", "5"),
                ("r4", "QID1", "8"),
                ("r5", "QID1", "0"),
                ("r6", "QID1", "0"),
                ("r8", "QID1", "0"),
                ("r10", "QID1", "9"),
                ("r4", "QID2", "n/a"),
            ],
        ),
        "survey_embedded_data": (
            ("response_id", "key", "value"),
            [
                *((r, "account_id", "A-1") for r in ("r1", "r2", "r3", "r4", "r5", "r6", "r10")),
                ("r1", "contact_id", "p1"),
                ("r2", "contact_id", "p1"),
                ("r3", "contact_id", "p2"),
                ("r5", "contact_id", "p2"),
            ],
        ),
    },
    written={"survey_response": "recorded_date"},
    current={"survey_response": ("progress",)},
)
ZENDESK = Example(
    zendesk.tables(),
    written={"ticket": "created_at", "ticket_field_history": "updated", "ticket_comment": "created"},
    current={"ticket": ("status", "priority")},
    optional=["first_replies"],
)
EXAMPLES: dict[str, Example] = {
    "salesforce": SALESFORCE,
    "hubspot": HUBSPOT,
    "zendesk": ZENDESK,
    "intercom": INTERCOM,
    "amplitude": AMPLITUDE,
    "mixpanel": MIXPANEL,
    "pendo": PENDO,
    "delighted": DELIGHTED,
    "qualtrics": QUALTRICS,
}


def changed(tables: Tables, change: Callable[[str, Sequence[str], list[Any]], list[Any]]) -> Tables:
    """The same tables with the rows that `change(table, columns, rows)` gives."""
    return {name: (columns, change(name, columns, list(rows))) for name, (columns, rows) in tables.items()}


def without_later(example: Example, day: str) -> Tables:
    """Only rows written by the end of a day (ISO); linking tables stay whole."""

    def kept(table: str, columns: Sequence[str], rows: list[Any]) -> list[Any]:
        if table not in example.written:
            return rows
        at = list(columns).index(example.written[table])
        end = _unix(f"{day} 23:59:59")
        return [row for row in rows if (row[at] if isinstance(row[at], int) else _unix(row[at])) <= end]

    return changed(example.tables, kept)


def edited(example: Example) -> Tables:
    """Current-state columns overwritten."""

    def other(table: str, columns: Sequence[str], rows: list[Any]) -> list[Any]:
        places = {list(columns).index(name) for name in example.current.get(table, ())}
        return [tuple(_other(cell) if k in places else cell for k, cell in enumerate(row)) for row in rows]

    return changed(example.tables, other)


def _other(cell: Any) -> Any:
    if isinstance(cell, bool):
        return not cell
    if isinstance(cell, (int, float)):
        return cell * 7 + 1
    return "2030-01-01" if str(cell)[:2] == "20" else "Former customer"
