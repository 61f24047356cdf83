"""Makes tests/support importable; a complete small document, assembled without the export package."""

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from formula_worlds import assemble, small_body  # noqa: E402 - found through the path above


@pytest.fixture
def document() -> dict[str, Any]:
    return assemble(deepcopy(small_body()))
