"""Weights, curves, thresholds and the gate."""

from churnbench.calibration.anchored import AnchoredFit, AnchoredRefit
from churnbench.calibration.contenders import CONTENDERS, Contender, FittedContender, contenders_of
from churnbench.calibration.derivations import DERIVATIONS, DerivedFormula
from churnbench.calibration.draft import TESTED, UNTESTED, Draft
from churnbench.calibration.gate import Decision, Guard, decide, null_log_loss, small_data_tier
from churnbench.calibration.in_force import InForce
from churnbench.calibration.limits import Limits
from churnbench.calibration.pooling import PooledRate, pooled_rates
from churnbench.calibration.prices import Price, missing_policies, prices
from churnbench.calibration.proposal import Proposal, Threshold, ThresholdRule, propose
from churnbench.calibration.thresholds import settled_bands, settled_history
from churnbench.calibration.training import FitClock, Settings, Training
from churnbench.calibration.uncertainty import Spread, resample_weights

__all__ = [
    "CONTENDERS",
    "DERIVATIONS",
    "TESTED",
    "UNTESTED",
    "AnchoredFit",
    "AnchoredRefit",
    "Contender",
    "Decision",
    "DerivedFormula",
    "Draft",
    "FitClock",
    "FittedContender",
    "Guard",
    "InForce",
    "Limits",
    "PooledRate",
    "Price",
    "Proposal",
    "Settings",
    "Spread",
    "Threshold",
    "ThresholdRule",
    "Training",
    "contenders_of",
    "decide",
    "missing_policies",
    "null_log_loss",
    "pooled_rates",
    "prices",
    "propose",
    "resample_weights",
    "settled_bands",
    "settled_history",
    "small_data_tier",
]
