"""What a team that can call k accounts per snapshot catches.

A churner is a distinct account with at least one row y = 1; it is caught when it is among the k riskiest of a
snapshot in which its outcome window holds the churn. Ties at the cut are broken at random and independently
per snapshot; all figures are expectations over that, so the order of rows never matters and "caught" need not
be a whole number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import Floats, Integers, as_column, as_outcome, encode, ratio
from churnbench.metrics.bootstrap import AccountBootstrap, Counts
from churnbench.metrics.estimate import Estimate, percentile_estimate
from churnbench.metrics.ranked import Ranked, Weighed, inside, quotient, rank


@dataclass(frozen=True)
class GainPoint:
    """One point of the gain curve.

    Attributes:
        called: accounts called per snapshot, k.
        caught: share of churners caught, with its interval; `value` is `None` without churners.
    """

    called: int
    caught: Estimate

    def as_json(self) -> dict[str, float | int | None]:
        """`{"called", "caught", "low", "high"}` as the evidence holds it."""
        return {
            "called": self.called,
            "caught": self.caught.value,
            "low": self.caught.low,
            "high": self.caught.high,
        }


@dataclass(frozen=True)
class AtCapacity:
    """Figures at one capacity.

    Attributes:
        k: accounts called per snapshot.
        caught: expected number of distinct churners caught.
        of: distinct churners, those that left too early to be called included.
        precision: share of calls whose outcome window holds the churn.
        recall: `caught / of`.
        lift: precision over the churn rate of all rows.
    """

    k: int
    caught: float
    of: int
    precision: Estimate
    recall: Estimate
    lift: Estimate

    def as_json(self) -> dict[str, object]:
        """The evidence's `at_capacity` object."""
        return {
            "k": self.k,
            "caught": self.caught,
            "of": self.of,
            "precision": self.precision.as_json(),
            "recall": self.recall.as_json(),
            "lift": self.lift.as_json(),
        }


