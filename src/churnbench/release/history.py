"""The record of decisions beside the releases: JSON Lines, only ever appended to, on disk before anything acts on it.

A release is two lines: the decision (`promote` or `rollback`) before the pointer moves, `activated` after it. A process
that dies in between leaves a decision without an end; the next one ends it as `activated` or `abandoned`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError

NAME = "history.jsonl"
DECISIONS = ("promote", "rollback")
ENDS = ("activated", "abandoned")

Entry = dict[str, Any]


def append(folder: Path, entry: Entry) -> None:
    """Append one line and wait until it is on disk."""
    line = json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def entries(folder: Path) -> list[Entry]:
    """Every whole line, oldest first; empty without a history. A last line cut short by a crash is left out.

    Raises:
        InputError: for a damaged line before the last.
    """
    try:
        lines = (folder / NAME).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last line break was never finished
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise InputError(
                "the line is damaged; the history is only ever appended to.",
                file=str(folder / NAME),
                row=number,
                fix="Restore the file from its last good copy.",
            )
        found.append(entry)
    return found


def decisions(folder: Path) -> list[Entry]:
    """Promotions and rollbacks, oldest first, each with `state`: "activated", "abandoned" or "open"."""
    everything = entries(folder)
    ends = {entry["sequence"]: entry["event"] for entry in everything if entry["event"] in ENDS}
    return [
        {**entry, "state": ends.get(entry["sequence"], "open")} for entry in everything if entry["event"] in DECISIONS
    ]


def cut_torn_line(folder: Path) -> bool:
    """Remove a last line without its line break, which no reader ever counted; whether there was one."""
    path = folder / NAME
    data = path.read_bytes() if path.exists() else b""
    whole = data.rfind(b"\n") + 1
    if whole == len(data):
        return False
    os.truncate(path, whole)
    return True
