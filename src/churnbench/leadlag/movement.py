"""How far a signal moved in the year before the churn, and when.

AUC by lead time mixes two things: accounts that always looked worse, and accounts that became worse. Only the
second says when to act. Movement is the change of the churners' distance from the others between a year and the
last quarter before the churn; its half time is when half of that way had been gone for good.
"""

from __future__ import annotations

import numpy as np

from churnbench.leadlag.matching import Bucket, Floats
from churnbench.leadlag.result import Movement
from churnbench.metrics import percentile_estimate

#: Months that show how churners compare long before, and those just before the churn, in days.
BASELINE_DAYS, NEAR_DAYS = (240, 360), (0, 90)
#: Months needed on either side.
_MONTHS = 2


def movement_of(buckets: tuple[Bucket, ...], differences: Floats, replicates: Floats) -> Movement | None:
    """Movement and half time from an event study.

    Args:
        buckets: months before the churn, nearest first.
        differences: shape (m,), churners minus the others; NaN where unknown.
        replicates: shape (B, m), the same in every resample.

    Returns:
        The movement; its half time only when the 90 % interval of the movement excludes 0. `None` with fewer
        than two known months on either side.
    """
    known = ~np.isnan(differences)
    near = known & np.array([end <= NEAR_DAYS[1] for _, end in buckets])
    far = known & np.array([start >= BASELINE_DAYS[0] and end <= BASELINE_DAYS[1] for start, end in buckets])
    if near.sum() < _MONTHS or far.sum() < _MONTHS:
        return None
    curves = np.vstack([differences, replicates])
    end, begin = curves[:, near].mean(axis=1), curves[:, far].mean(axis=1)
    moved = end - begin
    size = percentile_estimate(float(moved[0]), moved[1:])
    if size.low is None or size.high is None or size.low <= 0.0 <= size.high:
        return Movement(size, None)
    days = np.array([(start + stop) / 2.0 for start, stop in buckets])[known]
    # Share of the way gone, 0 long before and 1 at the end, whichever way it goes.
    with np.errstate(divide="ignore", invalid="ignore"):
        gone = (curves[:, known] - begin[:, None]) / moved[:, None]
    halves = np.array([_half_time(days, curve) for curve in gone])
    return Movement(size, percentile_estimate(float(halves[0]), halves[1:]))


def _half_time(days: Floats, gone: Floats) -> float:
    """Days before the churn since when at least half of the way has been gone; NaN when it never settles.

    >>> float(_half_time(np.array([15.0, 45.0, 75.0]), np.array([1.0, 0.75, 0.25])))
    60.0
    """
    short = np.flatnonzero(~(gone >= 0.5))
    if len(short) == 0 or short[0] == 0:
        return float("nan")
    first = int(short[0])
    share = (gone[first - 1] - 0.5) / (gone[first - 1] - gone[first])
    return float(days[first - 1] + share * (days[first] - days[first - 1]))
