"""The true probability that a simulated account leaves in an outcome window, seen from a month end.

The hazard trails the latent level by more than two months, so most of a window of 104 days is settled by what
is known at its start; only the rest is simulated, future departures of champions among it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from churnbench.data.world_hazard import BENT, LOADS, OWN_SHARE, STRAIGHT, Hazard
from churnbench.data.world_latent import (
    DECLINE_FALL,
    DECLINE_KEPT,
    DECLINE_RATE,
    DEPARTURE_KEPT,
    DEPARTURE_POINTS,
    DEPARTURE_STEPS,
    FACTOR_PERSISTENCE,
    HAZARD_STEPS,
    OWN_PERSISTENCE,
    POINTS_PER_SD,
    Latent,
    contribution,
    innovation_sd,
)
from churnbench.data.world_metrics import FACTORS, METRICS, Array
from churnbench.domain.cohort import OutcomeWindow

_FUTURES = 16  # simulated futures per row, each with its mirror image
_COMMITMENT = FACTORS.index("commitment")


def expected_hazards(
    hazard: Hazard, latent: Latent, month: int, days: int, rng: np.random.Generator, *, departures: float
) -> list[Array]:
    """Hazards of the months after a month end, nobody treated.

    Args:
        hazard: the hazards.
        latent: the latent history.
        month: index of the month end.
        days: how far ahead, in days.
        rng: source of randomness for the futures.
        departures: monthly probability that a champion leaves.

    Returns:
        Per month expected churns, shape (accounts, 1) or (accounts, futures), until `days` are covered.
    """
    found: list[Array] = []
    ahead = _future_steady(hazard, latent, month, rng)
    struck = _future_departures(hazard, latent, month, np.random.default_rng(rng.integers(2**63)), departures)
    start = hazard.edges[month]
    while (hazard.edges[month + len(found)] - start).days < days:
        step = len(found)
        steady = hazard.steady[:, month + step, None] if step <= HAZARD_STEPS else next(ahead)
        rates = np.exp(hazard.schedule[:, month + step, None] - steady)
        if step <= DEPARTURE_STEPS:
            settled = latent.departure[:, max(month + step - DEPARTURE_STEPS, 0)]
            rates = rates * np.exp(hazard.struck * settled)[:, None]
        else:
            rates = rates * next(struck)
        found.append(rates)
    return found


def window_probability(hazard: Hazard, month: int, hazards: list[Array], window: OutcomeWindow) -> Array:
    """Probability that an account, alive at a month end, leaves by choice within the outcome window.

    Everything up to the month end is known, the latent state included. Involuntary churn is left out: it is
    a competing event, and such rows carry no label.

    Args:
        hazard: the hazards (for the month ends).
        month: index of the month end.
        hazards: expected churns of the months that follow, as `expected_hazards` gives them.
        window: gap and horizon.

    Returns:
        Probabilities, shape (accounts,); Monte Carlo error about 1 % of the value.
    """
    gap_end, window_end = float(window.gap_days), float(window.gap_days + window.horizon_days)
    before: Array = np.zeros((len(hazard.effects), 1))
    until: Array = before
    start = 0.0
    for step, rates in enumerate(hazards):
        length = float((hazard.edges[month + step + 1] - hazard.edges[month + step]).days)
        before = before + rates * np.clip((gap_end - start) / length, 0.0, 1.0)
        until = until + rates * np.clip((window_end - start) / length, 0.0, 1.0)
        start += length
    return np.asarray((np.exp(-before) - np.exp(-until)).mean(axis=1))


def _future_departures(
    hazard: Hazard, latent: Latent, month: int, rng: np.random.Generator, departures: float
) -> Iterator[Array]:
    """Yield the factor of departures on the hazard of the months not yet settled: arrays (accounts, futures).

    Drawn, not averaged: a mean factor inside the survival function overstates churn where departures strike hard.
    """
    accounts = len(hazard.effects)
    low, high = (points / POINTS_PER_SD for points in DEPARTURE_POINTS)
    felt = np.repeat(latent.departure[:, month, None], 2 * _FUTURES, axis=1)
    while True:
        gone = rng.random((accounts, 2 * _FUTURES)) < departures
        felt = DEPARTURE_KEPT * felt + gone * rng.uniform(low, high, (accounts, 2 * _FUTURES))
        yield np.exp(hazard.struck[:, None] * felt)


@dataclass(frozen=True, eq=False)
class _Split:
    """The metrics' relief, split into a straight part (one scalar product) and the bent metrics."""

    factor_slope: Array
    own_slope: Array
    constant: Array


