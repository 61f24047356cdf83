"""From fitted (or declared) metric curves and their shares to a body."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import MissingPolicy
from churnbench.formula.checked import Body, validate_body
from churnbench.formula.curves import category_rule, piecewise_rule, rounded
from churnbench.formula.shares import to_basis_points


@dataclass(frozen=True)
class MetricCurve:
    """One metric of a formula.

    Attributes:
        id: metric id, unique.
        input: input column that the rule reads.
        dimension: dimension id.
        share: share of the whole score, >= 0, in any unit common to all curves.
        points: `(x, points)` knots, x strictly ascending, points 0..100; or None.
        categories: text -> points 0..100; or None.
        missing: policy for a missing value.
        neutral: points of a missing value under the neutral policy, 0..100.
        rule: a rule in the form of the config, taken as it is; wins over `points` and `categories`.
        validity: validity period in the form of the config, or None.
    """

    id: str
    input: str
    dimension: str
    share: float
    points: Sequence[tuple[float, float]] | None = None
    categories: Mapping[str, float] | None = None
    missing: MissingPolicy = "skip"
    neutral: float = 50.0
    rule: Mapping[str, Any] | None = None
    validity: Mapping[str, Any] | None = None


def body_from_curves(
    curves: Sequence[MetricCurve],
    dimension_order: Sequence[str],
    bands: Sequence[tuple[str, float]],
    min_coverage_bp: int,
) -> Body:
    """Assemble a body; the weights are rounded to basis points on both levels by the largest remainder.

    Args:
        curves: metrics; those whose weight is zero (or rounds to zero basis points) are left out.
        dimension_order: dimension ids in the order of the config; those left empty are dropped.
        bands: `(name, lowest score 0-100)`, ascending, the first at 0.
        min_coverage_bp: weight that must be present for a score, 0..10000 basis points.

    Returns:
        A checked body, ready for `score_frame` and `export.build_document`.

    Raises:
        InputError: for a curve of an unknown dimension, or anything the config format forbids.
    """
    for curve in curves:
        if curve.dimension not in dimension_order:
            raise InputError(
                f"metric {curve.id}: dimension {curve.dimension!r} is not among {list(dimension_order)}.",
                fix="Declare the dimension, or correct its name.",
            )
        if not math.isfinite(curve.share) or curve.share < 0:
            raise InputError(f"metric {curve.id}: share {curve.share}.", fix="Use a share from 0 upwards.")
    totals = [math.fsum(curve.share for curve in curves if curve.dimension == name) for name in dimension_order]
    weights = to_basis_points(totals, what="dimension weights")
    used = [(name, weight) for name, weight in zip(dimension_order, weights, strict=True) if weight > 0]
    metrics: list[dict[str, Any]] = []
    dimensions: list[dict[str, Any]] = []
    for name, _ in used:
        members = [curve for curve in curves if curve.dimension == name]
        inner = to_basis_points([curve.share for curve in members], what=f"weights of {name}")
        kept = [(curve, weight) for curve, weight in zip(members, inner, strict=True) if weight > 0]
        metrics += [_metric(curve) for curve, _ in kept]
        dimensions.append({"id": name, "weights": [[curve.id, weight] for curve, weight in kept]})
    body = {
        "metrics": metrics,
        "dimensions": dimensions,
        "segments": {"input": None, "default": [[name, weight] for name, weight in used], "by": []},
        "min_coverage": int(min_coverage_bp),
        "ramp": None,
        "caps": [],
        "bands": band_starts(bands),
        "display_map": None,
        "risk_curve": {"input": None, "strata": []},
        "triggers": [],
    }
    validate_body(body)
    return body


def band_starts(bands: Sequence[tuple[str, float]]) -> list[list[Any]]:
    """Bands as the config holds them: the lowest score in hundredths of a point, "from" inclusive."""
    return [[name, math.floor(start * 100 + 0.5)] for name, start in bands]


def _metric(curve: MetricCurve) -> dict[str, Any]:
    what = f"metric {curve.id}"
    if curve.rule is not None:
        rule = dict(curve.rule)
    elif curve.points is not None:
        rule = piecewise_rule(curve.points, what=what)
    elif curve.categories is not None:
        rule = category_rule(list(curve.categories.items()), what=what)
    else:
        raise InputError(f"{what}: neither points, categories nor a rule.", fix="Give one of them.")
    metric: dict[str, Any] = {"id": curve.id, "input": curve.input, "missing": curve.missing, "rule": rule}
    if curve.missing == "neutral":
        metric["neutral"] = rounded(float(curve.neutral))
    if curve.validity is not None:
        metric["validity"] = dict(curve.validity)
    return metric
