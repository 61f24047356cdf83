"""Zendesk tickets whose every metric was worked out by hand."""

from __future__ import annotations

TICKETS = [
    # id, organization, created, status and priority as they are now: must never be read
    (1, 70, "2024-01-02 08:00:00", "solved", "low"),
    (2, 70, "2024-03-01 08:00:00", "open", "urgent"),
    (3, 70, "2024-03-20 08:00:00", "solved", "normal"),
    (4, 71, "2024-03-21 08:00:00", "new", "normal"),
    (5, 99, "2024-03-21 08:00:00", "new", "normal"),
    (6, None, "2024-03-21 08:00:00", "new", "normal"),
]
ORGANIZATIONS = [(70, "A-1"), (71, "A-2"), (99, None)]
HISTORY = [
    (1, "status", "new", "2024-01-02 08:00:00"),
    (1, "priority", "low", "2024-01-02 08:00:00"),
    (1, "status", "solved", "2024-01-02 18:00:00"),  # 10 hours: kept
    (1, "status", "closed", "2024-01-06 18:00:00"),
    (2, "status", "new", "2024-03-01 08:00:00"),
    (2, "priority", "normal", "2024-03-01 08:00:00"),
    (2, "priority", "urgent", "2024-03-02 08:00:00"),  # escalated, critical from here
    (2, "status", "open", "2024-03-03 08:00:00"),
    (2, "status", "solved", "2024-03-05 08:00:00"),  # 96 hours: broken; not critical any more
    (2, "satisfaction_score", "offered", "2024-03-05 09:00:00"),
    (2, "satisfaction_score", "bad", "2024-03-06 09:00:00"),
    (2, "status", "open", "2024-03-10 08:00:00"),  # reopened, critical again
    (3, "status", "new", "2024-03-20 08:00:00"),
    (3, "priority", "normal", "2024-03-20 08:00:00"),
    (3, "status", "solved", "2024-03-20 14:00:00"),  # 6 hours
    (3, "satisfaction_score", "good", "2024-03-21 09:00:00"),
    (4, "status", "new", "2024-03-21 08:00:00"),
    (4, "priority", "normal", "2024-03-21 08:00:00"),
    (2, "priority", "low", "2024-04-15 08:00:00"),
    (2, "status", "closed", "2024-04-20 08:00:00"),
    (4, "status", "solved", "2024-04-21 08:00:00"),
]
COMMENTS = [
    (2, 500, "2024-03-01 08:30:00", True),  # the customer
    (2, 600, "2024-03-01 09:00:00", False),  # an internal note
    (2, 600, "2024-03-01 12:00:00", True),  # 4 hours
    (3, 600, "2024-03-20 10:00:00", True),  # 2 hours
    (3, 600, "2024-03-20 11:00:00", True),
]
USERS = [(500, "end-user"), (600, "agent")]
DAY = "2024-03-31"


def tables(tickets=TICKETS, organizations=ORGANIZATIONS, history=HISTORY, comments=COMMENTS, users=USERS):
    return {
        "ticket": (("id", "organization_id", "created_at", "status", "priority"), tickets),
        "organization": (("id", "external_id"), organizations),
        "ticket_field_history": (("ticket_id", "field_name", "value", "updated"), history),
        "ticket_comment": (("ticket_id", "user_id", "created", "public"), comments),
        "user": (("id", "role"), users),
    }
