"""A change explained: parts that add up exactly, whatever moved, and parts worked by hand."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from formula_worlds import FULL_ROW, assemble, knots_of, random_body, random_row, small_body
from history_worlds import config

from churnbench.domain.errors import InputError
from churnbench.formula import validate_body
from churnbench.history import Reading, explain_change, reading_of
from churnbench.history.shares import Totals, shapley, whole
from churnbench_scorer import Scorer

BEFORE, AFTER = date(2026, 1, 1), date(2026, 2, 1)


def reading(document: dict[str, Any], row: dict[str, Any], on: date, override: int | None = None) -> Reading:
    made = reading_of({"account_id": "A", "as_of": on, **row}, document)
    return Reading(made.account_id, made.as_of, made.body_sha256, made.inputs, override)


def explained(
    before: dict[str, Any], after: dict[str, Any], old: dict[str, Any] | None = None, new: dict[str, Any] | None = None
) -> Any:
    old = old or config()
    new = new or old
    documents = {document["integrity"]["body_sha256"]: document for document in (old, new)}
    return explain_change(reading(old, before, BEFORE), reading(new, after, AFTER), documents)


def full(**changes: Any) -> dict[str, Any]:
    return {**FULL_ROW, "plan": "gold", **changes}


def tidy(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a frame would hold it: numbers that are doubles."""
    return {name: float(v) if isinstance(v, int) and abs(v) < 10**300 else v for name, v in row.items()}


@pytest.mark.parametrize("seed", range(60))
def test_parts_sum_to_the_change_exactly_on_random_formulas_and_rows(seed: int) -> None:
    rng = Random(seed)
    old = assemble(random_body(rng))
    new = old if seed % 3 else assemble(random_body(rng))
    checked = 0
    for _ in range(6):
        rows = []
        for document in (old, new):
            body = document["body"]
            row = random_row(rng, validate_body(body), knots_of(body))
            rows.append({k: v for k, v in tidy(row).items() if not (isinstance(v, int) and not isinstance(v, bool))})
        overrides = [rng.choice([None, None, None, rng.randint(0, 10000)]) for _ in range(2)]
        readings = [
            reading(document, row, on, override)
            for document, row, on, override in zip((old, new), rows, (BEFORE, AFTER), overrides, strict=True)
        ]
        change = explain_change(*readings, {d["integrity"]["body_sha256"]: d for d in (old, new)})
        scores = [
            Scorer(document).score(found.inputs).health_score_x100
            for document, found in zip((old, new), readings, strict=True)
        ]
        if None in scores:
            assert change.total_x100 is None
            assert change.parts == ()
            continue
        shown = [score if o is None else o for score, o in zip(scores, overrides, strict=True)]
        assert change.total_x100 == shown[1] - shown[0]
        assert sum(part.points_x100 for part in change.parts) == change.total_x100
        assert not any(part.cause == "rounding" for part in change.parts)
        checked += 1
        if old is new:
            assert not any(part.cause == "config" for part in change.parts)
    assert checked or seed  # the first seed always has something to check


def test_one_metric_that_fell_is_the_whole_change() -> None:
    # Usage weighs 70 %, logins 60 % of it: 15 logins are 75 points, 5 are 25.
    change = explained(full(), full(logins_30d=5))
    assert change.by_cause() == {"data": -2100}
    (part,) = change.parts
    assert (part.what, part.before, part.after) == ("logins", "15", "5")


def test_the_same_inputs_under_another_body_are_due_to_the_config_alone() -> None:
    body = deepcopy(small_body())
    body["dimensions"][0]["weights"] = [["logins", 5000], ["seats", 5000]]
    body["segments"]["default"] = [["usage", 6000], ["people", 4000]]
    row = full(logins_30d=10)
    change = explained(row, row, config(), config(body, version="1.1.0", sequence=2))
    assert set(change.by_cause()) == {"config"}
    assert change.parts[0].what == "1.0.0 to 1.1.0"


def test_data_and_config_are_told_apart_when_both_change() -> None:
    body = deepcopy(small_body())
    body["dimensions"][0]["weights"] = [["logins", 5000], ["seats", 5000]]
    new = config(body, version="1.1.0", sequence=2)
    under_old = explained(full(), full(logins_30d=5)).total_x100
    change = explained(full(), full(logins_30d=5), config(), new)
    assert change.by_cause()["data"] == under_old
    assert change.by_cause()["config"] == change.total_x100 - under_old


