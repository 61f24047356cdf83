"""What a schema cannot say: sums, order, and that everything named exists."""

from __future__ import annotations

from .errors import ConfigRefused
from .shape import check_shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

INSUFFICIENT = "insufficient-data"
FULL = 10000  # basis points
_FIX = "Correct the formula and export the config again."

#: `<dimension>_score` columns must not hide the columns of the whole score.
RESERVED_DIMENSIONS = ("health", "raw")


def check_body(body: Any) -> dict[str, str]:
    """Refuse a body that no consumer could score, or that two consumers could read differently.

    Args:
        body: the `body` member of a document.

    Returns:
        Input id -> "number", "boolean" or "category", in order of first use.

    Raises:
        ConfigRefused: at the first fault.
    """
    check_shape(body, "body", "body")
    _check_metrics(body["metrics"])
    _check_dimensions(body)
    _check_profiles(body)
    _check_bands(body["bands"])
    for name in ("ramp", "display_map"):
        if body.get(name) is not None:
            _check_curve(body[name]["points"], body[name]["slopes"], f"body.{name}")
    if body.get("display_map") is not None:
        heights = [point[1] for point in body["display_map"]["points"]]
        if any(low > high for low, high in zip(heights, heights[1:])):
            raise _refused("body.display_map", "a falling map", "one that never falls")
    _check_hysteresis(body.get("hysteresis"))
    _check_risk_curve(body.get("risk_curve") or {"strata": []})
    _unique((cap["id"] for cap in body.get("caps", ())), "body.caps", "cap")
    _unique((trigger["id"] for trigger in body.get("triggers", ())), "body.triggers", "trigger")
    return input_kinds(body)


def input_kinds(body: dict[str, Any]) -> dict[str, str]:
    """Inputs that a checked body reads, with the kind each use asks for, in order of first use.

    Raises:
        ConfigRefused: when one input is read both as a number and as text.
    """
    kinds: dict[str, str] = {}
    for name, kind, where in _uses(body):
        known = kinds.setdefault(name, kind)
        if "category" in (known, kind) and known != kind:
            raise _refused(where, f"input {name!r} read as {kind}", f"{known}, as elsewhere")
        if kind == "boolean":
            kinds[name] = kind
    return kinds


def required_features(body: dict[str, Any]) -> list[str]:
    """The `requires` list of a body: every feature a consumer must know to score it, in a fixed order."""
    rules = {metric["rule"]["kind"] for metric in body["metrics"]}
    used = {
        "piecewise/1": "piecewise" in rules,
        "ratio/1": "ratio" in rules,
        "boolean/1": "boolean" in rules,
        "category/1": "category" in rules,
        "missing/1": True,
        "validity/1": any(metric.get("validity") for metric in body["metrics"]),
        "segments/1": body["segments"]["input"] is not None,
        "ramp/1": body.get("ramp") is not None,
        "caps/1": bool(body.get("caps")),
        "hysteresis/1": body.get("hysteresis") is not None,
        "display-map/1": body.get("display_map") is not None,
        "risk-curve/1": bool(body.get("risk_curve", {}).get("strata")),
        "triggers/1": bool(body.get("triggers")),
    }
    return [feature for feature, needed in used.items() if needed]


#: Every feature that this version of the scorer knows.
KNOWN_FEATURES = frozenset(
    {
        "piecewise/1",
        "ratio/1",
        "boolean/1",
        "category/1",
        "missing/1",
        "validity/1",
        "segments/1",
        "ramp/1",
        "caps/1",
        "hysteresis/1",
        "display-map/1",
        "risk-curve/1",
        "triggers/1",
    }
)


