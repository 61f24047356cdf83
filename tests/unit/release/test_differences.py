from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from formula_worlds import assemble, random_body, small_body
from hypothesis import given, settings
from hypothesis import strategies as st

from churnbench.domain.errors import InputError
from churnbench.release import diff
from churnbench.release.differences import Change

MAP = {"points": [[0, 0], [50, 60], [100, 100]], "slopes": [1.2, 0.8]}
ONE_PROFILE = {"input": None, "default": [["usage", 7000], ["people", 3000]], "by": []}


def changed(change: Callable[[dict[str, Any]], object]) -> tuple[list[Change], list[str]]:
    body = deepcopy(small_body())
    change(body)
    found = diff(assemble(small_body()), assemble(body))
    text = found.text()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert json.loads(found.json())["sentences"] == found.sentences()
    return list(found.differences.changes), found.sentences()


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def test_a_formula_does_not_differ_from_itself() -> None:
    changes, sentences = changed(lambda body: None)
    assert changes == []
    assert sentences == ["The formulas are the same; every account keeps its score."]


def test_weights_are_shares_of_the_whole_score_by_default_and_by_segment() -> None:
    changes, _ = changed(put("segments", "default", value=[["usage", 5000], ["people", 5000]]))
    assert [(c.what, c.name, c.before, c.after, c.of) for c in changes] == [
        ("dimension weight", "usage", 70.0, 50.0, None),
        ("dimension weight", "people", 30.0, 50.0, None),
        ("metric weight", "logins", pytest.approx(42.0), pytest.approx(30.0), None),
        ("metric weight", "seats", pytest.approx(28.0), pytest.approx(20.0), None),
        ("metric weight", "sponsor", pytest.approx(15.0), pytest.approx(25.0), None),
        ("metric weight", "plan", pytest.approx(15.0), pytest.approx(25.0), None),
    ]
    changes, sentences = changed(put("segments", "by", value=[]))
    assert [(c.name, c.before, c.after, c.of) for c in changes] == [
        ("usage", 90.0, 70.0, "SMB"),
        ("people", 10.0, 30.0, "SMB"),
    ]
    assert "Dimension usage in segment 'SMB': 90.00 % -> 70.00 % of the score." in sentences


def test_a_turned_curve_is_a_change_of_direction_and_of_points() -> None:
    rule = {"kind": "piecewise", "points": [[0, 100], [20, 0]], "slopes": [-5]}
    changes, sentences = changed(put("metrics", 0, "rule", value=rule))
    assert changes[0] == Change("direction", "logins", "higher is healthier", "lower is healthier")
    assert [(c.at, c.before, c.after) for c in changes[1:]] == [(0.0, 0.0, 100.0), (20.0, 100.0, 0.0)]
    assert any("up to 100.0 points apart (at 0)" in sentence for sentence in sentences)


def test_curves_within_a_point_count_as_the_same() -> None:
    near = {"kind": "piecewise", "points": [[0, 1], [10, 50], [20, 100]], "slopes": [4.9, 5]}
    changes, sentences = changed(put("metrics", 0, "rule", value=near))
    assert changes == []
    assert "at most a point" in sentences[0]
    far = {"kind": "piecewise", "points": [[0, 1.5], [10, 50], [20, 100]], "slopes": [4.85, 5]}
    assert [(c.what, c.at) for c in changed(put("metrics", 0, "rule", value=far))[0]] == [("curve", 0.0)]


def test_the_largest_difference_of_two_curves_is_found_at_a_knot_of_either() -> None:
    rule = {"kind": "piecewise", "points": [[0, 0], [5, 80], [20, 100]], "slopes": [16, 20 / 15]}
    changes, _ = changed(put("metrics", 0, "rule", value=rule))
    assert max(changes, key=lambda c: abs(c.after - c.before)).at == 5.0


