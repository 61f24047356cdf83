"""Ranking measures of every bootstrap resample, from one sort.

Only groups of tied rows that hold a churner change any of the measures. So rows are folded into, per such
group, three cells: rows ranked between the previous group and this one, tied rows that stayed, churners. The
weight of all cells in all resamples is one sparse product (cells x accounts) times (accounts x resamples):
rows x resamples multiply-adds on contiguous memory, and everything after it is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from churnbench.metrics._arrays import Floats, Integers
from churnbench.metrics.bootstrap import AccountBootstrap, Counts

#: Cells x resamples held at once; with the running sums below about 150 MB.
_CELLS_AT_ONCE = 6_000_000

Dense = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Ranked:
    """Rows sorted by (group, riskiest first) and folded into cells.

    Attributes:
        cells: sparse, shape (3K, accounts): row weights of the K x (between, tied, churned) cells.
        ties: K, number of tied groups that hold a churner, plus the last of each group.
        group_start: shape (K,), position of the first tied group of the same group.
        tie_of_churner: shape (m,), tied group of each churner row.
        account_of_churner: shape (m,), account code of each churner row.
    """

    cells: sparse.csr_array
    ties: int
    group_start: Integers
    tie_of_churner: Integers
    account_of_churner: Integers

    @property
    def width(self) -> int:
        """Resamples that fit into memory at once."""
        return _CELLS_AT_ONCE // max(1, 3 * self.ties)

    def chunks(self, bootstrap: AccountBootstrap) -> Iterator[tuple[slice, Weighed]]:
        """Weights of all cells, resamples in order."""
        for which, counts in bootstrap.chunks(self.width):
            yield which, self.weigh(counts)

    def weigh(self, counts: Counts) -> Weighed:
        """Weights of all cells in some resamples; `counts` has shape (resamples, accounts)."""
        drawn = np.ascontiguousarray(counts.T, dtype=self.cells.dtype)
        product = self.cells @ drawn
        return Weighed(*product.reshape(3, self.ties, counts.shape[0]))


@dataclass(frozen=True, eq=False)
class Weighed:
    """Weights of the cells, each of shape (K, resamples), riskiest first."""

    between: Dense
    tied: Dense
    churned: Dense


def rank(
    outcome: Floats,
    risk: Floats,
    codes: Integers,
    accounts: int,
    *,
    weight: Floats | None = None,
    groups: Integers | None = None,
) -> Ranked:
    """Sort and fold rows once.

    Args:
        outcome: shape (n,), 0 or 1.
        risk: shape (n,), higher is riskier.
        codes: shape (n,), account codes below `accounts`.
        accounts: number of accounts.
        weight: shape (n,), row weights; `None` for 1 each.
        groups: shape (n,), codes of groups (snapshots) that are ranked each on its own.
    """
    group = np.zeros(len(outcome), dtype=np.int64) if groups is None else groups
    order = np.lexsort((-risk, group))
    y, score, group, code = outcome[order], risk[order], group[order], codes[order]
    new_group = np.append(True, group[1:] != group[:-1])[: len(y)]
    new_tie = new_group | np.append(True, score[1:] != score[:-1])[: len(y)]
    tie = np.cumsum(new_tie) - 1
    ties = int(tie[-1]) + 1 if len(tie) else 0
    # The last tied group of each group is kept even without a churner: it takes in the rows that trail.
    keep = np.bincount(tie, y, minlength=ties) > 0
    keep[tie[np.append(new_group[1:], True)[: len(y)]]] = True
    place: Integers = (np.cumsum(keep) - keep)[tie]
    kept = int(keep.sum())
    kind = np.where(y == 1.0, 2, np.where(keep[tie], 1, 0))
    # Counts of rows below 2^24 are exact in float32, and half the memory.
    value = np.ones(len(y), dtype=np.float32) if weight is None else weight[order]
    cells = sparse.coo_array((value, (kind * kept + place, code)), shape=(3 * kept, accounts)).tocsr()
    group_of_tie = np.zeros(kept, dtype=np.int64)
    group_of_tie[place] = np.cumsum(new_group) - 1
    first = np.searchsorted(group_of_tie, np.arange(int(new_group.sum())))
    churner = y == 1.0
    return Ranked(cells, kept, first[group_of_tie], place[churner], code[churner])


def replicate_auc(cells: Weighed) -> Floats:
    """AUC of each resample; NaN where one class is absent. Shape (resamples,)."""
    stayed = np.cumsum(cells.between + cells.tied, axis=0, dtype=np.float64)
    total = stayed[-1]
    above = np.einsum("kr,kr->r", cells.churned, total - stayed + 0.5 * cells.tied)
    return quotient(above, total * cells.churned.sum(axis=0, dtype=np.float64))


def replicate_average_precision(cells: Weighed) -> Floats:
    """Average precision of each resample; NaN without churners. Shape (resamples,)."""
    hits = np.cumsum(cells.churned, axis=0, dtype=np.float64)
    called = np.cumsum(cells.between + cells.tied + cells.churned, axis=0, dtype=np.float64)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return quotient(np.einsum("kr,kr->r", cells.churned, precision), hits[-1])


def replicate_lift(cells: Weighed, share: float) -> Floats:
    """Lift of each resample as `lift_at` defines it; NaN without churners. Shape (resamples,)."""
    group = cells.tied + cells.churned
    ends = np.cumsum(cells.between + group, axis=0, dtype=np.float64)
    called = share * ends[-1]
    part = inside(called, ends - group, group)
    churned = cells.churned.sum(axis=0, dtype=np.float64)
    return quotient(np.einsum("kr,kr->r", cells.churned, part), share * churned)


def inside(called: Floats | float, start: Floats, group: Dense) -> Floats:
    """Part of each tied group that lies within the first `called`."""
    part: Floats = np.divide(called - start, group, out=np.zeros_like(start), where=group > 0)
    return np.clip(part, 0.0, 1.0)


def quotient(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, NaN where the denominator is 0."""
    result: Floats = np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
    return result
