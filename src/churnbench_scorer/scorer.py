"""Applies a weight config to one account."""

from __future__ import annotations

from bisect import bisect_right
from math import floor

from .errors import InputRefused
from .plan import HIGHEST, LOWEST, Term, lookup, number, on_curve, present_number, text
from .result import Score
from .rules import INSUFFICIENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_NAN = float("nan")


class Scorer:
    """A checked config, ready to score. Made by `churnbench_scorer.load`.

    Attributes:
        config_id, config_version, sequence: which config this is.
        body_sha256: hash of what decides scores.
        inputs: input id -> "number", "boolean" or "category".
        bands: `(name, from)` ascending; from is inclusive, in hundredths of a point.
        warnings: sentences for the operator, e.g. that the review date has passed.
    """

    def __init__(self, document: Mapping[str, Any], warnings: tuple[str, ...] = ()) -> None:
        body = document["body"]
        self.config_id: str = document["config_id"]
        self.config_version: str = document["config_version"]
        self.sequence = int(document["sequence"])
        self.body_sha256: str = document["integrity"]["body_sha256"]
        self.inputs: dict[str, str] = {entry["id"]: entry["type"] for entry in document["inputs"]}
        self.bands: tuple[tuple[str, int], ...] = tuple((name, int(start)) for name, start in body["bands"])
        self.warnings = warnings
        self._known = frozenset(self.inputs)
        self._compile_dimensions(body)
        self._compile_total(body)

    def score(self, inputs: Mapping[str, Any], extra: str = "error") -> Score:
        """Score one account.

        Args:
            inputs: input id -> value; None, NaN and absent keys are missing.
            extra: what an undeclared key does: "error" or "ignore".

        Returns:
            The score; its health_score_x100 is None where too little of the weight is known.

        Raises:
            InputRefused: for an undeclared key, or a value of the wrong type.
        """
        if extra != "ignore" and not inputs.keys() <= self._known:
            self._refuse_keys(inputs)
        get = inputs.get
        weights = self._default
        if self._segment is not None:
            weights = self._profiles.get(text(get(self._segment), self._segment), weights)
        values: list[float | None] = []
        dimensions: list[float | None] = []
        total = total_weight = covered = 0.0
        for rows, dimension_weight in zip(self._rows, weights):
            dimension, seen = _dimension(rows, get, values)
            covered += dimension_weight * seen
            dimensions.append(dimension)
            if dimension is not None:
                total += dimension_weight * dimension
                total_weight += dimension_weight
        coverage = floor(covered * 0.0001 + 0.5)
        stale = () if not self._flags else self._stale(get)
        if total_weight > 0.0 and covered >= self._least_covered:
            health = self._finish(total / total_weight, get)
        else:
            health = (None, None, None, None, INSUFFICIENT, INSUFFICIENT, None, ())
        return Score(health, coverage, stale, self._dimensions, weights, values, dimensions)

    def _finish(self, total: float, get: Callable[[str], Any]) -> tuple[Any, ...]:
        """Ramp, caps, display map, band and risk, in this order."""
        raw = total
        if self._ramp is not None:
            raw = self._ramped(total, get)
        applied: tuple[str, ...] = ()
        if self._caps:
            raw, applied = self._capped(raw, get)
        shown = raw if self._display is None else on_curve(raw, *self._display)
        health = floor(shown * 100.0 + 0.5)
        reading = bisect_right(self._band_starts, health) - 1
        band = reading if self._hysteresis is None else self._held(reading, health, get)
        risk = None if not self._strata else self._risk(raw, get)
        in_force, by_threshold = self._band_names[band], self._band_names[reading]
        return floor(total * 100.0 + 0.5), raw, floor(raw * 100.0 + 0.5), health, in_force, by_threshold, risk, applied

    def _held(self, reading: int, health: int, get: Callable[[str], Any]) -> int:
        """The band in force stays until the score leaves it by the margin, and the last reading left it alike."""
        key, margin, last_key = self._hysteresis
        starts = self._band_starts
        value, before = text(get(key), key), None if last_key is None else text(get(last_key), last_key)
        held = self._band_number.get(value)
        if held is None:
            return reading
        last = self._band_number.get(before)
        within = starts[held] - margin <= health and (held + 1 == len(starts) or health < starts[held + 1] + margin)
        unconfirmed = last is not None and (last == held or (last < held) != (reading < held))
        return held if within or unconfirmed else reading

    def _ramped(self, total: float, get: Callable[[str], Any]) -> float:
        key, knots, pieces = self._ramp
        tenure = present_number(get(key), key)
        if tenure is None:
            return total
        raised = total * on_curve(tenure, knots, pieces)
        return raised if raised < 100.0 else 100.0

    def _capped(self, raw: float, get: Callable[[str], Any]) -> tuple[float, tuple[str, ...]]:
        applied = []
        for name, key, holds, most in self._caps:
            if holds(get(key)):
                applied.append(name)
                if most < raw:
                    raw = most
        return raw, tuple(applied)

    def _risk(self, raw: float, get: Callable[[str], Any]) -> float:
        key = self._stratum_input
        position = None if key is None else present_number(get(key), key)
        curve = self._strata[-1]
        if position is not None:
            curve = next((entry for entry in self._strata[:-1] if entry[0] <= position <= entry[1]), curve)
        return floor(on_curve(raw, curve[2], curve[3]) * 1000000.0 + 0.5) * 0.000001

    def _stale(self, get: Callable[[str], Any]) -> tuple[str, ...]:
        ages = ((metric, present_number(get(key), key), days) for metric, key, days in self._flags)
        return tuple(metric for metric, age, days in ages if age is not None and age > days)

    def _refuse_keys(self, inputs: Mapping[str, Any]) -> None:
        unknown = sorted(str(key) for key in inputs.keys() - self._known)
        raise InputRefused(
            f"unknown input {', '.join(map(repr, unknown))}; config {self.config_id} {self.config_version} "
            f"knows {', '.join(self.inputs)}. Rename it, or pass extra='ignore'."
        )

    def _compile_dimensions(self, body: Mapping[str, Any]) -> None:
        metrics = {metric["id"]: metric for metric in body["metrics"]}
        self._dimensions = [
            ([Term(metrics[name], weight) for name, weight in dimension["weights"]], dimension["id"])
            for dimension in body["dimensions"]
        ]
        self._rows = [[term.row for term in terms] for terms, _ in self._dimensions]
        segments = body["segments"]
        self._segment: str | None = segments["input"]
        self._default = [float(weight) for _, weight in segments["default"]]
        self._profiles: dict[str | None, list[float]] = {
            entry["segment"]: [float(weight) for _, weight in entry["weights"]] for entry in segments["by"]
        }
        self._least_covered = float(body["min_coverage"]) * 10000.0
        self._flags = [
            (metric["id"], metric["validity"]["input"], float(metric["validity"]["days"]))
            for metric in body["metrics"]
            if metric.get("validity") and metric["validity"]["then"] == "flag"
        ]

    def _compile_total(self, body: Mapping[str, Any]) -> None:
        self._band_names = [name for name, _ in self.bands]
        self._band_starts = [start for _, start in self.bands]
        self._band_number: dict[str | None, int] = {name: place for place, name in enumerate(self._band_names)}
        held = body.get("hysteresis")
        self._hysteresis: Any = (held["input"], held["margin"], held.get("reading")) if held else None
        ramp, shown = body.get("ramp"), body.get("display_map")
        self._ramp: Any = (ramp["input"], *lookup(ramp["points"], ramp["slopes"])) if ramp else None
        self._display = lookup(shown["points"], shown["slopes"]) if shown else None
        caps = body.get("caps", ())
        self._caps = [(cap["id"], cap["input"], _condition(cap), float(cap["max_score"])) for cap in caps]
        curve = body.get("risk_curve") or {"strata": []}
        self._stratum_input: str | None = curve.get("input")
        self._strata = [
            (*_bounds(stratum), *lookup(stratum["points"], stratum["slopes"])) for stratum in curve["strata"]
        ]


