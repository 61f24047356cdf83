"""Chapter of the account report on what to do next: actions of playbooks, the 30-day goal, the renewal clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from churnbench.health.account_parts import Account
from churnbench.health.actions import ranked_actions, renewal_clock
from churnbench.health.result import Absent, Column, Facts, Number, Section, Table, known
from churnbench.health.statistics import LEAST_ACCOUNTS, bounds, quantile_of

_RATES = (
    "ARR x churn probability x save rate - cost. Save rates are declared in the project file or given with the action: "
    "no uplift is claimed without randomised data."
)


def next_section(account: Account, actions: Sequence[Mapping[str, Any]], not_evaluated: Sequence[str] = ()) -> Section:
    """What to do next.

    Args:
        account: the account.
        actions: see `churnbench.health.account_report`.
        not_evaluated: triggers that could not be looked at, which is said.
    """
    row, book = account.row, account.book
    ranked = ranked_actions(
        actions, arr=known(row["arr"]), probability=known(row["probability"]), settings=book.settings
    )
    columns = [
        Column("action", "Action"),
        Column("owner", "Owner"),
        Column("due", "Due", "date"),
        Column("success", "Success is"),
        Column("expected_value", "Expected ARR saved minus cost", "money"),
        Column("basis", "Save rate and cost"),
        Column("source", "From"),
    ]
    unseen = f" Triggers not evaluated for want of their data: {', '.join(not_evaluated)}." if not_evaluated else ""
    table = Table(
        "actions", "Recommended actions", columns, ranked, _RATES + unseen, empty="no playbook asks for anything"
    )
    due = sorted(str(action["due"]) for action in ranked if action["due"])
    finding = f"{len(ranked)} actions" + (f"; the first is due {due[0]}." if due else ".")
    return Section("next", "What to do next", finding, [table, _goal(account), _clock(account)])


def _clock(account: Account) -> Table | Absent:
    row, book = account.row, account.book
    clock = renewal_clock(
        row["renewal_on"], book.as_of, book.declared, csm=_text(row["csm"]), segment=_text(row["segment"])
    )
    if clock:
        named = [Column("days_before", "Days before", "days"), Column("date", "Date", "date"), Column("step", "Step")]
        named += [Column("owner", "Owner"), Column("state", "State")]
        title = f"Renewal clock, to {row['renewal_on']:%Y-%m-%d}"
        return Table("renewal", title, named, clock, "renewal_on; steps are the renewal triggers and their playbooks.")
    if pd.notna(row["renewal_on"]) and row["renewal_on"] >= book.as_of:
        why, fix = "no trigger of kind renewal is in use", "Set [playbooks] use to default, or add one."
    else:
        why, fix = "no coming renewal date is known", "Give renewal_on in the snapshots or the accounts table."
    return Absent("renewal", "Renewal clock", why, fix)


def _goal(account: Account) -> Facts | Absent:
    """What accounts that began the last month in this band have reached since, and where most points are missing."""
    row, book, moved = account.row, account.book, account.moved
    score = known(row["health_score"])
    inside = moved.loc[moved["band_month"] == row["band"], "change_month"].drop(row["account_id"], errors="ignore")
    rise = quantile_of(inside, 0.75)
    if score is None or rise.value is None:
        few = f"only {len(inside)} other accounts began the last month in {row['band']}, {LEAST_ACCOUNTS} are needed"
        why = "the account has no score" if score is None else few
        return Absent("goal", "30-day goal", why, "A goal is what others have reached; give older snapshots.")
    low, high = bounds(rise) or (rise.value, rise.value)
    reach = [min(score + max(value, 0.0), 100.0) for value in (rise.value, low, high)]
    band = [name for name, start in book.bands if reach[0] + 1e-9 >= start][-1]
    how = (
        f"Today's score and what a quarter of the accounts that began the last month in {row['band']} gained or "
        f"exceeded in it: {rise.value:+.1f} points ({len(inside)} accounts that stayed); a fall counts as holding."
    )
    day = book.as_of + pd.Timedelta(days=30)
    numbers = [
        Number("goal_score", f"Score by {day:%Y-%m-%d}", reach[0], "points", how, (reach[1], reach[2])),
        Number("goal_band", "Band then", band, "band", how),
    ]
    return Facts("goal", "30-day goal", [*numbers, *_farthest(account)])


def _farthest(account: Account) -> list[Number]:
    """The two metrics farthest below their peers' median points; none without enough peers."""
    lift = account.gaps.sort_values(ascending=False)[:2]
    labels = {metric.id: metric for metric in account.book.metrics}
    found = []
    for name, points in lift[lift >= 0.05].items():
        metric = labels[str(name)]
        median = known(pd.to_numeric(account.peers.rows[metric.input], errors="coerce").median())
        how = f"Where most points are missing; not what can be reached in 30 days. {account.peers.how} {metric.unit}"
        found.append(
            Number(
                f"goal_{metric.id}",
                f"Begin with {metric.label}: peers' median",
                median,
                "value",
                how.strip(),
                note=f"+{points:.1f} points",
            )
        )
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
