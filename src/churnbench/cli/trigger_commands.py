"""What the verbs of triggers do; `trigger_verbs` only parses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.cli.dates import typed_date
from churnbench.cli.interventions_commands import login_name
from churnbench.cli.terminal import give, say
from churnbench.cli.trigger_tables import backtest_text, evaluation_text, list_text
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import read_document
from churnbench.export.files import replaced_whole
from churnbench.interventions import log_path
from churnbench.playbooks import AlertBook, Update, records_of
from churnbench.workflow.alerting import declared_of, evaluate_stored, watch
from churnbench.workflow.closing import close_and_log
from churnbench.workflow.delivery import check_target, is_address, refuse_failed, send

#: Name of the file that a backtest leaves.
RESULT = "triggers.json"


def list_triggers(path: Path) -> None:
    """Print what is declared."""
    declared = declared_of(load_project(path))
    facts = {
        "triggers": [vars(trigger) for trigger in declared.triggers],
        "playbooks": [playbook.model_dump() for playbook in declared.playbooks.values()],
    }
    give(list_text(declared), **facts)


def evaluate_triggers(
    path: Path, config: Path, *, as_of: str | None, state: Path | None, target: str | None, store: str | None
) -> None:
    """Evaluate, bring the book up to date, deliver, and say so."""
    day = _stamp(typed_date(as_of, "--as-of"))
    if target is not None and is_address(target) and state is None:
        raise InputError(
            "alerts are sent only with a memory of what was sent.", column="--deliver", fix="Add --state DIR."
        )
    project = load_project(path)
    webhook = project.playbooks.webhook
    if target is not None:
        check_target(target, webhook)
    document, declared = read_document(config), declared_of(project)
    made = watch(project, document).evaluate(day) if store is None else evaluate_stored(project, document, store, day)
    if state is None:
        every = tuple(records_of(made.alerts, declared))
        update = Update(opened=every, continuing=(), held=(), resting=(), over=())
    else:
        update = AlertBook(state).update(made, declared)
    sent = None if target is None else send(update.open_records, target, state, webhook)
    facts = _facts(update) | {"as_of": f"{made.as_of:%Y-%m-%d}", "not_evaluated": [vars(n) for n in made.not_evaluated]}
    if sent is not None:
        facts["delivered"] = sent
    say(evaluation_text(made, update, sent, remembered=state is not None), **facts)
    refuse_failed(sent)


def _facts(update: Update) -> dict[str, Any]:
    return {
        "opened": list(update.opened),
        "continuing": [record["alert_id"] for record in update.continuing],
        "held": [record["alert_id"] for record in update.held],
        "resting": [record["alert_id"] for record in update.resting],
        "over": [record["alert_id"] for record in update.over],
    }


def backtest_triggers(path: Path, config: Path, out: Path, *, since: str | None, replicates: int, seed: int) -> None:
    """Judge every trigger, leave triggers.json and print the table."""
    first = _stamp(typed_date(since, "--since"))
    made = watch(load_project(path), read_document(config)).backtest(since=first, replicates=replicates, seed=seed)
    facts = made.as_json()
    target = out / RESULT
    with replaced_whole(target) as temporary:
        temporary.write_text(json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    say(f"{backtest_text(made)}\n\nAll figures: {target}", **facts)


def close_alert(
    alert: str,
    state: Path,
    *,
    outcome: str,
    by: str,
    note: str,
    on: str | None,
    log: Path | None,
    started: str | None,
) -> None:
    """Close one alert, and log what was done where a project is named."""
    today = _today()
    day, first = typed_date(on, "--on") or today, typed_date(started, "--started")
    if day > today:
        raise InputError(f"{day} is yet to come.", column="--on", fix="Close it on the day, or correct the date.")
    if first is not None and log is None:
        raise InputError("--started is for the log of interventions.", column="--started", fix="Add --log PROJECT.")
    book, told = AlertBook(state), ""
    facts: dict[str, Any] = {"alert_id": alert, "outcome": outcome, "on": f"{day}"}
    if log is None:
        entry = book.close(alert, outcome, on=day, by=by, note=note)
    else:
        opened = load_project(log)
        author = by or login_name("--by")
        name = close_and_log(
            book, alert, outcome, opened, on=day, started=first, by=author, note=note, today=today
        )  # fmt: skip
        entry = book.entries()[alert]
        facts["intervention_id"] = name
        told = f"\nLogged as intervention {name} in {log_path(opened)}."
    record = entry.record
    text = _printable(f"Closed {alert}: {record['label']}, account {record['account_id']} ({outcome})")
    say(text + told, **facts)


def _today() -> date:
    return datetime.now(UTC).date()


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _stamp(day: date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)