def _dimension(rows: list[Any], get: Callable[[str], Any], values: list[float | None]) -> tuple[float | None, float]:
    """Weighted mean of one dimension (None when empty) and its weight really present; fills `values`.

    This loop is the whole cost of a score, hence the plain piecewise case is written out in it.
    """
    weighted = weight_present = seen = 0.0
    for weight, key, knots, pieces, read, fallback in rows:
        if read is None:
            x = get(key)
            if x.__class__ is not float:
                x = _NAN if x is None else number(x, key)
            if LOWEST <= x <= HIGHEST:
                left, base, slope = pieces[bisect_right(knots, x)]
                value = base + (x - left) * slope
                seen += weight
            else:
                value = fallback
        else:
            value = read(get)
            if value is None:
                value = fallback
            else:
                seen += weight
        values.append(value)
        if value is not None:
            weighted += weight * value
            weight_present += weight
    return (weighted / weight_present if weight_present else None), seen


def _condition(cap: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Whether an input meets the condition of a cap; a missing input never does."""
    key, wanted = cap["input"], cap["value"]
    if cap["op"] == "=":
        return lambda value: text(value, key) == wanted
    bound = float(wanted)
    if cap["op"] == "<":
        return lambda value: LOWEST <= number(value, key) < bound
    return lambda value: HIGHEST >= number(value, key) >= bound


def _bounds(stratum: Mapping[str, Any]) -> tuple[float, float]:
    """Closed interval of a stratum."""
    low, high = stratum.get("from"), stratum.get("to")
    return (LOWEST if low is None else float(low)), (HIGHEST if high is None else float(high))
