"""What calls earn, of the k riskiest accounts of every snapshot and of all whom it pays to call, with intervals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churnbench.metrics._arrays import Floats, Integers, as_column, as_outcome, encode
from churnbench.metrics.bootstrap import AccountBootstrap, Counts
from churnbench.metrics.estimate import Estimate, percentile_estimate
from churnbench.metrics.ranked import quotient

#: Rows x resamples held at once, about 100 MB in all.
_AT_ONCE = 3_000_000
#: The riskiest rows of each snapshot that a resample reads first, in multiples of k and beyond: drawing accounts with
#: replacement hardly ever needs more, and where it does, all rows are read.
_TIMES, _MORE = 2, 50


def calls_profit(
    y: npt.ArrayLike,
    risk: npt.ArrayLike,
    as_of: npt.ArrayLike,
    *,
    profit: npt.ArrayLike,
    k: int,
    bootstrap: AccountBootstrap,
    level: float = 0.9,
) -> Estimate:
    """Money that k calls per snapshot earn, mean over snapshots; ties at the cut count in part.

    Args:
        y: shape (n,), 0 or 1; checked only.
        risk: shape (n,), higher is called first.
        as_of: shape (n,), snapshot of each row.
        profit: shape (n,), money that calling the row earns (a cost is negative); NaN where not known, which adds 0.
        k: accounts that can be called per snapshot, >= 1.
        bootstrap: made from the accounts of these rows.
        level: coverage of the interval.

    Returns:
        Money per snapshot; `None` where no profit is known.

    Raises:
        InputError: for NaN in `risk`, wrong lengths or values outside their range.

    >>> made = AccountBootstrap(["a", "b", "c"], replicates=20, seed=0)
    >>> calls_profit([1, 0, 0], [0.9, 0.5, 0.5], ["q"] * 3, profit=[100.0, -10.0, -10.0], k=2, bootstrap=made).value
    90.0
    """
    outcome = as_outcome(y)
    order = as_column(risk, "risk", rows=len(outcome))
    money = np.asarray(profit, dtype=np.float64)
    if len(outcome) == 0 or np.isnan(money).all():
        return Estimate(None)
    snapshot = encode(as_of, "as_of", rows=len(outcome))[0]
    book = _sorted(order, snapshot, bootstrap.row_codes(None, len(outcome)), np.nan_to_num(money))
    count = int(snapshot.max()) + 1
    whole = float(_earned(book, np.ones((1, bootstrap.size), dtype=np.uint8), k)[0]) / count
    drawn = np.empty(bootstrap.replicates)
    top = _riskiest(book, _TIMES * k + _MORE)
    for which, counts in bootstrap.chunks(max(1, _AT_ONCE // len(outcome))):
        drawn[which] = _earned(top if _suffices(top, book, counts, k) else book, counts, k) / count
    return percentile_estimate(whole, drawn, level=level)


def worthwhile_profit(
    profit: npt.ArrayLike, acted: npt.ArrayLike, *, bootstrap: AccountBootstrap, level: float = 0.9
) -> Estimate:
    """Mean profit per row of calling the rows in `acted`, over rows whose profit is known; see `expected_profit`.

    Args:
        profit: shape (n,), money that calling the row earns, NaN where not known.
        acted: shape (n,), whether it is called.
        bootstrap: made from the accounts of these rows.
        level: coverage of the interval.
    """
    money = np.asarray(profit, dtype=np.float64)
    known = (~np.isnan(money)).astype(np.float64)
    earned = np.where(np.asarray(acted, dtype=bool), np.nan_to_num(money), 0.0)
    per_account = bootstrap.by_account(bootstrap.row_codes(None, len(money)), earned, known)
    if per_account[:, 1].sum() == 0:
        return Estimate(None)
    sums = bootstrap.totals(per_account)
    value = float(per_account[:, 0].sum() / per_account[:, 1].sum())
    return percentile_estimate(value, quotient(sums[:, 0], sums[:, 1]), level=level)


class _Book:
    """Rows sorted by (snapshot, riskiest first): account codes, money, first rows of ties and of snapshots."""

    def __init__(self, codes: Integers, money: Floats, tie: Integers, group: Integers) -> None:
        self.codes, self.money, self.tie, self.group = codes, money, tie, group
        self.tie_start = np.flatnonzero(np.append(True, np.diff(tie) != 0)[: len(tie)])
        self.group_start = np.flatnonzero(np.append(True, np.diff(group) != 0)[: len(group)])


def _sorted(order: Floats, snapshot: Integers, codes: Integers, money: Floats) -> _Book:
    by = np.lexsort((-order, snapshot))
    score, group = order[by], snapshot[by]
    new = np.append(True, (np.diff(score) != 0) | (np.diff(group) != 0))[: len(by)]
    return _Book(codes[by], money[by], np.cumsum(new) - 1, group)


def _riskiest(book: _Book, most: int) -> _Book:
    """The first rows of every snapshot, with all rows tied to the last of them."""
    place = np.arange(len(book.group)) - book.group_start[book.group]
    last = np.maximum.reduceat(np.where(place < most, book.tie, -1), book.group_start)
    kept = book.tie <= last[book.group]
    return _Book(book.codes[kept], book.money[kept], book.tie[kept], book.group[kept])


def _suffices(top: _Book, book: _Book, counts: Counts, k: int) -> bool:
    """Whether the riskiest rows alone fill k calls in every snapshot of every resample that has so many."""
    if len(top.codes) == len(book.codes):
        return True
    drawn = np.add.reduceat(counts[:, top.codes], top.group_start, axis=1, dtype=np.int64)
    return bool((drawn >= k).all())


def _earned(book: _Book, counts: Counts, k: int) -> Floats:
    """Money over all snapshots, for each resample."""
    weight = counts[:, book.codes].astype(np.float64)
    size = np.add.reduceat(weight, book.tie_start, axis=1)
    earned = np.add.reduceat(weight * book.money, book.tie_start, axis=1)
    ends = np.cumsum(size, axis=1)
    first = np.searchsorted(book.tie_start, book.group_start)[book.group[book.tie_start]]
    before = ends - size
    place = before - before[:, first]  # rows called before this tie, within its snapshot
    part = np.clip(np.divide(k - place, size, out=np.zeros_like(size), where=size > 0), 0.0, 1.0)
    found: Floats = (part * earned).sum(axis=1)
    return found
