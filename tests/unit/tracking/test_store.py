from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from churnbench.domain.errors import InputError
from churnbench.tracking import open_recorder, ui_command
from churnbench.tracking import process as process_module
from churnbench.tracking.models import NotStorableError, native
from churnbench.tracking.opening import _artifact_root, make_experiment
from churnbench.tracking.process import ProcessIdentity, from_tags, is_gone, this_process
from churnbench.tracking.quiet import quiet
from churnbench.tracking.retry import is_busy, with_retry
from churnbench.tracking.signals import ending_raises
from churnbench.tracking.store import Store, alone, prepare_folders, relocate, require_reachable, resolve
from churnbench.tracking.values import clean_name

URI = "sqlite:///mlruns/mlflow.db"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
REVIEW = """
import sys, time
from pathlib import Path
from churnbench.tracking import open_recorder
with open_recorder("sqlite:///mlruns/mlflow.db", "acme", sys.argv[2], Path(sys.argv[1])) as recorder:
    print(recorder.run_id, flush=True)
    for fold in range(int(sys.argv[3])):
        recorder.fold("anchored", f"f{fold}", {}, {"auc": (0.7, None, None)})
    if sys.argv[4] == "wait":
        time.sleep(60)
assert recorder.warnings == (), recorder.warnings
"""


def review(project: Path, name: str, folds: int = 0, end: str = "go") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", REVIEW, str(project), name, str(folds), end]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def started(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def statuses(project: Path) -> dict[str, str]:
    with sqlite3.connect(project / "mlruns" / "mlflow.db") as link:
        return dict(link.execute("SELECT run_uuid, status FROM runs"))


def test_two_processes_write_to_one_new_store_at_the_same_time(tmp_path: Path) -> None:
    both = [review(tmp_path, f"review {index}", folds=15) for index in range(2)]
    for child in both:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
        assert errors == ""
    assert sorted(set(statuses(tmp_path).values())) == ["FINISHED"]
    assert len(statuses(tmp_path)) == 32


def test_a_terminated_review_is_marked_failed(project: Path) -> None:
    child = review(project, "terminated", end="wait")
    run_id = started(child)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 143
    assert statuses(project) == {run_id: "FAILED"}


def test_a_killed_review_is_closed_by_the_next_one_and_a_living_one_is_not(project: Path) -> None:
    killed, living = review(project, "killed", end="wait"), review(project, "living", end="wait")
    killed_id, living_id = started(killed), started(living)
    with sqlite3.connect(project / "mlruns" / "mlflow.db") as link:
        experiment = link.execute("SELECT experiment_id FROM runs").fetchone()[0]
    from churnbench.tracking.quiet import load_mlflow

    uri = f"sqlite:///{project}/mlruns/mlflow.db"
    with quiet():
        client = load_mlflow().MlflowClient(tracking_uri=uri, registry_uri=uri)
        fold = client.create_run(str(experiment), tags={"mlflow.parentRunId": killed_id})
    killed.kill()
    killed.wait()
    with open_recorder(URI, "acme", "next", project) as recorder:
        found = statuses(project)
    assert found[killed_id] == "KILLED"
    assert found[fold.info.run_id] == "KILLED"
    assert found[living_id] == "RUNNING"
    assert found[recorder.run_id] == "RUNNING"
    living.kill()
    for child in (killed, living):
        child.communicate()


