"""The command line in this process: what a person types, and what comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from churnbench.cli import main


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


Teller = Callable[..., Said]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Teller:
    """Runs the command line in this process; an exception that escapes fails the test by itself."""
    monkeypatch.chdir(tmp_path)

    def tell(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["churnbench", *map(str, arguments)])
        code: object = 0
        try:
            main.main()
        except SystemExit as left:
            code = left.code
        captured = capsys.readouterr()
        return Said(int(code or 0), captured.out, captured.err)  # type: ignore[call-overload]

    return tell
