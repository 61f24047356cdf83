"""From AUC by lead time to a class: leading, coincident, footprint, none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from churnbench.leadlag.matching import Floats
from churnbench.leadlag.result import LeadTime, Timing

#: False discovery rate over all signals and lead times.
FALSE_DISCOVERIES = 0.10
#: The lower end of the interval must exceed this before a signal counts.
LEAST_AUC = 0.55
#: A signal that counts from so many days on is leading.
LEADING_DAYS = 60


@dataclass(frozen=True)
class Reading:
    """One signal's lead times before the verdict over all signals.

    Attributes:
        lead_times: nearest to the churn first.
        spread: standard deviation of each AUC over resamples, `None` where undefined.
        fall: interval of the fall in AUC from the nearest lead time to the next one, `None` where undefined.
        declared: false when the direction was proposed from data, which makes tests two-sided.
    """

    lead_times: tuple[LeadTime, ...]
    spread: tuple[float | None, ...]
    fall: tuple[float, float] | None
    declared: bool


def benjamini_hochberg(p_values: Sequence[float], rate: float = FALSE_DISCOVERIES) -> list[bool]:
    """Which tests are discoveries at a false discovery rate.

    Args:
        p_values: shape (m,), each 0 to 1.
        rate: q, within (0, 1).

    Returns:
        One truth value per test, in the order given.

    Source: Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    >>> benjamini_hochberg([0.001, 0.2, 0.02, 0.9], 0.1)
    [True, False, True, False]
    """
    if not p_values:
        return []
    p = np.asarray(p_values, dtype=np.float64)
    ordered = np.sort(p)
    passed = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / len(p))
    limit = ordered[passed[-1]] if passed.size else -1.0
    return [bool(value <= limit) for value in p]


def p_above(auc: float, spread: float, events: int) -> float:
    """One-sided p-value of an AUC against .5.

    Args:
        auc: 0 to 1.
        spread: its standard deviation over account resamples, >= 0.
        events: distinct churned accounts; few of them make the spread itself uncertain, hence Student's t
            with events - 1 degrees of freedom.

    >>> round(p_above(0.6, 0.05, 1000), 3)
    0.023
    """
    if spread == 0.0:
        return 0.0 if auc > 0.5 else 0.5 if auc == 0.5 else 1.0
    return float(stats.t.sf((auc - 0.5) / spread, max(1, events - 1)))


def classify(readings: Sequence[Reading]) -> list[tuple[tuple[LeadTime, ...], Timing, bool]]:
    """Tests over all signals and lead times together, then a class per signal.

    Returns:
        Per signal its lead times with p-values and significance, its class, and whether the data contradict
        its declared direction (a significant AUC below .5 somewhere and none above).
    """
    above = [_p_values(one, 1.0) for one in readings]
    below = [_p_values(one, -1.0) for one in readings]
    passed_above, passed_below = _discoveries(above), _discoveries(below)
    found: list[tuple[tuple[LeadTime, ...], Timing, bool]] = []
    for reading, p, higher, lower in zip(readings, above, passed_above, passed_below, strict=True):
        against = any(lower) and not any(higher)
        counts = lower if against else higher
        lead_times = tuple(
            replace(one, p_value=value, significant=significant)
            for one, value, significant in zip(reading.lead_times, p, counts, strict=True)
        )
        found.append((lead_times, timing_of(lead_times, reading.fall, against=against), against))
    return found


def timing_of(lead_times: Sequence[LeadTime], fall: tuple[float, float] | None, *, against: bool) -> Timing:
    """The class of a signal.

    A lead time counts when its AUC is significant and the lower end of its interval exceeds `LEAST_AUC`
    (all read in the other direction where the data contradict the declared one). The earliest that counts gives
    the class. A footprint is advice to drop a metric, so it asks for more: nothing significant earlier, and a
    fall from the last 30 days to the month before that is itself beyond noise; else the signal is weak. To say
    that something shows at one time ONLY, the months up to 90 days must all have enough churned accounts.

    Args:
        lead_times: nearest to the churn first, tested.
        fall: interval of the fall in AUC from the nearest lead time to the next.
        against: whether the data contradict the declared direction.
    """
    significant = {one.low_days for one in lead_times if one.significant}
    counted = {one.low_days for one in lead_times if one.significant and _margin(one, against=against) > LEAST_AUC}
    if any(days >= LEADING_DAYS for days in counted):
        return "leading"
    if any(one.auc.value is None for one in lead_times if one.low_days <= LEADING_DAYS):
        return "not-enough-events"
    if counted - {0}:
        return "coincident"
    falls = fall is not None and (-fall[1] if against else fall[0]) > 0.0
    if counted and falls and significant == {0}:
        return "footprint"
    return "weak" if significant else "none"


def _margin(one: LeadTime, *, against: bool) -> float:
    """Lower end of the interval, of the mirrored AUC where the data contradict the direction."""
    end = one.auc.high if against else one.auc.low
    if end is None:
        return 0.0
    return 1.0 - end if against else end


def _p_values(reading: Reading, sign: float) -> list[float | None]:
    found: list[float | None] = []
    for one, spread in zip(reading.lead_times, reading.spread, strict=True):
        if one.auc.value is None or spread is None:
            found.append(None)
            continue
        p = p_above(0.5 + sign * (one.auc.value - 0.5), spread, one.events)
        # A direction taken from the same data has had two chances.
        found.append(p if reading.declared else min(1.0, 2.0 * p))
    return found


def _discoveries(p_values: Sequence[Sequence[float | None]]) -> list[list[bool]]:
    """Benjamini-Hochberg over all that could be tested; false where it could not."""
    passed = iter(benjamini_hochberg([p for row in p_values for p in row if p is not None]))
    return [[False if p is None else next(passed) for p in row] for row in p_values]


def spread_of(replicates: Floats) -> float:
    """Standard deviation of resampled figures, over those that are defined."""
    defined = replicates[np.isfinite(replicates)]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")
