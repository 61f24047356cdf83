"""The formula a project declares: a preset, overridden and extended by the project file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from churnbench.data.catalogue import catalogue
from churnbench.data.computed import ComputedMetric
from churnbench.data.computed_reader import check_ratios, read_computed
from churnbench.data.formula_extras import extras
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
    base, left_out = _without_dimensions(section, base, file)
    helpers = {metric.id for metric in section.metrics if metric.helper}
    dimensions = _dimensions(section, base, file)
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
    bands = _bands(section, base, file)
    spec = replace(
        base,
        dimensions=_used(dimensions, metrics, file),
        metrics=tuple(metrics.values()),
        bands=bands,
        min_coverage_bp=base.min_coverage_bp if section.min_coverage is None else round(section.min_coverage * 10000),
        segment_weights=_segment_weights(section, base, dimensions, file),
        **extras(section, base, metrics, [name for name, _ in bands], file),
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


def _without_dimensions(section: FormulaSection, base: FormulaSpec, file: str) -> tuple[FormulaSpec, set[str]]:
    """The preset without what `leave_out` names: dimensions with all they hold, and single metrics.

    Returns:
        The preset without those dimensions (an id that is both is a metric), and ids of the metrics to leave out.
    """
    metrics, dimensions = [metric.id for metric in base.metrics], [dimension.id for dimension in base.dimensions]
    for name in section.leave_out:
        if name not in metrics and name not in dimensions:
            raise InputError(
                f"'{name}' is neither a metric nor a dimension of preset '{base.preset}';"
                f" known: {listed([*dimensions, *metrics], 40) or 'none'}.",
                file=file,
                column="formula.leave_out",
                fix=did_you_mean(name, [*metrics, *dimensions]) or "Delete it from the list.",
            )
    gone = {name for name in section.leave_out if name not in metrics}
    left_out = {metric.id for metric in base.metrics if metric.dimension in gone or metric.id in section.leave_out}
    # A metric that the file puts into another dimension stays.
    moved = {m.id for m in section.metrics if m.dimension is not None and m.dimension not in gone}
    weights = {
        segment: {name: weight for name, weight in by_dimension.items() if name not in gone}
        for segment, by_dimension in base.segment_weights.items()
    }
    kept = replace(
        base,
        dimensions=tuple(dimension for dimension in base.dimensions if dimension.id not in gone),
        segment_weights={segment: by for segment, by in weights.items() if sum(by.values()) > 0},
    )
    return kept, left_out - (moved - set(section.leave_out))


def _dimensions(section: FormulaSection, base: FormulaSpec, file: str) -> dict[str, DimensionSpec]:
    dimensions = {dimension.id: dimension for dimension in base.dimensions}
    for declared in section.dimensions:
        before = dimensions.get(declared.id)
        if before is None and declared.weight is None:
            raise InputError(
                "weight is missing.",
                file=file,
                column=f"formula.dimensions {declared.id}",
                fix=did_you_mean(declared.id, dimensions) or "Add weight = 20; it is relative to the other dimensions.",
            )
        label = declared.label or (before.label if before else None)
        weight = declared.weight if declared.weight is not None else before.weight if before else 0.0
        dimensions[declared.id] = DimensionSpec(declared.id, weight, label)
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
    return _merged(declared, dimension, before or _known_quantity(declared, dimension), stated)


def _known_quantity(declared: MetricSection, dimension: str) -> MetricSpec | None:
    """What the catalogue says of a metric that the preset does not have; None when it says nothing.

    A metric that the file computes itself may be in another unit than the catalogue's, so only what it is stays.
    """
    found = catalogue().get(declared.id)
    if found is None:
        return None
    metric = found.as_metric(dimension, 0.0)
    if declared.agg is None and declared.ratio is None:
        return metric
    return replace(metric, normalise=Normaliser(), unit=None)


def _merged(declared: MetricSection, dimension: str, before: MetricSpec | None, stated: dict[str, Any]) -> MetricSpec:
    metric = declared.id
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
