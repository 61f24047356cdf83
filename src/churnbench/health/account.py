"""The account report: where one account stands, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.health.account_parts import (
    Account,
    churn_section,
    dimensions_section,
    expansion_section,
    flags_section,
    history_section,
)
from churnbench.health.account_reasons import reasons_section
from churnbench.health.actions import default_actions, ranked_actions, renewal_clock
from churnbench.health.book import Book
from churnbench.health.meaning import displayed
from churnbench.health.movement import movement
from churnbench.health.peers import peers_of
from churnbench.health.result import Absent, Column, Facts, Number, Report, Section, Table, known

Actions = Sequence[Mapping[str, Any]]


def account_report(
    book: Book, account_id: str, *, actions: Actions | None = None, moved: pd.DataFrame | None = None
) -> Report:
    """Everything about one account.

    Args:
        book: the book, of all accounts: peers come from it.
        account_id: an active account.
        actions: what to do, each `{action, owner, due, cost, save_rate, source}` (all but action optional), e.g. from
            playbooks; default: a small table by band.
        moved: `movement(book)`, when many accounts are reported on.

    Returns:
        The report.

    Raises:
        InputError: no such active account.
    """
    account = account_of(book, account_id, moved)
    todo = actions if actions is not None else default_actions(str(account.row["band"]), book.bands, book.as_of)
    sections = [
        history_section(account),
        reasons_section(account),
        dimensions_section(account),
        flags_section(account),
        churn_section(account),
        _next_section(account, todo),
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
        caveats=_caveats(book),
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
    own = [points.loc[[account_id]].iloc[0] for points in (gained, lost)]
    return Account(book, row, peers_of(book, row), *own)


def worst_account(book: Book) -> str:
    """The account of the lowest band with the largest ARR at risk: ARR x P(churn), ARR alone without a probability.

    Raises:
        InputError: no account has a score.
    """
    scored = book.current[book.current["health_score"].notna()]
    if scored.empty:
        raise InputError("no active account has a score.", fix="See churnbench check for what is missing.")
    lowest = scored[scored["band"] == book.lowest]
    rows = lowest if len(lowest) else scored[scored["health_score"] == scored["health_score"].min()]
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
    return "; ".join(part for part in parts if part) + "." if parts else "No earlier reading to compare with."


def _reading_of(band: str, moves: str, book: Book) -> str:
    """What band and speed say together."""
    if band == book.lowest and moves == "improving fast":
        return "recovery possible"
    if band == book.highest and moves.startswith("declining"):
        return "an early warning"
    if band not in (book.lowest, book.highest) and moves == "declining fast":
        return "urgent"
    return ""


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


def _next_section(account: Account, actions: Actions) -> Section:
    row, book = account.row, account.book
    ranked = ranked_actions(
        actions, arr=known(row["arr"]), probability=known(row["probability"]), settings=book.settings
    )
    columns = [
        Column("action", "Action"),
        Column("owner", "Owner"),
        Column("due", "Due", "date"),
        Column("expected_value", "Expected ARR saved minus cost", "money"),
        Column("basis", "Save rate and cost"),
        Column("source", "From"),
    ]
    parts: list[Any] = [
        Table(
            "actions",
            "Recommended actions",
            columns,
            ranked,
            "ARR x churn probability x save rate - cost. Save rates are declared in the project file or the playbook: "
            "no uplift is claimed without randomised data.",
            empty="no playbook asks for anything",
        ),
        _goal(account),
    ]
    clock = renewal_clock(row["renewal_on"], book.as_of)
    if clock:
        named = [Column("days_before", "Days before", "days"), Column("date", "Date", "date"), Column("step", "Step")]
        named += [Column("owner", "Owner"), Column("state", "State")]
        parts.append(Table("renewal", f"Renewal clock, to {row['renewal_on']:%Y-%m-%d}", named, clock, "renewal_on."))
    else:
        parts.append(
            Absent(
                "renewal",
                "Renewal clock",
                "no coming renewal date is known",
                "Give renewal_on in the snapshots or the accounts table.",
            )
        )
    due = f"{len(ranked)} actions" + (f"; the first is due {ranked[0]['due']}" if ranked and ranked[0]["due"] else "")
    return Section("next", "What to do next", f"{due}.", parts)


def _goal(account: Account) -> Facts | Absent:
    """What is in reach within 30 days: the two weakest metrics at their peers' median."""
    row, book, peers = account.row, account.book, account.peers
    if not peers.enough or known(row["raw_score"]) is None:
        why = "the account has no score" if peers.enough else peers.why_not
        return Absent("goal", "30-day goal", why, "A goal is set by what peers reach; more accounts of the segment.")
    lift = account.gaps.sort_values(ascending=False)[:2]
    lift = lift[lift >= 0.05]
    if lift.empty:
        return Absent("goal", "30-day goal", "no metric lies below its peers' median", "Hold what has been reached.")
    reached = min(float(row["raw_score"]) + float(lift.sum()), 100.0)
    score = float(displayed(book.body, np.array([reached]))[0])
    band = [name for name, start in book.bands if score + 1e-9 >= start][-1]
    labels = {metric.id: metric for metric in book.metrics}
    how = "The two metrics farthest below their peers' median points, both raised to it; ramp and caps left alone."
    numbers = [
        Number("goal_score", f"Score in reach by {book.as_of + pd.Timedelta(days=30):%Y-%m-%d}", score, "points", how),
        Number("goal_band", "Band then", band, "band", how),
    ]
    for name, points in lift.items():
        metric = labels[str(name)]
        median = known(pd.to_numeric(peers.rows[metric.input], errors="coerce").median())
        numbers.append(
            Number(
                f"goal_{metric.id}",
                f"{metric.label} to the peers' median",
                median,
                "value",
                f"{peers.how} {metric.unit}".strip(),
                note=f"+{points:.1f} points",
            )
        )
    return Facts("goal", "30-day goal", numbers)


def _caveats(book: Book) -> list[str]:
    return [
        "A churn probability describes accounts with this score under current care; it is no statement about one person"
        " or one conversation.",
        *book.notes[:3],
    ]
