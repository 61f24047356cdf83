"""What the review page needs to score the holdout again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from churnbench.data.project import Project
from churnbench.formula import score_frame
from churnbench.metrics import AccountBootstrap, at_capacity
from churnbench.metrics.calls_profit import calls_profit, worthwhile_profit
from churnbench.reports import Scenario
from churnbench.workflow.contender_evidence import REPLICATES
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
    scenario = Scenario(
        rows=rows[columns],
        documents=documents,
        capacity=reached["k"],
        too_late=reached["of"] - int(rows.loc[rows["y"] == 1, "account_id"].nunique()),
        contact_cost=project.thresholds.contact_cost,
        save_rate=project.thresholds.save_rate,
    )
    return replace(scenario, intervals=shipped_intervals(scenario, seed=backtest.settings.seed))


def shipped_intervals(
    scenario: Scenario, *, seed: int, replicates: int = REPLICATES
) -> dict[str, dict[str, list[float] | None]]:
    """90 % intervals of what calls catch and earn under both formulas as they ship, at the scenario's capacity.

    Accounts are resampled, and in every resample the riskiest are ranked anew; figures are those of the page.

    Args:
        scenario: rows, documents, capacity and costs; its own intervals are not read.
        seed: seed of the resamples.
        replicates: how many.
    """
    rows = scenario.rows.reset_index(drop=True)
    bootstrap = AccountBootstrap(rows["account_id"].to_numpy(dtype=object), replicates=replicates, seed=seed)
    # A table without dates is one snapshot.
    day = rows["as_of"].dt.strftime("%Y-%m-%d").fillna("all")
    y, snapshot = rows["y"].to_numpy(dtype=float), np.asarray(day.to_numpy(dtype=object), dtype=object)
    contact, save = scenario.contact_cost, scenario.save_rate
    found = {}
    for name, document in scenario.documents.items():
        scored = score_frame(dict(document["body"]), rows, allow_missing=True)
        risk, k = _risk(scored), scenario.capacity
        reached = at_capacity(y, risk, snapshot, k=k, bootstrap=bootstrap, too_late=scenario.too_late)
        figures = {"precision": reached.precision, "recall": reached.recall, "lift": reached.lift}
        if contact is not None and save is not None:
            gain = save * rows["arr"].to_numpy(dtype=float)
            profit = np.where(y == 1, gain - contact, np.where(np.isnan(gain), np.nan, -contact))
            figures["ofCalls"] = calls_profit(y, risk, snapshot, profit=profit, k=k, bootstrap=bootstrap)
            with np.errstate(invalid="ignore", divide="ignore"):
                acted = (gain > 0) & (scored["churn_probability"].to_numpy(dtype=float) >= contact / gain)
            figures["worthwhile"] = worthwhile_profit(profit, acted, bootstrap=bootstrap)
        found[name] = {key: figure.as_json()["ci90"] for key, figure in figures.items()}
    return found


def _risk(scored: pd.DataFrame) -> np.ndarray:
    """Who is called first, as the page has it: by printed probability, else by score; without a score last."""
    p = scored["churn_probability"].to_numpy(dtype=float)
    score = scored["health_score_x100"].to_numpy(dtype=float, na_value=np.nan)
    known = 1 + np.where(np.isnan(p), 10_000 - score, np.round(p * 1e6))
    return np.where(np.isnan(score), 0.0, known)
