"""One release at a time; see `churnbench.export.file_lock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from churnbench.export.file_lock import held_file


def held(
    path: Path,
    *,
    patience: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> AbstractContextManager[None]:
    """Hold the lock file of a line of releases while the block runs.

    Args:
        path: the lock file.
        patience: seconds to wait for another holder.
        clock: seconds, rising.
        sleep: waits that many seconds.

    Raises:
        InputError: when another process still holds it; its process number is named.
    """
    return held_file(
        path,
        work="another promote or rollback",
        option="--models",
        fix="Wait for it and look at the history, then decide again.",
        patience=patience,
        clock=clock,
        sleep=sleep,
    )
