"""Inputs that a formula is most likely to be read wrongly at: its golden vectors, before they are scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from churnbench.formula import Body

Row = dict[str, Any]

RANDOM_ROWS = 50
NOT_FINITE = (math.nan, math.inf, -math.inf, 1.5e308)
#: Text that breaks lookups in some languages, beside the plainly unknown and the empty one.
ODD_TEXTS = ("constructor", "no such value", "")
_SIDES = {-math.inf: "just below", None: "at", math.inf: "just above"}


class Probes:
    """Per input the values at which something changes: knots, bounds, category texts."""

    def __init__(self, body: Body, kinds: Mapping[str, str]) -> None:
        self.kinds = dict(kinds)
        self.numbers: dict[str, list[float]] = {name: [] for name, k in kinds.items() if k != "category"}
        self.texts: dict[str, list[str]] = {name: [] for name, k in kinds.items() if k == "category"}
        self.calm: dict[str, float] = {}  # where a condition (tenure, age, cap) changes nothing
        for metric in body["metrics"]:
            self._metric(metric)
        segments = body["segments"]
        if segments["input"] is not None:
            self.texts[segments["input"]] += [entry["segment"] for entry in segments["by"]]
        self._conditions(body)
        for values in self.numbers.values():
            values[:] = sorted(set(values)) or [1.0]

    def _metric(self, metric: Mapping[str, Any]) -> None:
        rule, name = metric["rule"], metric["input"]
        if rule["kind"] == "piecewise":
            self.numbers[name] += [float(point[0]) for point in rule["points"]]
        elif rule["kind"] == "ratio":
            below = 8.0 / rule["multiplier"]
            self.numbers[name] += [float(point[0]) * below for point in rule["points"]]
            self.numbers[rule["denominator"]].append(8.0)
            self.calm.setdefault(rule["denominator"], 8.0)
        elif rule["kind"] == "boolean":
            self.numbers[name] += [0.0, 0.5, 1.0]
        else:
            self.texts[name] += [text for text, _ in rule["map"]]
        if metric.get("validity"):
            age = metric["validity"]
            self.numbers[age["input"]].append(float(age["days"]))
            self.calm.setdefault(age["input"], 0.0)

    def _conditions(self, body: Body) -> None:
        if body.get("ramp"):
            knots = [float(point[0]) for point in body["ramp"]["points"]]
            self.numbers[body["ramp"]["input"]] += knots
            self.calm.setdefault(body["ramp"]["input"], knots[-1])
        for cap in body.get("caps", ()):
            if cap["op"] == "=":
                self.texts[cap["input"]].append(cap["value"])
            else:
                step = -1.0 if cap["op"] == ">=" else 1.0
                self.calm.setdefault(cap["input"], float(cap["value"]) + step)
                self.numbers[cap["input"]].append(float(cap["value"]))
        if body.get("hysteresis"):
            for name in (body["hysteresis"]["input"], body["hysteresis"].get("reading")):
                if name is not None:
                    self.texts[name] += [band for band, _ in body["bands"]]
        curve = body.get("risk_curve") or {"strata": []}
        bounds = [stratum.get(side) for stratum in curve["strata"] for side in ("from", "to")]
        if curve.get("input") is not None:
            self.numbers[curve["input"]] += [float(bound) for bound in bounds if bound is not None]

    def middle(self) -> Row:
        """An ordinary, complete row."""
        row: Row = {
            name: self.calm.get(name, short((values[0] + values[-1]) * 0.5)) for name, values in self.numbers.items()
        }
        row.update({name: texts[0] if texts else "any" for name, texts in self.texts.items()})
        return row

    def random(self, rng: Random) -> Row:
        """A random row around the probes; about one value in twelve is missing."""
        row: Row = {}
        for name, values in self.numbers.items():
            margin = (values[-1] - values[0]) * 0.1 or 1.0
            low, high = values[0] - margin, values[-1] + margin
            row[name] = None if rng.random() < 1 / 12 else short(low + (high - low) * rng.random())
        for name, texts in self.texts.items():
            choices = [*texts, *texts, *ODD_TEXTS, None]
            row[name] = choices[int(rng.random() * len(choices))]
        return row


def short(value: float) -> float:
    """Six significant digits: golden vectors should stay readable."""
    return float(f"{value:.6g}")


def golden_rows(body: Body, kinds: Mapping[str, str], seed: int, score: Callable[[Row], int | None]) -> list[Row]:
    """Rows for the golden vectors of a body; see `labelled_rows`."""
    return [row for _, row in labelled_rows(body, kinds, seed, score)]


def labelled_rows(
    body: Body, kinds: Mapping[str, str], seed: int, score: Callable[[Row], int | None]
) -> list[tuple[str, Row]]:
    """Rows at which a formula is most likely to be read wrongly, each with the rule that it probes.

    Args:
        body: a checked body.
        kinds: input id -> "number", "boolean" or "category".
        seed: seed of the random rows.
        score: scorer of one row (health in hundredths), used to walk up to the band edges.

    Returns:
        Distinct rows in a fixed order: knots and bounds with their neighbouring doubles, missing and
        non-finite values, zero denominators, empty dimensions, odd segments, coverage and band edges, and
        fifty random rows.
    """
    probes, rng = Probes(body, kinds), Random(seed)  # noqa: S311 - reproducible, not secret
    rows: list[tuple[str, Row]] = [("an ordinary row", probes.middle()), ("nothing known", {})]
    rows += _knots(probes)
    rows += _missing(body, probes)
    rows += _denominators(body, probes)
    rows += _texts(probes)
    rows += [("a band's border", row) for row in _band_edges(body, probes, score)]
    rows += [("a random row", probes.random(rng)) for _ in range(RANDOM_ROWS)]
    seen: dict[str, tuple[str, Row]] = {}
    for rule, row in rows:
        seen.setdefault(repr(sorted(row.items())), (rule, row))
    return list(seen.values())


def _knots(probes: Probes) -> Iterator[tuple[str, Row]]:
    """Every input at its t-th probe together, so that few rows cross many knots; conditions one by one."""
    longest = max((len(values) for values in probes.numbers.values()), default=0)
    moved = [name for name in probes.numbers if name not in probes.calm]
    for position in range(longest):
        for towards in (-math.inf, None, math.inf):
            row = probes.middle()
            for name in moved:
                values = probes.numbers[name]
                row[name] = _beside(values[position % len(values)], towards)
            yield f"{_SIDES[towards]} a knot", row
    for name in probes.calm:
        for value in probes.numbers[name]:
            for towards in (-math.inf, None, math.inf):
                yield f"{_SIDES[towards]} a bound of {name}", probes.middle() | {name: _beside(value, towards)}


def _beside(value: float, towards: float | None) -> float:
    return value if towards is None else math.nextafter(value, towards)


def _missing(body: Body, probes: Probes) -> Iterator[tuple[str, Row]]:
    for position, name in enumerate(probes.kinds):
        yield f"{name} missing", probes.middle() | {name: None}
        if name in probes.numbers:
            value = NOT_FINITE[position % len(NOT_FINITE)]
            yield f"{name} not finite", probes.middle() | {name: value}
    for value in NOT_FINITE:
        yield "every number not finite", probes.middle() | dict.fromkeys(probes.numbers, value)
    source = {metric["id"]: metric["input"] for metric in body["metrics"]}
    ordered = []
    for dimension in body["dimensions"]:
        members = [source[name] for name, _ in dimension["weights"]]
        ordered += members
        yield f"dimension {dimension['id']} empty", probes.middle() | dict.fromkeys(members)
    for count in range(1, len(ordered)):  # coverage falls step by step, from either end
        yield "coverage falls", probes.middle() | dict.fromkeys(ordered[:count])
        yield "coverage falls", probes.middle() | dict.fromkeys(ordered[count:])


def _denominators(body: Body, probes: Probes) -> Iterator[tuple[str, Row]]:
    for metric in body["metrics"]:
        if metric["rule"]["kind"] == "ratio":
            name = metric["rule"]["denominator"]
            for value in (0.0, -0.0, -8.0, None, math.nan, 5e-324):
                yield f"denominator {name}", probes.middle() | {name: value}


def _texts(probes: Probes) -> Iterator[tuple[str, Row]]:
    for name, texts in probes.texts.items():
        for text in (*texts, *ODD_TEXTS, None):
            yield f"text of {name}", probes.middle() | {name: text}


def _band_edges(body: Body, probes: Probes, score: Callable[[Row], int | None]) -> Iterator[Row]:
    """Two rows on either side of each band edge, found by halving between the worst and the best row."""
    for _, edge in body["bands"]:
        yield from crossing(body, probes, score, edge, halvings=40)


def crossing(
    body: Body, probes: Probes, value: Callable[[Row], float | None], target: float, *, halvings: int
) -> tuple[Row, Row]:
    """Two rows between the worst and the best, just below `target` and at it or above.

    Args:
        body: a checked body.
        probes: its probes.
        value: of a row, e.g. its score; None counts as below.
        target: where to cross.
        halvings: 40 for a place that reads well in a file, 60 for neighbouring doubles.
    """
    worst, best = extremes(body, probes)
    low, high = 0.0, 1.0
    for _ in range(halvings):
        half = (low + high) * 0.5
        reached = value(_blend(probes, worst, best, half))
        if reached is not None and reached >= target:
            high = half
        else:
            low = half
    return _blend(probes, worst, best, low), _blend(probes, worst, best, high)


def extremes(body: Body, probes: Probes) -> tuple[Row, Row]:
    """The row with the fewest points in every metric, and the one with the most."""
    worst, best = probes.middle(), probes.middle()
    for metric in body["metrics"]:
        rule, name = metric["rule"], metric["input"]
        if rule["kind"] in ("piecewise", "ratio"):
            scale = 1.0 if rule["kind"] == "piecewise" else 8.0 / rule["multiplier"]
            by_points = sorted(rule["points"], key=lambda point: float(point[1]))
            worst[name], best[name] = by_points[0][0] * scale, by_points[-1][0] * scale
        elif rule["kind"] == "boolean":
            good = 1.0 if rule["true"] >= rule["false"] else 0.0
            worst[name], best[name] = 1.0 - good, good
        else:
            by_points = sorted(rule["map"], key=lambda entry: float(entry[1]))
            worst[name], best[name] = by_points[0][0], by_points[-1][0]
    return worst, best


def _blend(probes: Probes, worst: Row, best: Row, share: float) -> Row:
    row = dict(best) if share >= 0.5 else dict(worst)
    for name in probes.numbers:
        row[name] = worst[name] + (best[name] - worst[name]) * share
    return row
