"""Checks of a whole body, and what its weights come to."""

from __future__ import annotations

from typing import Any

from churnbench.domain.errors import InputError
from churnbench_scorer import ConfigRefused
from churnbench_scorer.rules import check_body

Body = dict[str, Any]


def validate_body(body: Body) -> dict[str, str]:
    """Check a body by the very rules that the scorer applies when it loads a config.

    Returns:
        Input id -> "number", "boolean" or "category", in order of first use.

    Raises:
        InputError: at the first fault, naming the place, what arrived and what was expected.
    """
    try:
        return check_body(body)
    except ConfigRefused as refusal:
        raise InputError(
            f"{refusal.where}: {refusal.arrived}; expected {refusal.expected}.", fix=refusal.fix
        ) from refusal


def effective_points(body: Body) -> dict[str, float]:
    """Share of each metric in the whole score under the default profile, in per cent; they sum to 100."""
    dimension_weights = dict(body["segments"]["default"])
    return {
        metric: dimension_weights[dimension["id"]] * weight / 1e6
        for dimension in body["dimensions"]
        for metric, weight in dimension["weights"]
    }


def metric_inputs(body: Body) -> list[str]:
    """Inputs without which a metric cannot be computed: metric inputs and denominators, in order."""
    names: dict[str, None] = {}
    for metric in body["metrics"]:
        names[metric["input"]] = None
        if metric["rule"]["kind"] == "ratio":
            names[metric["rule"]["denominator"]] = None
    return list(names)
