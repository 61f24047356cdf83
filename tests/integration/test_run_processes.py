"""Whole runs in processes of their own: killed, side by side, blocked, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import churnbench_scorer
from churnbench.workflow.publish import exclusive

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from evidence_contract import check_evidence, strict_json
from projects import churnbench, command, quiet_environment, world, write_project

pytestmark = pytest.mark.slow
TINY = "\n[calibration]\nbootstrap = 2\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str], float]:
    """A workplace in which one run has finished; others start from a copy, with MLflow's tables already made."""
    place = tmp_path_factory.mktemp("place")
    write_project(place / "acme", made=world(250, 20, 3, 0.08), tail=TINY)
    begun = time.monotonic()
    done = churnbench("run", "acme", "--out", "runs/first", "--seed", "5", cwd=place)
    return place, done, time.monotonic() - begun


@pytest.fixture
def place(finished: tuple[Path, subprocess.CompletedProcess[str], float], tmp_path: Path) -> Path:
    """A workplace of one's own."""
    return Path(shutil.copytree(finished[0], tmp_path / "place"))


def _start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=quiet_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _sound(out: Path) -> None:
    """No config, or one that production accepts."""
    config = out / "config.json"
    if config.exists():
        churnbench_scorer.load(config)


def test_a_run_leaves_everything_the_contract_names_and_says_so_on_stdout_alone(
    finished: tuple[Path, subprocess.CompletedProcess[str], float],
) -> None:
    place, done, _ = finished
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Verdict" in done.stdout
    assert "reading data" not in done.stdout
    assert "\r" not in done.stdout
    assert "\x1b" not in done.stdout
    out = place / "runs" / "first"
    evidence = strict_json(out / "evidence.json")
    check_evidence(evidence)
    assert evidence["mlflow_run_id"]
    assert evidence["project"]["seed"] == 5
    assert json.loads((out / "config.json").read_text())["provenance"]["mlflow_run_id"] == evidence["mlflow_run_id"]
    assert (place / "mlruns" / "mlflow.db").is_file()
    for file in ("config.json", "incumbent.json"):
        churnbench_scorer.load(out / file)


def test_the_shipped_config_scores_exports_and_verifies_from_the_command_line(place: Path) -> None:
    out = place / "runs" / "first"
    done = churnbench("score", out / "config.json", out / "latest_inputs.parquet", "--out", "s.csv", cwd=place)
    assert done.returncode == 0, done.stderr
    assert (place / "s.csv").read_text().startswith('"account_id",')
    done = churnbench("export", out / "config.json", "--to", "sql", "--dialect", "duckdb", cwd=place)
    assert done.returncode == 0
    assert "SELECT" in done.stdout
    done = churnbench("verify", out / "config.json", "--engine", "python,duckdb", cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("equal") == 2


def test_killed_at_any_moment_no_half_config_stays_and_the_next_run_works(
    finished: tuple[Path, subprocess.CompletedProcess[str], float], place: Path
) -> None:
    out, took = place / "runs" / "first", finished[2]
    moments = np.random.default_rng(0).uniform(0.3, 0.95, 2) * took
    for moment in moments:
        running = _start("run", "acme", "--out", out, cwd=place)
        time.sleep(float(moment))
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate(timeout=30)
        _sound(out)
    done = churnbench("run", "acme", "--out", out, cwd=place)
    assert done.returncode == 0, done.stderr
    _sound(out)
    assert (out / "config.json").exists()
    assert not list(out.glob(".staging-*"))
    check_evidence(strict_json(out / "evidence.json"))


def test_two_runs_share_a_store_but_never_a_folder(place: Path) -> None:
    with exclusive(place / "runs" / "held"):
        refused = churnbench("run", "acme", "--out", "runs/held", cwd=place)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("churnbench: runs/held: another run is writing to this folder.")
    assert "Traceback" not in refused.stderr
    first = _start("run", "acme", "--out", "runs/a", cwd=place)
    other = _start("run", "acme", "--out", "runs/b", cwd=place)
    runs = []
    for process, folder in ((first, "a"), (other, "b")):
        _, error = process.communicate(timeout=180)
        assert process.returncode == 0, error
        _sound(place / "runs" / folder)
        runs.append(strict_json(place / "runs" / folder / "evidence.json"))
    assert runs[0]["mlflow_run_id"] != runs[1]["mlflow_run_id"]
    bodies = [strict_json(place / "runs" / folder / "config.json")["body"] for folder in "ab"]
    assert bodies[0] == bodies[1]
    # The fixture's run opened the holdout once, these two once more each. Each logs its look before it counts, so
    # that two at the same moment may both see three, but no look is ever missed.
    unlocks = sorted(run["gate"]["unlocks"] for run in runs)
    assert unlocks in ([2, 3], [3, 3])


def test_a_blocked_run_ends_with_three_and_bad_data_with_two(place: Path) -> None:
    write_project(place / "leaky", made=world(250, 20, 3, 0.08, "full"), tail=TINY)
    done = churnbench("run", "leaky", "--out", "runs/leaky", cwd=place)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "evidence.json" in done.stderr
    evidence = strict_json(place / "runs" / "leaky" / "evidence.json")
    check_evidence(evidence)
    assert evidence["verdict"] == "blocked"
    assert not (place / "runs" / "leaky" / "config.json").exists()
    (place / "acme" / "outcomes.csv").write_text("account_id,churned_on\nA00001,soon\n")
    before = {path.name for path in (place / "runs" / "first").iterdir()}
    done = churnbench("run", "acme", "--out", "runs/first", cwd=place)
    assert done.returncode == 2
    assert done.stderr.startswith("churnbench: outcomes.csv, row 2, column churned_on")
    assert "Traceback" not in done.stderr
    assert {path.name for path in (place / "runs" / "first").iterdir()} == before


def test_a_terminal_sees_progress_and_a_pipe_does_not(place: Path) -> None:
    master, slave = pty.openpty()
    running = subprocess.Popen(
        command("check", "acme"), cwd=place, env=quiet_environment(), stdout=subprocess.PIPE, stderr=slave, text=True
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end has closed
            break
        if not part:
            break
        shown += part
    out, _ = running.communicate(timeout=60)
    os.close(master)
    assert running.returncode == 0
    assert b"checks" in shown
    assert out.startswith("churnbench check")
    assert "\x1b" not in out
    assert "\r" not in out
