"""Makes the shared helpers importable here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from command_line import cli  # noqa: F401 - a fixture of every test here
