"""What goes to stdout: words for people, one JSON object for programs, or nothing."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any, Literal


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

    def end(self) -> None:
        """Write the object, if one was asked for and anything was told."""
        if self.mode == "json" and self.facts:
            sys.stdout.write(json.dumps(self.facts, ensure_ascii=False, default=str) + "\n")


OUTPUT = Output()


def say(text: str, **facts: Any) -> None:
    """Tell how it went; `facts` are the same for a program."""
    OUTPUT.facts.update(facts)
    if OUTPUT.mode == "text":
        sys.stdout.write(text + "\n")


def give(text: str, **facts: Any) -> None:
    """Give what was asked for (SQL, a comparison): quiet does not silence it; `facts` replace it for a program."""
    if OUTPUT.mode == "json" and facts:
        OUTPUT.facts.update(facts)
    else:
        sys.stdout.write(text + "\n")


def shows_colour() -> bool:
    """Whether stdout is a terminal whose user did not ask for plain text (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
