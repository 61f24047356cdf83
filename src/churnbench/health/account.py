"""The account report: where one account stands, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.health.account_events import history_section
from churnbench.health.account_parts import (
    Account,
    churn_section,
    dimensions_section,
    expansion_section,
    flags_section,
)
from churnbench.health.account_reasons import reasons_section
from churnbench.health.account_steps import next_section
from churnbench.health.actions import playbook_actions
from churnbench.health.alerts import OpenAlerts, open_alerts
from churnbench.health.book import Book
from churnbench.health.movement import movement
from churnbench.health.peers import peers_of
from churnbench.health.result import Number, Report, known, scalar
from churnbench.history import reading_of_movement

Actions = Sequence[Mapping[str, Any]]


def account_report(
    book: Book,
    account_id: str,
    *,
    actions: Actions | None = None,
    moved: pd.DataFrame | None = None,
    alerts: OpenAlerts | None = None,
) -> Report:
    """Everything about one account.

    Args:
        book: the book, of all accounts: peers come from it.
        account_id: an active account.
        actions: what to do, each `{action, owner, due, cost, save_rate, success, source}` (all but action optional);
            default: the tasks of its open alerts, from their playbooks.
        moved: `movement(book)`, when many accounts are reported on.
        alerts: `open_alerts(book)`, likewise.

    Returns:
        The report.

    Raises:
        InputError: no such active account.
    """
    account = account_of(book, account_id, moved)
    todo, unseen = actions, tuple[str, ...]()
    if todo is None:
        raised = open_alerts(book) if alerts is None else alerts
        todo, unseen = playbook_actions(raised.of(account_id)), raised.not_evaluated
    sections = [
        history_section(account),
        reasons_section(account),
        dimensions_section(account),
        flags_section(account),
        churn_section(account),
        next_section(account, todo, unseen),
        expansion_section(account),
    ]
    return Report(
        kind="account",
        subject=account_id,
        headline=_headline(account),
        reason=_reason(account),
        facts=_facts(account),
        sections=sections,
        about=book.about(),
        caveats=_caveats(account),
    )


def account_of(book: Book, account_id: str, moved: pd.DataFrame | None = None) -> Account:
    """One active account with everything that the chapters need.

    Raises:
        InputError: no such account, or it has left or has no recent reading.
    """
    moved = movement(book) if moved is None else moved
    if account_id not in moved.index:
        seen = account_id in set(book.history["account_id"])
        raise InputError(
            f"account {account_id!r} {'has left, or has no recent reading' if seen else 'is unknown'}.",
            column="account_id",
            fix=f"Active on {book.as_of:%Y-%m-%d}: {', '.join(map(str, moved.index[:5]))}, ...",
        )
    row: dict[str, Any] = {
        "account_id": account_id,
        **dict(zip(moved.columns, *moved.loc[[account_id]].to_numpy(dtype=object), strict=True)),
    }
    gained, lost = book.points
    mine, missed = (points.loc[[account_id]].iloc[0] for points in (gained, lost))
    return Account(book, row, peers_of(book, row), mine, missed, moved)


def worst_account(book: Book) -> str:
    """The account at risk with the largest expected loss: ARR x P(churn), ARR alone without a probability.

    Raises:
        InputError: no account has a score.
    """
    scored = book.current[book.current["health_score"].notna()]
    if scored.empty:
        raise InputError("no active account has a score.", fix="See churnbench check for what is missing.")
    at_risk = scored[book.at_risk(scored)]
    rows = at_risk if len(at_risk) else scored[scored["health_score"] == scored["health_score"].min()]
    p = rows["probability"].fillna(1.0 - rows["health_score"] / 100)
    worth = rows["arr"].fillna(0.0) * p
    order = np.lexsort((rows["account_id"].to_numpy(dtype=str), rows["health_score"].to_numpy(), -worth.to_numpy()))
    return str(rows["account_id"].iloc[order[0]])


def _headline(account: Account) -> str:
    row = account.row
    score = known(row["health_score"])
    if score is None:
        return f"No score: only {row['coverage_bp'] / 100:.0f} % of the formula's weight is known."
    change = known(row["change_month"])
    moves = f", {row['moves']}" if change is not None else ""
    return f"Health score {score:.1f}, {row['band']}{moves}."


def _reason(account: Account) -> str:
    row, parts = account.row, []
    change = known(row["change_month"])
    if change is not None:
        parts.append(f"{change:+.1f} points since {row['month_on']:%Y-%m-%d}".replace("-", "−", 1 if change < 0 else 0))
        parts.append(_reading_of(str(row["band"]), str(row["moves"]), account.book))
    days = known(row["days_to_renewal"])
    if days is not None and days >= 0:
        parts.append(f"renews in {days:.0f} days")
    said = "; ".join(part for part in parts if part)
    return f"{said[0].upper()}{said[1:]}." if said else "No earlier reading to compare with."


def _reading_of(band: str, moves: str, book: Book) -> str:
    """What band and speed say together."""
    return reading_of_movement(band, moves.replace(" ", "-"), book.document) or ""


def _facts(account: Account) -> list[Number]:
    row, book = account.row, account.book
    found = [
        Number("health_score", "Health score", known(row["health_score"]), "points", "Newest reading, 0-100."),
        Number("band", "Band", str(row["band"]), "band", "As shown on the newest reading."),
        Number("change_month", "30-day change", known(row["change_month"]), "change", _compared(row, "month")),
        Number(
            "change_quarter",
            "Change since last quarter",
            known(row["change_quarter"]),
            "change",
            _compared(row, "quarter"),
        ),
        Number(
            "probability",
            f"Churn within {book.window.horizon_days} days",
            known(row["probability"]),
            "probability",
            f"Risk curve of the config at this score, days {book.window.gap_days} to "
            f"{book.window.gap_days + book.window.horizon_days} after {book.as_of:%Y-%m-%d}; interval of the curve.",
            ci90=account.interval,
        ),
        Number("arr", "ARR", known(row["arr"]), "money", "As known on the newest reading."),
        Number(
            "days_to_renewal", "Days to renewal", known(row["days_to_renewal"]), "days", "renewal_on minus the date."
        ),
        Number("coverage", "Weight known", row["coverage_bp"] / 10_000, "share", "Share of the weight with a value."),
    ]
    before = row["band_quarter"]
    if isinstance(before, str):
        found.insert(4, Number("band_quarter", "Band last quarter", before, "band", _compared(row, "quarter")))
    return found


def _compared(row: Mapping[str, Any], name: str) -> str:
    day = row[f"{name}_on"]
    return "No reading near that date." if pd.isna(day) else f"Against the reading of {day:%Y-%m-%d}."


def _caveats(account: Account) -> list[str]:
    return [
        *_overridden(account.row),
        "A churn probability describes accounts with this score under current care; it is no statement about one person"
        " or one conversation.",
        *account.book.notes[:3],
    ]


def _overridden(row: Mapping[str, Any]) -> list[str]:
    """Says who shows another band than the thresholds give, why and until when; [] where nobody does."""
    if scalar(row.get("override_id")) is None:
        return []
    until, author = scalar(row["override_until"]), row["override_author"]
    return [
        f"Overridden by {author} until {until}: {row['override_reason']}. By the thresholds alone the band is "
        f"{row['calculated_band']}."
    ]
