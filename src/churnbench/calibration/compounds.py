"""Compound metrics: the AND of two conditions, where an additive formula misses that two things together matter.

A weighted formula adds. When few logins are harmless and many tickets are harmless but both together are not, no
weights and no curves can say so; a metric "logins below 2 and tickets at least 4" can, and it is an ordinary boolean
metric that anybody can read. `compound_search` finds those that the data insist on. It looks at the rows it
chooses from, so how many are kept is decided by repeating the whole search on forward-chained folds and pricing it on
later rows: a search that does not pay there proposes nothing.

Source: method of the project, section 5.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnbench.calibration.anchored import AnchoredRefit
from churnbench.calibration.compound_metric import Compound, Condition
from churnbench.calibration.compound_search import search
from churnbench.calibration.training import Training

__all__ = [
    "LEAST_EVENTS",
    "MOST",
    "NEEDED",
    "Compound",
    "CompoundPath",
    "Condition",
    "compound_frame",
    "compound_path",
    "propose_compounds",
    "search_compounds",
    "with_compounds",
]

#: Score-test gain over design effect that a compound must exceed, most compounds kept, and the distinct churned
#: accounts in training below which none is sought (method, sections 5.9 and "small data").
NEEDED, MOST, LEAST_EVENTS = 20.0, 10, 500
#: Weight of a compound in the hand formula, relative to its dimension: the hand formula does not know it, but a
#: metric of no weight at all would be left out of the refit.
_TRACE = 0.0005


@dataclass(frozen=True, eq=False)
class CompoundPath:
    """What keeping the first k compounds of a search is worth on later rows.

    Attributes:
        losses: mean log loss on the later rows of the inner folds with k = 0, 1, ... compounds.
        errors: standard error of the difference to the best k, accounts as clusters.
        kept: the fewest compounds whose loss is within one standard error of the best.
    """

    losses: np.ndarray
    errors: np.ndarray
    kept: int


def propose_compounds(
    training: Training, *, most: int = MOST, needed: float = NEEDED, least_events: int = LEAST_EVENTS
) -> tuple[Compound, ...]:
    """Compounds that the data insist on and that pay on later rows; none for most books, and none for small ones.

    Args:
        training: what may be learned from. Later rows of its inner folds decide how many are kept.
        most: most compounds, >= 0.
        needed: score-test gain over design effect that each must exceed.
        least_events: distinct churned accounts below which none is sought.

    Returns:
        Compounds in the order in which they were found. Give them to `with_compounds` for the joint refit.
    """
    if training.events < least_events or not training.teachable:
        return ()
    path = compound_path(training, most=most, needed=needed)
    return search_compounds(training, most=path.kept, needed=needed) if path.kept else ()


def search_compounds(training: Training, *, most: int = MOST, needed: float = NEEDED) -> tuple[Compound, ...]:
    """The greedy search alone: what passes the score test on the rows it was found on. Optimistic by construction."""
    if not training.teachable:
        return ()
    return tuple(step.compound for step in search(training, AnchoredRefit(training).fit(), most, needed))


def compound_path(training: Training, *, most: int = MOST, needed: float = NEEDED) -> CompoundPath:
    """Repeat the search on the rows of each inner fold and price its first k compounds on the fold's later rows."""
    rows = np.concatenate([predict for _, predict in training.folds])
    losses = np.zeros((most + 1, len(rows)))
    at = 0
    for learn, predict in training.folds:
        part = replace(training, frame=training.frame.iloc[learn].reset_index(drop=True))
        later, y = training.frame.iloc[predict], training.y[predict]
        fit = AnchoredRefit(part).fit()
        design = fit.basis.design(later)
        index = fit.solution.log_odds(design)
        block = losses[:, at : at + len(predict)]
        block[:] = _row_losses(y, index)
        columns: list[np.ndarray] = []
        for k, step in enumerate(search(part, fit, most, needed), start=1):
            columns.append(step.compound.column(later))
            index = step.solution.log_odds(np.column_stack([design, *columns]))
            block[k:] = _row_losses(y, index)  # a search that ends early keeps its last model
        at += len(predict)
    return _shortest(losses, training.accounts[rows])


def _row_losses(y: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0.0, index) - y * index)


def _shortest(losses: np.ndarray, accounts: np.ndarray) -> CompoundPath:
    """The 1-SE rule towards no compounds."""
    means = losses.mean(axis=1)
    best = int(means.argmin())
    cluster = np.asarray(pd.factorize(accounts)[0])
    errors = np.zeros(len(means))
    for k, row_losses in enumerate(losses):
        difference = row_losses - losses[best]
        centred = np.bincount(cluster, difference - difference.mean())
        errors[k] = float(np.sqrt((centred**2).sum())) / len(accounts)
    kept = int(np.flatnonzero(means - means[best] <= errors)[0])
    return CompoundPath(means, errors, kept)


def with_compounds(training: Training, compounds: Sequence[Compound]) -> Training:
    """The same training rows with the compounds as further metrics, ready for the joint refit.

    The hand formula gives each a trace of weight (5 basis points of its dimension), which is as near as a metric
    of the formula can be to being absent from it.
    """
    if not compounds:
        return training
    total = {
        dimension.id: sum(metric.weight for metric in training.spec.in_dimension(dimension.id))
        for dimension in training.spec.dimensions
    }
    metrics = tuple(compound.metric(total[compound.dimension] * _TRACE) for compound in compounds)
    return replace(
        training,
        frame=compound_frame(training.frame, compounds),
        spec=replace(training.spec, metrics=(*training.spec.metrics, *metrics)),
        metrics=(*training.metrics, *(compound.id for compound in compounds)),
    )


def compound_frame(frame: pd.DataFrame, compounds: Sequence[Compound]) -> pd.DataFrame:
    """A frame with one more column per compound."""
    return frame.assign(**{compound.id: compound.column(frame) for compound in compounds})
