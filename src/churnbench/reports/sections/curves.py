"""How each metric turns into points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import Block, Cell, Fold, Gallery, Missing, Prose, Section
from churnbench.reports.lens import Lens
from churnbench.reports.reading import number, records, words
from churnbench.reports.sections.directions import curve_figures
from churnbench.reports.wording import DIRECTIONS, clean, percent, weight

SHAPES = {
    "declared": "declared direction kept",
    "flipped": "direction turned",
    "free": "free shape",
}
HOW = (
    "Points 0–100 of one metric before weighting. Bars: how many accounts have such a value. "
    "Range: 90 %, bootstrap of "
    "accounts. Beside it the signed SHAP values of the LightGBM challenger, out of fold, in "
    "log-odds of churn: a second, "
    "unconstrained opinion, on one scale for all metrics."
)


def curves_section(lens: Lens) -> Section:
    """A card a metric: curve over histogram, SHAP dependence, weight, shape."""
    curves = records(lens.evidence, "curves")
    if not curves:
        return Section(
            "curves",
            "Learned curves",
            "Not available.",
            [Missing("Learned curves", lens.why_absent)],
            short="Curves",
        )
    weights = {words(row, "id"): row for row in records(lens.evidence, "weights", "metrics")}
    blocks: list[Block] = [Prose(HOW, tone="note", lead="How to read these.")]
    blocks += [_card(lens, curve, weights.get(words(curve, "metric"), {})) for curve in curves]
    shapes = Counter(SHAPES.get(words(curve, "shape"), "shape not stated") for curve in curves)
    finding = (
        f"{len(curves)} metrics: " + ", ".join(f"{count} with {shape}" for shape, count in shapes.most_common()) + "."
    )
    return Section("curves", "Learned curves", finding, blocks, short="Curves")


def _card(lens: Lens, curve: Mapping[str, Any], row: Mapping[str, Any]) -> Block:
    name = lens.metric(words(curve, "metric"))
    figures = curve_figures(lens, curve)
    parts = [SHAPES.get(words(curve, "shape"), "")]
    declared = DIRECTIONS.get(words(curve, "declared"), "")
    parts += [f"declared: {declared}" if declared else ""]
    if row:
        parts.append(f"weight {weight(number(row, 'hand'))} → {weight(number(row, 'candidate'))} %")
    parts.append(_missing(curve))
    note = " · ".join(part for part in parts if part)
    if not figures:
        return Fold(name, [Missing("Curve", "the evidence holds no points of it")], [Cell(note=note)])
    return Gallery(figures, title=name, note=clean(note, 200))


def _missing(curve: Mapping[str, Any]) -> str:
    share, points = number(curve, "missing", "share"), number(curve, "missing", "neutral_points")
    if not share:
        return ""
    return f"{percent(share)} missing" + ("" if points is None else f", worth {weight(points)} points")
