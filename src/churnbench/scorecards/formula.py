"""From a scorecard to today's formula: the `[formula]` of a project file that scores exactly as the scorecard did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from churnbench.data.catalogue import catalogue
from churnbench.data.project_formula import DeclaredFormula, resolve_formula
from churnbench.data.sections import FormulaSection
from churnbench.data.step_rules import step_points
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.scorecards.model import Measure, Scorecard
from churnbench.scorecards.toml_text import toml_table

#: Name under which errors speak of the text that is made here.
_FILE = "churnbench.toml"
#: Dimension of a scorecard whose missing measures hand their weight to all others.
OVERALL = "all"


@dataclass(frozen=True)
class Reading:
    """What became of a scorecard.

    Attributes:
        section: `[formula]` as plain tables.
        notes: sentences on what had to be read in some way.
    """

    section: dict[str, Any]
    notes: tuple[str, ...]


def declared_formula(card: Scorecard) -> Reading:
    """A scorecard as a `[formula]` section.

    Weights stay those of the scorecard, points are taken to 0-100. Missing values of measures that are "ignored" hand
    their weight to the measures left in their group; where weights are stated overall they hand it to all measures,
    which only a formula of one dimension does, and so the groups are then given up.
    """
    flat = card.weights == "overall" and any(measure.nulls == "ignored" for measure in card.measures)
    notes = []
    if flat and len(card.groups) > 1:
        notes.append(
            "Weights are stated overall and a missing measure's weight goes to all others; only one dimension does"
            f" that, so the {len(card.groups)} groups became the dimension '{OVERALL}'."
        )
    if card.weights == "within_group":
        notes.append("A group without any known measure is left out of the sum; the scorecard does not say otherwise.")
    section: dict[str, Any] = {"preset": "none", "min_coverage": 0.0, "bands": _bands(card)}
    if card.segment_weights:
        section["segment_weights"] = {name: dict(weights) for name, weights in card.segment_weights.items()}
    section["dimensions"] = [{"id": OVERALL, "weight": 100.0, "label": card.name}] if flat else _dimensions(card)
    section["metrics"] = [
        _metric(card, measure, OVERALL if flat else group.id)
        for group in card.groups
        for measure in group.measures
        if measure.weight > 0 and (card.weights == "overall" or group.weight > 0)
    ]
    _add_exceptions(card, section)
    notes += _left_out(card)
    return Reading(section, tuple(notes))


def scorecard_formula(card: Scorecard) -> DeclaredFormula:
    """The formula that the section means, resolved as a project file's would be."""
    return resolve_formula(
        FormulaSection.model_validate(declared_formula(card).section), sources=(), lookback_days=180, file=_FILE
    )


def formula_of(card: Scorecard) -> FormulaSpec:
    """The formula alone."""
    return scorecard_formula(card).spec


