"""What a formula would be learned from endless data, and what any formula is worth there.

The generator's hazard acts on latent levels; a company sees noisy, counted, late readings of them. The weights that an
additive formula should have are therefore those of the same additive model fitted without penalty to a population so
large that nothing is left to chance ("pseudo-true" values): every coverage and error below is measured against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnbench.calibration.basis import Basis, Shape, learn_basis
from churnbench.calibration.hand_curve import HandCurve
from churnbench.calibration.penalised_fit import Problem, solve
from churnbench.calibration.prior import Prior
from churnbench.calibration.shapes import constrained
from churnbench.calibration.training import Settings, Training
from churnbench.domain.cohort import Cohort
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser
from churnbench.formula import effective_points

_SEGMENTS = 6
_CONTROLS = 6
_POINTS = 99
#: Prior standard deviation of a metric's range in log-odds; the weightier metrics have as much.
_WIDE = 4.0


@dataclass(frozen=True, eq=False)
class Truth:
    """The population's own additive formula.

    Attributes:
        knots, health: metric -> positions, and contribution to health there in log-odds.
        grid: metric -> its 1st to 99th percentiles in the population.
        dimension: metric -> dimension.
        missing: metric -> contribution of a missing value in log-odds, where enough are missing to learn it.
    """

    knots: Mapping[str, np.ndarray]
    health: Mapping[str, np.ndarray]
    grid: Mapping[str, np.ndarray]
    dimension: Mapping[str, str]
    missing: Mapping[str, float]

    def at(self, metric: str, x: np.ndarray) -> np.ndarray:
        """Contribution to health, log-odds."""
        return np.interp(x, self.knots[metric], self.health[metric])

    def curve(self, metric: str, x: np.ndarray) -> np.ndarray:
        """The same in points 0-100 over positions `x`."""
        return _as_points(self.at(metric, x))

    def rule(self, metric: str) -> tuple[np.ndarray, float]:
        """Points 0-100 at the knots, and of a missing value: the curve leaves room for one that lies outside it.

        A missing value gets 50 where hardly any is missing.
        """
        places = self._places(metric, self.knots[metric])
        points = _as_points(places)
        count = len(self.knots[metric])
        return points[:count], float(points[-1]) if metric in self.missing else 50.0

    def shares(self, positions: Mapping[str, np.ndarray] | None = None) -> dict[str, float]:
        """Range of each metric's contribution over the given positions (1st to 99th percentile), as shares.

        What a missing value is worth belongs to the range, as it does in a learned formula.
        """
        where = positions or self.grid
        ranges = {metric: float(np.ptp(self._places(metric, where[metric]))) for metric in where}
        total = sum(ranges.values())
        return {metric: value / total for metric, value in ranges.items()}

    def _places(self, metric: str, x: np.ndarray) -> np.ndarray:
        return np.append(self.at(metric, x), [self.missing[metric]] if metric in self.missing else [])

    def signed(self) -> dict[str, float]:
        """Shares with the sign of the net effect: positive where health rises with the metric."""
        shares = self.shares()
        return {
            m: share * (1.0 if np.diff(self.at(m, self.grid[m][[0, -1]]))[0] >= 0 else -1.0)
            for m, share in shares.items()
        }

    def by_dimension(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Shares summed within dimensions."""
        found: dict[str, float] = dict.fromkeys(self.dimension.values(), 0.0)
        for metric, share in shares.items():
            found[self.dimension[metric]] += share
        return found


def _as_points(values: np.ndarray) -> np.ndarray:
    """Values stretched to run from 0 to 100; 50 where all are the same."""
    span = float(np.ptp(values))
    return 100 * (values - values.min()) / span if span > 0 else np.full(len(values), 50.0)


def learn_truth(population: Cohort, spec: FormulaSpec, seed: int = 0) -> Truth:
    """Fit the additive model to a population, monotone in whichever direction the population shows.

    Args:
        population: labelled rows, many thousand distinct churned accounts.
        spec: names the metrics and dimensions; its weights and directions play no part.
        seed: of the drawing of rows without churn (six per row with churn, weighted back).
    """
    frame = population.labelled().reset_index(drop=True)
    training = Training(frame, spec, population.metrics, dated=True, settings=Settings())
    basis = learn_basis(frame, training.hand_curves, _SEGMENTS)
    rng = np.random.default_rng(seed)
    churned = np.flatnonzero(training.y == 1)
    stayed = np.flatnonzero(training.y == 0)
    drawn = rng.choice(stayed, min(len(stayed), _CONTROLS * len(churned)), replace=False)
    rows = np.sort(np.concatenate([churned, drawn]))
    y = training.y[rows]
    weight = np.where(y == 1, 1.0, len(stayed) / len(drawn))
    design = basis.design(frame.iloc[rows])
    shapes = _directions(basis, design, y, weight)
    nothing = np.zeros(basis.width)
    # A ramp over values that hardly anybody has, and nobody with them left, would fall without end. That a
    # curve changes in one piece and seldom ranges over more than a few units of log-odds counts for nothing where the
    # population says anything at all.
    held = Prior(basis, nothing, 1.0, float(weight.sum())).penalty(np.full(len(basis.ramps), _WIDE))
    solution = solve(constrained(basis, design, y, weight, anchor=nothing, penalty=held, shapes=shapes))
    health = {ramps.metric: ramps.health_at_knots(solution.coefficients) for ramps in basis.ramps}
    present = {
        ramps.metric: curve.values(frame)[~np.isnan(curve.values(frame))]
        for ramps, curve in zip(basis.ramps, training.hand_curves, strict=True)
    }
    return Truth(
        {ramps.metric: ramps.knots for ramps in basis.ramps},
        health,
        {metric: np.quantile(values, np.linspace(0.01, 0.99, _POINTS)) for metric, values in present.items()},
        {metric.id: metric.dimension for metric in spec.metrics},
        {
            ramps.metric: float(-solution.coefficients[ramps.missing_column])
            for ramps in basis.ramps
            if ramps.missing_column is not None
        },
    )


