"""Random bodies and rows with every feature of the format, for tests of exact equality."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

from churnbench_scorer import Scorer, body_sha256, document_sha256
from churnbench_scorer.golden import outcome
from churnbench_scorer.rules import input_kinds, required_features

SEGMENTS = ["SMB", "Enterprise", "constructor", "__proto__", "toString", "", "Größe 'x'", 'a"b']
BANDS = ["red", "yellow", "green", "insufficient-data"]
PLANS = ["gold", "silver", "free", "constructor", "NaN"]
TEXTS = {"segment": SEGMENTS, "band_in_force": BANDS, "last_reading": BANDS}
ODD_NUMBERS = [
    None,
    float("nan"),
    float("inf"),
    float("-inf"),
    1e308,
    -1e308,
    1.7e308,
    -1.7e308,
    1e-320,
    0.0,
    -0.0,
    10**400,
    True,
    False,
    5e-324,
]


def bp_split(rng: Random, parts: int) -> list[int]:
    """Random basis points that sum to 10000; zeros occur."""
    cuts = sorted(rng.choice([0, rng.randint(0, 10000), 5000]) for _ in range(parts - 1))
    return [end - start for start, end in zip([0, *cuts], [*cuts, 10000], strict=True)]


def curve(rng: Random, knots: int, height: float = 100.0, *, width: float | None = None) -> dict[str, Any]:
    """A random piecewise line with its slopes."""
    width = width if width is not None else rng.choice([1.0, 7.0, 0.3, 1e-3, 1e6])
    xs = sorted({round(rng.uniform(-0.3, 1.0) * width, 9) for _ in range(knots)})
    while len(xs) < 2:
        xs.append(xs[-1] + width)
    points = [[x, round(rng.choice([0.0, height, rng.uniform(0, height)]), 7)] for x in xs]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    return {"points": points, "slopes": slopes}


def random_rule(rng: Random, number: int) -> tuple[str, dict[str, Any]]:
    """Input id and rule."""
    kind = rng.choice(["piecewise", "piecewise", "piecewise", "ratio", "boolean", "category"])
    if kind == "piecewise":
        return f"x{number}", {"kind": kind, **curve(rng, rng.choice([2, 2, 3, 7, 25]))}
    if kind == "ratio":
        low = rng.choice([0.0, -1.0])
        rule = {
            "kind": kind,
            "denominator": f"d{rng.randint(0, 2)}",
            "multiplier": rng.choice([1.0, 0.37, 100.0]),
        }
        return f"x{number}", {**rule, "low": low, "high": rng.choice([1.0, 2.5]), **curve(rng, 3, width=1.0)}
    if kind == "boolean":
        return f"b{number}", {
            "kind": kind,
            "true": rng.choice([100.0, 0, 70.5]),
            "false": rng.choice([0, 100]),
        }
    return f"c{number}", {"kind": kind, "map": [[plan, rng.choice([0, 100, 33.3])] for plan in PLANS[:-1]]}


def random_body(rng: Random) -> dict[str, Any]:
    """A valid body; every optional part occurs about every second time."""
    metrics: list[dict[str, Any]] = []
    dimensions: list[dict[str, Any]] = []
    for place in range(rng.randint(1, 4)):
        names = []
        for _ in range(rng.randint(1, 4)):
            number = len(metrics)
            source, rule = random_rule(rng, number)
            metric = {"id": f"m{number}", "input": source, "missing": "skip", "rule": rule}
            metric["missing"] = rng.choice(["skip", "skip", "neutral", "worst"])
            if metric["missing"] == "neutral":
                metric["neutral"] = rng.choice([50, 37.25])
            if rng.random() < 0.2:
                then = rng.choice(["missing", "flag"])
                metric["validity"] = {"input": f"age{rng.randint(0, 1)}", "days": 30, "then": then}
            metrics.append(metric)
            names.append(metric["id"])
        weights = [list(pair) for pair in zip(names, bp_split(rng, len(names)), strict=True)]
        dimensions.append({"id": f"dim{place}", "weights": weights})
    order = [dimension["id"] for dimension in dimensions]

    def profile() -> list[list[Any]]:
        return [list(pair) for pair in zip(order, bp_split(rng, len(order)), strict=True)]

    segments = {"input": None, "default": profile(), "by": []}
    if rng.random() < 0.5:
        chosen = rng.sample(SEGMENTS, rng.randint(0, 4))
        segments["input"] = "segment"
        segments["by"] = [{"segment": name, "weights": profile()} for name in chosen]
    body = {
        "metrics": metrics,
        "dimensions": dimensions,
        "segments": segments,
        "min_coverage": rng.choice([0, 3000, 5000, 7777, 10000]),
        "bands": [["red", 0], ["yellow", 6000], ["green", rng.choice([8000, 7412])]],
    }
    random_total(rng, body)
    return body


def random_total(rng: Random, body: dict[str, Any]) -> None:
    """Ramp, caps, display map and risk curve."""
    if rng.random() < 0.5:
        points = [[0, 2.5], [30, 1.4], [90, 1]]
        slopes = [(1.4 - 2.5) / 30, (1 - 1.4) / 60]
        body["ramp"] = {"input": "tenure", "points": points, "slopes": slopes}
    if rng.random() < 0.5:
        body["caps"] = [
            {"id": "sev1", "input": "open_sev1", "op": ">=", "value": 1, "max_score": 59},
            {"id": "low", "input": "x0", "op": "<", "value": 0.1, "max_score": 79.99},
            {"id": "free", "input": "plan", "op": "=", "value": "free", "max_score": 70},
        ]
        if any(metric["input"] == "x0" for metric in body["metrics"]) is False:
            body["caps"].pop(1)
    if rng.random() < 0.4:
        body["hysteresis"] = {
            "input": "band_in_force",
            "margin": rng.choice([0, 1, 250, 10000]),
            "reading": "last_reading",
        }
        if body["hysteresis"]["margin"] and rng.random() < 0.5:
            body["hysteresis"]["reading"] = None
    if rng.random() < 0.5:
        body["display_map"] = {
            "points": [[0, 0], [41.7, 60], [66.6, 80], [100, 100]],
            "slopes": [60 / 41.7, 20 / (66.6 - 41.7), 20 / (100 - 66.6)],
        }
    if rng.random() < 0.7:
        strata = [_stratum(rng, "all", None, None)]
        if rng.random() < 0.6:
            strata.insert(0, _stratum(rng, "renewal", 0, 104))
            strata.insert(1, _stratum(rng, "late", rng.choice([50, 105]), None))
        body["risk_curve"] = {"input": "days_to_renewal", "strata": strata}


def _stratum(rng: Random, name: str, low: float | None, high: float | None) -> dict[str, Any]:
    line = curve(rng, 6, 1.0, width=70.0)
    kept = [point for point in line["points"] if point[0] >= 0] or [[0.0, 0.5]]
    if len(kept) < 2:
        kept.append([99.0, 0.01])
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(kept)]
    points = [[x, p, p * 0.5, min(1.0, p * 1.5)] for x, p in kept]
    return {"id": name, "from": low, "to": high, "points": points, "slopes": slopes}


def random_row(rng: Random, kinds: dict[str, str], knots: dict[str, list[float]]) -> dict[str, Any]:
    """Inputs of one account: near knots, odd, missing or ordinary; keys may be absent."""
    row: dict[str, Any] = {}
    for name, kind in kinds.items():
        if rng.random() < 0.05:
            continue
        if kind == "category":
            row[name] = rng.choice([*TEXTS.get(name, PLANS), None, float("nan"), "zzz"])
        elif rng.random() < 0.12:
            row[name] = rng.choice(ODD_NUMBERS)
        elif name in knots and rng.random() < 0.5:
            row[name] = rng.choice(knots[name]) + rng.choice([0.0, 0.0, 1e-9, -1e-9])
        elif kind == "boolean":
            row[name] = rng.choice([True, False, 1, 0, 0.5, 0.49])
        else:
            row[name] = rng.choice([rng.uniform(-1, 8), rng.randint(0, 110), rng.uniform(0, 1)])
    return row


def knots_of(body: dict[str, Any]) -> dict[str, list[float]]:
    """Knots of every plain piecewise input, and of the tenure."""
    knots = {
        metric["input"]: [float(point[0]) for point in metric["rule"]["points"]]
        for metric in body["metrics"]
        if metric["rule"]["kind"] == "piecewise"
    }
    if body.get("ramp"):
        knots["tenure"] = [0.0, 30.0, 90.0]
    return knots


def small_body() -> dict[str, Any]:
    """A body worked by hand in the tests: two dimensions, one metric of each kind."""
    return {
        "metrics": [
            {
                "id": "logins",
                "input": "logins_30d",
                "missing": "skip",
                "rule": {"kind": "piecewise", "points": [[0, 0], [10, 50], [20, 100]], "slopes": [5, 5]},
            },
            {
                "id": "seats",
                "input": "active_seats",
                "missing": "worst",
                "rule": {
                    "kind": "ratio",
                    "denominator": "bought_seats",
                    "multiplier": 1,
                    "low": 0,
                    "high": 1,
                    "points": [[0, 0], [1, 100]],
                    "slopes": [100],
                },
            },
            {
                "id": "sponsor",
                "input": "has_sponsor",
                "missing": "neutral",
                "neutral": 50,
                "rule": {"kind": "boolean", "true": 100, "false": 20},
            },
            {
                "id": "plan",
                "input": "plan",
                "missing": "skip",
                "rule": {"kind": "category", "map": [["gold", 90], ["free", 10]]},
            },
        ],
        "dimensions": [
            {"id": "usage", "weights": [["logins", 6000], ["seats", 4000]]},
            {"id": "people", "weights": [["sponsor", 5000], ["plan", 5000]]},
        ],
        "segments": {
            "input": "segment",
            "default": [["usage", 7000], ["people", 3000]],
            "by": [{"segment": "SMB", "weights": [["usage", 9000], ["people", 1000]]}],
        },
        "min_coverage": 5000,
        "ramp": None,
        "caps": [{"id": "sev1", "input": "open_sev1", "op": ">=", "value": 1, "max_score": 59}],
        "bands": [["red", 0], ["yellow", 6000], ["green", 8000]],
        "display_map": None,
        "risk_curve": {
            "input": "days_to_renewal",
            "strata": [
                {
                    "id": "renewal",
                    "from": 0,
                    "to": 104,
                    "points": [[0, 0.8, 0.6, 0.9], [100, 0.2, 0.1, 0.3]],
                    "slopes": [-0.006],
                },
                {
                    "id": "other",
                    "from": None,
                    "to": None,
                    "points": [[0, 0.4, 0.3, 0.5], [100, 0.1, 0.0, 0.2]],
                    "slopes": [-0.003],
                },
            ],
        },
        "triggers": [{"id": "below_60", "all": [{"of": "health_score", "op": "<", "value": 60}], "notify": "csm"}],
    }


FULL_ROW = {
    "logins_30d": 15,
    "active_seats": 30,
    "bought_seats": 40,
    "has_sponsor": True,
    "plan": "free",
    "segment": "Enterprise",
    "open_sev1": 0,
    "days_to_renewal": 400,
}


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with hashes that fit its present content."""
    document["integrity"] = {"body_sha256": body_sha256(document), "sha256": document_sha256(document)}
    return document


def assemble(body: dict[str, Any]) -> dict[str, Any]:
    """A document around a body, with three golden vectors."""
    kinds = input_kinds(body)
    document: dict[str, Any] = {
        "format": "churnbench-weights",
        "spec_version": "1.0",
        "requires": required_features(body),
        "config_id": "core",
        "config_version": "2.1.0",
        "sequence": 7,
        "inputs": [{"id": name, "type": kind, "nullable": True} for name, kind in kinds.items()],
        "body": body,
        "provenance": {"gap_days": 14, "warnings": []},
        "lifecycle": {"created": "2026-01-01", "hard_expiry": None},
        "integrity": {"body_sha256": ""},
    }
    scorer = Scorer(document)
    full = {name: value for name, value in FULL_ROW.items() if name in kinds}
    odd = {name: word for name, word in (("logins_30d", "NaN"), ("active_seats", "Infinity")) if name in kinds}
    rows = [full, {}, {**full, **odd}]
    scored = [full, {}, {**full, **{name: float(word) for name, word in odd.items()}}]
    document["golden"] = [
        {"in": dict(row), "out": outcome(scorer.score(inputs))} for row, inputs in zip(rows, scored, strict=True)
    ]
    return sealed(document)