def test_a_metric_that_vanished_is_missingness_and_not_data() -> None:
    change = explained(full(), full(plan=None))
    assert set(change.by_cause()) == {"missingness"}
    assert change.unknown_after == ("plan",)
    both = explained(full(), full(plan=None, logins_30d=5))
    assert set(both.by_cause()) == {"data", "missingness"}


def test_another_segment_is_due_to_its_profile() -> None:
    change = explained(full(), full(segment="SMB"))
    assert set(change.by_cause()) == {"segment"}
    assert (change.parts[0].before, change.parts[0].after) == ("Enterprise", "SMB")


def test_a_cap_takes_back_what_the_data_gave() -> None:
    change = explained(full(open_sev1=1.0), full(open_sev1=1.0, logins_30d=20))
    assert (change.before_x100, change.after_x100, change.total_x100) == (5900, 5900, 0)
    assert change.by_cause() == {"data": 1050, "caps": -1050}
    assert change.caps_before == change.caps_after == ("sev1",)
    opened = explained(full(), full(open_sev1=1.0))
    assert set(opened.by_cause()) == {"caps"}


def test_a_score_set_by_hand_is_a_part_of_its_own() -> None:
    document = config()
    documents = {document["integrity"]["body_sha256"]: document}
    change = explain_change(
        reading(document, full(), BEFORE), reading(document, full(logins_30d=5), AFTER, 9000), documents
    )
    assert change.after_x100 == 9000
    assert change.by_cause()["data"] == -2100
    assert sum(change.by_cause().values()) == change.total_x100


def test_going_there_and_back_gives_opposite_parts() -> None:
    rows = full(), full(plan=None, logins_30d=5, segment="SMB", has_sponsor=None)
    there, back = explained(*rows), explained(*reversed(rows))
    assert len(there.parts) >= 4
    for cause, points in there.by_cause().items():
        assert abs(points + back.by_cause()[cause]) <= len(there.parts)


def test_too_little_data_leaves_nothing_to_split_and_says_what_is_unknown() -> None:
    change = explained(full(), {"segment": "SMB"})
    assert change.total_x100 is None
    assert change.after_x100 is None
    assert set(change.unknown_after) == {"logins", "seats", "sponsor", "plan"}


def test_readings_of_two_accounts_and_an_absent_config_are_refused() -> None:
    document = config()
    one = reading(document, full(), BEFORE)
    with pytest.raises(InputError, match="Compare one account"):
        explain_change(one, Reading("B", AFTER, one.body_sha256, one.inputs), {one.body_sha256: document})
    with pytest.raises(InputError, match="is not there"):
        explain_change(one, one, {})


def test_shapley_values_are_those_of_every_order_written_out() -> None:
    totals = Totals(
        dimension=np.array([0, 0, 1, 1]),
        weight=np.array([6000.0, 4000.0, 5000.0, 5000.0]),
        points=np.array([[80.0, np.nan, 30.0, 10.0], [20.0, 90.0, 30.0, np.nan]]),
        profile=np.array([[7000.0, 3000.0], [4000.0, 6000.0]]),
    )
    from itertools import permutations

    def value(done: frozenset[str]) -> float:
        pick = [int("data" in done), int("m1" in done), 0, int("m3" in done)]
        points = totals.points[pick, range(4)][None]
        return float(totals.at(points, totals.profile[[int("profile" in done)]])[0][0])

    names = ["m1", "m3", "profile", "data"]
    expected = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        done: frozenset[str] = frozenset()
        for name in order:
            expected[name] += (value(done | {name}) - value(done)) / 24
            done |= {name}
    groups, data = shapley(totals, [[1], [3], []], [0], profile=True)
    assert np.allclose([*groups, data.sum()], [expected[name] for name in names])


def test_whole_parts_stay_within_one_of_what_they_were() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        parts = rng.normal(scale=300, size=rng.integers(1, 9)).tolist()
        made = whole(parts, round(sum(parts)))
        assert sum(made) == round(sum(parts))
        assert max(abs(a - b) for a, b in zip(parts, made, strict=True)) < 1.5


def test_rows_of_a_history_frame_can_be_explained_too() -> None:
    frame = pd.DataFrame([{"account_id": "A", "as_of": BEFORE, **full()}])
    assert reading_of(dict(frame.iloc[0]), config()).inputs["logins_30d"] == 15
