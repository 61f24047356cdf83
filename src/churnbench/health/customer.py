"""The customer's own view: a traffic light and progress, nothing internal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from churnbench.domain.bands import Role
from churnbench.health.account import account_of
from churnbench.health.account_parts import Account
from churnbench.health.book import Book
from churnbench.health.result import Chart, Column, Note, Number, Report, Section, Table, known, scalar

#: Dimensions that describe what the customer does with the product; the others are about the relation and stay inside.
SHOWN = (
    "usage",
    "adoption",
    "engagement",
    "value",
    "outcomes",
    "business_outcomes",
    "business_value",
    "product_adoption",
    "growth",
)
WORDS = {"green": "On track", "yellow": "Some things need attention", "red": "We should talk"}
#: A change of a dimension's points below this is called steady.
_STEADY = 5.0
_PAST = 6


def customer_report(
    book: Book, account_id: str, *, dimensions: Sequence[str] | None = None, moved: pd.DataFrame | None = None
) -> Report:
    """What may be shown to the customer: no score, no probability, no money, no name of a config.

    Args:
        book: the book.
        account_id: an active account.
        dimensions: ids whose progress is shown; default: those of the config that are among `SHOWN`.
        moved: `movement(book)`, when many accounts are reported on.

    Returns:
        The report; its `about` holds the date alone.

    Raises:
        InputError: no such active account.
    """
    account = account_of(book, account_id, moved)
    light = light_of(book, str(account.row["band"]))
    known_score = known(account.row["health_score"]) is not None
    names = [name for name in book.dimensions if name in (SHOWN if dimensions is None else dimensions)]
    rows = [
        {"area": book.dimensions[name], "progress": _progress(known(account.row[f"{name}_quarter"]))} for name in names
    ]
    rows = [row for row in rows if row["progress"]]
    past = _past_lights(account)
    sections = [
        Section(
            "lights",
            "Where we stand",
            "",
            [
                Chart(
                    "lights",
                    "The last quarters",
                    "lights",
                    {"lights": past},
                    "One light a quarter, the newest at the right.",
                )
            ],
        ),
        Section(
            "progress",
            "Progress since last quarter",
            "",
            [
                Table(
                    "progress",
                    "Progress",
                    [Column("area", "Area"), Column("progress", "Since last quarter")],
                    rows,
                    "Compared with a quarter ago.",
                    empty="no earlier quarter to compare with",
                ),
            ],
        ),
    ]
    if not known_score:
        sections = [Section("lights", "Where we stand", "", [Note("There is not enough information yet for a light.")])]
    return Report(
        kind="customer",
        subject=account_id,
        headline=WORDS[light] + "." if known_score else "Not enough information yet.",
        reason="",
        facts=[Number("light", "Today", light, "band", "")] if known_score else [],
        sections=sections,
        about={"as_of": scalar(book.as_of)},
    )


def light_of(book: Book, band: str) -> Role:
    """The light of a band; yellow for one that the config does not know."""
    return book.roles.get(band, "yellow")


def _progress(change: float | None) -> str:
    if change is None:
        return ""
    if abs(change) < _STEADY:
        return "steady"
    return "ahead" if change > 0 else "behind"


def _past_lights(account: Account) -> list[list[Any]]:
    """A light per quarter, oldest first, this one last."""
    book, readings = account.book, account.readings
    found: list[list[Any]] = []
    for place in range(_PAST):
        day = book.as_of - pd.Timedelta(days=91 * place)
        distance = (readings["as_of"] - day).abs()
        near = readings[distance <= pd.Timedelta(days=20)]
        if near.empty:
            break
        row = near.iloc[int(distance.loc[near.index].to_numpy().argmin())]
        if known(row["health_score"]) is not None:
            found.append([f"{row['as_of']:%b %Y}", light_of(book, str(row["band"]))])
    return found[::-1]
