"""When simulated accounts leave: the hazard of every account and month, and the times drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data.world_book import SEGMENTS, next_renewals
from churnbench.data.world_latent import DEPARTURE_STEPS, HAZARD_STEPS, Latent, contribution, delayed
from churnbench.data.world_metrics import METRICS, Array, segment_factor

#: Notice is mostly given in the last weeks before a renewal: log-hazard bonus, and how many days that lasts.
RENEWAL_BONUS = 1.9
NOTICE_DAYS = 75
#: Budgets are cut at the end of a fiscal year or quarter: calendar month -> log-hazard bonus.
SEASON_BONUS = {3: 0.2, 12: 0.3}
#: Monthly hazard of closing down or being acquired, whatever the health.
INVOLUNTARY_RATE = 0.0006

#: Metrics whose effect bends, and the others.
BENT = [index for index, metric in enumerate(METRICS) if metric.saturates_at is not None]
STRAIGHT = [index for index, metric in enumerate(METRICS) if metric.saturates_at is None]
LOADS: Array = np.stack([metric.load_vector() for metric in METRICS])
OWN_SHARE: Array = np.array([metric.own_share for metric in METRICS])
STRUCK: Array = np.array([float(metric.struck) for metric in METRICS])


@dataclass(frozen=True)
class Scale:
    """What the first chunk of a book fixes for all others.

    Attributes:
        level: added to every log hazard, so that the book churns at the base rate.
        centre: mean of the metrics' relief.
        spread: its standard deviation; 1 when no metric matters.
    """

    level: float
    centre: float
    spread: float


@dataclass(frozen=True, eq=False)
class Hazard:
    """Monthly hazards. Column m is the interval from month end m to month end m + 1.

    Attributes:
        edges: month ends, shape (months + 1,), run-in and the months after the newest snapshot included.
        schedule: log hazard without the metrics, shape (accounts, months); -inf before signup.
        steady: fall of the log hazard that the metrics bring but for departures, (accounts, history + 2): the
            hazard trails the latent level, so two months more than the history are settled.
        relief: the same, departures included, shape (accounts, history).
        effects: effect per account and metric, shape (accounts, metrics).
        scale: level, and the usual relief.
    """

    edges: pd.DatetimeIndex
    schedule: Array
    steady: Array
    relief: Array
    effects: Array
    scale: Scale

    @property
    def rates(self) -> Array:
        """Expected churns per month when nobody is treated, shape (accounts, history)."""
        return np.asarray(np.exp(self.schedule[:, : self.relief.shape[1]] - self.relief))

    @property
    def struck(self) -> Array:
        """Rise of the log hazard per standard deviation of a departure's fall, shape (accounts,)."""
        return np.asarray(self.effects @ STRUCK)

    def take(self, rows: NDArray[np.int64]) -> Hazard:
        """The hazards of some accounts."""
        return Hazard(
            self.edges, self.schedule[rows], self.steady[rows], self.relief[rows], self.effects[rows], self.scale
        )


def segment_effects(*, signal: float, contrast: float, null: bool) -> dict[str, Array]:
    """True effect of every metric by segment, arrays (metrics,)."""
    return {
        name: np.array(
            [
                0.0 if null else signal * segment_factor(name, metric.dimension, contrast) * metric.effect
                for metric in METRICS
            ]
        )
        for name in SEGMENTS
    }


def build_hazard(
    book: pd.DataFrame,
    latent: Latent,
    edges: pd.DatetimeIndex,
    leaving: tuple[int, int],
    *,
    base_rate: float,
    by_segment: dict[str, Array],
    null: bool,
    scale: Scale | None = None,
    shift: tuple[date, float] | None = None,
) -> Hazard:
    """Combine schedule and metrics, and set the level so that accounts churn at `base_rate` a quarter.

    Args:
        book: accounts as `make_accounts` draws them.
        latent: latent history, shape (accounts, history, ...).
        edges: month ends; more than the history, so that outcome windows of the newest rows are covered.
        leaving: index of the first month in which anybody can leave, and of the first month that counts
            towards the rate (by then the riskiest have left, as in a book that is not new).
        base_rate: mean probability of churn per quarter among the accounts that are still there.
        by_segment: effects per segment (see `segment_effects`).
        null: churn ignores segment, season and renewal too.
        scale: when it is known already; else it is found on these accounts.
        shift: first day and factor on the hazard from then on; the level is found without it.

    Returns:
        The hazards.
    """
    effects = np.stack([by_segment[name] for name in book["segment"]])
    steady = _steady(latent, effects)
    history = latent.factors.shape[1]
    departure = (effects @ STRUCK)[:, None] * delayed(latent.departure, DEPARTURE_STEPS)
    relief = steady[:, :history] - departure
    schedule = _schedule(book, edges, null=null)
    if scale is None:
        begins, counts = leaving
        rates = np.exp(schedule[:, begins:history] - relief[:, begins:])
        spread = float(relief.std())
        level = _level(rates, base_rate / 3.0, counts - begins)
        scale = Scale(level, float(relief.mean()), spread if spread > 0.0 else 1.0)
    return Hazard(edges, schedule + scale.level + shift_log(edges, shift), steady, relief, effects, scale)


def shift_log(edges: pd.DatetimeIndex, shift: tuple[date, float] | None) -> Array:
    """What a shift adds to the log hazard of every month, shape (months,); in its own month by the days it holds."""
    if shift is None:
        return np.zeros(len(edges) - 1)
    lasts = (edges[1:] - edges[:-1]).days.to_numpy(dtype=float)
    # A month runs from the day after one month end to the next month end.
    held = (edges[1:] - pd.Timestamp(shift[0])).days.to_numpy(dtype=float) + 1.0
    return np.asarray(np.log1p((shift[1] - 1.0) * np.clip(held / lasts, 0.0, 1.0)))


def _steady(latent: Latent, effects: Array) -> Array:
    """The metrics' relief from the latent level, `HAZARD_STEPS` months late, shape (accounts, history + 2)."""
    slope = effects[:, STRAIGHT] @ LOADS[STRAIGHT]
    own_slope = np.where(np.isin(np.arange(len(METRICS)), STRAIGHT), effects * OWN_SHARE, 0.0)
    total = np.einsum("amf,af->am", latent.factors, slope) + np.einsum("amj,aj->am", latent.own, own_slope)
    for index in BENT:
        metric = METRICS[index]
        total += effects[:, index, None] / metric.effect * contribution(metric, latent.level(index))
    return np.concatenate([total[:, :1].repeat(HAZARD_STEPS, axis=1), total], axis=1)


def _level(rates: Array, monthly: float, skip: int) -> float:
    """Log factor on `rates` at which accounts still there after `skip` months churn at `monthly`."""
    present = rates > 0.0
    low, high = -30.0, 30.0
    for _ in range(40):
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
