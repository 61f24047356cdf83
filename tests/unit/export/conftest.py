"""What tests of exports share."""

import shutil

import pytest

from churnbench.export.node_engine import HOW_TO_HAVE_NODE


@pytest.fixture(scope="session")
def node() -> str:
    """The Node program; tests that need it are skipped where it is absent."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(HOW_TO_HAVE_NODE)
    return found
