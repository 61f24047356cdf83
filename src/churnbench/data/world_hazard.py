"""When simulated accounts leave, and the true probability that they do so in an outcome window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data.world_book import SEGMENTS, next_renewals
from churnbench.data.world_latent import (
    DEPARTURE_FALL,
    DEPARTURE_RATE,
    FACTOR_PERSISTENCE,
    OWN_PERSISTENCE,
    Latent,
    contribution,
    innovation_sd,
)
from churnbench.data.world_metrics import METRICS, SEGMENT_EFFECTS, Array
from churnbench.domain.cohort import OutcomeWindow

#: Notice is mostly given in the last weeks before a renewal: log-hazard bonus, and how many days that lasts.
RENEWAL_BONUS = 1.9
NOTICE_DAYS = 75
#: Budgets are cut at the end of a fiscal year or quarter: calendar month -> log-hazard bonus.
SEASON_BONUS = {3: 0.2, 12: 0.3}
#: Monthly hazard of closing down or being acquired, whatever the health.
INVOLUNTARY_RATE = 0.0006

_FUTURES = 16  # simulated futures per row of the truth, each with its mirror image


@dataclass(frozen=True, eq=False)
class Hazard:
    """Monthly hazards. Column m is the interval from month end m to month end m + 1.

    Attributes:
        edges: month ends, shape (months + 1,), run-in and the months after the newest snapshot included.
        schedule: log hazard without the metrics, shape (accounts, months); -inf before signup.
        relief: fall of the log hazard that the metrics bring, shape (accounts, history).
        effects: effect per account and metric, shape (accounts, metrics).
    """

    edges: pd.DatetimeIndex
    schedule: Array
    relief: Array
    effects: Array

    @property
    def rates(self) -> Array:
        """Expected churns per month, shape (accounts, history)."""
        return np.asarray(np.exp(self.schedule[:, : self.relief.shape[1]] - self.relief))

    def take(self, rows: NDArray[np.int64]) -> Hazard:
        """The hazards of some accounts."""
        return Hazard(self.edges, self.schedule[rows], self.relief[rows], self.effects[rows])


def build_hazard(
    book: pd.DataFrame,
    latent: Latent,
    edges: pd.DatetimeIndex,
    leaving: tuple[int, int],
    *,
    base_rate: float,
    signal: float,
    null: bool,
) -> Hazard:
    """Combine schedule and metrics, and set the level so that accounts churn at `base_rate` a quarter.

    Args:
        book: accounts as `make_accounts` draws them.
        latent: latent history, shape (accounts, history, ...).
        edges: month ends; more than the history, so that outcome windows of the newest rows are covered.
        leaving: index of the first month in which anybody can leave, and of the first month that counts
            towards the rate (by then the riskiest have left, as in a book that is not new).
        base_rate: mean probability of churn per quarter among the accounts that are still there.
        signal: factor on every metric's effect.
        null: churn ignores metrics, segment, season and renewal alike.

    Returns:
        The hazards.
    """
    by_segment = {
        name: np.array([factors[metric.dimension] * metric.effect for metric in METRICS])
        for name, factors in SEGMENT_EFFECTS.items()
    }
    effects = (0.0 if null else signal) * np.stack([by_segment[name] for name in book["segment"]])
    relief: Array = np.zeros(latent.moving.shape[:2])
    for index, metric in enumerate(METRICS):
        if metric.effect and not null:
            factor = effects[:, index : index + 1] / metric.effect
            relief += factor * contribution(metric, latent.level(index))
    schedule = _schedule(book, edges, null=null)
    begins, counts = leaving
    history = relief.shape[1]
    rates = np.exp(schedule[:, begins:history] - relief[:, begins:])
    level = _level(rates, base_rate / 3.0, counts - begins)
    return Hazard(edges, schedule + level, relief, effects)


def _level(rates: Array, monthly: float, skip: int) -> float:
    """Log factor on `rates` at which accounts still there after `skip` months churn at `monthly`."""
    present = rates > 0.0
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2.0
        scaled = np.exp(middle) * rates
        survival = (np.exp(-(np.cumsum(scaled, axis=1) - scaled)) * present)[:, skip:]
        observed = (survival * -np.expm1(-scaled[:, skip:])).sum() / survival.sum()
        low, high = (middle, high) if observed < monthly else (low, middle)
    return (low + high) / 2.0


def _schedule(book: pd.DataFrame, edges: pd.DatetimeIndex, *, null: bool) -> Array:
    started = book["started_on"].to_numpy().astype("datetime64[D]")
    shift = np.array([SEGMENTS[name][4] for name in book["segment"]])
    columns = []
    for start in edges[:-1]:
        renewal = next_renewals(started, start)
        days = (renewal - np.datetime64(start, "D")).astype(np.int64) - 15  # as seen from mid-month
        season = SEASON_BONUS.get((start + pd.Timedelta(days=15)).month, 0.0)
        column = np.zeros(len(book)) if null else shift + season + RENEWAL_BONUS * (days <= NOTICE_DAYS)
        columns.append(np.where(started <= np.datetime64(start, "D"), column, -np.inf))
    return np.stack(columns, axis=1)


def draw_times(rates: Array, edges: pd.DatetimeIndex, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """First event of each account, by inverting the cumulative hazard.

    Args:
        rates: expected events per month, shape (accounts, months).
        edges: month ends, shape (months + 1,) or longer.
        rng: source of randomness.

    Returns:
        The day of the event, NaT where none falls into the months given; shape (accounts,).
    """
    months = rates.shape[1]
    total = np.cumsum(rates, axis=1)
    needed = rng.exponential(size=(len(rates), 1))
    month = (total < needed).sum(axis=1)
    happens = month < months
    month = np.minimum(month, months - 1)
    rows = np.arange(len(rates))
    within = (needed[:, 0] - (total[rows, month] - rates[rows, month])) / np.maximum(rates[rows, month], 1e-12)
    starts = edges.to_numpy().astype("datetime64[D]")
    length = (starts[1:] - starts[:-1]).astype(np.int64)[month]
    day = np.clip(np.ceil(within * length), 1, length).astype(np.int64)
    days = starts[month] + day.astype("timedelta64[D]")
    return np.where(happens, days, np.datetime64("NaT"))


def window_probability(
    hazard: Hazard, latent: Latent, month: int, window: OutcomeWindow, rng: np.random.Generator
) -> Array:
    """True probability that an account, alive at a month end, churns within the outcome window.

    Everything up to the month end is known, the latent state included; futures are simulated from there.
    Involuntary churn is left out: it is a competing event, and such rows carry no label.

    Args:
        hazard: the hazards.
        latent: the latent history.
        month: index of the month end.
        window: gap and horizon.
        rng: source of randomness for the futures.

    Returns:
        Probabilities, shape (accounts,); Monte Carlo error about 2 % of the value.
    """
    gap_end, window_end = float(window.gap_days), float(window.gap_days + window.horizon_days)
    before = np.zeros((len(hazard.effects), 2 * _FUTURES))
    until = np.zeros_like(before)
    reliefs = _future_relief(hazard, latent, month, rng)
    start = 0.0
    for step, relief in enumerate(reliefs):
        length = float((hazard.edges[month + step + 1] - hazard.edges[month + step]).days)
        rates = np.exp(hazard.schedule[:, month + step, None] - relief)
        before += rates * np.clip((gap_end - start) / length, 0.0, 1.0)
        until += rates * np.clip((window_end - start) / length, 0.0, 1.0)
        start += length
        if start >= window_end:
            break
    return np.asarray((np.exp(-before) - np.exp(-until)).mean(axis=1))


@dataclass(frozen=True, eq=False)
class _Split:
    """The metrics' relief, split into a straight part (one scalar product) and the bent metrics."""

    bent: list[int]
    loads: Array
    own_share: Array
    factor_slope: Array
    own_slope: Array
    constant: Array
    straight: list[int]


