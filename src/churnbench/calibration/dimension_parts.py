"""An additive fit by dimension: how full each dimension of an account is, and what each is worth in log-odds.

`logit P(churn) = b - spread * sum_d w_d h_d(x)` with every `h_d` from 0 to 1 and the shares `w` summing to 1. It is the
fit itself, only summed within dimensions: the common language of segment profiles and of the lifecycle ramp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.calibration.anchored import AnchoredFit

_CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class DimensionParts:
    """A fit summed within dimensions.

    Attributes:
        fit: the fit.
        dimensions: ids of the dimensions that carry weight (D,), in declared order.
        blocks: design columns of each dimension.
        lowest: lowest health of each dimension (D,), log-odds.
        ranges: range of each dimension's health (D,), log-odds, > 0.
    """

    fit: AnchoredFit
    dimensions: tuple[str, ...]
    blocks: tuple[np.ndarray, ...]
    lowest: np.ndarray
    ranges: np.ndarray

    @classmethod
    def of(cls, fit: AnchoredFit, dimension_of: Mapping[str, str]) -> DimensionParts:
        """Sum a fit within dimensions.

        Args:
            fit: an anchored fit.
            dimension_of: metric -> dimension, dimensions in declared order.
        """
        a = fit.solution.coefficients
        found: dict[str, tuple[list[np.ndarray], float, float]] = {
            name: ([], 0.0, 0.0) for name in dict.fromkeys(dimension_of.values())
        }
        for ramps in fit.basis.ramps:
            low, high = ramps.health_range(a)
            columns, lowest, span = found[dimension_of[ramps.metric]]
            columns.append(np.arange(*ramps.columns))
            found[dimension_of[ramps.metric]] = (columns, lowest + low, span + high - low)
        used = {name: part for name, part in found.items() if part[2] > 0}
        return cls(
            fit,
            tuple(used),
            tuple(np.concatenate(part[0]) for part in used.values()),
            np.array([part[1] for part in used.values()]),
            np.array([part[2] for part in used.values()]),
        )

    @property
    def spread(self) -> float:
        """Range of the whole score in log-odds."""
        return float(self.ranges.sum())

    @property
    def shares(self) -> np.ndarray:
        """Share of each dimension in the score (D,), summing to 1."""
        return np.asarray(self.ranges / self.spread)

    def health(self, frame: pd.DataFrame) -> np.ndarray:
        """How full each dimension is, 0-1: (rows, D)."""
        parts = [
            self.of_design(self.fit.basis.design(frame.iloc[begin : begin + _CHUNK]))
            for begin in range(0, len(frame), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.dimensions)))

    def of_design(self, design: np.ndarray) -> np.ndarray:
        """The same from a design matrix of the fit's basis."""
        a = self.fit.solution.coefficients
        raw = np.column_stack([-(design[:, block] @ a[block]) for block in self.blocks])
        return np.asarray((raw - self.lowest) / self.ranges)
