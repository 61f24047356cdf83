from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import release_worlds
from release_worlds import NOW, WHO, candidate, moved_body, released, run_folder, three_releases

from churnbench.domain.errors import InputError
from churnbench.release import Surroundings, active, history, new_key, promote, read_signing_key, rollback
from churnbench.release import store as store_module
from churnbench.release.lock import held
from churnbench.release.publishing import repaired, swap_pointer
from churnbench.release.store import folder_of, read_pointer, release_file
from churnbench_scorer import load

STEPS = [
    "begun",
    "file written",
    "signature written",
    "decision recorded",
    "pointer swapped",
    "end recorded",
    "alias moved",
]


class Died(BaseException):
    """Stands for a process that ends: nothing in the code may catch it."""


def dying_at(step: str) -> Callable[[str], None]:
    def at(reached: str) -> None:
        if reached == step:
            raise Died

    return at


def states(folder: Path) -> list[tuple[int, str]]:
    return [(entry["sequence"], entry["state"]) for entry in history.decisions(folder)]


def test_the_steps_are_told_in_this_order(tmp_path: Path) -> None:
    seen: list[str] = []
    released(tmp_path / "models", tmp_path / "run", around={"at": seen.append})
    assert seen == STEPS


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_a_process_that_dies_at_any_step_leaves_the_old_or_the_new_config_and_the_next_repairs(
    tmp_path: Path, step: str, verb: str
) -> None:
    models, folder = tmp_path / "models", tmp_path / "models" / "core"
    key = read_signing_key(new_key(tmp_path / "k.pem", "Team").private_file)
    for number in range(2):
        released(models, tmp_path / str(number), candidate(moved_body(number)), around={"key": key})
    dying = Surroundings(now=NOW, key=key, patience=0.2, at=dying_at(step))
    run = run_folder(tmp_path / "run", candidate(moved_body(2)))
    verbs: dict[str, Callable[[], object]] = {
        "promote": lambda: promote(run, models, **WHO, surroundings=dying),
        "rollback": lambda: rollback(models, "core", **WHO, reason="It was wrong.", surroundings=dying),
    }
    with pytest.raises(Died):
        verbs[verb]()
    new = STEPS.index(step) >= STEPS.index("pointer swapped")
    document, pointer = active(models, "core")
    assert pointer.sequence == (4 if new else 3)
    assert load(document, now="2026-03-03").sequence == pointer.sequence
    made = released(models, tmp_path / "next", candidate(moved_body(5)), around={"key": key})
    decided = STEPS.index(step) >= STEPS.index("decision recorded")
    written = STEPS.index(step) >= STEPS.index("file written")
    assert made.pointer.sequence == (5 if written else 4)  # a number once used is never used again
    ends = {2: "activated", 3: "activated", made.pointer.sequence: "activated"}
    if decided:
        ends[4] = "activated" if new else "abandoned"
    assert dict(states(folder)) == ends
    assert {release_file(folder, sequence).name for sequence, end in ends.items() if end == "activated"} == {
        path.name for path in folder.glob("*-*.json") if not path.name.endswith(".sig.json")
    }
    shelf = [path.name for path in (folder / "abandoned").glob("*")] if (folder / "abandoned").exists() else []
    assert bool(shelf) == (written and not new)
    assert repaired(folder, "2026-03-02T10:00:00Z") == []


@pytest.mark.parametrize(
    ("call", "number"), [*(("fsync", number) for number in range(1, 8)), *(("replace", number) for number in (1, 2, 3))]
)
def test_a_disk_that_fails_at_any_write_leaves_the_old_or_the_new_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    models = tmp_path / "models"
    released(models, tmp_path / "0", candidate(moved_body(0)))
    run = run_folder(tmp_path / "1", candidate(moved_body(1)))
    count = 0
    real: Callable[..., object] = os.fsync if call == "fsync" else Path.replace

    def failing(*values: object) -> object:
        nonlocal count
        count += 1
        if count == number:
            raise OSError("disk full")
        return real(*values)

    with monkeypatch.context() as broken:
        broken.setattr(os if call == "fsync" else Path, call, failing)
        try:
            promote(run, models, **WHO, surroundings=Surroundings(now=NOW, patience=0.2))
        except OSError as error:
            assert "disk full" in str(error)  # noqa: PT017 - some numbers are beyond the last write
    document, pointer = active(models, "core")
    assert pointer.sequence in (2, 3)
    assert document["body"] == moved_body(pointer.sequence - 2)
    released(models, tmp_path / "2", candidate(moved_body(2)))
    assert active(models, "core")[0]["body"] == moved_body(2)


