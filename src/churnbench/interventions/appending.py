"""Adds rows to a log of interventions. No row ever changes: an outcome is a row that refers to an earlier one."""

from __future__ import annotations

import csv
import fcntl
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import pandas as pd

from churnbench.data.csv_head import read_head
from churnbench.data.project import Project
from churnbench.data.sections import Location
from churnbench.domain.errors import InputError
from churnbench.export.files import replaced_whole
from churnbench.interventions.log import COLUMNS, DEFAULT_LOG, InterventionLog, checked_log, entry_id, read_location
from churnbench.interventions.text import safe_cell


@dataclass(frozen=True)
class NewEntry:
    """A row to add.

    Attributes:
        account_id: the account.
        started_on: first day of the intervention, or the day of the coin for an account held out.
        kind: which playbook or action.
        known_on: day on which it is put on record.
        trigger: what asked for it.
        reading: what the trigger read, or NaN.
        propensity: probability of being treated, 0-1, or NaN when nobody knows it.
        randomised: whether a coin decided.
        treated: whether something was done; False for an account held out.
        outcome: what came of it, in words.
        note: anything else.
        author: who writes the row.
        refers_to: intervention_id of the entry that this is the outcome of, or "".
    """

    account_id: str
    started_on: date
    kind: str
    known_on: date
    trigger: str = ""
    reading: float = float("nan")
    propensity: float = float("nan")
    randomised: bool = False
    treated: bool = True
    outcome: str = ""
    note: str = ""
    author: str = ""
    refers_to: str = ""

    @property
    def intervention_id(self) -> str:
        """Id of the entry; an outcome has none of its own."""
        if self.refers_to:
            return ""
        return entry_id(self.account_id, pd.Timestamp(self.started_on), self.kind, self.trigger or None)


def log_path(project: Project) -> Path:
    """The file that rows are added to: the declared one, else interventions.csv beside the project file.

    Raises:
        InputError: when the log is a query or several files.
    """
    location = project.data.interventions
    if location is None:
        return project.root / DEFAULT_LOG
    if location.path is None or any(sign in location.path for sign in "*?["):
        raise InputError(
            "rows can be added to one file only; the declared log is a query or several files.",
            file=project.file,
            column="data.interventions",
            fix="Write to the source of the query, or name one .csv or .parquet file.",
        )
    return project.root / location.path


def append(project: Project, entries: Sequence[NewEntry], *, today: date) -> list[str]:
    """Add rows to a project's log, all or none.

    The file is replaced whole, under a lock beside it, so that nobody reads half a row and no writer loses another's.
    Existing rows keep their bytes unless a column has to be added; then they keep their cells.

    Args:
        project: names the log.
        entries: at least one row.
        today: nothing that starts later can have been done.

    Returns:
        intervention_id per entry (of the entry referred to, for an outcome).

    Raises:
        InputError: a date to come, an id that refers to nothing, an entry twice, a coin without its propensity, a
            file that cannot be used.
    """
    path = log_path(project)
    for entry in entries:
        _check(entry, today)
    own = [entry.intervention_id for entry in entries if not entry.refers_to]
    if len(set(own)) < len(own):
        raise InputError("the same intervention is to be added twice.", column="account_id", fix="Leave one out.")
    with _locked(path):
        before = _present(project, path)
        with replaced_whole(path) as temporary:
            rows = [_cells(entry, before) for entry in entries]
            if path.suffix.lower() in (".parquet", ".pq"):
                _write_parquet(path, temporary, rows)
            else:
                temporary.write_bytes(_csv_bytes(path, rows))
    return [entry.refers_to or entry.intervention_id for entry in entries]


def is_logged(project: Project, entry: NewEntry) -> bool:
    """Whether a project's log holds this intervention already: same account, day, kind and trigger."""
    before = _present(project, log_path(project))
    return before is not None and bool((before.entries["intervention_id"] == entry.intervention_id).any())


def _present(project: Project, path: Path) -> InterventionLog | None:
    if not path.is_file():
        return None
    return read_location(
        project, Location(path=str(path.relative_to(project.root) if path.is_relative_to(project.root) else path))
    )


def _check(entry: NewEntry, today: date) -> None:
    if not entry.account_id.strip():
        raise InputError("an intervention needs an account.", column="account_id", fix="Name it with --account.")
    if not entry.kind.strip():
        raise InputError("an intervention needs a kind.", column="kind", fix="Name the playbook with --kind.")
    if entry.started_on > today:
        raise InputError(
            f"{entry.started_on} is in the future; an intervention is logged once it has begun.",
            column="started_on",
            fix="Log it on the day, or correct the date.",
        )
    if entry.started_on < date(1970, 1, 1):
        raise InputError(f"{entry.started_on} is not a date after 1970.", column="started_on", fix="Correct it.")
    for field in fields(entry):
        value = getattr(entry, field.name)
        if isinstance(value, str) and any(ord(letter) < 32 and letter != "\n" for letter in value):
            raise InputError("the text holds a control character.", column=field.name, fix="Leave it out.")