def _split(hazard: Hazard, latent: Latent) -> _Split:
    factor_slope = hazard.effects[:, STRAIGHT] @ LOADS[STRAIGHT]
    own_slope = hazard.effects[:, STRAIGHT] * OWN_SHARE[STRAIGHT]
    constant = (factor_slope * latent.constant).sum(axis=1)
    constant = constant + (own_slope * latent.own_constant[:, STRAIGHT]).sum(axis=1)
    return _Split(factor_slope, own_slope, constant)


def _future_steady(hazard: Hazard, latent: Latent, month: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield the metrics' relief of the months that the present does not settle: arrays (accounts, futures)."""
    accounts = len(hazard.effects)
    parts = _split(hazard, latent)
    decline = latent.decline[:, month, None]
    factors = (latent.factors[:, month] - latent.constant)[:, None, :].copy()
    factors[:, :, _COMMITMENT] -= decline
    own_now = latent.own[:, month] - latent.own_constant
    factor_sd, own_sd = innovation_sd(FACTOR_PERSISTENCE), innovation_sd(OWN_PERSISTENCE)
    # The own parts of the straight metrics count only by their sum, one sum for each persistence.
    sums = [_own_sum(parts.own_slope, own_now, persistence) for persistence in np.unique(OWN_PERSISTENCE)]
    bent = own_now[:, None, BENT]
    while True:
        factors = FACTOR_PERSISTENCE * factors + factor_sd * _mirrored(rng, accounts, len(FACTORS))
        fallen = rng.random((accounts, 2 * _FUTURES)) < DECLINE_RATE
        decline = DECLINE_KEPT * decline - DECLINE_FALL * fallen
        sums = [(kept, kept * level + sd * _mirrored(rng, accounts, 1)[:, :, 0], sd) for kept, level, sd in sums]
        bent = OWN_PERSISTENCE[BENT] * bent + own_sd[BENT] * _mirrored(rng, accounts, len(BENT))
        levels = factors.copy()
        levels[:, :, _COMMITMENT] += decline
        relief = parts.constant[:, None] + np.einsum("af,arf->ar", parts.factor_slope, levels)
        for _, level, _ in sums:
            relief = relief + level
        for position, index in enumerate(BENT):
            own = latent.own_constant[:, index, None] + bent[:, :, position]
            q = (latent.constant[:, None, :] + levels) @ LOADS[index] + OWN_SHARE[index] * own
            relief = relief + hazard.effects[:, index, None] / METRICS[index].effect * contribution(METRICS[index], q)
        yield relief


def _own_sum(slope: Array, own: Array, persistence: float) -> tuple[float, Array, Array]:
    """Persistence, sum and monthly sd of the own parts of straight metrics that share a persistence."""
    group = [position for position, index in enumerate(STRAIGHT) if OWN_PERSISTENCE[index] == persistence]
    weights = slope[:, group]
    level = (weights * own[:, [STRAIGHT[position] for position in group]]).sum(axis=1)[:, None]
    sd = innovation_sd(np.array([persistence])) * np.sqrt((weights**2).sum(axis=1))[:, None]
    return float(persistence), level, sd


def _mirrored(rng: np.random.Generator, accounts: int, width: int) -> Array:
    half = rng.standard_normal((accounts, _FUTURES, width))
    return np.concatenate([half, -half], axis=1)
