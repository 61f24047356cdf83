"""Which columns of the data feed which metric of the formula."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from churnbench.data.casts import ColumnKind
from churnbench.data.hints import listed
from churnbench.data.project import Project
from churnbench.data.project_formula import SINGLE_DIMENSION
from churnbench.data.readers import Column, Source
from churnbench.data.session import Session
from churnbench.data.sql import identifier, literals
from churnbench.domain.cohort import KEY_COLUMNS
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser

#: Columns that describe an account and are no metrics unless they are declared as such.
ATTRIBUTES = frozenset(
    {
        "account_id",
        "as_of",
        "started_on",
        "renewal_on",
        "segment",
        "arr",
        "csm",
        "industry",
        "channel",
        "tier",
    }
)
#: From this share of numbers on, a column with other text is a number column with mistakes.
_MOSTLY = 0.9


@dataclass(frozen=True)
class Inputs:
    """The formula fitted to the data that are there.

    Attributes:
        formula: without metrics that have no column.
        columns: what to read; targets are metric ids, denominators keep their name, parts of ratios start
            with @.
        ratios: metric id -> targets of numerator and denominator.
        extra: denominators that the formula needs beside its metrics.
        warnings: what was left out.
    """

    formula: FormulaSpec
    columns: tuple[Column, ...] = ()
    ratios: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def kind_of(metric: MetricSpec) -> ColumnKind:
    """How the metric's cells are read."""
    kinds: dict[str, ColumnKind] = {"category": "text", "boolean": "boolean"}
    return kinds.get(metric.normalise.kind, "number")


def inputs_of_table(session: Session, project: Project, source: Source, reserved: Sequence[str]) -> Inputs:
    """Match the formula with the columns of a snapshot table or a single table.

    Args:
        session: the DuckDB session.
        project: the project.
        source: the opened table.
        reserved: columns that have another role here and cannot become a metric by themselves.

    Returns:
        What to read, and the formula that remains.

    Raises:
        InputError: a declared metric has no column (with the nearest name), or nothing is left at all.
    """
    if not project.formula.metrics:
        return _proposed(session, project, source, reserved)
    names = project.declared.columns
    ratios = {m.id: m.ratio for m in project.declared.computed if m.ratio is not None}
    present = [
        metric
        for metric in project.formula.metrics
        if metric.id in project.declared.declared
        or metric.id in ratios
        or names.get(metric.id, metric.id) in source.columns
    ]
    formula, warnings = without_absent(project.formula, present, source.label)
    columns: list[Column] = []
    for metric in present:
        if metric.id not in ratios:
            missing = project.data.missing_text if kind_of(metric) == "text" else project.data.missing
            name = names.get(metric.id, metric.id)
            columns.append(Column(name, kind_of(metric), metric.id, missing=missing))
    used = {metric.id: ratios[metric.id] for metric in present if metric.id in ratios}
    parts = dict.fromkeys(part for pair in used.values() for part in pair)
    columns += [Column(names.get(p, p), "number", f"@{p}", missing=project.data.missing) for p in parts]
    extra = denominators(formula)
    columns += [Column(name, "number", name, missing=project.data.missing) for name in extra]
    return Inputs(formula, tuple(columns), {k: (f"@{a}", f"@{b}") for k, (a, b) in used.items()}, extra, warnings)


def denominators(formula: FormulaSpec) -> tuple[str, ...]:
    """Columns that a ratio normaliser divides by and that are neither metrics nor key columns."""
    ids = {metric.id for metric in formula.metrics} | set(KEY_COLUMNS)
    found = (metric.normalise.params.get("denominator") for metric in formula.metrics)
    return tuple(dict.fromkeys(str(name) for name in found if name is not None and name not in ids))


def without_absent(
    formula: FormulaSpec, present: Sequence[MetricSpec], label: str
) -> tuple[FormulaSpec, tuple[str, ...]]:
    """The formula without a preset's metrics that the data do not have.

    Raises:
        InputError: no metric is left.
    """
    kept = {metric.id for metric in present}
    absent = [metric.id for metric in formula.metrics if metric.id not in kept]
    if not absent:
        return formula, ()
    if not kept or not any(metric.weight > 0 for metric in present):
        raise InputError(
            f"none of the metrics of preset '{formula.preset}' is there; expected columns such as"
            f" {listed(absent, 30)}.",
            file=label,
            fix='Name your columns so, or declare: [[formula.metrics]] id = "logins", column = "Logins".',
        )
    in_use = {metric.dimension for metric in present if metric.weight > 0}
    dimensions = tuple(d for d in formula.dimensions if d.id in in_use)
    weights = {
        segment: {name: weight for name, weight in by_dimension.items() if name in in_use}
        for segment, by_dimension in formula.segment_weights.items()
    }
    warning = (
        f"{len(absent)} of {len(formula.metrics)} metrics of preset '{formula.preset}' are not in {label}"
        f" and are left out: {listed(absent, 30)}."
    )
    reduced = replace(
        formula,
        dimensions=dimensions,
        metrics=tuple(metric for metric in present if metric.dimension in in_use),
        segment_weights={segment: by for segment, by in weights.items() if sum(by.values()) > 0},
    )
    return reduced, (warning,)


