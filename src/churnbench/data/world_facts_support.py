"""Tickets with their history, and surveys: what an account's people said, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from churnbench.data.world_chunk import Chunk
from churnbench.data.world_facts_months import (
    MIDDLE,
    Index,
    Moments,
    account_months,
    days_in_month,
    expand,
    followed_counts,
    later,
    moments,
    monthly_counts,
    spread_evenly,
)
from churnbench.data.world_facts_tables import Coded, Columns, joined, to_arrow
from churnbench.data.world_metrics import Array

#: Tickets in 90 days per recorded "ticket per 10 active seats": every account has a desk of thirty people who
#: may write, so that plain counts compare accounts of any size.
TICKETS_PER_UNIT = 3.0
#: People who answer each NPS survey that is answered at all.
NPS_ANSWERS = 3

_BEFORE = 6  # months before the first snapshot from which on there are tickets and surveys
_PRIORITIES = ("low", "normal", "high", "urgent")
_EARLY = (26, 9)  # the month's first ticket: early enough to be solved and rated before the month ends


@dataclass(frozen=True, eq=False)
class Tickets:
    """Drawn tickets, one entry each.

    Attributes:
        row, month: whose and in which month.
        number: ticket id.
        rated: the month's first ticket, which carries the rating of the month.
        created, replied, solved, responded, rating_known: moments, datetime64[s].
        tone, csat: -1 to 1 and 1 to 5, NaN where not recorded.
        escalated: whether it was.
    """

    row: Index
    month: Index
    number: Index
    rated: NDArray[np.bool_]
    created: Moments
    replied: Moments
    solved: Moments
    responded: Moments
    rating_known: Moments
    tone: Array
    csat: Array
    escalated: NDArray[np.bool_]


def draw_tickets(chunk: Chunk, rng: np.random.Generator) -> Tickets:
    """Tickets whose monthly tone and rating, and trailing numbers, are the recorded ones.

    Args:
        chunk: the accounts; uses support_tickets_90d, escalations_90d, ticket_tone and csat.
        rng: source of randomness.
    """
    recorded = chunk.recorded
    escalations = monthly_counts(recorded["escalations_90d"], 3)
    spoke = ~np.isnan(recorded["ticket_tone"]) | ~np.isnan(recorded["csat"])
    wanted = TICKETS_PER_UNIT * np.nan_to_num(recorded["support_tickets_90d"])
    counts = followed_counts(wanted, 3, np.maximum(escalations, spoke))
    row, month = account_months(chunk, _BEFORE)
    owner, place = expand(counts[row, month])
    row, month = row[owner], month[owner]
    first = place == 0
    days = np.where(
        first,
        days_in_month(chunk, row, month, rng, within=_EARLY),
        days_in_month(chunk, row, month, rng, within=MIDDLE),
    )
    created = moments(days, rng)
    solved = later(created, rng, 0.1, 3.0)
    responded = later(solved, rng, 0.05, 2.0)
    return Tickets(
        row=row,
        month=month,
        number=np.int64(chunk.part) * 100_000_000 + np.arange(1, len(row) + 1),
        rated=first,
        created=created,
        replied=later(created, rng, 0.005, 0.1),
        solved=solved,
        responded=responded,
        rating_known=later(responded, rng, 0.0, 3.0),
        tone=_tones(recorded["ticket_tone"][row, month], counts[row, month], place, rng),
        csat=np.where(first, recorded["csat"][row, month], np.nan),
        escalated=place < escalations[row, month],
    )


def _tones(mean: Array, count: Index, place: Index, rng: np.random.Generator) -> Array:
    """Tones around a month's mean, in pairs above and below it, so that the mean is kept."""
    deviation = np.round(rng.random(len(mean)) * np.minimum(0.3, 1.0 - np.abs(np.nan_to_num(mean))), 2)
    partner = np.arange(len(mean)) - place % 2
    alone = (place == count - 1) & (count % 2 == 1)
    sign = np.where(place % 2 == 0, 1.0, -1.0)
    return np.asarray(np.round(mean + np.where(alone, 0.0, sign * deviation[partner]), 2))