@dataclass(frozen=True, eq=False)
class _Book:
    """Rows ranked within their snapshot.

    Attributes:
        ranked: cells of the ranking.
        last: shape (snapshots,), last tied group of each snapshot.
        tie: shape (m,), tied group of each churner row, ordered by account.
        starts: shape (churners,), first of those rows of each churner.
        churners: shape (churners,), account codes.
    """

    ranked: Ranked
    last: Integers
    tie: Integers
    starts: Integers
    churners: Integers


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One chunk of resamples: cell weights and positions within each snapshot, all (K, resamples)."""

    cells: Weighed
    group: Floats
    ends: Floats
    weight: Floats


def gain_curve(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike,
    accounts: npt.ArrayLike | None = None,
    *,
    bootstrap: AccountBootstrap,
    called: Sequence[int] | None = None,
    level: float = 0.9,
) -> tuple[GainPoint, ...]:
    """Share of churners caught against accounts called per snapshot, the k riskiest of each.

    In a resample the k riskiest are taken from the resampled book, so the interval includes the movement of
    the cut.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), any risk, higher is riskier.
        groups: shape (n,), snapshot (as-of date) of each row.
        accounts: shape (n,), account of each row; `None` when the rows are the bootstrap's own.
        bootstrap: the resamples.
        called: capacities k, each >= 0; by default 21 steps from 0 to the largest snapshot.
        level: coverage of the intervals.

    Returns:
        One point per capacity, in the order given; shares are 0 to 1.

    Raises:
        InputError: for a negative capacity, NaN, wrong lengths or unknown accounts.

    Source: Berry & Linoff 2004, Data Mining Techniques, chapter 4 (cumulative gains), by distinct account.

    >>> made = AccountBootstrap(["a", "b", "c", "d"], replicates=50, seed=0)
    >>> curve = gain_curve([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], ["2024-01"] * 4, bootstrap=made, called=[1, 3])
    >>> {point.called: point.caught.value for point in curve}
    {1: 0.5, 3: 1.0}
    """
    outcome = as_outcome(y)
    snapshot = encode(groups, "groups", rows=len(outcome))[0]
    if called is None:
        largest = int(np.bincount(snapshot).max()) if len(snapshot) else 0
        called = sorted({round(largest * step / 20) for step in range(21)})
    _check_capacities(called)
    book = _book(outcome, as_column(p, "p", rows=len(outcome)), snapshot, accounts, bootstrap)
    drawn = np.full((len(called), bootstrap.replicates), np.nan)
    for which, part in _chunks(book, bootstrap):
        for number, k in enumerate(called):
            drawn[number, which] = quotient(_caught(book, part, k), part.weight.sum(axis=0))
    whole = _whole(book, bootstrap)
    points = []
    for number, k in enumerate(called):
        share = ratio(float(_caught(book, whole, k)[0]), float(len(book.churners)))
        points.append(GainPoint(k, percentile_estimate(share, drawn[number], level=level)))
    return tuple(points)


def at_capacity(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    as_of: npt.ArrayLike,
    accounts: npt.ArrayLike | None = None,
    *,
    k: int,
    bootstrap: AccountBootstrap,
    too_late: int = 0,
    level: float = 0.9,
) -> AtCapacity:
    """Caught churners, precision, recall and lift when the k riskiest accounts of each snapshot are called.

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), any risk, higher is riskier.
        as_of: shape (n,), snapshot of each row.
        accounts: shape (n,), account of each row; `None` when the rows are the bootstrap's own.
        k: accounts that can be called per snapshot, >= 0.
        bootstrap: the resamples.
        too_late: distinct churners without any row y = 1 because they left within the gap; misses in recall.
            Held fixed in resamples.
        level: coverage of the intervals.

    Returns:
        `caught` and `of` count distinct accounts; precision and lift count calls (rows).

    Raises:
        InputError: for a negative k or too_late, NaN, wrong lengths or unknown accounts.

    Source: Manning, Raghavan & Schuetze 2008, chapter 8, by snapshot; method.md section 1 for `too_late`.

    >>> made = AccountBootstrap(["a", "b", "c", "d"], replicates=50, seed=0)
    >>> result = at_capacity([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], ["q1"] * 4, k=2, bootstrap=made, too_late=1)
    >>> result.caught, result.of, result.precision.value, result.lift.value
    (1.0, 3, 0.5, 1.0)
    """
    if too_late < 0:
        raise InputError(f"{too_late} accounts arrived, 0 or more was expected.", column="too_late")
    _check_capacities([k])
    outcome = as_outcome(y)
    snapshot = encode(as_of, "as_of", rows=len(outcome))[0]
    book = _book(outcome, as_column(p, "p", rows=len(outcome)), snapshot, accounts, bootstrap)
    drawn = np.full((3, bootstrap.replicates), np.nan)
    for which, part in _chunks(book, bootstrap):
        drawn[:, which] = _figures(book, part, k, too_late)[1:]
    caught, precision, recall, lift = _figures(book, _whole(book, bootstrap), k, too_late)[:, 0]
    return AtCapacity(
        k,
        float(caught),
        len(book.churners) + too_late,
        percentile_estimate(float(precision), drawn[0], level=level),
        percentile_estimate(float(recall), drawn[1], level=level),
        percentile_estimate(float(lift), drawn[2], level=level),
    )


def _check_capacities(called: Sequence[int]) -> None:
    for k in called:
        if k < 0:
            raise InputError(f"a capacity of {k} arrived, 0 or more was expected.", column="k")


def _book(
    outcome: Floats,
    risk: Floats,
    snapshot: Integers,
    accounts: npt.ArrayLike | None,
    bootstrap: AccountBootstrap,
) -> _Book:
    """Rank the rows of every snapshot once."""
    codes = bootstrap.row_codes(accounts, len(outcome))
    ranked = rank(outcome, risk, codes, bootstrap.size, groups=snapshot)
    order = np.argsort(ranked.account_of_churner, kind="stable")
    churners, starts = np.unique(ranked.account_of_churner[order], return_index=True)
    last = np.append(np.unique(ranked.group_start)[1:], ranked.ties)[: ranked.ties] - 1
    return _Book(ranked, last, ranked.tie_of_churner[order], starts.astype(np.int64), churners)


def _chunks(book: _Book, bootstrap: AccountBootstrap) -> Iterator[tuple[slice, _Drawn]]:
    """All resamples; nothing when there are no rows."""
    if book.ranked.ties:
        for which, counts in bootstrap.chunks(book.ranked.width):
            yield which, _draw(book, counts)


def _whole(book: _Book, bootstrap: AccountBootstrap) -> _Drawn:
    """Every account once: the sample itself."""
    return _draw(book, np.ones((1, bootstrap.size), dtype=np.uint8))


def _draw(book: _Book, counts: Counts) -> _Drawn:
    cells = book.ranked.weigh(counts)
    group = cells.tied.astype(np.float64) + cells.churned
    running = np.cumsum(cells.between + group, axis=0)
    # Positions count from the top of the row's own snapshot.
    before = np.vstack([np.zeros((1, counts.shape[0])), running])[book.ranked.group_start]
    return _Drawn(cells, group, running - before, counts[:, book.churners].T.astype(np.float64))


def _caught(book: _Book, part: _Drawn, k: int) -> Floats:
    """Expected number of distinct churners caught in each resample, shape (resamples,)."""
    if len(book.churners) == 0:
        return np.zeros(part.weight.shape[1])
    missed = 1.0 - inside(float(k), part.ends - part.group, part.group)[book.tie]
    never: Floats = np.multiply.reduceat(missed, book.starts, axis=0)
    found: Floats = (part.weight * (1.0 - never)).sum(axis=0)
    return found


def _figures(book: _Book, part: _Drawn, k: int, too_late: int) -> Floats:
    """(caught, precision, recall, lift) of each resample, shape (4, resamples)."""
    if not book.ranked.ties:
        caught = np.zeros(part.weight.shape[1])
        nothing = np.full_like(caught, np.nan)
        return np.stack([caught, nothing, quotient(caught, caught + too_late), nothing])
    caught = _caught(book, part, k)
    hits = (part.cells.churned * inside(float(k), part.ends - part.group, part.group)).sum(axis=0)
    rows = part.ends[book.last]
    precision = quotient(hits, np.minimum(float(k), rows).sum(axis=0))
    base_rate = quotient(part.cells.churned.sum(axis=0, dtype=np.float64), rows.sum(axis=0))
    recall = quotient(caught, part.weight.sum(axis=0) + too_late)
    return np.stack([caught, precision, recall, quotient(precision, base_rate)])
