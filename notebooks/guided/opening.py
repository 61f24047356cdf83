"""Opening the project and the run that a notebook looks at; a demo takes their place where none is named."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import churnbench as cb
from churnbench.data.project import load_project
from churnbench.data.simulate_demo import demo_project
from churnbench.workflow import FinishedRun, OpenProject, run_review


def project_at(folder: str | Path | None) -> OpenProject:
    """The project in a folder; None makes the demo project (2,000 simulated accounts) in a scratch folder."""
    if folder is None:
        folder = scratch() / "demo"
        demo_project(folder)
    return cb.open_project(folder)


def run_of(folder: str | Path | None, project: OpenProject, seed: int) -> FinishedRun:
    """The finished run in a folder; None runs the project first, which takes half a minute on the demo."""
    if folder is None:
        folder = scratch() / "run"
        run_review(load_project(project.project.root / project.project.file), folder, seed=seed)
    return cb.open_run(folder)


def scratch() -> Path:
    """A new folder that nobody else looks at; gone with the kernel."""
    folder = Path(tempfile.mkdtemp(prefix="churnbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
