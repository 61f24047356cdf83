"""What `churnbench sources ...` does."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from churnbench.cli.terminal import give, say
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export.files import replaced_whole
from churnbench.sources import (
    SOURCES,
    Counted,
    Identity,
    Source,
    asked_for,
    count_identities,
    dialect_of,
    families,
    joint_notes,
    snippet,
    source_named,
    target_of,
    wanted_facts,
)
from churnbench.sources.snippet import fact_name

_WIDTH = 80


def list_sources() -> None:
    """Names, titles and metrics of all mappings."""
    rows = {name: [metric.id for metric in source.metrics if not metric.helper] for name, source in SOURCES.items()}
    lines = [_hung(f"{name:<12}", ", ".join(ids)) for name, ids in rows.items()]
    give("\n".join(lines), sources=rows)


def show(name: str) -> None:
    """Everything about one mapping."""
    source = source_named(name)
    given = {m.id: m.meaning.unit for m in source.metrics if not m.helper}
    parts = [
        source.title,
        _part("Tables and the columns that are read", {t: ", ".join(c) for t, c in source.tables.items()}),
        _part("Facts", {f.name + (" (--with)" if f.optional else ""): f.says for f in source.facts}),
        _part("Metrics", given),
        _part("Metrics with another source", joint_notes(source)),
        _part("Not to be had from it", source.unobtainable),
        _part("Not read, because it leaks", source.leaks),
        _part("Choices (--set)", {f"{p.name}={p.default}": p.help for p in source.parameters}),
        _part("Accounts", {"": source.rule}),
        _part("Notes", {f"{n}.": note for n, note in enumerate(source.notes, 1)}),
    ]
    give("\n\n".join(part for part in parts if part), **_facts_of(source, given))


def _facts_of(source: Source, given: dict[str, str]) -> dict[str, object]:
    return {
        "source": source.name,
        "tables": dict(source.tables),
        "facts": {fact.name: fact.says for fact in source.facts},
        "optional": [fact.name for fact in source.facts if fact.optional],
        "metrics": given,
        "joint": joint_notes(source),
        "unobtainable": dict(source.unobtainable),
        "leaks": dict(source.leaks),
        "settings": {one.name: one.default for one in source.parameters},
        "rule": source.rule,
        "notes": list(source.notes),
    }


def _part(title: str, rows: Mapping[str, str]) -> str:
    if not rows:
        return ""
    return "\n".join([f"{title}:", *(_hung(f"  {key}" + ("  " if key else ""), text) for key, text in rows.items())])


def _hung(head: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent="      ", break_long_words=False)


def add(
    name: str,
    *,
    to: Path | None,
    schema: str | None,
    timezone: str | None,
    tables: Sequence[str],
    settings: Sequence[str],
    optional: Sequence[str],
    also: Sequence[str],
    known: str | None,
    identity: str | None,
    dated: bool,
    rules: bool,
    out: Path | None,
) -> None:
    """Print or write the lines for a project file."""
    project = None if to is None else load_project(to, unfinished=True)
    chosen = _pairs(settings, "--set")
    if timezone is not None:
        chosen["timezone"] = timezone
    asked = asked_for(
        name,
        dialect_of(project.data.database if project else None),
        schema=schema,
        names=_pairs(tables, "--table"),
        settings=chosen,
        known_column=known,
        identity=_identity(identity, dated=dated, rules=rules),
    )
    if project is not None:
        made = {fact_name(asked, fact) for fact in wanted_facts(asked, optional)}
        there = next((fact.name for fact in project.data.facts if fact.name in made), None)
        if there is not None:
            raise InputError(
                f"the project has [[data.facts]] named '{there}' already.",
                file=project.file,
                fix="Take the old lines of this source out first.",
            )
    text = snippet(asked, target_of(project), optional=optional, also=also)
    if out is None:
        give(text, toml=text)
        return
    if out.exists():
        raise InputError("the file is there already.", file=str(out), fix="Name another one, or delete it.")
    with replaced_whole(out) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    say(f"Wrote {out}; put its lines at the end of churnbench.toml.", out=str(out))


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in given:
        key, sign, value = one.partition("=")
        if not sign or not key.strip():
            raise InputError(f"{one!r} is no NAME=VALUE.", column=option, fix=f"Write {option} NAME=VALUE.")
        pairs[key.strip()] = value
    return pairs


def _identity(table: str | None, *, dated: bool, rules: bool) -> Identity | None:
    if table is None:
        if not (dated and rules):
            raise InputError(
                "there is no identity table to say this of.", column="--identity", fix="Add --identity SCHEMA.TABLE."
            )
        return None
    return Identity(tuple(table.split(".")), dated, rules)


def identity(path: Path, *, keys: int) -> None:
    """Count resolved, unresolved and ambiguous events of a project."""
    project = load_project(path, unfinished=True)
    counted, related = count_identities(project), families(project)
    lines = [line for one in counted for line in _counted(one, keys)]
    parents: dict[str, object] | None = None
    if related is not None:
        parents = {"children": related.children, "orphans": len(related.orphans), "circles": len(related.circles)}
        lines.append(
            f"accounts: {related.children:,} have a parent; {len(related.orphans):,} name one that is not there,"
            f" {len(related.circles):,} lead in a circle."
        )
        lines += [f"  no parent  {_plain(child)} -> {_plain(parent)}" for child, parent in related.orphans[:keys]]
        lines += [f"  circle     {_plain(account)}" for account in related.circles[:keys]]
    give("\n".join(lines), facts=[one.as_facts() for one in counted], parents=parents)


def _counted(one: Counted, keys: int) -> list[str]:
    strangers = "" if one.strangers is None else f", {one.strangers:,} found one that data.accounts lacks"
    undated = f", {one.undated:,} have no time" if one.undated else ""
    lines = [
        f"{one.fact}: {one.events:,} events, {one.resolved:,} found an account{strangers},"
        f" {one.unresolved:,} found none, {one.ambiguous:,} found several{undated}."
    ]
    shown = one.keys.head(keys).to_dict("records")
    lines += [f"  {row['status']:<10} {_plain(str(row['source_key']))}  {row['events']:,}" for row in shown]
    if len(one.keys) > keys:
        lines.append(f"  and {len(one.keys) - keys:,} more keys (all with --keys)")
    if one.edited:
        lines.append("  its SQL is no longer what [[sources]] describes; the counts are of the latter")
    return lines


def _plain(key: str) -> str:
    """A key without what would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in key)[:60]
