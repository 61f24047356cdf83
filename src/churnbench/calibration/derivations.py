"""Four ways from what the models know to weights of the same formula.

- shap_share: mean |SHAP|, the naive recipe of the field: weight times spread, blind to direction; for comparison.
- shap_slope: how much the log-odds of churn fall per point of the metric's hand curve, metric by metric.
- distilled: the same, all metrics jointly, by non-negative least squares on the challenger's out-of-fold log-odds.
- anchored: weights, directions and curves refitted to outcomes, pulled towards the hand formula.

The first three keep the hand formula's curves; all four end as integer weights of an ordinary formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import nnls

from churnbench.calibration.anchored import AnchoredFit, AnchoredRefit
from churnbench.calibration.refinements import Refinements, out_of_fold, refine, refined_body
from churnbench.calibration.training import Training
from churnbench.formula import MetricCurve, body_from_curves, effective_points, score_frame

#: A metric below this share of the score is left out of the formula.
LEAST_SHARE = 0.0005


@dataclass(frozen=True, eq=False)
class DerivedFormula:
    """A formula with its out-of-fold scores on training rows.

    Attributes:
        body: config body without risk curve; its bands are the hand formula's.
        rows: positions of training rows whose score is known out of fold.
        raw_score: their raw score 0-100; NaN where the formula has too little data.
        shares: metric -> share of the whole score, 0-1; under the default profile, levels of segments left out.
        refit: the anchored fit behind it, when there is one.
        log_odds: its out-of-fold log-odds of churn on `rows`, before rounding and clipping, and before segment
            profiles and ramp; None without a refit.
        notes: parameters for the record.
        refinements: segment profiles and lifecycle ramp, tried and adopted; None without a refit.
    """

    body: dict[str, Any]
    rows: np.ndarray
    raw_score: np.ndarray
    shares: Mapping[str, float]
    refit: tuple[AnchoredRefit, AnchoredFit] | None = None
    log_odds: np.ndarray | None = None
    notes: Mapping[str, object] = field(default_factory=dict)
    refinements: Refinements | None = None


def derive_hand(training: Training) -> DerivedFormula:
    """The declared formula as it is; it learns nothing, so its scores are out of fold everywhere."""
    shares = {c.metric: float(s) for c, s in zip(training.hand_curves, training.hand_shares, strict=True)}
    return _scored(training, training.hand_body, training.held_out_rows, shares)


def derive_today(training: Training) -> DerivedFormula:
    """Today's formula as it is: the one in force, else the declared one. It learns nothing here."""
    if training.settings.in_force is None:
        return derive_hand(training)
    shares = {c.metric: float(s) for c, s in zip(training.hand_curves, training.today_shares, strict=True)}
    return _scored(training, training.today_body, training.held_out_rows, shares)


def derive_draft(training: Training) -> DerivedFormula:
    """The formula under test as it is; its scores are out of fold everywhere."""
    assert training.settings.draft is not None  # noqa: S101 - entered only when there is one
    body = dict(training.settings.draft.body)
    shares = {metric: percent / 100 for metric, percent in effective_points(body).items()}
    return _scored(training, body, training.held_out_rows, shares)


def derive_shap_share(training: Training) -> DerivedFormula:
    """Dimension weights by mean |sum of signed SHAP|, metrics within by mean |SHAP|."""
    by_metric = training.attribution.mean_absolute()
    # A metric whose declared weight rounds to nothing is no part of the hand formula, and so of no derivation.
    scored = {curve.metric for curve in training.hand_curves} & set(by_metric)
    members = {
        d.id: [m.id for m in training.spec.in_dimension(d.id) if m.id in scored] for d in training.spec.dimensions
    }
    by_dimension = training.attribution.mean_absolute_of_sum(members)
    shares = {}
    for dimension, metrics in members.items():
        total = sum(by_metric[m] for m in metrics)
        for metric in metrics:
            shares[metric] = by_dimension[dimension] * by_metric[metric] / total if total > 0 else 0.0
    return _on_hand_curves(training, shares)


def derive_shap_slope(training: Training) -> DerivedFormula:
    """`w_j` proportional to `max(0, -cov(phi_j, n_j) / var(n_j))` with phi the SHAP values and n the hand points."""
    attribution = training.attribution
    frame = training.frame.iloc[attribution.rows]
    shares = {}
    for curve in training.hand_curves:
        points = curve.normalised(frame)
        known = ~np.isnan(points)
        spread = float(np.var(points[known])) if known.any() else 0.0
        phi = attribution.column(curve.metric)[known] if curve.metric in attribution.metrics else np.zeros(0)
        slope = float(np.cov(phi, points[known], bias=True)[0, 1]) / spread if spread > 0 and len(phi) else 0.0
        shares[curve.metric] = max(0.0, -slope)
    return _on_hand_curves(training, shares)


def derive_distilled(training: Training) -> DerivedFormula:
    """Non-negative least squares of the challenger's out-of-fold log-odds on all hand points jointly."""
    boosted = training.boosted
    frame = training.frame.iloc[boosted.rows]
    columns = []
    for curve in training.hand_curves:
        points = curve.normalised(frame)
        mean = float(np.nanmean(points)) if (~np.isnan(points)).any() else 0.0
        columns.append(-(np.where(np.isnan(points), mean, points) - mean))
    design = np.column_stack(columns)
    target = boosted.index - boosted.index.mean()
    # Least squares needs only the cross products, however many rows there are.
    triangle = np.asarray(np.linalg.qr(np.column_stack([design, target]), mode="r"))
    weights, _ = nnls(triangle[:, :-1], triangle[:, -1])
    return _on_hand_curves(training, {c.metric: float(w) for c, w in zip(training.hand_curves, weights, strict=True)})


