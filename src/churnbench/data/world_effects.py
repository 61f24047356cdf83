"""True curves, weights and lead times of a simulated world, per metric, dimension and segment.

Three notions of a true weight, none of which is the others':

* per standard deviation of the latent level: |effect|, as a share of all;
* by range: the range of the metric's own term of the log hazard between the 1st and 99th percentile of its
  latent level, as a share of all ranges. A metric that saturates counts for what it can still take away;
* recorded, by range: the same of the term that a recorded value stands for, on average, over the outcome
  window that follows. Noise, counting, delay and the way back to the mean make it flatter; this is what a
  formula on recorded values can find.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.isotonic import IsotonicRegression

from churnbench.data.world_book import SEGMENTS
from churnbench.data.world_chunk import Chunk
from churnbench.data.world_latent import DAYS_A_MONTH, HAZARD_DELAY, contribution
from churnbench.data.world_metrics import METRICS, Array, MetricTruth, segment_factor
from churnbench.data.world_settings import RUN_IN, WorldSettings

#: Latent quantiles at which a true curve is given, per cent.
CURVE_PERCENTILES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99)
_LOW, _HIGH = 0, len(CURVE_PERCENTILES) - 1


def strength(settings: WorldSettings) -> float:
    """Factor of the settings on every effect."""
    return 0.0 if settings.null else settings.signal


def lead_time(metric: MetricTruth) -> dict[str, object]:
    """When the record of a metric answers a decline of commitment, and how long before the churn that is.

    Returns:
        response_days from the decline to the activity; window_days that the record counts; lead_days from the
        record's answer (for a count, when half of its window has seen it) to the churn, negative after it;
        by_design "leading" from 60 days on, "coincident" from 30, else "lagging".
    """
    window = 1 if metric.observer is None else metric.observer.window_months
    months = HAZARD_DELAY - metric.response - (window - 1) / 2.0
    days = round(DAYS_A_MONTH * months)
    return {
        "response_days": round(DAYS_A_MONTH * metric.response),
        "window_days": 30 * window if window > 1 else 0,
        "lead_days": days,
        "by_design": "leading" if days >= 60 else "coincident" if days >= 30 else "lagging",
    }


def true_curves(chunk: Chunk) -> dict[str, dict[str, list[float]]]:
    """True curve of every metric that has an observer: what it adds to the log hazard, Mid-Market account.

    Returns:
        Metric id -> latent_percentile, value (what the record says there on average), log_hazard (relative to
        the median).
    """
    found = {}
    keep = chunk.present
    keep[:, :RUN_IN] = False
    for index, metric in enumerate(METRICS):
        if metric.observer is None:
            continue
        q = np.percentile(chunk.latent.recorded_level(index)[keep], CURVE_PERCENTILES)
        term = -strength(chunk.settings) * contribution(metric, q)
        median = CURVE_PERCENTILES.index(50)
        found[metric.id] = {
            "latent_percentile": [float(p) for p in CURVE_PERCENTILES],
            "value": [round(float(v), 4) for v in metric.observer.typical(q)],
            "log_hazard": [round(float(v), 5) + 0.0 for v in term - term[median]],
        }
    return found


def recorded_curves(chunk: Chunk) -> dict[str, dict[str, list[float]]]:
    """What a recorded value stands for: mean of the metric's term over the coming outcome window.

    Isotonic regression of the term on the recorded value, over all rows of the chunk whose window is in the
    drawn history; missing values are left out.

    Returns:
        Metric id -> value (percentiles of the recorded values) and log_hazard there, relative to the median
        value; only metrics with an effect.
    """
    found = {}
    shares = _window_shares(chunk)
    newest = chunk.settings.history - len(shares)
    keep = chunk.present[:, : newest + 1]
    keep[:, :RUN_IN] = False
    for index, metric in enumerate(METRICS):
        if not metric.effect or not strength(chunk.settings):
            continue
        term = -strength(chunk.settings) * contribution(metric, chunk.latent.hazard_level(index))
        ahead = sum(share * term[:, step : newest + 1 + step] for step, share in enumerate(shares))
        values = chunk.recorded[metric.id][:, : newest + 1]
        rows = keep & ~np.isnan(values)
        fitted = IsotonicRegression(increasing=metric.effect < 0).fit(values[rows], np.asarray(ahead)[rows])
        points = np.percentile(values[rows], CURVE_PERCENTILES)
        height = fitted.predict(points)
        found[metric.id] = {
            "value": [round(float(v), 4) for v in points],
            "log_hazard": [round(float(v), 5) for v in height - height[CURVE_PERCENTILES.index(50)]],
        }
    return found


def _window_shares(chunk: Chunk) -> Array:
    """Share of the outcome window that falls into each of the months ahead."""
    window = chunk.settings.window
    ends = DAYS_A_MONTH * np.arange(0.0, 9.0)
    inside = np.clip(ends[1:], window.gap_days, window.gap_days + window.horizon_days) - np.clip(
        ends[:-1], window.gap_days, window.gap_days + window.horizon_days
    )
    inside = inside[: int(np.flatnonzero(inside)[-1]) + 1]
    return np.asarray(inside / inside.sum())


def ranges(curves: Mapping[str, Mapping[str, list[float]]]) -> dict[str, float]:
    """Range of each curve between its ends, the 1st and the 99th percentile; 0 for metrics without a curve."""
    return {
        metric.id: abs(curves[metric.id]["log_hazard"][_HIGH] - curves[metric.id]["log_hazard"][_LOW])
        if metric.id in curves
        else 0.0
        for metric in METRICS
    }


def weights(sizes: Mapping[str, float], factors: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Per cent per metric and per dimension of sizes times the factor of their dimension."""
    scaled = {metric.id: sizes[metric.id] * factors[metric.dimension] for metric in METRICS}
    total = sum(scaled.values()) or 1.0
    percent = {name: 100.0 * size / total for name, size in scaled.items()}
    dimensions: dict[str, float] = {}
    for metric in METRICS:
        dimensions[metric.dimension] = dimensions.get(metric.dimension, 0.0) + percent[metric.id]
    return {
        "metrics": {name: round(value, 3) for name, value in percent.items()},
        "dimensions": {name: round(value, 3) for name, value in dimensions.items()},
    }


def segment_factors(settings: WorldSettings) -> dict[str, dict[str, float]]:
    """Factor on the effects by segment and dimension, under the contrast of the settings."""
    dimensions = dict.fromkeys(metric.dimension for metric in METRICS)
    return {
        name: {dimension: segment_factor(name, dimension, settings.contrast) for dimension in dimensions}
        for name in SEGMENTS
    }


def book_factors(chunk: Chunk) -> dict[str, float]:
    """Mean factor per dimension over the rows of the book, for weights that all segments share."""
    rows = chunk.present[:, RUN_IN:].sum(axis=1)
    share = {name: float(rows[(chunk.book["segment"] == name).to_numpy()].sum() / rows.sum()) for name in SEGMENTS}
    factors = segment_factors(chunk.settings)
    return {
        dimension: sum(share[name] * factors[name][dimension] for name in SEGMENTS)
        for dimension in factors["Mid-Market"]
    }
