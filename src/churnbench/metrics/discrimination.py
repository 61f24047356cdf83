"""How well a score ranks churners above the others. All functions take "higher is riskier"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import Floats, as_column, as_outcome, as_weight, ratio


def _by_score(y: npt.ArrayLike, risk: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Weight of churners and of the others per distinct score, riskiest first."""
    outcome = as_outcome(y)
    score = as_column(risk, "risk", rows=len(outcome))
    weight = as_weight(weights, len(outcome))
    distinct, place = np.unique(-score, return_inverse=True)
    churned = np.bincount(place, weight * outcome, minlength=len(distinct))
    stayed = np.bincount(place, weight * (1.0 - outcome), minlength=len(distinct))
    return churned.astype(np.float64), stayed.astype(np.float64)


def auc(y: npt.ArrayLike, risk: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Area under the ROC curve: P(risk of a churner > risk of another) + P(equal) / 2.

    Args:
        y: shape (n,), 0 or 1.
        risk: shape (n,), any real numbers, higher is riskier.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1; .5 is chance. NaN when one class has no weight.

    Raises:
        InputError: for NaN, wrong lengths or outcomes other than 0 and 1.

    Source: Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    churned, stayed = _by_score(y, risk, weights)
    below = stayed.sum() - np.cumsum(stayed)
    return ratio(float(churned @ (below + 0.5 * stayed)), float(churned.sum() * stayed.sum()))


def average_precision(y: npt.ArrayLike, risk: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> float:
    """Average precision: sum over cut-offs of (recall_n - recall_(n-1)) x precision_n, ties as one cut-off.

    Args:
        y: shape (n,), 0 or 1.
        risk: shape (n,), any real numbers, higher is riskier.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1; chance level is the base rate. NaN without churners.

    Raises:
        InputError: for NaN, wrong lengths or outcomes other than 0 and 1.

    Source: Davis & Goadrich 2006, doi:10.1145/1143844.1143874; step-wise, without interpolation.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    churned, stayed = _by_score(y, risk, weights)
    called = np.cumsum(churned + stayed)
    precision = np.divide(np.cumsum(churned), called, out=np.zeros_like(called), where=called > 0)
    return ratio(float(churned @ precision), float(churned.sum()))


def _caught(churned: Floats, stayed: Floats, called: float) -> float:
    """Expected weight of churners among the riskiest `called`; a tied group is entered in part."""
    group = churned + stayed
    start = np.cumsum(group) - group
    part = np.clip(np.divide(called - start, group, out=np.zeros_like(group), where=group > 0), 0.0, 1.0)
    return float(churned @ part)


def lift_at(
    y: npt.ArrayLike,
    risk: npt.ArrayLike,
    *,
    share: float = 0.1,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Lift: churn rate among the riskiest `share` of the weight, over the churn rate of all.

    The cut is exactly `share` of the weight. The row or group of tied rows that the cut falls into counts in
    part, at its average rate; so neither the order of rows nor rounding of the cut matters.

    Args:
        y: shape (n,), 0 or 1.
        risk: shape (n,), any real numbers, higher is riskier.
        share: part that is called, within (0, 1].
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1/share; 1 is chance. NaN without churners.

    Raises:
        InputError: for a share outside (0, 1], NaN, wrong lengths or outcomes other than 0 and 1.

    Source: Berry & Linoff 2004, Data Mining Techniques, chapter 4.

    >>> lift_at([1, 0, 0, 0, 1, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    5.0
    >>> round(lift_at([1, 0, 0, 0, 1, 0, 0, 0, 0, 0], [1] * 10), 6)
    1.0
    """
    check_share(share)
    churned, stayed = _by_score(y, risk, weights)
    called = share * float(churned.sum() + stayed.sum())
    return ratio(_caught(churned, stayed, called), share * float(churned.sum()))


def recall_at(y: npt.ArrayLike, risk: npt.ArrayLike, *, k: int, weights: npt.ArrayLike | None = None) -> float:
    """Recall at capacity: expected share of the churners' weight among the k riskiest rows.

    Ties at the cut count in part, at their average rate. With weights (e.g. ARR) the k riskiest ROWS are
    called and the churners' weight among them is counted.

    Args:
        y: shape (n,), 0 or 1.
        risk: shape (n,), any real numbers, higher is riskier.
        k: rows that can be called, >= 0; more than n means all.
        weights: shape (n,), value of each row >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1. NaN without churners.

    Raises:
        InputError: for a negative k, NaN, wrong lengths or outcomes other than 0 and 1.

    Source: Manning, Raghavan & Schuetze 2008, Introduction to Information Retrieval, chapter 8.

    >>> recall_at([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5
    """
    inside, outcome, weight = _inclusion(y, risk, k, weights)
    return ratio(float(inside @ (weight * outcome)), float(weight @ outcome))


def precision_at(y: npt.ArrayLike, risk: npt.ArrayLike, *, k: int, weights: npt.ArrayLike | None = None) -> float:
    """Precision at capacity: expected share of churners' weight in the weight of the k riskiest rows.

    Args:
        y: shape (n,), 0 or 1.
        risk: shape (n,), any real numbers, higher is riskier.
        k: rows that can be called, >= 0; more than n means all.
        weights: shape (n,), value of each row >= 0; 1 each when absent.

    Returns:
        Unitless, 0 to 1. NaN when nothing is called.

    Raises:
        InputError: for a negative k, NaN, wrong lengths or outcomes other than 0 and 1.

    Source: Manning, Raghavan & Schuetze 2008, Introduction to Information Retrieval, chapter 8.

    >>> precision_at([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5
    """
    inside, outcome, weight = _inclusion(y, risk, k, weights)
    return ratio(float(inside @ (weight * outcome)), float(inside @ weight))


def _inclusion(
    y: npt.ArrayLike, risk: npt.ArrayLike, k: int, weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Probability that each row is among the k riskiest when ties are broken at random."""
    if k < 0:
        raise InputError(f"a capacity of {k} arrived, 0 or more was expected.", column="k")
    outcome = as_outcome(y)
    score = as_column(risk, "risk", rows=len(outcome))
    _, place, size = np.unique(-score, return_inverse=True, return_counts=True)
    before = np.cumsum(size) - size
    inside = np.clip((k - before) / size, 0.0, 1.0)[place]
    return inside, outcome, as_weight(weights, len(outcome))


def check_share(share: float) -> None:
    """Refuse a share outside (0, 1].

    Raises:
        InputError: for a share outside (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise InputError(f"a share of {share} arrived, more than 0 and at most 1 was expected.", column="share")
