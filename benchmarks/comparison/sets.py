"""The open sets: prepared by their examples, opened as any project is, cut into folds."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from examples.data_folder import ROOT, build_folder

from churnbench.backtesting import Fold, cross_validation
from churnbench.calibration import Settings
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.cohort import Cohort
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.workflow.contest import make_folds
from churnbench.workflow.settings import calibration_settings

#: Example -> title and what kind of data it is, in the order of the page.
SETS: dict[str, tuple[str, str]] = {
    "online_retail_ii": ("Online Retail II", "real: invoices of a UK wholesaler, churn is 90 days of silence"),
    "completejourney": ("Complete Journey", "real: baskets of a grocery chain, churn is 45 days of silence"),
    "ibm_telco": ("IBM Telco", "fictional: telephone customers, one table without dates"),
    "pysurvival_saas": ("SaaS tutorial set", "probably synthetic: software accounts, one table without dates"),
    "ravenstack": ("RavenStack", "synthetic, messy, without a signal: nothing should win here"),
}


@dataclass(frozen=True, eq=False)
class OpenSet:
    """One set, ready to be fought over.

    Attributes:
        name, title, nature: folder of the example, and for people.
        cohort: labelled snapshots.
        spec: the hand formula that the example's project file declares.
        settings: calibration settings of the project.
        folds: walk-forward folds with the holdout last, or every part of every repeated cross-validation.
    """

    name: str
    title: str
    nature: str
    cohort: Cohort
    spec: FormulaSpec
    settings: Settings
    folds: tuple[Fold, ...]

    @property
    def last_training(self) -> np.ndarray:
        """Rows of the largest training set: before the holdout, or the whole table."""
        return self.folds[-1].train_rows if self.cohort.dated else self.cohort.labelled().index.to_numpy()


def open_set(name: str, data: Path, *, repeats: int, seed: int, accounts: int | None = None) -> OpenSet:
    """Prepare an example and open it.

    Args:
        name: key of `SETS`.
        data: folder of the open data.
        repeats: how often the accounts of an undated table are dealt to five parts anew.
        seed: seed of everything random.
        accounts: draw only so many accounts; None takes all.

    Raises:
        MissingData: the data are not on this machine.
    """
    importlib.import_module(f"examples.{name}.prepare").prepare(data, build_folder(name))
    project = load_project(ROOT / "examples" / name)
    history = open_history(project)
    cohort = history.cohort()
    if accounts is not None:
        cohort = some_accounts(cohort, accounts, seed)
    if cohort.dated:
        folds: Iterable[Fold] = make_folds(project, cohort, seed)
    else:
        folds = repeated_parts(cohort, repeats, seed)
    title, nature = SETS[name]
    settings = calibration_settings(project, seed)
    return OpenSet(name, title, nature, cohort, history.formula, settings, tuple(folds))


def repeated_parts(cohort: Cohort, repeats: int, seed: int) -> tuple[Fold, ...]:
    """Five-fold cross-validation, dealt `repeats` times."""
    return tuple(
        replace(fold, name=f"repeat {repeat + 1}, {fold.name}")
        for repeat in range(repeats)
        for fold in cross_validation(cohort, seed=seed + repeat)
    )


def some_accounts(cohort: Cohort, accounts: int, seed: int) -> Cohort:
    """A cohort of at most `accounts` accounts, drawn at random."""
    ids = np.unique(cohort.frame["account_id"].to_numpy(dtype=object))
    if len(ids) <= accounts:
        return cohort
    drawn = np.random.default_rng(seed).choice(ids, accounts, replace=False)
    return replace(cohort, frame=cohort.frame[cohort.frame["account_id"].isin(drawn)].reset_index(drop=True))
