"""Writes docs/commands.md from the command line itself: `python tests/support/commands_page.py > docs/commands.md`."""

from __future__ import annotations

import sys
from typing import Any

import typer

from churnbench.cli.main import app

HEAD = """# Commands

Made by `python tests/support/commands_page.py > docs/commands.md`; a test holds it against the program.

PROJECT is `churnbench.toml` or its folder. Exit codes: 0 finished, whatever the verdict; 2 input that cannot be used,
told in one paragraph on stderr; 3 blocked by a check. Results go to stdout or files, progress to stderr when it is a
terminal or `--progress` is given. The examples run one after the other, beginning with `churnbench demo`.

`churnbench completion bash` (or `zsh`, `fish`) prints what makes the shell complete all of this.
"""


def page() -> str:
    """The page: each verb with its help as a terminal of 80 columns shows it."""
    return "\n".join([HEAD, *_sections(typer.main.get_command(app), "churnbench")]) + "\n"


def _sections(group: Any, called: str) -> list[str]:
    lines: list[str] = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            lines += _sections(command, f"{called} {name}")
            continue
        context = command.context_class(command, info_name=f"{called} {name}", terminal_width=80, max_content_width=80)
        lines += [f"## {called} {name}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    return lines


if __name__ == "__main__":
    sys.stdout.write(page().rstrip("\n") + "\n")
