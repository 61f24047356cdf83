"""The score history that a project's own snapshots imply: every reading scored with one config."""

from __future__ import annotations

import pandas as pd

from churnbench.cohort import open_history
from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.domain.score_history import DIMENSION_SUFFIX, as_history
from churnbench.export import Document, checked_scorer, score_table
from churnbench.formula import metric_inputs
from churnbench.formula.metric_plan import require_columns

#: Attributes of an account that a history carries beside its readings.
_ATTRIBUTES = ("segment", "csm", "arr", "parent_id", "renewal_on")


def history_of(project: Project, document: Document) -> pd.DataFrame:
    """Score every snapshot of a project with one config.

    A formula that learned from these outcomes has seen them: what follows shows how it reads, and is no proof.

    Args:
        project: from `load_project`; dated.
        document: a config whose inputs the project's snapshots hold.

    Returns:
        A score history; see `churnbench.domain.score_history`. Rows after an account's churn are absent.

    Raises:
        InputError: a table without dates, a refused config, an absent input.
    """
    history = open_history(project)
    try:
        cohort = history.cohort()
        accounts = history.accounts
    finally:
        history.close()
    rows = cohort.frame
    if cohort.dated:
        rows = rows.loc[rows["churned_on"].isna() | (rows["as_of"] < rows["churned_on"])].reset_index(drop=True)
    return scored_history(document, rows, accounts)


def scored_history(document: Document, rows: pd.DataFrame, accounts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Score readings and bring them into the shape of a score history.

    Args:
        document: a config.
        rows: account_id, as_of, one column per input; attributes as far as known on that date.
        accounts: attributes of today per account, for those that `rows` does not hold.

    Returns:
        As `history_of`.

    Raises:
        InputError: rows without dates, a refused config, an absent input.
    """
    if rows["as_of"].isna().any():
        raise InputError(
            "the data have no dates, so there is no history of scores.",
            fix="Give snapshots with an as_of column, or score the table with churnbench score.",
        )
    checked_scorer(document)
    require_columns(document["body"], rows.columns)
    scored = score_table(document, rows)
    known = with_attributes(rows, accounts)
    readings = pd.concat([known, scored.drop(columns=[c for c in scored if c in known])], axis=1)
    if "reading_band" in readings:
        readings["calculated_band"] = readings["reading_band"]
    dimensions = [f"{dimension['id']}{DIMENSION_SUFFIX}" for dimension in document["body"]["dimensions"]]
    return as_history(readings, [*dimensions, *metric_inputs(document["body"])])


def with_attributes(rows: pd.DataFrame, accounts: pd.DataFrame | None) -> pd.DataFrame:
    """Readings with what the accounts table adds: attributes of today where the readings hold none of their own."""
    known = rows.reset_index(drop=True)
    if "renewal_on" not in known and "days_to_renewal" in known:
        known["renewal_on"] = known["as_of"] + pd.to_timedelta(known["days_to_renewal"], unit="D")
    if accounts is None:
        return known
    absent = [name for name in _ATTRIBUTES if name in accounts and name not in known]
    return known.merge(accounts[["account_id", *absent]], on="account_id", how="left") if absent else known
