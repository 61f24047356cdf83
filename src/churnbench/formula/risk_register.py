"""The additive risk-factor register: which factors hold for which account, with evidence and points.

It stands beside the score and takes nothing off it: a factor that shall move the score is declared as a metric, so that
its weight is learned from outcomes like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churnbench.domain.formula_spec import FormulaSpec, RiskFactor
from churnbench.formula.columns import is_text, numbers

COLUMNS = ("account_id", "factor", "label", "severity", "metric", "evidence", "points")


def risk_register(spec: FormulaSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """Risk factors that hold.

    Args:
        spec: a formula with risk factors.
        frame: one row per account: account_id and metric columns; columns that are absent, and missing values, never
            meet a factor.

    Returns:
        One row per account and factor that holds: account_id, factor, label, severity, metric, evidence (the value, as
        text), points; accounts in the order of the frame, most points first.
    """
    found = [
        part for factor in spec.risk_factors if (part := _holding(factor, spec.severity_points, frame)) is not None
    ]
    if not found:
        return pd.DataFrame({name: pd.Series(dtype=float if name == "points" else object) for name in COLUMNS})
    table = pd.concat(found)
    order = np.lexsort((-table["points"].to_numpy(), table["at"].to_numpy()))
    return table.iloc[order][list(COLUMNS)].reset_index(drop=True)


def register_points(spec: FormulaSpec, frame: pd.DataFrame) -> pd.Series:
    """Points of all factors that hold, per row of the frame (same index); 0 where none does."""
    total = np.zeros(len(frame))
    for factor in spec.risk_factors:
        total += _holds(factor, frame) * float(spec.severity_points.get(factor.severity, 0.0))
    return pd.Series(total, index=frame.index, name="risk_points")


def unread_factors(spec: FormulaSpec, columns: Sequence[str]) -> tuple[str, ...]:
    """Ids of factors whose column the data do not have: they never hold, which is not the same as all being well."""
    return tuple(factor.id for factor in spec.risk_factors if factor.metric not in columns)


def _holding(factor: RiskFactor, points: Mapping[str, float], frame: pd.DataFrame) -> pd.DataFrame | None:
    at = np.flatnonzero(_holds(factor, frame))
    if len(at) == 0:
        return None
    values = frame[factor.metric].iloc[at]
    return pd.DataFrame(
        {
            "at": at,
            "account_id": frame["account_id"].iloc[at].to_numpy(),
            "factor": factor.id,
            "label": factor.label,
            "severity": factor.severity,
            "metric": factor.metric,
            "evidence": [_said(value) for value in values],
            "points": float(points.get(factor.severity, 0.0)),
        }
    )


def _holds(factor: RiskFactor, frame: pd.DataFrame) -> np.ndarray:
    if factor.metric not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    if factor.op == "=" or is_text(frame, factor.metric):
        return np.asarray(frame[factor.metric].eq(str(factor.value)).fillna(value=False), dtype=bool)
    values, bound = numbers(frame, factor.metric), float(factor.value)
    return np.asarray(values < bound if factor.op == "<" else values >= bound)


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
