"""The shipped schema, read by a real validator, and the scorer's own reading of it accept the same documents."""

import copy
from random import Random
from typing import Any

import jsonschema
import pytest
from formula_worlds import assemble, random_body, small_body
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench_scorer import ConfigRefused
from churnbench_scorer.shape import check_shape, schema

VALIDATOR = jsonschema.Draft202012Validator(schema())

REPLACEMENTS: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    7.0,
    7.5,
    10000,
    10001,
    2**53,
    1e301,
    "",
    "text",
    "neutral",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "9.9",
    "=",
    "x" * 201,
    [],
    [1],
    ["a", 1],
    [[0, 0], [1, 100]],
    {},
    {"kind": "boolean"},
    {"kind": "boolean", "true": 1, "false": 0},
    {"kind": ["boolean"]},
    {"in": {}, "out": {}},
]


def own_verdict(document: Any) -> bool:
    try:
        check_shape(document, "config")
    except ConfigRefused:
        return False
    return True


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found += places(item, (*path, position))
    return found


def mutate(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """One random change: replace, delete, add a member, or repeat an item."""
    changed = copy.deepcopy(document)
    # One part in two from the body: provenance and golden vectors would outnumber it.
    paths = [path for path in places(changed) if path and (path[0] == "body") == (rng.random() < 0.5)]
    path = rng.choice(paths or places(changed)[1:])
    holder: Any = changed
    for step in path[:-1]:
        holder = holder[step]
    action = rng.random()
    if action < 0.6:
        holder[path[-1]] = copy.deepcopy(rng.choice(REPLACEMENTS))
    elif action < 0.8:
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[rng.choice(["surprise", "neutral", "validity", "extra", "unit"])] = rng.choice(REPLACEMENTS)
    else:
        holder.append(copy.deepcopy(holder[0]))
    return changed


def full_document() -> dict[str, Any]:
    """A document that uses every field of the format."""
    body = small_body()
    body["metrics"][0]["validity"] = {"input": "age", "days": 30, "then": "missing"}
    body["ramp"] = {"input": "tenure", "points": [[0, 2], [90, 1]], "slopes": [-1 / 90]}
    body["display_map"] = {"points": [[0, 0], [100, 100]], "slopes": [1]}
    document = assemble(body)
    document["inputs"][0] |= {"unit": "count", "label": "Logins"}
    document["extra"] = {"anything": [1, {"goes": None}]}
    document["provenance"] = {
        "train_window": ["2024-01-01", "2025-01-01"],
        "label_window": ["2024-01-15", "2025-04-15T00:00:00Z"],
        "gap_days": 14,
        "horizon_days": None,
        "data_fingerprint": "sha256:00",
        "mlflow_run_id": None,
        "code_commit": "abc",
        "metrics": [{"name": "auc", "value": 0.78, "ci90": [0.75, 0.81], "accounts": 1200, "segment": "all"}],
        "verdict": "promote",
        "warnings": ["w"],
        "approvals": [{"by": "a", "role": "b", "at": "2026-01-01", "body_sha256": "0" * 64}],
    }
    document["lifecycle"] = {
        "created": "2026-01-01T10:00:00.5Z",
        "review_by": None,
        "hard_expiry": "2027-01-01",
        "supersedes": "2.0.1",
    }
    return document


def test_the_schema_itself_is_a_valid_schema_that_forbids_unknown_fields() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["additionalProperties"] is False


def test_both_accept_a_document_that_uses_every_field() -> None:
    document = full_document()
    VALIDATOR.validate(document)
    check_shape(document, "config")


@pytest.mark.parametrize("change", ["", "a" * 64, "1.0\n"])
def test_both_read_a_constant_alike(change: str) -> None:
    document = full_document() | {"format": change}
    assert own_verdict(document) == VALIDATOR.is_valid(document) == (change == "churnbench-weights")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9))
def test_both_reach_the_same_verdict_on_randomly_damaged_documents(seed: int) -> None:
    rng = Random(seed)
    document = full_document()
    for _ in range(rng.choice([1, 1, 2])):
        document = mutate(document, rng)
    assert own_verdict(document) == VALIDATOR.is_valid(document)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_both_accept_random_bodies_with_every_kind_of_rule(seed: int) -> None:
    document = assemble(random_body(Random(seed)))
    VALIDATOR.validate(document)
    check_shape(document, "config")
