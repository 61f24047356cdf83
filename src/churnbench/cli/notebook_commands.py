"""What `churnbench notebooks` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from churnbench.cli import commands
from churnbench.cli.progress import shown_progress
from churnbench.workflow import open_run
from churnbench.workflow.headless import chosen, notebooks, require_papermill, run_notebooks


def run(
    project: Path,
    out: Path,
    *,
    finished: Path | None,
    previous: Path | None,
    only: tuple[str, ...],
    seed: int,
    show_progress: bool,
) -> None:
    """Run the notebooks, after a run of the project unless one is named.

    Args:
        project: project file or its folder.
        out: folder for notebooks and pages.
        finished: folder of a finished run; None makes one in `out/run`.
        previous: folder of the run that the last review decided on; None leaves its promises out.
        only: numbers or names of notebooks.
        seed: seed of everything random.
        show_progress: draw progress though stderr is no terminal.
    """
    require_papermill()
    chosen(notebooks(), only)  # a misspelt name should not cost a run
    before: dict[str, Any] = {} if previous is None else {"PREVIOUS": str(open_run(previous).folder.resolve())}
    if finished is None:
        finished = out / "run"
        commands.run(project, finished, seed=seed, show_progress=show_progress)
    with shown_progress(forced=show_progress) as progress:
        pages = run_notebooks(project, finished, out, seed=seed, only=only, progress=progress, **before)
    sys.stdout.write("".join(f"{page}\n" for page in pages))
