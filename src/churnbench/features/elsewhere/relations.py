"""Tables of another engine, and the queries that bring them into the form that the aggregates read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from sys import float_info
from typing import Any

from churnbench.data.computed import ComputedMetric
from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.features.elsewhere.spellings import ServerSpelling
from churnbench.features.facts import number_columns, text_columns


@dataclass(frozen=True, kw_only=True)
class FactColumns:
    """Which columns of a fact table say what.

    Attributes:
        account: column with the account id; taken as text.
        event_time: column with when it happened: a date or a time (without a zone it is UTC), never NULL.
        known_time: column with when it was known, if there is one; never NULL.
        deduplicate: of facts with the same value the one that has happened and was known first counts.
        missing: trimmed texts that mean "no value".
    """

    account: str = "account_id"
    event_time: str = "event_at"
    known_time: str | None = None
    deduplicate: str | None = None
    missing: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class FactRelation(FactColumns):
    """One fact table in a database.

    Attributes:
        relation: its name; a sequence holds the parts of a dotted name.
    """

    relation: str | Sequence[str]

    @classmethod
    def of_project(cls, project: Project, name: str, relation: str | Sequence[str]) -> FactRelation:
        """A table that holds what the project declares under `[[data.facts]]` with this name.

        Raises:
            InputError: for a name that the project does not declare.
        """
        return cls(relation, **columns_of(project, name))


@dataclass(frozen=True)
class AccountRelation:
    """The accounts; each has rows for as-of dates from first_day to last_day, where a missing bound is open.

    Attributes:
        relation: its name; a sequence holds the parts of a dotted name.
        account: column with the account id, unique.
        first_day, last_day: columns with dates, if there are any.
    """

    relation: str | Sequence[str]
    account: str = "account_id"
    first_day: str | None = None
    last_day: str | None = None


def columns_of(project: Project, name: str) -> dict[str, Any]:
    """Fields of `FactColumns` as the project declares them for a fact table.

    Raises:
        InputError: for a name that the project does not declare.
    """
    for section in project.data.facts:
        if section.name == name:
            return {
                "account": section.account,
                "event_time": section.event_time,
                "known_time": section.known_time,
                "deduplicate": section.deduplicate,
                "missing": project.data.missing_text,
            }
    known = ", ".join(section.name for section in project.data.facts) or "none"
    raise InputError(f"there is no fact table {name!r}.", file=project.file, fix=f"Declared are {known}.")


@dataclass(frozen=True)
class TypedFacts:
    """A fact table as a relation of account_id, event_at, known_at and typed values, and how it is made.

    Attributes:
        name: name of the common table expression.
        numbers, texts: column of the data -> SQL column.
        bitemporal: whether known_at is more than a copy of event_at.
        steps: (name, query) of the common table expressions, in order.
    """

    name: str
    numbers: dict[str, str]
    texts: dict[str, str]
    bitemporal: bool
    steps: list[tuple[str, str]] = field(default_factory=list)


def table_name(relation: str | Sequence[str], spelling: ServerSpelling) -> str:
    """A quoted table name; text is one name, a sequence its dotted parts."""
    parts = [relation] if isinstance(relation, str) else list(relation)
    return ".".join(spelling.identifier(part) for part in parts)


def typed_facts(
    facts: FactRelation, metrics: Sequence[ComputedMetric], spelling: ServerSpelling, name: str, until: int | None
) -> TypedFacts:
    """Cast, clean and de-duplicate one fact table.

    Args:
        facts: the table.
        metrics: the metrics that read it.
        spelling: the engine.
        name: prefix of the relations made.
        until: facts that happened or became known at or after this moment (microseconds) are dropped.
    """
    numbers = {column: f"n{i}" for i, column in enumerate(sorted(number_columns(metrics)))}
    texts = {column: f"t{i}" for i, column in enumerate(sorted(text_columns(metrics)))}
    typed = TypedFacts(name, numbers, texts, facts.known_time is not None)
    kept = ", ".join(["account_id", "event_at", "known_at", *numbers.values(), *texts.values()])
    typed.steps.append((f"{name}_cells", _cells(facts, typed, spelling)))
    source = f"{name}_cells"
    if facts.deduplicate:
        first = ["CASE WHEN known_at > event_at THEN known_at ELSE event_at END", "known_at", "event_at"]
        order = ", ".join(f"{one} NULLS LAST" for one in [*first, *numbers.values(), *texts.values()])
        numbered = (
            f"SELECT {kept}, row_number() OVER (PARTITION BY account_id, duplicate_key ORDER BY {order}) AS place"
            f" FROM {source} WHERE duplicate_key IS NOT NULL"
        )
        typed.steps.append((f"{name}_numbered", numbered))
        # Facts without a key stay as they are; as one partition of the window above they would be one task.
        typed.steps.append(
            (
                f"{name}_once",
                f"SELECT {kept} FROM {name}_numbered WHERE place = 1"
                f" UNION ALL SELECT {kept} FROM {source} WHERE duplicate_key IS NULL",
            )
        )
        source = f"{name}_once"
    seen = "" if until is None else f" WHERE event_at < {until} AND known_at < {until}"
    typed.steps.append((name, f"SELECT {kept} FROM {source}{seen}"))
    return typed


def _cells(facts: FactRelation, typed: TypedFacts, spelling: ServerSpelling) -> str:
    columns = [
        f"{trimmed(facts.account, spelling)} AS account_id",
        f"{spelling.moment(spelling.identifier(facts.event_time))} AS event_at",
        f"{spelling.moment(spelling.identifier(facts.known_time or facts.event_time))} AS known_at",
        *(f"{_finite(column, spelling)} AS {target}" for column, target in typed.numbers.items()),
        *(f"{_text(column, facts.missing, spelling)} AS {target}" for column, target in typed.texts.items()),
    ]
    if facts.deduplicate:
        columns.append(f"{_text(facts.deduplicate, ('',), spelling)} AS duplicate_key")
    return f"SELECT {', '.join(columns)} FROM {table_name(facts.relation, spelling)}"


def trimmed(column: str, spelling: ServerSpelling) -> str:
    """A column as text without spaces around it."""
    return f"trim({spelling.as_text(spelling.identifier(column))})"


def _text(column: str, missing: Sequence[str], spelling: ServerSpelling) -> str:
    cell = trimmed(column, spelling)
    absent = ", ".join(spelling.literal(word) for word in missing)
    return f"CASE WHEN {cell} IN ({absent}) THEN NULL ELSE {cell} END" if missing else cell


def _finite(column: str, spelling: ServerSpelling) -> str:
    """A number; NaN and infinities are no values."""
    cell, most = spelling.as_double(spelling.identifier(column)), spelling.real(float_info.max)
    return f"CASE WHEN {cell} <= {most} AND {cell} >= -{most} THEN {cell} END"