def _cells(entry: NewEntry, before: InterventionLog | None) -> dict[str, object]:
    """A row as typed cells, checked against what stands in the log.

    The whole is checked again row by row by `checked_log` on reading; here only what depends on the new row.
    """
    row: dict[str, object] = {
        "account_id": entry.account_id.strip(),
        "started_on": pd.Timestamp(entry.started_on),
        "known_on": pd.Timestamp(entry.known_on),
        "kind": entry.kind.strip(),
        "trigger": entry.trigger.strip() or None,
        "reading": entry.reading,
        "propensity": entry.propensity,
        "randomised": float(entry.randomised),
        "treated": float(entry.treated),
        "outcome": entry.outcome.strip() or None,
        "note": entry.note.strip() or None,
        "author": entry.author.strip() or None,
        "intervention_id": entry.intervention_id or None,
        "refers_to": entry.refers_to or None,
    }
    known = (
        {}
        if before is None
        else dict(zip(before.entries["intervention_id"], before.entries["account_id"], strict=True))
    )
    if entry.refers_to:
        if known.get(entry.refers_to) != row["account_id"]:
            raise InputError(
                f"'{entry.refers_to}' is not the id of an intervention of account '{row['account_id']}'.",
                column="refers_to",
                fix="Give the id that `churnbench interventions log` printed for it.",
            )
        return row
    if entry.intervention_id in known:
        raise InputError(
            f"account '{row['account_id']}' has this {row['kind']} of {entry.started_on} in the log already.",
            column="account_id",
            fix=f"To add its outcome, pass --refers-to {entry.intervention_id}.",
        )
    checked_log(pd.DataFrame([row]), file="the new row")
    return row


def _csv_bytes(path: Path, rows: Sequence[Mapping[str, object]]) -> bytes:
    """The old file and the new rows."""
    if not path.is_file():
        return _lines(",", [list(COLUMNS)]) + _lines(",", [_texts(row, list(COLUMNS)) for row in rows])
    if path.name.lower().endswith(".gz"):
        raise InputError("rows cannot be added to a compressed log.", file=path.name, fix="Unpack it.")
    head = read_head(path, path.name)
    old = path.read_bytes()
    absent = [name for name in COLUMNS if name not in head.columns and any(_text(row[name]) for row in rows)]
    columns = [*head.columns, *absent]
    if absent:
        old = _widened(old, head.delimiter, absent)
    gap = b"" if old.endswith(b"\n") else b"\n"
    return old + gap + _lines(head.delimiter, [_texts(row, columns) for row in rows])


def _widened(old: bytes, delimiter: str, absent: Sequence[str]) -> bytes:
    """The old rows with further columns, empty but for their names; no other cell changes."""
    mark = b"\xef\xbb\xbf" if old.startswith(b"\xef\xbb\xbf") else b""
    records = [
        cells for cells in csv.reader(io.StringIO(old.decode("utf-8-sig"), newline=""), delimiter=delimiter) if cells
    ]
    wide = [cells + (list(absent) if place == 0 else [""] * len(absent)) for place, cells in enumerate(records)]
    return mark + _lines(delimiter, wide)


def _lines(delimiter: str, records: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(records)
    return text.getvalue().encode()


def _texts(row: Mapping[str, object], columns: Sequence[str]) -> list[str]:
    return [_text(row.get(name)) for name in columns]


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:.10g}"
    return safe_cell(str(value))


def _write_parquet(path: Path, temporary: Path, rows: Sequence[Mapping[str, object]]) -> None:
    added = pd.DataFrame(list(rows), columns=list(COLUMNS))
    if path.is_file():
        old = pd.read_parquet(path)
        used = [name for name in COLUMNS if name in old.columns or added[name].notna().any()]
        columns = [*old.columns, *(name for name in used if name not in old.columns)]
        joined = {name: [*_column(old, name), *_column(added, name)] for name in columns}
        added = pd.DataFrame(joined, columns=columns)
    for name, kind in COLUMNS.items():
        if name not in added:
            continue
        if kind == "day":
            added[name] = pd.to_datetime(added[name])
        elif kind in ("number", "boolean"):
            added[name] = added[name].astype(float)
        else:
            added[name] = added[name].astype(object).where(added[name].notna(), None)
    added.to_parquet(temporary, index=False)


def _column(frame: pd.DataFrame, name: str) -> list[object]:
    return list(frame[name]) if name in frame else [None] * len(frame)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the log while it is read and replaced; the system frees the lock when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
