"""One function per measure, each with its paper; account bootstrap intervals."""

from churnbench.metrics.bootstrap import AccountBootstrap
from churnbench.metrics.capacity import AtCapacity, GainPoint, at_capacity, gain_curve
from churnbench.metrics.estimate import Estimate, percentile_estimate
from churnbench.metrics.promises import band_outcome
from churnbench.metrics.rates import clopper_pearson, korn_graubard
from churnbench.metrics.summary import (
    IMPROVES,
    MEASURES,
    paired_difference,
    paired_log_loss_difference,
    summarise,
)

__all__ = [
    "IMPROVES",
    "MEASURES",
    "AccountBootstrap",
    "AtCapacity",
    "Estimate",
    "GainPoint",
    "at_capacity",
    "band_outcome",
    "clopper_pearson",
    "gain_curve",
    "korn_graubard",
    "paired_difference",
    "paired_log_loss_difference",
    "percentile_estimate",
    "summarise",
]
