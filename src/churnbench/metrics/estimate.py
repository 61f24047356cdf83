"""A figure with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: Below this share of replicates in which a figure exists, its interval would describe the lucky ones only.
DEFINED_SHARE = 0.9


@dataclass(frozen=True)
class Estimate:
    """A figure with a confidence interval; `None` where it is undefined.

    Attributes:
        value: the figure on all rows.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        """`{"value", "ci90"}` as the evidence holds it; `ci90` is null without an interval."""
        interval = None if self.low is None or self.high is None else [self.low, self.high]
        return {"value": self.value, "ci90": interval}


def percentile_estimate(value: float, replicates: npt.NDArray[np.float64], *, level: float = 0.9) -> Estimate:
    """The percentile interval of bootstrap replicates around a figure.

    Args:
        value: the figure on all rows; NaN when undefined.
        replicates: shape (B,), the figure in each resample; NaN where undefined.
        level: coverage of the interval, within (0, 1).

    Returns:
        `value` with the (1 - level)/2 and (1 + level)/2 quantiles of the defined replicates. All `None` when
        the value is undefined; no interval when fewer than `DEFINED_SHARE` of the replicates are defined.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.

    >>> percentile_estimate(0.5, np.arange(101.0)).as_json()
    {'value': 0.5, 'ci90': [5.0, 95.0]}
    """
    if not math.isfinite(value):
        return Estimate(None)
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or len(defined) < DEFINED_SHARE * len(replicates):
        return Estimate(float(value))
    # Rounded, so that a level of .9 means exactly .05 and .95.
    tail = round((1.0 - level) / 2.0, 12)
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Estimate(float(value), float(low), float(high))
