"""Retention of revenue and of logos between two dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.health.book import Book
from churnbench.health.statistics import LEAST_ACCOUNTS, ratio_of
from churnbench.metrics import Estimate, clopper_pearson

YEAR, QUARTER_DAYS = 365, 91
#: The reading compared may lie this far from the wanted day.
_WITHIN = 20


@dataclass(frozen=True, eq=False)
class Retention:
    """What became of the accounts active at the start.

    Attributes:
        start, end: dates of the readings compared.
        accounts: accounts with a reading at the start whose fate is known.
        left: of them, how many left by the end.
        unknown: accounts without a later reading and without a recorded churn; in no figure.
        logo, gross, net: shares kept, with 90 % intervals; None without accounts or ARR.
        expanded: share of the accounts that stayed and expanded.
        expanded_by: how expansion was seen, in words.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    accounts: int
    left: int
    unknown: int
    logo: Estimate
    gross: Estimate
    net: Estimate
    expanded: Estimate
    expanded_by: str


def retention(book: Book, start: pd.Timestamp, end: pd.Timestamp | None = None) -> Retention | None:
    """Retention from the readings nearest to `start` to those nearest to `end` (default: now).

    Gross retention counts ARR up to its level at the start, net retention also what was won on top; an account that
    left counts 0. None when there is no reading near the start.
    """
    then = book.near(start, _WITHIN).set_index("account_id")
    now = (book.current if end is None else book.near(end, _WITHIN)).set_index("account_id")
    if then.empty or now.empty:
        return None
    first, last = then["as_of"].mode().iloc[-1], now["as_of"].mode().iloc[-1]
    here = then.index.isin(now.index)
    by_then = book.churns["churn_at"] <= (book.known_until if end is None else end + pd.Timedelta(days=_WITHIN))
    gone_on = book.churns[by_then].groupby("account_id")["churn_at"].max().reindex(then.index)
    left = ~here & (gone_on > then["as_of"]).to_numpy()
    fate = here | left
    before = then["arr"].to_numpy(dtype=float)
    after = np.where(left, 0.0, now["arr"].reindex(then.index).to_numpy(dtype=float))
    counted = int(fate.sum())
    logo = clopper_pearson(float(here.sum()), float(counted)) if counted >= LEAST_ACCOUNTS else Estimate(None)
    expanded, by = _expanded(book, then, now, here, first, last)
    return Retention(
        start=first,
        end=last,
        accounts=counted,
        left=int(left.sum()),
        unknown=int((~fate).sum()),
        logo=logo,
        gross=ratio_of(np.minimum(before, after)[fate], before[fate]),
        net=ratio_of(after[fate], before[fate]),
        expanded=expanded,
        expanded_by=by,
    )


def _expanded(
    book: Book, then: pd.DataFrame, now: pd.DataFrame, here: np.ndarray, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[Estimate, str]:
    stayed = then.index[here]
    recorded = book.changes[book.changes["kind"] == "expansion"]
    if len(recorded):
        inside = recorded[(recorded["on"] > first) & (recorded["on"] <= last)]
        grew, by = stayed.isin(inside["account_id"]), "recorded expansions"
    else:
        grew = now["arr"].reindex(stayed).to_numpy(dtype=float) > then["arr"].reindex(stayed).to_numpy(dtype=float)
        by = "ARR above its level at the start"
    if len(stayed) < LEAST_ACCOUNTS:
        return Estimate(None), by
    return clopper_pearson(float(np.sum(grew)), float(len(stayed))), by


def arr_moves(book: Book) -> bool:
    """Whether any account's ARR ever changes: if none does, it is probably today's value written into the past."""
    known = book.history.dropna(subset=["arr"])
    spread = known.groupby("account_id")["arr"].agg(["min", "max"])
    return bool((spread["min"] != spread["max"]).any())


def longest_period(book: Book) -> int:
    """Days to look back for retention: a year where the history reaches, else whole quarters, else 0."""
    reach = int((book.as_of - book.history["as_of"].min()).days) + _WITHIN
    if reach >= YEAR:
        return YEAR
    return reach // QUARTER_DAYS * QUARTER_DAYS
