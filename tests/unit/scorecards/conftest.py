"""Fixtures of scorecards; the shared helpers become importable here."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from command_line import cli  # noqa: F401 - a fixture of every test here
from scorecard_by_hand import CARD


@pytest.fixture
def card_file(tmp_path: Path) -> Path:
    """The scorecard as JSON."""
    path = tmp_path / "card.json"
    path.write_text(json.dumps(CARD), encoding="utf-8")
    return path