@pytest.mark.parametrize(
    ("change", "what", "words"),
    [
        (put("metrics", 0, "input", value="logins_7d"), "source", "reads logins_30d (piecewise) -> logins_7d ("),
        (put("metrics", 1, "rule", "multiplier", value=2), "source", "* 2, held within 0 and 1"),
        (put("metrics", 1, "missing", value="skip"), "missing", "A missing seats: 0 points -> left out."),
        (put("metrics", 2, "neutral", value=40), "missing", "A missing sponsor: 50 points -> 40 points."),
        (
            put("metrics", 0, "validity", value={"input": "age", "days": 30, "then": "missing"}),
            "missing",
            "missing after 30 days (age)",
        ),
        (put("metrics", 2, "rule", "false", value=60), "curve", "false: 20.0 -> 60.0"),
        (put("metrics", 3, "rule", "map", value=[["gold", 90], ["free", 50]]), "curve", "free: 10.0 -> 50.0"),
        (put("metrics", 3, "rule", "map", value=[["gold", 90]]), "category", "'free' of plan: gone, was 10 points."),
        (put("bands", 1, 1, value=5500), "band", "Band yellow: from 60.00 -> from 55.00."),
        (put("bands", value=[["red", 0], ["green", 8000]]), "band", "Band yellow: gone, was from 60.00."),
        (put("min_coverage", value=6000), "coverage", "50.0 % -> 60.0 %"),
        (put("caps", 0, "max_score", value=69), "cap", "Cap sev1: input open_sev1, op >=, value 1, max_score 59 -> "),
        (put("caps", value=[]), "cap", "Cap sev1: gone"),
        (
            put("ramp", value={"input": "tenure", "points": [[0, 2], [90, 1]], "slopes": [-1 / 90]}),
            "ramp",
            "Ramp: added.",
        ),
        (put("hysteresis", value={"input": "held", "margin": 200}), "hysteresis", "new, input held, margin 200."),
        (put("display_map", value=MAP), "display map", "50: 50.0 -> 60.0"),
        (put("triggers", value=[]), "trigger", "Trigger below_60: gone"),
        (put("segments", value=ONE_PROFILE), "segment input", "segment -> nothing"),
        (
            put("risk_curve", "strata", 1, "points", value=[[0, 0.4, 0.3, 0.5], [100, 0.2, 0.0, 0.3]]),
            "risk",
            "score 20 34.0 % -> 36.0 %",
        ),
    ],
)
def test_every_part_of_a_formula_is_compared_and_put_in_words(change: Any, what: str, words: str) -> None:
    def with_slopes(body: dict[str, Any]) -> None:
        change(body)
        if what == "risk":
            body["risk_curve"]["strata"][1]["slopes"] = [-0.002]

    changes, sentences = changed(with_slopes)
    assert what in {c.what for c in changes}
    assert any(words in sentence for sentence in sentences), sentences


def test_inputs_that_come_and_go_are_named() -> None:
    _, sentences = changed(put("metrics", 0, "input", value="logins_7d"))
    assert "Input logins_30d: gone, was number." in sentences
    assert "Input logins_7d: new, number." in sentences


def test_a_metric_that_comes_or_goes_has_no_share_on_one_side() -> None:
    def without_plan(body: dict[str, Any]) -> None:
        body["metrics"].pop()
        body["dimensions"][1]["weights"] = [["sponsor", 10000]]

    _, sentences = changed(without_plan)
    assert "Metric plan: gone, was 15.00 % of the score." in sentences


def test_an_edited_document_is_refused_and_an_expired_one_compared() -> None:
    good, bad = assemble(small_body()), assemble(small_body())
    bad["body"]["min_coverage"] = 1
    with pytest.raises(InputError, match="edited"):
        diff(good, bad)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_any_two_formulas_can_be_compared_in_both_directions(first: int, second: int) -> None:
    from random import Random

    a, b = assemble(random_body(Random(first))), assemble(random_body(Random(second)))
    there, back = diff(a, b), diff(b, a)
    assert max(len(line) for line in there.text().splitlines()) <= 80
    mirrored = {(c.what, c.name, repr(c.after), repr(c.before), c.at, c.of) for c in back.differences.changes}
    assert {(c.what, c.name, repr(c.before), repr(c.after), c.at, c.of) for c in there.differences.changes} == mirrored