def _directions(basis: Basis, design: np.ndarray, y: np.ndarray, weight: np.ndarray) -> dict[str, Shape]:
    """Declared or flipped, by the sign of the net effect in a free fit."""
    free: dict[str, Shape] = {ramps.metric: "free" for ramps in basis.ramps}
    nothing = np.zeros(basis.width)
    solution = solve(constrained(basis, design, y, weight, anchor=nothing, penalty=np.diag(nothing), shapes=free))
    found: dict[str, Shape] = {}
    for ramps in basis.ramps:
        net = float(solution.coefficients[ramps.ramp_columns].sum())
        found[ramps.metric] = "declared" if net >= 0 else "flipped"
    return found


def effective_shares(body: Mapping[str, Any], grid: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Signed share of each metric in a formula: weight times the range its curve really covers.

    Args:
        body: a config body of plain rules.
        grid: metric -> positions; the range is taken over them.

    Returns:
        metric -> share, positive where health rises from the first to the last position; 0 for metrics that the
        formula lacks. Absolute values sum to 1.
    """
    points = effective_points(body)
    found = dict.fromkeys(grid, 0.0)
    for metric in body["metrics"]:
        if metric["id"] not in grid:
            continue  # the level of segments is no metric
        curve = HandCurve.of(metric, higher_is_healthier=True)
        values = curve.points_at(grid[metric["id"]])
        sign = 1.0 if values[-1] >= values[0] else -1.0
        values = np.append(values, [metric["neutral"]] if metric["missing"] == "neutral" else [])
        found[metric["id"]] = sign * points[metric["id"]] * float(np.ptp(values)) / 100
    total = sum(abs(value) for value in found.values())
    return {metric: value / total if total > 0 else 0.0 for metric, value in found.items()}


def known_curves(training: Training, truth: Truth) -> dict[str, float]:
    """Signed shares by somebody who knows every curve and direction beforehand and learns one number per metric.

    Maximum likelihood for one slope >= 0 on each true curve: what is left is what so few churned accounts cannot tell,
    before any prior helps. Who also has to learn directions and curves starts from behind that.
    """
    columns = []
    for curve in training.hand_curves:
        x = curve.values(training.frame)
        absent = np.isnan(x)
        health = truth.at(curve.metric, np.where(absent, 0.0, x))
        health[absent] = truth.missing.get(curve.metric, float(health[~absent].mean()) if (~absent).any() else 0.0)
        columns.append(-health)
    width = len(columns)
    found = solve(
        Problem(
            np.column_stack(columns),
            training.y,
            np.ones(len(training.y)),
            np.zeros(width),
            np.zeros((width, width)),
            np.ones(width),
        )
    )
    signed = truth.signed()
    sized = {
        curve.metric: signed[curve.metric] * float(slope)
        for curve, slope in zip(training.hand_curves, found.coefficients, strict=True)
    }
    total = sum(abs(value) for value in sized.values())
    return {metric: value / total for metric, value in sized.items()}


def total_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half the sum of absolute differences of signed shares; 0 the same, 1 nothing in common."""
    return 0.5 * sum(abs(one.get(key, 0.0) - other.get(key, 0.0)) for key in {*one, *other})


def expert_formula(truth: Truth, like: FormulaSpec, *, wrong: bool = False) -> FormulaSpec:
    """A hand formula by experts who know the truth, or by experts who have it backwards.

    Args:
        truth: the population's own formula.
        like: gives dimensions, names and bands.
        wrong: the heaviest metric gets the weight of the lightest and so on, and every third direction is turned.

    Returns:
        The truth's curves as declared curves, the truth's weights as declared weights.
    """
    shares = truth.shares(truth.knots)
    if wrong:
        by_weight = sorted(shares, key=shares.__getitem__)
        shares = dict(zip(by_weight, sorted(shares.values(), reverse=True), strict=True))
    metrics = []
    for place, metric in enumerate(like.metrics):
        x = truth.knots[metric.id]
        points, missing = truth.rule(metric.id)
        if wrong and place % 3 == 0:
            points, missing = 100 - points, 100 - missing
        healthier = "higher_is_healthier" if points[-1] >= points[0] else "lower_is_healthier"
        rule = Normaliser("piecewise", {"points": [[float(a), float(b)] for a, b in zip(x, points, strict=True)]})
        metrics.append(
            MetricSpec(
                metric.id,
                metric.dimension,
                max(shares[metric.id], 1e-4),
                healthier,
                missing="neutral",
                neutral=missing,
                normalise=rule,
            )
        )
    total = {d.id: sum(m.weight for m in metrics if m.dimension == d.id) for d in like.dimensions}
    return FormulaSpec(tuple(DimensionSpec(name, weight) for name, weight in total.items()), tuple(metrics), like.bands)
