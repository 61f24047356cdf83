"""From the nested form of a scorecard file to a checked `Scorecard`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

from churnbench.data.hints import did_you_mean, listed
from churnbench.data.sections import IDENTIFIER
from churnbench.domain.cohort import KEY_COLUMNS
from churnbench.domain.errors import InputError
from churnbench.scorecards.fields import Fields
from churnbench.scorecards.model import Band, Group, Measure, RuleKind, Scorecard, ScoreException

#: Conventions of a whole scorecard; all but the last three must be declared.
SETTINGS = (
    "name",
    "low",
    "high",
    "weights",
    "boundary",
    "nulls",
    "rounding",
    "null_points",
    "state_boundary",
    "decimals",
)
_TOP = (*SETTINGS, "levels", "groups", "states", "segment_weights", "exceptions")
_MEASURE = (
    "name",
    "label",
    "column",
    "weight",
    "kind",
    "boundary",
    "nulls",
    "null_points",
    "bands",
    "curve",
    "categories",
)
_NULLS = ("ignored", "zero", "worst", "points")
_BOUNDARIES = (">=", ">")


def scorecard_of(tree: Mapping[str, Any], file: str) -> Scorecard:
    """A checked scorecard.

    Args:
        tree: the nested form, in churnbench's words.
        file: name of the file, for messages.

    Raises:
        InputError: at the first fault, naming the place.
    """
    top = Fields(tree, file, "")
    top.only(_TOP)
    low, high = top.number("low"), top.number("high")
    if not low < high:
        raise top.error(f"low {low:g} must be below high {high:g}; high is healthy.", "Correct the scale.", "low")
    levels = {
        str(name): top.number("points", points, low=low, high=high) for name, points in top.table("levels").items()
    }
    rules = _Rules(top, low, high, levels)
    groups = tuple(_group(one, rules) for one in top.records("groups", ("name", "label", "weight", "measures")))
    _unique([group.label for group in groups], "group", top)
    _unique([measure.label for group in groups for measure in group.measures], "measure", top)
    if not any(group.measures for group in groups):
        raise top.error("there is no measure.", "Declare groups and their measures.", "groups")
    named = _with_ids(groups)
    exceptions = tuple(_exception(one, low, high) for one in top.records("exceptions", _EXCEPTION))
    _unique([one.id for one in exceptions], "exception", top)
    return Scorecard(
        name=top.text("name"),
        low=low,
        high=high,
        weights=rules.weights,
        rounding=top.choice("rounding", ("half_up", "down", "none")),
        decimals=int(top.number("decimals", 0.0, low=0, high=6)),
        groups=named,
        states=_states(top, low, high),
        state_boundary=top.choice("state_boundary", _BOUNDARIES, rules.boundary),
        segment_weights=_segment_weights(
            top, {old.id: new.id for old, new in zip(groups, named, strict=True)}, known=rules.weights
        ),
        exceptions=exceptions,
    )


class _Rules:
    """Conventions that a measure takes over unless it states its own."""

    def __init__(self, top: Fields, low: float, high: float, levels: Mapping[str, float]) -> None:
        self.low, self.high, self.levels = low, high, levels
        self.weights: Literal["within_group", "overall"] = top.choice("weights", ("within_group", "overall"))
        self.boundary = top.choice("boundary", _BOUNDARIES)
        self.nulls = top.choice("nulls", _NULLS)
        self.null_points = top.optional_number("null_points")

    def points(self, fields: Fields, key: str, value: object) -> float:
        """Points as a number, or as the name of a level."""
        if isinstance(value, str) and value in self.levels:
            return self.levels[value]
        if isinstance(value, str) and self.levels and re.search(r"[A-Za-z]", value):
            raise fields.error(
                f"'{value}' is not a level; those are {listed(self.levels)}.",
                did_you_mean(value, self.levels) or "Declare it.",
                key,
            )
        return Fields({key: value}, fields.file, fields.place).number(key, low=self.low, high=self.high)


def _group(fields: Fields, rules: _Rules) -> Group:
    label = fields.text("label", fields.text("name"))
    measures = tuple(_measure(one, rules) for one in fields.records("measures", _MEASURE))
    if not measures:
        raise fields.error(f"group '{label}' has no measure.", "Add one, or delete the group.")
    if sum(measure.weight for measure in measures) <= 0:
        raise fields.error(f"all measures of group '{label}' have weight 0.", "Give one a weight, or delete the group.")
    # The name, not the label: other records refer to it, and so it becomes the id.
    weight = fields.number("weight", 1.0 if rules.weights == "overall" else None, low=0, high=1e9)
    return Group(fields.text("name"), label, weight, measures)


def _measure(fields: Fields, rules: _Rules) -> Measure:
    name = fields.text("name")
    kind = _kind(fields)
    nulls = fields.choice("nulls", _NULLS, rules.nulls)
    null_points = fields.optional_number("null_points")
    if null_points is None:
        null_points = rules.null_points
    if nulls == "points" and (null_points is None or not rules.low <= null_points <= rules.high):
        raise fields.error(
            f"nulls = points with null_points = {null_points}; expected {rules.low:g} to {rules.high:g}.",
            "State the points of a missing value.",
            "null_points",
        )
    if nulls == "zero" and not rules.low <= 0 <= rules.high:
        raise fields.error(
            f"a missing value cannot count as zero on a scale from {rules.low:g} to {rules.high:g}.",
            'Write nulls = "worst", or "points" with null_points.',
            "nulls",
        )
    return Measure(
        id=name,
        label=fields.text("label", name),
        column=fields.text("column", name),
        weight=fields.number("weight", low=0, high=1e9),
        kind=kind,
        bands=_bands(fields, rules) if kind == "bands" else (),
        knots=_knots(fields, rules) if kind == "curve" else (),
        categories=_categories(fields, rules, kind) if kind in ("categories", "yes_no") else {},
        boundary=fields.choice("boundary", _BOUNDARIES, rules.boundary),
        nulls=nulls,
        null_points=null_points if nulls == "points" else None,
    )


def _kind(fields: Fields) -> RuleKind:
    given = [key for key in ("bands", "curve", "categories") if fields.content.get(key)]
    if len(given) != 1:
        raise fields.error(
            f"a measure has bands, a curve or categories; found {' and '.join(given) or 'none'}.", "Keep one of them."
        )
    found: RuleKind = fields.choice("kind", ("bands", "curve", "categories", "yes_no"), given[0])
    if (found == "yes_no" and given[0] != "categories") or (found != "yes_no" and found != given[0]):
        raise fields.error(f"kind = {found} with {given[0]}.", "Correct the kind, or leave it out.", "kind")
    return found


def _bands(fields: Fields, rules: _Rules) -> tuple[Band, ...]:
    bands = []
    for one in fields.records("bands", ("from", "points", "points_end")):
        end = one.content.get("points_end")
        bands.append(
            Band(
                one.optional_number("from"),
                rules.points(one, "points", one.content.get("points")),
                None if end is None else rules.points(one, "points_end", end),
            )
        )
    starts = [band.start for band in bands]
    later = [start for start in starts[1:] if start is not None]
    if len(bands) < 2 or starts[0] is not None or len(later) < len(bands) - 1 or later != sorted(set(later)):
        raise fields.error(
            f"bands from {starts}: the first has no 'from' (it holds everything below), the others ascend.",
            "Correct the bands, lowest first.",
            "bands",
        )
    if bands[0].end_points is not None or bands[-1].end_points is not None:
        raise fields.error(
            "the first band has no beginning and the last no end, so their points cannot rise.",
            "Leave points_end out there, or use a curve.",
            "bands",
        )
    return tuple(bands)


def _knots(fields: Fields, rules: _Rules) -> tuple[tuple[float, float], ...]:
    value = fields.content["curve"]
    if not isinstance(value, list) or not all(isinstance(one, list) and len(one) == 2 for one in value):
        raise fields.error("a curve is a list of [value, points].", "Correct it.", "curve")
    knots = tuple(
        (Fields({"from": x}, fields.file, fields.place).number("from"), rules.points(fields, "curve", points))
        for x, points in value
    )
    if len(knots) < 2 or any(right[0] <= left[0] for left, right in pairwise(knots)):
        raise fields.error("a curve needs at least two knots, values ascending.", "Correct it.", "curve")
    return knots


def _categories(fields: Fields, rules: _Rules, kind: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for text, points in fields.table("categories").items():
        if kind == "yes_no" and isinstance(text, bool):
            text = "yes" if text else "no"  # noqa: PLW2901 - YAML reads a bare yes so
        if not isinstance(text, str) or not text:
            raise fields.error(f"category {text!r} is no text.", "Write it in quotes.", "categories")
        found[text] = rules.points(fields, "categories", points)
    if kind == "yes_no" and set(found) != {"yes", "no"}:
        raise fields.error(f"kind = yes_no with {listed(found)}; expected yes and no.", "Correct it.", "categories")
    return found


def _states(top: Fields, low: float, high: float) -> tuple[tuple[str, float], ...]:
    found = tuple(
        (one.text("name"), one.number("from", low, low=low, high=high))
        for one in top.records("states", ("name", "from"))
    )
    starts = [start for _, start in found]
    if len(found) < 2 or starts[0] != low or starts != sorted(set(starts)) or len({n for n, _ in found}) < len(found):
        raise top.error(
            f"states {list(found)}: expected at least two, lowest first, the first from {low:g}, the others ascending.",
            "Correct the states.",
            "states",
        )
    return found


_EXCEPTION = ("name", "column", "op", "value", "points")


def _exception(fields: Fields, low: float, high: float) -> ScoreException:
    op = fields.choice("op", ("<", ">=", "="))
    value = fields.text("value") if op == "=" else fields.number("value")
    most = fields.number("points", low=low, high=high)
    return ScoreException(_slug(fields.text("name")), fields.text("column"), op, value, most)


def _segment_weights(top: Fields, ids: Mapping[str, str], *, known: str) -> dict[str, dict[str, float]]:
    found = {}
    for segment, weights in top.table("segment_weights").items():
        fields = Fields(weights if isinstance(weights, dict) else {}, top.file, f"segment_weights.{segment}")
        fields.only(ids)
        by = {ids[name]: fields.number(name, low=0, high=1e9) for name in fields.content}
        if sum(by.values()) <= 0:
            raise fields.error("the weights sum to 0.", "Correct them.")
        found[str(segment)] = by
    if found and known == "overall":
        raise top.error(
            "segments weigh groups, but weights are stated overall.", "State weights within groups.", "segment_weights"
        )
    return found


def _with_ids(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Names as identifiers, each only once."""
    taken: set[str] = set()

    def own(name: str, reserved: tuple[str, ...]) -> str:
        base = _slug(name)
        base = f"{base[:50]}_metric" if base in reserved else base
        found, number = base, 2
        while found in taken:
            found, number = f"{base[:58]}_{number}", number + 1
        taken.add(found)
        return found

    measured = [tuple(replace(m, id=own(m.id, KEY_COLUMNS)) for m in group.measures) for group in groups]
    taken.clear()
    return tuple(
        replace(group, id=own(group.id, ("health", "raw")), measures=measures)
        for group, measures in zip(groups, measured, strict=True)
    )


def _slug(name: str) -> str:
    """A name as an identifier.

    >>> _slug("Logins (30 d)"), _slug("90 days"), _slug("Größe"), _slug("NPS_last")
    ('logins_30_d', 'm_90_days', 'gr_e', 'NPS_last')
    """
    if re.fullmatch(IDENTIFIER, name) and len(name) <= 60:
        return name
    text = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_").lower() or "measure"
    return (f"m_{text}" if text[0].isdigit() else text)[:60]


def _unique(names: list[str], what: str, top: Fields) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{what} '{twice}' is declared twice.", file=top.file, fix="Give each its own name.")