def ticket_table(chunk: Chunk, tickets: Tickets, rng: np.random.Generator) -> pa.Table:
    """The tickets as the help desk shows them today: known within minutes, later fields filled in afterwards."""
    calm = rng.choice(4, size=len(tickets.row), p=[0.3, 0.5, 0.17, 0.03])
    tense = rng.choice(4, size=len(tickets.row), p=[0.0, 0.2, 0.5, 0.3])
    columns: Columns = {
        "ticket_id": tickets.number,
        "created_at": tickets.created,
        "known_time": later(tickets.created, rng, 0.0007, 0.02),
        "priority": Coded(np.where(tickets.escalated, tense, calm), _PRIORITIES),
        "tone": tickets.tone,
        "escalated": tickets.escalated,
        "first_reply_at": _by_now(chunk, tickets.replied),
        "solved_at": _by_now(chunk, tickets.solved),
        "csat": np.where(np.isnat(_by_now(chunk, tickets.rating_known)), np.nan, tickets.csat),
    }
    return to_arrow("tickets", chunk, tickets.row, columns)


def _by_now(chunk: Chunk, at: Moments) -> Moments:
    """Moments that have come by the end of the newest month end; NaT for the others."""
    extracted = (chunk.days[-1] + np.timedelta64(1, "D")).astype("datetime64[s]")
    return np.where(at < extracted, at, np.datetime64("NaT", "s"))


_FIELDS = ("status", "escalated", "satisfaction_score")
#: Values of a ticket's fields: words, then ratings from 1.0 to 5.0 in tenths.
_WORDS = ("new", "open", "solved", "true")
_VALUES = (*_WORDS, *(f"{tenths / 10:.1f}" for tenths in range(10, 51)))


def history_table(chunk: Chunk, tickets: Tickets, rng: np.random.Generator) -> pa.Table:
    """Every change of a ticket's fields, with its time: status, escalation, rating."""
    rated = ~np.isnan(tickets.csat)
    steps = (
        ("status", "new", tickets.created, None),
        ("status", "open", tickets.replied, None),
        ("status", "solved", tickets.solved, None),
        ("escalated", "true", tickets.replied, tickets.escalated),
        ("satisfaction_score", "", tickets.responded, rated),
    )
    parts: list[Columns] = []
    rows: list[Index] = []
    for field, word, at, where in steps:
        some = np.arange(len(tickets.row)) if where is None else np.flatnonzero(where)
        if word:
            values = np.full(len(some), _WORDS.index(word))
            known = later(at[some], rng, 0.0007, 0.02)
        else:
            values = len(_WORDS) + np.round(10.0 * tickets.csat[some]).astype(np.int64) - 10
            known = tickets.rating_known[some]
        parts.append(
            {
                "ticket_id": tickets.number[some],
                "updated_at": at[some],
                "known_time": known,
                "field_name": Coded(np.full(len(some), _FIELDS.index(field)), _FIELDS),
                "value": Coded(values, _VALUES),
            }
        )
        rows.append(tickets.row[some])
    return to_arrow("ticket_history", chunk, np.concatenate(rows), joined(parts))


def survey_table(chunk: Chunk, tickets: Tickets, rng: np.random.Generator) -> pa.Table:
    """Answers to surveys, one row each; who does not answer leaves no row.

    A CSAT row is the rating of a ticket (1-5). An NPS survey is answered by `NPS_ANSWERS` people with whole
    numbers 0-10 whose mean is the recorded NPS, taken from -100..100 to 0..10.
    """
    nps = chunk.recorded["nps"]
    row, month = account_months(chunk, _BEFORE)
    answered = ~np.isnan(nps[row, month])
    row, month = row[answered], month[answered]
    owner, place = expand(np.full(len(row), NPS_ANSWERS))
    total = np.round((nps[row, month] + 100.0) / 20.0 * NPS_ANSWERS).astype(np.int64)
    sent = moments(days_in_month(chunk, row, month, rng, within=(26, 16)), rng)[owner]
    responded = later(sent, rng, 0.01, 8.0)
    rated = np.flatnonzero(~np.isnan(tickets.csat))
    counts = np.full(len(row), NPS_ANSWERS)
    columns: Columns = {
        "survey_id": np.int64(chunk.part) * 100_000_000 + np.arange(1, len(owner) + len(rated) + 1),
        "survey_type": Coded(np.repeat([0, 1], [len(owner), len(rated)]), ("NPS", "CSAT")),
        "sent_at": np.concatenate([sent, tickets.solved[rated]]),
        "responded_at": np.concatenate([responded, tickets.responded[rated]]),
        "known_time": np.concatenate([later(responded, rng, 0.0, 3.0), tickets.rating_known[rated]]),
        "score": np.concatenate([spread_evenly(total, counts, owner, place), tickets.csat[rated]]),
    }
    return to_arrow("surveys", chunk, np.concatenate([row[owner], tickets.row[rated]]), columns)
