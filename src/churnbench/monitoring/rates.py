"""Observed over expected: exact limits, and an exact comparison that knows how few events the past holds, too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from scipy import stats

from churnbench.domain.errors import InputError


@dataclass(frozen=True)
class Count:
    """Churns that came and that were expected in the same days.

    Attributes:
        observed: churned accounts.
        expected: sum of probabilities.
        account_days: days times accounts that could leave.
        ratio: observed over expected; None when nothing was expected.
        low, high: exact 90 % Poisson limits of the ratio, the expected number taken as known.
    """

    observed: int
    expected: float
    account_days: float
    ratio: float | None
    low: float | None
    high: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """The new ratio over the ratio before.

    Given how many churned in all, the new ones are binomial with the share of the expected as probability: an exact
    test in which both counts are random, so that a curve that rests on few events raises no alarm of its own.

    Attributes:
        ratio: (new observed / new expected) / (observed / expected before); None without events before.
        low, high: exact limits of the ratio at `level`.
        level: confidence of the limits.
        p_rise, p_fall: one-sided mid-p-values: the exact ones less half the probability of the very count observed,
            since counts are whole numbers and the exact test would rarely spend its share of false alarms.
    """

    ratio: float | None
    low: float | None
    high: float | None
    level: float
    p_rise: float
    p_fall: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def poisson_limits(events: int, *, level: float = 0.9) -> tuple[float, float]:
    """Exact limits of a Poisson mean.

    Source: Garwood 1936, doi:10.1093/biomet/28.3-4.437.

    >>> [round(limit, 2) for limit in poisson_limits(10, level=0.95)]
    [4.8, 18.39]
    """
    if events < 0 or not 0.0 < level < 1.0:
        raise InputError(f"{events} events at level {level} arrived; 0 or more within (0, 1) were expected.")
    tail = (1.0 - level) / 2.0
    low = 0.0 if events == 0 else float(stats.chi2.ppf(tail, 2 * events)) / 2.0
    return low, float(stats.chi2.isf(tail, 2 * events + 2)) / 2.0


def counted(rows: pd.DataFrame) -> Count:
    """Sum up rows of `own_days`."""
    observed, expected = int(rows["event"].sum()), float(rows["expected"].sum())
    days = float(rows["days"].sum())
    if expected <= 0.0:
        return Count(observed, expected, days, None, None, None)
    low, high = poisson_limits(observed)
    return Count(observed, expected, days, observed / expected, low / expected, high / expected)


def compared(new: Count, before: Count, *, level: float = 0.9) -> Change:
    """Test the new count against the earlier one, conditional on their sum.

    Args:
        new: the newest days.
        before: all days before.
        level: confidence of the limits of the ratio.

    Returns:
        The change. Without anything expected on a side p-values are 1 and nothing else is known.

    Source: Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313.

    >>> change = compared(Count(78, 52.0, 1, 1.5, 1, 2), Count(150, 150.0, 1, 1.0, 0.9, 1.1))
    >>> round(change.p_rise, 3), change.ratio
    (0.002, 1.5)
    """
    if new.expected <= 0.0 or before.expected <= 0.0 or new.observed + before.observed == 0:
        return Change(None, None, None, level, 1.0, 1.0)
    both = new.observed + before.observed
    share = new.expected / (new.expected + before.expected)
    half = float(stats.binom.pmf(new.observed, both, share)) / 2.0
    rise = float(stats.binom.sf(new.observed, both, share)) + half
    fall = float(stats.binom.cdf(new.observed - 1, both, share)) + half
    tail = (1.0 - level) / 2.0
    odds = before.expected / new.expected
    low = 0.0 if new.observed == 0 else float(stats.beta.ppf(tail, new.observed, both - new.observed + 1))
    high = 1.0 if new.observed == both else float(stats.beta.isf(tail, new.observed + 1, both - new.observed))
    return Change(
        (new.observed / before.observed) * odds if before.observed else None,
        low / (1.0 - low) * odds,
        high / (1.0 - high) * odds if high < 1.0 else None,
        level,
        rise,
        fall,
    )
