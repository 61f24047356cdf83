"""One writer at a time: a lock file that the system frees when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from churnbench.domain.errors import InputError

_PAUSE = 0.05


@contextmanager
def held_file(
    path: Path,
    *,
    work: str,
    option: str,
    fix: str,
    patience: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold a lock file while the block runs.

    Args:
        path: the lock file; made when absent, never removed (removing it would let two holders in).
        work: what another holder does, for the message, e.g. "another append".
        option: the option that named the folder, for the message.
        fix: what to do when another holder keeps it.
        patience: seconds to wait for another holder.
        clock: seconds, rising.
        sleep: waits that many seconds.

    Raises:
        InputError: when another process still holds it; its process number is named.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"the folder cannot be written: {error.strerror}.", file=str(path.parent), fix=f"Check {option}."
        ) from None
    try:
        deadline = clock() + patience
        while not _taken(handle):
            if clock() >= deadline:
                holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise InputError(
                    f"{work} (process {holder}) is at work here; waited {patience:g} s.",
                    file=str(path.parent),
                    fix=fix,
                )
            sleep(_PAUSE)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
