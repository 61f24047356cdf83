"""Evidence about the formula: weights, curves, direction changes, prices, thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from churnbench.calibration import FittedContender, Price, Proposal, Spread, Training
from churnbench.calibration.hand_curve import HandCurve
from churnbench.calibration.thresholds import ScoredRows
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.formula import SEGMENT_LEVEL, effective_points
from churnbench.metrics import korn_graubard

_DERIVED = ("shap_share", "shap_slope", "distilled", "anchored")
_BINS = 20
#: An isotonic curve needs this much before its steps mean anything (method, section 4).
_ISOTONIC_ROWS, _ISOTONIC_EVENTS = 1000, 100


def _percent(body: Mapping[str, Any] | None) -> dict[str, float]:
    """Weights of the metrics under the default profile; the level that keeps segments comparable is no weight."""
    found = {} if body is None else effective_points(dict(body))
    level = found.pop(SEGMENT_LEVEL, 0.0)
    return {metric: share * 100 / (100 - level) for metric, share in found.items()}


def weight_evidence(
    spec: FormulaSpec, fitted: Mapping[str, FittedContender], candidate: str, spread: Spread | None
) -> dict[str, Any]:
    """The `weights` section: per cent of the whole score, one column per derivation; "hand" is today's formula."""
    columns = {"hand": _percent(fitted["incumbent"].body)}
    columns |= {name: _percent(fitted[name].body) for name in _DERIVED}
    columns["candidate"] = _percent(fitted[candidate].body)
    known = spread if candidate == "anchored" else None
    homes = _homes(spec, fitted["incumbent"].body)
    metrics = [
        {
            "id": metric,
            "label": label,
            "dimension": dimension,
            **{column: round(shares.get(metric, 0.0), 4) for column, shares in columns.items()},
            "ci90": None if known is None else _interval(known.metrics.get(metric)),
            "selection_rate": None if known is None else known.selection_rate.get(metric),
            "direction_agreement": None if known is None else known.direction_agreement.get(metric),
        }
        for metric, (label, dimension) in homes.items()
        if any(metric in shares for shares in columns.values())
    ]
    labels = {dimension.id: dimension.label for dimension in spec.dimensions}
    dimensions = []
    for dimension in dict.fromkeys([*labels, *(home for _, home in homes.values())]):
        members = [metric for metric, (_, home) in homes.items() if home == dimension]
        summed = {column: sum(shares.get(m, 0.0) for m in members) for column, shares in columns.items()}
        dimensions.append(
            {
                "id": dimension,
                "label": labels.get(dimension) or dimension.replace("_", " ").capitalize(),
                **{column: round(share, 4) for column, share in summed.items()},
                "ci90": None if known is None else _interval(known.dimensions.get(dimension)),
            }
        )
    return {"dimensions": dimensions, "metrics": metrics}


