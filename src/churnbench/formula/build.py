"""From the hand formula as its owner declares it to a body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec, MetricSpec
from churnbench.formula.checked import Body
from churnbench.formula.columns import numbers
from churnbench.formula.edited import with_caps, with_ramp, with_segments
from churnbench.formula.from_curves import MetricCurve, body_from_curves
from churnbench.formula.normalisers import hand_rule, needs_data


def build_body(spec: FormulaSpec, training: pd.DataFrame) -> Body:
    """Write a hand formula as a config body.

    Args:
        spec: the declared formula.
        training: training rows with one column per metric id (and ratio denominator). Only quantile
            normalisers look at the values; they are cut at the 5th and 95th percentile.

    Returns:
        A checked body. Metrics of weight 0, and those of `unusable_metrics`, are left out.

    Raises:
        InputError: for a column that does not exist, an impossible declaration, or when no metric is left.
    """
    _check_declared(spec, training)
    left_out = unusable_metrics(spec, training)
    kept = [metric for metric in spec.metrics if metric.id not in left_out and metric.weight > 0]
    if not kept:
        raise InputError(
            f"no usable metric: {left_out or 'none declared'}.",
            fix="Declare metrics whose columns hold data.",
        )
    curves = []
    for dimension in spec.dimensions:
        members = [metric for metric in kept if metric.dimension == dimension.id]
        total = sum(metric.weight for metric in members)
        curves += [_curve(metric, dimension.weight * metric.weight / total, training) for metric in members]
    order = [dimension.id for dimension in spec.dimensions]
    body = body_from_curves(curves, order, spec.bands, spec.min_coverage_bp)
    present = {dimension["id"] for dimension in body["dimensions"]}
    declared = {
        segment: {name: weight for name, weight in weights.items() if name in present}
        for segment, weights in spec.segment_weights.items()
    }
    return _with_policy(with_segments(body, declared) if declared else body, spec)


def _with_policy(body: Body, spec: FormulaSpec) -> Body:
    """Ramp and caps as declared."""
    if spec.ramp is not None:
        body = with_ramp(body, spec.ramp.points, tenure_input=spec.ramp.input)
    return with_caps(body, [asdict(cap) for cap in spec.caps]) if spec.caps else body


def unusable_metrics(spec: FormulaSpec, training: pd.DataFrame) -> dict[str, str]:
    """Metrics whose rule must be read off the data when the data cannot give it.

    Returns:
        Metric id -> reason in plain words; `build_body` leaves these metrics out.
    """
    reasons = {}
    for metric in spec.metrics:
        if metric.weight > 0 and needs_data(metric) and metric.id in training.columns:
            values = numbers(training, metric.id)
            values = values[np.isfinite(values)]
            if len(values) == 0:
                reasons[metric.id] = "no value in the training data"
            elif values.min() == values.max():
                reasons[metric.id] = f"always {values.min():g} in the training data"
    return reasons


def _check_declared(spec: FormulaSpec, training: pd.DataFrame) -> None:
    known = {dimension.id for dimension in spec.dimensions}
    for metric in spec.metrics:
        if metric.dimension not in known:
            raise InputError(
                f"metric {metric.id}: dimension {metric.dimension!r} is not declared.",
                fix=f"Use one of {', '.join(sorted(known))}.",
            )
        if not 0 <= metric.weight < float("inf"):
            raise InputError(f"metric {metric.id}: weight {metric.weight}.", fix="Use a weight from 0 upwards.")
        needed = (metric.id, *([metric.normalise.params["denominator"]] if _has_denominator(metric) else []))
        for column in needed:
            if column not in training.columns:
                raise InputError(
                    f"metric {metric.id} needs a column {column!r}, which the data do not have.",
                    column=str(column),
                    fix="Add the column, or take the metric out of the formula.",
                )
    read = [cap.input for cap in spec.caps] + ([spec.ramp.input] if spec.ramp else [])
    absent = next((name for name in read if name not in training.columns), None)
    if absent is not None:
        raise InputError(
            f"a cap or the ramp needs a column {absent!r}, which the data do not have.",
            column=absent,
            fix="Add the column, or take the cap or ramp out of the formula.",
        )
    for segment, weights in spec.segment_weights.items():
        unknown = sorted(set(weights) - known)
        if unknown:
            raise InputError(
                f"segment {segment!r}: dimension {unknown[0]!r} is not declared.",
                fix=f"Use one of {', '.join(sorted(known))}.",
            )


def _has_denominator(metric: MetricSpec) -> bool:
    return metric.normalise.kind == "ratio" and isinstance(metric.normalise.params.get("denominator"), str)


def _curve(metric: MetricSpec, share: float, training: pd.DataFrame) -> MetricCurve:
    rule: Mapping[str, Any] = hand_rule(metric, training)
    return MetricCurve(
        id=metric.id,
        input=metric.id,
        dimension=metric.dimension,
        share=share,
        missing=metric.missing,
        neutral=metric.neutral,
        rule=rule,
    )
