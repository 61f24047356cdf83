"""Band cut-offs from outcomes: by guaranteed risk, by capacity, or by cost.

Everything here works on out-of-fold scores of training rows; the holdout only ever checks what was promised.

Sources: fixed-sequence testing after Angelopoulos et al. (2021), "Learn then test"; rates by Korn and Graubard
(1998) with accounts as clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from churnbench.metrics import korn_graubard

#: Distinct accounts, and distinct churned ones, that the walk up from 0 must start with.
_RED_ACCOUNTS, _RED_EVENTS = 30, 8


@dataclass(frozen=True)
class Cut:
    """One calibrated end of the scale.

    Attributes:
        score: cut-off on the raw scale 0-100; accounts at or above it (green) or below it (red) are meant.
        promise: the risk promised: at most (green) or at least (red); None when nothing is promised.
        bound: one-sided confidence bound reached in training.
        accounts, events: distinct accounts, and distinct churned ones, that the bound rests on.
        guaranteed: whether the bound keeps the promise.
    """

    score: float
    promise: float | None
    bound: float | None
    accounts: int
    events: int
    guaranteed: bool


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Out-of-fold scores with outcomes.

    Attributes:
        score: raw score 0-100 (rows,), finite.
        y: 0/1 (rows,).
        account: account number per row (rows,), integers.
        snapshot: snapshot number per row (rows,), integers; all 0 without dates.
    """

    score: np.ndarray
    y: np.ndarray
    account: np.ndarray
    snapshot: np.ndarray

    def counted(self, rows: np.ndarray) -> tuple[int, int]:
        """Distinct accounts and distinct churned accounts among some rows."""
        return len(np.unique(self.account[rows])), len(np.unique(self.account[rows & (self.y == 1)]))


def default_risks(base_rate: float) -> tuple[float, float]:
    """Green promises half the odds of the base rate, red twice the odds, unless the user set figures.

    >>> [round(risk, 4) for risk in default_risks(0.05)]
    [0.0256, 0.0952]
    """
    odds = base_rate / (1 - base_rate)
    return odds / 2 / (1 + odds / 2), 2 * odds / (1 + 2 * odds)


def least_accounts(risk: float, delta: float) -> int:
    """Accounts that the walk must start with: three times those that zero events would need for the bound.

    >>> least_accounts(0.03, 0.10)
    227
    """
    return math.ceil(3 * math.log(delta) / math.log(1 - risk))


def green_cut(rows: ScoredRows, *, risk: float, delta: float) -> Cut | None:
    """Lowest cut-off such that, walking down from 100, every bound on the way kept `churn <= risk`.

    Fixed-sequence testing: each step is tested at level `delta` and the walk stops at the first failure, so the
    chance that the promise is broken is at most `delta` whatever the number of steps.
    """
    best: Cut | None = None
    for score in range(100, 0, -1):
        above = rows.score >= score
        accounts, events = rows.counted(above)
        if accounts < least_accounts(risk, delta):
            continue
        bound = korn_graubard(rows.y[above], rows.account[above], level=1 - delta, side="upper").high
        if bound is None or bound > risk:
            break
        best = Cut(float(score), risk, bound, accounts, events, guaranteed=True)
    return best


def red_cut(rows: ScoredRows, *, risk: float, delta: float) -> Cut | None:
    """Highest cut-off such that, walking up from 0, every bound on the way kept `churn >= risk` below it."""
    best: Cut | None = None
    for score in range(1, 100):
        below = rows.score < score
        accounts, events = rows.counted(below)
        if accounts < _RED_ACCOUNTS or events < _RED_EVENTS:
            continue
        bound = korn_graubard(rows.y[below], rows.account[below], level=1 - delta, side="lower").low
        if bound is None or bound < risk:
            break
        best = Cut(float(score), risk, bound, accounts, events, guaranteed=True)
    return best


def moved_cut(rows: ScoredRows, cut: Cut, score: float, *, top: bool, delta: float) -> Cut:
    """The evidence for a cut-off that had to move after it was found (to stay clear of the other one).

    Args:
        rows: the rows it was found on.
        cut: as found.
        score: where it ended up.
        top: whether accounts at or above it are meant (green), else those below (red).
        delta: level of the one-sided bound.
    """
    if score == cut.score:
        return cut
    inside = rows.score >= score if top else rows.score < score
    accounts, events = rows.counted(inside)
    if cut.promise is None or not inside.any():
        return Cut(score, None, None, accounts, events, guaranteed=False)
    rate = korn_graubard(rows.y[inside], rows.account[inside], level=1 - delta, side="upper" if top else "lower")
    bound = rate.high if top else rate.low
    kept = bound is not None and (bound <= cut.promise if top else bound >= cut.promise)
    return Cut(score, cut.promise if kept else None, bound, accounts, events, guaranteed=kept)


def capacity_cut(rows: ScoredRows, capacity: int) -> Cut:
    """Cut-off below which, at the median snapshot, `capacity` accounts lie."""
    at = []
    for snapshot in np.unique(rows.snapshot):
        scores = np.sort(rows.score[rows.snapshot == snapshot])
        at.append(scores[min(capacity, len(scores)) - 1])
    return _unpromised(rows, float(np.median(at)) + 1e-9)


def risk_cut(rows: ScoredRows, probability: np.ndarray, at_least: float) -> Cut:
    """Cut-off below which the risk curve says `P(churn) >= at_least`; `probability` per row of `rows`."""
    risky = probability >= at_least
    score = float(rows.score[risky].max()) + 1e-9 if risky.any() else 0.0
    return _unpromised(rows, score)


def share_cut(rows: ScoredRows, share_below: float) -> Cut:
    """Cut-off that leaves the same share of rows below it as before: a label kept, nothing promised."""
    return _unpromised(rows, float(np.quantile(rows.score, min(max(share_below, 0.0), 1.0))))


def _unpromised(rows: ScoredRows, score: float) -> Cut:
    accounts, events = rows.counted(rows.score < score)
    return Cut(score, None, None, accounts, events, guaranteed=False)


def settled_bands(bands: Sequence[str], readings: int = 2) -> list[str]:
    """Hysteresis for one account: a band changes only after `readings` consecutive snapshots agree on the new one.

    >>> settled_bands(["green", "yellow", "green", "yellow", "yellow"])
    ['green', 'green', 'green', 'green', 'yellow']
    """
    return [str(band) for band in settled_history(np.array([list(bands)], dtype=object), readings)[0]]


def settled_history(bands: np.ndarray, readings: int = 2) -> np.ndarray:
    """Hysteresis for many accounts at once.

    Args:
        bands: band names (accounts, snapshots in time order), objects.
        readings: consecutive snapshots that must agree on a new band, >= 1.

    Returns:
        The band to show, same shape.
    """
    shown = bands.copy()
    run = np.ones(len(bands), dtype=int)
    for position in range(1, bands.shape[1]):
        run = np.where(bands[:, position] == bands[:, position - 1], run + 1, 1)
        shown[:, position] = np.where(run >= readings, bands[:, position], shown[:, position - 1])
    return shown
