"""What a terminal can show."""

from __future__ import annotations

import os
import sys


def shows_colour() -> bool:
    """Whether stdout is a terminal whose user did not ask for plain text (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
