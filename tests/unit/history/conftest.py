"""An empty score history, in a folder and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from history_worlds import opened

from churnbench.history import ScoreStore


@pytest.fixture(params=["folder", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScoreStore]:
    """A store that is gone after the test."""
    with opened(request.param, tmp_path) as made:
        yield made
