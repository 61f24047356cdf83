"""Scores a whole frame, exactly equal to the scorer row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.formula.arrays import Bools, Floats, hundredths, whole_steps
from churnbench.formula.checked import Body, validate_body
from churnbench.formula.metric_plan import Inputs, MetricPlan, plan_metrics, require_columns
from churnbench.formula.total_plan import TotalPlan
from churnbench_scorer import INSUFFICIENT

#: Rows worked on at a time; the arrays of one chunk stay in the processor's cache.
CHUNK = 32_768


def score_frame(
    body: Body, frame: pd.DataFrame, *, contributions: bool = False, allow_missing: bool = False
) -> pd.DataFrame:
    """Score every row of a frame.

    Args:
        body: a config body.
        frame: one column per input; numeric inputs as any numeric dtype, text inputs as text. Segment,
            tenure, age, cap and stratum inputs may be absent and then count as missing.
        contributions: whether to add `<metric>_gained_x100` and `<metric>_lost_x100` (Int64); see
            `churnbench_scorer.Score.contributions`.
        allow_missing: whether metric inputs, too, may be absent.

    Returns:
        Same index. `raw_score` float64, after ramp and caps, before the display map, not rounded, NaN
        without a score; `raw_score_x100` and `health_score_x100` Int64; `band` text, and with hysteresis
        `reading_band`, the band by the thresholds alone; `coverage_bp` int64;
        `churn_probability` float64 (NaN without a score or curve); one `<dimension>_score` float64 with
        two decimals (NaN when nothing of it counts).

    Raises:
        InputError: for a faulty body, a missing column, or values of the wrong type.
    """
    validate_body(body)
    if not allow_missing:
        require_columns(body, frame.columns)
    inputs = Inputs(frame)
    metrics, total = plan_metrics(body, inputs), TotalPlan(body, inputs)
    kept = _Results.empty(body, len(frame), contributions=contributions)
    with np.errstate(all="ignore"):  # NaN marks a missing value here; overflow is clipped by the curves
        for start in range(0, len(frame), CHUNK):
            _score_rows(body, metrics, total, slice(start, min(start + CHUNK, len(frame))), kept)
    return kept.to_frame(body, frame.index)


def metric_values(body: Body, frame: pd.DataFrame, *, allow_missing: bool = False) -> pd.DataFrame:
    """Points of every metric before its missing policy.

    Returns:
        Same index, one float64 column per metric id in the order of the body, 0..100, NaN where missing.

    Raises:
        InputError: as `score_frame`.
    """
    validate_body(body)
    if not allow_missing:
        require_columns(body, frame.columns)
    plans = plan_metrics(body, Inputs(frame))
    everything = slice(0, len(frame))
    with np.errstate(all="ignore"):
        return pd.DataFrame({name: plan.values(everything) for name, plan in plans.items()}, index=frame.index)


@dataclass(frozen=True, eq=False)
class _Results:
    """Arrays of the whole frame, filled chunk by chunk; `total` is before ramp, caps and map."""

    total: Floats
    raw: Floats
    health: Floats
    band: npt.NDArray[np.intp]
    reading: npt.NDArray[np.intp]
    coverage: npt.NDArray[np.int64]
    probability: Floats
    dimensions: Floats
    gained: npt.NDArray[np.int64] | None = None
    lost: npt.NDArray[np.int64] | None = None
    metrics: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, body: Body, rows: int, *, contributions: bool) -> _Results:
        names = [name for dimension in body["dimensions"] for name, _ in dimension["weights"]]
        shape = (len(names), rows)
        return cls(
            total=np.empty(rows),
            raw=np.empty(rows),
            health=np.empty(rows),
            band=np.empty(rows, dtype=np.intp),
            reading=np.empty(rows, dtype=np.intp),
            coverage=np.empty(rows, dtype=np.int64),
            probability=np.empty(rows),
            dimensions=np.empty((len(body["dimensions"]), rows)),
            gained=np.zeros(shape, dtype=np.int64) if contributions else None,
            lost=np.zeros(shape, dtype=np.int64) if contributions else None,
            metrics=names,
        )

    def to_frame(self, body: Body, index: pd.Index) -> pd.DataFrame:
        unknown = np.isnan(self.raw)
        names = np.array([name for name, _ in body["bands"]] + [INSUFFICIENT], dtype=object)
        band, reading = (np.where(unknown, len(names) - 1, found) for found in (self.band, self.reading))
        columns: dict[str, object] = {
            "raw_score": self.raw,
            "raw_score_x100": _integers(hundredths(self.raw), unknown),
            "health_score_x100": _integers(self.health, unknown),
            "band": pd.array(names[band], dtype="str"),
            **({"reading_band": pd.array(names[reading], dtype="str")} if body.get("hysteresis") else {}),
            "coverage_bp": self.coverage,
            "churn_probability": self.probability,
        }
        for position, dimension in enumerate(body["dimensions"]):
            columns[f"{dimension['id']}_score"] = hundredths(self.dimensions[position]) / 100.0
        if self.gained is not None and self.lost is not None:
            for position, name in enumerate(self.metrics):
                columns[f"{name}_gained_x100"] = pd.array(self.gained[position], dtype="Int64")
                columns[f"{name}_lost_x100"] = pd.array(self.lost[position], dtype="Int64")
                columns[f"{name}_gained_x100"][unknown] = pd.NA  # type: ignore[index]
                columns[f"{name}_lost_x100"][unknown] = pd.NA  # type: ignore[index]
        return pd.DataFrame(columns, index=index)


def _score_rows(body: Body, metrics: dict[str, MetricPlan], total: TotalPlan, rows: slice, kept: _Results) -> None:
    count = rows.stop - rows.start
    profile = total.profile_of(rows)
    mean, weight_present, covered = np.zeros(count), np.zeros(count), np.zeros(count)
    counted: list[_Counted] = []
    for position, dimension in enumerate(body["dimensions"]):
        weight = total.profiles[0 if profile is None else profile, position]
        score, seen = _score_dimension(dimension, metrics, rows, counted, weight)
        known = ~np.isnan(score)
        mean += np.where(known, weight * score, 0.0)
        weight_present += np.where(known, weight, 0.0)
        covered += weight * seen
        kept.dimensions[position, rows] = score
    enough = (weight_present > 0.0) & (covered >= float(body["min_coverage"]) * 10000.0)
    health = np.where(enough, mean / weight_present, np.nan)
    raw = total.raw(health, rows)
    kept.total[rows], kept.raw[rows] = health, raw
    kept.health[rows] = hundredths(total.shown(raw))
    kept.band[rows], kept.reading[rows] = total.bands(kept.health[rows], rows)
    kept.coverage[rows] = np.floor(covered * 0.0001 + 0.5)
    kept.probability[rows] = total.risk(raw, rows)
    if kept.gained is not None and kept.lost is not None:
        kept.gained[:, rows], kept.lost[:, rows] = _contributions(counted, weight_present, health)


@dataclass(frozen=True, eq=False)
class _Counted:
    """A metric as it counts in one chunk: points (NaN when skipped) and its weights."""

    points: Floats
    weight: float
    dimension_weight: Floats
    dimension_present: Floats


def _score_dimension(
    dimension: dict[str, list[list[object]]],
    metrics: dict[str, MetricPlan],
    rows: slice,
    counted: list[_Counted],
    dimension_weight: Floats,
) -> tuple[Floats, Floats]:
    """Weighted mean of one dimension (NaN when empty) and its weight really present."""
    count = rows.stop - rows.start
    weighted, present, seen = np.zeros(count), np.zeros(count), np.zeros(count)
    for name, basis_points in dimension["weights"]:
        plan, weight = metrics[str(name)], float(basis_points)  # type: ignore[arg-type]
        points = plan.values(rows)
        here: Bools = ~np.isnan(points)
        seen += np.where(here, weight, 0.0)
        if plan.fallback is None:
            weighted += np.where(here, weight * points, 0.0)
            present += np.where(here, weight, 0.0)
        else:
            points = np.where(here, points, plan.fallback)
            weighted += weight * points
            present += weight
        counted.append(_Counted(points, weight, dimension_weight, present))
    return weighted / present, seen


def _contributions(
    counted: list[_Counted], weight_present: Floats, health: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Points gained and lost per metric, shape (metrics, rows); zero where there is no score."""
    known = ~np.isnan(health)
    gained, lost = np.zeros((len(counted), health.size)), np.zeros((len(counted), health.size))
    for position, metric in enumerate(counted):
        share = (metric.dimension_weight * metric.weight) / (weight_present * metric.dimension_present)
        here = known & ~np.isnan(metric.points) & (metric.dimension_present > 0.0)
        gained[position] = np.where(here, share * metric.points * 100.0, 0.0)
        below = here & (metric.points < 100.0)
        lost[position] = np.where(below, share * (100.0 - metric.points) * 100.0, 0.0)
    totals = np.where(known, hundredths(health), 0.0)
    return whole_steps(gained, totals), whole_steps(lost, np.where(known, 10000.0 - totals, 0.0))


def _integers(values: Floats, unknown: Bools) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(np.where(unknown, 0.0, values).astype(np.int64), unknown.copy())
