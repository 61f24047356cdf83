"""The last thing a run prints: the verdict, its figures, what changes, what to open."""

from __future__ import annotations

from pathlib import Path

import fake_evidence
import pytest

from churnbench.cli.progress import shown_progress
from churnbench.cli.summary import closing_summary
from churnbench.domain.progress import Silent

CASES = ["full", "not_enough"]


@pytest.mark.parametrize("name", CASES)
def test_the_summary_fits_a_terminal_and_names_the_files(name: str) -> None:
    evidence = getattr(fake_evidence, name)()
    text = closing_summary(evidence, Path("runs/demo"))
    lines = text.splitlines()
    assert max(len(line) for line in lines if "churnbench score" not in line) <= 104
    assert len(lines) <= 45
    assert "runs/demo/review.html" in text
    assert "runs/demo/config.json" in text
    assert evidence["claim_level"] in lines[0]
    assert "nan" not in text.lower().replace("financial", "").replace("finance", "")
    assert "None" not in text


def test_the_figures_are_those_of_the_evidence() -> None:
    evidence = fake_evidence.full()
    text = closing_summary(evidence, Path("out"))
    for name in ("incumbent", evidence["gate"]["candidate"], "lightgbm"):
        entry = evidence["contenders"][name]
        auc = entry["holdout"]["auc"]["value"]
        row = next(line for line in text.splitlines() if f"{auc:.3f}".removeprefix("0") in line)
        assert f"{entry['at_capacity']['caught']:.0f} of {entry['at_capacity']['of']}" in row


def test_progress_is_silent_unless_forced_or_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(forced=False) as progress:
        assert isinstance(progress, Silent)
        progress.stage("reading data", 3)
        progress.step("one")
    assert capsys.readouterr().err == ""
    with shown_progress(forced=True) as progress:
        progress.step("before any stage")
        progress.stage("reading data", 2)
        progress.step("one")
        progress.stage("of unknown length")
        progress.stage("last", 1)
        progress.step("x" * 100)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "reading data" in captured.err
    assert "last" in captured.err
