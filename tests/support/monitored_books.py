"""Small books with a config in force, for tests of monitoring."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any

import pandas as pd

from churnbench.calibration import CONTENDERS, Settings, Training
from churnbench.data.presets import load_preset
from churnbench.data.simulate import World, simulate_world
from churnbench.domain.cohort import KEY_COLUMNS, Cohort, OutcomeWindow
from churnbench.export import build_document
from churnbench.labels.outcomes import read_outcomes
from churnbench.labels.window import label_snapshots, renewal_stratum
from churnbench.monitoring import Watched

REVIEWED = pd.Timestamp("2025-06-30")
NEWEST = pd.Timestamp("2025-12-31")
NOT_METRICS = ("account_id", "as_of", "renewal_on", "arr")


@lru_cache
def world(accounts: int = 500, seed: int = 5, factor: float = 1.0) -> World:
    """A book with many churns; from the review on with another hazard."""
    shift = None if factor == 1.0 else (date(2025, 7, 1), factor)
    return simulate_world(accounts, 24, seed, base_rate=0.06, truth=False, hazard_shift=shift)


def known(made: World, through: pd.Timestamp) -> tuple[Cohort, pd.DataFrame]:
    """Cohort and churns as known on a day."""
    rows = made.snapshots.loc[made.snapshots["as_of"] <= through].copy()
    facts = made.accounts.set_index("account_id")
    rows["started_on"] = facts["started_on"].reindex(rows["account_id"]).to_numpy()
    rows["segment"] = facts["segment"].reindex(rows["account_id"]).to_numpy().astype(object)
    outcomes = read_outcomes(made.outcomes.loc[made.outcomes["known_on"] <= through])
    window = OutcomeWindow(settle_days=outcomes.settle_days)
    rows = rows.join(label_snapshots(rows, outcomes, window, through.date()))
    rows = rows.join(renewal_stratum(rows["as_of"], rows["renewal_on"], window))
    rows["days_since_start"] = (rows["as_of"] - rows["started_on"]).dt.days.astype(float)
    metrics = tuple(name for name in made.snapshots if name not in NOT_METRICS)
    rows = rows.astype(dict.fromkeys(metrics, "float64")).sort_values(["as_of", "account_id"]).reset_index(drop=True)
    return Cohort(rows[[*KEY_COLUMNS, *metrics]], metrics, "point-in-time", window, through.date()), outcomes.churns


@lru_cache
def in_force(accounts: int = 500, seed: int = 5) -> dict[str, Any]:
    """The preset with a risk curve fitted on what was known at the review, as a document."""
    cohort, _ = known(world(accounts, seed), REVIEWED)
    spec = replace(load_preset("four-dimensions"), segment_weights={})
    training = Training.of(cohort, cohort.labelled().index.to_numpy(), spec, Settings())
    body = CONTENDERS["incumbent"].fit("incumbent", training, cohort.window).body
    return build_document(
        body or {},
        config_id="tiny",
        config_version="1.1.0",
        sequence=2,
        lifecycle={"created": "2025-07-01T00:00:00Z"},
        provenance={"label_window": ["2024-01-15", "2025-06-30"], "verdict": "promote", "warnings": [], "metrics": []},
    )


def watched(accounts: int = 500, seed: int = 5, **changes: Any) -> Watched:
    """That config with the day of its review."""
    return Watched(in_force(accounts, seed), REVIEWED.date(), **changes)
