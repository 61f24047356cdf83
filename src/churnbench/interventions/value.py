"""What an action is worth: ARR that it is expected to save minus its cost, and on whose word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from churnbench.domain.errors import InputError
from churnbench.interventions.randomised import RandomisedEffect

Provenance = Literal["measured on randomised data", "declared, not measured"]
MEASURED: Provenance = "measured on randomised data"
DECLARED: Provenance = "declared, not measured"


@dataclass(frozen=True)
class SaveRate:
    """Share of the churn that an action prevents, and where the figure comes from.

    Attributes:
        value: 0-1; a measured one may be below 0, where the treated churned more.
        low, high: 90 % limits; None for a declared one.
        provenance: `MEASURED` or `DECLARED`.
    """

    value: float
    provenance: Provenance
    low: float | None = None
    high: float | None = None

    @property
    def established(self) -> bool:
        """Whether randomised data exclude that the action does nothing."""
        return self.provenance == MEASURED and self.low is not None and self.low > 0.0

    @property
    def sentence(self) -> str:
        """The figure with its provenance, for a report."""
        if self.provenance == DECLARED:
            return f"prevents {self.value:.0%} of the churn ({DECLARED})"
        span = "" if self.low is None or self.high is None else f"; 90 % interval {self.low:.0%} to {self.high:.0%}"
        return f"prevents {self.value:.0%} of the churn ({MEASURED}{span})"


@dataclass(frozen=True, eq=False)
class ExpectedValue:
    """Expected value of acting on accounts, in the currency of the ARR.

    Attributes:
        value: P(churn) x ARR x save rate - cost, shape of the inputs; NaN where risk or ARR is missing.
        low, high: the same at the limits of the save rate; None without limits.
        saved: P(churn) x ARR x save rate.
        rate: the save rate with its provenance.
    """

    value: npt.NDArray[np.float64]
    saved: npt.NDArray[np.float64]
    rate: SaveRate
    low: npt.NDArray[np.float64] | None = None
    high: npt.NDArray[np.float64] | None = None

    @property
    def provenance(self) -> Provenance:
        """On whose word."""
        return self.rate.provenance


def declared_rate(save_rate: float) -> SaveRate:
    """A save rate that somebody declared; it stays marked so wherever it is used.

    Raises:
        InputError: outside 0-1.
    """
    if not 0.0 <= save_rate <= 1.0:
        raise InputError(
            f"a save rate of {save_rate} arrived; a share from 0 to 1 was expected.",
            column="save_rate",
            fix="Write 'saves 30 % of those who would leave' as 0.3.",
        )
    return SaveRate(save_rate, DECLARED)


def measured_rate(effect: RandomisedEffect) -> SaveRate:
    """The save rate that randomised data show.

    Raises:
        InputError: when nobody held out has churned, so that there is no share.
    """
    found = effect.relative_reduction
    if found.value is None:
        raise InputError(
            "the randomised data give no save rate: no account that was held out has churned yet.",
            column="save_rate",
            fix="Wait for more outcomes, or declare a save_rate; it will be marked as declared.",
        )
    return SaveRate(found.value, MEASURED, found.low, found.high)


def expected_value(
    churn_probability: npt.ArrayLike,
    arr: npt.ArrayLike,
    rate: SaveRate | RandomisedEffect | float,
    cost: float,
) -> ExpectedValue:
    """Expected ARR saved minus cost, per account.

    Args:
        churn_probability: shape (n,) or a number, P(churn), 0-1; NaN unknown.
        arr: shape (n,) or a number, yearly value >= 0; NaN unknown.
        rate: a randomised effect, a save rate, or a plain number, which counts as declared.
        cost: of one action, >= 0, in the currency of the ARR.

    Returns:
        Values of the broadcast shape. Rank by `value`; where `rate.established` is false, say so beside it.

    Raises:
        InputError: for a probability, a value or a cost outside its range.

    >>> found = expected_value([0.5, 0.1], [10_000.0, 10_000.0], 0.3, 400.0)
    >>> found.value.tolist(), found.provenance
    ([1100.0, -100.0], 'declared, not measured')
    """
    if isinstance(rate, RandomisedEffect):
        rate = measured_rate(rate)
    elif not isinstance(rate, SaveRate):
        rate = declared_rate(float(rate))
    risk, worth = np.broadcast_arrays(np.asarray(churn_probability, dtype=float), np.asarray(arr, dtype=float))
    for name, values, top in (("churn_probability", risk, 1.0), ("arr", worth, np.inf)):
        known = values[~np.isnan(values)]
        if known.size and (known.min() < 0.0 or known.max() > top or not np.isfinite(known).all()):
            raise InputError(f"{name} holds {known.min():g} to {known.max():g}, outside its range.", column=name)
    if not (np.isfinite(cost) and cost >= 0.0):
        raise InputError(f"a cost of {cost} arrived; 0 or more was expected.", column="cost")
    at_stake = risk * worth
    limits = [None if end is None else at_stake * end - cost for end in (rate.low, rate.high)]
    return ExpectedValue(at_stake * rate.value - cost, at_stake * rate.value, rate, limits[0], limits[1])
