"""The band in force stays until the score leaves it clearly, or twice; worked by hand."""

from __future__ import annotations

from typing import Any

import pytest
from formula_worlds import assemble

from churnbench.export import ENGINES, build_document
from churnbench_scorer import ConfigRefused, load


def body(margin: int, reading: str | None) -> dict[str, Any]:
    """The score is the input itself; red below 60, yellow below 80."""
    return {
        "metrics": [
            {
                "id": "x",
                "input": "x",
                "missing": "skip",
                "rule": {"kind": "piecewise", "points": [[0, 0], [100, 100]], "slopes": [1]},
            }
        ],
        "dimensions": [{"id": "usage", "weights": [["x", 10000]]}],
        "segments": {"input": None, "default": [["usage", 10000]], "by": []},
        "min_coverage": 5000,
        "bands": [["red", 0], ["yellow", 6000], ["green", 8000]],
        "hysteresis": {"input": "held", "margin": margin, "reading": reading},
    }


def bands(margin: int, reading: str | None, row: dict[str, Any]) -> tuple[str, str]:
    score = load(assemble(body(margin, reading))).score(row)
    return score.band, score.reading_band


@pytest.mark.parametrize(
    ("x", "held", "band"),
    [
        (57.0, "yellow", "yellow"),  # 57.00 is the margin below 60, inclusive
        (56.99, "yellow", "red"),
        (82.99, "yellow", "yellow"),
        (83.0, "yellow", "green"),  # 80 + 3 is outside
        (62.99, "red", "red"),
        (63.0, "red", "yellow"),
        (77.0, "green", "green"),
        (76.99, "green", "yellow"),
        (100.0, "green", "green"),
        (10.0, "green", "red"),  # far beyond: no stop in between
        (59.0, None, "red"),
        (59.0, "purple", "red"),
        (59.0, "insufficient-data", "red"),
    ],
)
def test_a_margin_keeps_the_band_until_the_score_is_that_far_beyond_its_border(
    x: float, held: str | None, band: str
) -> None:
    reading = "red" if x < 60 else "yellow" if x < 80 else "green"
    assert bands(300, None, {"x": x, "held": held}) == (band, reading)


@pytest.mark.parametrize(
    ("x", "held", "last", "band"),
    [
        (59.0, "yellow", "yellow", "yellow"),  # first reading below
        (59.0, "yellow", "red", "red"),  # second
        (59.0, "yellow", "green", "yellow"),  # one below after one above confirms nothing
        (85.0, "yellow", "red", "yellow"),
        (85.0, "red", "yellow", "green"),  # twice above: to where today's is
        (65.0, "red", "green", "yellow"),
        (59.0, "yellow", None, "red"),  # nobody knows the last one: thresholds alone
        (59.0, "yellow", "purple", "red"),
        (70.0, "yellow", "red", "yellow"),
    ],
)
def test_with_the_last_reading_a_band_changes_after_two_readings_on_the_same_side(
    x: float, held: str, last: str | None, band: str
) -> None:
    assert bands(0, "last", {"x": x, "held": held, "last": last})[0] == band


def test_both_together_ask_for_both() -> None:
    row = {"x": 58.0, "held": "yellow", "last": "red"}
    assert bands(300, "last", row) == ("yellow", "red")
    assert bands(100, "last", row) == ("red", "red")


def test_without_a_score_nothing_is_held() -> None:
    assert bands(300, None, {"x": None, "held": "green"}) == ("insufficient-data", "insufficient-data")


@pytest.mark.parametrize("engine", ["numpy", "duckdb", "sqlite"])
def test_every_engine_holds_the_same_bands(engine: str) -> None:
    names = ["red", "yellow", "green", None, "purple"]
    rows = [
        {"x": x, "held": held, "last": last}
        for x in (0, 56.99, 57, 59.994, 59.995, 62.99, 63, 76.99, 77, 79.995, 82.99, 83, 100, None)
        for held in names
        for last in names
    ]
    document = assemble(body(300, "last"))
    wanted = ENGINES["python"](document, rows)
    for expected, found in zip(wanted, ENGINES[engine](document, rows), strict=True):
        assert found == {key: expected[key] for key in found}


def test_golden_vectors_record_the_reading_only_where_it_can_differ() -> None:
    lifecycle = {"created": "2026-01-01"}
    held = build_document(body(300, None), config_id="core", config_version="1.0.0", sequence=1, lifecycle=lifecycle)
    assert "hysteresis/1" in held["requires"]
    assert any(vector["out"]["reading"] != vector["out"]["band"] for vector in held["golden"])
    plain = {**body(300, None), "hysteresis": None}
    free = build_document(plain, config_id="core", config_version="1.0.0", sequence=1, lifecycle=lifecycle)
    assert all("reading" not in vector["out"] for vector in free["golden"])


@pytest.mark.parametrize(
    ("hysteresis", "words"),
    [
        ({"input": "held", "margin": 0}, "neither margin nor reading"),
        ({"input": "held", "margin": 0, "reading": "held"}, "one input for both"),
        ({"input": "x", "margin": 100}, "read as category"),
        ({"input": "held", "margin": 100.5}, "integer"),
    ],
)
def test_hysteresis_that_means_nothing_is_refused(hysteresis: dict[str, Any], words: str) -> None:
    document = assemble(body(300, None))
    document["body"]["hysteresis"] = hysteresis
    from formula_worlds import sealed

    with pytest.raises(ConfigRefused, match=words):
        load(sealed(document))
