"""From an alert to what is to be done: one task per action of its playbook."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from churnbench.domain.markdown import escaped
from churnbench.playbooks.declared import Declared
from churnbench.playbooks.people import owner_of, working_days_after

#: An alert as plain values, ready for JSON.
Record = dict[str, Any]


def records_of(alerts: pd.DataFrame, declared: Declared, start: pd.Timestamp | None = None) -> list[Record]:
    """Alerts with their tasks as plain values.

    Args:
        alerts: from `evaluate`.
        declared: playbooks and people.
        start: day from which working days are counted; the day of the first reading when None.

    Returns:
        One record per alert: its columns (dates as text, missing as None), `raised_on`, and `tasks`, each with action,
        owner, due and success.
    """
    table = alerts
    if start is not None and len(alerts):
        days = {trigger.id: trigger.due_days for trigger in declared.triggers}
        begin = pd.Series(start, index=alerts.index)
        table = alerts.assign(
            due=working_days_after([days[name] for name in alerts["trigger"]], begin, declared.settings)
        )
    records = [_plain(row) for row in table.to_dict("records")]
    for record in records:
        record["raised_on"] = record["first_seen"] if start is None else f"{start:%Y-%m-%d}"
    return _with_tasks(records, declared, start)


def _with_tasks(records: list[Record], declared: Declared, start: pd.Timestamp | None) -> list[Record]:
    """Due dates of all tasks in one go, since calendars are slow one by one."""
    steps = [
        (record, action)
        for record in records
        for action in (declared.playbooks[record["playbook"]].actions if record["playbook"] else ())
    ]
    for record in records:
        record["tasks"] = []
    if not steps:
        return records
    begin = pd.Series([record["first_seen"] if start is None else start for record, _ in steps])
    due = working_days_after([action.within_days for _, action in steps], pd.to_datetime(begin), declared.settings)
    for (record, action), day in zip(steps, due, strict=True):
        record["tasks"].append(
            {
                "action": action.action,
                "owner": owner_of(action.owner, record["csm"], declared.settings),
                "due": f"{day:%Y-%m-%d}",
                "success": action.success,
            }
        )
    return records


def task_list(records: Iterable[Mapping[str, Any]]) -> str:
    r"""Alerts as a task list in Markdown, one box per task.

    >>> record = {"label": "Usage | low", "account_id": "A1", "evidence": "usage score 30, below 40.", "owner": "Ada",
    ...           "due": "2026-02-02", "alert_id": "al-1",
    ...           "tasks": [{"action": "Call", "owner": "Ada", "due": "2026-02-02", "success": "An answer"}]}
    >>> print(task_list([record]))
    ### A1: Usage \| low
    usage score 30, below 40. Owner Ada, due 2026-02-02 (al-1)
    <BLANKLINE>
    - [ ] Call (Ada, until 2026-02-02). Success: An answer
    """
    parts = []
    for record in records:
        head = f"### {escaped(record['account_id'])}: {escaped(record['label'])}"
        owner = f"Owner {escaped(record['owner'])}, due {record['due']} ({record['alert_id']})"
        about = f"{escaped(record['evidence'])} {owner}"
        steps = [
            f"- [ ] {escaped(task['action'])} ({escaped(task['owner'])}, until {task['due']}). "
            f"Success: {escaped(task['success'])}"
            for task in record["tasks"]
        ]
        parts.append("\n".join([head, about, "", *steps]))
    return "\n\n".join(parts)


def _plain(row: Mapping[Any, Any]) -> Record:
    return {str(name): _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return None if not math.isfinite(value) else float(value)
    return value
