"""Books of accounts for the proofs: simulated worlds as labelled cohorts, without files between."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from churnbench.backtesting import Fold, walk_forward
from churnbench.data.presets import load_preset
from churnbench.data.simulate import World, simulate_world
from churnbench.data.world_settings import Treatment
from churnbench.domain.cohort import KEY_COLUMNS, Cohort, OutcomeWindow
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.labels.outcomes import read_outcomes
from churnbench.labels.window import label_snapshots, renewal_stratum

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
THROUGH = pd.Timestamp("2025-12-31")
_NOT_METRICS = ("account_id", "as_of", "renewal_on", "arr")


@dataclass(frozen=True)
class Recipe:
    """What kind of book a proof looks at.

    Attributes:
        accounts, months: its size.
        base_rate: quarterly voluntary churn.
        signal: factor on every true effect.
        null: churn independent of everything.
        contrast: how far the segments' true weights lie apart.
        treatment: a policy that saves accounts, or None.
    """

    accounts: int = 1400
    months: int = 24
    base_rate: float = 0.026
    signal: float = 1.0
    null: bool = False
    contrast: float = 1.0
    treatment: Treatment | None = None

    def world(self, seed: int) -> World:
        """Draw it."""
        return simulate_world(
            self.accounts,
            self.months,
            seed,
            base_rate=self.base_rate,
            signal=self.signal,
            null=self.null,
            contrast=self.contrast,
            treatment=self.treatment,
            truth=False,
        )

    def cohort(self, seed: int) -> Cohort:
        """Draw it and label it."""
        return labelled(self.world(seed))


def labelled(world: World) -> Cohort:
    """A world as the workbench sees it: monthly snapshots, labels by the default window."""
    rows = world.snapshots.copy()
    facts = world.accounts.set_index("account_id")
    rows["started_on"] = facts["started_on"].reindex(rows["account_id"]).to_numpy()
    rows["segment"] = facts["segment"].reindex(rows["account_id"]).to_numpy().astype(object)
    outcomes = read_outcomes(world.outcomes)
    window = replace(WINDOW, settle_days=outcomes.settle_days)
    rows = rows.join(label_snapshots(rows, outcomes, window, THROUGH.date()))
    rows = rows.join(renewal_stratum(rows["as_of"], rows["renewal_on"], window))
    rows["days_since_start"] = (rows["as_of"] - rows["started_on"]).dt.days.astype(float)
    metrics = tuple(name for name in world.snapshots if name not in _NOT_METRICS)
    for name in metrics:
        rows[name] = rows[name].astype("float64")
    rows = rows.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True)
    return Cohort(rows[[*KEY_COLUMNS, *metrics]], metrics, "point-in-time", window, THROUGH.date())


def folds_of(cohort: Cohort) -> tuple[Fold, ...]:
    """The product's default folds: quarterly origins, the last two mature quarters held out."""
    return walk_forward(cohort, holdout_quarters=2, step_months=3, min_train_events=10)


def preset_formula() -> FormulaSpec:
    """Today's formula of every simulated company: the first preset with one profile for all segments."""
    return replace(load_preset("four-dimensions"), segment_weights={})


def pooled_cohort(recipe: Recipe, books: int, seed: int, dates: pd.DatetimeIndex | None = None) -> Cohort:
    """Many books of one recipe as one population: what a company would see if it were endless.

    Args:
        recipe: its `accounts` is the size of each book.
        books: how many.
        seed: of the first; kept apart from the seeds of replicates.
        dates: as-of dates to keep; all when None.
    """
    frames = []
    for number in range(books):
        cohort = recipe.cohort(seed + number)
        frame = cohort.frame if dates is None else cohort.frame[cohort.frame["as_of"].isin(dates)]
        frame = frame[frame["status"] == "labelled"]
        frames.append(frame.assign(account_id=f"B{number}-" + frame["account_id"].astype(str)))
    frame = pd.concat(frames, ignore_index=True)
    return replace(cohort, frame=frame.sort_values(["as_of", "account_id"], kind="stable").reset_index(drop=True))


def book_of(frame: pd.DataFrame) -> pd.Series:
    """Number of the book that each row of a population comes from."""
    return frame["account_id"].str.extract(r"^B(\d+)-", expand=False).astype(int)
