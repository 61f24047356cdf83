"""Whether the data that the formula reads moved: distribution, missing values and coverage, one row per account.

Compared are the newest snapshot and the newest one that the review had seen, so that no account counts twice on a side.
Metrics have seasons; so a distribution counts as moved only when it also differs from the same season a year ago, where
the data reach back that far. Most accounts are on both sides, which makes chance smaller than the null
limits say, so alarms are rarer.
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
#: How far from a year before a snapshot may lie to be of the same season, days.
_SEASON_DAYS = 21


@dataclass(frozen=True)
class Drift:
    """One column then and now.

    Attributes:
        name: metric input, or "health score" or "coverage".
        accounts: known values then and now.
        psi, limit: index and its null limit with the whole family in view; None with too few values.
        psi_year, limit_year: the same against the snapshot a year before now; None without one.
        missing: share missing then and now, 0-1; for coverage the mean share that is not covered.
        p_missing: exact two-sided p-value of the missing shares.
        problem: what is wrong in words, None when nothing is.
    """

    name: str
    accounts: tuple[int, int]
    psi: float | None
    limit: float | None
    psi_year: float | None
    limit_year: float | None
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
    season = _year_before(book, now)
    year = None if season is None else book.frame.loc[book.frame["as_of"] == season]
    each = alpha / (2 * len(book.metrics) + 3)
    found = []
    for name in (*book.metrics, SCORE):
        column = "score" if name == SCORE else name
        found.append(_column(name, sides[0][column], sides[1][column], None if year is None else year[column], each))
    found.append(_coverage(sides[0]["coverage"], sides[1]["coverage"], each))
    return tuple(found)


def _year_before(book: Book, now: pd.Timestamp) -> pd.Timestamp | None:
    """The snapshot nearest to a year before, at most three weeks off."""
    wanted = now - pd.Timedelta(days=365)
    near = min(book.dates, key=lambda day: abs((day - wanted).days))
    return near if abs((near - wanted).days) <= _SEASON_DAYS else None


def _column(name: str, then: pd.Series, now: pd.Series, year: pd.Series | None, alpha: float) -> Drift:
    known = [side[side.notna()] for side in (then, now)]
    sizes = (len(known[0]), len(known[1]))
    missing = (1.0 - sizes[0] / max(len(then), 1), 1.0 - sizes[1] / max(len(now), 1))
    table = np.array([[len(then) - sizes[0], sizes[0]], [len(now) - sizes[1], sizes[1]]])
    p_missing = float(stats.fisher_exact(table)[1])
    index, limit = _index(known[0], known[1], alpha)
    index_year, limit_year = (None, None) if year is None else _index(year[year.notna()], known[1], alpha)
    moved = _moved(index, limit) and (index_year is None or _moved(index_year, limit_year))
    problem = _problem(known, missing, significant=p_missing < alpha)
    if problem is None and moved:
        problem = f"its distribution moved: PSI {index:.2f}, by chance up to {limit:.2f}"
    return Drift(name, sizes, index, limit, index_year, limit_year, missing, p_missing, problem)


def _index(then: pd.Series, now: pd.Series, alpha: float) -> tuple[float | None, float | None]:
    """PSI of known values and its null limit; None twice with too few values or a single bin."""
    if min(len(then), len(now)) < _LEAST:
        return None, None
    counts = _numeric(then, now) if pd.api.types.is_numeric_dtype(then) else _categories(then, now)
    bins = len(counts[0])
    return (psi(*counts), psi_limit(bins, len(then), len(now), level=1.0 - alpha)) if bins > 1 else (None, None)


def _moved(index: float | None, limit: float | None) -> bool:
    return index is not None and limit is not None and index > max(limit, MATERIAL_PSI)


def _problem(known: list[pd.Series], missing: tuple[float, float], *, significant: bool) -> str | None:
    if missing[1] == 1.0 and missing[0] < 0.5:
        return "no account has a value any more"
    if significant and abs(missing[1] - missing[0]) >= MATERIAL_SHARE:
        return f"missing for {missing[1]:.0%} of the accounts, before {missing[0]:.0%}"
    if len(known[1]) >= _LEAST and len(known[1].unique()) == 1 and len(known[0].unique()) >= 5:
        return "every account has the same value now"
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
    return Drift(COVERAGE, (len(a), len(b)), None, None, None, None, lack, p, problem)
