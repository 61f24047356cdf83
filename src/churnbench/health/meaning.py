"""What the parts of a config mean to people: labels, units, direction, benchmark; its risk curve with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from churnbench.domain.formula_spec import FormulaSpec

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One metric of the config.

    Attributes:
        id, input, dimension: as in the config.
        label, unit: for people; the id and "" where nobody named them.
        higher_is_healthier: by the formula's own curve; None for categories and bent curves.
        benchmark: value from which the formula gives full points, None where there is none.
        leading: as declared; None when nobody said.
        yes_or_no: whether it only takes 0 and 1.
    """

    id: str
    input: str
    dimension: str
    label: str
    unit: str
    higher_is_healthier: bool | None
    benchmark: float | None
    leading: bool | None
    yes_or_no: bool = False


def metrics_of(document: Mapping[str, Any], spec: FormulaSpec | None) -> tuple[Metric, ...]:
    """Metrics of a config in its order, labelled by the project's formula where it knows them."""
    body = document["body"]
    rules = {metric["id"]: metric for metric in body["metrics"]}
    notes = {entry["id"]: entry for entry in document.get("inputs", ())}
    declared = {metric.id: metric for metric in (spec.metrics if spec else ())}
    found = []
    for dimension in body["dimensions"]:
        for name, _ in dimension["weights"]:
            rule, said = rules[name], declared.get(name)
            note = notes.get(rule["input"], {})
            direction, benchmark = _reading(rule["rule"])
            found.append(
                Metric(
                    id=name,
                    input=rule["input"],
                    dimension=dimension["id"],
                    label=str((said.label if said else None) or note.get("label") or name.replace("_", " ")),
                    unit=str((said.unit if said else None) or note.get("unit") or ""),
                    higher_is_healthier=direction,
                    benchmark=benchmark,
                    leading=said.leading if said else None,
                    yes_or_no=rule["rule"]["kind"] == "boolean"
                    or (said is not None and said.normalise.kind == "boolean"),
                )
            )
    return tuple(found)


def dimensions_of(document: Mapping[str, Any], spec: FormulaSpec | None) -> dict[str, str]:
    """Dimension id -> its label."""
    said = {dimension.id: dimension.label for dimension in (spec.dimensions if spec else ())}
    ids: Iterable[str] = (dimension["id"] for dimension in document["body"]["dimensions"])
    return {name: str(said.get(name) or name.replace("_", " ").capitalize()) for name in ids}


def _reading(rule: Mapping[str, Any]) -> tuple[bool | None, float | None]:
    """Direction of a rule and the value nearest to its poor end that earns full points."""
    points = rule.get("points")
    if not points or rule["kind"] != "piecewise":
        return None, None
    values = [float(value) for _, value in points]
    places = [float(place) for place, _ in points]
    top = max(values)
    if values[-1] == values[0]:
        return None, places[values.index(top)]
    rising = values[-1] > values[0]
    if any((after - before) * (1 if rising else -1) < -1e-9 for before, after in pairwise(values)):
        return None, places[values.index(top)]
    best = [place for place, value in zip(places, values, strict=True) if value == top]
    return rising, min(best) if rising else max(best)


def risk_at(body: Mapping[str, Any], raw: Floats, days_to_renewal: Floats) -> tuple[Floats, Floats, Floats]:
    """P(churn) with its 90 % interval from a config's own risk curve.

    Args:
        body: a config body.
        raw: score before the display map, shape (n,), NaN without a score.
        days_to_renewal: what chooses the stratum, shape (n,), NaN when unknown.

    Returns:
        Probability, lower and upper limit, shape (n,) each; all NaN without a curve, limits NaN without an interval.
    """
    nothing = np.full(len(raw), np.nan)
    strata = (body.get("risk_curve") or {}).get("strata") or []
    found = (nothing.copy(), nothing.copy(), nothing.copy())
    open_rows = ~np.isnan(raw)
    for place, stratum in enumerate(strata):
        low, high = stratum.get("from"), stratum.get("to")
        inside = open_rows.copy()
        if place < len(strata) - 1:
            lowest = -np.inf if low is None else low
            inside &= (days_to_renewal >= lowest) & (days_to_renewal <= (np.inf if high is None else high))
        points = stratum["points"]
        knots = np.array([point[0] for point in points], dtype=float)
        for column, target in enumerate(found, start=1):
            if all(len(point) > column and point[column] is not None for point in points):
                target[inside] = np.interp(raw[inside], knots, [float(point[column]) for point in points])
        open_rows &= ~inside
    return found


def displayed(body: Mapping[str, Any], raw: Floats) -> Floats:
    """Scores on the scale that people see, from scores before the display map."""
    shown = body.get("display_map")
    if not shown:
        return raw
    knots = np.array(shown["points"], dtype=float)
    return np.asarray(np.interp(raw, knots[:, 0], knots[:, 1]), dtype=float)
