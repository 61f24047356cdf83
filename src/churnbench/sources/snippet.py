"""The lines for `churnbench.toml`: what was chosen, the fact tables with their SQL, the metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnbench.data.hints import did_you_mean, listed
from churnbench.data.presets import load_preset
from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec, Normaliser
from churnbench.sources.joint import joint_of, offers
from churnbench.sources.model import Asked, Fact, Metric
from churnbench.sources.registry import wanted_facts
from churnbench.sources.resolve import fact_sql

#: Where a metric goes in a formula that has no dimension of its kind, in order of preference.
_KIN: Mapping[str, tuple[str, ...]] = {
    "usage": ("usage", "adoption"),
    "engagement": ("engagement", "relationship"),
    "sentiment": ("sentiment", "relationship", "support"),
    "support": ("support", "sentiment"),
    "financial": ("financial", "contract", "growth"),
    "growth": ("growth", "financial", "contract"),
}


@dataclass(frozen=True)
class Target:
    """What the lines are written for.

    Attributes:
        formula: the formula as it is now.
        taken: metric id -> why it stays a comment: it is computed already.
        stated: ids of metrics of the formula that the project file has a section of; a second one would be refused.
        lacks: what has to be changed under `[data]` for the lines to be read, one sentence each.
    """

    formula: FormulaSpec
    taken: Mapping[str, str]
    stated: frozenset[str] = frozenset()
    lacks: tuple[str, ...] = ()


def target_of(project: Project | None) -> Target:
    """The formula of a project; of the default preset without one."""
    if project is None:
        return Target(load_preset("four-dimensions"), {}, lacks=(_DATABASE, _HISTORY))
    taken = {one.id: f"already computed from {one.source or 'two metrics'}" for one in project.declared.computed}
    return Target(project.formula, taken, project.declared.declared - set(taken), _lacks(project))


#: What the lines need under [data].
_DATABASE = 'name the database: database = "book.duckdb", "sqlite:book.db" or "postgresql://..."'
_HISTORY = "take out snapshots or table if there is one: these facts replace it"


def _lacks(project: Project) -> tuple[str, ...]:
    data = project.data
    other = next((name for name in ("snapshots", "table") if getattr(data, name) is not None), None)
    history = () if other is None else (f"take out the line {other} = ...: these facts replace it",)
    return (() if data.database else (_DATABASE,)) + history


def snippet(asked: Asked, target: Target, *, optional: Sequence[str] = (), also: Sequence[str] = ()) -> str:
    """Lines to put at the end of a project file.

    Args:
        asked: the mapping with the user's choices.
        target: the formula that the metrics go into.
        optional: optional facts to make.
        also: metrics to declare although the formula does not have them yet.

    Returns:
        TOML. A metric of the formula is declared; every other one is a comment, with weight and dimension to
        choose, for a formula is the user's to write.

    Raises:
        InputError: an optional fact or a metric that the source does not give.
    """
    facts = wanted_facts(asked, optional)
    source = asked.source
    blocks = [
        f"# ---- {source.title}: written by `churnbench sources add {source.name}`.\n"
        f"# {source.rule}.\n"
        + "".join(f"# {note}\n" for note in source.notes)
        + "".join(f"# Under [data] {change}.\n" for change in target.lacks),
        _choices(asked, optional),
        _accounts(asked),
        *(_fact(asked, fact) for fact in facts),
        *_left_out(asked, facts),
        *_metrics(asked, facts, target, also),
        "".join(f"# Not to be had: {name}: {why}.\n" for name, why in source.unobtainable.items()),
    ]
    return "\n".join(block for block in blocks if block)


def quoted(text: str) -> str:
    """A TOML basic string on one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\u{ord(sign.group()):04x}", escaped) + '"'


def long_quoted(text: str) -> str:
    """A TOML string over several lines; it ends with a line break, so that no quote meets the closing ones."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{escaped}\n"""'


def _choices(asked: Asked, optional: Sequence[str]) -> str:
    lines = ["[[sources]]", f"name = {quoted(asked.source.name)}", f"schema = {quoted(asked.schema)}"]
    if asked.names:
        lines.append("tables = " + _table(asked.names))
    if asked.settings:
        lines.append("settings = " + _table(asked.settings))
    if asked.known_column:
        lines.append(f"known = {quoted(asked.known_column)}")
    if optional:
        lines.append(f"optional = [{', '.join(quoted(name) for name in optional)}]")
    if asked.identity is not None:
        one = asked.identity
        table = ", ".join(quoted(part) for part in one.table)
        switches = f"dated = {str(one.dated).lower()}, rules = {str(one.rules).lower()}"
        lines.append(f"identity = {{ table = [{table}], {switches} }}")
    lines += [
        f"# {one.name}: {one.help} Now {quoted(asked.text_of(one.name))}; other: --set {one.name}=..."
        for one in asked.source.parameters
    ]
    return "\n".join(lines) + "\n"


def _table(entries: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in entries.items()) + " }"


def _accounts(asked: Asked) -> str:
    if asked.source.accounts is None:
        return ""
    return (
        "# Under [data], unless you have such a table: attributes as they are now, and whose child an account is.\n"
        f"# accounts = {{ sql = {quoted(asked.source.accounts(asked))} }}\n"
    )


def fact_name(asked: Asked, fact: Fact) -> str:
    """Name of the fact table in the project file."""
    return f"{asked.source.name}_{fact.name}"


