"""Runs the console blocks of a page, one shell command after the other, and compares or rewrites what they printed.

`python tests/support/tutorial.py docs/tutorial.md` writes the output of a real run under each command of the page.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One command of a page and what the page says it prints."""

    command: str
    shown: str


def steps(block: str) -> list[Step]:
    """The commands of one console block, each with the lines below it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Step(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def shell(place: Path) -> dict[str, str]:
    """An environment in which `churnbench` is this checkout's program."""
    program = place / ".bin" / "churnbench"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m churnbench.cli.main "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "NO_COLOR": "1"}


def printed(command: str, place: Path, environment: dict[str, str]) -> str:
    """What a command prints on both streams, in a folder."""
    done = subprocess.run(
        ["bash", "-c", f"{command} 2>&1"], cwd=place, env=environment, capture_output=True, text=True, timeout=900
    )
    return done.stdout


def rewritten(page: str, place: Path) -> str:
    """The page with the output of a real run under each command."""
    environment = shell(place)

    def fresh(found: re.Match[str]) -> str:
        text = "".join(
            f"$ {step.command}\n{printed(step.command, place, environment)}" for step in steps(found.group(1))
        )
        return f"```console\n{text}```"

    return BLOCK.sub(fresh, page)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        target.write_text(rewritten(target.read_text("utf-8"), Path(folder)), encoding="utf-8")
