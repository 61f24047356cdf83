"""Every mapping by its name, and a user's choices checked against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from churnbench.data.hints import did_you_mean, listed
from churnbench.domain.errors import InputError
from churnbench.sources.dialects import checked_zone
from churnbench.sources.hubspot import HUBSPOT
from churnbench.sources.intercom import INTERCOM
from churnbench.sources.model import Asked, Fact, Identity, Parameter, Source
from churnbench.sources.pendo import PENDO
from churnbench.sources.product_events import AMPLITUDE, MIXPANEL
from churnbench.sources.salesforce import SALESFORCE
from churnbench.sources.spelling import Dialect
from churnbench.sources.surveys import DELIGHTED, QUALTRICS
from churnbench.sources.zendesk import ZENDESK

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (SALESFORCE, HUBSPOT, ZENDESK, INTERCOM, AMPLITUDE, MIXPANEL, PENDO, DELIGHTED, QUALTRICS)
}
#: A whole year of hours: a promise beyond it is a typing error.
_MOST_HOURS = 8760


def source_named(name: str) -> Source:
    """A mapping by its name.

    Raises:
        InputError: there is none of that name.
    """
    found = SOURCES.get(name.strip().lower())
    if found is None:
        raise InputError(
            f"'{name}' is no known source; known are {listed(SOURCES)}.",
            fix=did_you_mean(name, SOURCES) or "For another system write [[data.facts]] with sql yourself.",
        )
    return found


def asked_for(
    name: str,
    dialect: Dialect,
    *,
    schema: str | None = None,
    names: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    known_column: str | None = None,
    identity: Identity | None = None,
) -> Asked:
    """A mapping with checked choices.

    Args:
        name: of the source.
        dialect: engine that runs the queries.
        schema: of the landing tables; None takes the source's name, "" none.
        names: landing table -> its real name, where they differ.
        settings: parameter -> value.
        known_column: column of event tables that says when a row arrived.
        identity: identity table, if there is one.

    Raises:
        InputError: an unknown source, table or parameter, or a value that cannot be used.
    """
    source = source_named(name)
    renamed, chosen = dict(names or {}), dict(settings or {})
    _known_words(source, "table", renamed, source.tables)
    _known_words(source, "setting", chosen, [one.name for one in source.parameters])
    for parameter in source.parameters:
        if parameter.name in chosen:
            _check(source, parameter, chosen[parameter.name])
    if known_column is not None and not any(fact.known == "choice" for fact in source.facts):
        raise InputError(
            f"{source.title} rows have no arrival column to name: each is dated by when it became known.",
            column="known",
            fix="Leave --known out.",
        )
    asked = Asked(source, dialect, source.name if schema is None else schema, renamed, chosen, known_column, identity)
    for table in source.tables:
        asked.table(table)  # refuses names that no engine can hold
    return asked


def _known_words(source: Source, what: str, given: Iterable[str], known: Iterable[str]) -> None:
    for word in given:
        if word not in known:
            raise InputError(
                f"{source.title} has no {what} '{word}'; it has {listed(known, 20) or 'none'}.",
                column=word,
                fix=did_you_mean(word, known) or f"`churnbench sources show {source.name}` lists them.",
            )


def _check(source: Source, parameter: Parameter, value: str) -> None:
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        raise InputError(f"{value!r} holds a control character.", column=parameter.name, fix="Remove it.")
    if parameter.kind == "zone":
        checked_zone(value.strip())
    if parameter.kind == "hours" and not (
        value.strip().isascii() and value.strip().isdigit() and 0 < int(value) <= _MOST_HOURS
    ):
        raise InputError(
            f"{value!r} is no number of hours from 1 to {_MOST_HOURS}.", column=parameter.name, fix="Write 24."
        )
    if parameter.kind == "text" and parameter.default and not value.strip():
        raise InputError(
            f"{source.title} needs a value for {parameter.name}.",
            column=parameter.name,
            fix=f"Leave it out for {parameter.default!r}.",
        )


def wanted_facts(asked: Asked, extra: Iterable[str] = ()) -> tuple[Fact, ...]:
    """Facts that are made: all that need only common tables, and the optional ones asked for.

    Raises:
        InputError: an optional fact that the source does not have.
    """
    chosen = [asked.source.fact(name) for name in extra]
    return tuple(fact for fact in asked.source.facts if not fact.optional or fact in chosen)
