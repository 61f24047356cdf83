"""Whether the data that the formula reads moved: distribution, missing values and coverage, one row per account.

Compared are the newest snapshot and the newest one that the review had seen, so that no account counts twice on a side.
Most accounts are on both sides, which makes chance smaller than the null limits say, so alarms are rarer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from churnbench.metrics.drift import psi, psi_limit, quantile_counts
from churnbench.monitoring.budget import MATERIAL_PSI, MATERIAL_SHARE
from churnbench.monitoring.exposure import Book

Floats = npt.NDArray[np.float64]
SCORE, COVERAGE = "health score", "coverage"
#: Known values on a side below which a distribution is not compared, and from which ten bins are used.
_LEAST, _MANY = 20, 200
#: Categories that get a bin of their own.
_CATEGORIES = 12


@dataclass(frozen=True)
class Drift:
    """One column then and now.

    Attributes:
        name: metric input, or "health score" or "coverage".
        accounts: known values then and now.
        psi, limit: index and its null limit with the whole family in view; None with too few values.
        missing: share missing then and now, 0-1; for coverage the mean share that is not covered.
        p_missing: exact two-sided p-value of the missing shares.
        problem: what is wrong in words, None when nothing is.
    """

    name: str
    accounts: tuple[int, int]
    psi: float | None
    limit: float | None
    missing: tuple[float, float]
    p_missing: float
    problem: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def drifts(book: Book, then: pd.Timestamp, now: pd.Timestamp, *, alpha: float) -> tuple[Drift, ...]:
    """Compare two snapshots column by column.

    Args:
        book: scored rows.
        then: as-of date that the review had seen.
        now: newest as-of date.
        alpha: probability of any false alarm among all columns (shared out equally, Bonferroni).

    Returns:
        The metrics in the formula's order, then score and coverage. A problem needs both: more than chance, and more
        than `MATERIAL_PSI` or `MATERIAL_SHARE`.
    """
    sides = [book.frame.loc[book.frame["as_of"] == day] for day in (then, now)]
    each = alpha / (2 * len(book.metrics) + 3)
    found = [_column(name, sides[0][name], sides[1][name], each) for name in book.metrics]
    found.append(_column(SCORE, sides[0]["score"], sides[1]["score"], each))
    found.append(_coverage(sides[0]["coverage"], sides[1]["coverage"], each))
    return tuple(found)


def _column(name: str, then: pd.Series, now: pd.Series, alpha: float) -> Drift:
    known = [side[side.notna()] for side in (then, now)]
    sizes = (len(known[0]), len(known[1]))
    missing = (1.0 - sizes[0] / max(len(then), 1), 1.0 - sizes[1] / max(len(now), 1))
    table = np.array([[len(then) - sizes[0], sizes[0]], [len(now) - sizes[1], sizes[1]]])
    p_missing = float(stats.fisher_exact(table)[1])
    index = limit = None
    if min(sizes) >= _LEAST:
        counts = _numeric(*known) if pd.api.types.is_numeric_dtype(then) else _categories(*known)
        if len(counts[0]) > 1:
            index = psi(*counts)
            limit = psi_limit(len(counts[0]), sizes[0], sizes[1], level=1.0 - alpha)
    return Drift(
        name, sizes, index, limit, missing, p_missing, _problem(known, missing, p_missing, index, limit, alpha)
    )


def _problem(
    known: list[pd.Series],
    missing: tuple[float, float],
    p_missing: float,
    index: float | None,
    limit: float | None,
    alpha: float,
) -> str | None:
    if missing[1] == 1.0 and missing[0] < 0.5:
        return "no account has a value any more"
    if p_missing < alpha and abs(missing[1] - missing[0]) >= MATERIAL_SHARE:
        return f"missing for {missing[1]:.0%} of the accounts, before {missing[0]:.0%}"
    if len(known[1]) >= _LEAST and known[1].min() == known[1].max() and known[0].nunique() >= 5:
        return "every account has the same value now"
    if index is not None and limit is not None and index > max(limit, MATERIAL_PSI):
        return f"its distribution moved: PSI {index:.2f}, by chance up to {limit:.2f}"
    return None


def _numeric(then: pd.Series, now: pd.Series) -> tuple[Floats, Floats]:
    bins = 10 if min(len(then), len(now)) >= _MANY else 5
    sides = quantile_counts(then.to_numpy(dtype=float), now.to_numpy(dtype=float), bins=bins)
    return sides[0][:-1], sides[1][:-1]  # missing values are tested on their own


def _categories(then: pd.Series, now: pd.Series) -> tuple[Floats, Floats]:
    """Rows per category; rare ones, and those never seen then, share the last bin."""
    names = then.astype(str).value_counts().index[:_CATEGORIES]
    sides = []
    for side in (then, now):
        counts = side.astype(str).value_counts()
        own = counts.reindex(names, fill_value=0).to_numpy(dtype=float)
        sides.append(np.append(own, float(counts.sum()) - own.sum()))
    return sides[0], sides[1]


def _coverage(then: pd.Series, now: pd.Series, alpha: float) -> Drift:
    a, b = then.to_numpy(dtype=float), now.to_numpy(dtype=float)
    lack = (float(1.0 - a.mean()) if len(a) else 1.0, float(1.0 - b.mean()) if len(b) else 1.0)
    p = 1.0
    if min(len(a), len(b)) > 1 and (a.std() > 0.0 or b.std() > 0.0):
        p = float(stats.ttest_ind(a, b, equal_var=False).pvalue)
    elif lack[0] != lack[1]:
        p = 0.0
    problem = None
    if p < alpha and lack[1] - lack[0] >= MATERIAL_SHARE:
        problem = f"the formula sees {1 - lack[1]:.0%} of its weight on average, before {1 - lack[0]:.0%}"
    return Drift(COVERAGE, (len(a), len(b)), None, None, lack, p, problem)
