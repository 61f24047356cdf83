"""What a simulated account shows: one row per metric, its true effect on churn and how it is observed.

Every metric has a latent level q (mean 0, variance 1 across accounts and time; more of it = larger q).
The truth of the world acts on q; a company only sees what the observer below makes of q: rounded, counted,
noisy, late, or not answered at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Latent factors behind the metrics, in the order of every loading vector.
FACTORS = ("commitment", "usage", "relationship", "sentiment", "support", "finance")


@dataclass(frozen=True)
class Scene:
    """What observers may use beside the latent level; arrays are (accounts, 1) or (accounts, months)."""

    rng: np.random.Generator
    seats: Array
    onboarding: Array
    season: Array
    contact: Array


@dataclass(frozen=True)
class Observer:
    """How a latent level becomes a recorded value.

    Attributes:
        record: recorded values of levels (accounts, months), with all noise.
        typical: what the record says of a level on average, without season, onboarding and noise.
        window_months: months of activity that one record counts.
        whole: whether the record is a whole number.
    """

    record: Callable[[Array, Scene], Array]
    typical: Callable[[Array], Array]
    window_months: int = 1
    whole: bool = False


def _sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def _rolling_sum(monthly: Array, months: int) -> Array:
    """Sum over the current and the previous `months - 1` columns; shorter at the start."""
    total = np.cumsum(monthly, axis=1)
    total[:, months:] = total[:, months:] - total[:, :-months]
    return total


def share(centre: float, slope: float, *, usage: bool = False) -> Observer:
    """A share 0-1, sampled over the seats; usage also dips in holidays and ramps up at the start."""

    def observe(q: Array, scene: Scene) -> Array:
        level = _sigmoid(centre + slope * (q + (scene.season if usage else 0.0)))
        if usage:
            level = level * scene.onboarding
        spread = np.sqrt(level * (1.0 - level) / scene.seats)
        sampled: Array = np.clip(level + spread * scene.rng.standard_normal(q.shape), 0.0, 1.0)
        return np.round(sampled, 3)

    return Observer(observe, lambda q: _sigmoid(centre + slope * q))


def features_used(centre: float, slope: float, of: int) -> Observer:
    """Share of `of` key features, so a multiple of 1/of."""

    def observe(q: Array, scene: Scene) -> Array:
        level = _sigmoid(centre + slope * q) * scene.onboarding
        return np.round(scene.rng.binomial(of, np.clip(level, 0.0, 1.0)) / of, 3)

    return Observer(observe, lambda q: _sigmoid(centre + slope * q))


def rate(log_mean: float, slope: float, *, usage: bool = False) -> Observer:
    """A positive, right-skewed quantity with ten per cent noise."""

    def observe(q: Array, scene: Scene) -> Array:
        noise = 0.1 * scene.rng.standard_normal(q.shape)
        level = np.exp(log_mean + slope * (q + (scene.season if usage else 0.0)) + noise)
        return np.round(level * scene.onboarding if usage else level, 2)

    return Observer(observe, lambda q: np.exp(log_mean + slope * q))


def count(log_mean: float, slope: float, months: int) -> Observer:
    """Events in the last `months` months: monthly Poisson counts, added up."""

    def observe(q: Array, scene: Scene) -> Array:
        monthly = scene.rng.poisson(np.exp(log_mean + slope * q) / months).astype(np.float64)
        return _rolling_sum(monthly, months)

    return Observer(observe, lambda q: np.exp(log_mean + slope * q), window_months=months, whole=True)


def rating(centre: float, spread: float, low: float, high: float, decimals: int, *, noise: float = 0.3) -> Observer:
    """A bounded opinion: `spread` units per unit of q, plus `noise` (in units of q)."""

    def observe(q: Array, scene: Scene) -> Array:
        said = q + noise * scene.rng.standard_normal(q.shape)
        bounded: Array = np.clip(centre + spread * said, low, high)
        return np.round(bounded, decimals)

    return Observer(observe, lambda q: np.clip(centre + spread * q, low, high), whole=decimals == 0)


def flag(threshold: float) -> Observer:
    """1 where q exceeds the threshold, else 0."""

    def observe(q: Array, scene: Scene) -> Array:  # noqa: ARG001 - all observers share one signature
        return (q > threshold).astype(np.float64)

    return Observer(observe, lambda q: (q > threshold).astype(np.float64), whole=True)


def punctuality(centre: float, slope: float) -> Observer:
    """Share of the invoices of twelve months, three a month, paid on time."""

    def observe(q: Array, scene: Scene) -> Array:
        paid = scene.rng.binomial(3, _sigmoid(centre + slope * q)).astype(np.float64)
        months = np.minimum(np.arange(1, q.shape[1] + 1), 12.0)
        return np.round(_rolling_sum(paid, 12) / (3.0 * months), 3)

    return Observer(observe, lambda q: _sigmoid(centre + slope * q), window_months=12)


@dataclass(frozen=True)
class MetricTruth:
    """One metric of the simulated world.

    Attributes:
        id: column name; the id of the preset "four-dimensions".
        dimension: dimension of that preset.
        loadings: factor -> loading; the idiosyncratic rest makes the variance of q one.
        effect: fall of the log hazard of churn per unit of q (negative: more of it, more churn).
        observer: how q becomes the recorded value; None for metrics that the contract history makes.
        saturates_at: q above which more does not help any more, or None (linear).
        response: months by which the recorded activity trails the decision (see `world_latent`).
        struck: whether a champion's departure strikes it at once.
        unanswered: base share of missing values, and how much more (log-odds) per unit of low sentiment.
        needs_contact: missing when nobody wrote a ticket in the period.
    """

    id: str
    dimension: str
    loadings: dict[str, float] = field(default_factory=dict)
    effect: float = 0.0
    observer: Observer | None = None
    saturates_at: float | None = None
    response: float = 0.0
    struck: bool = False
    unanswered: tuple[float, float] = (0.0, 0.0)
    needs_contact: bool = False

    def load_vector(self) -> Array:
        """Loadings in the order of `FACTORS`, shape (factors,)."""
        return np.array([self.loadings.get(name, 0.0) for name in FACTORS])

    @property
    def own_share(self) -> float:
        """Loading of the idiosyncratic part."""
        return float(np.sqrt(1.0 - np.sum(self.load_vector() ** 2)))


#: Months by which the records of a dimension trail the decision, unless the metric has its own. Counts over a
#: period are late by half of it already, so their activity responds earlier.
USAGE, ENGAGEMENT, SENTIMENT, FINANCIAL = 0.0, 0.8, 1.3, 5.0

#: The world. Logins and depth of use are near copies of seat activity; support tickets come from customers
#: who work with the product, so that here MORE tickets mean LESS churn, against every framework.
METRICS: tuple[MetricTruth, ...] = (
    MetricTruth(
        "active_seats_share",
        "usage",
        {"commitment": 0.3, "usage": 0.85},
        0.05,
        share(0.9, 0.8, usage=True),
        response=USAGE,
    ),
    MetricTruth(
        "feature_adoption_share",
        "usage",
        {"commitment": 0.3, "usage": 0.3},
        0.75,
        features_used(0.4, 1.1, 24),
        saturates_at=-0.2,
        response=USAGE,
    ),
    MetricTruth(
        "logins_per_user_week",
        "usage",
        {"commitment": 0.3, "usage": 0.85},
        0.0,
        rate(1.25, 0.4, usage=True),
        response=USAGE,
    ),
    MetricTruth(
        "advanced_actions_share",
        "usage",
        {"commitment": 0.25, "usage": 0.7},
        0.45,
        share(-1.4, 0.7),
        response=USAGE,
    ),
    MetricTruth(
        "touchpoint_quality",
        "engagement",
        {"commitment": 0.3, "relationship": 0.6},
        0.0,
        rating(3.5, 0.6, 1.0, 5.0, 1),
        unanswered=(0.06, 0.0),
        response=ENGAGEMENT,
        struck=True,
    ),
    MetricTruth(
        "executive_meetings_180d",
        "engagement",
        {"commitment": 0.35, "relationship": 0.6},
        0.45,
        count(1.0, 0.6, 6),
        response=0.0,
        struck=True,
    ),
    MetricTruth(
        "training_completion_share",
        "engagement",
        {"commitment": 0.3},
        0.0,
        share(0.5, 1.0),
        response=ENGAGEMENT,
    ),
    MetricTruth("community_events_90d", "engagement", {"usage": 0.35}, 0.0, count(0.9, 0.6, 3), response=0.0),
    MetricTruth(
        "nps",
        "sentiment",
        {"commitment": 0.3, "sentiment": 0.6},
        0.0,
        rating(28.0, 30.0, -100.0, 100.0, 0, noise=0.6),
        unanswered=(0.30, 0.6),
        response=SENTIMENT,
        struck=True,
    ),
    MetricTruth(
        "csat",
        "sentiment",
        {"commitment": 0.2, "sentiment": 0.7},
        0.0,
        rating(4.0, 0.6, 1.0, 5.0, 1),
        unanswered=(0.08, 0.0),
        needs_contact=True,
        response=SENTIMENT,
        struck=True,
    ),
    MetricTruth(
        "escalations_90d",
        "sentiment",
        {"commitment": -0.2, "sentiment": -0.5, "support": 0.4},
        -0.3,
        count(-0.2, 0.8, 3),
        response=SENTIMENT - 1.0,
    ),
    MetricTruth(
        "support_tickets_90d",
        "sentiment",
        {"usage": 0.2, "support": 0.7},
        1.05,
        rate(0.9, 0.55),
        response=SENTIMENT,
    ),
    MetricTruth(
        "ticket_tone",
        "sentiment",
        {"commitment": 0.2, "sentiment": 0.6},
        0.45,
        rating(0.15, 0.35, -1.0, 1.0, 2, noise=0.2),
        needs_contact=True,
        response=SENTIMENT,
        struck=True,
    ),
    MetricTruth(
        "is_reference",
        "sentiment",
        {"commitment": 0.4, "relationship": 0.3},
        0.0,
        flag(0.9),
        response=SENTIMENT,
    ),
    MetricTruth("arr_trend_12m", "financial", response=FINANCIAL),
    MetricTruth(
        "on_time_payment_share",
        "financial",
        {"commitment": 0.2, "finance": 0.7},
        0.6,
        punctuality(2.0, 1.0),
        response=0.0,
    ),
    MetricTruth(
        "contract_utilisation",
        "financial",
        {"commitment": 0.2, "usage": 0.2, "finance": 0.2},
        0.55,
        rate(-0.3, 0.3),
        response=FINANCIAL,
    ),
    MetricTruth("expansions_24m", "financial", response=FINANCIAL),
)

#: Metrics that hold whole numbers.
WHOLE = frozenset({"expansions_24m"} | {m.id for m in METRICS if m.observer is not None and m.observer.whole})

#: Factor on a dimension's effects by segment: executives decide large accounts, users small ones.
SEGMENT_EFFECTS: dict[str, dict[str, float]] = {
    "Enterprise": {"usage": 0.8, "engagement": 1.4, "sentiment": 1.0, "financial": 0.8},
    "Mid-Market": {"usage": 1.0, "engagement": 1.0, "sentiment": 1.0, "financial": 1.0},
    "SMB": {"usage": 1.2, "engagement": 0.7, "sentiment": 1.0, "financial": 1.1},
}


def segment_factor(segment: str, dimension: str, contrast: float) -> float:
    """Factor of a segment on the effects of a dimension; `contrast` 0 makes all segments equal.

    >>> segment_factor("Enterprise", "engagement", 0.0), segment_factor("Enterprise", "engagement", 1.0)
    (1.0, 1.4)
    """
    return float(SEGMENT_EFFECTS[segment][dimension] ** contrast)
