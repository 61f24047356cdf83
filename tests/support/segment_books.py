"""Books whose segments weigh dimensions differently, exactly known: the oracle for learned segment weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from small_books import WINDOW

DIMENSIONS = ("usage", "engagement", "sentiment", "financial")
METRICS = tuple(f"{dimension}_{k}" for dimension in DIMENSIONS for k in (1, 2))
DIMENSION_OF = {metric: metric[:-2] for metric in METRICS}
#: Mean points of a dimension's metrics: unequal, so that moving weight between dimensions moves the level of a score.
MEAN_POINTS = {"usage": 65.0, "engagement": 35.0, "sentiment": 60.0, "financial": 75.0}
EVEN = dict.fromkeys(DIMENSIONS, 0.25)
#: Strongly different segments.
CONTRAST = {
    "Enterprise": {"usage": 0.10, "engagement": 0.50, "sentiment": 0.25, "financial": 0.15},
    "Mid-Market": {"usage": 0.30, "engagement": 0.30, "sentiment": 0.20, "financial": 0.20},
    "SMB": {"usage": 0.55, "engagement": 0.10, "sentiment": 0.15, "financial": 0.20},
}
MIX = {"Enterprise": 0.25, "Mid-Market": 0.35, "SMB": 0.40}
_AHEAD = 3  # months in which a churn makes a row positive, as a window of 14 + 90 days does


@dataclass(frozen=True)
class Young:
    """Young accounts show only part of their metrics: `shown` of them at the start, all of them after `days`."""

    shown: float = 0.5
    days: float = 180.0


def segment_book(
    weights: Mapping[str, Mapping[str, float]],
    *,
    accounts: int = 900,
    months: int = 18,
    seed: int = 0,
    spread: float = 9.0,
    monthly: float = 0.02,
    centred: bool = True,
    young: Young | None = None,
    mix: Mapping[str, float] = MIX,
) -> pd.DataFrame:
    """Labelled rows of accounts that leave for good, hazard `exp(b - spread * sum_d w_sd h_d)` a month.

    Args:
        weights: segment -> dimension -> true share of the score; shares sum to 1.
        accounts, months: size; accounts start with, or in the course of, the history.
        seed: of everything random.
        spread: fall of the log hazard over the whole score, h_d from 0 to 1.
        monthly: mean hazard per month of each segment.
        centred: whether all segments have the same mean hazard; else the level is common and risk differs as the
            profiles say.
        young: what young accounts hide, or None; `days_since_start` is a column either way.
        mix: share of accounts per segment.

    Returns:
        Rows in the shape of a cohort frame, `METRICS` from 0 to 100, more is healthier.
    """
    rng = np.random.default_rng(seed)
    names = list(mix)
    segment = rng.choice(len(names), accounts, p=[mix[name] for name in names])
    x = _metrics(rng, accounts, months + _AHEAD)
    health = np.stack([x[:, :, 2 * k : 2 * k + 2].mean(axis=2) for k in range(len(DIMENSIONS))], axis=2) / 100
    profile = np.array([[weights[name][dimension] for dimension in DIMENSIONS] for name in names])[segment]
    relief = spread * np.einsum("amd,ad->am", health, profile)
    level = np.full(accounts, np.log(monthly / np.exp(-relief).mean()))
    if centred:
        for k in range(len(names)):
            level[segment == k] = np.log(monthly / np.exp(-relief[segment == k]).mean())
    begins = np.where(rng.random(accounts) < 0.5, -24, rng.integers(0, months, accounts))
    leaves = (rng.random(relief.shape) < -np.expm1(-np.exp(level[:, None] - relief))) & (
        np.arange(months + _AHEAD) >= begins[:, None]
    )
    gone = np.where(leaves.any(axis=1), leaves.argmax(axis=1), months + _AHEAD)
    account, month = np.nonzero((np.arange(months) >= begins[:, None]) & (np.arange(months) <= gone[:, None]))
    days = (month - begins[account]) * 30.4 + 5
    shown = 1.0 if young is None else (young.shown + (1 - young.shown) * np.clip(days / young.days, 0, 1))[:, None]
    dates = pd.date_range("2023-01-31", periods=months, freq="ME")
    frame = pd.DataFrame({"account_id": [f"a{a:05d}" for a in account], "as_of": dates[month]})
    frame["as_of"] = frame["as_of"].astype("datetime64[us]")
    frame[list(METRICS)] = np.round(x[account, month] * shown, 2)
    frame["y"] = (gone[account] < month + _AHEAD).astype(float)
    frame["status"], frame["churned_on"] = "labelled", pd.NaT
    frame["matures_on"] = frame["as_of"] + pd.Timedelta(days=WINDOW.label_days)
    frame["segment"] = np.array(names)[segment[account]]
    frame = frame.assign(stratum="all", arr=1000.0, days_to_renewal=np.nan, days_since_start=days)
    return frame.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True)


def _metrics(rng: np.random.Generator, accounts: int, months: int) -> np.ndarray:
    """Points (accounts, months, metrics): half a lasting trait, half a state that wanders from month to month."""
    shape = (accounts, len(METRICS))
    state = rng.standard_normal(shape)
    trait = rng.standard_normal(shape)
    path = []
    for _ in range(months):
        path.append(0.7 * trait + 0.7 * state)
        state = 0.8 * state + 0.6 * rng.standard_normal(shape)
    mean = np.array([MEAN_POINTS[DIMENSION_OF[metric]] for metric in METRICS])
    return np.clip(mean + 20 * np.stack(path, axis=1), 0.0, 100.0)
