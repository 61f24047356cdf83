"""Alerts as a file: CSV for spreadsheets, JSON, JSON lines, or a task list in Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from churnbench.domain.errors import InputError
from churnbench.export.files import replaced_whole
from churnbench.export.tables import FORMULA_STARTS
from churnbench.playbooks.actions import Record, task_list
from churnbench.playbooks.evaluate import ALERT_COLUMNS

#: Columns of the CSV file, in this order; tasks follow as one cell of text.
CSV_COLUMNS = tuple("raised_on" if name == "reading" else name for name in ALERT_COLUMNS)


def write_alerts(records: Sequence[Record], path: Path) -> Path:
    """Write alerts into a file that appears whole.

    Args:
        records: from `records_of`.
        path: .csv, .json, .jsonl or .md; what lay there is replaced.

    Raises:
        InputError: for another ending.
    """
    text = form_of(path)(records)
    with replaced_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return path


def form_of(path: Path) -> Callable[[Sequence[Record]], str]:
    """What makes the text of a file of this ending.

    Raises:
        InputError: for another ending.
    """
    make = _FORMS.get(path.suffix.lower())
    if make is None:
        raise InputError(
            f"'{path.suffix or path.name}' is no form of alerts.",
            file=str(path),
            fix=f"Name a file that ends in {', '.join(_FORMS)}, or a URL.",
        )
    return make


def _as_csv(records: Sequence[Record]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*CSV_COLUMNS, "tasks"])
    for record in records:
        steps = "; ".join(f"{task['action']} ({task['owner']}, until {task['due']})" for task in record["tasks"])
        writer.writerow([_cell(record[name]) for name in CSV_COLUMNS] + [_cell(steps)])
    return stream.getvalue()


def _cell(value: object) -> object:
    """A cell that no spreadsheet runs; figures stay figures."""
    if isinstance(value, str) and value.lstrip(" ").startswith((*FORMULA_STARTS, "\n")):
        return "'" + value
    return "" if value is None else value


def _as_json(records: Sequence[Record]) -> str:
    return json.dumps({"schema": 1, "alerts": list(records)}, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _as_lines(records: Sequence[Record]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)


def _as_tasks(records: Sequence[Record]) -> str:
    return task_list(records) + "\n"


_FORMS: dict[str, Callable[[Sequence[Record]], str]] = {
    ".csv": _as_csv,
    ".json": _as_json,
    ".jsonl": _as_lines,
    ".md": _as_tasks,
}
