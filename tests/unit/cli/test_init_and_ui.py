"""A new project folder, and MLflow's pages as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Teller
from projects import command, quiet_environment

from churnbench.data.project import load_project
from churnbench.data.simulate_demo import project_file_text, starter_project, starter_text
from churnbench.tracking import page_of


def test_a_new_project_bears_its_folder_s_name_and_nothing_that_holds_for_the_demo_alone(
    cli: Teller, tmp_path: Path
) -> None:
    said = cli("init", "Müller & Söhne")
    assert said.code == 0
    folder = tmp_path / "Müller & Söhne"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "accounts.csv",
        "churnbench.toml",
        "explore.ipynb",
        "outcomes.csv",
        "snapshots.csv",
    ]
    project = load_project(folder)
    assert project.name == "Müller & Söhne"
    declared = tomllib.loads((folder / "churnbench.toml").read_text("utf-8"))
    assert "data_through" not in declared["label"]
    assert declared["thresholds"] == {"by": "risk"}
    # Where a shell would take the name apart, the hint quotes it.
    assert "churnbench check 'Müller & Söhne'" in said.out


def test_every_setting_that_becomes_a_comment_is_in_the_demo_s_file() -> None:
    text = project_file_text()
    made = starter_text(text, "acme")
    changed = [line for line in made.splitlines() if line not in text.splitlines()]
    assert [line.partition("=")[0].strip() for line in changed] == [
        "name",
        "# data_through",
        "# green_risk",
        "# red_risk",
        "# capacity",
    ]


@pytest.mark.parametrize("name", ['qu"ote', "back\\slash", "tab\tin", "日本", "[x]", "a = 1"])
def test_any_folder_name_gives_a_file_that_can_be_read(name: str) -> None:
    read = tomllib.loads(starter_text(project_file_text(), name))
    assert read["project"]["name"] == name.replace("\t", "")


def test_an_empty_folder_is_filled_and_one_with_anything_in_it_is_left_alone(cli: Teller, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert cli("init", "empty").code == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "snapshots.csv").write_text("mine")
    refused = cli("init", "mine")
    assert (refused.code, refused.out) == (2, "")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["snapshots.csv"]
    assert (tmp_path / "mine" / "snapshots.csv").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    assert cli("init", "file").code == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_appears_meanwhile_is_not_overwritten_and_no_project_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churnbench.data import simulate_demo

    def slow(folder: Path) -> None:
        (folder / "churnbench.toml").write_text('name = "demo"')
        (folder / "snapshots.csv").write_text("ours")
        (tmp_path / "acme" / "snapshots.csv").write_text("theirs")

    monkeypatch.setattr(simulate_demo, "demo_project", slow)
    with pytest.raises(FileExistsError):
        starter_project(tmp_path / "acme")
    assert (tmp_path / "acme" / "snapshots.csv").read_text() == "theirs"
    assert not (tmp_path / "acme" / "churnbench.toml").exists()
    assert not list((tmp_path / "acme").glob(".init-*"))


def test_the_address_of_the_reviews_is_the_front_page_where_it_cannot_be_told(tmp_path: Path) -> None:
    front = "http://127.0.0.1:5000"
    assert page_of("postgresql://db.example/ml", tmp_path, "acme", 5000) == front
    (tmp_path / "broken.db").write_bytes(b"no database" * 100)
    assert page_of("sqlite:///broken.db", tmp_path, "acme", 5000) == front
    with closing(sqlite3.connect(tmp_path / "some.db")) as link:
        link.execute("CREATE TABLE experiments (experiment_id, name, lifecycle_stage, last_update_time)")
        rows = [
            (0, "Default", "active", 9),
            (1, "acme", "active", 1),
            (2, "other", "active", 2),
            (3, "x", "deleted", 5),
        ]
        link.executemany("INSERT INTO experiments VALUES (?, ?, ?, ?)", rows)
        link.commit()
    ending = "/runs?workflowType=machine_learning"
    assert page_of("sqlite:///some.db", tmp_path, "acme", 5000) == f"{front}/#/experiments/1{ending}"
    assert page_of("sqlite:///some.db", tmp_path, None, 5000) == f"{front}/#/experiments/2{ending}"
    assert page_of("sqlite:///some.db", tmp_path, "x", 5000) == front
    assert page_of("sqlite:///some.db", tmp_path, "' OR 1=1 --", 5000) == front


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_named_with_what_to_do(cli: Teller, tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = cli("ui", "--port", taken.getsockname()[1])
    assert said.code == 2
    assert "cannot be used" in said.err
    assert "--port" in said.err
    assert said.out == ""


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_pages_show_the_store_of_the_project_and_end_with_the_command(tmp_path: Path, ending: int) -> None:
    project = tmp_path / "acme"
    project.mkdir()
    (project / "churnbench.toml").write_text(
        '[project]\nname = "acme"\n[data]\nsnapshots = "s.csv"\noutcomes = "o.csv"\n'
        '[tracking]\nuri = "sqlite:///elsewhere/reviews.db"\n'
    )
    recorded = (
        "from pathlib import Path\nfrom churnbench.tracking import open_recorder\n"
        "with open_recorder('sqlite:///elsewhere/reviews.db', 'acme', 'acme · unfinished', Path.cwd()) as recorder:\n"
        "    recorder.named('acme · to 2025-03-31 · promote', '**Promote.**')\n"
    )
    environment = quiet_environment()
    subprocess.run([sys.executable, "-c", recorded], cwd=tmp_path, env=environment, check=True, timeout=300)
    # A file of the user's that bears the name of a module which MLflow imports is not run.
    (tmp_path / "click.py").write_text("raise SystemExit('this is not for MLflow')")
    port = _free_port()
    pages = subprocess.Popen(
        command("ui", "acme", "--port", port),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        # A worker of pytest-xdist ignores the interrupt, and what it starts would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )
    try:
        assert pages.stdout is not None
        first, second = pages.stdout.readline(), pages.stdout.readline()
        assert str(tmp_path / "elsewhere" / "reviews.db") in first
        assert second.strip() == f"http://127.0.0.1:{port}/#/experiments/1/runs?workflowType=machine_learning"
        names = _run_names(port, pages)
    finally:
        # The command alone is ended, not its group: it must take its server with it.
        os.kill(pages.pid, ending)
        pages.wait(timeout=120)
        if pages.stdout is not None:
            pages.stdout.close()
    assert names == ["acme · to 2025-03-31 · promote"]
    deadline = time.monotonic() + 60
    while _answers(port) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not _answers(port)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run_names(port: int, pages: subprocess.Popen[str]) -> list[str]:
    """Names of the runs, asked as MLflow's own pages ask; waits until the server is up."""
    deadline = time.monotonic() + 180
    while not _answers(port):
        assert pages.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.5)
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/ajax-api/2.0/mlflow/runs/search",
        json.dumps({"experiment_ids": ["1"]}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=120) as answer:  # noqa: S310 - http, to this machine
        return [run["info"]["run_name"] for run in json.load(answer)["runs"]]
