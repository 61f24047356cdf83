"""A simulated book after everything that a review fits and decides, by the product's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnbench.backtesting import pooled, predict_fold
from churnbench.calibration import CONTENDERS, Settings, ThresholdRule, Training, propose
from churnbench.domain.cohort import Cohort
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.domain.progress import Silent
from churnbench.metrics import Estimate, paired_log_loss_difference
from churnbench.workflow.book_evidence import segment_evidence
from churnbench.workflow.contender_evidence import Tested, contender_evidence
from churnbench.workflow.contest import Backtest
from churnbench.workflow.judgement import capacity_of, verdict_evidence
from proofs.books import Recipe, book_of, folds_of

#: Contenders whose weights are compared with the truth.
FORMULAS = ("incumbent", "anchored", "distilled", "shap_slope", "shap_share")


@dataclass(frozen=True, eq=False)
class Reviewed:
    """One book, fitted.

    Attributes:
        cohort: its labelled snapshots.
        backtest: contenders fitted on all rows before the holdout, the holdout opened.
        tested: their predictions there, with account resamples.
    """

    cohort: Cohort
    backtest: Backtest
    tested: Tested

    @property
    def events(self) -> int:
        """Distinct churned accounts in training."""
        return self.backtest.training.events

    @property
    def holdout_events(self) -> int:
        """Distinct churned accounts in the holdout."""
        rows = self.tested.rows
        return int(rows.loc[rows["y"] == 1, "account_id"].nunique())


def review(
    recipe: Recipe,
    spec: FormulaSpec,
    seed: int,
    *,
    names: Sequence[str] = ("incumbent", "anchored"),
    settings: Settings | None = None,
) -> Reviewed | None:
    """Draw a book and take it through fitting, cut-offs and the holdout.

    Args:
        recipe: kind of book.
        spec: today's formula.
        seed: of the book and of everything random in the review.
        names: contenders to fit; the first two must be "incumbent" and "anchored".
        settings: of the review; defaults when None.

    Returns:
        The reviewed book; None where the history is too short for a holdout with a churned account in it.
    """
    cohort = recipe.cohort(seed)
    folds = folds_of(cohort)
    if not folds:
        return None
    chosen = replace(settings or Settings(), seed=seed)
    training = Training.of(cohort, folds[-1].train_rows, spec, chosen)
    fitted = {name: CONTENDERS[name].fit(name, training, cohort.window) for name in names}
    proposal = propose(training, fitted["anchored"], fitted["incumbent"], ThresholdRule())
    final = {**fitted, "anchored": proposal.candidate}
    holdout = pooled(cohort.frame, [predict_fold(cohort.frame, folds[-1], final)])
    if holdout["y"].nunique() < 2:
        return None
    backtest = Backtest(cohort, training.spec, folds, chosen, training, final, proposal, None, holdout)
    return Reviewed(cohort, backtest, Tested.of(holdout, seed))


def verdict(reviewed: Reviewed) -> str:
    """What the gate says, guards included: the product's own last step."""
    backtest, tested = reviewed.backtest, reviewed.tested
    rows = reviewed.cohort.frame.loc[tested.rows.index]
    names = [name for name in ("incumbent", "anchored") if name in backtest.fitted]
    columns = [c for c in tested.rows if "." not in c or c.split(".")[0] in names]
    two = Tested(tested.rows[columns], tested.bootstrap)
    evidence = contender_evidence(
        two,
        None,
        seen_accounts=frozenset(),
        capacity=capacity_of(None, rows),
        too_late=0,
        arr=np.full(len(rows), np.nan),
        costs=None,
        seconds={},
        entered=CONTENDERS,
        progress=Silent(),
    )
    delta = difference(reviewed)
    segments = segment_evidence(two, rows, "anchored")
    return str(verdict_evidence(backtest, evidence, delta, segments, rows, 1)["verdict"])


def difference(reviewed: Reviewed) -> Estimate:
    """Log loss of today's formula minus the candidate's on the holdout, with its 90 % account interval."""
    tested = reviewed.tested
    return paired_log_loss_difference(
        tested.y, tested.probability("incumbent"), tested.probability("anchored"), bootstrap=tested.bootstrap
    )


def population_rows(population: Cohort, like: pd.DataFrame, books: int = 40) -> pd.DataFrame:
    """Labelled rows of the first `books` books of a population on the as-of dates of some rows, with column `book`."""
    rows = population.labelled()
    rows = rows[rows["as_of"].isin(like["as_of"].unique())]
    book = book_of(rows)
    return rows.assign(book=book)[book < books].reset_index(drop=True)
