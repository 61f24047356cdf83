"""Counts, per fact table of a project, how many events found their account and which keys did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.data.database import run_query
from churnbench.data.locations import open_location
from churnbench.data.project import Project
from churnbench.data.readers import Column, fetch_frame, open_files, read_table
from churnbench.data.sections_sources import SourceSection
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.sources.dialects import dialect_of
from churnbench.sources.model import Asked, Fact, Identity
from churnbench.sources.registry import asked_for, wanted_facts
from churnbench.sources.resolve import count_sql, fact_sql
from churnbench.sources.snippet import fact_name


@dataclass(frozen=True)
class Counted:
    """What became of the events of one fact table; each is in exactly one of the five counts.

    Attributes:
        fact: its name in the project.
        events: how many there are, copies counted once.
        resolved, unresolved, ambiguous: how many found one account, none, more than one.
        strangers: how many found one account that the accounts table does not have; None without such a table.
        undated: how many have no time, so that no metric can count them.
        keys: columns status (unresolved, ambiguous, stranger or undated), source_key, events; most events first.
        edited: whether the project's SQL for it is no longer what the mapping writes.
    """

    fact: str
    events: int
    resolved: int
    unresolved: int
    ambiguous: int
    strangers: int | None
    undated: int
    keys: pd.DataFrame
    edited: bool = False

    def as_facts(self, limit: int = 20) -> dict[str, Any]:
        """The same for a program, with at most `limit` keys."""
        counts = ("fact", "events", "resolved", "unresolved", "ambiguous", "undated")
        plain = {name: getattr(self, name) for name in counts}
        keys = self.keys.head(limit).to_dict("records")
        return {**plain, "strangers": self.strangers, "edited": self.edited, "keys": keys}


def asked_of(project: Project, section: SourceSection) -> Asked:
    """The mapping that a `[[sources]]` section describes.

    Raises:
        InputError: something in it is unknown.
    """
    told = section.identity
    identity = None if told is None else Identity(tuple(told.table), told.dated, told.rules)
    return asked_for(
        section.name,
        dialect_of(project.data.database),
        schema=section.schema_name,
        names=section.tables,
        settings=section.settings,
        known_column=section.known,
        identity=identity,
    )


def count_identities(project: Project, *, session: Session | None = None) -> tuple[Counted, ...]:
    """Count the events of every fact table that a mapping of the project makes.

    Args:
        project: with `[[sources]]`; its database is only read.
        session: to work in; by default one of its own.

    Returns:
        One count per fact table, in the order of the project file.

    Raises:
        InputError: no `[[sources]]`, no database, or a query that the database refuses.
    """
    if not project.sources:
        raise InputError(
            "the project has no [[sources]].",
            file=project.file,
            fix="`churnbench sources add NAME --to PROJECT` prints them together with their fact tables.",
        )
    if session is None:
        with Session() as own:
            return count_identities(project, session=own)
    accounts = _accounts(session, project)
    declared = {one.name: one.sql for one in project.data.facts}
    found = []
    for section in project.sources:
        asked = asked_of(project, section)
        for fact in wanted_facts(asked, section.optional):
            name = fact_name(asked, fact)
            if name in declared:
                found.append(_count(session, project, asked, fact, accounts, declared[name]))
    return tuple(found)


@dataclass(frozen=True)
class Families:
    """What `parent_id` of the accounts table says.

    Attributes:
        children: accounts that name a parent.
        orphans: (account, parent) whose parent is not in the table.
        circles: accounts from which following the parents leads back to themselves, or never ends.
    """

    children: int
    orphans: tuple[tuple[str, str], ...]
    circles: tuple[str, ...]


def families(project: Project) -> Families | None:
    """Look at the parents in the accounts table of a project; None where it has no accounts or no parent_id.

    Raises:
        InputError: an accounts table that cannot be read.
    """
    if project.data.accounts is None:
        return None
    with Session() as session:
        source = open_location(session, project, project.data.accounts, "data.accounts")
        if "parent_id" not in source.columns:
            return None
        columns = [Column("account_id", "id", "account_id"), Column("parent_id", "text", "parent_id")]
        frame = fetch_frame(session, read_table(session, source, columns))
    return families_of(dict(zip(frame["account_id"].astype(str), frame["parent_id"], strict=True)))


def families_of(parents: Mapping[str, object]) -> Families:
    """The same from account -> parent (missing: none).

    >>> families_of({"a": "b", "b": None, "c": "x", "d": "d"})
    Families(children=3, orphans=(('c', 'x'),), circles=('d',))
    """
    of = {account: str(parent) for account, parent in parents.items() if isinstance(parent, str) and parent}
    orphans = tuple(sorted((account, parent) for account, parent in of.items() if parent not in parents))
    return Families(len(of), orphans, tuple(sorted(account for account in of if _endless(account, of))))


def _endless(account: str, parents: Mapping[str, str]) -> bool:
    seen, at = {account}, parents.get(account)
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at is not None


def _accounts(session: Session, project: Project) -> frozenset[str] | None:
    if project.data.accounts is None:
        return None
    source = open_location(session, project, project.data.accounts, "data.accounts")
    table = read_table(session, source, [Column("account_id", "id", "account_id")])
    return frozenset(fetch_frame(session, table)["account_id"].astype(str))


def _count(
    session: Session, project: Project, asked: Asked, fact: Fact, accounts: frozenset[str] | None, sql: str | None
) -> Counted:
    name = fact_name(asked, fact)
    frame = _rows(session, project, count_sql(asked, fact), f"identities of {name}")
    if accounts is not None:
        unknown = frame["status"].eq("resolved") & ~frame["source_key"].isin(accounts)
        frame.loc[unknown, "status"] = "stranger"
    total = frame.groupby("status")["events"].sum()
    of: Mapping[str, int] = {status: int(total.get(status, 0)) for status in _STATUSES}
    keys = frame[frame["status"] != "resolved"].sort_values(["events", "source_key"], ascending=[False, True])
    written = fact_sql(asked, fact).strip()
    return Counted(
        fact=name,
        events=sum(of.values()),
        resolved=of["resolved"],
        unresolved=of["unresolved"],
        ambiguous=of["ambiguous"],
        strangers=None if accounts is None else of["stranger"],
        undated=of["undated"],
        keys=keys.reset_index(drop=True),
        edited=(sql or "").strip() != written,
    )


_STATUSES = ("resolved", "stranger", "unresolved", "ambiguous", "undated")


def _rows(session: Session, project: Project, sql: str, label: str) -> pd.DataFrame:
    if project.data.database is None:
        raise InputError(
            "identities are counted in the database, and none is named.",
            file=project.file,
            column="data.database",
            fix='Add database = "path.duckdb" (or "sqlite:path.db", "postgresql://...") under [data].',
        )
    path: Path = run_query(session, project.data.database, sql, root=project.root, label=label)
    wanted = [Column("status", "text", "status"), Column("source_key", "text", "source_key")]
    table = read_table(session, open_files(session, [path], label), [*wanted, Column("events", "number", "events")])
    frame = fetch_frame(session, table)
    return frame.astype({"status": object, "source_key": object, "events": "int64"})
