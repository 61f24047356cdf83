"""What is looked at: metrics and scores as columns in which more is healthier, as declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.domain.formula_spec import FormulaSpec, MetricSpec
from churnbench.leadlag.matching import Floats
from churnbench.leadlag.result import Kind


@dataclass(frozen=True, eq=False)
class Signal:
    """One column.

    Attributes:
        id: metric, dimension or formula.
        label: for people.
        kind: what it is.
        health: shape (rows,), more is healthier in the declared direction; NaN for missing.
        dimension: of a metric.
        direction: declared direction.
        declared: false when the direction was proposed from data.
        leading: what its owner believes.
    """

    id: str
    label: str
    kind: Kind
    health: Floats
    dimension: str | None = None
    direction: str = "higher_is_healthier"
    declared: bool = True
    leading: bool | None = None


def signals_of(
    frame: pd.DataFrame, metrics: Sequence[str], spec: FormulaSpec | None, scores: pd.DataFrame | None
) -> tuple[list[Signal], list[tuple[str, str]]]:
    """Columns that can be ranked, and those that cannot with the reason.

    Args:
        frame: rows looked at, one column per metric input.
        metrics: metric inputs in declared order.
        spec: directions, labels and dimensions; without it every metric is taken as healthier when higher, as
            a proposal.
        scores: health scores by column, more is healthier; a column named like a dimension of `spec` is that
            dimension's. Rows are found by index label; rows without a score count as missing.
    """
    declared = {} if spec is None else {metric.id: metric for metric in spec.metrics}
    found, left_out = [], []
    for name in metrics:
        metric = declared.get(name) or MetricSpec(name, "", 0.0, direction_proposed=True)
        health = _health(frame[name], metric)
        if health is None:
            left_out.append((name, "its text has no declared points"))
        elif not np.isfinite(health).any():
            left_out.append((name, "it has no values"))
        else:
            found.append(
                Signal(
                    name,
                    metric.label or name,
                    "metric",
                    health,
                    metric.dimension or None,
                    metric.direction,
                    not metric.direction_proposed,
                    metric.leading,
                )
            )
    dimensions = {} if spec is None else {one.id: one.label for one in spec.dimensions}
    columns = pd.DataFrame(index=frame.index) if scores is None else scores.reindex(frame.index)
    for name in map(str, columns.columns):
        kind: Kind = "dimension" if name in dimensions else "formula"
        health = columns[name].to_numpy(dtype=np.float64, na_value=np.nan)
        found.append(Signal(name, dimensions.get(name) or name, kind, health))
    return found, left_out


def _health(column: pd.Series, metric: MetricSpec) -> Floats | None:
    """The metric so that more is healthier; declared points for text; `None` for text without points."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(-values if metric.direction == "lower_is_healthier" else values)
    points = metric.normalise.params.get("map") if metric.normalise.kind == "category" else None
    if not isinstance(points, dict):
        return None
    return np.asarray(column.map(points).to_numpy(dtype=np.float64, na_value=np.nan))