def _fact(asked: Asked, fact: Fact) -> str:
    known = 'known_time = "known_time"\n' if asked.known(fact) else ""
    return (
        f'[[data.facts]]  # one row: {fact.says}\nname = "{fact_name(asked, fact)}"\naccount = "account_id"\n'
        f'event_time = "event_time"\n{known}deduplicate = "fact_key"\nsql = {long_quoted(fact_sql(asked, fact))}\n'
    )


def _left_out(asked: Asked, facts: Iterable[Fact]) -> list[str]:
    made = list(facts)
    return [
        f"# --with {fact.name} also makes: {fact.says} (needs {', '.join(fact.tables)}).\n"
        for fact in asked.source.facts
        if fact not in made
    ]


def _metrics(asked: Asked, facts: Sequence[Fact], target: Target, also: Sequence[str]) -> list[str]:
    alone = possible(asked, facts)
    joint, waiting = _joint(alone, asked, target)
    available = [*alone, *joint]
    for name in also:
        _require(name, asked, [metric.id for metric in (*available, *waiting)], target)
    in_formula = {metric.id for metric in target.formula.metrics}
    wanted = {*in_formula, *also} - set(target.taken)
    declared = [metric for metric in available if not metric.helper and metric.id in wanted]
    # The part of a metric that another source will complete is computed from now on.
    to_come = [metric for metric in waiting if metric.id in wanted]
    needed = {part for metric in (*declared, *to_come) for part in metric.ratio or ()} - set(target.taken)
    blocks = []
    for metric in available:
        live = metric in declared or metric.id in needed
        # Another source's helper of the same name measures something else: the ratio would mix the two.
        if metric in alone and metric.ratio and any(part in target.taken for part in metric.ratio):
            live = False
        # What is there only for a ratio's sake must not enter the formula.
        helper = metric.helper or (metric.id in needed and metric not in declared)
        text = _metric(asked, metric, target, in_formula=metric.id in in_formula, helper=helper)
        head = ""
        if metric.id in target.taken:
            head = f"# {metric.id}: {target.taken[metric.id]}; kept as a comment.\n"
        elif metric.id in target.stated:
            head = f"# {metric.id}: the file has it; put what it lacks of these lines under its id there.\n"
            live = False
        blocks.append(head + (text if live else _commented(text)))
    others = dict(joint_of(asked.source))
    told = [f"# {m.id} needs {others[m]} too: it comes with the lines of {offers(others[m])}.\n" for m in waiting]
    return [*blocks, *told]


def _joint(alone: Sequence[Metric], asked: Asked, target: Target) -> tuple[list[Metric], list[Metric]]:
    """Metrics that this source completes with what the project has already, and those that still need another one."""
    ids, taken = {metric.id for metric in alone} - set(target.taken), target.taken
    found: list[Metric] = []
    waiting: list[Metric] = []
    for metric, other in joint_of(asked.source):
        if ids & set(metric.ratio or ()) and metric.id not in taken:
            (found if other in taken else waiting).append(metric)
    return found, waiting


def _require(name: str, asked: Asked, available: Sequence[str], target: Target) -> None:
    if name not in available:
        raise InputError(
            f"{asked.source.title} as chosen does not give '{name}'; it gives {listed(available, 30)}.",
            column=name,
            fix=did_you_mean(name, available) or f"`churnbench sources show {asked.source.name}` says what it needs.",
        )
    if name in target.taken:
        raise InputError(f"'{name}' is {target.taken[name]}.", column=name, fix="Delete the other one first.")


def possible(asked: Asked, facts: Sequence[Fact]) -> list[Metric]:
    """Metrics that the chosen facts and settings allow, parts of ratios before the ratios."""
    made = {fact.name for fact in facts}
    found: dict[str, Metric] = {}
    for metric in asked.source.metrics:
        if metric.needs and not asked.list_of(metric.needs):
            continue
        if all(part in found for part in metric.ratio) if metric.ratio else metric.fact in made:
            found[metric.id] = metric
    return list(found.values())


def _metric(asked: Asked, metric: Metric, target: Target, *, in_formula: bool, helper: bool) -> str:
    lines = ["[[formula.metrics]]", f'id = "{metric.id}"']
    if helper:
        lines.append("helper = true")
    elif not in_formula:
        meaning = metric.meaning
        lines += [
            f'dimension = "{_dimension(metric, target)}"',
            "weight = 10",
            f'direction = "{meaning.direction}"',
            f"unit = {quoted(meaning.unit)}",
            f"label = {quoted(meaning.label)}",
            f"normalise = {_rule(meaning.normalise)}",
        ]
    if metric.ratio:
        lines.append(f'ratio = ["{metric.ratio[0]}", "{metric.ratio[1]}"]')
    else:
        lines += [f'source = "{asked.source.name}_{metric.fact}"', f'agg = "{metric.agg}"']
        lines += [f'{key} = "{value}"' for key, value in (("column", metric.column), ("of", metric.of)) if value]
        days = (("window_days", metric.window_days), ("min_days", metric.min_days), ("max_days", metric.max_days))
        lines += [f"{key} = {count}" for key, count in days if count]
        lines += [f"where = {metric.where}"] if metric.where else []
    return "\n".join(lines) + "\n"


def _rule(normalise: Normaliser) -> str:
    """The catalogue's points: a mapping computes the quantity in the catalogue's own unit."""
    return "{ " + ", ".join([f'kind = "{normalise.kind}"', *(f"{k} = {v}" for k, v in normalise.params.items())]) + " }"


def _dimension(metric: Metric, target: Target) -> str:
    known = [dimension.id for dimension in target.formula.dimensions]
    return next((name for name in _KIN[metric.kind] if name in known), known[0] if known else metric.kind)


def _commented(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())
