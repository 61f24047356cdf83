"""What tests of exports share."""

import shutil

import pytest

HOW_TO = "install Node 18 or later so that `node` is on the PATH (e.g. apt-get install nodejs)"


@pytest.fixture(scope="session")
def node() -> str:
    """The Node program; tests that need it are skipped where it is absent."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(HOW_TO)
    return found
