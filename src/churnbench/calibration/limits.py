"""Limits that a company may set on weights, held inside the fit and never by rescaling afterwards.

A metric's weight is the range of its curve on the log-odds scale over the sum of all ranges. For curves that only
rise or only fall the range is a linear function of the ramp coefficients, and so every limit on shares is a linear
constraint; for other shapes it is taken at the extremes of the last solution, which are then held where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from churnbench.calibration.basis import Basis, MetricRamps
from churnbench.calibration.penalised_fit import Solution
from churnbench.calibration.shapes import Shapes, bounds
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec


@dataclass(frozen=True)
class Limits:
    """Limits in shares (0-1) or points of 100; None is no limit.

    Attributes:
        max_metric_share: largest share of one metric.
        dimension_share: smallest and largest share of a dimension.
        leading_share: smallest and largest share of all metrics declared leading.
        max_move_points: how far a metric's or a dimension's share may move from today's formula, points of 100.
    """

    max_metric_share: float | None = None
    dimension_share: tuple[float, float] | None = None
    leading_share: tuple[float, float] | None = None
    max_move_points: float | None = None

    def active(self) -> tuple[str, ...]:
        """Names of the limits that are set."""
        return tuple(name for name, value in vars(self).items() if value is not None)

    def without(self, name: str) -> Limits:
        """The same limits but one."""
        return Limits(**{**vars(self), name: None})


#: One bound on shares: (which metrics, smallest, largest).
ShareBound = tuple[np.ndarray, float, float]


def share_bounds(
    limits: Limits, spec: FormulaSpec, metrics: Sequence[str], today: np.ndarray
) -> dict[str, list[ShareBound]]:
    """Limits as bounds on sums of shares.

    Args:
        limits: what is set.
        spec: declared formula (dimensions and leading metrics).
        metrics: metric ids in the order of the basis.
        today: share of each metric in today's formula, summing to 1.
    """
    declared = {metric.id: metric for metric in spec.metrics}
    each = list(np.eye(len(metrics), dtype=bool))
    groups = [np.array([declared[m].dimension == dimension.id for m in metrics]) for dimension in spec.dimensions]
    groups = [group for group in groups if group.any()]
    found: dict[str, list[ShareBound]] = {}
    if limits.max_metric_share is not None:
        found["max_metric_share"] = [(group, 0.0, limits.max_metric_share) for group in each]
    if limits.dimension_share is not None:
        found["dimension_share"] = [(group, *limits.dimension_share) for group in groups]
    if limits.leading_share is not None:
        leading = np.array([bool(declared[m].leading) for m in metrics])
        found["leading_share"] = [(leading, *limits.leading_share)]
    if limits.max_move_points is not None:
        reach = limits.max_move_points / 100
        found["max_move_points"] = [
            (group, max(0.0, today[group].sum() - reach), min(1.0, today[group].sum() + reach))
            for group in each + groups
        ]
    return found


def refuse_conflict(bounds_by_limit: Mapping[str, Sequence[ShareBound]], count: int) -> None:
    """Raise an InputError that names the limits which cannot hold together."""
    if _feasible(bounds_by_limit, count):
        return
    conflict = dict(bounds_by_limit)
    for name in list(conflict):
        fewer = {other: value for other, value in conflict.items() if other != name}
        if not _feasible(fewer, count):
            conflict = fewer
    names = " and ".join(f"calibration.{name}" for name in conflict)
    verb = "cannot hold" if len(conflict) == 1 else "cannot hold together"
    raise InputError(
        f"{names} {verb} for a formula of {count} metrics: no set of weights satisfies the limits.",
        file="churnbench.toml",
        fix=f"Widen or remove one of them{_about_leading(conflict, count)}.",
    )


def _about_leading(conflict: Mapping[str, Sequence[ShareBound]], count: int) -> str:
    """Why a leading share cannot hold where it depends on what is declared leading."""
    if "leading_share" not in conflict:
        return ""
    leading = int(conflict["leading_share"][0][0].sum())
    if leading == count:
        return "; all metrics are declared leading = true, so that their share is 100 %"
    return f"; of the {count} metrics {leading} are declared leading = true, whose share is meant"


def _feasible(bounds_by_limit: Mapping[str, Sequence[ShareBound]], count: int) -> bool:
    rows, right = [], []
    for limits in bounds_by_limit.values():
        for group, low, high in limits:
            rows += [group.astype(float), -group.astype(float)]
            right += [high + 1e-9, -low + 1e-9]
    if not rows:
        return True
    found = linprog(
        np.zeros(count),
        A_ub=np.asarray(rows),
        b_ub=right,
        A_eq=np.ones((1, count)),
        b_eq=[1.0],
        bounds=(0, 1),
    )
    return bool(found.success)


def bends(ramps: MetricRamps, shapes: Shapes) -> bool:
    """Whether a metric's curve may both rise and fall, so that its range is no linear function."""
    return shapes[ramps.metric] == "free" or len(np.unique(ramps.sign)) > 1


def ranges(basis: Basis, shapes: Shapes, at: Solution | None) -> np.ndarray:
    """Linear form of each metric's range: R (metrics, columns) with `range_j = R_j a`."""
    bound = bounds(basis, shapes)
    forms = np.zeros((len(basis.ramps), basis.width))
    for position, ramps in enumerate(basis.ramps):
        if not bends(ramps, shapes):
            forms[position, ramps.ramp_columns] = bound[ramps.ramp_columns]
        elif at is not None:
            health, knots = ramps.health_at_knots(at.coefficients), _knot_forms(ramps, basis.width)
            forms[position] = knots[health.argmax()] - knots[health.argmin()]
    return forms


def _knot_forms(ramps: MetricRamps, width: int) -> np.ndarray:
    """Health at each knot as a linear form of the coefficients: (knots, columns)."""
    forms = np.zeros((ramps.segments + 1, width))
    forms[1:, ramps.ramp_columns] = np.tril(np.tile(-ramps.sign, (ramps.segments, 1)))
    return forms


def _held_extremes(basis: Basis, shapes: Shapes, at: Solution) -> list[np.ndarray]:
    """Rows C with C a <= 0: highest and lowest point of a bent curve stay where the last solution had them.

    Only then is the range that the limits speak of the range that the formula ends up with.
    """
    rows: list[np.ndarray] = []
    for ramps in basis.ramps:
        if not bends(ramps, shapes):
            continue
        health, knots = ramps.health_at_knots(at.coefficients), _knot_forms(ramps, basis.width)
        high, low = knots[health.argmax()], knots[health.argmin()]
        places = list(knots)
        if ramps.missing_column is not None:
            places.append(-np.eye(basis.width)[ramps.missing_column])
        rows += [place - high for place in places if (place != high).any()]
        rows += [low - place for place in places if (place != low).any()]
    return rows


def constraint_rows(
    bounds_by_limit: Mapping[str, Sequence[ShareBound]], basis: Basis, shapes: Shapes, at: Solution | None
) -> np.ndarray:
    """Rows C with C a <= 0 for the fit."""
    forms = ranges(basis, shapes, at)
    total = forms.sum(axis=0)
    rows = _held_extremes(basis, shapes, at) if bounds_by_limit and at is not None else []
    for limits in bounds_by_limit.values():
        for group, low, high in limits:
            part = forms[group].sum(axis=0)
            if high < 1.0:
                rows.append(part - high * total)
            if low > 0.0:
                rows.append(low * total - part)
    return np.asarray(rows) if rows else np.zeros((0, basis.width))
