"""The formula a project declares: a preset, overridden and extended by the project file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from churnbench.data.computed import ComputedMetric
from churnbench.data.computed_reader import check_ratios, read_computed
from churnbench.data.hints import did_you_mean, listed
from churnbench.data.normalisers import read_normaliser
from churnbench.data.presets import PRESETS, load_preset
from churnbench.data.sections import FormulaSection, MetricSection
from churnbench.domain.cohort import KEY_COLUMNS
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser

#: Dimension of metrics in a project that declares no dimensions.
SINGLE_DIMENSION = "all"
#: Normalisers whose points are taken literally: a direction would say nothing.
LITERAL = frozenset({"piecewise", "category"})


@dataclass(frozen=True)
class DeclaredFormula:
    """What `[formula]` says.

    Attributes:
        spec: the formula; empty (no metrics) when every numeric column shall become a metric.
        computed: metrics computed from facts or as ratios, helpers included.
        columns: metric id -> column of the data, where the two differ.
        declared: ids that the project file itself names: these must exist, a preset's may be absent.
    """

    spec: FormulaSpec
    computed: tuple[ComputedMetric, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()


def resolve_formula(
    section: FormulaSection, *, sources: Sequence[str], lookback_days: int, file: str
) -> DeclaredFormula:
    """Merge preset and project file.

    Args:
        section: `[formula]` as read.
        sources: names of the fact tables; empty for snapshots and single tables.
        lookback_days: default window of computed metrics.
        file: name of the project file, for messages.

    Returns:
        The merged formula. Same ids override field by field, new ids are appended in the order of the file.

    Raises:
        InputError: unknown preset, dimension or parameter; something missing; a contradiction.
    """
    base = _preset(section)
    _no_duplicates(section, file)
    left_out = _left_out(section, base, file)
    helpers = {metric.id for metric in section.metrics if metric.helper}
    dimensions = _dimensions(section, base)
    metrics = {metric.id: metric for metric in base.metrics if metric.id not in left_out}
    for declared in section.metrics:
        if declared.id not in helpers:
            metrics[declared.id] = _metric(declared, metrics.get(declared.id), dimensions, file)
    if metrics and not dimensions:
        dimensions = {SINGLE_DIMENSION: DimensionSpec(SINGLE_DIMENSION, 100.0)}
    found = [(m.id, read_computed(m, sources=sources, lookback_days=lookback_days, file=file)) for m in section.metrics]
    computed = tuple(one for _, one in found if one is not None)
    check_ratios(computed, in_facts=bool(sources), file=file)
    _all_computed(found, in_facts=bool(sources), file=file)
    spec = replace(
        base,
        dimensions=_used(dimensions, metrics, file),
        metrics=tuple(metrics.values()),
        bands=_bands(section, base, file),
        min_coverage_bp=base.min_coverage_bp if section.min_coverage is None else round(section.min_coverage * 10000),
        segment_weights=_segment_weights(section, base, dimensions, file),
    )
    plain = {m.id: m.column for m in section.metrics if m.column and m.source is None}
    return DeclaredFormula(spec, computed, plain, frozenset(m.id for m in section.metrics if not m.helper))


def _preset(section: FormulaSection) -> FormulaSpec:
    own = section.dimensions or section.metrics
    name = section.preset or ("none" if own else PRESETS[0])
    return FormulaSpec(dimensions=(), metrics=()) if name == "none" else load_preset(name)


def _no_duplicates(section: FormulaSection, file: str) -> None:
    for kind, ids in (
        ("dimensions", [dimension.id for dimension in section.dimensions]),
        ("metrics", [metric.id for metric in section.metrics]),
    ):
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice is not None:
            raise InputError(
                f"'{twice}' is declared twice.", file=file, column=f"formula.{kind}", fix="Keep one of them."
            )
    taken = next((metric.id for metric in section.metrics if metric.id in KEY_COLUMNS), None)
    if taken is not None:
        raise InputError(
            f"'{taken}' is the name of a column that every cohort has and cannot be a metric's id.",
            file=file,
            column="formula.metrics",
            fix=f'Write id = "{taken}_metric" and column = "{taken}".',
        )


def _left_out(section: FormulaSection, base: FormulaSpec, file: str) -> set[str]:
    known = [metric.id for metric in base.metrics]
    for name in section.leave_out:
        if name not in known:
            raise InputError(
                f"'{name}' is not a metric of preset '{base.preset}'; known: {listed(known, 40) or 'none'}.",
                file=file,
                column="formula.leave_out",
                fix=did_you_mean(name, known) or "Delete it from the list.",
            )
    return set(section.leave_out)


def _dimensions(section: FormulaSection, base: FormulaSpec) -> dict[str, DimensionSpec]:
    dimensions = {dimension.id: dimension for dimension in base.dimensions}
    for declared in section.dimensions:
        before = dimensions.get(declared.id)
        label = declared.label or (before.label if before else None)
        dimensions[declared.id] = DimensionSpec(declared.id, declared.weight, label)
    return dimensions


def _metric(
    declared: MetricSection, before: MetricSpec | None, dimensions: Mapping[str, DimensionSpec], file: str
) -> MetricSpec:
    place = f"formula.metrics {declared.id}"
    rule = None
    if declared.normalise is not None:
        rule = read_normaliser(declared.normalise, metric=declared.id, file=file)
    dimension = declared.dimension or (before.dimension if before else None)
    if dimension is None and not dimensions:
        dimension = SINGLE_DIMENSION
    if (
        dimension is None
        or (dimensions and dimension not in dimensions)
        or (not dimensions and dimension != SINGLE_DIMENSION)
    ):
        what = "dimension is missing" if dimension is None else f"'{dimension}' is not a declared dimension"
        raise InputError(
            f"{what}; dimensions are {listed(dimensions) or 'none'}.",
            file=file,
            column=place,
            fix=did_you_mean(dimension or "", dimensions) or "Declare it under [[formula.dimensions]].",
        )
    if before is None and declared.weight is None:
        raise InputError(
            "weight is missing.",
            file=file,
            column=place,
            fix="Add weight = 10; it is relative within its dimension.",
        )
    stated = {
        key: value
        for key in ("weight", "direction", "leading", "missing", "neutral", "unit", "label")
        if (value := getattr(declared, key)) is not None
    }
    if rule is not None:
        stated["normalise"] = rule
    return _merged(declared.id, dimension, before, stated)


def _merged(metric: str, dimension: str, before: MetricSpec | None, stated: dict[str, Any]) -> MetricSpec:
    if before is not None:
        return replace(before, dimension=dimension, **stated)
    kind = stated.get("normalise", Normaliser()).kind
    proposed = "direction" not in stated and kind not in LITERAL
    return MetricSpec(metric, dimension, float(stated.pop("weight")), direction_proposed=proposed, **stated)


def _all_computed(found: Sequence[tuple[str, ComputedMetric | None]], *, in_facts: bool, file: str) -> None:
    bare = [metric for metric, computed in found if computed is None]
    if in_facts and bare:
        raise InputError(
            f"{listed(bare)}: with [[data.facts]] a metric says how it is computed.",
            file=file,
            column="formula.metrics",
            fix='Add source = "NAME", agg = "count" (or another aggregate) and window_days = 30.',
        )


def _used(
    dimensions: Mapping[str, DimensionSpec], metrics: Mapping[str, MetricSpec], file: str
) -> tuple[DimensionSpec, ...]:
    if not metrics:
        return tuple(dimensions.values())
    for dimension in dimensions.values():
        weights = [metric.weight for metric in metrics.values() if metric.dimension == dimension.id]
        if weights and sum(weights) <= 0:
            raise InputError(
                f"all metrics of dimension '{dimension.id}' have weight 0.",
                file=file,
                column="formula.metrics",
                fix="Give at least one a positive weight, or leave the dimension out.",
            )
    used = tuple(d for d in dimensions.values() if any(m.dimension == d.id for m in metrics.values()))
    empty = [d.id for d in dimensions.values() if d not in used and d.weight > 0]
    if empty:
        raise InputError(
            f"dimension '{empty[0]}' has no metric.",
            file=file,
            column="formula.dimensions",
            fix="Add a metric to it, or delete the dimension (weight = 0 switches off a preset's).",
        )
    if sum(dimension.weight for dimension in used) <= 0:
        raise InputError(
            "all dimensions have weight 0.", file=file, column="formula.dimensions", fix="Give one a weight."
        )
    return used


def _bands(section: FormulaSection, base: FormulaSpec, file: str) -> tuple[tuple[str, float], ...]:
    if section.bands is None:
        return base.bands
    pairs = [(name, start) for name, start in section.bands]
    starts = [start for _, start in pairs]
    good = (
        len(pairs) >= 2
        and all(isinstance(name, str) and isinstance(start, float) for name, start in pairs)
        and starts == sorted(set(starts), key=float)
        and float(starts[0]) == 0
        and float(starts[-1]) <= 100
        and len({name for name, _ in pairs}) == len(pairs)
    )
    if not good:
        raise InputError(
            f"{pairs} are no bands: expected at least two [name, lowest score], ascending from 0, below 100.",
            file=file,
            column="formula.bands",
            fix='For example bands = [["red", 0], ["yellow", 60], ["green", 80]].',
        )
    return tuple((str(name), float(start)) for name, start in pairs)


def _segment_weights(
    section: FormulaSection, base: FormulaSpec, dimensions: Mapping[str, DimensionSpec], file: str
) -> Mapping[str, Mapping[str, float]]:
    if section.segment_weights is None:
        return base.segment_weights
    for segment, weights in section.segment_weights.items():
        unknown = next((name for name in weights if name not in dimensions), None)
        if unknown is not None or sum(weights.values()) <= 0:
            raise InputError(
                f"'{unknown}' is not a dimension; those are {listed(dimensions)}."
                if unknown
                else "the weights sum to 0.",
                file=file,
                column=f"formula.segment_weights.{segment}",
                fix=did_you_mean(unknown or "", dimensions) or "Correct the table.",
            )
    return section.segment_weights
