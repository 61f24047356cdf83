"""The list of docs/scoring-rules.md, section 6, and of the format: what a reader must refuse, place by place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from formula_worlds import FULL_ROW, sealed

from churnbench_scorer import ConfigRefused, load

PLACES = [
    (),
    ("inputs", 0),
    ("body",),
    ("body", "metrics", 0),
    ("body", "metrics", 0, "rule"),
    ("body", "dimensions", 0),
    ("body", "segments"),
    ("body", "segments", "by", 0),
    ("body", "caps", 0),
    ("body", "risk_curve"),
    ("body", "risk_curve", "strata", 0),
    ("body", "triggers", 0),
    ("body", "triggers", 0, "all", 0),
    ("provenance",),
    ("lifecycle",),
    ("golden", 0),
    ("golden", 0, "out"),
    ("integrity",),
]


def refusal(document: Any, **options: Any) -> ConfigRefused:
    with pytest.raises(ConfigRefused) as caught:
        load(document, **options)
    return caught.value


def at(document: dict[str, Any], place: tuple[Any, ...]) -> Any:
    found: Any = document
    for step in place:
        found = found[step]
    return found


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_unknown_field_is_refused_wherever_it_stands(document: dict, place: tuple[Any, ...]) -> None:
    at(document, place)["surprise"] = 1
    fresh = document if place == ("integrity",) else sealed(document)
    assert "unknown field 'surprise'" in str(refusal(fresh))


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_key_that_stands_twice_is_refused_wherever_it_stands(document: dict, place: tuple[Any, ...]) -> None:
    part = at(document, place)
    name = next(iter(part))
    part["second-copy"] = part[name]
    text = json.dumps(document).replace('"second-copy"', json.dumps(name))
    assert f"key {name!r} twice" in str(refusal(text))


@pytest.mark.parametrize(
    "name",
    ["format", "spec_version", "requires", "config_id", "config_version", "sequence", "inputs", "body", "provenance",
     "lifecycle", "golden", "integrity"],
)  # fmt: skip
def test_a_document_without_one_of_its_members_is_refused(document: dict, name: str) -> None:
    del document[name]
    assert name in str(refusal(document))


@pytest.mark.parametrize("feature", ["piecewise/1", "ratio/1", "boolean/1", "category/1", "missing/1", "segments/1", "caps/1", "risk-curve/1", "triggers/1"])  # fmt: skip  # noqa: E501
def test_every_feature_that_the_body_uses_must_be_listed(document: dict, feature: str) -> None:
    document["requires"].remove(feature)
    assert f"no {feature!r}, which the body uses" in str(refusal(sealed(document)))


def test_a_feature_that_is_listed_but_not_used_is_allowed(document: dict) -> None:
    document["requires"].append("ramp/1")
    assert load(sealed(document)).score(FULL_ROW).health_score_x100 == 6900


@pytest.mark.parametrize("name", ["body_sha256", "sha256"])
@pytest.mark.parametrize(
    "form", [str.upper, lambda text: text[:-1], lambda text: text + "0", lambda text: "0x" + text[2:]]
)
def test_hashes_are_sixty_four_lower_case_hex_digits(document: dict, name: str, form: Any) -> None:
    document["integrity"][name] = form(document["integrity"][name])
    assert name in str(refusal(document))


def test_a_newer_spec_is_refused_as_newer_even_when_it_also_has_unknown_fields(document: dict) -> None:
    document |= {"spec_version": "1.1", "surprise": 1}
    document["body"]["novelty"] = {}
    assert "Upgrade" in refusal(sealed(document)).fix


def test_expiry_is_refused_before_golden_vectors_are_replayed_and_after_the_hashes(document: dict) -> None:
    document["lifecycle"] = {"created": "2026-01-01", "hard_expiry": "2026-03-31"}
    broken = copy.deepcopy(document)
    broken["golden"][0]["out"]["score"] = 1
    assert refusal(sealed(broken), now="2026-04-01").where == "config.lifecycle.hard_expiry"
    document["lifecycle"]["hard_expiry"] = "2030-01-01"  # prolonged by hand
    document["integrity"] = broken["integrity"]
    assert refusal(document, now="2026-04-01").where == "config.integrity.sha256"


def test_triggers_and_extra_notes_change_no_score(document: dict) -> None:
    plain = load(document).score(FULL_ROW).as_dict()
    document["extra"] = {"anything": [1, {"deep": None}]}
    document["body"]["triggers"] = []
    assert load(sealed(document)).score(FULL_ROW).as_dict() == plain


def test_a_refusal_always_says_what_to_do(document: dict) -> None:
    for change in ({"format": "x"}, {"spec_version": "9.0"}, {"requires": ["x/1"]}, {"sequence": -1}, {"golden": []}):
        error = refusal(sealed({**copy.deepcopy(document), **change}))
        assert error.where.startswith("config")
        assert error.arrived
        assert error.expected
        assert error.fix.endswith(".")
