"""Evidence about lead times: which metrics, dimensions and alerts of today's formula come before churn."""

from __future__ import annotations

from typing import Any

import pandas as pd

from churnbench.formula import score_frame
from churnbench.leadlag import LeadLag, lead_lag
from churnbench.workflow.contest import Backtest


def lead_times(backtest: Backtest) -> LeadLag | None:
    """Lead-lag analysis of the metrics, of today's formula and of its dimensions.

    Only what was known when the holdout began is used. The candidate is left out: it was fitted on these very
    rows, and would look better than it is.

    Args:
        backtest: finished; the holdout may still be closed.

    Returns:
        The analysis, or `None` for a table without dates.
    """
    cohort = backtest.cohort
    if not cohort.dated:
        return None
    until = backtest.folds[-1].origin
    rows = cohort.frame if until is None else cohort.frame[cohort.frame["as_of"] < until]
    body = dict(backtest.fitted["incumbent"].body or {})
    scored = score_frame(body, rows)
    columns: dict[str, pd.Series[Any]] = {"incumbent": scored["raw_score"]}
    columns |= {
        dimension.id: scored[f"{dimension.id}_score"]
        for dimension in backtest.spec.dimensions
        if f"{dimension.id}_score" in scored
    }
    lowest = body["bands"][0][0]
    return lead_lag(
        cohort,
        backtest.spec,
        scores=pd.DataFrame(columns),
        red=scored["band"] == lowest,
        red_band=lowest,
        until=until,
        seed=backtest.settings.seed,
    )


def lead_evidence(backtest: Backtest) -> dict[str, Any] | None:
    """The `lead_lag` section; `None` for a table without dates."""
    found = lead_times(backtest)
    return None if found is None else found.as_json()
