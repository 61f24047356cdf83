"""How many accounts a randomised hold-out needs before it can tell whether a playbook saves any."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from churnbench.domain.errors import InputError

#: A trial that would need more accounts than this is no plan.
_MOST = 100_000_000


@dataclass(frozen=True)
class Plan:
    """A hold-out and what it can show.

    Attributes:
        accounts: randomised accounts, held out and treated together.
        held_out: of these, expected to be left alone.
        base_rate: churn of accounts left alone, 0-1.
        reduction: share of that churn which the playbook prevents, 0-1.
        share: share held out, 0-1.
        power: probability of seeing the effect, by formula.
        events: churned accounts to expect, both arms together.
    """

    accounts: int
    held_out: int
    base_rate: float
    reduction: float
    share: float
    power: float
    events: float


def plan(base_rate: float, reduction: float, *, share: float = 0.15, power: float = 0.8, level: float = 0.9) -> Plan:
    """Accounts needed for a test of two churn rates with normal approximation, pooled variance under no effect.

    n = (z_a sqrt(r(1-r)(1/q + 1/(1-q))) + z_b sqrt(p0(1-p0)/q + p1(1-p1)/(1-q)))^2 / (p0 - p1)^2 with q the share
    held out, p1 = p0 (1 - reduction), r = q p0 + (1 - q) p1, z_a of the two-sided level and z_b of the power.

    Args:
        base_rate: p0, churn of accounts left alone within the outcome window, within (0, 1).
        reduction: share of churn prevented that must not be missed, within (0, 1].
        share: share held out, within (0, 1).
        power: wanted probability of seeing it, within (0, 1).
        level: of the interval that must exclude "no effect", within (0, 1).

    Raises:
        InputError: for a number outside its range.

    Source: Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, chapter 4.

    >>> plan(0.2, 0.5, share=0.5).accounts
    314
    """
    _check(base_rate, reduction, share)
    for name, value in (("power", power), ("level", level)):
        if not 0.0 < value < 1.0:
            raise InputError(f"{name} {value} arrived; more than 0 and less than 1 was expected.", column=name)
    spread, separate = _spreads(base_rate, reduction, share)
    difference = base_rate * reduction
    reach = _z(level) * spread + float(stats.norm.isf(1.0 - power)) * separate
    accounts = min(math.ceil((max(reach, 0.0) / difference) ** 2), _MOST)
    # Fewer than this and an arm may be empty.
    accounts = max(accounts, math.ceil(2.0 / min(share, 1.0 - share)))
    return Plan(
        accounts,
        round(accounts * share),
        base_rate,
        reduction,
        share,
        power_of(accounts, base_rate, reduction, share=share, level=level),
        accounts * (share * base_rate + (1 - share) * base_rate * (1 - reduction)),
    )


def power_of(accounts: int, base_rate: float, reduction: float, *, share: float = 0.15, level: float = 0.9) -> float:
    """Probability that a hold-out of so many accounts shows the effect; see `plan`.

    >>> round(power_of(314, 0.2, 0.5, share=0.5), 2)
    0.8
    """
    _check(base_rate, reduction, share)
    spread, separate = _spreads(base_rate, reduction, share)
    shift = (math.sqrt(accounts) * base_rate * reduction - _z(level) * spread) / separate
    return float(stats.norm.cdf(shift))


def simulated_power(
    accounts: int,
    base_rate: float,
    reduction: float,
    *,
    share: float = 0.15,
    level: float = 0.9,
    trials: int = 20_000,
    seed: int = 0,
) -> float:
    """The same by drawing the trial again and again: a coin per account, then churn, then the test of two rates.

    Args:
        accounts: randomised accounts.
        base_rate: churn of accounts left alone.
        reduction: share prevented; 0 gives the false-alarm rate of the test.
        share: share held out.
        level: of the test, two-sided.
        trials: draws.
        seed: of the draws.

    Returns:
        Share of trials in which the held-out churn is higher beyond the level.
    """
    rng = np.random.default_rng(seed)
    held = rng.binomial(accounts, share, trials)
    treated = accounts - held
    lost, stayed = rng.binomial(held, base_rate), rng.binomial(treated, base_rate * (1.0 - reduction))
    pooled = (lost + stayed) / accounts
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / held + 1.0 / treated))
        z = (lost / held - stayed / treated) / error
    return float((np.nan_to_num(z, nan=0.0) > _z(level)).mean())


def _z(level: float) -> float:
    return float(stats.norm.isf((1.0 - level) / 2.0))


def _spreads(base_rate: float, reduction: float, share: float) -> tuple[float, float]:
    low = base_rate * (1.0 - reduction)
    mixed = share * base_rate + (1.0 - share) * low
    pooled = math.sqrt(mixed * (1.0 - mixed) * (1.0 / share + 1.0 / (1.0 - share)))
    return pooled, math.sqrt(base_rate * (1.0 - base_rate) / share + low * (1.0 - low) / (1.0 - share))


def _check(base_rate: float, reduction: float, share: float) -> None:
    for name, value in (("base rate", base_rate), ("share", share)):
        if not 0.0 < value < 1.0:
            raise InputError(
                f"a {name} of {value} arrived; more than 0 and less than 1 was expected.",
                column=name.replace(" ", "_"),
                fix="Write 12 % as 0.12.",
            )
    if not 0.0 < reduction <= 1.0:
        raise InputError(
            f"a reduction of {reduction} arrived; more than 0 and at most 1 was expected.",
            column="reduction",
            fix="Write 'prevents 30 % of the churn' as 0.3.",
        )
