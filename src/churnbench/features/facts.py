"""Fact tables: what happened to an account, when, and since when it was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from churnbench.data.computed import ComputedMetric
from churnbench.data.locations import open_location
from churnbench.data.project import Project
from churnbench.data.readers import Column, read_table
from churnbench.data.sections import FactTable as FactSection
from churnbench.data.session import Session
from churnbench.data.sql import identifier

#: Aggregates that read their column as text.
_AS_TEXT = frozenset({"distinct", "top_share"})


@dataclass(frozen=True)
class Facts:
    """One fact table, typed, ready for `features_at`.

    Attributes:
        name: as the metrics' `source` names it.
        session: the DuckDB session that holds the rows.
        relation: SQL of a table or sub-query with columns account_id VARCHAR, event_at TIMESTAMP, known_at
            TIMESTAMP (equal to event_at where none is declared) and the value columns.
        numbers: column of the data -> its SQL column, DOUBLE.
        texts: column of the data -> its SQL column, VARCHAR.
        bitemporal: whether known_at is more than a copy of event_at.
    """

    name: str
    session: Session
    relation: str
    numbers: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    bitemporal: bool = False

    def known_by(self, day: str) -> Facts:
        """Only facts that had happened and were known at the end of a day (ISO date)."""
        seen = f"greatest(event_at, known_at) < DATE '{day}' + INTERVAL 1 DAY"
        return replace(self, relation=f"(SELECT * FROM {self.relation} WHERE {seen})")

    def ignoring_known_time(self) -> Facts:
        """The same facts as if each had been known when it happened."""
        return replace(
            self, relation=f"(SELECT * REPLACE (event_at AS known_at) FROM {self.relation})", bitemporal=False
        )


def open_facts(session: Session, project: Project) -> dict[str, Facts]:
    """Open every fact table of a project with the columns that its metrics need.

    Args:
        session: the DuckDB session.
        project: the project.

    Returns:
        Name -> facts.

    Raises:
        InputError: a file, column or cell that cannot be used.
    """
    return {
        section.name: _open(session, project, section, number)
        for number, section in enumerate(project.data.facts, start=1)
    }


def _open(session: Session, project: Project, section: FactSection, number: int) -> Facts:
    metrics = [metric for metric in project.declared.computed if metric.source == section.name]
    numbers = {name: f"n{i}" for i, name in enumerate(sorted(number_columns(metrics)))}
    texts = {name: f"t{i}" for i, name in enumerate(sorted(text_columns(metrics)))}
    known = section.known_time or section.event_time
    columns = [
        Column(section.account, "id", "account_id"),
        Column(section.event_time, "time", "event_at", filled=True),
        Column(known, "time", "known_at", filled=True),
        *(Column(name, "number", target, missing=project.data.missing) for name, target in numbers.items()),
        *(Column(name, "text", target, missing=project.data.missing_text) for name, target in texts.items()),
    ]
    if section.deduplicate:
        columns.append(Column(section.deduplicate, "text", "duplicate_key"))
    source = open_location(session, project, section.location, f"data.facts[{number}]")
    relation = identifier(read_table(session, source, columns))
    if section.deduplicate:
        relation = _without_duplicates(session, relation, [*numbers.values(), *texts.values()])
    return Facts(section.name, session, relation, numbers, texts, section.known_time is not None)


def number_columns(metrics: Sequence[ComputedMetric]) -> set[str]:
    """Columns that the metrics read as numbers."""
    read = {m.column for m in metrics if m.column and m.agg not in _AS_TEXT and not m.text}
    return read | {part.column for m in metrics for part in m.where if part.numeric}


def text_columns(metrics: Sequence[ComputedMetric]) -> set[str]:
    """Columns that the metrics read as text."""
    read = {m.column for m in metrics if m.column and (m.agg in _AS_TEXT or m.text)}
    return read | {part.column for m in metrics for part in m.where if not part.numeric}


def _without_duplicates(session: Session, relation: str, values: Sequence[str]) -> str:
    """One fact per account and key: the one that counts first, so that a later copy cannot change the past.

    A fact counts from the day on which it has happened and is known. The smallest (that moment, known_at,
    event_at, values...) is kept, which does not depend on the order of rows; a copy that is known early but dated
    ahead must not displace one that counts already.
    """
    kept = ["known_at", "event_at", *values]
    packed = ", ".join(["seen := greatest(known_at, event_at)", *(f"{name} := {name}" for name in kept)])
    name = session.fresh_name("facts")
    session.connection.execute(
        f"CREATE TEMP TABLE {name} AS"
        f" SELECT account_id, {', '.join(f'f.{one} AS {one}' for one in kept)} FROM"
        f" (SELECT account_id, min(struct_pack({packed})) AS f FROM {relation}"
        " WHERE duplicate_key IS NOT NULL GROUP BY account_id, duplicate_key)"
        f" UNION ALL SELECT account_id, {', '.join(kept)} FROM {relation} WHERE duplicate_key IS NULL"
    )
    return name
