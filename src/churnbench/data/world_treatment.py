"""A policy that saves accounts: who is treated month by month, what it does, and what is logged about it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from churnbench.data.world_hazard import Hazard
from churnbench.data.world_metrics import Array
from churnbench.data.world_settings import RUN_IN, Treatment

_START_DAYS = 5  # a treatment begins at most so many days after the reading
_LOG_DAYS = 3  # and is logged at most so many days after it began


@dataclass(frozen=True, eq=False)
class Care:
    """What the policy did, arrays (accounts, history); a decision falls on a month end.

    Attributes:
        factor: factor on the hazard of the month that follows the month end.
        treated, held: whether a treatment began, or the coin held the account out, at the month end.
        randomised: whether a coin decided.
        until: first month that a treatment decided before this month end no longer covers.
        busy: first month end at which the account is free again, as seen before this month end's decision.
        reading: the noisy health reading, in standard deviations.
    """

    factor: Array
    treated: NDArray[np.bool_]
    held: NDArray[np.bool_]
    randomised: NDArray[np.bool_]
    until: NDArray[np.int64]
    busy: NDArray[np.int64]
    reading: Array

    def take(self, rows: NDArray[np.int64]) -> Care:
        """The care of some accounts."""
        return Care(*(getattr(self, part.name)[rows] for part in fields(self)))


def _health(hazard: Hazard, months: slice | int) -> Array:
    """Health today in standard deviations of the book."""
    return np.asarray((hazard.relief[:, months] - hazard.scale.centre) / hazard.scale.spread)


def _cutoff(treatment: Treatment) -> float:
    return float(stats.norm.ppf(treatment.trigger) * np.sqrt(1.0 + treatment.noise**2))


def draw_care(hazard: Hazard, treatment: Treatment, rng: np.random.Generator) -> Care:
    """Run the policy over the history, from the first snapshot on.

    Args:
        hazard: hazards of the accounts; -inf in the schedule before an account has signed.
        treatment: the policy.
        rng: source of randomness.

    Returns:
        The care, decided for every account as if it stayed; what happens after churn has no effect.
    """
    shape = hazard.relief.shape
    reading = _health(hazard, slice(None)) + treatment.noise * rng.standard_normal(shape)
    cut = _cutoff(treatment)
    coin, capacity = rng.random(shape), rng.random(shape)
    near = reading >= cut - treatment.near
    chosen = np.where(near, coin >= treatment.holdout, capacity < treatment.treated)
    signed = np.isfinite(hazard.schedule[:, : shape[1]])
    treated, held = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    until, busy = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    factor: Array = np.ones(shape)
    until_now, busy_now = np.zeros(shape[0], dtype=np.int64), np.zeros(shape[0], dtype=np.int64)
    for month in range(RUN_IN + treatment.begins, shape[1]):
        until[:, month], busy[:, month] = until_now, busy_now
        asks = signed[:, month] & (reading[:, month] < cut) & (busy_now <= month)
        treated[:, month] = asks & chosen[:, month]
        held[:, month] = asks & near[:, month] & ~chosen[:, month]
        until_now = np.where(treated[:, month], month + treatment.months, until_now)
        busy_now = np.where(treated[:, month] | held[:, month], month + treatment.months, busy_now)
        factor[:, month] = np.where(until_now > month, treatment.effect, 1.0)
    return Care(factor, treated, held, near & (treated | held), until, busy, reading)


def log_interventions(
    book: pd.DataFrame,
    care: Care,
    treatment: Treatment,
    edges: pd.DatetimeIndex,
    gone: NDArray[np.datetime64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What a company logs of the policy: treated accounts, and those that a coin held out.

    Args:
        book: the accounts.
        care: what the policy did for them.
        treatment: the policy.
        edges: month ends of the history.
        gone: day of notice or closing down per account, NaT when it stays.
        rng: source of randomness.

    Returns:
        account_id, started_on, known_on, kind, trigger, reading, propensity (NaN when not randomised),
        randomised (1, 0), treated (1, 0); sorted by started_on and account_id.
    """
    row, month = np.nonzero(care.treated | care.held)
    days = edges.to_numpy().astype("datetime64[D]")[month]
    started = days + rng.integers(1, _START_DAYS + 1, len(row)).astype("timedelta64[D]")
    known = started + rng.integers(0, _LOG_DAYS + 1, len(row)).astype("timedelta64[D]")
    here = ~(started >= gone[row]) & (known <= edges[-1].to_datetime64())
    randomised = care.randomised[row, month]
    log: pd.DataFrame = pd.DataFrame(
        {
            "account_id": book["account_id"].to_numpy()[row],
            "started_on": pd.to_datetime(started),
            "known_on": pd.to_datetime(known),
            "kind": "playbook",
            "trigger": "health reading below the cut-off",
            "reading": np.round(care.reading[row, month], 3),
            "propensity": np.where(randomised, 1.0 - treatment.holdout, np.nan),
            "randomised": randomised.astype(np.int64),
            "treated": care.treated[row, month].astype(np.int64),
        }
    )
    log = log[here]
    return log.sort_values(["started_on", "account_id"]).reset_index(drop=True)


