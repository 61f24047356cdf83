import copy
import json
import os
from pathlib import Path
from random import Random

import numpy as np
import pytest
from formula_worlds import FULL_ROW, random_body, small_body

from churnbench.domain.errors import InputError
from churnbench.export import build_document, checked_scorer, read_document, write_document
from churnbench.export import files as files_module
from churnbench.export.files import pretty
from churnbench_scorer import canonical, load

LIFECYCLE = {"created": "2026-01-01"}


def document(body: dict | None = None, **parts: object) -> dict:
    options: dict = {"config_id": "core", "config_version": "2.1.0", "sequence": 7, "lifecycle": LIFECYCLE, **parts}
    return build_document(body or small_body(), **options)


def golden_inputs(found: dict, name: str) -> list[object]:
    return [vector["in"].get(name, "absent") for vector in found["golden"]]


def test_a_built_document_loads_and_says_what_it_requires() -> None:
    found = document(
        inputs=[{"id": "logins_30d", "unit": "count", "label": "Logins"}, {"id": "notes", "type": "category"}],
        provenance={"gap_days": 14, "verdict": "promote"},
        extra={"preset": "four-dimensions"},
    )
    assert load(found).score(FULL_ROW).health_score_x100 == 6900
    assert found["requires"] == [
        "piecewise/1", "ratio/1", "boolean/1", "category/1", "missing/1", "segments/1", "caps/1", "risk-curve/1",
        "triggers/1",
    ]  # fmt: skip
    assert found["inputs"][0] == {
        "nullable": True,
        "id": "logins_30d",
        "unit": "count",
        "label": "Logins",
        "type": "number",
    }
    assert found["inputs"][-1]["id"] == "notes"
    assert found["extra"] == {"preset": "four-dimensions"}


def test_the_same_body_gives_the_same_bytes_and_golden_vectors_whatever_surrounds_it() -> None:
    first, second = document(), document(sequence=8, config_version="3.0.0", provenance={"gap_days": 1})
    assert canonical(first["body"]) == canonical(second["body"])
    assert first["golden"] == second["golden"]
    assert first["integrity"]["body_sha256"] == second["integrity"]["body_sha256"]
    assert first["integrity"]["sha256"] != second["integrity"]["sha256"]


def test_numpy_numbers_and_tuples_in_a_body_become_plain_json() -> None:
    body = small_body()
    body["metrics"][0]["rule"]["points"] = [(np.float64(0), 0), (np.float64(10), 50), (20, 100)]
    found = document({**body, "bands": [["red", 0], ["yellow", 6000], ["green", 8000]]})
    assert found["body"] == small_body()
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("name", ["logins_30d", "active_seats"])
def test_golden_vectors_hold_every_knot_with_its_neighbouring_doubles(name: str) -> None:
    values = golden_inputs(document(), name)
    knots = [0.0, 10.0, 20.0] if name == "logins_30d" else [0.0, 8.0]
    for knot in knots:
        for value in (knot, float(np.nextafter(knot, np.inf)), float(np.nextafter(knot, -np.inf))):
            assert value in values


def test_golden_vectors_hold_missing_odd_and_edge_cases() -> None:
    found = document()
    logins, seats = golden_inputs(found, "logins_30d"), golden_inputs(found, "bought_seats")
    assert {"absent", None, "NaN", "Infinity", "-Infinity", 1.5e308} <= set(logins)
    assert {0.0, -8.0, None, "NaN", 5e-324} <= set(seats)
    assert {"SMB", "constructor", "no such value", "", None} <= set(golden_inputs(found, "segment"))
    assert {1.0, float(np.nextafter(1, 0)), float(np.nextafter(1, 2))} <= set(golden_inputs(found, "open_sev1"))
    assert {0.0, 104.0, float(np.nextafter(104, 200))} <= set(golden_inputs(found, "days_to_renewal"))
    scores = {vector["out"]["score"] for vector in found["golden"]}
    assert {6000, 5999, 8000, 7999} <= scores  # either side of both band edges
    assert {vector["out"]["band"] for vector in found["golden"]} == {"red", "yellow", "green", "insufficient-data"}
    people_empty = [v for v in found["golden"] if v["in"].get("plan", 1) is None and v["in"]["has_sponsor"] is None]
    assert people_empty
    assert 80 <= len(found["golden"]) <= 200


@pytest.mark.parametrize("seed", range(12))
def test_documents_of_random_formulas_load_and_survive_the_disk(seed: int, tmp_path: Path) -> None:
    found = document(random_body(Random(seed)))
    path = write_document(found, tmp_path / "deep" / "core.json")
    assert read_document(path) == found
    assert load(path).body_sha256 == found["integrity"]["body_sha256"]


def test_a_golden_vector_sits_on_one_line_and_equal_documents_give_equal_bytes(tmp_path: Path) -> None:
    found = document()
    first = write_document(found, tmp_path / "a.json").read_bytes()
    second = write_document(copy.deepcopy(found), tmp_path / "b.json").read_bytes()
    assert first == second
    lines = first.decode().splitlines()
    assert sum(line.lstrip().startswith('{"in"') for line in lines) == len(found["golden"])
    assert oct((tmp_path / "a.json").stat().st_mode & 0o777) == "0o644"


def test_pretty_json_is_json_even_for_deep_and_empty_values() -> None:
    value = {"a": [], "b": {}, "c": [["x" * 60, "y" * 60], {"k": ["z" * 120]}], "ü": None, "in": 1}
    assert json.loads(pretty(value)) == value
    with pytest.raises(ValueError, match="JSON compliant"):
        pretty({"a": float("nan")})


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_document(document(), tmp_path / "core.json")
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_document(document(sequence=9), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["core.json"]


def test_a_folder_that_cannot_be_opened_does_not_stop_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def no_folders(path: object, flags: int, *rest: int) -> int:
        if path == tmp_path:
            raise PermissionError("folders cannot be opened here")
        return real(path, flags, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(files_module.os, "open", no_folders)
    assert write_document(document(), tmp_path / "core.json").exists()


def test_reading_names_the_file_that_is_at_fault(tmp_path: Path) -> None:
    path = tmp_path / "core.json"
    path.write_text('{"a": 1, "a": 2}')
    with pytest.raises(InputError, match="'a' twice") as caught:
        read_document(path)
    assert caught.value.file == str(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_document(tmp_path / "nowhere.json")


def test_a_refused_document_is_an_input_error_for_the_command_line() -> None:
    found = document()
    found["body"]["min_coverage"] = 1
    with pytest.raises(InputError, match="edited") as caught:
        checked_scorer(found, file="core.json")
    assert str(caught.value).startswith("core.json: config.integrity")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("parts", "needle"),
    [
        ({"config_version": "2"}, "config_version"),
        ({"sequence": -1}, "sequence"),
        ({"lifecycle": {}}, "created"),
        ({"lifecycle": {"created": "yesterday"}}, "text like"),
        ({"provenance": {"mood": "good"}}, "unknown field 'mood'"),
        ({"provenance": {"gap_days": float("nan")}}, "finite"),
        ({"inputs": [{"id": "logins_30d", "colour": "red"}]}, "unknown field 'colour'"),
    ],
)
def test_parts_that_break_the_format_are_refused_while_building(parts: dict, needle: str) -> None:
    with pytest.raises(InputError, match=needle):
        document(**parts)


def test_a_document_may_be_built_that_has_expired_since() -> None:
    assert document(lifecycle={"created": "2020-01-01", "hard_expiry": "2020-06-01"})["lifecycle"]["hard_expiry"]
