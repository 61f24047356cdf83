"""The tutorial, command by command in a real shell: it prints what its page shows."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from tutorial import BLOCK, Step, printed, shell, steps

pytestmark = pytest.mark.slow
PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
STEPS = [step for block in BLOCK.findall(PAGE.read_text("utf-8")) for step in steps(block)]


def _stable(step: Step, text: str) -> str:
    """What does not hang on the processor or the day: fitted figures, hashes and dates are struck out."""
    text = re.sub(r"[0-9a-f]{12,}", "#", text)
    if step.command.startswith(("churnbench run", "churnbench promote", "head")):
        return " ".join(re.sub(r"-?[0-9]*\.?[0-9]+", "#", text).split())
    # Fits take part in some checks: their decimals may differ between machines.
    return re.sub(r"[0-9]*\.[0-9]+", "#", text)


def test_every_command_of_the_tutorial_prints_what_its_page_shows(tmp_path: Path) -> None:
    if shutil.which("bash") is None or shutil.which("awk") is None:
        pytest.skip("needs bash and awk: apt-get install bash mawk")
    environment = shell(tmp_path)
    assert len(STEPS) > 10
    for step in STEPS:
        found = printed(step.command, tmp_path, environment)
        assert _stable(step, found) == _stable(step, step.shown), step.command
    assert (tmp_path / "runs" / "acme" / "review.html").is_file()


def test_the_tutorial_shows_a_fault_with_its_row_an_open_verdict_and_a_decided_one() -> None:
    shown = [step.shown for step in STEPS]
    assert any("row 118, column nps" in text for text in shown)
    assert any("NOT ENOUGH EVIDENCE" in text for text in shown)
    assert any("PROMOTE" in text for text in shown)
    # Only the one command that is meant to fail does.
    assert sum(text.startswith("churnbench: ") for text in shown) == 1