def _proposed(session: Session, project: Project, source: Source, reserved: Sequence[str]) -> Inputs:
    """Every numeric column as a metric of one dimension; directions are proposed later.

    In the order of their names: trees draw columns by position, and a formula must not change with a file's layout.
    """
    roles = ATTRIBUTES | {project.segment_column, project.value_column, *reserved}
    candidates = sorted(name for name in source.columns if name not in roles)
    clash = [name for name in candidates if name in KEY_COLUMNS]
    found, other = _numeric(session, source, [c for c in candidates if c not in clash], project.data.missing)
    warnings = []
    if clash:
        warnings.append(
            f"{source.label}: columns named like a column of every cohort are left out: {listed(clash)}."
            f' To use one, declare it: id = "{clash[0]}_metric", column = "{clash[0]}".'
        )
    if other:
        warnings.append(
            f"{source.label}: columns that are no numbers are left out: {listed(other, 30)}."
            ' Declare those that count with normalise = { kind = "boolean" } or "category".'
        )
    if not found:
        raise InputError(
            f"there is no numeric column beside {listed(sorted(roles & set(source.columns)))}.",
            file=source.label,
            fix="Add metric columns, or declare [[formula.metrics]].",
        )
    ids = _identifiers(found)
    renamed = [f"{name} -> {id_}" for name, id_ in ids.items() if name != id_]
    if renamed:
        warnings.append(f"{source.label}: columns are renamed to be usable as identifiers: {listed(renamed, 30)}.")
    flags = [name for name in found if source.stored_as(name) == "BOOLEAN"]
    metrics = tuple(
        MetricSpec(
            ids[name],
            SINGLE_DIMENSION,
            1.0,
            direction_proposed=True,
            normalise=Normaliser("boolean" if name in flags else "quantile"),
        )
        for name in found
    )
    formula = replace(project.formula, dimensions=(DimensionSpec(SINGLE_DIMENSION, 100.0),), metrics=metrics)
    columns = tuple(
        Column(name, kind_of(metric), metric.id, missing=project.data.missing)
        for name, metric in zip(found, metrics, strict=True)
    )
    return Inputs(formula, columns, warnings=tuple(warnings))


def _numeric(
    session: Session, source: Source, names: Sequence[str], missing: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    """Columns that hold numbers, and those that do not; empty columns are neither."""
    text = [name for name in names if source.stored_as(name) == "VARCHAR"]
    counted = _number_counts(session, source, text, missing)
    numbers: list[str] = []
    other: list[str] = []
    for name in names:
        if name not in counted:
            stored = source.stored_as(name)
            is_number = re.fullmatch(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL.*|BOOLEAN)", stored)
            (numbers if is_number else other).append(name)
        elif counted[name][0]:
            filled, numeric = counted[name]
            (numbers if numeric >= _MOSTLY * filled else other).append(name)
    return numbers, other


def _number_counts(
    session: Session, source: Source, names: Sequence[str], missing: tuple[str, ...]
) -> dict[str, tuple[int, int]]:
    totals = dict.fromkeys(names, (0, 0))
    for file in source.files if names else ():
        cells = [f"trim({identifier(file.stored[name][0])})" for name in names if name in file.stored]
        asked = ", ".join(
            f"count(*) FILTER (WHERE {cell} NOT IN {literals(missing)}),"
            f" count(*) FILTER (WHERE {cell} NOT IN {literals(missing)}"
            f" AND TRY_CAST({cell} AS DOUBLE) IS NOT NULL)"
            for cell in cells
        )
        row = session.connection.execute(f"SELECT {asked} FROM {file.scan}").fetchall()[0]
        for k, name in enumerate(name for name in names if name in file.stored):
            totals[name] = (totals[name][0] + row[2 * k], totals[name][1] + row[2 * k + 1])
    return totals


def _identifiers(names: Sequence[str]) -> dict[str, str]:
    """An identifier for every column name, equal to it where possible."""
    taken: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:55] or "metric"
        base = f"m_{base}" if base[0].isdigit() else base
        base = name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name) else base
        candidate, number = base, 2
        while candidate in taken.values() or (candidate != name and candidate in names):
            candidate, number = f"{base}_{number}", number + 1
        taken[name] = candidate
    return taken
