"""SHAP values of the challenger as signed contributions to the log-odds of churn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_CRITICAL_90 = 1.6448536269514722


@dataclass(frozen=True, eq=False)
class Attribution:
    """Out-of-fold SHAP values of the challenger on training rows.

    Attributes:
        metrics: metric ids, the columns.
        values: SHAP values on raw log-odds (rows, metrics); positive raises P(churn).
        rows: position of each row among the training rows.
    """

    metrics: tuple[str, ...]
    values: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, metrics: Sequence[str], rows: np.ndarray, values: np.ndarray) -> Attribution:
        """Keep the rows for which SHAP values were computed."""
        known = ~np.isnan(values).any(axis=1)
        return cls(tuple(metrics), values[known], rows[known])

    def column(self, metric: str) -> np.ndarray:
        """SHAP values of one metric (rows,)."""
        return np.asarray(self.values[:, self.metrics.index(metric)])

    def mean_absolute(self) -> dict[str, float]:
        """Mean |SHAP| per metric, log-odds. Weight times spread, without a sign: a description, not a weight."""
        return dict(zip(self.metrics, np.abs(self.values).mean(axis=0).tolist(), strict=True))

    def mean_absolute_of_sum(self, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Mean |sum of signed SHAP| per group, so that contributions that cancel are not paid twice."""
        place = {metric: position for position, metric in enumerate(self.metrics)}
        return {
            group: float(np.abs(self.values[:, [place[m] for m in members]].sum(axis=1)).mean()) if members else 0.0
            for group, members in groups.items()
        }

    def dependence(self, metric: str, x: np.ndarray, edges: np.ndarray) -> list[dict[str, float]]:
        """Mean signed SHAP of a metric by value, with a 90 % interval of the mean in each bin.

        Args:
            metric: metric id.
            x: the metric's numeric value for each row of `values`.
            edges: ascending bin edges, in the metric's unit.
        """
        phi = self.column(metric)
        bins = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
        shown = []
        for position in range(len(edges) - 1):
            inside = (bins == position) & ~np.isnan(x)
            count = int(inside.sum())
            if count < 5:
                continue
            mean = float(phi[inside].mean())
            spread = _CRITICAL_90 * float(phi[inside].std(ddof=1)) / np.sqrt(count)
            shown.append({"x": float(np.median(x[inside])), "mean": mean, "low": mean - spread, "high": mean + spread})
        return shown


def shap_explanation(booster: Any, matrix: np.ndarray, metrics: Sequence[str]) -> Any:
    """A `shap.Explanation` of the challenger for shap's own plots (beeswarm, dependence, waterfall).

    Args:
        booster: native LightGBM booster.
        matrix: float64 (rows, metrics), as the booster was trained on.
        metrics: names of the columns.
    """
    import shap

    contributions = booster.predict(matrix, pred_contrib=True)
    return shap.Explanation(
        values=contributions[:, :-1],
        base_values=contributions[:, -1],
        data=matrix,
        feature_names=list(metrics),
    )
