"""Append-only files of JSON lines: every line is written whole or, after a crash, recognised as torn."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError


class Journal:
    """One file of events, in the order in which they happened.

    Args:
        path: the file; made on the first append.

    Attributes:
        torn: lines of the last `read` that a crash left half-written; they count as not written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.torn = path, 0

    def read(self) -> list[dict[str, Any]]:
        """All events, oldest first; none when the file does not exist."""
        self.torn = 0
        if not self.path.exists():
            return []
        events = []
        for line in self.path.read_bytes().split(b"\n"):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict):
                events.append(event)
            else:
                self.torn += 1
        return events

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write events after those that are there, and wait until they are on the disk."""
        if not events:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n" for event in events)
        with self.path.open("ab") as stream:
            # A torn line gets its end first, else the next event would be lost with it.
            if stream.tell() and not self._ends_whole():
                stream.write(b"\n")
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder while the block runs; the system frees it when the process dies.

    Raises:
        InputError: when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                "another process is at work on these alerts.", file=str(folder), fix="Wait for it and try again."
            ) from None
        yield
    finally:
        os.close(handle)
