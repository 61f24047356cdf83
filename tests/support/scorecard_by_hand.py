"""A scorecard with every kind of rule, and the scores of a platform that computes it by itself."""

from __future__ import annotations

import math
from typing import Any

CARD: dict[str, Any] = {
    "name": "Core health",
    "low": 0,
    "high": 10,
    "weights": "within_group",
    "boundary": ">=",
    "state_boundary": ">=",
    "nulls": "ignored",
    "rounding": "half_up",
    "decimals": 1,
    "levels": {"green": 10, "yellow": 5, "red": 0},
    "groups": [
        {
            "name": "usage",
            "label": "Product usage",
            "weight": 60,
            "measures": [
                {
                    "name": "Logins (30 d)",
                    "column": "logins",
                    "weight": 70,
                    "bands": [
                        {"points": "red"},
                        {"from": 5, "points": "yellow"},
                        {"from": 20, "points": 6, "points_end": 9},
                        {"from": 40, "points": "green"},
                    ],
                },
                {
                    "name": "seats",
                    "weight": 30,
                    "boundary": ">",
                    "nulls": "zero",
                    "bands": [{"points": 2}, {"from": 0.5, "points": 7}, {"from": 0.8, "points": 10}],
                },
            ],
        },
        {
            "name": "people",
            "weight": 40,
            "measures": [
                {"name": "nps", "weight": 50, "nulls": "points", "null_points": 5, "curve": [[-100, 0], [100, 10]]},
                {
                    "name": "sponsor",
                    "weight": 20,
                    "kind": "yes_no",
                    "nulls": "worst",
                    "categories": {"yes": 9, "no": 3},
                },
                {"name": "plan", "weight": 30, "categories": {"gold": 10, "=basic()": 4}},
            ],
        },
    ],
    "states": [{"name": "red", "from": 0}, {"name": "yellow", "from": 5}, {"name": "green", "from": 8}],
    "exceptions": [{"name": "overdue", "column": "invoices_overdue", "op": ">=", "value": 2, "points": 4}],
}


def points_by_hand(measure: dict[str, Any], value: Any, card: dict[str, Any]) -> float | None:
    """Points of a measure, written down from the words of docs/scorecards.md alone."""
    level = card.get("levels", {})

    def worth(points: Any) -> float:
        return float(level.get(points, points))

    if value is None or (isinstance(value, float) and math.isnan(value)):
        rule = measure.get("nulls", card["nulls"])
        if rule == "ignored":
            return None
        if rule == "zero":
            return 0.0
        if rule == "points":
            return float(measure["null_points"])
        stated = [worth(b["points"]) for b in measure.get("bands", [])]
        stated += [worth(p) for p in measure.get("categories", {}).values()]
        return min(stated)
    if measure.get("kind") == "yes_no":
        return worth(measure["categories"]["yes" if value else "no"])
    if "categories" in measure:
        return worth(measure["categories"][value])
    if "curve" in measure:
        (x0, y0), (x1, y1) = measure["curve"]
        return y0 + (min(max(value, x0), x1) - x0) / (x1 - x0) * (y1 - y0)
    at = measure["bands"][0]
    end = None
    for band, following in zip(measure["bands"][1:], [*measure["bands"][2:], None], strict=True):
        strict = measure.get("boundary", card["boundary"]) == ">"
        if value > band["from"] or (value == band["from"] and not strict):
            at, end = band, following
    if "points_end" in at and end is not None:
        low, high = worth(at["points"]), worth(at["points_end"])
        return low + (value - at["from"]) / (end["from"] - at["from"]) * (high - low)
    return worth(at["points"])


def score_by_hand(card: dict[str, Any], row: dict[str, Any]) -> float | None:
    """The score as the platform would compute it, not rounded."""
    total = weight = 0.0
    for group in card["groups"]:
        parts = [
            (measure["weight"], points_by_hand(measure, row.get(measure.get("column", measure["name"])), card))
            for measure in group["measures"]
        ]
        known = [(w, p) for w, p in parts if p is not None]
        if known:
            own = sum(w * p for w, p in known) / sum(w for w, _ in known)
            total += group["weight"] * own
            weight += group["weight"]
    if not weight:
        return None
    score = total / weight
    for one in card.get("exceptions", []):
        value = row.get(one["column"])
        if value is not None and not math.isnan(value) and value >= one["value"]:
            score = min(score, one["points"])
    return score