KILLED = """
import os, signal, sys
from pathlib import Path
import release_worlds
from release_worlds import NOW, WHO
from churnbench.release import Surroundings, promote

def at(step):
    if step == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

promote(sys.argv[1], sys.argv[2], **WHO, surroundings=Surroundings(now=NOW, at=at))
"""


@pytest.mark.parametrize("step", ["decision recorded", "pointer swapped"])
def test_a_process_killed_by_the_system_frees_the_lock_and_leaves_one_config_active(tmp_path: Path, step: str) -> None:
    models = tmp_path / "models"
    released(models, tmp_path / "0")
    run = run_folder(tmp_path / "1", candidate(moved_body(1)))
    command = [sys.executable, "-c", KILLED, str(run), str(models), step]
    where = {**os.environ, "PYTHONPATH": str(Path(release_worlds.__file__).parent)}
    done = subprocess.run(command, capture_output=True, timeout=120, env=where)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert active(models, "core")[1].sequence == (2 if step == "decision recorded" else 3)
    assert released(models, tmp_path / "2", candidate(moved_body(2))).pointer.sequence == 4


def test_a_second_release_waits_a_while_and_then_names_the_process_that_holds_the_folder(tmp_path: Path) -> None:
    lock = tmp_path / "core" / ".lock"
    slept: list[float] = []
    with held(lock):
        with (
            pytest.raises(InputError, match=rf"process {os.getpid()}\) is at work") as caught,
            held(lock, patience=0.3, clock=lambda: float(sum(slept)), sleep=slept.append),
        ):
            raise AssertionError("two holders")
        assert sum(slept) >= 0.3
        assert "decide again" in str(caught.value)
    with held(lock, patience=0.0):
        assert lock.read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"), held(tmp_path / "models" / "core" / ".lock"):
        pass


def test_a_torn_last_line_of_the_history_is_ignored_then_removed_and_a_damaged_one_before_it_refused(
    tmp_path: Path,
) -> None:
    models, folder = tmp_path / "models", tmp_path / "models" / "core"
    released(models, tmp_path / "0")
    with (folder / "history.jsonl").open("a") as stream:
        stream.write('{"event": "prom')
    assert states(folder) == [(2, "activated")]
    assert any("never finished" in warning for warning in released(models, tmp_path / "1").warnings)
    assert states(folder) == [(2, "activated"), (3, "activated")]
    lines = (folder / "history.jsonl").read_text().splitlines()
    (folder / "history.jsonl").write_text("\n".join(["[1]", *lines[1:]]) + "\n")
    with pytest.raises(InputError, match=r"row 1.*line is damaged"):
        history.entries(folder)


def test_releases_stay_where_they_are_when_pointer_and_history_were_lost(tmp_path: Path) -> None:
    models = tmp_path / "models"
    made = three_releases(models, tmp_path)
    for name in ("current", "history.jsonl"):
        (models / "core" / name).unlink()
    back = rollback(models, "core", **WHO, reason="Somebody emptied the folder.", to=3)
    assert back.pointer.sequence == 5
    assert active(models, "core")[0]["body"] == made[1].document["body"]
    assert all(release.path.exists() for release in made)


def test_the_history_is_only_appended_to(tmp_path: Path) -> None:
    models = tmp_path / "models"
    before = b""
    for number in range(3):
        released(models, tmp_path / str(number), candidate(moved_body(number)))
        now = (models / "core" / "history.jsonl").read_bytes()
        assert now.startswith(before)
        assert len(now) > len(before)
        before = now


