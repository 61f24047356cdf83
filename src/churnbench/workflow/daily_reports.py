"""The reports of a day: about the book, and about the accounts with most at stake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from churnbench.health import Book, playbook_actions
from churnbench.playbooks import Record
from churnbench.workflow.health_reports import make_report, write_report

#: Accounts with most at stake that get a report of their own, with the actions of their playbooks.
ACCOUNT_REPORTS = 10


def write_reports(book: Book, out: Path, kinds: Iterable[str], alerts: Sequence[Record]) -> dict[str, Path]:
    """Write reports about the book, and one about each account with most at stake; kind -> file."""
    folder = out / "reports"
    folder.mkdir(exist_ok=True)
    files = {kind: write_report(make_report(book, kind), folder / f"{kind}.html") for kind in kinds}
    active_accounts = set(book.current["account_id"])
    worst: dict[str, list[Record]] = {}
    for record in alerts:  # signals before the calendar, the most at stake first
        if record["account_id"] in active_accounts:
            worst.setdefault(record["account_id"], []).append(record)
    for number, (account, raised) in enumerate(list(worst.items())[:ACCOUNT_REPORTS], start=1):
        report = make_report(book, "account", account=account, actions=playbook_actions(raised))
        # Numbered and not named: an account's id may be anything.
        files[f"account {account}"] = write_report(report, folder / f"account-{number:02d}.html")
    return files
