"""Metric columns as a numeric matrix: numbers as they are, text as codes learned from training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Encoder:
    """Turns metric columns into float64 with NaN for missing.

    Attributes:
        metrics: columns in order.
        categories: column -> text values seen in training, sorted; their position is the code. A value that
            training never saw is missing.
    """

    metrics: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, frame: pd.DataFrame, metrics: tuple[str, ...]) -> Encoder:
        """Note the text values of each category column in the training rows."""
        found = {
            metric: tuple(sorted(frame[metric].dropna().astype(str).unique()))
            for metric in metrics
            if not pd.api.types.is_numeric_dtype(frame[metric])
        }
        return cls(metrics, found)

    def matrix(self, frame: pd.DataFrame) -> np.ndarray:
        """Shape (rows, metrics), float64."""
        encoded = np.empty((len(frame), len(self.metrics)))
        for position, metric in enumerate(self.metrics):
            column = frame[metric]
            if metric in self.categories:
                codes = pd.Index(self.categories[metric], dtype=object).get_indexer(pd.Index(column, dtype=object))
                encoded[:, position] = np.where(codes < 0, np.nan, codes)
            else:
                numbers = column.to_numpy(dtype=float, na_value=np.nan)
                encoded[:, position] = np.where(np.abs(numbers) <= 1e308, numbers, np.nan)
        return encoded

    @property
    def category_positions(self) -> list[int]:
        """Positions of the text columns."""
        return [position for position, metric in enumerate(self.metrics) if metric in self.categories]