def _uses(body: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    for metric in body["metrics"]:
        where = f"body.metrics {metric['id']!r}"
        rule = metric["rule"]
        kind = rule["kind"] if rule["kind"] in ("boolean", "category") else "number"
        yield metric["input"], kind, where
        if rule["kind"] == "ratio":
            yield rule["denominator"], "number", where
        if metric.get("validity"):
            yield metric["validity"]["input"], "number", where
    if body["segments"]["input"] is not None:
        yield body["segments"]["input"], "category", "body.segments"
    if body.get("ramp"):
        yield body["ramp"]["input"], "number", "body.ramp"
    for cap in body.get("caps", ()):
        textual, where = cap["op"] == "=", f"body.caps {cap['id']!r}"
        if textual != isinstance(cap["value"], str):
            raise _refused(where, f"{cap['op']} {cap['value']!r}", "= with text, or < and >= with a number")
        yield cap["input"], "category" if textual else "number", where
    if body.get("hysteresis"):
        for name in (body["hysteresis"]["input"], body["hysteresis"].get("reading")):
            if name is not None:
                yield name, "category", "body.hysteresis"
    if body.get("risk_curve", {}).get("input") is not None:
        yield body["risk_curve"]["input"], "number", "body.risk_curve"


def _check_metrics(metrics: list[dict[str, Any]]) -> None:
    _unique((metric["id"] for metric in metrics), "body.metrics", "metric")
    for metric in metrics:
        where, rule = f"body.metrics {metric['id']!r}", metric["rule"]
        if metric["missing"] == "neutral" and "neutral" not in metric:
            raise _refused(where, "missing 'neutral' without points", "a field neutral, 0 to 100")
        if rule["kind"] in ("piecewise", "ratio"):
            _check_curve(rule["points"], rule["slopes"], where)
        if rule["kind"] == "ratio" and not float(rule["low"]) < float(rule["high"]):
            raise _refused(where, f"low {rule['low']}, high {rule['high']}", "low below high")
        if rule["kind"] == "category":
            _unique((entry[0] for entry in rule["map"]), where, "category")


def _check_dimensions(body: dict[str, Any]) -> None:
    _unique((dimension["id"] for dimension in body["dimensions"]), "body.dimensions", "dimension")
    for dimension in body["dimensions"]:
        where = f"body.dimensions {dimension['id']!r}"
        if dimension["id"] in RESERVED_DIMENSIONS:
            raise _refused(where, "a reserved name", "another id than " + " or ".join(RESERVED_DIMENSIONS))
        _check_sum(dimension["weights"], where)
    used = [name for dimension in body["dimensions"] for name, _ in dimension["weights"]]
    _unique(used, "body.dimensions", "metric")
    known = {metric["id"] for metric in body["metrics"]}
    if set(used) != known:
        odd = sorted(set(used) ^ known)[0]
        raise _refused("body.dimensions", f"metric {odd!r} only on one side", "every metric in one dimension")


def _check_profiles(body: dict[str, Any]) -> None:
    segments, order = body["segments"], [dimension["id"] for dimension in body["dimensions"]]
    profiles = [("default", segments["default"])]
    profiles += [(entry["segment"], entry["weights"]) for entry in segments["by"]]
    _unique((entry["segment"] for entry in segments["by"]), "body.segments.by", "segment")
    if segments["by"] and segments["input"] is None:
        raise _refused("body.segments", "profiles without an input", "the id of the segment input")
    for name, weights in profiles:
        where = f"body.segments {name!r}"
        if [entry[0] for entry in weights] != order:
            raise _refused(where, "other dimensions or another order", f"{', '.join(order)}, in this order")
        _check_sum(weights, where)


def _check_bands(bands: list[list[Any]]) -> None:
    _unique((band[0] for band in bands), "body.bands", "band")
    starts = [band[1] for band in bands]
    if starts[0] != 0 or any(low >= high for low, high in zip(starts, starts[1:])):
        raise _refused("body.bands", f"bands from {starts}", "ascending bands, the first from 0")
    if any(band[0] == INSUFFICIENT for band in bands):
        raise _refused("body.bands", f"a band {INSUFFICIENT!r}", "another name; this one is reserved")


def _check_hysteresis(hysteresis: dict[str, Any] | None) -> None:
    if hysteresis and hysteresis["input"] == hysteresis.get("reading"):
        raise _refused("body.hysteresis", "one input for both", "the band in force and the last reading apart")
    if hysteresis and not hysteresis["margin"] and hysteresis.get("reading") is None:
        raise _refused("body.hysteresis", "neither margin nor reading", "a margin above 0, a reading, or no hysteresis")


def _check_risk_curve(curve: dict[str, Any]) -> None:
    strata = curve["strata"]
    _unique((stratum["id"] for stratum in strata), "body.risk_curve", "stratum")
    for position, stratum in enumerate(strata):
        where = f"body.risk_curve {stratum['id']!r}"
        low, high = stratum.get("from"), stratum.get("to")
        last, bounded = position == len(strata) - 1, low is not None or high is not None
        if last == bounded:
            wanted = "no bounds on the last stratum, at least one on every other"
            raise _refused(where, f"from {low}, to {high}", wanted)
        if low is not None and high is not None and float(low) > float(high):
            raise _refused(where, f"from {low}, to {high}", "from not above to")
        _check_curve([point[:2] for point in stratum["points"]], stratum["slopes"], where, 1e-8)
        if any(not point[2] <= point[1] <= point[3] for point in stratum["points"]):
            raise _refused(where, "a probability outside its interval", "[score, p, low, high], low <= p <= high")
    if len(strata) > 1 and curve.get("input") is None:
        raise _refused("body.risk_curve", "several strata without an input", "the id of the stratum input")


def _check_curve(points: list[list[float]], slopes: list[float], where: str, slack: float = 1e-6) -> None:
    if len(slopes) != len(points) - 1:
        raise _refused(where, f"{len(slopes)} slopes", f"{len(points) - 1}, one between each two knots")
    for start, end in zip(points, points[1:]):
        if not float(start[0]) < float(end[0]):
            raise _refused(where, f"knot {end[0]} after {start[0]}", "knots in strictly ascending order")
    for (x0, y0), (x1, y1), slope in zip(points, points[1:], slopes):
        # In doubles, as scores are: beyond 2^53 a difference of Python's integers is not that of the doubles they name.
        if not abs(y0 + (float(x1) - float(x0)) * float(slope) - y1) <= slack:
            raise _refused(where, f"slope {slope} from {x0} to {x1}", f"the slope that meets {y1}")


def _check_sum(weights: list[list[Any]], where: str) -> None:
    total = sum(weight for _, weight in weights)
    if total != FULL:
        raise _refused(where, f"weights that sum to {total}", f"{FULL} basis points")


def _unique(names: Iterable[str], where: str, what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _refused(where, f"{what} {name!r} twice", "each only once")
        seen.add(name)


def _refused(where: str, arrived: str, expected: str) -> ConfigRefused:
    return ConfigRefused(where, arrived, expected, _FIX)
