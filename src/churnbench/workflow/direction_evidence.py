"""Declared directions that the candidate turns: what a person must approve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from churnbench.calibration import FittedContender, Training
from churnbench.calibration.hand_curve import HandCurve
from churnbench.domain.formula_spec import MetricSpec

_WORDS = {"higher_is_healthier": "higher is healthier", "lower_is_healthier": "lower is healthier"}
_OPPOSITE = {"higher_is_healthier": "lower is healthier", "lower_is_healthier": "higher is healthier"}
_BENT = "a curve that rises and falls"
#: Points of 100 by which a curve must go up or down to count as doing so.
_LEAST = 0.01


def direction_evidence(training: Training, candidate: FittedContender) -> list[dict[str, Any]]:
    """The `direction_changes` section, of a refit or of a formula that somebody brought.

    Returns:
        Per metric: what was declared and is proposed; `source` "refit" with the statistic that the audit of shapes
        found, or "draft", which nobody audited; `in_force` where today's formula has it so already.
    """
    declared = {metric.id: metric for metric in training.spec.metrics}
    if training.settings.draft is not None and candidate.name == "draft":
        found = _of_draft(training, candidate.body or {}, declared)
    elif candidate.derived is None or candidate.derived.refit is None:
        return []
    else:
        found = _of_refit(candidate, declared)
    known = {} if training.settings.in_force is None else _turned(training, training.today_body, declared)
    for entry in found:
        entry["in_force"] = known.get(entry["metric"]) == entry["proposed"]
        if entry["in_force"]:
            entry["detail"] += " The formula in force has it so already."
    return found


def _of_refit(candidate: FittedContender, declared: Mapping[str, MetricSpec]) -> list[dict[str, Any]]:
    assert candidate.derived is not None  # noqa: S101 - checked by the caller
    assert candidate.derived.refit is not None  # noqa: S101 - likewise
    found = []
    for metric, change in {change.metric: change for change in candidate.derived.refit[1].changes}.items():
        direction = declared[metric].direction
        proposed = _OPPOSITE[direction] if change.shape == "flipped" else _BENT
        label = declared[metric].label or metric
        found.append(
            {
                "metric": metric,
                "declared": _WORDS[direction],
                "proposed": proposed,
                "source": "refit",
                "statistic": change.statistic,
                "needed": change.needed,
                "design_effect": change.design_effect,
                "detail": f"'{label}' was declared {_WORDS[direction]}; the accounts say {proposed} "
                f"(evidence {change.statistic:.0f}, needed {change.needed:.0f}).",
            }
        )
    return found


def _of_draft(training: Training, body: Mapping[str, Any], declared: Mapping[str, MetricSpec]) -> list[dict[str, Any]]:
    found = []
    for metric, proposed in _turned(training, body, declared).items():
        said = _WORDS[declared[metric].direction]
        found.append(
            {
                "metric": metric,
                "declared": said,
                "proposed": proposed,
                "source": "draft",
                "statistic": None,
                "needed": None,
                "design_effect": None,
                "detail": f"'{declared[metric].label or metric}' was declared {said}; the draft says {proposed}. "
                "Nothing in this run audited that.",
            }
        )
    return found


def _turned(training: Training, body: Mapping[str, Any], declared: Mapping[str, MetricSpec]) -> dict[str, str]:
    """Metric -> what a body makes of it where that is not what was declared."""
    rules = {metric["id"]: metric["rule"] for metric in body["metrics"]}
    found = {}
    for curve in training.hand_curves:
        if curve.metric not in rules:
            continue
        before, now = _course(np.asarray(curve.points)), _course(_along(curve, rules[curve.metric]))
        direction = declared[curve.metric].direction
        if now in (before, (False, False)):
            continue
        if now == (True, True):
            found[curve.metric] = _BENT
        elif curve.categories is not None:
            # Codes of a category rise with the hand points, so falling points turn the declared order around.
            if now == (False, True):
                found[curve.metric] = _OPPOSITE[direction]
        elif now[0] != (direction == "higher_is_healthier"):
            found[curve.metric] = _OPPOSITE[direction]
    return found


def _along(curve: HandCurve, rule: Mapping[str, Any]) -> np.ndarray:
    """Points of a rule in the order of the metric's axis."""
    if "map" in rule:
        points = {text: float(value) for text, value in rule["map"]}
        order = sorted(curve.categories or {}, key=lambda text: (curve.categories or {})[text])
        return np.array([points[text] for text in order if text in points])
    if rule["kind"] == "boolean":
        return np.array([float(rule["false"]), float(rule["true"])])
    return np.array([float(value) for _, value in rule["points"]])


def _course(points: np.ndarray) -> tuple[bool, bool]:
    """Whether a curve rises anywhere, and whether it falls anywhere."""
    steps = np.diff(points)
    return bool((steps > _LEAST).any()), bool((steps < -_LEAST).any())
