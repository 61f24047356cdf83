"""What stands around the metrics of a hand formula: caps, ramp, motions of bands, typical ranges, risk factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from churnbench.data.catalogue import catalogue
from churnbench.data.hints import did_you_mean, listed
from churnbench.data.sections import CapSection, FormulaSection, RampSection, RiskFactorSection
from churnbench.domain.cohort import KEY_COLUMNS
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import CapSpec, FormulaSpec, MetricSpec, RampSpec, RiskFactor

#: Columns of every cohort that a cap or a ramp may read beside the formula's metrics.
READABLE = ("segment", "arr", "days_to_renewal", "days_since_start")
#: Severity that takes a factor out of a preset's register.
OFF = "off"
#: Points of a severity where neither preset nor project states any.
SEVERITY_POINTS: Mapping[str, float] = {"critical": 40.0, "very high": 30.0, "high": 20.0, "medium": 10.0, "low": 5.0}


def extras(
    section: FormulaSection, base: FormulaSpec, metrics: Mapping[str, MetricSpec], bands: Sequence[str], file: str
) -> dict[str, Any]:
    """Fields of a `FormulaSpec` beside dimensions and metrics.

    Args:
        section: `[formula]` as read.
        base: the preset.
        metrics: metrics of the merged formula by id.
        bands: names of its bands.
        file: name of the project file, for messages.

    Raises:
        InputError: for a cap, ramp, motion or risk factor that cannot hold.
    """
    return {
        "caps": _caps(section.caps, metrics, file),
        "ramp": base.ramp if section.ramp is None else _ramp(section.ramp, metrics, file),
        "motions": _motions(section, base, bands, file),
        "typical_ranges": _ranges(section, base, file),
        "risk_factors": _risk_factors(section, base, metrics, file),
        "severity_points": _severity_points(section, base) if base.risk_factors or section.risk_factors else {},
    }


def formula_notes(spec: FormulaSpec) -> tuple[str, ...]:
    """Sentences about a formula that its owner should read: weights out of the usual, parts that calibration leaves."""
    return (*_range_notes(spec), *_policy_notes(spec))


def _range_notes(spec: FormulaSpec) -> list[str]:
    total = sum(dimension.weight for dimension in spec.dimensions)
    notes = []
    for dimension in spec.dimensions:
        low, high = spec.typical_ranges.get(dimension.id, (0.0, 100.0))
        share = 100 * dimension.weight / total if total else 0.0
        if not low - 1e-9 <= share <= high + 1e-9:
            name = dimension.label or dimension.id
            notes.append(f"{name} weighs {share:.1f} % of the formula; typical are {low:g} to {high:g} %.")
    return notes


def _policy_notes(spec: FormulaSpec) -> list[str]:
    parts = [name for name, there in (("caps", spec.caps), ("the ramp", spec.ramp)) if there]
    if not parts:
        return []
    return [
        f"{' and '.join(parts)[:1].upper()}{' and '.join(parts)[1:]} under [formula] belong to today's formula;"
        " formulas derived from data are judged without them."
    ]


def _caps(declared: Sequence[CapSection], metrics: Mapping[str, MetricSpec], file: str) -> tuple[CapSpec, ...]:
    _unique([cap.id for cap in declared], "formula.caps", file)
    caps = []
    for cap in declared:
        place = f"formula.caps {cap.id}"
        _readable(cap.input, metrics, place, file, text=cap.op == "=")
        caps.append(CapSpec(cap.id, cap.input, cap.op, _compared(cap.op, cap.value, place, file), cap.max_score))
    return tuple(caps)


def _ramp(declared: RampSection, metrics: Mapping[str, MetricSpec], file: str) -> RampSpec:
    place = "formula.ramp"
    _readable(declared.input, metrics, place, file, text=False)
    points = tuple((float(days), float(factor)) for days, factor in declared.points)
    if any(right[0] <= left[0] for left, right in pairwise(points)) or any(not 0 <= f <= 100 for _, f in points):
        raise InputError(
            f"{declared.points} is no ramp: expected [[days, multiplier], ...], days ascending, multipliers 0 to 100.",
            file=file,
            column=place,
            fix="For example points = [[0, 1.5], [90, 1.2], [180, 1]].",
        )
    return RampSpec(points, declared.input)


def _readable(name: str, metrics: Mapping[str, MetricSpec], place: str, file: str, *, text: bool) -> None:
    known = [*metrics, *READABLE]
    if name not in known:
        raise InputError(
            f"'{name}' is neither a metric of the formula nor one of {', '.join(READABLE)}.",
            file=file,
            column=place,
            fix=did_you_mean(name, known) or "Declare it as a metric; weight = 0 keeps it out of the score.",
        )
    is_text = name == "segment" or (name in metrics and metrics[name].normalise.kind == "category")
    if is_text != text:
        wanted = 'op = "=" and text' if is_text else "< or >= and a number"
        raise InputError(
            f"'{name}' holds {'text' if is_text else 'numbers'}; it is compared by {wanted}.",
            file=file,
            column=place,
            fix="Correct op and value.",
        )


def _compared(op: str, value: object, place: str, file: str) -> float | str:
    if op == "=" and isinstance(value, str):
        return value
    if op != "=" and isinstance(value, (bool, int, float)):
        return float(value)
    raise InputError(
        f"op = {op!r} with value = {value!r}; = compares text, < and >= compare numbers.",
        file=file,
        column=place,
        fix="Correct one of them; true is 1, so that a flag holds with >= 1.",
    )


def _motions(section: FormulaSection, base: FormulaSpec, bands: Sequence[str], file: str) -> Mapping[str, str]:
    stated = section.motions or {}
    unknown = next((band for band in stated if band not in bands), None)
    if unknown is not None:
        raise InputError(
            f"'{unknown}' is not a band; those are {listed(bands)}.",
            file=file,
            column="formula.motions",
            fix=did_you_mean(unknown, bands) or "Correct the table.",
        )
    return {band: motion for band, motion in {**base.motions, **stated}.items() if band in bands}


def _ranges(section: FormulaSection, base: FormulaSpec, file: str) -> Mapping[str, tuple[float, float]]:
    if section.typical_ranges is None:
        return base.typical_ranges
    for name, (low, high) in section.typical_ranges.items():
        if not 0 <= low <= high <= 100:
            raise InputError(
                f"[{low:g}, {high:g}] is no range of weights in per cent.",
                file=file,
                column=f"formula.typical_ranges.{name}",
                fix="Write [lowest, highest], 0 to 100.",
            )
    return {name: (low, high) for name, (low, high) in section.typical_ranges.items()}


def _severity_points(section: FormulaSection, base: FormulaSpec) -> dict[str, float]:
    return {**SEVERITY_POINTS, **base.severity_points, **(section.severity_points or {})}


def _risk_factors(
    section: FormulaSection, base: FormulaSpec, metrics: Mapping[str, MetricSpec], file: str
) -> tuple[RiskFactor, ...]:
    _unique([factor.id for factor in section.risk_factors], "formula.risk_factors", file)
    points = _severity_points(section, base)
    factors = {factor.id: factor for factor in base.risk_factors}
    for declared in section.risk_factors:
        if declared.severity == OFF:
            factors.pop(declared.id, None)
            continue
        factors[declared.id] = _risk_factor(declared, factors.get(declared.id), metrics, points, file)
    return tuple(factors.values())


def _risk_factor(
    declared: RiskFactorSection,
    before: RiskFactor | None,
    metrics: Mapping[str, MetricSpec],
    points: Mapping[str, float],
    file: str,
) -> RiskFactor:
    place = f"formula.risk_factors {declared.id}"
    metric = declared.metric or (before.metric if before else declared.id)
    known = [*metrics, *catalogue()]
    if metric not in known and metric not in KEY_COLUMNS:
        raise InputError(
            f"'{metric}' is neither a metric of the formula nor of the catalogue.",
            file=file,
            column=place,
            fix=did_you_mean(metric, known) or 'Name one: metric = "...".',
        )
    severity = declared.severity or (before.severity if before else None)
    if severity not in points:
        raise InputError(
            f"severity = {severity!r} has no points; known are {', '.join(points)} and {OFF}.",
            file=file,
            column=place,
            fix="Choose one, or give it points under [formula.severity_points].",
        )
    op = declared.op or (before.op if before else ">=")
    value = declared.value if declared.value is not None else (before.value if before else 1.0)
    found = catalogue().get(metric)
    label = declared.label or (before.label if before else found.label if found else declared.id)
    return RiskFactor(declared.id, metric, op, _compared(op, value, place, file), str(severity), label)


def _unique(ids: Sequence[str], place: str, file: str) -> None:
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise InputError(f"'{twice}' is declared twice.", file=file, column=place, fix="Keep one of them.")
