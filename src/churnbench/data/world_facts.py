"""Fact tables of the simulated world: tickets, surveys, product events, invoices, subscriptions and people.

The facts are made so that metrics aggregated from them, as known at a month end, are the recorded metrics of
that month end: exactly where whole things can add up to the value, closely elsewhere. Every fact says when it
happened and when it was known. docs/simulated-worlds.md describes the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from churnbench.data import world_facts_events, world_facts_money, world_facts_relations, world_facts_support
from churnbench.data.world_chunk import Chunk
from churnbench.data.world_facts_tables import FACT_TABLES
from churnbench.domain.errors import InputError

#: Folder of the fact tables beside the project file; the project file names it too.
FACTS_FOLDER = "facts"
#: Randomness of each group of tables, so that the volume of one does not change another.
_PURPOSES = {"tickets": 101, "surveys": 102, "touchpoints": 103, "contacts": 104, "money": 105, "events": 106}


@dataclass(frozen=True)
class FactKnobs:
    """How much is written.

    Attributes:
        events_per_account_month: rows of product events of an account with six active seats in ten, 1 to
            1000. Each active user (of at most half as many users per account) and each used feature leaves
            at least one row, so that small numbers are exceeded: 1 gives about 19, 20 about 25.
    """

    events_per_account_month: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.events_per_account_month <= 1000:
            raise InputError(
                f"{self.events_per_account_month} events per account and month are out of range.",
                fix="Give a number from 1 to 1000, for example 60.",
            )


def iter_facts(chunk: Chunk, knobs: FactKnobs | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Draw the fact tables of a chunk.

    Args:
        chunk: the accounts.
        knobs: how much; the defaults when None.

    Yields:
        (table, rows), every key of `FACT_TABLES` at least once; product events come as one part per month, the
        others whole. Columns: `FACT_TABLES`.
    """
    knobs = knobs or FactKnobs()
    rng = {name: chunk.rng(purpose) for name, purpose in _PURPOSES.items()}
    users = world_facts_events.most_users(knobs.events_per_account_month)
    yield "subscriptions", world_facts_money.subscription_table(chunk, rng["money"], most_users=users)
    yield "invoices", world_facts_money.invoice_table(chunk, rng["money"])
    yield "contacts", world_facts_relations.contact_table(chunk, rng["contacts"])
    yield "touchpoints", world_facts_relations.touchpoint_table(chunk, rng["touchpoints"])
    tickets = world_facts_support.draw_tickets(chunk, rng["tickets"])
    yield "tickets", world_facts_support.ticket_table(chunk, tickets, rng["tickets"])
    yield "ticket_history", world_facts_support.history_table(chunk, tickets, rng["tickets"])
    yield "surveys", world_facts_support.survey_table(chunk, tickets, rng["surveys"])
    for block in world_facts_events.event_blocks(chunk, rng["events"], knobs.events_per_account_month):
        yield "product_events", block


def write_facts(chunk: Chunk, out: Path, knobs: FactKnobs | None = None) -> dict[str, int]:
    """Write the fact tables of a chunk as Parquet: `out/facts/TABLE/part-00000.parquet`, one file per chunk.

    At no time more than one table of one chunk is held in memory, of the product events one month.

    Args:
        chunk: the accounts.
        out: the world's folder.
        knobs: how much; the defaults when None.

    Returns:
        Rows written per table.
    """
    rows = dict.fromkeys(FACT_TABLES, 0)
    writers: dict[str, parquet.ParquetWriter] = {}
    try:
        for table, part in iter_facts(chunk, knobs):
            if table not in writers:
                folder = out / FACTS_FOLDER / table
                folder.mkdir(parents=True, exist_ok=True)
                writers[table] = _writer(folder / f"part-{chunk.part:05d}.parquet", part.schema)
            writers[table].write_table(part)
            rows[table] += part.num_rows
    finally:
        for writer in writers.values():
            writer.close()
    return rows


def _writer(path: Path, schema: pa.Schema) -> parquet.ParquetWriter:
    coded = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return parquet.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=coded)
