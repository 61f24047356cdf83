"""How scores move: change over a month and a quarter, speed, and what moved them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.domain.score_history import DIMENSION_SUFFIX
from churnbench.health.book import Book
from churnbench.history import velocity_band


def movement(book: Book) -> pd.DataFrame:
    """One row per active account, index account_id.

    Returns:
        The columns of `Book.current`, and `change_month`, `change_quarter` (points), `month_on`, `quarter_on` (dates
        of the readings compared), `band_month`, `band_quarter`, `speed` (points per day), `moves` (its words, "" when
        unknown), `<dimension>_month`, `<dimension>_quarter` (points). NaN where there is no earlier reading.
    """
    now = book.current.set_index("account_id")
    for name, before in (("month", book.month_ago), ("quarter", book.quarter_ago)):
        then = before.set_index("account_id").reindex(now.index)
        then = then.where(then["as_of"] < now["as_of"])
        now[f"change_{name}"] = now["health_score"] - then["health_score"]
        now[f"{name}_on"] = then["as_of"]
        now[f"band_{name}"] = then["band"].astype(object)
        for dimension in book.dimensions:
            column = f"{dimension}{DIMENSION_SUFFIX}"
            now[f"{dimension}_{name}"] = now[column] - then[column]
    days = (now["as_of"] - now["month_on"]).dt.days.astype(float)
    now["speed"] = now["change_month"] / days
    bands = velocity_band(now["speed"].to_numpy(dtype=float), book.velocity_edges)
    now["moves"] = ["" if band is None else band.replace("-", " ") for band in bands]
    return now


def drivers(book: Book, before: pd.DataFrame) -> pd.DataFrame:
    """Change of each metric's points in the score since an earlier reading.

    Args:
        book: the book.
        before: earlier readings, one per account (`month_ago` or `quarter_ago`).

    Returns:
        Index account_id of `Book.current`, one column per metric id, points of the scale before the display map; NaN
        without an earlier reading.
    """
    now_gained, _ = book.points
    then_gained, _ = book.contributions(before)
    then_gained.index = pd.Index(before["account_id"])
    return now_gained - then_gained.reindex(now_gained.index)


def named_drivers(book: Book, moved: pd.DataFrame, *, falling: bool, most: int = 2, least: float = 0.5) -> pd.Series:
    """The metrics that moved each account most, in words: "NPS -3.1, Active seats -1.2"; "" when none moved."""
    labels = np.array([metric.label for metric in book.metrics], dtype=object)
    values = np.nan_to_num(moved[[metric.id for metric in book.metrics]].to_numpy(dtype=float))
    signed = values if falling else -values
    order = np.argsort(signed, axis=1, kind="stable")[:, :most]
    words = []
    for row, places in enumerate(order):
        parts = [f"{labels[p]} {values[row, p]:+.1f}" for p in places if signed[row, p] <= -least]
        words.append(", ".join(parts).replace("-", "−"))
    return pd.Series(words, index=moved.index, dtype=object)
