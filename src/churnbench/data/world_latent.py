"""Latent dynamics of the simulated world: account effects, AR(1) factors, dated declines, champion departures.

Two clocks. On the clock of the **decision** each metric has a latent level u, made of factors that are common
to several metrics and of a part of its own. A decline of commitment begins on that clock. A record shows u
late, each metric by its own `response` (usage at once, money last), and the hazard follows after
`HAZARD_DELAY` months. What lies between is the lead time of the metric.

A champion's departure strikes the records of engagement and sentiment at once, and the hazard a month later.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from churnbench.data.world_metrics import FACTORS, METRICS, Array, MetricTruth

#: Share of the variance of every factor and of every metric's own part that never moves.
CONSTANT_SHARE = 0.55
#: Monthly persistence of what moves, by factor; money moves slowly.
FACTOR_PERSISTENCE = np.array([0.90, 0.90, 0.90, 0.90, 0.90, 0.97])
#: The same of each metric's own part.
OWN_PERSISTENCE = np.array([0.97 if metric.dimension == "financial" else 0.85 for metric in METRICS])

#: Months from a change of u to the hazard, measured to the middle of the month of the hazard.
HAZARD_DELAY = 2.5
#: Month ends between u and the hazard of the month that follows a month end.
HAZARD_STEPS = 2
DAYS_A_MONTH = 30.44

#: Declines of commitment: monthly probability, fall in standard deviations, what is left a month later.
DECLINE_RATE = 0.015
DECLINE_FALL = 2.5
DECLINE_KEPT = 0.75

#: A departure takes 30-40 points of a 0-100 scale; a standard deviation of a rating is 15 of them.
POINTS_PER_SD = 15.0
DEPARTURE_POINTS = (30.0, 40.0)
#: What is left of that fall a month later.
DEPARTURE_KEPT = 0.5
#: Month ends between the departure and the hazard of the month that follows a month end.
DEPARTURE_STEPS = 1


@dataclass(frozen=True, eq=False)
class Latent:
    """Latent state of every account.

    Attributes:
        constant: account effects of the factors, shape (accounts, factors).
        factors: level of the factors, account effects and declines included, (accounts, months, factors).
        own_constant: account effects of each metric's own part, shape (accounts, metrics).
        own: level of that part, account effects included, shape (accounts, months, metrics).
        declined: whether a decline of commitment began in the month before a month end, (accounts, months).
        decline: what declines take from commitment, <= 0, shape (accounts, months).
        departed: whether the champion left in the month before a month end, shape (accounts, months).
        departure: fall of the metrics that a departure strikes, in standard deviations, >= 0, same shape.
    """

    constant: Array
    factors: Array
    own_constant: Array
    own: Array
    declined: NDArray[np.bool_]
    decline: Array
    departed: NDArray[np.bool_]
    departure: Array

    def level(self, index: int) -> Array:
        """Latent level u of metric number `index` on the clock of the decision, shape (accounts, months)."""
        metric = METRICS[index]
        return np.asarray(self.factors @ metric.load_vector() + metric.own_share * self.own[:, :, index])

    def recorded_level(self, index: int) -> Array:
        """Level q that the record of a metric shows at a month end, shape (accounts, months)."""
        metric = METRICS[index]
        level = delayed(self.level(index), metric.response)
        return level - self.departure if metric.struck else level

    def hazard_level(self, index: int) -> Array:
        """Level that the hazard of the month after a month end acts on, shape (accounts, months)."""
        level = delayed(self.level(index), HAZARD_STEPS)
        return level - delayed(self.departure, DEPARTURE_STEPS) if METRICS[index].struck else level

    def take(self, rows: NDArray[np.int64]) -> Latent:
        """The latent state of some accounts."""
        return Latent(*(getattr(self, part.name)[rows] for part in fields(self)))


def delayed(values: Array, months: float) -> Array:
    """Values as they were `months` earlier, on a straight line between month ends.

    Args:
        values: shape (accounts, months).
        months: delay, >= 0; the first column stands for everything before it.

    Returns:
        Same shape.

    >>> delayed(np.array([[0.0, 10.0, 20.0]]), 0.5)
    array([[ 0.,  5., 15.]])
    """
    whole, part = int(months), months - int(months)
    last = values.shape[1] - 1
    at = np.arange(values.shape[1]) - whole
    near = values[:, np.clip(at, 0, last)]
    return near if part == 0.0 else (1.0 - part) * near + part * values[:, np.clip(at - 1, 0, last)]


def innovation_sd(persistence: Array) -> Array:
    """Standard deviation of monthly innovations that keeps the moving part at its stationary variance."""
    return np.asarray(np.sqrt((1.0 - CONSTANT_SHARE) * (1.0 - persistence**2)))


def _paths(accounts: int, months: int, persistence: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Account effects (accounts, n) and levels (accounts, months, n) of n stationary processes of variance one."""
    shape = (accounts, len(persistence))
    constant = np.sqrt(CONSTANT_SHARE) * rng.standard_normal(shape)
    state = np.sqrt(1.0 - CONSTANT_SHARE) * rng.standard_normal(shape)
    path = rng.standard_normal((accounts, months, len(persistence)))
    path *= innovation_sd(persistence)
    for month in range(months):
        state = persistence * state + path[:, month]
        path[:, month] = state
    path += constant[:, None, :]
    return constant, path


def _fading(shocks: Array, kept: float) -> Array:
    """Sum of past shocks, of each of which the share `kept` is left a month later, shape (accounts, months)."""
    path = shocks.copy()
    for month in range(1, path.shape[1]):
        path[:, month] += kept * path[:, month - 1]
    return path


def draw_latent(accounts: int, months: int, rng: np.random.Generator, *, departures: float = 0.010) -> Latent:
    """Draw the latent history from the stationary distribution.

    Args:
        accounts: number of accounts.
        months: months of history, run-in included.
        rng: source of randomness.
        departures: monthly probability that the champion leaves.

    Returns:
        The latent state; factors and own parts have variance one apart from declines and departures.
    """
    constant, factors = _paths(accounts, months, FACTOR_PERSISTENCE, rng)
    own_constant, own = _paths(accounts, months, OWN_PERSISTENCE, rng)
    declined = rng.random((accounts, months)) < DECLINE_RATE
    decline = _fading(-DECLINE_FALL * declined.astype(np.float64), DECLINE_KEPT)
    factors[:, :, FACTORS.index("commitment")] += decline
    departed = rng.random((accounts, months)) < departures
    size = rng.uniform(*DEPARTURE_POINTS, (accounts, months)) / POINTS_PER_SD
    departure = _fading(size * departed, DEPARTURE_KEPT)
    return Latent(constant, factors, own_constant, own, declined, decline, departed, departure)


def contribution(metric: MetricTruth, q: Array) -> Array:
    """What a metric takes off the log hazard at level q, before segment factors."""
    reached = q if metric.saturates_at is None else np.minimum(q, metric.saturates_at)
    return np.asarray(metric.effect * reached)
