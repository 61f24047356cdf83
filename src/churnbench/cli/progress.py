"""Progress on stderr: stages with a bar, elapsed and remaining time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from churnbench.domain.progress import Progress, Silent


@contextmanager
def shown_progress(*, forced: bool) -> Iterator[Progress]:
    """Draw progress when stderr is a terminal or when asked; otherwise stay silent."""
    if not forced and not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
        console=Console(stderr=True),
        transient=False,
    )
    with bars:
        yield _Drawn(bars)


class _Drawn:
    """Each stage is one bar; a stage of unknown length shows that it is busy."""

    def __init__(self, bars: object) -> None:
        self._bars: object = bars
        self._task: int | None = None

    def stage(self, name: str, total: int | None = None) -> None:
        """Finish the bar before and begin another."""
        self._finish()
        self._task = self._bars.add_task(name, total=total, detail="")  # type: ignore[attr-defined]

    def step(self, detail: str = "") -> None:
        """Advance the bar."""
        if self._task is not None:
            self._bars.update(self._task, advance=1, detail=detail[:40])  # type: ignore[attr-defined]

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._task]  # type: ignore[attr-defined]
            done = task.total if task.total is not None else 1
            self._bars.update(self._task, total=done, completed=done, detail="")  # type: ignore[attr-defined]
