"""What goes to stdout: words for people, one JSON object for programs, or nothing."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

from churnbench.domain.errors import BlockedError, ChurnbenchError, InputError

WIDTH = 80


@dataclass
class Output:
    """How this call of the command line answers.

    Attributes:
        mode: "text"; "quiet" leaves out what only tells how it went; "json" gives `facts` as one object instead.
        facts: what was told so far, for "json".
    """

    mode: Literal["text", "quiet", "json"] = "text"
    facts: dict[str, Any] = field(default_factory=dict)

    def begin(self, *, quiet: bool, as_json: bool) -> None:
        """Set the mode of a new call."""
        self.mode, self.facts = ("json" if as_json else "quiet" if quiet else "text"), {}

    def fail(self, error: Exception) -> None:
        """Add what went wrong, for "json"; the words for people go to stderr in every mode."""
        found = described(error)
        if self.mode == "json" and found is not None:
            self.facts["error"] = found

    def end(self) -> None:
        """Write the object, if one was asked for and anything was told."""
        if self.mode == "json" and self.facts:
            sys.stdout.write(json.dumps(self.facts, ensure_ascii=False, default=str) + "\n")


OUTPUT = Output()


def described(error: Exception) -> dict[str, Any] | None:
    """An error as data: kind ("input", "blocked", "usage", "file" or "other"), message, where, what to do, exit code.

    None for what is no error of the user (the end of a program, a fault of this one).
    """
    if isinstance(error, InputError):
        place = {"file": error.file, "row": error.row, "column": error.column, "fix": error.fix}
        return {"kind": "input", "message": error.message, **place, "exit_code": error.exit_code}
    if isinstance(error, ChurnbenchError):
        kind = "blocked" if isinstance(error, BlockedError) else "other"
        return {"kind": kind, "message": str(error), "exit_code": error.exit_code}
    if hasattr(error, "format_message"):  # of the parser of arguments
        return {"kind": "usage", "message": error.format_message(), "exit_code": getattr(error, "exit_code", 2)}
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return {"kind": "file", "message": error.strerror or str(error), "file": error.filename, "exit_code": 2}
    return None


def filled(label: str, text: str) -> str:
    """Text beside a label in lines of 80 columns; a word that is longer, such as a path, stays whole.

    >>> print(filled("  note    ", "word " * 20))
      note    word word word word word word word word word word word word word word
              word word word word word word
    """
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines) or label.rstrip()


def say(text: str, **facts: Any) -> None:
    """Tell how it went; `facts` are the same for a program."""
    OUTPUT.facts.update(facts)
    if OUTPUT.mode == "text":
        sys.stdout.write(text + "\n")


def give(text: str, **facts: Any) -> None:
    """Give what was asked for (SQL, a comparison): quiet does not silence it; `facts` replace it for a program."""
    OUTPUT.facts.update(facts)
    if OUTPUT.mode != "json":
        sys.stdout.write(text + "\n")


def shows_colour() -> bool:
    """Whether stdout is a terminal whose user did not ask for plain text (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
