"""Declared directions that the data contradict: for a person to approve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import Block, Figure, Gallery, Missing, Prose, Section
from churnbench.reports.charts.curves import learned_curve, shap_dependence, shap_limits
from churnbench.reports.lens import Lens
from churnbench.reports.reading import at, number, records, words
from churnbench.reports.wording import DIRECTIONS, clean, fixed

HOW = (
    "A declared direction is turned only when twice the gain in log likelihood, divided by "
    "the design effect of "
    "repeated rows per account, exceeds the limit shown. Nothing is turned without the sign-off of a person."
)

NUMBER_LEGEND = (("l today", "today"), ("l cand", "candidate"), ("r cand", "90 % range"), ("h", "accounts"))
CATEGORY_LEGEND = (("o today", "today"), ("d cand", "candidate"), ("r cand", "90 % range"))


def directions_section(lens: Lens) -> Section:
    """Each proposed change beside the model's SHAP dependence."""
    changes = records(lens.evidence, "direction_changes")
    blocks: list[Block] = []
    for change in changes:
        blocks += _change(lens, change)
    if not changes:
        absent = at(lens.evidence, "direction_changes") is None
        blocks.append(
            Missing("Direction changes", lens.why_absent) if absent else Prose("Every declared direction stands.")
        )
    return Section("directions", "Directions to approve", _finding(lens, changes), blocks, short="Directions")


def change_title(lens: Lens, change: Mapping[str, Any]) -> str:
    """The change in a phrase."""
    declared = DIRECTIONS.get(words(change, "declared"), clean(words(change, "declared"), 40))
    proposed = DIRECTIONS.get(words(change, "proposed"), clean(words(change, "proposed"), 40))
    who = "the draft says" if words(change, "source") == "draft" else "the data say"
    return f"{lens.metric(words(change, 'metric'))}: declared “{declared}”, {who} “{proposed}”"


def _change(lens: Lens, change: Mapping[str, Any]) -> list[Block]:
    statistic, needed = number(change, "statistic"), number(change, "needed")
    figures = (
        ""
        if statistic is None
        else (
            f"Statistic {fixed(statistic, 1)}, needed {fixed(needed, 1)}, design effect "
            f"{fixed(number(change, 'design_effect'), 2)}."
        )
    )
    blocks: list[Block] = [
        Prose(f"{clean(words(change, 'detail'), 600)} {figures}".strip(), lead=change_title(lens, change) + ".")
    ]
    curve = next(
        (row for row in records(lens.evidence, "curves") if words(row, "metric") == words(change, "metric")),
        None,
    )
    if curve is None:
        return [*blocks, Missing("Curve and SHAP dependence", "the evidence holds no curve of this metric")]
    return [*blocks, Gallery(curve_figures(lens, curve, HOW))]


def curve_figures(lens: Lens, curve: Mapping[str, Any], how: str = "") -> list[Figure]:
    """Learned curve and SHAP dependence of one metric, as far as they are known."""
    name = lens.metric(words(curve, "metric"))
    figures = []
    learned = learned_curve(curve, f"{name}: points by value, today's curve and the candidate's with 90 % range")
    if learned is not None:
        legend = CATEGORY_LEGEND if words(curve, "kind") == "category" else NUMBER_LEGEND
        figures.append(Figure("Points it earns", learned, how, legend, f"curve_{words(curve, 'metric')}"))
    model = shap_dependence(
        curve,
        f"{name}: contribution to the log-odds of churn in the LightGBM challenger",
        shap_limits(records(lens.evidence, "curves")),
    )
    if model is not None:
        opinion = (("l model", "LightGBM, mean SHAP"), ("r ceil", "range"))
        figures.append(Figure("What the model learned", model, "", opinion, f"shap_{words(curve, 'metric')}"))
    return figures


def _finding(lens: Lens, changes: list[Mapping[str, Any]]) -> str:
    if not changes:
        return (
            "Every declared direction stands."
            if at(lens.evidence, "direction_changes") is not None
            else "Not available."
        )
    new = [change for change in changes if not at(change, "in_force")]
    if not new:
        return f"{len(changes)} turned, all of them in force already."
    names = ", ".join(lens.metric(words(change, "metric")) for change in new[:3])
    more = f" and {len(new) - 3} more" if len(new) > 3 else ""
    return f"{len(new)} to approve: {names}{more}."
