"""What `export` and `verify` do with a weight config; `main` only parses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from churnbench.cli.release_commands import export_bundle
from churnbench.cli.terminal import OUTPUT, give, say
from churnbench.domain.errors import ChurnbenchError, InputError
from churnbench.export import (
    Document,
    EngineResult,
    checked_answers,
    checked_scorer,
    dbt_models,
    kit_of,
    read_answers,
    read_document,
    read_kit,
    to_sql,
    verify,
    verify_kit,
    write_kit,
)
from churnbench.export.files import replaced_whole, write_folder
from churnbench.export.javascript import javascript_bundle

#: Broken rules named one by one.
_NAMED = 8


def export(config: Path, *, to: str, out: Path | None, **options: Any) -> None:
    """Write a config in the form that a consumer reads; options are dialect, table, account_id, details and contact."""
    if to not in _FORMS:
        raise InputError(f"'{to}' cannot be emitted.", column="--to", fix=f"Use one of {', '.join(_FORMS)}.")
    if out is None and to != "sql":
        what = "a file" if to == "kit" else "a folder"
        raise InputError(f"--to {to} writes {what}.", column="--out", fix="Add --out PATH.")
    _FORMS[to](config, out, options)


def _checked(config: Path) -> Document:
    """A config that every reader would accept now: nothing is made from an edited or expired one."""
    document = read_document(config)
    checked_scorer(document, file=str(config))
    return document


def _sql(config: Path, out: Path | None, options: Mapping[str, Any]) -> None:
    document, chosen = _checked(config), {name: options[name] for name in ("account_id", "details")}
    text = to_sql(document, options["dialect"], options["table"], **chosen) + ";"
    if out is None:
        give(text, sql=text)
        return
    with replaced_whole(out) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    say(f"SQL for {options['dialect']}: {out}", out=out, dialect=options["dialect"])


def _javascript(config: Path, out: Path | None, options: Mapping[str, Any]) -> None:  # noqa: ARG001 - one signature
    _folder(javascript_bundle(_checked(config)), out)


def _dbt(config: Path, out: Path | None, options: Mapping[str, Any]) -> None:
    chosen = {name: options[name] for name in ("dialect", "account_id", "details")}
    _folder(dbt_models(_checked(config), options["table"], **chosen), out)


def _folder(texts: Mapping[str, str], out: Path | None) -> None:
    folder = write_folder({name: text.encode("utf-8") for name, text in texts.items()}, out or Path())
    say("\n".join(f"  {folder / name}" for name in texts), out=folder, files=list(texts))


def _kit(config: Path, out: Path | None, options: Mapping[str, Any]) -> None:  # noqa: ARG001 - one signature
    kit = kit_of(_checked(config))
    path = write_kit(kit, out or Path())
    say(f"{len(kit.cases):,} cases: {path}", out=path, cases=len(kit.cases))


def _bundle(config: Path, out: Path | None, options: Mapping[str, Any]) -> None:
    export_bundle(config, out=out or Path(), table=options["table"], contact=options["contact"])


_FORMS: Mapping[str, Callable[[Path, Path | None, Mapping[str, Any]], None]] = {
    "sql": _sql,
    "javascript": _javascript,
    "dbt": _dbt,
    "kit": _kit,
    "bundle": _bundle,
}


def verify_config(config: Path, *, engines: Sequence[str], answers: Path | None) -> None:
    """Compare engines, or the answers of somebody's own scorer; a difference ends with exit code 2."""
    is_kit = config.suffix == ".jsonl"
    if answers is not None:
        kit = read_kit(config) if is_kit else kit_of(_checked(config))
        results = [checked_answers(str(answers), kit, read_answers(answers, cases=len(kit.cases)))]
    else:
        results = verify_kit(read_kit(config), engines) if is_kit else verify(_checked(config), engines)
    for result in results:
        give(_line(result))
    OUTPUT.facts["engines"] = [
        {"engine": r.engine, "cases": r.rows, "differ": len(r.broken), "rules": r.rules} for r in results
    ]
    broken = [result for result in results if not result.ok]
    if broken:
        raise ChurnbenchError(f"{broken[0].engine} does not agree: {broken[0].broken[0]}")


def _line(result: EngineResult) -> str:
    if result.ok:
        return f"  {result.engine:<12} {result.rows:,} cases: equal in {', '.join(result.compared)}"
    rules = list(result.rules.items())
    lines = [f"  {result.engine:<12} {result.rows:,} cases: {len(result.broken):,} differ"]
    lines += [f"  {'':<12} {count:>6,}  {rule}" for rule, count in rules[:_NAMED]]
    if len(rules) > _NAMED:
        lines.append(f"  {'':<12} and {len(rules) - _NAMED} more rules")
    return "\n".join(lines)
