"""Which parameters each normaliser takes, checked where the project file declares them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from churnbench.data.hints import did_you_mean
from churnbench.data.step_rules import step_points
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import Normaliser

#: kind -> (required parameters, optional parameters)
PARAMETERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ramp": (("low", "high"), ()),
    "piecewise": (("points",), ()),
    "bands": (("bands",), ("boundary", "top")),
    "ratio": ((), ("benchmark", "denominator", "cap")),
    "nps": ((), ()),
    "csat": ((), ("low", "high")),
    "boolean": ((), ("yes", "no")),
    "category": (("map",), ()),
    "recency": (("fresh", "stale"), ()),
    "quantile": ((), ()),
}


def read_normaliser(declared: Mapping[str, Any], *, metric: str, file: str) -> Normaliser:
    """A checked normaliser.

    Args:
        declared: the inline table `normalise = { kind = ..., ... }`.
        metric: id of the metric, for the message.
        file: name of the project file, for the message.

    Returns:
        The normaliser with its parameters as numbers.

    Raises:
        InputError: unknown kind, unknown or missing parameter, or values that make no rule.
    """
    place = f"formula.metrics {metric}.normalise"
    kind = declared.get("kind")
    if kind not in PARAMETERS:
        raise InputError(
            f"kind = {kind!r} is not a normaliser; known are {', '.join(PARAMETERS)}.",
            file=file,
            column=place,
            fix=did_you_mean(str(kind), PARAMETERS) or 'For example normalise = { kind = "ramp", low = 0, high = 20 }.',
        )
    required, optional = PARAMETERS[kind]
    params = {name: value for name, value in declared.items() if name != "kind"}
    unknown = sorted(set(params) - set(required) - set(optional))
    absent = [name for name in required if name not in params]
    if unknown or absent:
        wrong = f"'{unknown[0]}' is not a parameter" if unknown else f"'{absent[0]}' is missing"
        takes = ", ".join((*required, *(f"{name} (optional)" for name in optional))) or "no parameters"
        raise InputError(f"{wrong}; {kind} takes {takes}.", file=file, column=place, fix="Correct the table.")
    problem = _problem(kind, params)
    if problem:
        raise InputError(f"{problem}; got {params}.", file=file, column=place, fix="Correct the table.")
    if kind == "bands":
        return Normaliser(kind="piecewise", params={"points": _knots(params)})
    return Normaliser(kind=kind, params=params)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _problem(kind: str, params: Mapping[str, Any]) -> str | None:
    if kind == "piecewise":
        return _points_problem(params["points"])
    if kind == "bands":
        return _bands_problem(params)
    if kind == "category":
        return _map_problem(params["map"])
    if kind == "ratio":
        return _ratio_problem(params)
    not_number = next((name for name, value in params.items() if not _number(value)), None)
    if not_number is not None:
        return f"{not_number} must be a number"
    if kind == "boolean" and any(not 0 <= points <= 100 for points in params.values()):
        return "points lie between 0 and 100"
    for low, high in (("low", "high"), ("fresh", "stale")):
        if low in params and high in params and params[low] >= params[high]:
            return f"{low} must be below {high}"
    return None


def _points_problem(points: object) -> str | None:
    pairs = points if isinstance(points, list) else []
    if len(pairs) < 2 or not all(isinstance(p, list) and len(p) == 2 and all(map(_number, p)) for p in pairs):
        return "points must be at least two pairs [[x, points], ...] of numbers"
    if any(right[0] <= left[0] for left, right in pairwise(pairs)):
        return "the x of points must ascend"
    if any(not 0 <= pair[1] <= 100 for pair in pairs):
        return "points lie between 0 and 100"
    return None


def _knots(params: Mapping[str, Any]) -> list[list[float]]:
    bands = params["bands"]
    ends = [(band[1], band[-1]) for band in bands]
    boundary = params.get("boundary", ">=")
    knots = step_points([band[0] for band in bands[1:]], ends, boundary=boundary, top=params.get("top"))
    first = bands[0]  # below a first band with two points its lower points hold on
    return knots if len(first) == 2 else [[float(first[0]), float(first[1])], *knots]


def _bands_problem(params: Mapping[str, Any]) -> str | None:
    bands, top, boundary = params["bands"], params.get("top"), params.get("boundary", ">=")
    good = isinstance(bands, list) and len(bands) >= 2
    if not good or not all(isinstance(b, list) and len(b) in (2, 3) and all(map(_number, b)) for b in bands):
        return "bands must be at least two of [from, points] or [from, points there, points at its end]"
    if any(right[0] <= left[0] for left, right in pairwise(bands)):
        return "the starts of bands must ascend"
    if any(not 0 <= points <= 100 for band in bands for points in band[1:]):
        return "points lie between 0 and 100"
    if boundary not in (">=", ">"):
        return "boundary is >= (a value equal to a start belongs to the band above) or >"
    if (len(bands[-1]) == 3) != (top is not None) or (top is not None and not (_number(top) and top > bands[-1][0])):
        return "top, a number above the last start, belongs to a last band with two points"
    return None


def _map_problem(mapping: object) -> str | None:
    if not isinstance(mapping, dict) or not mapping:
        return "map must be a table such as { gold = 100, silver = 60 }"
    if not all(_number(points) and 0 <= points <= 100 for points in mapping.values()):
        return "each category's points lie between 0 and 100"
    return None


def _ratio_problem(params: Mapping[str, Any]) -> str | None:
    if ("benchmark" in params) == ("denominator" in params):
        return "ratio needs either benchmark (a number) or denominator (a column)"
    if "benchmark" in params and not (_number(params["benchmark"]) and params["benchmark"] > 0):
        return "benchmark must be a positive number"
    if "denominator" in params and not isinstance(params["denominator"], str):
        return "denominator must be the name of a column"
    if "cap" in params and not (_number(params["cap"]) and params["cap"] > 0):
        return "cap must be a positive number"
    return None
