"""AUC and log loss of every method on the same resampled accounts, and everything that is compared from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from benchmarks.comparison.methods import CEILING, HAND, REFIT

from churnbench.metrics import AccountBootstrap, Estimate
from churnbench.metrics.discrimination import auc
from churnbench.metrics.estimate import percentile_estimate
from churnbench.metrics.probability import row_log_loss
from churnbench.metrics.ranked import quotient, rank, replicate_auc

#: Below this AUC difference between LightGBM and the hand formula there is no gap to speak of.
LEAST_GAP = 0.01


@dataclass(frozen=True, eq=False)
class Replicated:
    """A figure on all rows and in every resample."""

    value: float
    replicates: np.ndarray

    def estimate(self) -> Estimate:
        """With its 90 % interval."""
        return percentile_estimate(self.value, self.replicates)

    def minus(self, other: Replicated) -> Replicated:
        """Paired difference: the same resamples on both sides."""
        return Replicated(self.value - other.value, self.replicates - other.replicates)


@dataclass(frozen=True)
class Measured:
    """One method on one set; every interval is a 90 % account bootstrap.

    Attributes:
        auc: pairs of accounts compared within one fold, 0 to 1.
        log_loss: nats per row.
        auc_gain, log_loss_gain: improvement on the anchored refit; positive is better than the refit.
        over_hand: AUC minus that of the hand formula.
        gap_closed: share of the AUC gap from hand formula to LightGBM; None where there is no gap.
    """

    auc: Estimate
    log_loss: Estimate
    auc_gain: Estimate
    log_loss_gain: Estimate
    over_hand: Estimate
    gap_closed: Estimate | None


class Judge:
    """Draws the resamples of one set once, and measures methods on them.

    Args:
        rows: account_id, fold, y, and a column of P(churn) per method.
        replicates: number of resamples.
        seed: of the resamples.
    """

    def __init__(self, rows: pd.DataFrame, *, replicates: int, seed: int) -> None:
        self.rows = rows
        self.y = rows["y"].to_numpy(dtype=float)
        self.fold = rows["fold"].to_numpy()
        accounts = rows["account_id"].to_numpy(dtype=object)
        self.bootstrap = AccountBootstrap(accounts, replicates=replicates, seed=seed)

    def measure(self, names: Sequence[str]) -> dict[str, Measured]:
        """All figures of all methods."""
        areas = {name: self.area(self.rows[name].to_numpy(dtype=float)) for name in names}
        losses = {name: self.loss(self.rows[name].to_numpy(dtype=float)) for name in names}
        closed = self._gap_closed(areas)
        return {
            name: Measured(
                areas[name].estimate(),
                losses[name].estimate(),
                areas[name].minus(areas[REFIT]).estimate(),
                losses[REFIT].minus(losses[name]).estimate(),
                areas[name].minus(areas[HAND]).estimate(),
                closed.get(name),
            )
            for name in names
        }

    def area(self, p: np.ndarray) -> Replicated:
        """AUC of pairs within one fold: the mean over folds, weighted by their pairs of a churner and another."""
        above, pairs = np.zeros(self.bootstrap.replicates), np.zeros(self.bootstrap.replicates)
        value = weight = 0.0
        for number in np.unique(self.fold):
            here = self.fold == number
            y, codes = self.y[here], self.bootstrap.codes[here]
            if len(np.unique(y)) < 2:
                continue
            counted = float(y.sum() * (1 - y).sum())
            value, weight = value + counted * auc(y, p[here]), weight + counted
            replicates = np.full(self.bootstrap.replicates, np.nan)
            for which, cells in rank(y, p[here], codes, self.bootstrap.size).chunks(self.bootstrap):
                replicates[which] = replicate_auc(cells)
            churned, stayed = self.bootstrap.totals(self.bootstrap.by_account(codes, y, 1 - y)).T
            above += np.nan_to_num(replicates) * churned * stayed
            pairs += churned * stayed
        return Replicated(value / weight if weight else float("nan"), quotient(above, pairs))

    def loss(self, p: np.ndarray) -> Replicated:
        """Mean log loss."""
        losses = row_log_loss(self.y, p)
        per_account = self.bootstrap.by_account(self.bootstrap.codes, losses, np.ones(len(losses)))
        summed, size = self.bootstrap.totals(per_account).T
        return Replicated(float(losses.mean()), quotient(summed, size))

    def _gap_closed(self, areas: dict[str, Replicated]) -> dict[str, Estimate]:
        gap = areas[CEILING].minus(areas[HAND])
        lowest = areas[CEILING].estimate().low
        if gap.value < LEAST_GAP or lowest is None or lowest <= 0.5:
            return {}
        found = {}
        for name, area in areas.items():
            gained = area.minus(areas[HAND])
            share = Replicated(gained.value / gap.value, quotient(gained.replicates, gap.replicates))
            found[name] = share.estimate()
        return found
