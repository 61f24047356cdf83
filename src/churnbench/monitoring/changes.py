"""Change points: when the churn rate, or the score of the whole book, began to differ from what it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.monitoring.exposure import Book

Floats = npt.NDArray[np.float64]
REPLICATES = 999
_BATCH = 100


@dataclass(frozen=True)
class ChangePoint:
    """Where a series breaks, if it does.

    Attributes:
        what: "churn" or "score".
        on: first as-of date of the new level; None without enough dates.
        before, after: churn: observed over expected; score: mean points. None when not known.
        p: simulated p-value of the largest break anywhere, (1 + hits) / (1 + replicates); 1 without enough dates.
        series: date, value, and for churn observed and expected, oldest first.
    """

    what: str
    on: str | None
    before: float | None
    after: float | None
    p: float
    series: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def churn_change(rows: pd.DataFrame, *, seed: int) -> ChangePoint:
    """Cumulative sum of observed minus expected churn by snapshot, against its simulated null.

    Given how many churned in all, the null spreads them over the snapshots as the expected numbers say: the level
    itself need not be right. The largest deviation of the cumulative sum, each divided by its own null spread, is
    compared with `REPLICATES` such draws.

    Args:
        rows: all rows of `own_days`, old and new.
        seed: of the simulation.

    Source: Page 1954, doi:10.1093/biomet/41.1-2.100; conditioned on the total.
    """
    sums = rows.groupby("as_of")[["event", "expected"]].sum()
    dates, observed = [pd.Timestamp(day) for day in sums.index], sums["event"].to_numpy(dtype=float)
    expected, total = sums["expected"].to_numpy(dtype=float), float(observed.sum())
    series = tuple(
        {"date": f"{day:%Y-%m-%d}", "value": o / e if e > 0 else None, "observed": int(o), "expected": float(e)}
        for day, o, e in zip(dates, observed, expected, strict=True)
    )
    if len(dates) < 4 or total < 2 or expected.sum() <= 0.0:
        return ChangePoint("churn", None, None, None, 1.0, series)
    share = expected / expected.sum()
    until = np.cumsum(share)[:-1]
    spread = np.sqrt(np.maximum(total * until * (1.0 - until), 1e-9))

    def deviations(counts: Floats) -> Floats:
        return np.asarray(np.abs(np.cumsum(counts, axis=-1)[..., :-1] - total * until) / spread)

    own = deviations(observed)
    drawn = np.random.default_rng(seed).multinomial(int(total), share, size=REPLICATES).astype(float)
    p = float((1 + (deviations(drawn).max(axis=1) >= own.max()).sum()) / (1 + REPLICATES))
    at = int(own.argmax()) + 1
    before, after = (float(observed[part].sum() / expected[part].sum()) for part in (slice(None, at), slice(at, None)))
    return ChangePoint("churn", f"{dates[at]:%Y-%m-%d}", before, after, p, series)


def score_change(book: Book, since: pd.Timestamp, *, seed: int) -> ChangePoint:
    """Largest jump of the mean score between two snapshots after `since`, against its simulated null.

    A jump is the mean change of the accounts present on both dates, less the usual change per snapshot (the median
    over all dates), divided by its standard error. The null turns the signs of whole accounts at random, so that what
    an account does on one date stays tied to what it does on others.

    Args:
        book: scored rows.
        since: breaks on later as-of dates count.
        seed: of the simulation.
    """
    wide = book.frame.pivot_table(index="account_id", columns="as_of", values="score", aggfunc="first").sort_index(
        axis=1
    )
    dates = [pd.Timestamp(day) for day in wide.columns]
    means = wide.mean().to_numpy(dtype=float)
    series = tuple({"date": f"{day:%Y-%m-%d}", "value": float(mean)} for day, mean in zip(dates, means, strict=True))
    nothing = ChangePoint("score", None, None, None, 1.0, series)
    if len(dates) < 3:
        return nothing
    moves = np.diff(wide.to_numpy(dtype=float), axis=1)
    known = np.isfinite(moves)
    jumps = np.nansum(moves, axis=0) / np.maximum(known.sum(axis=0), 1)
    late = np.array([day > since for day in dates[1:]]) & (known.sum(axis=0) > 1)
    if not late.any():
        return nothing
    centred = np.where(known, moves - np.median(jumps), 0.0)[:, late]
    spread = np.sqrt(np.maximum((centred**2).sum(axis=0), 1e-12))
    own = np.abs(centred.sum(axis=0)) / spread
    rng, hits = np.random.default_rng(seed), 0
    for start in range(0, REPLICATES, _BATCH):
        signs = rng.integers(0, 2, size=(min(_BATCH, REPLICATES - start), len(centred))) * 2.0 - 1.0
        hits += int(((np.abs(signs @ centred) / spread).max(axis=1) >= own.max()).sum())
    at = np.flatnonzero(late)[int(own.argmax())]
    level = float(np.nanmean(wide.to_numpy(dtype=float)[:, at]))
    return ChangePoint(
        "score", f"{dates[at + 1]:%Y-%m-%d}", level, level + float(jumps[at]), (1 + hits) / (1 + REPLICATES), series
    )
