"""Points of each metric for many rows: the vectorised twin of `churnbench_scorer.plan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.formula.arrays import Curve, Floats, present_or_nan
from churnbench.formula.checked import Body, metric_inputs, validate_body
from churnbench.formula.columns import Codes, codes, numbers
from churnbench_scorer.plan import fallback_points

Evaluate = Callable[[slice], Floats]


class Inputs:
    """The inputs of a body, taken from a frame on first use; absent ones are missing in every row."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._numbers: dict[str, Floats | None] = {}

    def number(self, name: str, rows: slice) -> Floats:
        """Doubles of some rows, NaN where missing."""
        if name not in self._numbers:
            self._numbers[name] = numbers(self._frame, name) if name in self._frame.columns else None
        values = self._numbers[name]
        if values is None:
            return np.full(len(range(*rows.indices(len(self._frame)))), np.nan)
        return present_or_nan(values[rows])

    def codes(self, name: str) -> tuple[Codes, list[str]]:
        """Text of all rows as codes, -1 where missing, and what they stand for."""
        if name not in self._frame.columns:
            return np.full(len(self._frame), -1, dtype=np.intp), []
        return codes(self._frame, name)

    def points_of_text(self, name: str, points: Mapping[str, float], otherwise: float) -> Floats:
        """A number per row by its text; `otherwise` for missing or unknown text."""
        positions, texts = self.codes(name)
        table = np.array([points.get(text, otherwise) for text in texts] + [otherwise])
        return table[positions]  # code -1 takes the last entry


@dataclass(frozen=True, eq=False)
class MetricPlan:
    """One metric of a body.

    Attributes:
        id: metric id.
        fallback: points of a missing value, None when it is skipped.
        values: rows -> points 0..100, NaN where missing (before the policy).
    """

    id: str
    fallback: float | None
    values: Evaluate


def plan_metrics(body: Body, inputs: Inputs) -> dict[str, MetricPlan]:
    """A plan per metric id."""
    plans = {}
    for metric in body["metrics"]:
        evaluate = _RULES[metric["rule"]["kind"]](metric, inputs)
        validity = metric.get("validity")
        if validity and validity["then"] == "missing":
            evaluate = _expiring(evaluate, validity, inputs)
        plans[metric["id"]] = MetricPlan(metric["id"], fallback_points(metric), evaluate)
    return plans


def require_columns(body: Body, columns: Collection[str]) -> None:
    """Refuse a table that lacks metric inputs, or has an input twice.

    Raises:
        InputError: naming every missing column, or the doubled one.
    """
    counts = Counter(columns)
    doubled = [name for name in validate_body(body) if counts[name] > 1]
    if doubled:
        raise InputError(
            f"column {doubled[0]} arrives {counts[doubled[0]]} times.",
            column=doubled[0],
            fix="Keep one of them, or rename the others.",
        )
    missing = [name for name in metric_inputs(body) if name not in counts]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}; the formula reads {', '.join(metric_inputs(body))}.",
            fix="Add the columns (empty where unknown), or allow missing ones explicitly.",
        )


def _piecewise(metric: Mapping[str, Any], inputs: Inputs) -> Evaluate:
    curve = Curve.of(metric["rule"]["points"], metric["rule"]["slopes"])
    return lambda rows: curve(inputs.number(metric["input"], rows))


def _ratio(metric: Mapping[str, Any], inputs: Inputs) -> Evaluate:
    rule = metric["rule"]
    curve = Curve.of(rule["points"], rule["slopes"])
    multiplier, low, high = float(rule["multiplier"]), float(rule["low"]), float(rule["high"])

    def evaluate(rows: slice) -> Floats:
        top, bottom = inputs.number(metric["input"], rows), inputs.number(rule["denominator"], rows)
        ratio = top / np.where(bottom > 0.0, bottom, np.nan) * multiplier
        np.copyto(ratio, low, where=ratio < low)
        np.copyto(ratio, high, where=ratio >= high)
        return curve(ratio)

    return evaluate


def _boolean(metric: Mapping[str, Any], inputs: Inputs) -> Evaluate:
    yes, no = float(metric["rule"]["true"]), float(metric["rule"]["false"])

    def evaluate(rows: slice) -> Floats:
        x = inputs.number(metric["input"], rows)
        return np.where(x >= 0.5, yes, np.where(x < 0.5, no, np.nan))

    return evaluate


def _category(metric: Mapping[str, Any], inputs: Inputs) -> Evaluate:
    table = {name: float(points) for name, points in metric["rule"]["map"]}
    values = inputs.points_of_text(metric["input"], table, np.nan)
    return lambda rows: values[rows]


def _expiring(inner: Evaluate, validity: Mapping[str, Any], inputs: Inputs) -> Evaluate:
    days = float(validity["days"])
    return lambda rows: np.where(inputs.number(validity["input"], rows) > days, np.nan, inner(rows))


_RULES: Mapping[str, Callable[[Mapping[str, Any], Inputs], Evaluate]] = {
    "piecewise": _piecewise,
    "ratio": _ratio,
    "boolean": _boolean,
    "category": _category,
}
