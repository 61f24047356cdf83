"""What acting on the probabilities is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churnbench.domain.errors import InputError
from churnbench.metrics._arrays import as_outcome, as_probability, as_weight, ratio


def net_benefit(y: npt.ArrayLike, p: npt.ArrayLike, *, threshold: float, weights: npt.ArrayLike | None = None) -> float:
    """Net benefit of acting on every row with p >= t: TP/n - FP/n x t/(1 - t).

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        threshold: t, within [0, 1); the risk at which acting just pays.
        weights: shape (n,), row weights >= 0; 1 each when absent.

    Returns:
        True positives per row, net of false ones; at most the base rate, 0 for never acting.
        NaN without rows.

    Raises:
        InputError: for a threshold outside [0, 1), NaN, wrong lengths or values outside their range.

    Source: Vickers & Elkin 2006, doi:10.1177/0272989X06295361.

    >>> net_benefit([1, 0, 1, 0], [0.9, 0.6, 0.4, 0.1], threshold=0.5)
    0.0
    """
    if not 0.0 <= threshold < 1.0:
        raise InputError(
            f"a threshold of {threshold} arrived, at least 0 and less than 1 was expected.",
            column="threshold",
        )
    outcome = as_outcome(y)
    acted = as_probability(p, len(outcome)) >= threshold
    weight = as_weight(weights, len(outcome))
    hits = float((weight * outcome)[acted].sum())
    misses = float((weight * (1.0 - outcome))[acted].sum())
    return ratio(hits - misses * threshold / (1.0 - threshold), float(weight.sum()))


def profit_threshold(*, value: float, contact_cost: float, save_rate: float, offer_cost: float = 0.0) -> float:
    """Risk p* above which contacting pays: (f + d) / (gamma (V - d) + d).

    Args:
        value: V, worth of a kept account, money.
        contact_cost: f, money per contact.
        save_rate: gamma, share of contacted churners who stay, 0 to 1.
        offer_cost: d, money given to each who stays, >= 0.

    Returns:
        Probability; above 1 or infinite means that contacting never pays.

    Source: Verbraken, Verbeke & Baesens 2013, doi:10.1109/TKDE.2012.50.

    >>> profit_threshold(value=10_000, contact_cost=300, save_rate=0.3)
    0.1
    """
    gain = save_rate * (value - offer_cost) + offer_cost
    return (contact_cost + offer_cost) / gain if gain > 0.0 else float("inf")


def expected_profit(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    value: float | npt.ArrayLike,
    contact_cost: float,
    save_rate: float,
    offer_cost: float = 0.0,
    threshold: float | None = None,
) -> float:
    """Mean profit per account of contacting everybody with p >= t.

    A contacted churner brings gamma (V - d) - f, a contacted other account costs d + f (it takes the offer).

    Args:
        y: shape (n,), 0 or 1.
        p: shape (n,), P(churn), 0 to 1.
        value: V, worth of a kept account in money; one number or shape (n,), e.g. ARR.
        contact_cost: f, money per contact.
        save_rate: gamma, share of contacted churners who stay, 0 to 1.
        offer_cost: d, money given to each who stays, >= 0.
        threshold: t; without it each row's own `profit_threshold`.

    Returns:
        Money per row; 0 for contacting nobody. NaN without rows.

    Raises:
        InputError: for a save rate outside [0, 1], NaN, wrong lengths or values outside their range.

    Source: Verbraken, Verbeke & Baesens 2013, doi:10.1109/TKDE.2012.50.

    >>> expected_profit([1, 0], [0.9, 0.05], value=10_000, contact_cost=300, save_rate=0.3)
    1350.0
    """
    if not 0.0 <= save_rate <= 1.0:
        raise InputError(f"a save rate of {save_rate} arrived, 0 to 1 was expected.", column="save_rate")
    outcome = as_outcome(y)
    probability = as_probability(p, len(outcome))
    worth = np.broadcast_to(np.asarray(value, dtype=np.float64), outcome.shape)
    gain = save_rate * (worth - offer_cost) + offer_cost
    # Where even a certain churner is not worth the contact, no probability reaches the limit.
    own = np.divide(contact_cost + offer_cost, gain, out=np.full(len(outcome), np.inf), where=gain > 0.0)
    acted = probability >= (own if threshold is None else threshold)
    profit = np.where(outcome == 1.0, save_rate * (worth - offer_cost) - contact_cost, -(offer_cost + contact_cost))
    return ratio(float(profit[acted].sum()), float(len(outcome)))
