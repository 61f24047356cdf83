"""Expansion candidates, and whether accounts that looked like them did expand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.health.book import Book
from churnbench.health.flags import EXPANSION_INPUTS, expansion_candidates, signals_in
from churnbench.health.portfolio import account_columns, account_rows
from churnbench.health.result import Absent, Column, Part, Table
from churnbench.health.statistics import bounds
from churnbench.labels.secondary import in_window
from churnbench.metrics import korn_graubard

LEAST_SIGNALS = 2
_LISTED = 20


def expansion_part(book: Book, moved: pd.DataFrame) -> tuple[str, list[Part]]:
    """Finding and parts of the chapter on expansion."""
    names = [name for inputs, _, _ in EXPANSION_INPUTS for name in inputs if name in moved]
    if not names:
        wanted = ", ".join(inputs[0] for inputs, _, _ in EXPANSION_INPUTS)
        return "Not known.", [
            Absent("expansion", "Expansion candidates", "no metric speaks of growth", f"Add one of {wanted}.")
        ]
    signals = expansion_candidates(book, moved)
    chosen = moved.assign(signals=signals)[signals >= LEAST_SIGNALS].sort_values(
        ["signals", "arr"], ascending=[False, False]
    )
    rows = [
        {**row, "signals": int(count)}
        for row, count in zip(account_rows(chosen, _LISTED), chosen["signals"], strict=False)
    ]
    how = (
        f"At least {LEAST_SIGNALS} of the declared signs ({', '.join(names)}), not {book.at_risk_words}, "
        "not declining. Declared rules; whether they hold on your outcomes stands below."
    )
    title = f"{len(chosen)} candidates" + (f", the first {_LISTED}" if len(chosen) > _LISTED else "")
    table = Table("expansion", title, account_columns(Column("signals", "Signs", "count")), rows, how, empty="none")
    return f"{len(chosen)} candidates.", [table, _proof(book)]


def _proof(book: Book) -> Part:
    """Expansion rate of past candidates against the others, on matured windows."""
    expanded = book.changes[book.changes["kind"] == "expansion"]
    if expanded.empty:
        return Absent(
            "expansion_proof",
            "Did candidates expand?",
            "no expansion is recorded",
            "Give outcomes with kind = expansion.",
        )
    days = book.window.gap_days + book.window.horizon_days
    past = book.history[book.history["as_of"] + pd.Timedelta(days=days + book.window.settle_days) <= book.known_until]
    past = past[past["health_score"].notna()]
    if past.empty:
        return Absent(
            "expansion_proof", "Did candidates expand?", "no outcome window has matured", "Give older snapshots."
        )
    was = ((signals_in(past) >= LEAST_SIGNALS) & ~book.at_risk(past)).to_numpy()
    y = expanded_within(book, past)
    rows = []
    for label, inside in (("candidates", was), ("others", ~was)):
        found = korn_graubard(y[inside], past["account_id"].to_numpy()[inside]) if inside.any() else None
        rows.append(
            {
                "group": label,
                "readings": int(inside.sum()),
                "accounts": int(past.loc[inside, "account_id"].nunique()),
                "rate": None if found is None else found.value,
                "rate_ci90": None if found is None else bounds(found),
            }
        )
    columns = [
        Column("group", "On past readings"),
        Column("readings", "Readings", "count"),
        Column("accounts", "Accounts", "count"),
    ]
    columns.append(Column("rate", f"Expanded within {book.window.horizon_days} days", "share"))
    how = (
        "Matured windows only; the change over the last month is left out of the rule. "
        "Interval: Korn-Graubard, accounts as clusters."
    )
    return Table("expansion_proof", "Did accounts that looked like this expand?", columns, rows, how)


def expanded_within(book: Book, rows: pd.DataFrame) -> np.ndarray:
    """Whether an expansion falls into (as_of + gap, as_of + gap + horizon], 0 or 1 per row."""
    events = book.changes[book.changes["kind"] == "expansion"]
    return in_window(rows, events, book.window).astype(float)
