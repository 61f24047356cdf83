"""What a notebook reads like: open a project, look at its cohort, backtest, calibrate, score.

The same parts as the command line, one object per step; nothing is written unless asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import pandas as pd
import pyarrow as pa

from churnbench.calibration import CONTENDERS, Contender, Training
from churnbench.checks import CheckContext, run_checks
from churnbench.cohort import History, open_history
from churnbench.data.project import Project, load_project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.domain.findings import Finding
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.domain.progress import Progress, Silent
from churnbench.domain.recorder import NoRecorder, Recorder
from churnbench.export import KEYS, checked_scorer, read_document, score_arrow, score_table
from churnbench.formula.metric_plan import require_columns
from churnbench.leadlag import LeadLag
from churnbench.reports import render_review
from churnbench.workflow import notebook_panels
from churnbench.workflow.contender_evidence import Tested
from churnbench.workflow.contest import Backtest, last_training, make_folds, run_backtest
from churnbench.workflow.documents import candidate_document, incumbent_document
from churnbench.workflow.evidence_views import Config, Reviewed
from churnbench.workflow.lead_evidence import lead_times
from churnbench.workflow.review import evidence_of
from churnbench.workflow.settings import calibration_settings, threshold_rule
from churnbench.workflow.what_if import scenario_of


class OpenProject:
    """A project with its data, read once.

    Args:
        project: from `load_project`.
    """

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def _history(self) -> History:
        return open_history(self.project)

    @cached_property
    def _cohort(self) -> Cohort:
        return self._history.cohort()

    def snapshots(self) -> Cohort:
        """The labelled cohort: point-in-time metrics joined to outcomes."""
        return self._cohort

    @property
    def formula(self) -> FormulaSpec:
        """The hand formula as far as the data carry it."""
        return self._history.formula

    def contenders(self) -> Contenders:
        """Everything that will be compared, with this project's settings."""
        return Contenders(self.project, self.formula, CONTENDERS)

    def checks(self, *, seed: int = 0) -> tuple[Finding, ...]:
        """Leakage and sanity checks."""
        folds = make_folds(self.project, self._cohort, seed) if len(self._cohort.labelled()) else ()
        allow = self.project.checks.allow
        return run_checks(CheckContext(self._cohort, self._history, folds, seed, Silent(), allow))

    def latest(self) -> pd.DataFrame:
        """The newest snapshot of every account that is still active."""
        return self._cohort.latest().reset_index(drop=True)

    def training(self, *, seed: int = 0) -> Training:
        """The rows that a shipped formula would learn from, with the challenger that is fitted when first asked for.

        The holdout's rows are not among them. The fits equal those of `backtest` with the same seed.
        """
        folds = make_folds(self.project, self._cohort, seed)
        return last_training(self._cohort, self.formula, folds, calibration_settings(self.project, seed))

    def __repr__(self) -> str:
        return f"OpenProject({self.project.name}, {self.project.data.kind})"

    def _repr_html_(self) -> str:
        """What the project file declares; no data are read for it, and no location is shown."""
        project, spec = self.project, self.project.formula
        label = project.label
        window = f"{label.horizon_days} days after a gap of {label.gap_days}"
        total = sum(dimension.weight for dimension in spec.dimensions) or 1.0
        parts = [
            (
                dimension.label or dimension.id,
                ", ".join(metric.label or metric.id for metric in spec.in_dimension(dimension.id)),
                100 * dimension.weight / total,
            )
            for dimension in spec.dimensions
        ]
        bands = ", ".join(f"{name} from {start:g}" for name, start in spec.bands)
        about = [("data", project.data.kind), ("outcome window", window), ("preset", spec.preset), ("bands", bands)]
        return notebook_panels.project_panel(project.name, about, parts)


@dataclass(frozen=True)
class Contenders:
    """The table of contenders with a project's formula and settings."""

    project: Project
    formula: FormulaSpec
    table: Mapping[str, Contender]

    def __repr__(self) -> str:
        return f"Contenders({', '.join(self.table)})"


@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult:
    """Walk-forward results; the holdout is still closed.

    Attributes:
        backtest: fits and predictions.
        contenders: what was compared.
        seed: seed of everything random.
    """

    backtest: Backtest
    contenders: Contenders
    seed: int

    def summary(self) -> pd.DataFrame:
        """One row per contender: AUC and log loss on the folds before the holdout, with 90 % intervals."""
        rows = self.backtest.walk_forward
        if rows is None:
            rows = self.backtest.open_holdout()
        tested = Tested.of(rows, self.seed)
        found = []
        for name in tested.names:
            measures = tested.measures(name)
            found.append(
                {
                    "contender": CONTENDERS[name].label,
                    "auc": measures["auc"].value,
                    "auc_low": measures["auc"].low,
                    "auc_high": measures["auc"].high,
                    "log_loss": measures["log_loss"].value,
                    "lift_at_10pct": measures["lift_at_10pct"].value,
                }
            )
        return pd.DataFrame(found).set_index("contender")

    def folds(self) -> pd.DataFrame:
        """One row per fold: origin, rows to learn from, rows tested."""
        return pd.DataFrame(
            [
                {
                    "fold": f.name,
                    "role": f.role,
                    "train_rows": len(f.train_rows),
                    "test_rows": len(f.test_rows),
                }
                for f in self.backtest.folds
            ]
        )

    def __repr__(self) -> str:
        return f"BacktestResult({len(self.backtest.folds)} folds, seed {self.seed}, holdout {self._holdout})"

    @property
    def _holdout(self) -> str:
        return "closed" if self.backtest.holdout is None else "opened"

    @cached_property
    def _walk_forward(self) -> pd.DataFrame | None:
        """`summary()` for a display, which may be drawn again and must not open the holdout."""
        return None if self.backtest.walk_forward is None else self.summary()

    def _repr_html_(self) -> str:
        opened = self.backtest.holdout is not None
        return notebook_panels.backtest_panel(self.folds(), self._walk_forward, self.seed, opened=opened)


