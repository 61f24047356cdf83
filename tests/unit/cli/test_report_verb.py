"""`churnbench report` on the command line: what it says, where it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import projects
import pytest


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.write_project(tmp_path_factory.mktemp("told") / "project", made=projects.world(120, 14, 5))


def test_it_says_the_finding_the_formula_and_the_file(cli: Any, project: Path, tmp_path: Path) -> None:
    said = cli("report", "portfolio", project, "--out", tmp_path / "p.html")

    assert said.code == 0, said.err
    assert "hand formula" in said.out
    assert str(tmp_path / "p.html") in said.out
    assert (tmp_path / "p.html").read_text("utf-8").startswith("<!doctype html>")


def test_json_mode_tells_a_program(cli: Any, project: Path, tmp_path: Path) -> None:
    said = cli("--json", "report", "account", project, "--format", "json", "--out", tmp_path / "a.json")

    told = json.loads(said.out)
    assert told["report"] == "account"
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["subject"] == told["subject"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["weekly"], "Choose one of account, portfolio"),
        (["portfolio", "--format", "pdf"], "Choose one of html, markdown, json"),
        (["portfolio", "--segment", "Nobody"], "no account has segment 'Nobody'"),
        (["account", "--account", "nobody"], "account 'nobody' is unknown"),
        (["account", "--account", "a", "--all"], "contradict"),
        (["executive", "--as-of", "1999-01-01"], "no reading of an active account by that date"),
        (["insights", "--run", "nowhere"], "nowhere"),
    ],
)
def test_what_it_cannot_do_it_refuses_and_leaves_no_file(
    cli: Any, project: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    said = cli("report", arguments[0], project, *arguments[1:], "--out", tmp_path / "out.html")

    assert said.code == 2
    assert words in said.err
    assert not list(tmp_path.iterdir())
