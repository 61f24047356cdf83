"""Do the dates of facts make sense? Whether a feature looks into the future hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from churnbench.domain.findings import Finding
from churnbench.features.facts import Facts

#: Share of a table's facts with an impossible date above which a person is asked.
TOLERATED_SHARE = 0.01


def fact_date_findings(facts: Mapping[str, Facts], through: date) -> tuple[Finding, ...]:
    """Look for dates that cannot be, table by table; only tables with a known time can be judged.

    Args:
        facts: fact tables by name.
        through: last day up to which outcomes are complete.

    Returns:
        Findings for review, at most one per table: "fact-dates:TABLE". A fact that was known more than a day
        before it happened was planned, or its known time belongs to something else; a fact dated later than
        anything was known, in any table, has a wrong date.
    """
    judged = {name: table for name, table in facts.items() if table.bitemporal}
    rows = {name: _counted(table, judged, through) for name, table in judged.items()}
    found = (_finding(name, *counts) for name, counts in rows.items())
    return tuple(finding for finding in found if finding is not None)


def _counted(table: Facts, others: Mapping[str, Facts], through: date) -> tuple[int, int, int]:
    """Facts of a table, those known before they happened, and those dated after everything known."""
    known = " UNION ALL ".join(f"SELECT max(known_at) AS k FROM {other.relation}" for other in others.values())
    end = f"(SELECT greatest(max(k), TIMESTAMP '{through}') + INTERVAL 1 DAY FROM ({known}))"
    query = (
        "SELECT count(*), count(*) FILTER (WHERE known_at < event_at - INTERVAL 1 DAY),"
        f" count(*) FILTER (WHERE event_at >= {end}) FROM {table.relation}"
    )
    total, early, ahead = table.session.connection.execute(query).fetchall()[0]
    return int(total), int(early), int(ahead)


def _finding(name: str, total: int, early: int, ahead: int) -> Finding | None:
    if max(early, ahead) <= TOLERATED_SHARE * total:
        return None
    if ahead > TOLERATED_SHARE * total:
        said = (
            f"{ahead:,} of {total:,} facts in `{name}` are dated after anything was known. They count only from their "
            "date on, so that their accounts lack them until then. Correct the dates, or leave such facts out."
        )
    else:
        said = (
            f"{early:,} of {total:,} facts in `{name}` were known more than a day before they happened. Unless they "
            "were planned (meetings, invoices), known_time is not when they were recorded, and nothing shows that "
            "they were not entered later. Name the column that says when a fact was written."
        )
    return Finding(f"fact-dates:{name}", "review", said)
