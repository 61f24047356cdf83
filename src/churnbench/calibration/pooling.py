"""Partial pooling of churn rates over segments: small segments borrow from the whole book.

Beta-binomial: segment rates are draws from Beta(m r, m (1 - r)) around the overall rate r; the strength m is
estimated by moments from the accounts of all segments.

Source: Kleinman (1973), doi:10.1080/01621459.1973.10481332.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class PooledRate:
    """Pooled churn rate of one segment with a 90 % interval, 0-1; `raw` is what was seen there alone."""

    raw: float | None
    value: float
    low: float
    high: float


def pooled_rates(counts: Mapping[str, tuple[float, float]]) -> dict[str, PooledRate]:
    """Pool rates.

    Args:
        counts: segment -> (events, trials), trials >= 0; effective sizes may be fractional.

    >>> pooled = pooled_rates({"big": (100.0, 1000.0), "small": (2.0, 4.0), "other": (30.0, 500.0)})
    >>> pooled["small"].raw, 0.06 < pooled["small"].value < 0.5
    (0.5, True)
    """
    events = np.array([value[0] for value in counts.values()], dtype=float)
    trials = np.array([value[1] for value in counts.values()], dtype=float)
    total = float(trials.sum())
    rate = (float(events.sum()) + 0.5) / (total + 1.0)
    strength = _strength(events, trials, rate)
    pooled = {}
    for name, seen, tried in zip(counts, events, trials, strict=True):
        a, b = strength * rate + seen, strength * (1 - rate) + tried - seen
        pooled[name] = PooledRate(
            float(seen / tried) if tried > 0 else None,
            float(a / (a + b)),
            float(stats.beta.ppf(0.05, a, b)),
            float(stats.beta.ppf(0.95, a, b)),
        )
    return pooled


def _strength(events: np.ndarray, trials: np.ndarray, rate: float) -> float:
    """Prior accounts m; large when segments do not differ beyond chance."""
    used = trials > 0
    if used.sum() < 2:
        return 1e4
    n, p = trials[used], events[used] / trials[used]
    spread = float((n * (p - rate) ** 2).sum())
    chance = rate * (1 - rate)
    factor = float(n.sum() - (n**2).sum() / n.sum())
    between = (spread - (len(n) - 1) * chance) / max(factor, 1e-9)
    # Between-segment variance v of a Beta: v = r (1 - r) / (m + 1).
    return float(np.clip(chance / between - 1.0, 1.0, 1e4)) if between > 0 else 1e4
