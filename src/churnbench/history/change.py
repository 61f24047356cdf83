"""Why a score moved, in whole hundredths that add up: data, missing data, segment, ramp, caps, config, override.

Between two readings of one config, the change of the total (the weighted mean before onboarding ramp, caps and display
map) is shared among its causes by their Shapley values, which depend on no order; what ramp and caps take or give is
the difference between after and before; all of it is brought to the scale that people see by the slope of the display
map between the two scores. Of two configs, the data change is read under the old one, and the config comes last: what
the new formula makes of the same inputs. An input that only the old config reads is taken as it stood before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.export import Document
from churnbench.formula import Body, metric_values, score_frame, validate_body
from churnbench.history.shares import Totals, grouped, shapley, whole
from churnbench_scorer import Scorer
from churnbench_scorer.plan import fallback_points, lookup, on_curve

Cause = Literal["data", "missingness", "segment", "ramp", "caps", "config", "override", "rounding"]


@dataclass(frozen=True)
class Reading:
    """What one reading was made of.

    Attributes:
        account_id, as_of: which.
        body_sha256: hash of the formula.
        inputs: input id -> value, None where missing.
        override_x100: score that somebody set, hundredths; None without one.
    """

    account_id: str
    as_of: date
    body_sha256: str
    inputs: Mapping[str, Any]
    override_x100: int | None = None


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


@dataclass(frozen=True)
class ScoreChange:
    """A change and its causes; `points_x100` of the parts sum to `total_x100`.

    Attributes:
        account_id: whose.
        before_on, after_on: days of the two readings.
        before_x100, after_x100: scores shown (calculated, or overridden), None for insufficient data.
        total_x100: after minus before; None when one of them has no score, then there are no parts.
        parts: largest first.
        caps_before, caps_after: ids of the caps whose condition held.
        unknown_before, unknown_after: metrics without a value.
    """

    account_id: str
    before_on: date
    after_on: date
    before_x100: int | None
    after_x100: int | None
    total_x100: int | None
    parts: tuple[ChangePart, ...]
    caps_before: tuple[str, ...]
    caps_after: tuple[str, ...]
    unknown_before: tuple[str, ...]
    unknown_after: tuple[str, ...]

    def by_cause(self) -> dict[str, int]:
        """Cause -> hundredths, of the causes that occur."""
        sums: dict[str, int] = {}
        for part in self.parts:
            sums[part.cause] = sums.get(part.cause, 0) + part.points_x100
        return sums


def reading_of(row: Mapping[str, Any], document: Document) -> Reading:
    """A row of a score history as a reading.

    Args:
        row: account_id, as_of and the inputs of the config; one that is absent is missing.
        document: the config that scored it.
    """
    kinds = validate_body(document["body"])
    inputs = {name: _value(row.get(name)) for name in kinds}
    score = _value(row.get("override_score"))
    return Reading(
        account_id=str(row["account_id"]),
        as_of=pd.Timestamp(row["as_of"]).date(),
        body_sha256=document["integrity"]["body_sha256"],
        inputs=inputs,
        override_x100=None if score is None else round(float(score) * 100),
    )


def explain_change(before: Reading, after: Reading, documents: Mapping[str, Document]) -> ScoreChange:
    """Split the change between two readings of an account by cause; see the module for the rule.

    Args:
        before: from `ScoreStore.reading` or `reading_of`.
        after: likewise, the later one.
        documents: body hash -> config, for both.

    Raises:
        InputError: two accounts, or a config that is not there.
    """
    if before.account_id != after.account_id:
        raise InputError(
            f"the readings are of accounts {before.account_id!r} and {after.account_id!r}.", fix="Compare one account."
        )
    old, new = (_document(documents, reading) for reading in (before, after))
    carried = {name: value for name, value in before.inputs.items() if name not in new_inputs(new)}
    moved = {**carried, **after.inputs}
    scores = (
        Scorer(old).score(before.inputs, extra="ignore"),
        Scorer(old).score(moved, extra="ignore"),
        Scorer(new).score(after.inputs, extra="ignore"),
    )
    first, middle, last = (score.health_score_x100 for score in scores)
    parts: list[ChangePart] = []
    shown = tuple(
        calculated if reading.override_x100 is None else reading.override_x100
        for calculated, reading in ((first, before), (last, after))
    )
    explained = first is not None and last is not None and None not in shown
    if first is not None and last is not None and explained:
        if middle is not None:
            parts += _under_one(old["body"], before.inputs, moved, middle - first)
        parts += _config_part(old, new, last - (first if middle is None else middle))
        parts += _override_part(before, after, first, last)
    return ScoreChange(
        account_id=before.account_id,
        before_on=before.as_of,
        after_on=after.as_of,
        before_x100=shown[0],
        after_x100=shown[1],
        total_x100=shown[1] - shown[0] if explained and shown[0] is not None and shown[1] is not None else None,
        parts=tuple(sorted((p for p in parts if p.points_x100), key=lambda p: -abs(p.points_x100))),
        caps_before=scores[0].caps,
        caps_after=scores[2].caps,
        unknown_before=_unknown(old["body"], before.inputs),
        unknown_after=_unknown(new["body"], after.inputs),
    )


def new_inputs(document: Document) -> set[str]:
    """Inputs that a config reads."""
    return set(validate_body(document["body"]))


def _under_one(body: Body, before: Mapping[str, Any], after: Mapping[str, Any], target: int) -> list[ChangePart]:
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


def _config_part(old: Document, new: Document, points: int) -> list[ChangePart]:
    if old["integrity"]["body_sha256"] == new["integrity"]["body_sha256"]:
        return []
    a, b = old["config_version"], new["config_version"]
    return [ChangePart("config", f"{a} to {b}", points, a, b)]


def _override_part(before: Reading, after: Reading, first: int, last: int) -> list[ChangePart]:
    set_before, set_after = (
        0 if reading.override_x100 is None else reading.override_x100 - calculated
        for reading, calculated in ((before, first), (after, last))
    )
    words = ["none" if r.override_x100 is None else f"{r.override_x100 / 100:.2f}" for r in (before, after)]
    return [ChangePart("override", "score set by hand", set_after - set_before, *words)]


def _document(documents: Mapping[str, Document], reading: Reading) -> Document:
    if reading.body_sha256 not in documents:
        raise InputError(
            f"the config with formula {reading.body_sha256[:12]}... is not there.",
            fix="Give the documents of the store, or restore it there.",
        )
    return documents[reading.body_sha256]


def _unknown(body: Body, inputs: Mapping[str, Any]) -> tuple[str, ...]:
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


def _value(value: Any) -> Any:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value
