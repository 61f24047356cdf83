"""Two configs side by side: what differs in the formula, and what that does to a book of accounts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.export import Document, checked_scorer
from churnbench.export.document import made_on
from churnbench.formula import metric_inputs
from churnbench.release import difference_text
from churnbench.release.differences import Differences, differences
from churnbench.release.portfolio import Migration, PortfolioShift
from churnbench.release.portfolio_text import portfolio_text
from churnbench.release.shadow import merged_kinds, shadow


@dataclass(frozen=True)
class Comparison:
    """Differences, and their effect when a portfolio was given.

    Attributes:
        differences: what differs in the formula.
        portfolio: what it does to the accounts, None without any.
    """

    differences: Differences
    portfolio: PortfolioShift | None = None

    def sentences(self) -> list[str]:
        """One sentence per thing that differs."""
        return difference_text.sentences(self.differences)

    def text(self) -> str:
        """Everything in lines of at most 80 columns."""
        text = difference_text.table(self.differences)
        return text if self.portfolio is None else f"{text}\n\n{portfolio_text(self.portfolio)}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        effect = None if self.portfolio is None else self.portfolio.as_dict()
        return {**self.differences.as_dict(), "sentences": self.sentences(), "portfolio": effect}

    def json(self) -> str:
        """Strict JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, allow_nan=False, indent=1)


def diff(
    before: Document,
    after: Document,
    portfolio: pd.DataFrame | None = None,
    *,
    allow_missing: bool = False,
    movers: int = 20,
) -> Comparison:
    """Compare two configs.

    Args:
        before: a config document, expired or not.
        after: another.
        portfolio: account_id, one column per input of either, optionally arr; None compares the formulas alone.
            For a file see `diff_file`.
        allow_missing: whether metric columns may be absent; they then count as missing in every row.
        movers: how many of the farthest movers to explain.

    Raises:
        InputError: a refused config, or a portfolio without the columns that are read.
    """
    for document in (before, after):
        # An expired config may be compared; only scoring with it is refused.
        checked_scorer(document, now=made_on(document))
    found = differences(before, after)
    if portfolio is None:
        return Comparison(found)
    _check_columns(before, after, portfolio, allow_missing=allow_missing)
    migration = Migration(before, after, movers=movers)
    arr = None if "arr" not in portfolio else pd.to_numeric(portfolio["arr"]).to_numpy(np.float64, na_value=np.nan)
    migration.add(portfolio["account_id"].tolist(), portfolio.reset_index(drop=True), arr)
    return Comparison(found, migration.summary())


def diff_file(
    before: Document, after: Document, portfolio: str | Path, *, allow_missing: bool = False, movers: int = 20
) -> Comparison:
    """As `diff`, with the portfolio in a file that is read in batches; see `churnbench.release.shadow`."""
    found = diff(before, after).differences
    earliest = min(str(document["lifecycle"]["created"]) for document in (before, after))
    effect = shadow(before, after, portfolio, None, allow_missing=allow_missing, movers=movers, now=earliest)
    return Comparison(found, effect.summary)


def _check_columns(before: Document, after: Document, portfolio: pd.DataFrame, *, allow_missing: bool) -> None:
    merged_kinds(before, after)
    read = [] if allow_missing else [name for one in (before, after) for name in metric_inputs(one["body"])]
    absent = [name for name in dict.fromkeys(["account_id", *read]) if name not in portfolio]
    if absent:
        raise InputError(
            f"no column {', '.join(absent)} in the portfolio.",
            column=absent[0],
            fix="Add the columns (empty where unknown), or pass allow_missing.",
        )
