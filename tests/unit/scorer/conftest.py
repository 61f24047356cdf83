"""A complete small document, assembled without the export package."""

from copy import deepcopy
from typing import Any

import pytest
from formula_worlds import assemble, small_body


@pytest.fixture
def document() -> dict[str, Any]:
    return assemble(deepcopy(small_body()))
