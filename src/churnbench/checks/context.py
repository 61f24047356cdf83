"""What the checks look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.checks.small_models import out_of_fold_risk
from churnbench.domain.cohort import Cohort
from churnbench.domain.progress import Progress, Silent
from churnbench.metrics import AccountBootstrap

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

#: Checks that fit models or resample look at so many rows; whole accounts are drawn when there are more.
SAMPLE_ROWS = 25_000
#: Below so many distinct churned accounts an AUC says too little to accuse a column.
MIN_EVENTS = 10


class History(Protocol):
    """The raw facts behind the snapshots, when the project has them."""

    def replay(self, as_of: pd.Timestamp, *, inject: bool) -> pd.DataFrame | None:
        """Features of one as-of date, computed again.

        Args:
            as_of: the snapshot date.
            inject: false: from facts known by `as_of` only, everything later deleted; true: from all facts
                and invented ones after `as_of`.

        Returns:
            `account_id` and metric columns, or `None` when features are not computed from facts.
        """

    def as_of_features(self) -> pd.DataFrame | None:
        """Features by event time, as if everything had been known at once.

        Returns:
            `account_id`, `as_of` and metric columns, or `None` without known times.
        """


class FoldRows(Protocol):
    """One fold of the backtest: labels of the cohort frame's index, and the date training may look to."""

    @property
    def train_rows(self) -> npt.NDArray[np.int64]:
        """Index labels of training rows."""

    @property
    def test_rows(self) -> npt.NDArray[np.int64]:
        """Index labels of test rows."""

    @property
    def origin(self) -> pd.Timestamp | None:
        """Date up to which training may look; `None` when cross-sectional."""


@dataclass(frozen=True, eq=False)
class CheckContext:
    """Everything a check may ask for.

    Attributes:
        cohort: labelled snapshots.
        history: raw facts, or `None` when only snapshots exist.
        folds: folds in time order; the last is the holdout.
        seed: for subsamples, resamples and small models.
        progress: told about each check.
        allow: id, check name or column -> written reason (`[checks.allow]`).
    """

    cohort: Cohort
    history: History | None = None
    folds: Sequence[FoldRows] = ()
    seed: int = 0
    progress: Progress = field(default_factory=Silent)
    allow: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sample(self) -> pd.DataFrame:
        """Rows for checks that fit or resample: all, or whole random accounts up to `SAMPLE_ROWS` rows."""
        frame = self.cohort.frame
        frame = frame[frame["status"].isin(["labelled", "too-late"])]
        if len(frame) <= SAMPLE_ROWS:
            return frame
        sizes = frame["account_id"].value_counts().sort_index()
        order = np.random.default_rng(self.seed).permutation(len(sizes))
        kept = sizes.index[order[np.cumsum(sizes.to_numpy()[order]) <= SAMPLE_ROWS]]
        return frame[frame["account_id"].isin(kept)]

    @property
    def sampled(self) -> str:
        """A sentence about the subsample, empty when all rows were used."""
        whole = self.cohort.frame["status"].isin(["labelled", "too-late"]).sum()
        if len(self.sample) == whole:
            return ""
        accounts = self.sample["account_id"].nunique()
        return f" Computed on {accounts:,} randomly drawn accounts ({len(self.sample):,} of {whole:,} rows)."

    @cached_property
    def training(self) -> pd.DataFrame:
        """Labelled rows of the sample in the last fold's training part; all of them without folds."""
        labelled = self.sample[self.sample["status"] == "labelled"]
        if not self.folds:
            return labelled
        return labelled[labelled.index.isin(self.folds[-1].train_rows)]

    @cached_property
    def codes(self) -> Rows:
        """Account of each sampled row as a small integer."""
        return np.asarray(pd.factorize(self.sample["account_id"], sort=True)[0], dtype=np.int64)

    @cached_property
    def bootstrap(self) -> AccountBootstrap:
        """Resamples of the sampled accounts; `codes` are its accounts."""
        return AccountBootstrap(self.codes, replicates=200, seed=self.seed)

    @cached_property
    def model_risk(self) -> Floats | None:
        """Risk of each sampled row from small trees fitted on other accounts; `None` with too few events."""
        if events(self.sample[self.sample["status"] == "labelled"]) < 2 * MIN_EVENTS:
            return None
        return out_of_fold_risk(self.sample, self.cohort.metrics, self.codes, seed=self.seed)


def events(rows: pd.DataFrame) -> int:
    """Distinct accounts with a row y = 1."""
    return int(rows.loc[rows["y"] == 1.0, "account_id"].nunique())


def both_classes(rows: pd.DataFrame) -> bool:
    """Whether at least `MIN_EVENTS` accounts churned and as many did not."""
    stayed = rows.loc[rows["y"] == 0.0, "account_id"].nunique()
    return events(rows) >= MIN_EVENTS and stayed >= MIN_EVENTS


def figure(value: float) -> str:
    """A share or AUC as people read it: .961, not 0.961."""
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text
