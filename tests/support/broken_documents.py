"""Documents that no reader may accept, each with words that its refusal must hold."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Change = Callable[[dict[str, Any]], object]

#: Text or bytes that are no document.
TEXT_FAULTS: list[tuple[str | bytes, str]] = [
    ('{"format": "churnbench-weights", "format": "churnbench-weights"}', "'format' twice"),
    ('{"a": {"b": 1, "b": 1}}', "'b' twice"),
    ('{"a": NaN}', "literal NaN"),
    ('{"a": [Infinity]}', "literal Infinity"),
    ('{"a": -Infinity}', "literal -Infinity"),
    ("{", "not JSON"),
    ("{}", "nothing"),
    ('{"a": 1} x', "not JSON"),
    (b'{"a": "\xff"}', "not UTF-8"),
    ("{" + '"a":[' * 100_000, "not JSON"),
    ('{"format": ' + "9" * 5000 + "}", "not JSON"),
]

#: Changes of a document outside its body.
COVER_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"format": "something"}, "not a churnbench config"),
    ({"spec_version": "1.1"}, "Upgrade"),
    ({"spec_version": "2.0"}, "Upgrade"),
    ({"spec_version": "0.9"}, "at most 1.0"),
    ({"spec_version": "1"}, "a version like"),
    ({"spec_version": "1.x"}, "a version like"),
    ({"spec_version": 1.0}, "a version like"),
    ({"requires": ["piecewise/1", "neural/3"]}, "neural/3"),
    ({"requires": [["piecewise/1"]]}, "unknown requirement"),
    ({"requires": "piecewise/1"}, "array"),
    ({"requires": ["missing/1"]}, "'piecewise/1', which the body uses"),
    ({"surprise": 1}, "unknown field 'surprise'"),
    ({"sequence": 2**53}, "9007199254740991"),
    ({"sequence": -1}, "0 to"),
    ({"sequence": "7"}, "integer"),
    ({"sequence": True}, "integer"),
    ({"config_version": "2.1"}, "text like"),
    ({"config_version": "2.1.0\n"}, "text like"),
    ({"config_id": ""}, "text like"),
    ({"inputs": []}, "1 to"),
    ({"golden": []}, "1 to"),
    ({"extra": [1]}, "object"),
    ({"inputs": [{"id": "logins_30d", "type": "number"}] * 2}, "twice"),
]


def _set(*path: Any, value: Any) -> Change:
    def change(body: dict[str, Any]) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


CURVE = ("metrics", 0, "rule")
RISK = ("risk_curve", "strata")


def huge_knots(slope: float) -> Change:
    """Two knots whose doubles are 16384 apart, though their integers are 20000 apart."""
    return _set(*CURVE, value={"kind": "piecewise", "points": [[10**20, 0], [10**20 + 20_000, 100]], "slopes": [slope]})


#: Changes of `formula_worlds.small_body()`.
BODY_FAULTS: list[tuple[Change, str]] = [
    (_set("dimensions", 0, "weights", 0, 1, value=5999), "sum to 9999"),
    (_set("segments", "default", 0, 1, value=7001), "sum to 10001"),
    (_set("segments", "by", 0, "weights", 0, 1, value=0), "sum to 1000"),
    (_set("segments", "by", 0, "weights", value=[["people", 1000], ["usage", 9000]]), "in this order"),
    (_set("segments", "default", value=[["usage", 10000]]), "usage, people"),
    (lambda body: body["segments"]["by"].append(copy.deepcopy(body["segments"]["by"][0])), "'SMB' twice"),
    (_set("segments", "input", value=None), "profiles without an input"),
    (_set("segments", "input", value="logins_30d"), "read as category"),
    (_set("metrics", 3, "input", value="logins_30d"), "read as category"),
    (_set(*CURVE, "points", value=[[0, 0], [20, 50], [10, 100]]), "strictly ascending"),
    (_set(*CURVE, "points", value=[[0, 0], [0, 50], [10, 100]]), "strictly ascending"),
    (_set(*CURVE, "slopes", value=[5]), "1 slopes"),
    (_set(*CURVE, "slopes", value=[5, 5.1]), "the slope that meets 100"),
    (_set(*CURVE, "slopes", value=[5, 1e308]), "the slope that meets 100"),
    (_set(*CURVE, "points", 0, 1, value=101), "from 0 to 100"),
    (_set(*CURVE, "kind", value="spline"), "kind 'spline'"),
    (_set(*CURVE, value="linear"), "a kind among"),
    (_set(*CURVE, "knots", value=3), "unknown field 'knots'"),
    (_set("metrics", 1, "id", value="logins"), "'logins' twice"),
    (_set("metrics", 0, "id", value="9lives"), "text like"),
    (_set("metrics", 0, "missing", value="zero"), "one of skip, neutral, worst"),
    (lambda body: body["metrics"][2].pop("neutral"), "neutral"),
    (_set("metrics", 1, "rule", "high", value=0), "low below high"),
    (_set("metrics", 1, "rule", "multiplier", value=0), "a number from"),
    (_set("metrics", 3, "rule", "map", value=[["a", 1], ["a", 2]]), "'a' twice"),
    (_set("metrics", 3, "rule", "map", value=[["a", 1, 2]]), "2 items"),
    (_set("dimensions", 1, "id", value="usage"), "'usage' twice"),
    (_set("dimensions", 1, "id", value="health"), "reserved"),
    (_set("dimensions", 1, "weights", value=[["sponsor", 10000]]), "'plan' only on one side"),
    (_set("dimensions", 1, "weights", 1, 0, value="logins"), "'logins' twice"),
    (_set("bands", value=[["red", 1], ["green", 8000]]), "the first from 0"),
    (_set("bands", value=[["red", 0], ["green", 0]]), "ascending bands"),
    (_set("bands", value=[["red", 0], ["red", 10]]), "'red' twice"),
    (_set("bands", value=[["insufficient-data", 0]]), "reserved"),
    (_set("bands", 1, 1, value=60.5), "integer"),
    (_set("min_coverage", value=10001), "0 to 10000"),
    (_set("caps", 0, "value", value="one"), "= with text"),
    (_set("caps", 0, "op", value="="), "= with text"),
    (_set("caps", 0, "op", value=">"), "one of"),
    (lambda body: body["caps"].append(dict(body["caps"][0])), "'sev1' twice"),
    (lambda body: body["triggers"].append(dict(body["triggers"][0])), "'below_60' twice"),
    (_set("triggers", 0, "all", value=[]), "1 to 20 items"),
    (_set("display_map", value={"points": [[0, 50], [100, 0]], "slopes": [-0.5]}), "a falling map"),
    (_set("display_map", value={"points": [[0, 0], [100, 100]], "slopes": [2]}), "the slope that meets 100"),
    (_set("ramp", value={"input": "t", "points": [[5, 2], [5, 1]], "slopes": [1]}), "strictly ascending"),
    (_set(*RISK, 1, "to", value=9), "no bounds on the last"),
    (_set(*RISK, 0, "from", value=105), "from not above to"),
    (
        _set(*RISK, 0, value={"id": "r", "points": [[0, 0, 0, 1], [1, 0, 0, 1]], "slopes": [0]}),
        "at least one on",
    ),
    (_set(*RISK, 1, "id", value="renewal"), "'renewal' twice"),
    (_set(*RISK, 0, "points", 0, 2, value=0.81), "low <= p <= high"),
    (_set(*RISK, 0, "slopes", value=[-0.0061]), "the slope that meets"),
    (_set("risk_curve", "input", value=None), "several strata without an input"),
    (_set(*CURVE, "points", value=[[0, 0], [10**20, 50], [10**20 + 20_000, 100]]), "the slope that meets 50"),
    (huge_knots(0.005), "the slope that meets 100"),
    (_set("metrics", value={}), "array"),
    (_set("metrics", value=[]), "1 to 500"),
    (lambda body: body.pop("bands"), "no field 'bands'"),
    (_set("metrics", 3, "rule", "map", value=[["x" * 201, 1]]), "201 characters"),
]
