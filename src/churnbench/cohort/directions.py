"""Proposes the direction of metrics for which nobody declared one."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from churnbench.domain.formula_spec import FormulaSpec, MetricSpec

#: Share of the as-of dates, the earliest, from which the directions that `check` shows are proposed.
TRAINING_SHARE = 0.6


def propose_directions(formula: FormulaSpec, frame: pd.DataFrame) -> FormulaSpec:
    """Fill in directions that are marked as proposed.

    Args:
        formula: metrics with direction_proposed True get a direction.
        frame: a cohort frame. With dates only labelled rows of the earliest 60 % of the as-of dates are used;
            without dates all rows. This is for display: every training set proposes anew from its own rows
            (`propose_from`), so that no fold is told by later labels.

    Returns:
        The formula; a metric whose rank correlation with churn is negative (or undefined) is healthier when
        higher.
    """
    rows = frame[frame["status"] == "labelled"]
    if rows["as_of"].notna().any():
        dates = sorted(rows["as_of"].unique())
        rows = rows[rows["as_of"].isin(dates[: max(1, round(TRAINING_SHARE * len(dates)))])]
    return propose_from(formula, rows)


def propose_from(formula: FormulaSpec, rows: pd.DataFrame) -> FormulaSpec:
    """Fill in directions that are marked as proposed, from exactly these labelled rows."""
    if not any(metric.direction_proposed for metric in formula.metrics):
        return formula
    return replace(formula, metrics=tuple(_with_direction(metric, rows) for metric in formula.metrics))


def _with_direction(metric: MetricSpec, rows: pd.DataFrame) -> MetricSpec:
    if not metric.direction_proposed:
        return metric
    known = rows[[metric.id, "y"]].dropna()
    constant = known[metric.id].nunique() < 2 or known["y"].nunique() < 2
    relation = 0.0 if constant else known[metric.id].rank().corr(known["y"])
    return replace(metric, direction="lower_is_healthier" if relation > 0 else "higher_is_healthier")
