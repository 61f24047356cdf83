"""The hand formula as its owner declares it, before any data is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["higher_is_healthier", "lower_is_healthier"]
MissingPolicy = Literal["skip", "neutral", "worst"]
NormaliserKind = Literal["ramp", "piecewise", "ratio", "nps", "csat", "boolean", "category", "recency", "quantile"]


@dataclass(frozen=True)
class Normaliser:
    """Rule that turns a metric into 0-100 points, as declared.

    `params` by kind:

    - ramp: `low`, `high` (metric units). 0 points at `low`, 100 at `high`; `lower_is_healthier` mirrors it.
    - piecewise: `points`, ascending `[[x, points], ...]`, taken literally (direction is not applied again).
    - ratio: `benchmark` (a positive number) or `denominator` (an input column); optional `cap` (default 1.0,
      the ratio worth 100 points). `lower_is_healthier` mirrors.
    - nps: -100..100 -> 0..100.   csat: `low`, `high` default 1..5 -> 0..100.
    - boolean: points `yes` and `no`, default 100 and 0 (with `lower_is_healthier` 0 and 100).
    - category: `map`, text -> points 0..100, taken literally. Text outside the map is missing.
    - recency: `fresh`, `stale` (days): 100 points up to `fresh`, falling in a line to 0 at `stale`.
    - quantile: ramp between the 5th and 95th percentile of the TRAINING data; the default.
    """

    kind: NormaliserKind = "quantile"
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricSpec:
    """One declared metric. `weight` is relative within its dimension; sums need not be 100."""

    id: str
    dimension: str
    weight: float
    direction: Direction = "higher_is_healthier"
    leading: bool | None = None
    missing: MissingPolicy = "skip"
    neutral: float = 50.0
    normalise: Normaliser = field(default_factory=Normaliser)
    direction_proposed: bool = False
    unit: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class DimensionSpec:
    """A dimension and its relative weight in the health score."""

    id: str
    weight: float
    label: str | None = None


@dataclass(frozen=True)
class CapSpec:
    """The score is at most `max_score` (0-100) where `input` meets the condition; a missing input never does.

    `input` is a metric (weight 0 keeps it out of the score) or a column that every cohort has, such as segment.
    `value` is text with "=", a number with "<" and ">=".
    """

    id: str
    input: str
    op: Literal["<", ">=", "="]
    value: float | str
    max_score: float


@dataclass(frozen=True)
class RampSpec:
    """Multiplier of the total by tenure: `points` are ascending `(days, multiplier)`, multipliers >= 0."""

    points: tuple[tuple[float, float], ...]
    input: str = "days_since_start"


@dataclass(frozen=True)
class RiskFactor:
    """One line of a risk-factor register: it holds where `metric` meets the condition; missing never does.

    Attributes:
        id: unique in the register.
        metric: column it reads: a metric of the formula or of the catalogue.
        op: how `value` is compared; with "=" `value` is text, else a number (true is 1).
        severity: decides the points, by `FormulaSpec.severity_points`.
        label: what people read; its evidence is the value of the metric.
    """

    id: str
    metric: str
    op: Literal["<", ">=", "="]
    value: float | str
    severity: str
    label: str


@dataclass(frozen=True)
class FormulaSpec:
    """A whole hand formula.

    Attributes:
        bands: `(name, lowest score 0-100)` ascending; the first starts at 0; "from" is inclusive.
        segment_weights: segment name -> dimension id -> weight; empty when all segments share one.
        min_coverage_bp: share of weight, in basis points, that must be present for a score.
        caps: applied in order after the ramp; parts of the hand formula, not of formulas derived from data.
        ramp: onboarding ramp, or None; likewise.
        motions: band -> what a team does with accounts in it.
        typical_ranges: dimension -> `(low, high)` per cent of weight that its framework has seen.
        risk_factors: register beside the score; its points are never part of the score.
        severity_points: severity -> points of the register.
    """

    dimensions: tuple[DimensionSpec, ...]
    metrics: tuple[MetricSpec, ...]
    bands: tuple[tuple[str, float], ...] = (("red", 0.0), ("yellow", 60.0), ("green", 80.0))
    segment_weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    min_coverage_bp: int = 5000
    preset: str = "none"
    caps: tuple[CapSpec, ...] = ()
    ramp: RampSpec | None = None
    motions: Mapping[str, str] = field(default_factory=dict)
    typical_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    risk_factors: tuple[RiskFactor, ...] = ()
    severity_points: Mapping[str, float] = field(default_factory=dict)

    def in_dimension(self, dimension: str) -> tuple[MetricSpec, ...]:
        """Metrics of one dimension in declared order."""
        return tuple(metric for metric in self.metrics if metric.dimension == dimension)
