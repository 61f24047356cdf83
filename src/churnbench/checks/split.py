"""Is the split honest, and are the two sides alike?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.checks.context import CheckContext, Floats, FoldRows, figure
from churnbench.checks.small_models import account_parts, fit_and_predict, matrix
from churnbench.domain.findings import Finding
from churnbench.metrics.discrimination import auc

#: AUC above which training and test rows are too easy to tell apart.
DRIFT_AUC = 0.70
#: Rows needed on each side to compare them.
_MIN_ROWS = 100


def check_split(context: CheckContext) -> list[Finding]:
    """A training label that ends after the test starts, or a row on both sides, blocks."""
    if not context.folds:
        return [Finding("split-audit", "ok", "Not applicable: there are no folds.")]
    found = [finding for fold in context.folds for finding in _audit(context, fold)]
    return found or [
        Finding(
            "split-audit",
            "ok",
            f"In all {len(context.folds)} folds every training label was settled before the test starts."
            if context.cohort.dated
            else f"In all {len(context.folds)} folds no account is on both sides.",
        )
    ]


def _audit(context: CheckContext, fold: FoldRows) -> list[Finding]:
    """Findings of one fold."""
    frame = context.cohort.frame
    train, test = frame.loc[fold.train_rows], frame.loc[fold.test_rows]
    name = "cross-validation" if fold.origin is None else f"{pd.Timestamp(fold.origin):%Y-%m-%d}"
    shared = np.intersect1d(fold.train_rows, fold.test_rows)
    if len(shared):
        return [
            Finding(
                f"split-audit:{name}",
                "block",
                f"Fold {name}: {len(shared)} rows are in training and in test, e.g. account "
                f"`{frame.loc[shared[0], 'account_id']}`.",
            )
        ]
    if not context.cohort.dated:
        both = sorted(set(train["account_id"]) & set(test["account_id"]))
        if not both:
            return []
        return [
            Finding(
                f"split-audit:{name}",
                "block",
                f"Fold {name}: {len(both)} accounts are in training and in test, e.g. `{both[0]}`. "
                "Keep all rows of an account on one side.",
            )
        ]
    starts = test["as_of"].min()
    late = train[train["matures_on"] > starts]
    if late.empty:
        return []
    row = late.iloc[0]
    return [
        Finding(
            f"split-audit:{name}",
            "block",
            f"Fold {name}: {len(late)} training labels end after the test starts on {starts:%Y-%m-%d}, e.g. "
            f"account `{row['account_id']}` as of {row['as_of']:%Y-%m-%d}, whose label ends on "
            f"{row['matures_on']:%Y-%m-%d}. Use the derived purge of the backtest.",
        )
    ]


def check_train_test(context: CheckContext) -> list[Finding]:
    """Small trees must not tell training rows from holdout rows (AUC > .70): review; drift, not proof.

    Columns that only ever rise within an account (tenure, lifetime counts) separate periods by nature and are
    left out, and named. Both sides are judged on accounts the trees have not seen.
    """
    if not context.folds or not context.cohort.dated:
        return [Finding("train-vs-test", "ok", "Not applicable: the table has no dates.")]
    fold = context.folds[-1]
    labelled = context.sample[context.sample["status"] == "labelled"]
    later = labelled.index.isin(fold.test_rows)
    rows = labelled[later | labelled.index.isin(fold.train_rows)]
    later_rows = rows.index.isin(fold.test_rows).astype(np.float64)
    if min(later_rows.sum(), len(rows) - later_rows.sum()) < _MIN_ROWS:
        return [Finding("train-vs-test", "ok", f"Not computed: each side needs {_MIN_ROWS} rows.")]
    rising = [name for name in context.cohort.metrics if only_rises(rows, name)]
    columns = [name for name in context.cohort.metrics if name not in rising]
    note = f" Left out, since they only rise: {', '.join(f'`{name}`' for name in rising)}." if rising else ""
    if not columns:
        return [Finding("train-vs-test", "ok", f"Not applicable.{note}")]
    value, strongest = _tell_apart(rows, columns, later_rows, seed=context.seed)
    if np.isnan(value):
        return [Finding("train-vs-test", "ok", "Not computed: too few accounts to compare.")]
    if value <= DRIFT_AUC:
        detail = f"Training and holdout rows look alike (AUC {figure(value)}).{note}{context.sampled}"
        return [Finding("train-vs-test", "ok", detail)]
    return [
        Finding(
            "train-vs-test",
            "review",
            f"Training and holdout rows can be told apart (AUC {figure(value)}, limit {figure(DRIFT_AUC)}), "
            f"most of all by `{strongest[0]}` ({figure(strongest[1])}). The book, or how it is recorded, has "
            f"changed: figures on the holdout may not carry over.{note}{context.sampled}",
        )
    ]


def only_rises(rows: pd.DataFrame, name: str) -> bool:
    """Whether a column never falls from one snapshot of an account to the next, and mostly rises."""
    if not pd.api.types.is_numeric_dtype(rows[name]):
        return False
    ordered = rows.sort_values(["account_id", "as_of"], kind="stable")
    step = ordered.groupby("account_id", sort=False)[name].diff().dropna().to_numpy(dtype=np.float64)
    return bool(step.size) and float((step < 0).mean()) < 0.01 and float((step > 0).mean()) > 0.9


def _tell_apart(rows: pd.DataFrame, columns: list[str], later: Floats, *, seed: int) -> tuple[float, tuple[str, float]]:
    """Out-of-account AUC of the trees, and the column that separates best alone."""
    x = matrix(rows, columns)
    codes = np.asarray(pd.factorize(rows["account_id"], sort=True)[0], dtype=np.int64)
    part = account_parts(codes, 3, seed=seed)
    risk = np.full(len(rows), np.nan)
    for number in range(3):
        fit = part != number
        if 0.0 < later[fit].sum() < fit.sum():
            risk[~fit] = fit_and_predict(x[fit], later[fit], x[~fit], seed=seed, trees=30)
    judged = ~np.isnan(risk)
    value = auc(later[judged], risk[judged])
    alone = []
    for name, column in zip(columns, x.T, strict=True):
        known = ~np.isnan(column)
        single = auc(later[known], column[known])
        alone.append((name, 0.5 if np.isnan(single) else max(single, 1.0 - single)))
    return value, max(alone, key=lambda pair: pair[1])
