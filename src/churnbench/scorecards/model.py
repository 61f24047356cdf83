"""A scorecard as another platform keeps it: groups of measures with bands, points in the platform's own unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from churnbench.data.step_rules import Boundary

Nulls = Literal["ignored", "zero", "worst", "points"]
Rounding = Literal["half_up", "down", "none"]
RuleKind = Literal["bands", "curve", "categories", "yes_no"]


@dataclass(frozen=True)
class Band:
    """Points from a value on; `start` is None in the lowest band, `end_points` None in a flat one."""

    start: float | None
    points: float
    end_points: float | None = None


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        id: identifier in the formula.
        label: what the platform calls it.
        column: column of the data.
        weight: relative, see `Scorecard.weights`.
        kind: which of the fields below holds its rule.
        bands: for "bands", ascending; the first has no start.
        knots: for "curve": `(value, points)`, value ascending, lines between.
        categories: for "categories" text -> points; for "yes_no" the texts are "yes" and "no".
        boundary: whether a value equal to a band's start belongs to it (">=") or to the band below (">").
        nulls: what a missing value does; "points" counts `null_points`.
    """

    id: str
    label: str
    column: str
    weight: float
    kind: RuleKind
    bands: tuple[Band, ...] = ()
    knots: tuple[tuple[float, float], ...] = ()
    categories: Mapping[str, float] = field(default_factory=dict)
    boundary: Boundary = ">="
    nulls: Nulls = "ignored"
    null_points: float | None = None

    @property
    def all_points(self) -> tuple[float, ...]:
        """Every number of points that the rule states."""
        ends = [band.end_points for band in self.bands if band.end_points is not None]
        return (
            *(band.points for band in self.bands),
            *ends,
            *(points for _, points in self.knots),
            *self.categories.values(),
        )


@dataclass(frozen=True)
class Group:
    """Measures that are summed first. `weight` is relative; it is not used when weights are stated overall."""

    id: str
    label: str
    weight: float
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class ScoreException:
    """A rule that holds the whole score down: at most `max_score` (platform's unit) where the column meets it."""

    id: str
    column: str
    op: Literal["<", ">=", "="]
    value: float | str
    max_score: float


@dataclass(frozen=True)
class Scorecard:
    """A whole scorecard.

    Attributes:
        name: its name.
        low, high: ends of the scale of points and scores; high is healthy.
        weights: whether a measure's weight is relative within its group or in the whole score.
        rounding, decimals: how the platform rounds the score that it shows.
        groups: in order.
        states: `(name, lowest score)` ascending, in the platform's unit; the first starts at `low`.
        state_boundary: as a measure's boundary.
        segment_weights: segment -> group -> weight.
        exceptions: caps on the whole score, in order.
    """

    name: str
    low: float
    high: float
    weights: Literal["within_group", "overall"]
    rounding: Rounding
    decimals: int
    groups: tuple[Group, ...]
    states: tuple[tuple[str, float], ...]
    state_boundary: Boundary = ">="
    segment_weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    exceptions: tuple[ScoreException, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """All measures in order."""
        return tuple(measure for group in self.groups for measure in group.measures)

    def to_hundred(self, points: float) -> float:
        """Points of the platform as points 0-100."""
        return (points - self.low) / (self.high - self.low) * 100.0

    def from_hundred(self, points: float) -> float:
        """Points 0-100 in the platform's unit."""
        return self.low + points / 100.0 * (self.high - self.low)
