"""Open alerts of a book, by account: what its triggers say on the date of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnbench.health.book import Book
from churnbench.playbooks import Record, evaluate, records_of


@dataclass(frozen=True)
class OpenAlerts:
    """Open alerts.

    Attributes:
        by_account: account_id -> its alerts with their tasks, signals before what the calendar asks for.
        not_evaluated: ids of triggers that the history does not allow, for lack of a metric or of readings.
    """

    by_account: Mapping[str, Sequence[Record]]
    not_evaluated: tuple[str, ...]

    def of(self, account_id: str) -> Sequence[Record]:
        """Alerts of one account; none is an empty list."""
        return self.by_account.get(account_id, [])


def open_alerts(book: Book) -> OpenAlerts:
    """Evaluate the declared triggers on the book's history.

    Nobody remembers here when an alert was first raised, as `daily` does: deadlines count from the date of the report.
    """
    made = evaluate(book.history, book.declared, as_of=book.as_of, bands=[name for name, _ in book.bands])
    scheduled = {trigger.id for trigger in book.declared.triggers if trigger.scheduled}
    found: dict[str, list[Record]] = {}
    records = records_of(made.alerts, book.declared, book.as_of)
    for record in sorted(records, key=lambda one: one["trigger"] in scheduled):
        found.setdefault(str(record["account_id"]), []).append(record)
    return OpenAlerts(found, tuple(one.trigger for one in made.not_evaluated))
