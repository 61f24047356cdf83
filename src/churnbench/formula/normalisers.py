"""One function per normaliser kind: from its declared parameters to a rule of the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import MetricSpec
from churnbench.formula.columns import is_text, numbers
from churnbench.formula.curves import category_rule, piecewise_rule

Rule = dict[str, Any]

#: Percentiles of the training data between which a quantile ramp runs.
QUANTILES = (5.0, 95.0)

_ALLOWED: Mapping[str, frozenset[str]] = {
    "ramp": frozenset({"low", "high"}),
    "piecewise": frozenset({"points"}),
    "ratio": frozenset({"benchmark", "denominator", "cap"}),
    "nps": frozenset(),
    "csat": frozenset({"low", "high"}),
    "boolean": frozenset({"yes", "no"}),
    "category": frozenset({"map"}),
    "recency": frozenset({"fresh", "stale"}),
    "quantile": frozenset(),
}


def needs_data(metric: MetricSpec) -> bool:
    """Whether the rule is read off the training data."""
    return metric.normalise.kind == "quantile"


def hand_rule(metric: MetricSpec, training: pd.DataFrame) -> Rule:
    """Rule of a declared metric.

    Args:
        metric: the declaration; see `Normaliser` for its parameters.
        training: rows from which a quantile ramp is cut; a column named `metric.id`.

    Raises:
        InputError: for unknown, absent or impossible parameters, or text where numbers belong.
    """
    kind, params = metric.normalise.kind, metric.normalise.params
    if kind not in _ALLOWED:
        raise _impossible(metric, f"kind {kind!r}", f"one of {', '.join(_ALLOWED)}")
    unknown = sorted(set(params) - _ALLOWED[kind])
    if unknown:
        raise _impossible(metric, f"parameter {unknown[0]!r}", f"only {sorted(_ALLOWED[kind]) or 'none'}")
    if kind not in ("category", "boolean") and is_text(training, metric.id):
        raise InputError(
            f"metric {metric.id}: the column holds text, and a {kind} rule needs numbers.",
            column=metric.id,
            fix='Use normalise = { kind = "category", map = {...} }, or correct the column.',
        )
    return _BUILDERS[kind](metric, training)


def _ramp(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    return _line(metric, _number(metric, "low"), _number(metric, "high"))


def _piecewise(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    points = metric.normalise.params.get("points")
    if not isinstance(points, (list, tuple)) or not all(_is_pair(point) for point in points):
        raise _impossible(metric, f"points {points!r}", "a list of [x, points] pairs")
    return piecewise_rule([(float(x), float(y)) for x, y in points], what=f"metric {metric.id}")


def _ratio(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    params, cap = metric.normalise.params, _number(metric, "cap", 1.0)
    if ("benchmark" in params) == ("denominator" in params):
        raise _impossible(metric, f"parameters {sorted(params)}", "either benchmark or denominator")
    if not cap > 0:
        raise _impossible(metric, f"cap {cap:g}", "a number above 0")
    if "benchmark" in params:
        benchmark = _number(metric, "benchmark")
        if not benchmark > 0:
            raise _impossible(metric, f"benchmark {benchmark:g}", "a number above 0")
        return _line(metric, 0.0, benchmark * cap)
    denominator = params["denominator"]
    if not isinstance(denominator, str):
        raise _impossible(metric, f"denominator {denominator!r}", "the name of a column")
    line = _line(metric, 0.0, cap)
    return {
        "kind": "ratio",
        "denominator": denominator,
        "multiplier": 1.0,
        "low": 0.0,
        "high": line["points"][-1][0],
        "points": line["points"],
        "slopes": line["slopes"],
    }


def _nps(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    return _line(metric, -100.0, 100.0)


def _csat(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    return _line(metric, _number(metric, "low", 1.0), _number(metric, "high", 5.0))


def _boolean(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    good = 100.0 if metric.direction == "higher_is_healthier" else 0.0
    yes, no = _number(metric, "yes", good), _number(metric, "no", 100.0 - good)
    if not (min(yes, no) >= 0 and max(yes, no) <= 100):
        raise _impossible(metric, f"yes {yes:g} and no {no:g}", "points between 0 and 100")
    return {"kind": "boolean", "true": yes, "false": no}


def _category(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    entries = metric.normalise.params.get("map")
    if not isinstance(entries, Mapping) or not all(_is_number(points) for points in entries.values()):
        raise _impossible(metric, f"map {entries!r}", "a table of text = points")
    pairs = [(str(name), float(points)) for name, points in entries.items()]
    return category_rule(pairs, what=f"metric {metric.id}")


def _recency(metric: MetricSpec, _: pd.DataFrame) -> Rule:
    fresh, stale = _number(metric, "fresh"), _number(metric, "stale")
    if not fresh < stale:
        raise _impossible(metric, f"fresh {fresh:g}, stale {stale:g}", "fresh below stale")
    return piecewise_rule([(fresh, 100.0), (stale, 0.0)], what=f"metric {metric.id}")


def _quantile(metric: MetricSpec, training: pd.DataFrame) -> Rule:
    values = numbers(training, metric.id)
    values = values[np.isfinite(values)]
    low, high = (float(cut) for cut in np.percentile(values, QUANTILES))
    if low == high:
        # More than nine rows in ten agree (rare events): the whole range is what is left to tell them apart.
        low, high = float(values.min()), float(values.max())
    return _line(metric, low, high)


def _line(metric: MetricSpec, low: float, high: float) -> Rule:
    if not low < high:
        raise _impossible(metric, f"low {low:g}, high {high:g}", "low below high; direction mirrors the ramp")
    start, end = (0.0, 100.0) if metric.direction == "higher_is_healthier" else (100.0, 0.0)
    return piecewise_rule([(low, start), (high, end)], what=f"metric {metric.id}")


def _number(metric: MetricSpec, name: str, default: float | None = None) -> float:
    value = metric.normalise.params.get(name, default)
    if not _is_number(value):
        raise _impossible(metric, f"{name} {value!r}", "a finite number")
    return float(value)  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e300


def _is_pair(point: object) -> bool:
    return isinstance(point, (list, tuple)) and len(point) == 2 and all(_is_number(part) for part in point)


def _impossible(metric: MetricSpec, arrived: str, expected: str) -> InputError:
    return InputError(
        f"metric {metric.id}, normalise {metric.normalise.kind}: {arrived} arrived; expected {expected}.",
        fix="Correct normalise in the project file.",
    )


_BUILDERS: Mapping[str, Callable[[MetricSpec, pd.DataFrame], Rule]] = {
    "ramp": _ramp,
    "piecewise": _piecewise,
    "ratio": _ratio,
    "nps": _nps,
    "csat": _csat,
    "boolean": _boolean,
    "category": _category,
    "recency": _recency,
    "quantile": _quantile,
}
