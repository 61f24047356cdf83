"""The formulas of the conformance kit that belongs to no config: small, and between them every rule of the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import inf, nextafter
from typing import Any

from churnbench.formula import Body

Weights = list[list[Any]]


def line(*points: tuple[float, ...]) -> dict[str, Any]:
    """Knots with the slopes between them."""
    slopes = [(end[1] - start[1]) / (end[0] - start[0]) for start, end in pairwise(points)]
    return {"points": [list(point) for point in points], "slopes": slopes}


def metric(name: str, rule: Mapping[str, Any], *, source: str | None = None, **policy: Any) -> dict[str, Any]:
    """A metric that skips missing values unless told otherwise."""
    return {"id": name, "input": source or name, "missing": "skip", "rule": dict(rule), **policy}


def ramp(low: float, high: float) -> dict[str, Any]:
    """From 0 points at `low` to 100 at `high`."""
    return {"kind": "piecewise", **line((low, 0), (high, 100))}


def body(
    metrics: Sequence[dict[str, Any]],
    dimensions: Mapping[str, Sequence[tuple[str, int]]],
    weights: Sequence[int],
    **rest: Any,
) -> Body:
    """A body with one profile unless `segments` is given."""
    default = [[name, weight] for name, weight in zip(dimensions, weights, strict=True)]
    return {
        "metrics": list(metrics),
        "dimensions": [
            {"id": name, "weights": [list(pair) for pair in members]} for name, members in dimensions.items()
        ],
        "segments": {"input": None, "default": default, "by": []},
        "min_coverage": 0,
        "bands": [["red", 0], ["yellow", 6000], ["green", 8000]],
        **rest,
    }


def _rounding() -> Body:
    return body([metric("x", ramp(0, 100))], {"only": [("x", 10000)]}, [10000])


def _order() -> Body:
    """Eleven metrics whose weighted sums depend on the order in which they are added."""
    names = [f"x{position}" for position in range(11)]
    metrics = [metric(name, ramp(-0.7 * place, 3.1 + 1.3 * place)) for place, name in enumerate(names)]
    parts = {
        "first": list(zip(names[:4], (1237, 3391, 2903, 2469), strict=True)),
        "second": list(zip(names[4:7], (3333, 3334, 3333), strict=True)),
        "third": list(zip(names[7:], (777, 4111, 1999, 3113), strict=True)),
    }
    return body(metrics, parts, [4717, 2142, 3141])


def _coverage() -> Body:
    """Weights that meet the least coverage exactly, and one basis point below."""
    parts = {"a": [("a1", 5000), ("a2", 5000)], "b": [("b1", 1), ("b2", 9999)], "c": [("c1", 10000)]}
    metrics = [metric(name, ramp(0, 7)) for members in parts.values() for name, _ in members]
    return body(metrics, parts, [5000, 4999, 1], min_coverage=5000)


def _policies() -> Body:
    parts = {"a": [("skipped", 3000), ("neutral", 4000), ("worst", 3000)], "b": [("alone", 0), ("other", 10000)]}
    metrics = [
        metric("skipped", ramp(0, 3)),
        metric("neutral", ramp(0, 3), missing="neutral", neutral=37.25),
        metric("worst", {"kind": "piecewise", **line((0, 100), (3, 0))}, missing="worst"),
        metric("alone", ramp(0, 3)),
        metric("other", ramp(0, 3)),
    ]
    return body(metrics, parts, [6000, 4000], min_coverage=2500)


def _knots() -> Body:
    """A curve with many knots, a fall, a flat part and neighbours that round differently."""
    curve = line((-3.5, 12.5), (-0.1, 80), (0, 0), (0.3, 33.3), (7, 33.3), (7.7, 99.9), (1e6, 100))
    steep = line((0, 100), (1e-9, 50), (1, 0))
    metrics = [metric("curve", {"kind": "piecewise", **curve}), metric("steep", {"kind": "piecewise", **steep})]
    return body(metrics, {"only": [("curve", 6180), ("steep", 3820)]}, [10000])


def _sides() -> Body:
    """Slopes that meet their knots as loosely as they may: a knot read from its left is another score."""
    loose, shown = line((0, 0), (1, 50.125), (2, 80.375)), line((0, 0), (50.125, 62.375), (100, 100))
    loose["slopes"] = [slope - 5e-7 for slope in loose["slopes"]]
    shown["slopes"] = [slope - 1e-8 for slope in shown["slopes"]]
    rule = {"kind": "piecewise", **loose}
    return body([metric("loose", rule)], {"only": [("loose", 10000)]}, [10000], display_map=shown)


def _ratio() -> Body:
    share = {"kind": "ratio", "denominator": "bought", "multiplier": 1, "low": 0, "high": 1.2, **line((0, 0), (1, 100))}
    growth = {"kind": "ratio", "denominator": "before", "multiplier": 100, "low": -50, "high": 50}
    growth |= line((-50, 0), (-3.3, 41), (50, 100))
    metrics = [metric("seats", share), metric("growth", growth, source="change"), metric("plain", ramp(0, 3))]
    return body(metrics, {"only": [("seats", 4000), ("growth", 3500), ("plain", 2500)]}, [10000])


def _texts() -> Body:
    names = ["SMB", "Enterprise", "constructor", "__proto__", "Größe", "smb", " SMB", ""]
    parts = {"usage": [("logins", 10000)], "people": [("sponsor", 4000), ("plan", 6000)]}
    plans = [["gold", 90], ["Gold", 70], ["free ", 20], ["free", 10.5], ["toString", 55], ["NaN", 33]]
    metrics = [
        metric("logins", ramp(0, 30)),
        metric("sponsor", {"kind": "boolean", "true": 100, "false": 20}, missing="neutral", neutral=50),
        metric("plan", {"kind": "category", "map": plans}),
    ]
    by = [
        {"segment": name, "weights": [["usage", 1000 * place], ["people", 10000 - 1000 * place]]}
        for place, name in enumerate(names)
    ]
    segments = {"input": "segment", "default": [["usage", 5555], ["people", 4445]], "by": by}
    return body(metrics, parts, [5555, 4445], segments=segments)


def _time() -> Body:
    """Validity periods of both kinds, and the onboarding ramp."""
    parts = {"a": [("old", 5000), ("flagged", 5000)]}
    metrics = [
        metric("old", ramp(0, 10), validity={"input": "old_age", "days": 30, "then": "missing"}),
        metric("flagged", ramp(0, 10), validity={"input": "flagged_age", "days": 7.5, "then": "flag"}),
    ]
    tenure = {"input": "tenure", **line((0, 2.5), (30, 1.4), (90, 1))}
    return body(metrics, parts, [10000], ramp=tenure)


def _after() -> Body:
    """Caps, display map and risk by stratum, which work on different scales and in this order."""
    caps = [
        {"id": "severity", "input": "open_sev1", "op": ">=", "value": 1, "max_score": 59},
        {"id": "silent", "input": "logins", "op": "<", "value": 0.5, "max_score": 41.7},
        {"id": "trial", "input": "plan", "op": "=", "value": "trial", "max_score": 70.005},
    ]
    strata = [
        {
            "id": "renewal",
            "from": 0,
            "to": 104,
            **line((0, 0.81, 0.7, 0.9), (37.3, 0.31, 0.2, 0.4), (100, 0.02, 0, 0.1)),
        },
        {"id": "late", "from": None, "to": 0, **line((0, 0.95, 0.9, 1), (100, 0.35, 0.3, 0.4))},
        {"id": "else", **line((0, 0.4, 0.3, 0.5), (63.1, 0.0314159, 0, 0.1), (100, 0.004, 0, 0.1))},
    ]
    return body(
        [metric("logins", ramp(0, 30)), metric("tickets", {"kind": "piecewise", **line((0, 100), (9, 0))})],
        {"usage": [("logins", 10000)], "support": [("tickets", 10000)]},
        [6500, 3500],
        caps=caps,
        display_map={**line((0, 0), (41.7, 60), (66.6, 80), (100, 100))},
        risk_curve={"input": "days_to_renewal", "strata": strata},
    )


def _ramped() -> Body:
    """Caps that hold where a ramp works, `worst` above the lowest points of its curve, texts beyond ASCII."""
    caps = [
        {"id": "severity", "input": "open_sev1", "op": ">=", "value": 1, "max_score": 59},
        {"id": "falling", "input": "usage_trend", "op": "<", "value": -50.5, "max_score": 40.25},
        {"id": "notice", "input": "stage", "op": "=", "value": "gekündigt", "max_score": 10.125},
    ]
    metrics = [
        metric("logins", ramp(0, 30)),
        metric("answered", {"kind": "piecewise", **line((0, 20), (10, 80))}, missing="worst"),
        metric("plan", {"kind": "category", "map": [["Straße", 90], ["Café", 30.5]]}),
        metric("late", ramp(0, 10), validity={"input": "late_age", "days": 30, "then": "missing"}),
    ]
    parts = {"usage": [("logins", 7000), ("answered", 3000)], "rest": [("plan", 5500), ("late", 4500)]}
    tenure = {"input": "tenure", **line((0, 0.5), (90, 1), (120, 1.25), (180, 1))}
    strata = [{"id": "all", **line((0, 0.9, 0.8, 1), (40.25, 0.5, 0.4, 0.6), (100, 0.01, 0, 0.1))}]
    risk = {"input": None, "strata": strata}
    return body(metrics, parts, [6000, 4000], ramp=tenure, caps=caps, risk_curve=risk)


def _quotient() -> Body:
    """A ratio that jumps between neighbouring doubles: another order of its operations is another score."""
    step = {"kind": "ratio", "denominator": "bought", "multiplier": 100, "low": 0, "high": 100}
    step |= line((0, 0), (7, 10), (nextafter(7, inf), 90), (100, 100))
    return body(
        [metric("step", step, source="used"), metric("plain", ramp(0, 3))],
        {"only": [("step", 9000), ("plain", 1000)]},
        [10000],
    )


def _hysteresis(margin: int, reading: str | None) -> Body:
    held = {"input": "band_in_force", "margin": margin, "reading": reading}
    return body([metric("x", ramp(0, 100))], {"only": [("x", 10000)]}, [10000], hysteresis=held)


#: Name of a config of the kit -> its body.
KIT_BODIES: Mapping[str, Callable[[], Body]] = {
    "rounding": _rounding,
    "order": _order,
    "coverage": _coverage,
    "policies": _policies,
    "knots": _knots,
    "sides": _sides,
    "ratio": _ratio,
    "texts": _texts,
    "time": _time,
    "after": _after,
    "ramped": _ramped,
    "quotient": _quotient,
    "margin": lambda: _hysteresis(250, None),
    "twice": lambda: _hysteresis(100, "last_reading"),
}
