"""Cuts time into cells within which every fact counts for exactly the same windows.

A window is `(as_of - far, as_of - near]`. All edges of all windows of all as-of dates cut the time line into
cells. Facts of one account in one cell can be added up once, and a window is then a sum over whole cells: far
fewer rows than days, and exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: (far, near): facts dated in `(as_of - far, as_of - near]`, in days.
Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Cells:
    """The time line cut by a calendar and its windows; days are numbers since 1970-01-01.

    Attributes:
        as_of: the as-of days, ascending.
        spans: the windows; empty means one window without a beginning.
        edges: cut points, ascending; cell k holds days in `(edges[k - 1], edges[k]]`.
    """

    as_of: np.ndarray
    spans: tuple[Span, ...]
    edges: np.ndarray

    @property
    def first_day(self) -> int | None:
        """Facts on or before this day count for no window; None: all count."""
        return int(self.edges[0]) if self.spans else None

    def of_days(self, days: np.ndarray) -> np.ndarray:
        """Cell of each day."""
        return np.searchsorted(self.edges, days, side="left")

    def visible(self, days: np.ndarray) -> np.ndarray:
        """Position of the first as-of date on or after each day; `len(as_of)` when there is none."""
        return np.searchsorted(self.as_of, days, side="left")

    def reach(self) -> pd.DataFrame:
        """Which cell counts for which as-of date: cell, i, day (the as-of day), w0, w1, ... (bool)."""
        parts = []
        for i, day in enumerate(self.as_of):
            upper = np.searchsorted(self.edges, day, side="left")
            if not self.spans:
                cells = np.arange(upper + 1)
                flags = {"w0": np.ones(len(cells), dtype=bool)}
            else:
                bounds = [
                    (self.edges.searchsorted(day - far), self.edges.searchsorted(day - near))
                    for far, near in self.spans
                ]
                cells = np.arange(min(low for low, _ in bounds) + 1, upper + 1)
                flags = {f"w{k}": (cells > low) & (cells <= high) for k, (low, high) in enumerate(bounds)}
            parts.append(pd.DataFrame({"cell": cells, "i": i, "day": int(day), **flags}))
        return pd.concat(parts, ignore_index=True)


def cut(as_of: np.ndarray, spans: Iterable[Span]) -> Cells:
    """Cells of a calendar.

    Args:
        as_of: as-of days as numbers since 1970-01-01, ascending.
        spans: windows; none for the single window "ever until the as-of date".
    """
    windows = tuple(dict.fromkeys(spans))
    offsets = sorted({offset for span in windows for offset in span} | {0})
    edges = np.unique(np.concatenate([as_of - offset for offset in offsets])) if windows else as_of
    return Cells(as_of, windows, edges)