def project_files(card: Scorecard, *, further: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """A project folder around a scorecard: `churnbench.toml` with its formula, and a page on how it was read.

    Args:
        card: the scorecard.
        further: files to put beside them.

    Returns:
        File name -> content.
    """
    reading = declared_formula(card)
    head = {
        "project": {"name": card.name},
        "data": {"snapshots": "snapshots.csv", "outcomes": "outcomes.csv"},
        "formula": reading.section,
    }
    comment = (
        "# Today's formula, read from a scorecard. Put snapshots.csv (account_id, as_of, one column per measure as\n"
        "# known on that date) and outcomes.csv (account_id, churned_on) beside this file, then: churnbench check .\n\n"
    )
    return {_FILE: (comment + toml_table(head)).encode("utf-8"), **(further or {})}


def _bands(card: Scorecard) -> list[list[Any]]:
    bands: list[list[Any]] = []
    for name, start in card.states:
        points = card.to_hundred(start)
        # A score is in hundredths, so "above 60" is "from 60.01".
        bands.append([name, round(points if card.state_boundary == ">=" or not bands else points + 0.01, 2)])
    bands[0][1] = 0.0
    return bands


def _dimensions(card: Scorecard) -> list[dict[str, Any]]:
    found = []
    for group in card.groups:
        weight = sum(measure.weight for measure in group.measures) if card.weights == "overall" else group.weight
        if weight > 0:
            found.append({"id": group.id, "weight": float(weight), "label": group.label})
    return found


def _metric(card: Scorecard, measure: Measure, dimension: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": measure.id, "dimension": dimension, "weight": float(measure.weight)}
    if measure.column != measure.id:
        entry["column"] = measure.column
    entry["label"] = measure.label
    known = catalogue().get(measure.id)
    rising = _rises(measure)
    if rising is None:
        rising = known is None or known.direction == "higher_is_healthier"
    entry["direction"] = "higher_is_healthier" if rising else "lower_is_healthier"
    entry.update(_nulls(card, measure))
    entry["normalise"] = _normaliser(card, measure)
    return entry


def _rises(measure: Measure) -> bool | None:
    """Whether points rise with the value, as far as its ends tell; None for categories and equal ends."""
    if measure.kind == "yes_no":
        first, last = measure.categories["no"], measure.categories["yes"]
    elif measure.kind == "categories":
        return None
    else:
        points = [band.points for band in measure.bands] or [points for _, points in measure.knots]
        first, last = points[0], points[-1]
    return None if first == last else last > first


def _nulls(card: Scorecard, measure: Measure) -> dict[str, Any]:
    if measure.nulls == "ignored":
        return {"missing": "skip"}
    stated = {"zero": 0.0, "worst": min(measure.all_points), "points": measure.null_points or 0.0}[measure.nulls]
    points = card.to_hundred(stated)
    return {"missing": "worst"} if points == 0 else {"missing": "neutral", "neutral": _tidy(points)}


def _normaliser(card: Scorecard, measure: Measure) -> dict[str, Any]:
    def points(value: float) -> float:
        return _tidy(card.to_hundred(value))

    if measure.kind == "categories":
        return {"kind": "category", "map": {text: points(value) for text, value in measure.categories.items()}}
    if measure.kind == "yes_no":
        yes, no = points(measure.categories["yes"]), points(measure.categories["no"])
        return {"kind": "boolean"} if {yes, no} == {0.0, 100.0} else {"kind": "boolean", "yes": yes, "no": no}
    if measure.kind == "curve":
        return {"kind": "piecewise", "points": [[_tidy(x), points(y)] for x, y in measure.knots]}
    flat = [(points(b.points), points(b.points if b.end_points is None else b.end_points)) for b in measure.bands]
    starts = [band.start for band in measure.bands if band.start is not None]
    return {"kind": "piecewise", "points": step_points(starts, flat, boundary=measure.boundary)}


def _tidy(value: float) -> float:
    return float(f"{value:.10g}")


def _add_exceptions(card: Scorecard, section: dict[str, Any]) -> None:
    """Caps; a column that no measure reads becomes a metric of weight 0."""
    by_column = {metric.get("column", metric["id"]): metric["id"] for metric in section["metrics"]}
    texts = {m["id"] for m in section["metrics"] if m["normalise"]["kind"] == "category"}
    caps = []
    for one in card.exceptions:
        name = by_column.get(one.column)
        if name is None:
            name = f"{one.id}_input"
            rule = {"kind": "category", "map": {str(one.value): 100.0}} if one.op == "=" else {"kind": "quantile"}
            section["metrics"].append(
                {
                    "id": name,
                    "dimension": section["dimensions"][0]["id"],
                    "weight": 0.0,
                    "column": one.column,
                    "direction": "higher_is_healthier",
                    "normalise": rule,
                }
            )
            by_column[one.column] = name
        elif (one.op == "=") != (name in texts):
            continue  # resolving the section would refuse it with the reason; see `_left_out`
        caps.append(
            {
                "id": one.id,
                "input": name,
                "op": one.op,
                "value": one.value,
                "max_score": _tidy(card.to_hundred(one.max_score)),
            }
        )
    if caps:
        section["caps"] = caps


def _left_out(card: Scorecard) -> list[str]:
    notes = []
    idle = [
        measure.label
        for group in card.groups
        for measure in group.measures
        if measure.weight == 0 or (card.weights == "within_group" and group.weight == 0)
    ]
    if idle:
        notes.append(f"Without weight, and so left out: {', '.join(idle)}.")
    kinds = {measure.column: measure.kind for measure in card.measures}
    odd = [
        one.id
        for one in card.exceptions
        if one.column in kinds and (one.op == "=") != (kinds[one.column] == "categories")
    ]
    if odd:
        notes.append(f"Exceptions left out, because they compare text with a number: {', '.join(odd)}.")
    steps = [m for m in card.measures if m.kind == "bands" and any(_close(m))]
    if steps:
        notes.append(
            f"Bands of {', '.join(m.label for m in steps)} lie so close together that a step between them hides them."
        )
    return notes


def _close(measure: Measure) -> list[bool]:
    starts = [band.start for band in measure.bands if band.start is not None]
    return [right - left <= 1e-8 * max(abs(left), abs(right)) for left, right in pairwise(starts)]
