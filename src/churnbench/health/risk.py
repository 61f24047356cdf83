"""ARR at risk: what the churn probabilities of a group of accounts add up to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.health.book import Book
from churnbench.metrics import Estimate

_Z90 = 1.6448536269514722
LOSS_HOW = (
    "Sum of ARR x churn probability within the horizon. The 90 % range adds, in quadrature, the interval of the risk "
    "curve (its limit for all accounts at once) and the chance of who leaves (normal approximation, accounts "
    "independent)."
)


def expected_loss(rows: pd.DataFrame) -> Estimate:
    """Expected loss of ARR with a 90 % range; None where no account has both ARR and a probability.

    >>> rows = pd.DataFrame({"arr": [100.0, 300.0], "probability": [0.5, 0.0],
    ...                      "probability_low": [0.5, 0.0], "probability_high": [0.5, 0.0]})
    >>> found = expected_loss(rows)
    >>> found.value, found.low, round(found.high, 1)
    (50.0, 0.0, 132.2)
    """
    arr, p = rows["arr"].to_numpy(dtype=float), rows["probability"].to_numpy(dtype=float)
    usable = ~np.isnan(arr) & ~np.isnan(p)
    if not usable.any():
        return Estimate(None)
    arr, p = arr[usable], p[usable]
    low, high = (rows[f"probability_{end}"].to_numpy(dtype=float)[usable] for end in ("low", "high"))
    low, high = np.where(np.isnan(low), p, low), np.where(np.isnan(high), p, high)
    loss = float(arr @ p)
    by_chance = _Z90 * float(np.sqrt((arr**2) @ (p * (1 - p))))
    least = loss - float(np.hypot(loss - arr @ low, by_chance))
    most = loss + float(np.hypot(arr @ high - loss, by_chance))
    return Estimate(loss, max(least, 0.0), min(most, float(arr.sum())))


def at_risk_share(book: Book) -> float | None:
    """Share of the ARR of active accounts that lies in bands at risk, 0-1; None without ARR."""
    current = book.current
    arr = float(current["arr"].sum())
    return float(current.loc[book.at_risk(current), "arr"].sum()) / arr if arr > 0 else None


def band_rows(book: Book, rows: pd.DataFrame) -> list[dict[str, object]]:
    """Accounts, share, ARR and expected loss per band, lowest first, then those without a score."""
    total, arr_total = len(rows), float(rows["arr"].sum())
    names = [name for name, _ in book.bands]
    names += [name for name in rows["band"].unique() if name not in names]
    found: list[dict[str, object]] = []
    for name in names:
        inside = rows[rows["band"] == name]
        arr = float(inside["arr"].sum()) if inside["arr"].notna().any() else None
        loss = expected_loss(inside)
        found.append(
            {
                "band": name,
                "accounts": len(inside),
                "share": len(inside) / total if total else None,
                "arr": arr,
                "arr_share": arr / arr_total if arr is not None and arr_total > 0 else None,
                "loss": loss.value,
                "loss_ci90": None if loss.low is None else (loss.low, loss.high),
            }
        )
    return found
