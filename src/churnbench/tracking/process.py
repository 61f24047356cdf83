"""Who runs this review, and whether that process is still alive."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: One tag, not four: people look at the list of tags.
TAG = "churnbench.process"
_SPACE, _PARTS = " ", 4


@dataclass(frozen=True)
class ProcessIdentity:
    """Enough to tell a process from a later one that got the same number.

    Attributes:
        pid: process number.
        host: name of the machine.
        boot: identifier of the machine's current boot, "" where the system has none.
        started: start time in clock ticks since boot, "" where the system does not say.
    """

    pid: int
    host: str
    boot: str
    started: str

    def as_tags(self) -> dict[str, str]:
        """Tags for a run."""
        host = self.host.replace(_SPACE, "_")
        return {TAG: _SPACE.join((str(self.pid), self.boot or "-", self.started or "-", host))}


def this_process() -> ProcessIdentity:
    """Identity of the running process."""
    pid = os.getpid()
    return ProcessIdentity(pid, platform.node(), _boot_id(), _start_time(pid))


def from_tags(tags: Mapping[str, str]) -> ProcessIdentity | None:
    """Identity written by `as_tags`, or None when the run was not made by this tool."""
    parts = tags.get(TAG, "").split(_SPACE)
    if len(parts) != _PARTS or not parts[0].isdigit():
        return None
    boot, started = ("" if part == "-" else part for part in parts[1:3])
    return ProcessIdentity(int(parts[0]), parts[3], boot, started)


def is_gone(other: ProcessIdentity) -> bool:
    """Whether `other` has certainly ended. Unknown counts as alive: a live run is never taken away."""
    if other.host.replace(_SPACE, "_") != platform.node().replace(_SPACE, "_"):
        return False
    boot = _boot_id()
    if other.boot and boot and other.boot != boot:
        return True
    if other.pid == os.getpid():
        return bool(other.started) and other.started != _start_time(other.pid)
    if not _exists(other.pid):
        return True
    return bool(other.started) and other.started != _start_time(other.pid)


def _exists(pid: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 would end the process on Windows
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _state(pid) != "Z"


def _stat_fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The command name may hold blanks and brackets; the fields are counted from its last bracket.
    return text.rpartition(")")[2].split()


def _state(pid: int) -> str:
    fields = _stat_fields(pid)
    return fields[0] if fields else ""


def _start_time(pid: int) -> str:
    fields = _stat_fields(pid)
    return fields[19] if len(fields) > 19 else ""


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
