"""Bodies and rows at the ends of the range of doubles, where an engine may overflow, underflow or raise."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

from formula_worlds import bp_split

EXTREMES = [
    0.0,
    -0.0,
    5e-324,
    1.5e-323,
    2.5e-323,
    1e-320,
    2.2250738585072014e-308,
    1e-300,
    2.0**-200,
    2.0**-51,
    1e-12,
    1.0,
    100.0,
    1e12,
    2.0**51,
    1e300,
    1e307,
    1e308,
    1.7976931348623157e308,
    math.inf,
    math.nan,
    None,
]


def extreme_number(rng: Random) -> float | None:
    """A double anywhere in the range, often at one of its ends, or something missing."""
    if rng.random() < 0.5:
        value = rng.choice(EXTREMES)
    else:
        value = math.ldexp(rng.uniform(0.5, 1.0), rng.randint(-1080, 1024))
    return value if value is None or rng.random() < 0.7 else -value


def extreme_curve(rng: Random) -> dict[str, Any]:
    """A piecewise line whose first knot is often 0 and whose slopes are often tiny."""
    first = rng.choice([0.0, 0.0, 0.0, -1e300, 1e-320, 3.0])
    width = rng.choice([1.0, 3.0, 1e-300, 1e300, 7e9])
    xs = [first, first + width, first + 2.5 * width] if width < 1e300 else [first, 5e299, 1e300]
    points = [[x, rng.choice([0.0, 0.0, 1e-310, 1e-200, 40.0, 100.0])] for x in xs]
    if any(a[0] >= b[0] for a, b in pairwise(points)):
        return extreme_curve(rng)
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    return {"points": points, "slopes": slopes} if all(map(math.isfinite, slopes)) else extreme_curve(rng)


def extreme_body(rng: Random) -> dict[str, Any]:
    """A valid body of such curves and of ratios with extreme multipliers and limits."""
    metrics = []
    for k in range(rng.randint(2, 6)):
        rule: dict[str, Any] = {"kind": "piecewise", **extreme_curve(rng)}
        if rng.random() < 0.5:
            low, high = rng.choice([(0.0, 1.0), (-1e300, 1e300), (-1.0, 1e-12), (0.5, 1e9)])
            multiplier = rng.choice([1e-12, 0.3, 1.0, 1e12])
            limits = {"denominator": f"d{rng.randint(0, 1)}", "multiplier": multiplier, "low": low, "high": high}
            rule = {"kind": "ratio", **limits, **extreme_curve(rng)}
        metric = {"id": f"m{k}", "input": f"x{k}", "missing": "skip", "rule": rule}
        if rng.random() < 0.2:
            metric |= {"missing": "neutral", "neutral": rng.choice([0, 1e-315, 50])}
        metrics.append(metric)
    names, cut = [metric["id"] for metric in metrics], rng.randint(1, len(metrics) - 1)
    dimensions = [
        {"id": f"dim{k}", "weights": [list(pair) for pair in zip(part, bp_split(rng, len(part)), strict=True)]}
        for k, part in enumerate((names[:cut], names[cut:]))
    ]
    default = [[d["id"], weight] for d, weight in zip(dimensions, bp_split(rng, 2), strict=True)]
    body: dict[str, Any] = {
        "metrics": metrics,
        "dimensions": dimensions,
        "segments": {"input": None, "default": default, "by": []},
        "min_coverage": rng.choice([0, 3000]),
        "bands": [["red", 0], ["yellow", 6000], ["green", 8000]],
        "caps": [{"id": "none", "input": "x0", "op": "<", "value": 1e-310, "max_score": rng.choice([0, 1e-310, 50])}],
    }
    if rng.random() < 0.5:
        ramp = [[0, rng.choice([0.0, 1e-310, 1.5])], [1e-300, 1.0], [90, 1]]
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(ramp)]
        body["ramp"] = {"input": "tenure", "points": ramp, "slopes": slopes}
    if rng.random() < 0.5:
        body["display_map"] = {"points": [[0, 0], [50, 1e-300], [100, 100]], "slopes": [2e-302, 2.0]}
    if rng.random() < 0.5:
        points = [[0, 0, 0, 1], [50, 0.0, 0.0, 1], [100, 0.4, 0.0, 1]]
        stratum = {"id": "all", "from": None, "to": None, "points": points, "slopes": [1e-12, 0.008]}
        body["risk_curve"] = {"strata": [stratum]}
    return body


def extreme_row(rng: Random, kinds: dict[str, str], knots: dict[str, list[float]]) -> dict[str, Any]:
    """Inputs at the ends of the range, or a neighbour of a knot."""
    row: dict[str, Any] = {}
    for name in kinds:
        row[name] = extreme_number(rng)
        if name in knots and rng.random() < 0.4:
            row[name] = math.nextafter(rng.choice(knots[name]), rng.choice([math.inf, -math.inf]))
    return row
