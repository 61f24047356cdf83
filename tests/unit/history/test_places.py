"""What only a folder or only PostgreSQL must stand: compaction, killed writers, two writers, forbidden statements."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pandas as pd
import pytest
from history_worlds import append_days, config, day_of, inputs, opened, scratch_postgres

from churnbench.domain.errors import InputError
from churnbench.history import open_store, score_day
from churnbench.history.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[3]


def test_compaction_changes_no_reading_and_leaves_sorted_files_per_month(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        append_days(store, config(), range(29, 34))
        before = store.history()
        assert store.compact() == {"periods": 2, "files_before": 5, "files": 2}
        pd.testing.assert_frame_equal(store.history(), before)
        assert store.compact() == {"periods": 0, "files_before": 0, "files": 2}
        append_days(store, config(), range(34, 35))
        store.compact()
        assert len(store.history()) == len(before) + 12
    files = [part.name for part in read_manifest(tmp_path).parts]
    assert [name[:14] for name in files] == ["months/2026-01", "months/2026-02"]
    assert sorted(path.name for path in tmp_path.glob("*/*.parquet")) == sorted(Path(name).name for name in files)
    month = pd.read_parquet(tmp_path / files[1])
    assert month["account_id"].is_monotonic_increasing


def test_a_reader_that_listed_the_files_before_a_compaction_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churnbench.history import parquet_backend

    with open_store(tmp_path) as store, open_store(tmp_path) as other:
        append_days(store, config(), range(3))
        stale, whole = [read_manifest(tmp_path)], parquet_backend.read_manifest
        other.compact()
        monkeypatch.setattr(parquet_backend, "read_manifest", lambda folder: stale.pop() if stale else whole(folder))
        assert len(store.history()) == 36


def test_files_that_a_dead_writer_left_are_no_part_of_the_history_and_are_swept(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        append_days(store, config(), range(2))
        (tmp_path / "days" / "2026-01-09-000000000000.parquet").write_bytes(b"torn")
        (tmp_path / "days" / ".half.part").write_bytes(b"torn")
        assert len(store.history()) == 24
        append_days(store, config(), range(2, 3))
        assert len(list((tmp_path / "days").iterdir())) == 3


def test_a_last_line_of_a_log_that_was_cut_short_is_left_out_and_overwritten(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        append_days(store, config(), range(1))
        words = {"reason": "Champion has left the company", "author": "Ada", "until": day_of(9)}
        store.override("A01", today=day_of(0), band="red", **words)
        with (tmp_path / "overrides.jsonl").open("a") as stream:
            stream.write('{"id": "torn')
        assert len(store.overrides()) == 1
        store.override("A02", today=day_of(0), band="green", **words)
        assert [entry["account_id"] for entry in store.overrides()] == ["A01", "A02"]
        lines = (tmp_path / "overrides.jsonl").read_text().splitlines()
        (tmp_path / "overrides.jsonl").write_text("nonsense\n" + "\n".join(lines) + "\n")
        with pytest.raises(InputError, match=r"row 1.*damaged"):
            store.overrides()


def test_a_manifest_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        append_days(store, config(), range(1))
        (tmp_path / "manifest.json").write_text(json.dumps({"format": "other", "version": 1}))
        with pytest.raises(InputError, match="another version"):
            store.history()


KILLED = """
import os, signal, sys
from pathlib import Path
from threading import Barrier
from history_worlds import append_days, config
from churnbench.history import open_store
from churnbench.export import files
count, stop = 0, int(sys.argv[2])
whole = os.fsync
def fsync(handle):
    global count
    count += 1
    if count == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    whole(handle)
os.fsync = fsync
with open_store(sys.argv[1]) as store:
    append_days(store, config(), range(1, 2))
    store.compact()
print("lived", count)
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 5, 8])
def test_a_writer_killed_at_any_write_leaves_a_whole_history(tmp_path: Path, step: int) -> None:
    with open_store(tmp_path) as store:
        append_days(store, config(), range(1))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests" / "support")]),
        }
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), str(step)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr + done.stdout
        assert len(store.history()) in (12, 24)
        append_days(store, config(), range(1, 2))
        store.compact()
        assert len(store.history()) == 24
        assert len(read_manifest(tmp_path).parts) == 1


def _append(place: str, day: int, accounts: list[str], start: str) -> None:
    frame = inputs(day).loc[lambda rows: rows["account_id"].isin(accounts)]
    while not Path(start).exists():
        pass
    with open_store(place, patience=60) as store:
        store.append(config(), score_day(config(), frame, day_of(day)), today=day_of(day))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_two_appends_at_once_both_arrive(kind: str, tmp_path: Path) -> None:
    def both(place: str) -> None:
        context = multiprocessing.get_context("spawn")
        halves = [[f"A{k:02d}" for k in range(12) if k % 2 == half] for half in (0, 1)]
        start = tmp_path / "start"
        writers = [context.Process(target=_append, args=(place, 0, half, str(start))) for half in halves]
        for writer in writers:
            writer.start()
        start.touch()
        for writer in writers:
            writer.join(120)
        assert [writer.exitcode for writer in writers] == [0, 0]
        with open_store(place) as store:
            assert len(store.history()) == 12
            assert sorted(store.history()["appended"].unique()) == [1, 2]

    if kind == "folder":
        both(str(tmp_path / "history"))
    else:
        with scratch_postgres() as address:
            both(address)


@pytest.mark.postgres
def test_several_may_open_a_new_database_at_once() -> None:
    with scratch_postgres() as address, ThreadPoolExecutor(6) as pool:
        together = Barrier(6)

        def found() -> int:
            together.wait(60)
            with open_store(address) as store:
                return len(store.history())

        assert [opened.result(60) for opened in [pool.submit(found) for _ in range(6)]] == [0] * 6


def test_a_second_writer_gives_up_and_says_so(tmp_path: Path) -> None:
    with open_store(tmp_path, patience=0.1) as one, open_store(tmp_path, patience=0.1) as two:
        append_days(one, config(), range(1))
        with (
            one._backend.writing(),
            pytest.raises(InputError, match=f"another writer of the score history .process {os.getpid()}"),
        ):
            append_days(two, config(), range(1, 2))


@pytest.mark.postgres
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("churnbench_history", "coverage_bp"),
        ("churnbench_history_documents", "document"),
        ("churnbench_history_log", "entry"),
    ],
)
def test_postgresql_refuses_everything_but_an_insert(statement: str, table: str, column: str) -> None:
    import psycopg

    with scratch_postgres() as address:
        with open_store(address) as store:
            append_days(store, config(), range(1))
        with (
            psycopg.connect(address) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="only ever appended"),
        ):
            connection.execute(statement.format(table, column).encode())


@pytest.mark.postgres
def test_postgresql_keeps_nothing_of_an_append_that_failed(tmp_path: Path) -> None:
    with opened("postgres", tmp_path) as store:
        append_days(store, config(), range(1))
        readings = score_day(config(), inputs(1), day_of(1))

        def fails() -> None:
            with store._backend.writing():
                store._backend.write("overrides", [{"id": "x"}])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fails()
        assert store.overrides() == []
        assert store.append(config(), readings, today=day_of(1)).added == 12


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="mysql://"):
        open_store("mysql://localhost/x")


@pytest.mark.postgres
def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(InputError, match="cannot be opened") as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
