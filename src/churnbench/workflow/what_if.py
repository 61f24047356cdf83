"""What the review page needs to score the holdout again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.data.project import Project
from churnbench.reports import Scenario
from churnbench.workflow.contest import Backtest


def scenario_of(
    project: Project, backtest: Backtest, evidence: Mapping[str, Any], documents: Mapping[str, Mapping[str, Any]]
) -> Scenario:
    """The holdout rows with the inputs of both formulas, and the figures that the project declares.

    Args:
        project: its thresholds name the costs.
        backtest: with the holdout opened.
        evidence: holds the capacity, and how many churners nobody could have called.
        documents: "candidate" and "incumbent".
    """
    assert backtest.holdout is not None  # noqa: S101 - a review opens it before anything is drawn
    rows = backtest.cohort.frame.loc[backtest.holdout.index]
    inputs = [entry["id"] for document in documents.values() for entry in document["inputs"] if entry["id"] in rows]
    columns = list(dict.fromkeys(["account_id", "as_of", "y", "arr", "segment", *inputs]))
    reached = evidence["contenders"][evidence["gate"]["candidate"]]["at_capacity"]
    return Scenario(
        rows=rows[columns],
        documents=documents,
        capacity=reached["k"],
        too_late=reached["of"] - int(rows.loc[rows["y"] == 1, "account_id"].nunique()),
        contact_cost=project.thresholds.contact_cost,
        save_rate=project.thresholds.save_rate,
    )
