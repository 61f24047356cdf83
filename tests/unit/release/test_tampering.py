from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.tamper import Outcome, tamper
from formula_worlds import small_body
from release_worlds import candidate

from churnbench.export import write_document
from churnbench_scorer import ConfigRefused, canonical, load
from churnbench_scorer.reading import read


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    body = small_body()
    body["metrics"][3]["rule"]["map"].append(["Größe 'x'", 12.25])  # bytes beyond ASCII are edited too
    document = candidate(body, lifecycle={"created": "2026-01-01"})
    return write_document(document, tmp_path / "core.json").read_bytes()


def test_no_single_byte_edit_of_a_body_is_accepted_unless_it_changes_nothing(data: bytes) -> None:
    found = tamper(data, 1000, seed=1)
    assert found.ok, (found.accepted[:3], found.crashed[:3])
    assert found.edits == 1000 == found.same + sum(found.refused.values())
    assert found.same > 0  # blanks between tokens
    assert {"config", "config.integrity.body_sha256"} <= set(found.refused)


def test_the_search_would_see_an_accepted_edit(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.tamper.load", read)  # a reader that checks no hash
    found = tamper(data, 300, seed=1)
    assert not found.ok
    assert found.accepted


def test_another_error_than_a_refusal_counts_as_a_fault() -> None:
    assert not Outcome(crashed=[("replaced", 1, "KeyError")]).ok


def test_any_blank_between_tokens_leaves_the_document_as_it_was(data: bytes) -> None:
    place = data.index(b'"metrics": ') + len(b'"metrics":')
    edited = data[:place] + b"\n\t " + data[place:]
    assert canonical(read(edited)) == canonical(read(data))
    assert load(edited).sequence == 2
    with pytest.raises(ConfigRefused):
        load(data[:place] + b"0" + data[place:])