def derive_anchored(training: Training) -> DerivedFormula:
    """The refit; with fewer than 20 churned accounts today's formula itself."""
    if training.tier == "descriptive":
        return derive_today(training)
    refit = AnchoredRefit(training)
    fit = refit.fit()
    curves, spread = formula_curves(training, fit)
    if spread <= 0:
        return derive_today(training)
    inner = refit.inner_fits(fit)
    others = refit.held_out_fits(fit)
    refined = refine(training, fit, inner, others)
    body = refined_body(_body(training, curves), refined)
    rows, index = refit.out_of_fold(fit, unseen=others)
    # The score is linear in the log-odds; its line is read off the fit's own rows and carries over.
    own, unseen = out_of_fold(training, training.held_out, refined.final, refined.held_out)
    score = score_frame(body, training.frame.iloc[rows])["raw_score"].to_numpy(dtype=float)
    raw = np.clip(score - (unseen - own) * 100 / refined.final.spread, 0.0, 100.0)
    return DerivedFormula(
        body,
        rows,
        raw,
        {curve.id: curve.share for curve in curves},
        (refit, fit),
        index,
        {
            "prior_scale": fit.prior_scale,
            "shapes_changed": len(fit.changes),
            "segments": max(r.segments for r in fit.basis.ramps),
            "segment_profiles": len(refined.final.weights.shares),
            "lifecycle_ramp": refined.final.ramp is not None,
        },
        refined,
    )


#: name -> derivation. A new way of deriving weights is one entry here and one in the contenders' table.
DERIVATIONS: dict[str, Callable[[Training], DerivedFormula]] = {
    "incumbent": derive_today,
    "shap_share": derive_shap_share,
    "shap_slope": derive_shap_slope,
    "distilled": derive_distilled,
    "anchored": derive_anchored,
}


def formula_curves(
    training: Training, fit: AnchoredFit, coefficients: np.ndarray | None = None
) -> tuple[list[MetricCurve], float]:
    """An additive fit as weights and curves: share = range over sum of ranges, points = 100 (f - min f) / range.

    Args:
        training: what it was fitted on.
        fit: the fit.
        coefficients: others on the same basis (a bootstrap draw); the fit's own when None.

    Returns:
        Curves with shares summing to 1, and the sum of ranges in log-odds.
    """
    a = fit.solution.coefficients if coefficients is None else coefficients
    declared = {metric.id: metric for metric in training.spec.metrics}
    found = []
    for ramps, curve in zip(fit.basis.ramps, fit.basis.hand, strict=True):
        health = ramps.health_at_knots(a)
        missing = None if ramps.missing_column is None else float(-a[ramps.missing_column])
        low, high = ramps.health_range(a)
        found.append((ramps, curve, health, missing, low, high - low))
    spread = float(sum(item[-1] for item in found))
    curves = []
    for ramps, curve, health, missing, low, span in found:
        metric = declared[ramps.metric]
        points = 100 * (health - low) / span if span > 0 else np.full(len(health), 50.0)
        curves.append(
            MetricCurve(
                id=ramps.metric,
                input=curve.input,
                dimension=metric.dimension,
                share=span / spread if spread > 0 else 0.0,
                rule=curve.learned_rule(ramps.knots, points),
                missing=metric.missing if missing is None else "neutral",
                neutral=metric.neutral
                if missing is None
                else round(100 * (missing - low) / span, 2)
                if span > 0
                else 50.0,
            )
        )
    return curves, spread


def _body(training: Training, curves: list[MetricCurve]) -> dict[str, Any]:
    kept = [curve for curve in curves if curve.share >= LEAST_SHARE]
    return body_from_curves(
        kept,
        dimension_order=[dimension.id for dimension in training.spec.dimensions],
        bands=training.spec.bands,
        min_coverage_bp=training.spec.min_coverage_bp,
    )


def _on_hand_curves(training: Training, shares: Mapping[str, float]) -> DerivedFormula:
    total = sum(shares.get(curve.metric, 0.0) for curve in training.hand_curves)
    if total <= 0:
        # The models found nothing in any declared direction; the honest derivation is no change.
        return derive_today(training)
    rules = {metric["id"]: metric for metric in training.hand_body["metrics"]}
    declared = {metric.id: metric for metric in training.spec.metrics}
    curves = [
        MetricCurve(
            id=curve.metric,
            input=curve.input,
            dimension=declared[curve.metric].dimension,
            share=shares.get(curve.metric, 0.0) / total,
            rule=rules[curve.metric]["rule"],
            missing=rules[curve.metric]["missing"],
            neutral=float(rules[curve.metric].get("neutral", 50.0)),
        )
        for curve in training.hand_curves
    ]
    body = _body(training, curves)
    return _scored(training, body, training.held_out_rows, {c.id: c.share for c in curves})


def _scored(training: Training, body: dict[str, Any], rows: np.ndarray, shares: Mapping[str, float]) -> DerivedFormula:
    raw = score_frame(body, training.frame.iloc[rows])["raw_score"].to_numpy(dtype=float)
    return DerivedFormula(body, rows, raw, shares)