def no_interventions() -> pd.DataFrame:
    """An empty log of interventions, with the columns of `log_interventions`."""
    types = {
        "account_id": "str",
        "started_on": "datetime64[s]",
        "known_on": "datetime64[s]",
        "kind": "str",
        "trigger": "str",
        "reading": "float64",
        "propensity": "float64",
        "randomised": "int64",
        "treated": "int64",
    }
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def in_force(care: Care, treatment: Treatment, month: int, steps: int) -> list[Array]:
    """Factors of the treatments decided before a month end on the months after it, arrays (accounts,)."""
    covered = care.until[:, month]
    return [np.where(covered > month + step, treatment.effect, 1.0) for step in range(steps)]


def policy_paths(
    hazard: Hazard, care: Care, treatment: Treatment, month: int, steps: int
) -> list[tuple[Array, list[Array]]]:
    """What the policy may do in the months after a month end, decisions of this month end included.

    One path for each month in which the next treatment may begin, and one without any; a second treatment
    within the same window enters by its expected factor. The health of the decisions to come is taken as the
    hazard's own clock shows it already; from the third month on as it is then.

    Returns:
        Per path its probability, shape (accounts,), and factors on the hazard per month, as `in_force` has
        them. The probabilities add up to one.
    """
    newest = hazard.relief.shape[1] - 1
    busy = care.busy[:, month]
    chances = [
        _chances(_health(hazard, min(month + min(step, 2), newest)), treatment, month + step) for step in range(steps)
    ]
    idle = (busy <= month).astype(np.float64)
    paused: list[Array] = []
    paths = []
    for step, (treats, holds) in enumerate(chances):
        if step:
            idle = idle + (busy == month + step)
        if step >= treatment.months:
            idle = idle + paused[step - treatment.months]
        begins = idle * treats
        paused.append(idle * holds)
        idle = idle - begins - paused[-1]
        factors = in_force(care, treatment, month, steps)
        again: Array = np.zeros(len(idle))
        for later in range(step, steps):
            if later >= step + treatment.months:
                again = again + (1.0 - again) * chances[later][0]
            active = again if later >= step + treatment.months else 1.0
            factors[later] = np.asarray(1.0 - (1.0 - treatment.effect) * active) * np.ones(len(idle))
        paths.append((begins, factors))
    never = np.asarray(1.0 - sum(weight for weight, _ in paths))
    return [(never, in_force(care, treatment, month, steps)), *paths]


def _chances(health: Array, treatment: Treatment, month: int) -> tuple[Array, Array]:
    """Probability that an idle account is treated, or held out by the coin, at a month end."""
    if month < RUN_IN + treatment.begins:
        return np.zeros(len(health)), np.zeros(len(health))
    cut = _cutoff(treatment)
    below = stats.norm.cdf((cut - health) / treatment.noise)
    deep = stats.norm.cdf((cut - treatment.near - health) / treatment.noise)
    treats = (below - deep) * (1.0 - treatment.holdout) + deep * treatment.treated
    return np.asarray(treats), np.asarray((below - deep) * treatment.holdout)