@dataclass(frozen=True, eq=False, repr=False)
class CalibratedProposal(Reviewed):
    """The opened holdout, the verdict, and the candidate config.

    Attributes:
        backtest: what it rests on.
        project: its settings.
    """

    backtest: Backtest
    project: Project

    def review_html(self) -> str:
        """The review page as one self-contained HTML text."""
        documents = {"incumbent": self.incumbent.document, "candidate": self.config.document}
        return render_review(
            dict(self.evidence), scenario=scenario_of(self.project, self.backtest, self.evidence, documents)
        )


def open_project(path: str | Path) -> OpenProject:
    """Open a project by its file or folder.

    Raises:
        InputError: for a project file that cannot be used.
    """
    return OpenProject(load_project(path))


def backtest(
    contenders: Contenders, cohort: Cohort, *, seed: int = 0, progress: Progress | None = None
) -> BacktestResult:
    """Walk all contenders forward over the cohort; the holdout stays closed.

    Args:
        contenders: from `OpenProject.contenders`.
        cohort: from `OpenProject.snapshots`.
        seed: seed of everything random.
        progress: told of each fit.
    """
    project = contenders.project
    made = run_backtest(
        cohort,
        contenders.formula,
        make_folds(project, cohort, seed),
        calibration_settings(project, seed),
        threshold_rule(project),
        progress or Silent(),
    )
    return BacktestResult(made, contenders, seed)


def calibrate(
    result: BacktestResult, *, recorder: Recorder | None = None, progress: Progress | None = None
) -> CalibratedProposal:
    """Open the holdout and apply the gate.

    Args:
        result: from `backtest`.
        recorder: counts how often this holdout is opened; without one every look counts as the first.
        progress: told of long work.
    """
    project, made = result.contenders.project, result.backtest
    evidence = evidence_of(project, made, (), recorder or NoRecorder(), result.seed, progress or Silent())
    return CalibratedProposal(
        evidence,
        Config(candidate_document(project, made, evidence)),
        Config(incumbent_document(project, made, evidence)),
        made,
        project,
    )


def lead_lag(result: BacktestResult) -> LeadLag:
    """Which metrics and dimensions of today's formula move before churn, with it, or after it.

    Only what was known when the holdout began is used; the holdout stays closed.

    Args:
        result: from `backtest`.

    Raises:
        InputError: for a table without dates.
    """
    found = lead_times(result.backtest)
    if found is None:
        raise InputError(
            "the table has no dates, so nothing can be said to come before churn.",
            fix="Give snapshots of several dates and a churn date per account.",
        )
    return found


@overload
def score(
    config: Config | Mapping[str, Any] | str | Path, accounts: pd.DataFrame, *, contributions: bool = False
) -> pd.DataFrame: ...


@overload
def score(
    config: Config | Mapping[str, Any] | str | Path, accounts: pa.Table, *, contributions: bool = False
) -> pa.Table: ...


def score(
    config: Config | Mapping[str, Any] | str | Path,
    accounts: pd.DataFrame | pa.Table,
    *,
    contributions: bool = False,
) -> pd.DataFrame | pa.Table:
    """Score accounts exactly as production does.

    Args:
        config: a config, a document, or a path.
        accounts: account_id and one column per input, as a frame or an Arrow table.
        contributions: whether to add, per metric, the hundredths of a point that it gains and loses each account;
            gains sum to health_score_x100 before ramp, caps and display map.

    Returns:
        The same kind of table: account_id (and as_of), health_score_x100, health_score, band, coverage_bp,
        churn_probability, one `<dimension>_score` per dimension, `<metric>_gained_x100` and `<metric>_lost_x100`
        if asked, config_version, body_sha256.

    Raises:
        InputError: for a refused config, an absent metric column, or unusable inputs.
    """
    if isinstance(config, Config):
        document = dict(config.document)
    elif isinstance(config, Mapping):
        document = dict(config)
    else:
        document = read_document(config)
    checked_scorer(document)
    if isinstance(accounts, pa.Table):
        require_columns(document["body"], accounts.column_names)
        kept = accounts.select([name for name in KEYS if name in accounts.column_names])
        scores = score_arrow(document, accounts, contributions=contributions)
        return pa.table(dict(zip(kept.column_names + scores.column_names, kept.columns + scores.columns, strict=True)))
    require_columns(document["body"], accounts.columns)
    keys = [name for name in KEYS if name in accounts]
    return pd.concat([accounts[keys], score_table(document, accounts, contributions=contributions)], axis=1)
