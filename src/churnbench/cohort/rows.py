"""Rows before they are labelled: what a snapshot table, fact tables or a single table have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from churnbench.domain.formula_spec import FormulaSpec

#: Attributes of a row, with the value that stands for "unknown".
ATTRIBUTE_COLUMNS = ("started_on", "renewal_on", "segment", "arr")


@dataclass(frozen=True, eq=False)
class Rows:
    """Unlabelled rows.

    Attributes:
        frame: account_id, as_of, started_on, renewal_on (datetime64), segment (object), arr (float) and the
            metric inputs.
        formula: the formula that fits the inputs, directions not yet proposed.
        extra: input columns beside the formula's metrics (denominators).
        warnings: sentences for the evidence.
    """

    frame: pd.DataFrame
    formula: FormulaSpec
    extra: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)


def with_attributes(frame: pd.DataFrame, accounts: pd.DataFrame | None) -> pd.DataFrame:
    """Fill attributes that a row does not hold itself from the accounts table.

    Args:
        frame: account_id, as_of and any of `@started_on`, `@renewal_on`, `@segment`, `@arr` as known on the
            date.
        accounts: the accounts table, or None.

    Returns:
        The frame with started_on, renewal_on, segment and arr instead; unknown values are NaT, NaN or None.
        An attribute that the rows themselves hold is never mixed with today's value from the accounts table.
    """
    out = frame.copy()
    today = None if accounts is None else accounts.set_index("account_id")
    for name in ATTRIBUTE_COLUMNS:
        own = out.pop(f"@{name}") if f"@{name}" in out else None
        if (own is None or own.isna().all()) and today is not None and name in today:
            own = pd.Series(today[name].reindex(out["account_id"]).to_numpy(), index=out.index)
        out[name] = _typed(own, name, out.index)
    return out


def _typed(column: pd.Series | None, name: str, index: pd.Index) -> pd.Series:
    if name in ("started_on", "renewal_on"):
        empty = pd.Series(pd.NaT, index=index) if column is None else column
        return pd.to_datetime(empty).astype("datetime64[us]")
    if name == "arr":
        return pd.Series(np.nan, index=index) if column is None else column.astype(float)
    text = pd.Series(None, index=index, dtype=object) if column is None else column.astype(object)
    return text.where(text.notna(), None)


def typed_inputs(frame: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Metric inputs as float64 with NaN, or object with None for text."""
    out = frame.copy()
    for name in metrics:
        column = out[name]
        if pd.api.types.is_numeric_dtype(column):
            out[name] = column.astype("float64")
        else:
            out[name] = column.astype(object).where(column.notna(), None)
    return out