def test_a_reader_refuses_an_exchanged_edited_or_missing_file_and_says_what_to_do(tmp_path: Path) -> None:
    models = tmp_path / "models"
    first, second, _ = three_releases(models, tmp_path)
    path = release_file(models / "core", 4)
    whole = path.read_text("utf-8")
    for content, needle in (
        (first.path.read_text("utf-8"), "Somebody exchanged it"),
        (whole.replace('"gap_days": 14', '"gap_days": 15'), "edited or damaged"),
        ("{}", "edited or damaged"),
        (whole[:-200], "not JSON"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=needle):
            active(models, "core")
    path.unlink()
    with pytest.raises(InputError, match="which is gone"):
        active(models, "core")
    assert second.pointer.sequence == 3


def test_a_reader_that_loses_its_file_to_tidying_looks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "models"
    first = released(models, tmp_path / "0")
    folder = folder_of(models, "core")
    real, seen = store_module.read_pointer, []

    def between(where: Path) -> object:
        pointer = real(where)
        seen.append(pointer)
        if len(seen) == 1:  # the reader has read the pointer; now somebody releases and tidies up
            monkeypatch.setattr(store_module, "read_pointer", real)
            released(models, tmp_path / "1", candidate(moved_body(1)))
            first.path.unlink()
        return pointer

    monkeypatch.setattr(store_module, "read_pointer", between)
    assert active(models, "core")[1].sequence == 3
    assert read_pointer(folder) is not None


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"config_id": "core"}', None],
)
def test_a_damaged_pointer_is_refused_and_never_followed_out_of_its_folder(tmp_path: Path, content: str | None) -> None:
    models = tmp_path / "models"
    released(models, tmp_path / "0")
    pointer = models / "core" / "current"
    if content is None:
        fields = json.loads(pointer.read_text())
        content = json.dumps(fields | {"file": "../../0/config.json"})
    pointer.write_text(content)
    with pytest.raises(InputError, match="pointer is damaged"):
        active(models, "core")


def test_nothing_promoted_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config 'core' is active here.*churnbench promote"):
        active(tmp_path, "core")


READER = """
import json, sys
from pathlib import Path
from churnbench.release import active

reads, seen, fault = 0, set(), None
Path(sys.argv[3]).touch()
try:
    while not Path(sys.argv[2]).exists():
        document, pointer = active(sys.argv[1], "core", trusted={}, require_signature=False)
        assert document["sequence"] == pointer.sequence
        assert document["integrity"]["body_sha256"] == pointer.body_sha256
        reads += 1
        seen.add(pointer.sequence)
except BaseException as error:
    fault = repr(error)
print(json.dumps([reads, len(seen), fault]))
"""


def test_two_hundred_swaps_under_concurrent_readers_are_never_seen_torn(tmp_path: Path) -> None:
    models, stop = tmp_path / "models", tmp_path / "stop"
    three_releases(models, tmp_path)
    folder = models / "core"
    pointers = [pointer_to(folder, sequence) for sequence in (2, 3, 4)]
    readers = []
    for number in range(2):
        arguments = [sys.executable, "-c", READER, str(models), str(stop), str(tmp_path / f"ready{number}")]
        readers.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
    while not all((tmp_path / f"ready{number}").exists() for number in range(2)):
        assert all(reader.poll() is None for reader in readers)
        time.sleep(0.02)
    for number in range(200):
        swap_pointer(folder, pointers[number % 3])
        time.sleep(0.001)  # lets readers in between; no figure depends on it
    stop.touch()
    found = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]
    assert [fault for _, _, fault in found] == [None, None]
    assert all(reads > 0 for reads, _, _ in found)
    assert max(seen for _, seen, _ in found) > 1


def pointer_to(folder: Path, sequence: int) -> store_module.Pointer:
    document = store_module.released(folder, sequence)
    return store_module.Pointer(
        "core",
        sequence,
        document["config_version"],
        release_file(folder, sequence).name,
        document["integrity"]["sha256"],
        document["integrity"]["body_sha256"],
        "2026-03-02T09:30:00Z",
        "Ada Byron",
    )
