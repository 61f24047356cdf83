"""What is true of a simulated world: the probability of every row, and what truth.json says."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from churnbench.data import world_effects, world_hazard, world_latent
from churnbench.data.world_book import SEGMENTS
from churnbench.data.world_chunk import Chunk
from churnbench.data.world_future import expected_hazards, window_probability
from churnbench.data.world_metrics import METRICS, Array, MetricTruth
from churnbench.data.world_tables import Snapshots
from churnbench.data.world_treatment import in_force, policy_paths


def truth_table(chunk: Chunk, made: Snapshots, *, probability: bool = True) -> pd.DataFrame:
    """The truth of every snapshot row.

    Args:
        chunk: the chunk.
        made: its snapshot rows.
        probability: False leaves the true probabilities out; they take most of the time.

    Returns:
        account_id, as_of, churn_probability (under the policy of the world) and, where there is a treatment,
        untreated_probability (nobody intervenes after as_of; what is under way goes on), both if asked for;
        metric_risk, what the metrics add to the log hazard today, about 0 on average.
    """
    table = made.frame[["account_id", "as_of"]].copy()
    if probability:
        values = _probabilities(chunk, np.unique(made.columns))
        for name, by_month in values.items():
            table[name] = by_month[made.rows, made.columns]
    table["metric_risk"] = chunk.hazard.scale.centre - chunk.hazard.relief[made.rows, made.columns]
    return table


def _probabilities(chunk: Chunk, months: np.ndarray) -> dict[str, Array]:
    """True probabilities, arrays (accounts, history), NaN at other month ends than those asked for."""
    settings, rng = chunk.settings, chunk.rng(7)
    window, care, treatment = settings.window, chunk.care, settings.treatment
    names = ["churn_probability"] if treatment is None else ["churn_probability", "untreated_probability"]
    found = {name: np.full(chunk.hazard.relief.shape, np.nan) for name in names}
    for month in (int(value) for value in months):
        hazards = expected_hazards(
            chunk.hazard,
            chunk.latent,
            month,
            window.gap_days + window.horizon_days,
            rng,
            departures=settings.departures,
        )
        if care is None or treatment is None:
            found[names[0]][:, month] = window_probability(chunk.hazard, month, hazards, window)
            continue
        steps = len(hazards)
        untouched = in_force(care, treatment, month, steps)
        found[names[1]][:, month] = window_probability(chunk.hazard, month, _times(hazards, untouched), window)
        found[names[0]][:, month] = sum(
            weight * window_probability(chunk.hazard, month, _times(hazards, factors), window)
            for weight, factors in policy_paths(chunk.hazard, care, treatment, month, steps)
        )
    return found


def _times(hazards: list[Array], factors: list[Array]) -> list[Array]:
    return [rates * factor[:, None] for rates, factor in zip(hazards, factors, strict=True)]


def truth_document(chunk: Chunk, table: pd.DataFrame) -> dict[str, object]:
    """What truth.json says.

    Args:
        chunk: the first chunk of the world; curves and weights are taken from its rows.
        table: the truth table of the world (or of its first chunk); without probabilities the dear entries
            are null.

    Returns:
        settings, window, mean_churn_probability, metrics, weights, segments, hazard, departures, treatment.
    """
    settings = chunk.settings
    known = "churn_probability" in table
    curves = world_effects.true_curves(chunk)
    recorded = world_effects.recorded_curves(chunk) if known else {}
    sizes = {
        "per_sd": {metric.id: abs(metric.effect) * world_effects.strength(settings) for metric in METRICS},
        "range": world_effects.ranges(curves),
        "recorded_range": world_effects.ranges(recorded) if known else None,
    }
    overall = world_effects.book_factors(chunk)
    by_segment = world_effects.segment_factors(settings)
    percent = {name: None if size is None else world_effects.weights(size, overall) for name, size in sizes.items()}
    return {
        "settings": settings.as_json(),
        "window": {"gap_days": settings.window.gap_days, "horizon_days": settings.window.horizon_days},
        "mean_churn_probability": float(table["churn_probability"].mean()) if known else None,
        "metrics": [
            {
                **_metric(metric, world_effects.strength(settings)),
                **{
                    f"weight_percent_{name}": None if found is None else found["metrics"][metric.id]
                    for name, found in percent.items()
                },
                "curve": curves.get(metric.id),
                "recorded_curve": recorded.get(metric.id),
            }
            for metric in METRICS
        ],
        "weights": percent,
        "segments": {
            name: {
                "effect_factors": by_segment[name],
                "log_hazard_shift": 0.0 if settings.null else SEGMENTS[name][4],
                "weights": {
                    notion: None if size is None else world_effects.weights(size, by_segment[name])
                    for notion, size in sizes.items()
                },
            }
            for name in SEGMENTS
        },
        "hazard": _hazard(chunk),
        "departures": _departures(chunk),
        "treatment": None if settings.treatment is None else asdict(settings.treatment),
    }


def _metric(metric: MetricTruth, strength: float) -> dict[str, object]:
    silent = metric.effect == 0.0 or strength == 0.0
    return {
        "id": metric.id,
        "dimension": metric.dimension,
        "effect_per_sd": metric.effect * strength,
        "direction": None if silent else ("higher_is_healthier" if metric.effect > 0 else "lower_is_healthier"),
        "saturates_at_sd": metric.saturates_at,
        "struck_by_departures": metric.struck,
        **world_effects.lead_time(metric),
    }


def _hazard(chunk: Chunk) -> dict[str, object]:
    null, shift = chunk.settings.null, chunk.settings.hazard_shift
    return {
        "monthly_log_level": chunk.hazard.scale.level,
        "renewal_log_bonus": 0.0 if null else world_hazard.RENEWAL_BONUS,
        "notice_days": world_hazard.NOTICE_DAYS,
        "season_log_bonus": {} if null else world_hazard.SEASON_BONUS,
        "involuntary_monthly_rate": world_hazard.INVOLUNTARY_RATE,
        "delay_days": round(world_latent.DAYS_A_MONTH * world_latent.HAZARD_DELAY),
        "decline_monthly_rate": world_latent.DECLINE_RATE,
        "decline_fall_sd": world_latent.DECLINE_FALL,
        "decline_kept_a_month": world_latent.DECLINE_KEPT,
        "shift": None if shift is None else {"from": shift[0].isoformat(), "factor": shift[1]},
    }


def _departures(chunk: Chunk) -> dict[str, object]:
    """The law of champion departures, and per segment the factor on the hazard one to two months after one."""
    effects = world_hazard.segment_effects(
        signal=chunk.settings.signal, contrast=chunk.settings.contrast, null=chunk.settings.null
    )
    fall = sum(world_latent.DEPARTURE_POINTS) / 2.0 / world_latent.POINTS_PER_SD
    return {
        "monthly_rate": chunk.settings.departures,
        "points": list(world_latent.DEPARTURE_POINTS),
        "kept_a_month": world_latent.DEPARTURE_KEPT,
        "metrics": [metric.id for metric in METRICS if metric.struck],
        "hazard_factor_30_to_90_days": {
            name: round(float(np.exp(fall * effect @ world_hazard.STRUCK)), 2) for name, effect in effects.items()
        },
    }