def _homes(spec: FormulaSpec, today: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    """Metric -> what it is called and its dimension: the declared ones, then those only the formula in force knows."""
    found = {metric.id: (metric.label or metric.id, metric.dimension) for metric in spec.metrics}
    for dimension in [] if today is None else today["dimensions"]:
        for metric, _ in dimension["weights"]:
            if metric != SEGMENT_LEVEL:
                found.setdefault(metric, (metric, dimension["id"]))
    return found


def _interval(shares: tuple[float, float] | None) -> list[float] | None:
    return None if shares is None else [round(100 * end, 4) for end in shares]


def curve_evidence(training: Training, candidate: FittedContender, spread: Spread | None) -> list[dict[str, Any]]:
    """The `curves` section: hand and candidate curve over the histogram of training values, SHAP beside it."""
    bodies = {metric["id"]: metric for metric in (candidate.body or {"metrics": []})["metrics"]}
    shapes = candidate.derived.refit[1].shapes if candidate.derived and candidate.derived.refit else {}
    today = {metric["id"]: metric for metric in training.today_body["metrics"]}
    attribution = training.attribution if training.teachable else None
    declared = {metric.id: metric for metric in training.spec.metrics}
    found = []
    for curve in training.hand_curves:
        x = curve.values(training.frame)
        present = x[~np.isnan(x)]
        metric = declared[curve.metric]
        learned = bodies.get(curve.metric)
        entry: dict[str, Any] = {
            "metric": curve.metric,
            "label": metric.label or curve.metric,
            "unit": metric.unit,
            "missing": {
                "share": float(np.isnan(x).mean()),
                "neutral_points": None if learned is None else learned.get("neutral"),
            },
            "declared": metric.direction,
            "shape": shapes.get(curve.metric, "declared"),
        }
        entry |= _axis(curve, present, learned, today.get(curve.metric))
        band = None if spread is None or candidate.name != "anchored" else spread.curves.get(curve.metric)
        entry["band"] = (
            [] if band is None or curve.categories is not None else [[round(float(v), 6) for v in row] for row in band]
        )
        entry["shap"] = []
        if attribution is not None and curve.metric in attribution.metrics and len(present):
            edges = np.unique(np.quantile(present, np.linspace(0, 1, 13)))
            if len(edges) >= 2:
                entry["shap"] = attribution.dependence(curve.metric, x[attribution.rows], edges)
        found.append(entry)
    return found


def _axis(
    curve: HandCurve, present: np.ndarray, learned: Mapping[str, Any] | None, today: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Curves of today's formula and of the candidate over a histogram; none where a formula lacks the metric."""
    if curve.categories is not None:
        texts = list(curve.categories)
        points, before = _category_points(learned), _category_points(today)
        counts = [int((present == curve.categories[text]).sum()) for text in texts]
        return {
            "kind": "category",
            "hand": [[text, before[text]] for text in texts if text in before],
            "candidate": [[text, points[text]] for text in texts if text in points],
            "histogram": {"labels": texts, "counts": counts},
        }
    low, high = (float(np.quantile(present, 0.005)), float(np.quantile(present, 0.995))) if len(present) else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins, edges = np.histogram(present, bins=_BINS, range=(low, high))
    return {
        "kind": "numeric",
        "hand": [] if today is None or "map" in today["rule"] else _learned_points(today["rule"], low, high),
        "candidate": [] if learned is None else _learned_points(learned["rule"], low, high),
        "histogram": {"edges": [float(edge) for edge in edges], "counts": [int(count) for count in bins]},
    }


def _category_points(metric: Mapping[str, Any] | None) -> dict[str, float]:
    if metric is None or metric["rule"]["kind"] != "category":
        return {}
    return {text: float(points) for text, points in metric["rule"]["map"]}


def _learned_points(rule: Mapping[str, Any], low: float, high: float) -> list[list[float]]:
    pairs = [[0.0, rule["false"]], [1.0, rule["true"]]] if rule["kind"] == "boolean" else rule["points"]
    knots, heights = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    at = np.array([low, *[knot for knot in knots if low < knot < high], high])
    return [[float(a), float(p)] for a, p in zip(at, np.interp(at, knots, heights), strict=True)]


def price_evidence(found: Sequence[Price]) -> list[dict[str, Any]]:
    """The `constraints` section."""
    return [
        {
            "id": price.id,
            "setting": price.setting,
            "active": price.active,
            "price_auc": price.auc,
            "price_log_loss": price.log_loss,
        }
        for price in found
    ]


def threshold_evidence(proposal: Proposal, holdout: pd.DataFrame, bands: np.ndarray) -> list[dict[str, Any]]:
    """The `thresholds` section: what was promised in training and what the holdout showed.

    Args:
        proposal: the finished candidate.
        holdout: account_id and y of the holdout rows.
        bands: the candidate's band per holdout row.
    """
    accounts = holdout["account_id"].to_numpy(dtype=object)
    y = holdout["y"].to_numpy(dtype=float)
    found = []
    for threshold in proposal.thresholds:
        inside = bands == threshold.band
        observed = None
        if inside.any():
            rate = korn_graubard(y[inside], accounts[inside])
            observed = {
                "rate": rate.value,
                "ci90": None if rate.low is None else [rate.low, rate.high],
                "accounts": len(set(accounts[inside])),
                "events": len(set(accounts[inside & (y == 1)])),
            }
        cut = threshold.cut
        found.append(
            {
                "band": threshold.band,
                "from": threshold.from_shown,
                "from_raw": threshold.from_raw,
                "was": threshold.was,
                "promise": None if cut is None else cut.promise,
                "bound": None if cut is None else cut.bound,
                "accounts": None if cut is None else cut.accounts,
                "events": None if cut is None else cut.events,
                "guaranteed": bool(cut and cut.guaranteed),
                "observed": observed,
            }
        )
    return found


def risk_curve_evidence(candidate: FittedContender, rows: ScoredRows) -> dict[str, Any]:
    """The `risk_curve` section: the logistic curve as the config ships it, and an isotonic overlay to judge it by.

    Args:
        candidate: its body holds the curve.
        rows: out-of-fold scores of training rows; the overlay is drawn from 1,000 rows and 100 churned accounts on.
    """
    curve = (candidate.body or {}).get("risk_curve", {"strata": []})
    strata = [{"id": stratum["id"], "points": stratum["points"]} for stratum in curve["strata"]]
    overlay: list[list[float]] = []
    if len(rows.y) >= _ISOTONIC_ROWS and len(np.unique(rows.account[rows.y == 1])) >= _ISOTONIC_EVENTS:
        fitted = IsotonicRegression(increasing=False).fit(rows.score, rows.y)
        overlay = [[float(s), float(p)] for s, p in zip(fitted.X_thresholds_, fitted.y_thresholds_, strict=True)]
    return {"strata": strata, "isotonic": overlay}
