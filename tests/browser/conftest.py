"""One real review for all tests of its page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import projects

from churnbench.data.project import load_project
from churnbench.export import read_document
from churnbench.reports import Scenario
from churnbench.workflow import run_review
from churnbench.workflow.review import Review
from churnbench.workflow.what_if import scenario_of

COSTS = "\n[thresholds]\ncontact_cost = 300\nsave_rate = 0.3\n"


@pytest.fixture(scope="session")
def review(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Review:
    """A whole review of a small book, made once; only where there is a browser to look at it."""
    folder = projects.write_project(tmp_path_factory.mktemp("paged") / "project", tail=projects.QUICK + COSTS)
    return run_review(load_project(folder), folder.parent / "out", seed=0)


@pytest.fixture(scope="session")
def page_path(review: Review) -> Path:
    """The page that the review left."""
    assert review.out is not None
    return review.out / "review.html"


@pytest.fixture(scope="session")
def scenario(review: Review) -> Scenario:
    """What the page was given to score."""
    assert review.out is not None
    assert review.backtest is not None
    documents = {name: read_document(review.out / f"{file}.json") for name, file in NAMES.items()}
    project = load_project(review.out.parent / "project")
    return scenario_of(project, review.backtest, review.evidence, documents)


NAMES = {"candidate": "config", "incumbent": "incumbent"}
