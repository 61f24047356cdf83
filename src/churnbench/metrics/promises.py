"""What a band promised and what came."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnbench.metrics.rates import korn_graubard


def band_outcome(
    name: str, promise: float | None, y: np.ndarray, accounts: np.ndarray, p: np.ndarray, *, at_most: bool
) -> dict[str, Any]:
    """Promised, expected and observed churn of one band.

    Args:
        name: the band.
        promise: share that was promised, 0-1; None when nothing was.
        y: 0/1 (rows,), matured outcomes that the promise had not seen.
        accounts: account per row.
        p: P(churn) per row, NaN where unknown.
        at_most: whether the promise is an upper limit, as of the highest band.

    Returns:
        band, promise, at_most, expected and observed share, ci90 by accounts (Korn-Graubard), accounts, events
        (distinct churned accounts), and kept: False where the interval excludes the promise, True where it lies on the
        right side altogether, None where it cannot tell.

    >>> rows = np.arange(80)
    >>> found = band_outcome("green", 0.10, np.zeros(80), rows, np.full(80, 0.02), at_most=True)
    >>> found["observed"], found["events"], found["kept"]
    (0.0, 0, True)
    """
    rate = korn_graubard(y, accounts) if len(y) else None
    interval = None if rate is None or rate.low is None or rate.high is None else [rate.low, rate.high]
    kept = None
    if promise is not None and interval is not None:
        low, high = interval
        beyond, within = (low > promise, high <= promise) if at_most else (high < promise, low >= promise)
        kept = False if beyond else True if within else None
    return {
        "band": name,
        "promise": promise,
        "at_most": at_most,
        "expected": float(np.nanmean(p)) if np.isfinite(p).any() else None,
        "observed": None if rate is None else rate.value,
        "ci90": interval,
        "accounts": len(set(accounts)),
        "events": len(set(accounts[y == 1])),
        "kept": kept,
    }