def _split(hazard: Hazard, latent: Latent) -> _Split:
    bent = [index for index, metric in enumerate(METRICS) if metric.saturates_at is not None]
    straight = [index for index, metric in enumerate(METRICS) if metric.saturates_at is None]
    loads = np.stack([metric.load_vector() for metric in METRICS])
    own_share = np.array([metric.own_share for metric in METRICS])
    factor_slope = hazard.effects[:, straight] @ loads[straight]
    own_slope = hazard.effects[:, straight] * own_share[straight]
    constant = (factor_slope * latent.constant).sum(axis=1)
    constant = constant + (own_slope * latent.own_constant[:, straight]).sum(axis=1)
    return _Split(bent, loads, own_share, factor_slope, own_slope, constant, straight)


def _future_relief(hazard: Hazard, latent: Latent, month: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield the metrics' relief now, in one month, in two ...: arrays (accounts, futures)."""
    accounts = len(hazard.effects)
    yield np.repeat(hazard.relief[:, month : month + 1], 2 * _FUTURES, axis=1)
    parts = _split(hazard, latent)
    factors = latent.moving[:, month, None, :]
    own = (parts.own_slope * latent.own_moving[:, month, parts.straight]).sum(axis=1)[:, None]
    bent_own = latent.own_moving[:, month][:, None, parts.bent]
    factor_sd, own_sd = innovation_sd(FACTOR_PERSISTENCE), innovation_sd(OWN_PERSISTENCE)
    straight_sd = own_sd * np.sqrt((parts.own_slope**2).sum(axis=1))[:, None]
    while True:
        shock = factor_sd * _mirrored(rng, accounts, factors.shape[2])
        left = rng.random(shock.shape[:2]) < DEPARTURE_RATE
        factors = FACTOR_PERSISTENCE * factors + shock - left[:, :, None] * DEPARTURE_FALL
        own = OWN_PERSISTENCE * own + straight_sd * _mirrored(rng, accounts, 1)[:, :, 0]
        bent_own = OWN_PERSISTENCE * bent_own + own_sd * _mirrored(rng, accounts, len(parts.bent))
        relief = parts.constant[:, None] + own + np.einsum("af,arf->ar", parts.factor_slope, factors)
        for position, index in enumerate(parts.bent):
            moving = latent.own_constant[:, index, None] + bent_own[:, :, position]
            q = (latent.constant[:, None, :] + factors) @ parts.loads[index] + parts.own_share[index] * moving
            factor = hazard.effects[:, index, None] / METRICS[index].effect
            relief = relief + factor * contribution(METRICS[index], q)
        yield relief


def _mirrored(rng: np.random.Generator, accounts: int, width: int) -> Array:
    half = rng.standard_normal((accounts, _FUTURES, width))
    return np.concatenate([half, -half], axis=1)
