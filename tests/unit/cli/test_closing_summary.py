"""The last thing a run prints: the verdict, its figures, what changes, what to open."""

from __future__ import annotations

from pathlib import Path

import fake_evidence
import pytest

from churnbench.cli.progress import shown_progress
from churnbench.cli.summary import closing_summary, coloured
from churnbench.cli.terminal import shows_colour
from churnbench.domain.progress import Silent

CASES = ["full", "not_enough"]


@pytest.mark.parametrize("name", CASES)
def test_the_summary_fits_a_terminal_and_names_the_files(name: str) -> None:
    evidence = getattr(fake_evidence, name)()
    text = closing_summary(evidence, Path("runs/demo"))
    lines = text.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert len(lines) <= 45
    assert "runs/demo/review.html" in text
    assert "runs/demo/config.json" in text
    assert evidence["claim_level"] in lines[1]
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


def test_what_was_decided_last_time_is_told_with_its_promises() -> None:
    bands = [{"band": "red", "promise": 0.1, "kept": False}, {"band": "green", "promise": None, "kept": None}]
    last = {"event": "promote", "at": "2026-02-03T10:00:00Z", "by": "Ada", "role": "CS", "config_version": "2.0.0"}
    evidence = {**fake_evidence.full(), "last_decision": {**last, "outcome": {"bands": bands}}}
    text = " ".join(closing_summary(evidence, Path("out")).split())
    assert "Last time 2026-02-03 Ada (CS) released 2.0.0. Promises since then: red broken." in text
    unreadable = {**fake_evidence.full(), "last_decision": {"note": "The history is damaged."}}
    assert "Last time The history is damaged." in " ".join(closing_summary(unreadable, Path("out")).split())


def test_the_price_of_a_limit_that_was_set_is_always_told_and_nothing_is_without_one() -> None:
    evidence = fake_evidence.full()
    price = {
        "id": "leading_share",
        "setting": "(0.7, 0.8)",
        "active": True,
        "price_auc": 0.0123,
        "price_log_loss": 0.004,
    }
    shapes = [row for row in evidence["constraints"] if row["id"].startswith("shapes")]
    text = " ".join(closing_summary({**evidence, "constraints": [*shapes, price]}, Path("out")).split())
    assert "Limits leading_share (0.7, 0.8) costs 0.0123 AUC and 0.0040 log loss" in text
    assert "Limits" not in closing_summary({**evidence, "constraints": shapes}, Path("out"))


@pytest.mark.parametrize(("verdict", "code"), [("promote", 32), ("reject", 31), ("keep-equivalent", 33)])
def test_colour_sets_off_the_verdict_and_nothing_else(verdict: str, code: int) -> None:
    text = closing_summary({**fake_evidence.full(), "verdict": verdict}, Path("out"))
    shown = coloured(text, verdict)
    assert shown.count("\033[") == 2
    assert f"\033[1;{code}m" in shown
    assert shown.replace(f"\033[1;{code}m", "").replace("\033[0m", "") == text


def test_colour_is_for_terminals_whose_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert not shows_colour()  # the tests' stdout is no terminal
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert shows_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not shows_colour()


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
