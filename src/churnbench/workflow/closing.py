"""Closing an alert, and carrying what was done over to the log of interventions in one step."""

from __future__ import annotations

from datetime import date

from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.interventions import NewEntry, append, is_logged
from churnbench.playbooks import AlertBook

#: Outcomes of an alert that say that something was done for the account, whether or not it helped.
DONE = ("done", "no-answer", "other")


def close_and_log(
    book: AlertBook,
    alert: str,
    outcome: str,
    project: Project,
    *,
    on: date,
    started: date | None = None,
    by: str,
    note: str = "",
    today: date,
) -> str:
    """Log the intervention that an alert led to, then close the alert.

    The log comes first, and an entry that is there already is not added again: a command that was cut short between
    the two can be given again.

    Args:
        book: holds the alert.
        alert: its id.
        outcome: one of `DONE`.
        project: whose log it is.
        on: day of the closing.
        started: first day of what was done; `on` when None.
        by: who did it.
        note: what was done, in a sentence.
        today: day on which it is put on record.

    Returns:
        intervention_id of the entry: kind is the playbook, trigger and reading are those of the alert.

    Raises:
        InputError: an outcome that says that nothing was done, an alert that cannot be closed, a log that cannot be
            written to.
    """
    record = book.closable(alert, outcome).record
    if outcome not in DONE:
        raise InputError(
            f"an alert closed as '{outcome}' led to nothing that could be logged as an intervention.",
            column="--log",
            fix=f"Leave --log out, or close it as {', '.join(DONE)}.",
        )
    entry = NewEntry(
        account_id=record["account_id"],
        started_on=on if started is None else started,
        kind=record["playbook"] or record["trigger"],
        known_on=today,
        trigger=record["trigger"],
        reading=float("nan") if record["reading"] is None else float(record["reading"]),
        outcome="" if outcome == "done" else outcome,
        note=note,
        author=by,
    )
    if not is_logged(project, entry):
        append(project, [entry], today=today)
    book.close(alert, outcome, on=on, by=by, note=note)
    return entry.intervention_id
