"""Latent dynamics of the simulated world: account effects, AR(1) factors, champion departures."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from churnbench.data.world_metrics import FACTORS, METRICS, Array, MetricTruth

#: Monthly persistence of factors and of each metric's own part, and the share of variance that never moves.
FACTOR_PERSISTENCE = 0.90
OWN_PERSISTENCE = 0.85
CONSTANT_SHARE = 0.55

#: Monthly probability that the champion leaves, and what that takes from each factor at once.
DEPARTURE_RATE = 0.010
DEPARTURE_FALL = np.array([1.0, 0.6, 1.6, 0.8, 0.0, 0.2])


@dataclass(frozen=True, eq=False)
class Latent:
    """Latent state of every account.

    Attributes:
        constant: account effects of the factors, shape (accounts, factors).
        moving: AR(1) part of the factors, shape (accounts, months, factors).
        own_constant: account effects of each metric's own part, shape (accounts, metrics).
        own_moving: AR(1) part of it, shape (accounts, months, metrics).
        departed: whether the champion left in the month, shape (accounts, months).
    """

    constant: Array
    moving: Array
    own_constant: Array
    own_moving: Array
    departed: NDArray[np.bool_]

    def level(self, index: int) -> Array:
        """Latent level q of metric number `index`, shape (accounts, months)."""
        metric = METRICS[index]
        factors = self.constant[:, None, :] + self.moving
        own = self.own_constant[:, None, index] + self.own_moving[:, :, index]
        return np.asarray(factors @ metric.load_vector() + metric.own_share * own)

    def take(self, rows: NDArray[np.int64]) -> Latent:
        """The latent state of some accounts."""
        return Latent(*(getattr(self, part.name)[rows] for part in fields(self)))


def innovation_sd(persistence: float) -> float:
    """Standard deviation of monthly innovations that keeps the moving part at its stationary variance."""
    return float(np.sqrt((1.0 - CONSTANT_SHARE) * (1.0 - persistence**2)))


def _autoregression(shocks: Array, persistence: float, start: Array) -> Array:
    path = np.empty_like(shocks)
    state = start
    for month in range(shocks.shape[1]):
        state = persistence * state + shocks[:, month]
        path[:, month] = state
    return path


def draw_latent(accounts: int, months: int, rng: np.random.Generator) -> Latent:
    """Draw the latent history from the stationary distribution.

    Args:
        accounts: number of accounts.
        months: months of history, run-in included.
        rng: source of randomness.

    Returns:
        The latent state; factor and own parts have variance one before champion departures.
    """
    factors, metrics = len(FACTORS), len(METRICS)
    still, moves = np.sqrt(CONSTANT_SHARE), np.sqrt(1.0 - CONSTANT_SHARE)
    departed = rng.random((accounts, months)) < DEPARTURE_RATE
    shocks = innovation_sd(FACTOR_PERSISTENCE) * rng.standard_normal((accounts, months, factors))
    shocks -= departed[:, :, None] * DEPARTURE_FALL
    own_shocks = innovation_sd(OWN_PERSISTENCE) * rng.standard_normal((accounts, months, metrics))
    return Latent(
        constant=still * rng.standard_normal((accounts, factors)),
        moving=_autoregression(shocks, FACTOR_PERSISTENCE, moves * rng.standard_normal((accounts, factors))),
        own_constant=still * rng.standard_normal((accounts, metrics)),
        own_moving=_autoregression(own_shocks, OWN_PERSISTENCE, moves * rng.standard_normal((accounts, metrics))),
        departed=departed,
    )


def contribution(metric: MetricTruth, q: Array) -> Array:
    """What a metric takes off the log hazard at level q, before segment factors."""
    reached = q if metric.saturates_at is None else np.minimum(q, metric.saturates_at)
    return np.asarray(metric.effect * reached)
