"""Confidence limits for churn rates, with rows that repeat accounts."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import as_outcome, as_weight, encode
from churnbench.metrics.estimate import Estimate

Side = Literal["two", "lower", "upper"]


def clopper_pearson(events: float, trials: float, *, level: float = 0.9, side: Side = "two") -> Estimate:
    """Exact binomial limits from beta quantiles; non-integer counts (effective sizes) are allowed.

    Lower limit: alpha quantile of Beta(x, n - x + 1); upper limit: 1 - alpha quantile of Beta(x + 1, n - x).

    Args:
        events: x, 0 to `trials`.
        trials: n, >= 0.
        level: confidence; two-sided each tail has (1 - level)/2, one-sided the one tail has 1 - level.
        side: "two", or "lower"/"upper" for one bound only (the other end is 0 or 1).

    Returns:
        Rate with limits, 0 to 1. Without trials the value is `None` and the limits are 0 and 1.

    Raises:
        InputError: for events outside [0, trials], a level outside (0, 1) or an unknown side.

    Source: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.

    >>> limits = clopper_pearson(0, 59, level=0.95, side="upper")
    >>> limits.value, limits.low, round(limits.high, 4)
    (0.0, 0.0, 0.0495)
    """
    tail = _tail(level, side)
    if not 0.0 <= events <= trials:
        raise InputError(f"{events:g} events in {trials:g} trials arrived; 0 to {trials:g} were expected.")
    if trials == 0.0:
        return Estimate(None, 0.0, 1.0)
    low = high = None
    if side != "upper" and events > 0.0:
        low = float(stats.beta.ppf(tail, events, trials - events + 1.0))
    if side != "lower" and events < trials:
        high = float(stats.beta.ppf(1.0 - tail, events + 1.0, trials - events))
    return Estimate(events / trials, 0.0 if low is None else low, 1.0 if high is None else high)


def wilson(events: float, trials: float, *, level: float = 0.9) -> Estimate:
    """Wilson score interval, for plots where an exact bound would be needlessly wide.

    Args:
        events: x, 0 to `trials`.
        trials: n, >= 0.
        level: two-sided confidence, within (0, 1).

    Returns:
        Rate with limits, 0 to 1. Without trials the value is `None` and the limits are 0 and 1.

    Raises:
        InputError: for events outside [0, trials] or a level outside (0, 1).

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    >>> limits = wilson(10, 100, level=0.95)
    >>> round(limits.low, 4), round(limits.high, 4)
    (0.0552, 0.1744)
    """
    z = float(stats.norm.isf(_tail(level, "two")))
    if not 0.0 <= events <= trials:
        raise InputError(f"{events:g} events in {trials:g} trials arrived; 0 to {trials:g} were expected.")
    if trials == 0.0:
        return Estimate(None, 0.0, 1.0)
    rate = events / trials
    middle = (rate + z * z / (2.0 * trials)) / (1.0 + z * z / trials)
    reach = z / (1.0 + z * z / trials) * math.sqrt(rate * (1.0 - rate) / trials + (z / (2.0 * trials)) ** 2)
    return Estimate(rate, max(0.0, middle - reach), min(1.0, middle + reach))


def effective_size(y: npt.ArrayLike, accounts: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Number of independent rows that carry as much information: n* = r(1 - r) / var(r).

    var(r) is the linearised variance of the rate with accounts as clusters,
    A/(A - 1) x sum over accounts of (sum of w (y - r))^2 / (sum of w)^2. n* is at most the number of rows.
    With no events, or only events, the variance says nothing and n* is the number of accounts.

    Args:
        y: shape (n,), 0 or 1.
        accounts: shape (n,), account of each row.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Rows, 0 to n. One account counts as one row.

    Raises:
        InputError: for NaN, wrong lengths or outcomes other than 0 and 1.

    Source: Korn & Graubard 1998, Survey Methodology 24(2), 193-201.

    >>> effective_size([1, 1, 0, 0, 0, 0, 0, 0], ["a", "a", "b", "b", "c", "c", "d", "d"])
    3.0
    """
    outcome = as_outcome(y)
    weight = as_weight(weights, len(outcome))
    codes = _codes(accounts, len(outcome))
    counted = weight > 0.0
    if not counted.any():
        return 0.0
    rows, clusters = int(counted.sum()), len(np.unique(codes[counted]))
    rate = float(weight @ outcome) / float(weight.sum())
    if clusters == 1 or rate <= 0.0 or rate >= 1.0:
        return float(clusters)
    residual = np.bincount(codes, weight * (outcome - rate))
    variance = clusters / (clusters - 1.0) * float(residual @ residual) / float(weight.sum()) ** 2
    return min(float(rows), rate * (1.0 - rate) / variance) if variance > 0.0 else float(rows)


def korn_graubard(
    y: npt.ArrayLike,
    accounts: npt.ArrayLike,
    *,
    level: float = 0.9,
    side: Side = "two",
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Limits for a churn rate when accounts repeat: Clopper-Pearson on an effective number of rows.

    n* of `effective_size` is multiplied by (t_(n-1) / t_(A-1))^2 at the interval's quantile, for the few
    clusters that the variance rests on, and the effective events are n* x rate.

    Args:
        y: shape (n,), 0 or 1.
        accounts: shape (n,), account of each row.
        level: confidence; see `clopper_pearson`.
        side: "two", "lower" or "upper".
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Churn rate with limits, 0 to 1; without rows the value is `None` and the limits are 0 and 1.

    Raises:
        InputError: for NaN, wrong lengths, outcomes other than 0 and 1, or an unknown level or side.

    Source: Korn & Graubard 1998, Survey Methodology 24(2), 193-201.

    >>> limits = korn_graubard([0] * 59, range(59), level=0.95, side="upper")
    >>> limits.value, round(limits.high, 4)
    (0.0, 0.0495)
    """
    outcome = as_outcome(y)
    weight = as_weight(weights, len(outcome))
    codes = _codes(accounts, len(outcome))
    size = effective_size(outcome, codes, weights=weight)
    if size == 0.0:
        return clopper_pearson(0.0, 0.0, level=level, side=side)
    rate = float(weight @ outcome) / float(weight.sum())
    rows, clusters = int((weight > 0.0).sum()), len(np.unique(codes[weight > 0.0]))
    if clusters > 1 and 0.0 < rate < 1.0:
        tail = _tail(level, side)
        size *= float((stats.t.isf(tail, rows - 1) / stats.t.isf(tail, clusters - 1)) ** 2)
    limits = clopper_pearson(min(size, size * rate), size, level=level, side=side)
    return Estimate(rate, limits.low, limits.high)


def _codes(accounts: npt.ArrayLike, rows: int) -> npt.NDArray[np.int64]:
    """Small non-negative integers are used as they are: threshold search calls this hundreds of times."""
    values = np.asarray(accounts)
    if values.dtype.kind in "iu" and len(values) == rows and rows and values.min() >= 0 and values.max() < 2**24:
        return values.astype(np.int64)
    return encode(accounts, "accounts", rows=rows)[0]


def _tail(level: float, side: str) -> float:
    """Probability beyond one limit."""
    if not 0.0 < level < 1.0:
        raise InputError(f"a level of {level} arrived, more than 0 and less than 1 was expected.", column="level")
    if side not in ("two", "lower", "upper"):
        raise InputError(f"side '{side}' arrived; two, lower or upper was expected.", column="side")
    return (1.0 - level) / 2.0 if side == "two" else 1.0 - level
