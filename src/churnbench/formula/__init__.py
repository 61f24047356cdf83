"""The hand formula as a config body, and its vectorised score: exactly what `churnbench_scorer` computes.

One formula: the scorer owns the arithmetic (docs/scoring-rules.md), this package repeats it on arrays.
"""

from churnbench.formula.build import build_body, unusable_metrics
from churnbench.formula.checked import Body, effective_points, metric_inputs, validate_body
from churnbench.formula.edited import (
    SEGMENT_LEVEL,
    with_bands,
    with_caps,
    with_display_map,
    with_hysteresis,
    with_ramp,
    with_risk_curve,
    with_segment_profiles,
    with_segments,
)
from churnbench.formula.frame import metric_values, score_frame
from churnbench.formula.from_curves import MetricCurve, body_from_curves
from churnbench.formula.shares import to_basis_points

__all__ = [
    "SEGMENT_LEVEL",
    "Body",
    "MetricCurve",
    "body_from_curves",
    "build_body",
    "effective_points",
    "metric_inputs",
    "metric_values",
    "score_frame",
    "to_basis_points",
    "unusable_metrics",
    "validate_body",
    "with_bands",
    "with_caps",
    "with_display_map",
    "with_hysteresis",
    "with_ramp",
    "with_risk_curve",
    "with_segment_profiles",
    "with_segments",
]
