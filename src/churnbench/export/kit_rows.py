"""Rows of a conformance kit beside the golden vectors: rules in pairs, ends of presence, texts written otherwise.

Golden vectors are replayed at every load and stay few. A kit runs once, so it can afford rows at which a fault shows in
the score itself: caps where the score lies above them, ramps where a cap holds, ratios that no power of two divides.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from churnbench.export.vectors import ODD_TEXTS, Probes, Row, extremes
from churnbench.formula import Body
from churnbench_scorer.plan import HIGHEST, LOWEST

Labelled = Iterator[tuple[str, Row]]

#: The last numbers that are present, the first that are missing, and the infinities.
ENDS = (
    HIGHEST,
    LOWEST,
    math.nextafter(HIGHEST, math.inf),
    math.nextafter(LOWEST, -math.inf),
    math.inf,
    -math.inf,
)
#: Quotients by these are rounded, so that the order of a division and a product shows.
_BOTTOMS = (3.0, 7.0, 0.7, 100.0)
_STEPS = 6


def hard_rows(body: Body, probes: Probes, score: Callable[[Row], int | None]) -> Labelled:
    """Rows of a body, each with the rule that it probes, in a fixed order; some may be equal.

    Args:
        body: a checked body.
        probes: its probes.
        score: scorer of one row (health in hundredths), used to walk up to roundings.
    """
    best, uneven = _bases(body, probes)
    yield from _ends(probes, best)
    yield from _caps(body, best, uneven)
    yield from _ages(body, best)
    yield from _spellings(probes, best, uneven)
    yield from _quotients(body, best, uneven, score)


def _bases(body: Body, probes: Probes) -> tuple[Row, Row]:
    """The best row, and one whose dimensions and metrics differ as far as they can; no cap holds in either."""
    worst, best = extremes(body, probes)
    uneven = dict(best)
    metrics = {metric["id"]: metric["input"] for metric in body["metrics"]}
    for place, dimension in enumerate(body["dimensions"]):
        for order, (name, _) in enumerate(dimension["weights"]):
            source = best if (place + order) % 2 == 0 else worst
            uneven[metrics[name]] = source[metrics[name]]
    for cap in body.get("caps", ()):
        if cap["op"] == "=":
            capping = {other["value"] for other in body["caps"] if other["input"] == cap["input"]}
            calm = next((text for text in probes.texts[cap["input"]] if text not in capping), ODD_TEXTS[1])
            best[cap["input"]] = uneven[cap["input"]] = calm
    return best, uneven


def _ends(probes: Probes, best: Row) -> Labelled:
    for name in probes.numbers:
        for value in ENDS:
            for base in (probes.middle(), best):
                yield f"{name} at an end of presence", base | {name: value}


def _caps(body: Body, best: Row, uneven: Row) -> Labelled:
    """Every cap at its bound under high scores, alone and with every part of the ramp."""
    ramp = body.get("ramp") or {"input": "", "points": []}
    knots = [float(point[0]) for point in ramp["points"]]
    tenures = [*knots, *((low + high) * 0.5 for low, high in pairwise(knots))]
    for cap in body.get("caps", ()):
        for value in _around(cap):
            for base in (best, uneven):
                yield f"cap {cap['id']}", base | {cap["input"]: value}
                for tenure in tenures:
                    yield f"cap {cap['id']} and ramp", base | {cap["input"]: value, ramp["input"]: tenure}


def _around(cap: Mapping[str, Any]) -> tuple[Any, ...]:
    if cap["op"] == "=":
        return (cap["value"],)
    bound = float(cap["value"])
    return (math.nextafter(bound, -math.inf), bound, math.nextafter(bound, math.inf), -math.inf, math.inf)


def _ages(body: Body, best: Row) -> Labelled:
    for metric in body["metrics"]:
        validity = metric.get("validity")
        if validity:
            for age in (-0.5, -1.0 - float(validity["days"])):
                yield f"age of {metric['id']} below zero", best | {validity["input"]: age}


def _spellings(probes: Probes, best: Row, uneven: Row) -> Labelled:
    """Every text in other case, with blanks, and in the other forms of Unicode."""
    for name, texts in probes.texts.items():
        for text in dict.fromkeys(texts):
            cased = (text.upper(), text.lower(), text.title())
            forms = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
            for other in dict.fromkeys((text, *cased, f"{text} ", f" {text}", f"{text}\t", *forms)):
                for base in (best, uneven):
                    yield f"text of {name} written otherwise", base | {name: other}


def _quotients(body: Body, best: Row, uneven: Row, score: Callable[[Row], int | None]) -> Labelled:
    """Neighbouring numerators between which the score rounds to another hundredth, over odd denominators."""
    for metric in body["metrics"]:
        rule = metric["rule"]
        if rule["kind"] != "ratio":
            continue
        by_points = sorted(rule["points"], key=lambda point: float(point[1]))
        ends = [float(point[0]) / float(rule["multiplier"]) for point in (by_points[0], by_points[-1])]
        for base in (best, uneven):
            for bottom in _BOTTOMS:
                row = base | {rule["denominator"]: bottom}
                for pair in _flips(row, metric["input"], [end * bottom for end in ends], score):
                    for top in pair:
                        yield f"order of the ratio {metric['id']}", row | {metric["input"]: top}


def _flips(row: Row, name: str, ends: list[float], score: Callable[[Row], int | None]) -> Iterator[tuple[float, float]]:
    """Neighbouring doubles of one input, between its ends, where the score reaches evenly spaced hundredths."""
    found = [score(row | {name: end}) for end in ends]
    if found[0] is None or found[1] is None or found[0] >= found[1]:
        return
    for step in range(1, _STEPS + 1):
        target = found[0] + (found[1] - found[0]) * step // _STEPS
        below, reached = ends
        while (middle := below + (reached - below) * 0.5) not in (below, reached):
            value = score(row | {name: middle})
            if value is not None and value >= target:
                reached = middle
            else:
                below = middle
        yield below, reached
