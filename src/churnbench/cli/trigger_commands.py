"""What the verbs of triggers do; `trigger_verbs` only parses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.cli.dates import typed_date
from churnbench.cli.terminal import give, say
from churnbench.cli.trigger_tables import backtest_text, evaluation_text, list_text
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import read_document
from churnbench.export.files import replaced_whole
from churnbench.playbooks import AlertBook, Patience, Record, Update, deliver, records_of, write_alerts
from churnbench.playbooks.files import form_of
from churnbench.playbooks.secrets import checked_headers, checked_url, shown_url
from churnbench.workflow.alerting import Watched, declared_of, watch

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


def evaluate_triggers(path: Path, config: Path, *, as_of: str | None, state: Path | None, target: str | None) -> None:
    """Evaluate, bring the book up to date, deliver, and say so."""
    day = _stamp(typed_date(as_of, "--as-of"))
    to_web = target is not None and _is_url(target)
    if to_web and state is None:
        raise InputError(
            "alerts are sent only with a memory of what was sent.", column="--deliver", fix="Add --state DIR."
        )
    project = load_project(path)
    # What cannot be delivered to is refused before anything is evaluated or remembered.
    if target is not None and not to_web:
        form_of(Path(target))
    if to_web:
        checked_url(str(target))
        checked_headers(project.playbooks.webhook.headers)
    watched = watch(project, read_document(config))
    made = watched.evaluate(day)
    if state is None:
        every = tuple(records_of(made.alerts, watched.declared))
        update = Update(opened=every, continuing=(), held=(), resting=(), over=())
    else:
        update = AlertBook(state).update(made, watched.declared)
    sent = None if target is None else _deliver(update.open_records, target, state, watched)
    facts = _facts(update) | {"as_of": f"{made.as_of:%Y-%m-%d}", "not_evaluated": [vars(n) for n in made.not_evaluated]}
    if sent is not None:
        facts["delivered"] = sent
    say(evaluation_text(made, update, sent, remembered=state is not None), **facts)
    if sent is not None and sent.get("failed"):
        raise InputError(
            f"{len(sent['failed'])} alerts did not reach {sent['to']} ({next(iter(sent['failed'].values()))}).",
            column="--deliver",
            fix="Call again when the other side answers; what it has taken is not sent again.",
        )


def _facts(update: Update) -> dict[str, Any]:
    return {
        "opened": list(update.opened),
        "continuing": [record["alert_id"] for record in update.continuing],
        "held": [record["alert_id"] for record in update.held],
        "resting": [record["alert_id"] for record in update.resting],
        "over": [record["alert_id"] for record in update.over],
    }


def _is_url(target: str) -> bool:
    return "://" in target or target.startswith("${")


def _deliver(records: list[Record], target: str, state: Path | None, watched: Watched) -> dict[str, Any]:
    """To a file all open alerts, to an address those that it has not acknowledged yet."""
    if not _is_url(target):
        return {"to": str(write_alerts(records, Path(target))), "alerts": len(records)}
    assert state is not None  # noqa: S101 - the caller has refused an address without a memory
    webhook = watched.declared.settings.webhook
    patience = Patience(attempts=webhook.attempts, timeout=webhook.timeout_seconds)
    done = deliver(records, target, state, headers=webhook.headers, patience=patience)
    return {
        "to": shown_url(target),
        "acknowledged": len(done.acknowledged),
        "already": len(done.already),
        "refused": done.refused,
        "failed": done.failed,
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


def close_alert(alert: str, state: Path, *, outcome: str, by: str, note: str, on: str | None) -> None:
    """Close one alert."""
    day = typed_date(on, "--on")
    entry = AlertBook(state).close(
        alert, outcome, on=datetime.now(UTC).date() if day is None else day, by=by, note=note
    )
    record = entry.record
    text = f"Closed {alert}: {record['label']}, account {record['account_id']} ({outcome})"
    say(_printable(text), alert_id=alert, outcome=outcome, on=entry.on)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _stamp(day: date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)
