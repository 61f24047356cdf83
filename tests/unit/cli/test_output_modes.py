"""Words for people, one JSON object for programs, or nothing: the same commands, the same exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from projects import churnbench, world, write_project
from typer.testing import CliRunner

from churnbench.cli.main import app
from churnbench.cli.terminal import filled
from churnbench.export import build_document, write_document
from churnbench.export.kit_bodies import KIT_BODIES

RUNNER = CliRunner()


def call(*words: object) -> str:
    found = RUNNER.invoke(app, [str(word) for word in words])
    assert found.exit_code == 0, found.output
    return found.stdout


def run_main(*words: object) -> subprocess.CompletedProcess[str]:
    return churnbench(*words, cwd=Path.cwd())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    body = next(iter(KIT_BODIES.values()))
    document = build_document(
        body() if callable(body) else body,
        config_id="core",
        config_version="1.0.0",
        sequence=1,
        lifecycle={"created": "2026-01-01"},
    )
    write_document(document, tmp_path / "config.json")
    return tmp_path / "config.json"


def test_json_is_one_object_and_quiet_is_silent_where_words_only_tell_how_it_went(tmp_path: Path) -> None:
    words = call("simulate", "--out", tmp_path / "a", "--accounts", 30, "--months", 8)
    assert "30 accounts, 8 months" in words
    assert call("--quiet", "simulate", "--out", tmp_path / "b", "--accounts", 30, "--months", 8) == ""
    found = json.loads(call("--json", "simulate", "--out", tmp_path / "c", "--accounts", 30, "--months", 8))
    assert found == {"out": str(tmp_path / "c"), "accounts": 30, "months": 8}
    assert (tmp_path / "b" / "churnbench.toml").read_bytes() == (tmp_path / "c" / "churnbench.toml").read_bytes()


def test_what_was_asked_for_is_given_in_every_mode(config: Path) -> None:
    plain = call("export", config, "--table", "t")
    assert "SELECT" in plain
    assert call("--quiet", "export", config, "--table", "t") == plain
    assert json.loads(call("--json", "export", config, "--table", "t"))["sql"] + "\n" == plain


def test_verify_tells_a_program_what_each_engine_did(config: Path) -> None:
    found = json.loads(call("--json", "verify", config, "--engine", "numpy,duckdb"))["engines"]
    assert [(entry["engine"], entry["differ"], entry["rules"]) for entry in found] == [
        ("numpy", 0, {}),
        ("duckdb", 0, {}),
    ]
    assert all(entry["cases"] > 100 for entry in found)


def test_an_error_is_part_of_the_one_json_object_and_its_words_go_to_stderr(tmp_path: Path) -> None:
    found = run_main("--json", "check", tmp_path / "nowhere")
    assert found.returncode == 2
    told = json.loads(found.stdout)
    assert set(told) == {"error"}
    assert told["error"]["kind"] == "input"
    assert told["error"]["exit_code"] == 2
    assert "nowhere" in told["error"]["file"]
    assert told["error"]["message"] in found.stderr
    assert "Traceback" not in found.stderr


def test_a_wrong_option_and_a_blocked_check_are_told_to_a_program_too(tmp_path: Path) -> None:
    usage = run_main("--json", "check", "here", "--sed", 1)
    assert usage.returncode == 2
    assert json.loads(usage.stdout)["error"]["kind"] == "usage"
    blocked = run_main("--json", "check", write_project(tmp_path / "leaky", made=world(leak="full")))
    assert blocked.returncode == 3
    told = json.loads(blocked.stdout)
    assert told["error"]["kind"] == "blocked"
    assert told["error"]["exit_code"] == 3
    assert told["blocked"]


def test_without_json_an_error_leaves_stdout_empty(tmp_path: Path) -> None:
    found = run_main("check", tmp_path / "nowhere")
    assert (found.returncode, found.stdout) == (2, "")


def test_lines_of_a_check_fit_a_terminal_and_long_words_stay_whole() -> None:
    path = "x" * 100
    text = filled("  review  ", f"column {path} " + "and so on " * 12)
    lines = text.splitlines()
    assert [line.strip() for line in lines if len(line) > 80] == [path]
    assert all(line.startswith(" " * 10) for line in lines[1:])
