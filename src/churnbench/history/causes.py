"""The causes of a change under one config: data, missing data, segment, ramp and caps, in hundredths that add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnbench.export import Document
from churnbench.formula import Body, metric_values, score_frame, validate_body
from churnbench.history.shares import Totals, grouped, shapley, whole
from churnbench_scorer import Scorer
from churnbench_scorer.plan import fallback_points, lookup, on_curve

Cause = Literal["data", "missingness", "segment", "ramp", "caps", "config", "override", "rounding"]


@dataclass(frozen=True)
class ChangePart:
    """One cause of a change.

    Attributes:
        cause: kind of the cause.
        what: metric ids, cap ids, segment names or config versions.
        points_x100: its part in hundredths of a point; negative lowers the score.
        before, after: what was there, for people.
    """

    cause: Cause
    what: str
    points_x100: int
    before: str
    after: str


def under_one(body: Body, before: Mapping[str, Any], after: Mapping[str, Any], target: int) -> list[ChangePart]:
    """Parts of a change under one body; they sum to the target."""
    frame = _frame(body, before, after)
    values = metric_values(body, frame, allow_missing=True)
    totals, names = _totals(body, values, frame)
    causes, floats = _total_parts(body, totals, names, values, frame)
    total = totals.at(totals.points, totals.profile)[0]
    raw = score_frame(body, frame, allow_missing=True)["raw_score"].to_numpy()
    ramped = score_frame({**body, "caps": []}, frame, allow_missing=True)["raw_score"].to_numpy()
    caps = [
        ", ".join(Scorer(_bare(body)).score(inputs, extra="ignore").caps) or "none" for inputs in (before, after)
    ]  # fmt: skip
    late = (("ramp", "onboarding", ramped - total, ("", "")), ("caps", _joined(caps), raw - ramped, (caps[0], caps[1])))
    for cause, what, taken, words in late:
        if taken[0] != taken[1]:
            causes.append((cause, what, *words))
            floats.append(float(taken[1] - taken[0]))
    scale = _slope(body, float(raw[0]), float(raw[1])) * 100.0
    if not causes and target:
        causes, floats = [("rounding", "rounding", "", "")], [0.0]
    points = whole([part * scale for part in floats], target)
    return [ChangePart(cause, what, n, a, b) for (cause, what, a, b), n in zip(causes, points, strict=True)]  # type: ignore[arg-type]


def _total_parts(
    body: Body, totals: Totals, names: list[str], values: pd.DataFrame, frame: pd.DataFrame
) -> tuple[list[tuple[str, str, str, str]], list[float]]:
    """Causes of a change of the total, and their Shapley values in points."""
    segment = body["segments"]["input"]
    sources = {metric["id"]: metric["input"] for metric in body["metrics"]}
    here = ~np.isnan(values[names].to_numpy())
    differ = ~_same(totals.points[0], totals.points[1])
    of_segment = [k for k, name in enumerate(names) if segment is not None and sources[name] == segment]
    missing = [k for k in range(len(names)) if here[0, k] != here[1, k] and k not in of_segment]
    data = [k for k in range(len(names)) if here[:, k].all() and differ[k] and k not in of_segment]
    groups = grouped(missing, totals.dimension)
    turned = bool((totals.profile[0] != totals.profile[1]).any()) or bool(differ[of_segment].any())
    if turned:
        groups = [*groups, of_segment]
    found, moved = shapley(totals, groups, data, profile=turned)
    causes: list[tuple[str, str, str, str]] = [
        ("missingness", ", ".join(names[k] for k in group), *_words(frame, [sources[names[k]] for k in group]))
        for group in groups[: len(groups) - turned]
    ]
    if turned:
        causes.append(("segment", str(segment), *_words(frame, [str(segment)])))
    causes += [("data", names[k], *_words(frame, [sources[names[k]]])) for k in data]
    return causes, [*map(float, found), *map(float, moved)]


def _totals(body: Body, values: pd.DataFrame, frame: pd.DataFrame) -> tuple[Totals, list[str]]:
    fallback = {metric["id"]: fallback_points(metric) for metric in body["metrics"]}
    placed = [(k, name, w) for k, dim in enumerate(body["dimensions"]) for name, w in dim["weights"]]
    names = [name for _, name, _ in placed]
    points = values[names].to_numpy(dtype=np.float64)
    otherwise = np.array([np.nan if fallback[name] is None else float(fallback[name] or 0.0) for name in names])
    segments = body["segments"]
    profiles = {entry["segment"]: entry["weights"] for entry in segments["by"]}
    found = [None, None] if segments["input"] is None else list(frame[segments["input"]])
    profile = [[weight for _, weight in profiles.get(name, segments["default"])] for name in found]
    return (
        Totals(
            dimension=np.array([k for k, _, _ in placed], dtype=np.intp),
            weight=np.array([float(weight) for _, _, weight in placed]),
            points=np.where(np.isnan(points), otherwise, points),
            profile=np.array(profile, dtype=np.float64),
        ),
        names,
    )


def _frame(body: Body, *rows: Mapping[str, Any]) -> pd.DataFrame:
    made = {}
    for name, kind in validate_body(body).items():
        values = [row.get(name) for row in rows]
        numeric = kind != "category"
        made[name] = pd.Series([np.nan if v is None else float(v) for v in values] if numeric else values)
        if not numeric:
            made[name] = made[name].astype(object).where(made[name].notna(), None)
    return pd.DataFrame(made)


def _slope(body: Body, before: float, after: float) -> float:
    """Slope of the display map between two raw scores; 1 without a map."""
    shown = body.get("display_map")
    if not shown:
        return 1.0
    curve = lookup(shown["points"], shown["slopes"])
    low, high = (before, after) if abs(after - before) > 1e-6 else (before - 0.5, before + 0.5)
    return float((on_curve(high, *curve) - on_curve(low, *curve)) / (high - low))


def unknown_metrics(body: Body, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Metrics without a value."""
    values = metric_values(body, _frame(body, inputs), allow_missing=True).iloc[0]
    return tuple(str(name) for name in values.index[values.isna()])


def _bare(body: Body) -> Document:
    """Just enough of a document for a scorer."""
    return {
        "body": body,
        "config_id": "",
        "config_version": "",
        "sequence": 0,
        "integrity": {"body_sha256": ""},
        "inputs": [{"id": name, "type": kind} for name, kind in validate_body(body).items()],
    }


def _same(a: Any, b: Any) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _words(frame: pd.DataFrame, names: list[str]) -> tuple[str, str]:
    before, after = (", ".join(_word(frame[name].iloc[row]) for name in names) for row in (0, 1))
    return before, after


def _word(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _joined(caps: list[str]) -> str:
    return ", ".join(dict.fromkeys(name for entry in caps for name in entry.split(", ") if name != "none")) or "caps"
