"""Simulated worlds under a treatment policy, as a cohort with its log; made once per process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import pandas as pd
from proofs.books import labelled

from churnbench.data.simulate import World, simulate_world
from churnbench.data.world_settings import Treatment
from churnbench.domain.cohort import Cohort
from churnbench.interventions import InterventionLog, checked_log, randomised_outcomes
from churnbench.labels.outcomes import read_outcomes
from churnbench.metrics.reliability import expit, fit_recalibration

THROUGH = date(2025, 12, 31)
#: A coin decides for everybody below the cut-off, so that every propensity is known.
COINS = Treatment(trigger=0.25, near=9.0, holdout=0.3, effect=0.2, months=4)


@dataclass(frozen=True, eq=False)
class Treated:
    """A world as the workbench sees it, with a score that nobody fitted to it."""

    world: World
    cohort: Cohort
    log: InterventionLog

    @property
    def rows(self) -> pd.DataFrame:
        return self.cohort.labelled()

    @property
    def index(self) -> np.ndarray:
        """What the metrics truly add to the log hazard of each labelled row."""
        truth = self.world.truth_table.set_index(["account_id", "as_of"])["metric_risk"]
        return truth.reindex(pd.MultiIndex.from_frame(self.rows[["account_id", "as_of"]])).to_numpy(dtype=float)


@lru_cache(maxsize=8)
def treated_world(
    accounts: int, months: int, seed: int, base_rate: float, treatment: Treatment | None = COINS
) -> Treated:
    """A world; its log is empty without a treatment."""
    made = simulate_world(accounts, months, seed, base_rate=base_rate, treatment=treatment, truth=False)
    return Treated(made, labelled(made), checked_log(made.interventions))


def claimed(treated: Treated, untreated: Treated) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that the score claims in both worlds: calibrated where nobody intervened."""
    y = untreated.rows["y"].to_numpy(dtype=float)
    fitted = fit_recalibration(y, untreated.index, np.ones(len(y)))
    assert fitted is not None
    return tuple(expit(fitted[0] + fitted[1] * found.index) for found in (treated, untreated))  # type: ignore[return-value]


def coin_entries(accounts: int, seed: int, treatment: Treatment, *, days: int = 90) -> pd.DataFrame:
    """Randomised entries of a world with what became of the accounts."""
    made = simulate_world(accounts, 14, seed, base_rate=0.06, treatment=treatment, truth=False)
    outcomes = read_outcomes(made.outcomes)
    log = checked_log(made.interventions)
    return randomised_outcomes(log, outcomes.churns, days=days, through=THROUGH, settle_days=outcomes.settle_days)
