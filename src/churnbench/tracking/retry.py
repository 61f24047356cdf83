"""Waiting for a database that another process is writing to."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

#: SQLite's busy states: "try again".
BUSY = re.compile(r"database( table| schema)? is locked")


def is_busy(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that the database is taken at the moment."""
    seen: BaseException | None = error
    while seen is not None:
        if BUSY.search(str(seen)):
            return True
        seen = seen.__cause__
    return False


def reason_of(error: BaseException) -> str:
    """First line of the innermost cause: what really went wrong, without the layers around it."""
    inner = error
    while inner.__cause__ is not None:
        inner = inner.__cause__
    lines = str(inner).strip().splitlines() or str(error).strip().splitlines()
    return lines[0].strip() if lines else type(inner).__name__


def with_retry(
    call: Callable[[], T],
    *,
    patience: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Run `call`; while the database is busy wait and run it again.

    MLflow rolls a refused transaction back, so a repeated call writes once.

    Args:
        call: the work.
        patience: seconds after which the busy error is raised after all.
        clock: seconds, rising.
        sleep: waits that many seconds.

    Returns:
        What `call` returns.

    Raises:
        Exception: whatever `call` raises that is not a busy database, or the busy error after `patience`.
    """
    deadline = clock() + patience
    pause = 0.02
    while True:
        try:
            return call()
        except Exception as error:
            if not is_busy(error) or clock() >= deadline:
                raise
        sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads waiting processes, no secret
        pause = min(pause * 2, 1.0)


class PatientClient:
    """An MLflow client whose every method waits for a busy database.

    The retry sits around single calls, each one transaction, so that nothing is ever written twice.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def patient(*values: Any, **options: Any) -> Any:
            return with_retry(lambda: method(*values, **options))

        return patient
