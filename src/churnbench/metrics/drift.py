"""Whether a distribution moved more than chance moves it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import Floats


def psi(expected: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Population stability index of two sets of counts: sum of (q - p) ln(q / p) over bins.

    Half a row is added to every bin of both sides, so that an empty bin gives a large number, not infinity.

    Args:
        expected: shape (B,), rows per bin then.
        actual: shape (B,), rows per bin now.

    Returns:
        Unitless, >= 0. Compare it with `psi_limit`, not with a fixed .1. NaN when one side has no rows.

    Raises:
        InputError: for different lengths, fewer than two bins or negative counts.

    Source: Kullback & Leibler 1951, doi:10.1214/aoms/1177729694 (the symmetric divergence J);
        Yurdakul & Naranjo 2020, doi:10.21314/JRMV.2020.227.

    >>> psi([50, 50], [50, 50])
    0.0
    >>> round(psi([500, 500], [600, 400]), 4)
    0.0405
    """
    then, now = (np.asarray(side, dtype=np.float64) for side in (expected, actual))
    if then.ndim != 1 or then.shape != now.shape or len(then) < 2:
        raise InputError(
            f"counts of shapes {then.shape} and {now.shape} arrived; two equal rows of bins were expected."
        )
    if (then < 0).any() or (now < 0).any() or not np.isfinite(then.sum() + now.sum()):
        raise InputError("a negative or missing count arrived; 0 or more was expected.")
    if then.sum() == 0.0 or now.sum() == 0.0:
        return float("nan")
    p = (then + 0.5) / (then.sum() + 0.5 * len(then))
    q = (now + 0.5) / (now.sum() + 0.5 * len(now))
    return float(((q - p) * np.log(q / p)).sum())


def psi_limit(bins: int, expected_rows: float, actual_rows: float, *, level: float = 0.95) -> float:
    """Value that PSI exceeds with probability 1 - level when nothing moved: chi2(B - 1, level)(1/n + 1/m).

    Args:
        bins: B, >= 2.
        expected_rows: n, independent rows then (accounts, when rows repeat them), > 0.
        actual_rows: m, independent rows now, > 0.
        level: within (0, 1).

    Returns:
        Unitless, on the scale of `psi`.

    Raises:
        InputError: for fewer than two bins or a side without rows.

    Source: Yurdakul & Naranjo 2020, doi:10.21314/JRMV.2020.227.

    >>> round(psi_limit(10, 1000, 1000), 4)
    0.0338
    """
    if bins < 2 or expected_rows <= 0 or actual_rows <= 0:
        raise InputError(
            f"{bins} bins with {expected_rows:g} and {actual_rows:g} rows arrived; "
            "at least 2 bins and rows on both sides were expected."
        )
    return float(stats.chi2.ppf(level, bins - 1) * (1.0 / expected_rows + 1.0 / actual_rows))


def quantile_counts(expected: npt.ArrayLike, actual: npt.ArrayLike, *, bins: int = 10) -> tuple[Floats, Floats]:
    """Rows per bin of two numeric columns; bins at quantiles of the first, missing is a bin of its own.

    Args:
        expected: shape (n,), NaN where missing.
        actual: shape (m,), NaN where missing.
        bins: at most this many numeric bins, >= 2.

    Returns:
        Two arrays of equal length for `psi`; the last entry counts missing values.

    Raises:
        InputError: for fewer than two bins.

    >>> [side.tolist() for side in quantile_counts([1, 2, 3, 4], [1, 1, float("nan"), 9], bins=2)]
    [[2.0, 2.0, 0.0], [2.0, 1.0, 1.0]]
    """
    if bins < 2:
        raise InputError(f"{bins} bins arrived, at least 2 were expected.", column="bins")
    then, now = (np.asarray(side, dtype=np.float64) for side in (expected, actual))
    known = then[~np.isnan(then)]
    inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner, method="lower")) if known.size else np.empty(0)
    sides = []
    for side in (then, now):
        place = np.searchsorted(edges, side[~np.isnan(side)], side="left")
        counts = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
        sides.append(np.append(counts, float(np.isnan(side).sum())))
    return sides[0], sides[1]
