"""A reader of the output folder sees whole results or none."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from evidence_contract import strict_json

from churnbench.domain.errors import InputError
from churnbench.workflow.publish import CONFIG, FILES, exclusive, publish, write_json


def _staged(out: Path, text: str) -> Path:
    staging = out / ".staging-test"
    staging.mkdir(parents=True)
    for name in FILES:
        (staging / name).write_text(text)
    return staging


def _published(out: Path) -> dict[str, str]:
    return {name: (out / name).read_text() for name in FILES if (out / name).exists()}


@pytest.mark.parametrize("crash_at", range(len(FILES)))
def test_a_crash_between_any_two_renames_leaves_no_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    publish(_staged(tmp_path, "old"), tmp_path)
    assert _published(tmp_path) == dict.fromkeys(FILES, "old")
    (tmp_path / ".staging-test").rmdir()
    staging = _staged(tmp_path, "new")
    real, calls = os.replace, []

    def crashing(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > crash_at:
            raise OSError("power failure")
        real(source, target)

    monkeypatch.setattr(os, "replace", crashing)
    with pytest.raises(OSError, match="power failure"):
        publish(staging, tmp_path)
    assert CONFIG not in _published(tmp_path)
    # The next publication heals it.
    monkeypatch.setattr(os, "replace", real)
    for name in FILES:
        (staging / name).write_text("newer")
    publish(staging, tmp_path)
    assert _published(tmp_path) == dict.fromkeys(FILES, "newer")


def test_the_config_leaves_first_and_arrives_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(_staged(tmp_path, "old"), tmp_path)
    (tmp_path / ".staging-test").rmdir()
    staging = _staged(tmp_path, "new")
    seen: list[tuple[str, bool]] = []
    real = os.replace

    def watching(source: Path, target: Path) -> None:
        seen.append((Path(target).name, (tmp_path / CONFIG).exists()))
        real(source, target)

    monkeypatch.setattr(os, "replace", watching)
    publish(staging, tmp_path)
    assert [name for name, _ in seen][-1] == CONFIG
    assert not any(there for _, there in seen)


def test_files_that_were_not_made_this_time_do_not_stay_from_last_time(tmp_path: Path) -> None:
    publish(_staged(tmp_path, "old"), tmp_path)
    staging = tmp_path / ".staging-test"
    (staging / "evidence.json").write_text("blocked")
    (tmp_path / "mine.txt").write_text("not churnbench's")
    published = publish(staging, tmp_path)
    assert published == [tmp_path / "evidence.json"]
    assert _published(tmp_path) == {"evidence.json": "blocked"}
    assert (tmp_path / "mine.txt").exists()


def test_a_second_process_is_refused_while_the_first_holds_the_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from churnbench.workflow.publish import exclusive\n"
        "with exclusive(Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(InputError, match="another run is writing") as caught, exclusive(tmp_path):
            pass
        assert str(tmp_path) in str(caught.value)
        assert "another --out" in str(caught.value)
        assert list(tmp_path.glob(".staging-*")), "the first run's staging folder must survive the refusal"
    finally:
        holder.communicate("", timeout=30)
    with exclusive(tmp_path) as staging:
        assert staging.is_dir()


def test_what_a_killed_run_left_behind_is_swept_away(tmp_path: Path) -> None:
    stale = tmp_path / ".staging-dead"
    stale.mkdir(parents=True)
    (stale / "config.json").write_text("half")
    with exclusive(tmp_path) as staging:
        assert not stale.exists()
        (staging / "part").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [".churnbench.lock"]


def test_the_staging_folder_vanishes_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), exclusive(tmp_path / "a" / "b") as staging:
        (staging / "no folder" / "part").write_text("x")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [".churnbench.lock"]


def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written") as caught, exclusive(out):
            pass
        assert str(out) in str(caught.value)


def test_figures_that_do_not_exist_are_null_and_numpy_numbers_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    document = {
        "nan": math.nan,
        "inf": [math.inf, -math.inf, np.float64("nan"), np.float32(1.5)],
        "int": np.int64(3),
        "flag": np.bool_(True),
        "tuple": (1, None, {"deep": np.nan}),
        1: "Ünïcode <script>",
    }
    write_json(path, document)
    assert strict_json(path) == {
        "nan": None,
        "inf": [None, None, None, 1.5],
        "int": 3,
        "flag": True,
        "tuple": [1, None, {"deep": None}],
        "1": "Ünïcode <script>",
    }
    assert json.loads(path.read_text("utf-8"))["1"].startswith("Ü")
