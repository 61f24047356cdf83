"""Makes the shared helpers importable here; one finished review that many tests look at."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from churnbench.data.project import load_project
from churnbench.workflow import run_review
from churnbench.workflow.review import Review


@pytest.fixture(scope="session")
def dated_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of 400 accounts over 26 months: enough for walk-forward folds and a gated verdict."""
    from projects import world, write_project

    return write_project(tmp_path_factory.mktemp("dated") / "project", made=world(400, 26, 5))


@pytest.fixture(scope="session")
def review(dated_project: Path) -> Review:
    """Its review, without tracking."""
    return run_review(load_project(dated_project), dated_project.parent / "out", seed=0)


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller book, for tests that run several reviews."""
    from projects import write_project

    return write_project(tmp_path_factory.mktemp("small") / "project")
