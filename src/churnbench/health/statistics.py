"""Intervals for reports: one value per account, so accounts are what varies."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from churnbench.metrics import AccountBootstrap, Estimate, percentile_estimate

Floats = npt.NDArray[np.float64]
#: Groups smaller than this are not described: an average of nine accounts is mostly chance, and names them.
LEAST_ACCOUNTS = 10
#: Share of false discoveries that a list of findings may hold.
FALSE_DISCOVERIES = 0.10
_REPLICATES, _SEED = 400, 0
#: From so many accounts on a ratio gets its linearised interval: the same to the last digit shown, and at once.
_MANY = 2_000
_Z90 = 1.6448536269514722


def mean_of(values: npt.ArrayLike, *, least: int = LEAST_ACCOUNTS) -> Estimate:
    """Mean of one value per account with its 90 % t interval.

    Args:
        values: one per account; NaN is left out.
        least: accounts needed; with fewer everything is None.

    >>> found = mean_of([1.0, 2.0, 3.0, 4.0, 5.0] * 4)
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (3.0, 2.44, 3.56)
    """
    present = _present(values)
    if len(present) < max(least, 2):
        return Estimate(None)
    middle = float(present.mean())
    reach = _t_limit(len(present) - 1) * float(present.std(ddof=1)) / len(present) ** 0.5
    return Estimate(middle, middle - reach, middle + reach)


@cache
def _t_limit(freedom: int) -> float:
    """Upper 5 % of Student's t; remembered, since a report on every account asks for the same few over and over."""
    return float(stats.t.isf(0.05, freedom))


@cache
def _order_limits(count: int, share: float) -> tuple[int, int]:
    """Places of the order statistics that hold a quantile with 90 %; remembered likewise."""
    return int(stats.binom.ppf(0.05, count, share)) - 1, int(stats.binom.ppf(0.95, count, share)) + 1


def quantile_of(values: npt.ArrayLike, share: float, *, least: int = LEAST_ACCOUNTS) -> Estimate:
    """A quantile of one value per account with the 90 % interval between order statistics.

    The interval holds for any distribution: the number of accounts below the true quantile is binomial.

    >>> quantile_of(range(100), 0.75).as_json()
    {'value': 74.25, 'ci90': [67.0, 82.0]}
    """
    present = np.sort(_present(values))
    count = len(present)
    if count < max(least, 2):
        return Estimate(None)
    low, high = _order_limits(count, share)
    bounds = (float(present[max(low, 0)]), float(present[min(high, count) - 1]))
    return Estimate(float(np.quantile(present, share)), min(bounds), max(bounds))


def ratio_of(parts: npt.ArrayLike, wholes: npt.ArrayLike, *, least: int = LEAST_ACCOUNTS) -> Estimate:
    """Sum of parts over sum of wholes, one pair per account, with a 90 % interval from resampled accounts.

    From 2,000 accounts on the interval is the linearised one (Cochran 1977, Sampling Techniques, section 6.3).

    >>> ratio_of([1.0] * 5 + [0.0] * 5, [1.0] * 10).value
    0.5
    """
    above, below = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    counted = ~np.isnan(above) & ~np.isnan(below)
    above, below = above[counted], below[counted]
    if len(above) < max(least, 1) or below.sum() <= 0:
        return Estimate(None)
    if len(above) >= _MANY:
        ratio = float(above.sum() / below.sum())
        reach = _Z90 * float(np.sqrt(np.sum((above - ratio * below) ** 2))) / float(below.sum())
        return Estimate(ratio, max(ratio - reach, 0.0), ratio + reach)
    bootstrap = AccountBootstrap(np.arange(len(above)), replicates=_REPLICATES, seed=_SEED)
    totals = bootstrap.totals(np.column_stack([above, below]))
    with np.errstate(divide="ignore", invalid="ignore"):
        return percentile_estimate(float(above.sum() / below.sum()), totals[:, 0] / totals[:, 1])


def p_value(values: npt.ArrayLike) -> float:
    """Two-sided p of "the mean is zero", one value per account; 1 where nothing varies or too few are there."""
    present = _present(values)
    if len(present) < LEAST_ACCOUNTS or float(present.std(ddof=1)) <= 1e-12:
        return 1.0
    t = float(present.mean()) / (float(present.std(ddof=1)) / len(present) ** 0.5)
    return float(2 * stats.t.sf(abs(t), len(present) - 1))


def discoveries(p: npt.ArrayLike, share: float = FALSE_DISCOVERIES) -> npt.NDArray[np.bool_]:
    """Which findings stand when at most `share` of those that stand may be chance (Benjamini & Hochberg 1995).

    >>> discoveries([0.01, 0.5, 0.04]).tolist()
    [True, False, True]
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")
    below = np.flatnonzero(values[order] <= share * np.arange(1, len(values) + 1) / max(len(values), 1))
    stands = np.zeros(len(values), dtype=bool)
    if below.size:
        stands[order[: below[-1] + 1]] = True
    return stands


def bounds(found: Estimate) -> tuple[float, float] | None:
    """The interval of an estimate, None without one."""
    return None if found.low is None or found.high is None else (found.low, found.high)


def _present(values: npt.ArrayLike) -> Floats:
    found = np.asarray(values, dtype=float)
    return np.asarray(found[~np.isnan(found)])
