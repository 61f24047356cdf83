"""What a mapping is: tables that are read, facts that are made of them, metrics that are computed from the facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from churnbench.data.catalogue import CatalogueMetric, in_catalogue
from churnbench.data.hints import did_you_mean, listed
from churnbench.domain.errors import InputError
from churnbench.sources.spelling import Dialect


@dataclass(frozen=True)
class Parameter:
    """A choice of the user's.

    Attributes:
        name: as in `--set NAME=VALUE`.
        default: its value, lists separated by commas; "" for none.
        help: what it says, one sentence.
        kind: "list" (comma-separated), "text", "hours" (whole number above 0), "zone".
    """

    name: str
    default: str
    help: str
    kind: Literal["list", "text", "hours", "zone"] = "list"


@dataclass(frozen=True)
class Metric:
    """One metric of the catalogue, computed from a fact table of the mapping, or a helper for such a metric.

    Attributes:
        id: of the catalogue, which says what it is: unit, direction, label and points; helpers have ids of their own.
        fact: name of the fact, without the source's name; "" for a ratio.
        agg, column, window_days, where, of, min_days, max_days, ratio, helper: as in `[[formula.metrics]]`.
            `where` is TOML.
        dimension: which dimension it suits, where its group of the catalogue does not say.
        needs: parameter without which it stays a comment.
    """

    id: str
    fact: str = ""
    agg: str = ""
    column: str | None = None
    window_days: int | None = None
    where: str | None = None
    of: str | None = None
    min_days: int | None = None
    max_days: int | None = None
    ratio: tuple[str, str] | None = None
    helper: bool = False
    dimension: str = ""
    needs: str = ""

    @property
    def meaning(self) -> CatalogueMetric:
        """What the catalogue says of it.

        Raises:
            InputError: for a helper, which is in no catalogue.
        """
        return in_catalogue(self.id)

    @property
    def kind(self) -> str:
        """The dimension that it suits, as the catalogue names its groups."""
        return self.dimension or self.meaning.group


@dataclass(frozen=True)
class Fact:
    """One fact table that a mapping makes.

    Attributes:
        name: without the source's name.
        tables: landing tables that it reads.
        build: the query of raw rows: native_key and rule_key (who it belongs to in the source, and the account id
            that the source's own rule gives), several (1 where it belongs to more than one), event_time, fact_key,
            known_time where `known`, and value columns.
        says: what one row is, in a sentence.
        known: whether the rows say when they were known; "choice" when the user may name a column that does.
        optional: it needs tables that not everybody loads, and is made only when asked for.
    """

    name: str
    tables: tuple[str, ...]
    build: Callable[[Asked], str]
    says: str
    known: bool | Literal["choice"] = False
    optional: bool = False


@dataclass(frozen=True)
class Source:
    """A mapping.

    Attributes:
        name, title: as typed, and as written.
        tables: landing table -> columns that are read.
        facts, metrics: what is made.
        rule: how an account is found without an identity table.
        parameters: choices.
        unobtainable: metric or group of metrics -> why the source cannot give it.
        leaks: column -> why it is not read.
        notes: what else one should know.
        accounts: query of an accounts table with parent_id, for `data.accounts`, where the source has one.
    """

    name: str
    title: str
    tables: Mapping[str, tuple[str, ...]]
    facts: tuple[Fact, ...]
    metrics: tuple[Metric, ...]
    rule: str
    parameters: tuple[Parameter, ...] = ()
    unobtainable: Mapping[str, str] = field(default_factory=dict)
    leaks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    accounts: Callable[[Asked], str] | None = None

    def fact(self, name: str) -> Fact:
        """A fact by its name.

        Raises:
            InputError: there is none.
        """
        for fact in self.facts:
            if fact.name == name:
                return fact
        known = [fact.name for fact in self.facts]
        raise InputError(
            f"{self.title} makes no facts named '{name}'; it makes {listed(known)}.",
            fix=did_you_mean(name, known) or "Name one of these.",
        )


@dataclass(frozen=True)
class Identity:
    """Where accounts of several sources are told to be the same.

    Attributes:
        table: table with source, source_key, account_id, valid_from, valid_to; schema and name, or just a name.
        dated: whether it has valid_from and valid_to (inclusive and exclusive; empty is open).
        rules: whether the source's own rule holds for a key that the table does not know.
    """

    table: tuple[str, ...]
    dated: bool = True
    rules: bool = True


@dataclass(frozen=True)
class Asked:
    """A source with the user's choices.

    Attributes:
        source: the mapping.
        dialect: the engine that runs the queries.
        schema: schema of the landing tables; "" for none.
        names: landing table -> its real name, where they differ.
        settings: parameter -> value.
        known_column: column of event tables that says when a row arrived, or None.
        identity: identity table, or None.
    """

    source: Source
    dialect: Dialect
    schema: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    known_column: str | None = None
    identity: Identity | None = None

    def table(self, name: str) -> str:
        """Quoted name of a landing table."""
        real = self.dialect.identifier(self.names.get(name, name))
        return f"{self.dialect.identifier(self.schema)}.{real}" if self.schema else real

    def text_of(self, parameter: str) -> str:
        """Value of a parameter."""
        default = next(one.default for one in self.source.parameters if one.name == parameter)
        return self.settings.get(parameter, default).strip()

    def list_of(self, parameter: str) -> tuple[str, ...]:
        """Values of a parameter that is a list."""
        return tuple(dict.fromkeys(part.strip() for part in self.text_of(parameter).split(",") if part.strip()))

    def known(self, fact: Fact) -> bool:
        """Whether the fact's rows say when they were known."""
        return self.known_column is not None if fact.known == "choice" else fact.known