def test_a_moved_project_finds_its_old_files_and_writes_to_its_new_place(project: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("kept")
    with open_recorder(URI, "acme", "before", project) as first:
        first.artifact(note)
    moved = tmp_path / "new home" / "acme"
    moved.parent.mkdir()
    shutil.move(project, moved)
    with open_recorder(URI, "acme", "after", moved) as second:
        second.artifact(note)
        path = second._client.download_artifacts(first.run_id, "note.txt")
        place = second._client.get_run(second.run_id).info.artifact_uri
    assert second.warnings == ()
    assert Path(path).read_text() == "kept"
    assert place.startswith(moved.as_uri())
    assert not project.exists()
    store = resolve(URI, moved)
    assert relocate(store) == 0


def test_a_copied_project_leaves_the_original_alone(project: Path, tmp_path: Path) -> None:
    with open_recorder(URI, "acme", "before", project):
        pass
    before = sorted(path.relative_to(project) for path in project.rglob("*"))
    shutil.copytree(project, tmp_path / "copy")
    note = tmp_path / "note.txt"
    note.write_text("copy only")
    with open_recorder(URI, "acme", "in the copy", tmp_path / "copy") as recorder:
        recorder.artifact(note)
    assert sorted(path.relative_to(project) for path in project.rglob("*")) == before


def test_no_folder_appears_in_the_working_directory(project: Path, tmp_path: Path, monkeypatch: Any) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with open_recorder(URI, "acme", "review", project):
        pass
    assert list(elsewhere.iterdir()) == []


def test_a_deleted_experiment_comes_back_instead_of_refusing_its_name(project: Path) -> None:
    with open_recorder(URI, "acme", "first", project) as first:
        pass
    first._client.delete_experiment(first._experiment_id)
    with open_recorder(URI, "acme", "second", project) as second:
        pass
    assert second._experiment_id == first._experiment_id


@pytest.mark.parametrize("uri", ["mlruns", "file:./mlruns", "ftp://x/y", ""])
def test_an_address_that_mlflow_cannot_use_is_refused_with_one_that_works(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sqlite:///mlruns/mlflow\.db") as caught:
        open_recorder(uri, "acme", "r", tmp_path)
    assert caught.value.column == "tracking.uri"


def test_a_server_that_does_not_answer_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(InputError, match="Start the server") as caught:
        open_recorder(f"http://ann:secret@127.0.0.1:{port}", "acme", "r", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_server_that_answers_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        require_reachable(Store(f"http://127.0.0.1:{server.getsockname()[1]}", None, None))
        caller, address = server.accept()
        caller.close()
    assert address[0] == "127.0.0.1"


def test_a_damaged_database_is_told_before_the_work_starts(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match=r"not a database.*nothing was computed yet"):
        open_recorder(URI, "acme", "r", tmp_path)


def test_a_folder_that_cannot_be_made_is_told_before_the_work_starts(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot be used"):
        open_recorder(URI, "acme", "r", tmp_path)


def test_addresses_resolve_against_the_project_never_the_working_directory(tmp_path: Path) -> None:
    absolute = resolve(f"sqlite:////{tmp_path}/x.db".replace("////", "///"), Path("elsewhere"))
    assert absolute.database == tmp_path / "x.db"
    assert resolve("postgresql+psycopg://db/ml", tmp_path).artifacts == tmp_path / "mlruns" / "artifacts"
    assert resolve("https://mlflow.example", tmp_path) == Store("https://mlflow.example", None, None)
    assert resolve("databricks", tmp_path).uri == "databricks"
    prepare_folders(resolve("databricks", tmp_path))
    require_reachable(resolve("databricks", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_relocating_ignores_stores_that_are_not_ours(tmp_path: Path) -> None:
    assert relocate(resolve(URI, tmp_path)) == 0
    assert relocate(resolve("databricks", tmp_path)) == 0
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as link:
        link.execute("CREATE TABLE t (x)")
    assert relocate(Store("sqlite:///other.db", database, tmp_path)) == 0


def test_relocating_tolerates_a_database_without_some_tables(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    with sqlite3.connect(database) as link:
        link.execute("CREATE TABLE experiment_tags (key, value)")
        link.execute("CREATE TABLE runs (artifact_uri)")
        link.execute("INSERT INTO experiment_tags VALUES ('churnbench.artifact_root', '/old/artifacts')")
        link.executemany("INSERT INTO runs VALUES (?)", [("/old/artifacts/0/a",), ("/old/artifacts2/a",)])
    assert relocate(Store("sqlite:///mlflow.db", database, Path("/new"))) == 1
    with sqlite3.connect(database) as link:
        assert link.execute("SELECT artifact_uri FROM runs").fetchall() == [
            ("/new/0/a",),
            ("/old/artifacts2/a",),
        ]


def test_the_ui_listens_on_this_machine_only(project: Path, tmp_path: Path, monkeypatch: Any) -> None:
    command = ui_command(URI, project, port=5055)
    assert command[:4] == [sys.executable, "-m", "mlflow", "server"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "5055"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    monkeypatch.chdir(project)
    assert str(project) in ui_command(URI)[5]
    with pytest.raises(InputError, match="no runs yet"):
        ui_command(URI, tmp_path / "nowhere")
    with pytest.raises(InputError, match="Open that address"):
        ui_command("http://127.0.0.1:5000", project)
    assert "--default-artifact-root" not in ui_command("databricks", project)


def test_a_busy_database_is_waited_for_and_other_errors_are_not() -> None:
    waits: list[float] = []
    answers = iter([sqlite3.OperationalError("database is locked"), RuntimeError("wrapped"), None])

    def call() -> str:
        error = next(answers)
        if isinstance(error, RuntimeError):
            raise error from sqlite3.OperationalError("database table is locked")
        if error:
            raise error
        return "done"

    assert with_retry(call, sleep=waits.append) == "done"
    assert len(waits) == 2
    with pytest.raises(ValueError, match="no"):
        with_retry(lambda: (_ for _ in ()).throw(ValueError("no")), sleep=waits.append)
    assert not is_busy(ValueError("Registered Model (name=x) already exists."))


def test_patience_ends() -> None:
    ticks = iter(range(100))

    def locked() -> None:
        raise sqlite3.OperationalError("database is locked")

    with pytest.raises(sqlite3.OperationalError):
        with_retry(locked, patience=3, clock=lambda: next(ticks), sleep=lambda _: None)


def test_only_a_process_that_certainly_ended_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    me = this_process()
    assert from_tags(me.as_tags()) == me
    assert from_tags({}) is None
    assert not is_gone(me)
    assert is_gone(ProcessIdentity(me.pid, me.host, me.boot, "1"))
    assert is_gone(ProcessIdentity(me.pid, me.host, "another boot", me.started))
    assert not is_gone(ProcessIdentity(2**22 - 1, "another machine", "", ""))
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert is_gone(ProcessIdentity(child.pid, me.host, me.boot, ""))
    assert not is_gone(ProcessIdentity(os.getppid(), me.host, "", ""))
    assert is_gone(ProcessIdentity(os.getppid(), me.host, "", "1"))

    def forbidden(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(process_module.os, "kill", forbidden)
    assert not is_gone(ProcessIdentity(1, me.host, "", ""))
    monkeypatch.setattr(process_module.os, "name", "nt")
    assert process_module._exists(1)


def test_systems_without_proc_give_no_identity_beyond_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(process_module.Path, "read_text", no_file)
    me = this_process()
    assert (me.boot, me.started) == ("", "")
    assert process_module._state(me.pid) == ""
    assert not is_gone(me)


def test_signal_handlers_come_back_and_foreign_ones_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def work() -> None:
        with ending_raises():
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(1)

    with pytest.raises(SystemExit) as caught:
        work()
    assert caught.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before

    def mine(*_: object) -> None:
        """A handler of the surrounding program."""

    signal.signal(signal.SIGTERM, mine)
    try:
        with ending_raises():
            assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_forked_worker_dies_of_the_signal_as_if_there_were_no_handler() -> None:
    code = """
import os, signal, time
from churnbench.tracking.signals import ending_raises
with ending_raises():
    child = os.fork()
    if child == 0:
        try:
            time.sleep(30)
        finally:
            os._exit(99)
    time.sleep(0.3)
    os.kill(child, signal.SIGTERM)
    print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(int(signal.SIGTERM)), done.stderr


class FakeServer:
    """Stands for a tracking server on which another review creates the same names first."""

    def __init__(self, *, answers: bool) -> None:
        self.answers, self.calls = answers, 0

    def get_experiment_by_name(self, name: str) -> object:
        self.calls += 1
        taken = SimpleNamespace(experiment_id="5", lifecycle_stage="active")
        return taken if self.answers and self.calls > 1 else None

    def create_experiment(self, name: str, **options: object) -> str:
        assert set(options) == {"tags"}  # a server decides about its own artifact location
        raise RuntimeError("Experiment(name=acme) already exists")


def test_an_experiment_created_by_another_review_meanwhile_is_used() -> None:
    server = Store("https://mlflow.example", None, None)
    assert make_experiment(FakeServer(answers=True), server, "acme") == "5"
    with pytest.raises(RuntimeError, match="already exists"):
        make_experiment(FakeServer(answers=False), server, "acme")
    with alone(server), _artifact_root(server):
        assert "_MLFLOW_SERVER_ARTIFACT_ROOT" not in os.environ


def test_a_server_setting_in_the_environment_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "s3://bucket")
    with _artifact_root(resolve(URI, tmp_path)):
        assert os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"].startswith("file://")
    assert os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] == "s3://bucket"


def test_a_worker_thread_installs_no_handler() -> None:
    seen = []

    def work() -> None:
        with ending_raises():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_a_wrapper_around_itself_has_no_native_model() -> None:
    class Circle:
        @property
        def model(self) -> object:
            return self

    with pytest.raises(NotStorableError):
        native(Circle())


@pytest.mark.parametrize("name", ["", "///", "..", "a" * 999, "späß<script>"])
def test_any_name_becomes_an_accepted_key(name: str) -> None:
    cleaned = clean_name(name)
    assert 0 < len(cleaned) <= 250
    assert cleaned.isascii()
    assert not cleaned.startswith("/")
