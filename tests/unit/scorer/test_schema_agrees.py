"""The shipped schema, read by a real validator, and the scorer's own reading of it accept the same documents."""

from random import Random
from typing import Any

import jsonschema
import pytest
from damaged_documents import full_document, mutate
from formula_worlds import assemble, random_body
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench_scorer import ConfigRefused
from churnbench_scorer.shape import check_shape, schema

VALIDATOR = jsonschema.Draft202012Validator(schema())


def own_verdict(document: Any) -> bool:
    try:
        check_shape(document, "config")
    except ConfigRefused:
        return False
    return True


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
