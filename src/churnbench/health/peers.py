"""Benchmarks from the user's own accounts: the other active accounts of the same segment, on the same date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from churnbench.health.book import Book
from churnbench.health.statistics import LEAST_ACCOUNTS, mean_of, quantile_of
from churnbench.metrics import Estimate


@dataclass(frozen=True, eq=False)
class Peers:
    """Peers of one account.

    Attributes:
        rows: their newest readings, the account itself left out.
        segment: its name; "all" where the data have none.
        gained: their points per metric, index account_id.
    """

    rows: pd.DataFrame
    segment: str
    gained: pd.DataFrame

    @property
    def enough(self) -> bool:
        """Whether there are accounts enough to compare with."""
        return len(self.rows) >= LEAST_ACCOUNTS

    @property
    def why_not(self) -> str:
        """Said where they are too few."""
        return f"segment {self.segment} has {len(self.rows)} other active accounts, {LEAST_ACCOUNTS} are needed"

    @property
    def how(self) -> str:
        """Who they are, in words."""
        return (
            f"Peers: the {len(self.rows)} other active accounts of segment {self.segment} on the same date. Averages "
            "carry 90 % t intervals, top quartiles the interval between order statistics."
        )

    def average(self, column: str) -> Estimate:
        """Mean of a column."""
        return mean_of(pd.to_numeric(self.rows[column], errors="coerce"))

    def top_quartile(self, column: str, *, higher_is_healthier: bool = True) -> Estimate:
        """The value that the healthiest quarter reaches."""
        values = pd.to_numeric(self.rows[column], errors="coerce")
        return quantile_of(values, 0.75 if higher_is_healthier else 0.25)


def peers_of(book: Book, account: Mapping[str, Any]) -> Peers:
    """Peers of an account of `Book.current`."""
    current = book.current
    same = current["segment"].astype(object) == account["segment"]
    rows = current[same & (current["account_id"] != account["account_id"])]
    return Peers(rows, str(account["segment"]), book.points[0].loc[rows["account_id"]])
