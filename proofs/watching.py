"""Proof: monitoring. How often a stable book raises an alarm, and how soon a rise of the hazard is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import pandas as pd

from churnbench.calibration import CONTENDERS, Settings, ThresholdRule, Training, propose
from churnbench.data.simulate import World, simulate_world
from churnbench.domain.cohort import KEY_COLUMNS, Cohort
from churnbench.labels.outcomes import read_outcomes
from churnbench.labels.window import label_snapshots, renewal_stratum
from churnbench.monitoring import Watched, monitor
from proofs.books import WINDOW, folds_of, preset_formula
from proofs.montecarlo import replicate

#: The review had seen outcomes up to here; from the next day on the hazard is another one.
REVIEWED, LOOKS = pd.Timestamp("2025-06-30"), (pd.Timestamp("2025-09-30"), pd.Timestamp("2025-12-31"))
SHIFT_ON = date(2025, 7, 1)
MONTHS = 36
#: Accounts of a world of which 1,000 (2,000) are under contract at a time.
ONE_THOUSAND, TWO_THOUSAND = 1400, 2800
#: Factor on the hazard at which half as many accounts again churn: the riskiest leave anyhow.
HALF_AS_MANY_AGAIN = 1.75
_NOT_METRICS = ("account_id", "as_of", "renewal_on", "arr")


@dataclass(frozen=True)
class Case:
    """One kind of company.

    Attributes:
        name: for the table.
        accounts: of the world.
        factor: on the hazard from `SHIFT_ON` on; 1 is a stable book.
        config: contender whose config is in force: "incumbent" is the preset with a risk curve fitted before the
            review's holdout, "anchored" the refit.
    """

    name: str
    accounts: int = ONE_THOUSAND
    factor: float = 1.0
    config: str = "incumbent"


STABLE = Case("stable")
HAZARD = Case("hazard x 1.5", factor=1.5)
CHURN = Case("half as many churned accounts again (hazard x 1.75)", factor=HALF_AS_MANY_AGAIN)
LARGE = Case("hazard x 1.5, 2,000 accounts", accounts=TWO_THOUSAND, factor=1.5)
LARGE_STABLE = Case("stable, 2,000 accounts", accounts=TWO_THOUSAND)
REFITTED = Case("stable, refitted config", config="anchored")
REFITTED_HAZARD = Case("hazard x 1.5, refitted config", factor=1.5, config="anchored")


def as_known(world: World, through: pd.Timestamp) -> tuple[Cohort, pd.DataFrame]:
    """A world as a company knew it on a day: its labelled cohort and its cleaned churns."""
    rows = world.snapshots.loc[world.snapshots["as_of"] <= through].copy()
    facts = world.accounts.set_index("account_id")
    rows["started_on"] = facts["started_on"].reindex(rows["account_id"]).to_numpy()
    rows["segment"] = facts["segment"].reindex(rows["account_id"]).to_numpy().astype(object)
    outcomes = read_outcomes(world.outcomes.loc[world.outcomes["known_on"] <= through])
    window = replace(WINDOW, settle_days=outcomes.settle_days)
    rows = rows.join(label_snapshots(rows, outcomes, window, through.date()))
    rows = rows.join(renewal_stratum(rows["as_of"], rows["renewal_on"], window))
    rows["days_since_start"] = (rows["as_of"] - rows["started_on"]).dt.days.astype(float)
    metrics = tuple(name for name in world.snapshots if name not in _NOT_METRICS)
    rows = rows.astype(dict.fromkeys(metrics, "float64"))
    rows = rows.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True)
    return Cohort(rows[[*KEY_COLUMNS, *metrics]], metrics, "point-in-time", window, through.date()), outcomes.churns


def in_force(cohort: Cohort, name: str, seed: int) -> Watched:
    """The config that a review at the end of a cohort leaves, its holdout unseen."""
    folds = folds_of(cohort)
    training = Training.of(cohort, folds[-1].train_rows, preset_formula(), replace(Settings(), seed=seed))
    fitted = {kind: CONTENDERS[kind].fit(kind, training, cohort.window) for kind in {"incumbent", name}}
    chosen = fitted[name]
    if name != "incumbent":
        chosen = propose(training, chosen, fitted["incumbent"], ThresholdRule()).candidate
    learned = training.frame["as_of"].max() + pd.Timedelta(days=WINDOW.gap_days + WINDOW.horizon_days)
    assert cohort.data_through is not None  # noqa: S101 - a simulated cohort has dates
    return Watched({"body": chosen.body}, cohort.data_through, learned.date())


def run(case: Case, seeds: Sequence[int], jobs: int) -> pd.DataFrame:
    """One row per book and look: verdict, observed, expected, accounts, events before."""
    rows = replicate(partial(_one, case), seeds, jobs=jobs, label=case.name)
    return pd.DataFrame([row for found in rows for row in found]).assign(case=case.name)


def _one(case: Case, seed: int) -> list[dict[str, Any]]:
    shift = None if case.factor == 1.0 else (SHIFT_ON, case.factor)
    world = simulate_world(case.accounts, MONTHS, seed, truth=False, hazard_shift=shift)
    watched = in_force(as_known(world, REVIEWED)[0], case.config, seed)
    found = []
    for quarter, through in enumerate(LOOKS, 1):
        cohort, churns = as_known(world, through)
        seen = monitor(cohort, churns, watched, seed=seed)
        newest = cohort.frame["as_of"] == cohort.frame["as_of"].max()
        found.append(
            {
                "seed": seed,
                "quarter": quarter,
                "verdict": seen.verdict,
                "observed": seen.recent.observed,
                "expected": seen.recent.expected,
                "before": seen.before.observed,
                "p_rise": seen.change.p_rise,
                "problems": "; ".join(seen.data_problems),
                "accounts": int(newest.sum()),
            }
        )
    return found
