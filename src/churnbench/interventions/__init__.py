"""Interventions: their log, evaluation that knows of them, randomised hold-outs, and what an action is worth."""

from churnbench.interventions.appending import NewEntry, append, is_logged, log_path
from churnbench.interventions.assignment import Rule, assign, read_assignment, read_scores, write_assignment
from churnbench.interventions.drops import Drop, drops, sides_of_care
from churnbench.interventions.evaluation import ASSUMPTIONS, ESTIMAND, UNTREATED, evaluate_under_treatment
from churnbench.interventions.exposure import exposure
from churnbench.interventions.log import InterventionLog, checked_log, read_log
from churnbench.interventions.power import Plan, plan, power_of, simulated_power
from churnbench.interventions.randomised import (
    NO_UPLIFT,
    RandomisedEffect,
    randomised_effect,
    randomised_outcomes,
    uplift_by_band,
)
from churnbench.interventions.shares import share_warnings, treated_shares
from churnbench.interventions.value import (
    DECLARED,
    MEASURED,
    ExpectedValue,
    SaveRate,
    declared_rate,
    expected_value,
    measured_rate,
)
from churnbench.interventions.weighting import UntreatedWeights, untreated_weights

__all__ = [
    "ASSUMPTIONS",
    "DECLARED",
    "ESTIMAND",
    "MEASURED",
    "NO_UPLIFT",
    "UNTREATED",
    "Drop",
    "ExpectedValue",
    "InterventionLog",
    "NewEntry",
    "Plan",
    "RandomisedEffect",
    "Rule",
    "SaveRate",
    "UntreatedWeights",
    "append",
    "assign",
    "checked_log",
    "declared_rate",
    "drops",
    "evaluate_under_treatment",
    "expected_value",
    "exposure",
    "is_logged",
    "log_path",
    "measured_rate",
    "plan",
    "power_of",
    "randomised_effect",
    "randomised_outcomes",
    "read_assignment",
    "read_log",
    "read_scores",
    "share_warnings",
    "sides_of_care",
    "simulated_power",
    "treated_shares",
    "untreated_weights",
    "uplift_by_band",
    "write_assignment",
]
