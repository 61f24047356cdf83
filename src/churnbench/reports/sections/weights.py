"""Five derivations of the weights side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.reports.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Fold,
    Missing,
    Section,
    Table,
    number_column,
    text_column,
)
from churnbench.reports.charts.dots import Pair, paired_dots
from churnbench.reports.lens import DERIVATIONS, Lens
from churnbench.reports.reading import interval, number, records, words
from churnbench.reports.sections.segment_weights import segment_weight_blocks
from churnbench.reports.wording import clean, fixed, percent, signed, span, weight

HOW = (
    "Per cent of the whole health score; each column sums to 100. Today: the formula to beat, declared or in force. "
    "SHAP share: mean |SHAP| "
    "of the LightGBM challenger (the usual recipe; it loses the sign and counts correlated "
    "copies twice). SHAP "
    "slope: how steeply the signed contribution falls per point. Distilled: a non-negative "
    "fit to the challenger's "
    "log-odds. Anchored: curves and weights fitted to the outcomes themselves, held near today's formula. "
    "Intervals: 90 %, bootstrap of accounts."
)
HEADINGS = {
    "hand": "today",
    "shap_share": "SHAP share",
    "shap_slope": "SHAP slope",
    "distilled": "distilled",
    "anchored": "anchored",
}
LEGEND = (("o today", "today"), ("d cand", "candidate"), ("r cand", "90 % interval"))


def weights_section(lens: Lens) -> Section:
    """Dimensions first, metrics one click deeper."""
    dimensions, metrics = (
        records(lens.evidence, "weights", "dimensions"),
        records(lens.evidence, "weights", "metrics"),
    )
    blocks: list[Block] = []
    if dimensions:
        blocks.append(
            Table(
                "Weight of each dimension",
                _columns("dimension"),
                [_row(lens, row) for row in dimensions],
                HOW,
            )
        )
    else:
        blocks.append(Missing("Weights of the dimensions", lens.why_absent))
    if metrics:
        ordered = _grouped(dimensions, metrics)
        rows = [[*_row(lens, row), _agreement(row)] for row in ordered]
        columns = [*_columns("metric"), number_column("bootstraps that agree on the direction of change")]
        inner: list[Block] = [Table("Weight of each metric", columns, rows)]
        figure = metric_dots(lens)
        blocks.append(Fold("Every metric", [*([figure] if figure else []), *inner]))
    else:
        blocks.append(Missing("Weights of the metrics", lens.why_absent))
    blocks += segment_weight_blocks(lens)
    return Section(
        "weights",
        "Weights: hand, three SHAP readings, and the refit",
        _finding(dimensions),
        blocks,
        short="Weights",
    )


def dimension_pairs(lens: Lens) -> list[Pair]:
    """Today and candidate weight of each dimension."""
    return [_pair(row) for row in records(lens.evidence, "weights", "dimensions")]


def dimension_dots(lens: Lens) -> Figure | None:
    """Paired dots of the dimensions, or None without weights."""
    pairs = dimension_pairs(lens)
    if not any(pair.old is not None or pair.new is not None for pair in pairs):
        return None
    svg = paired_dots(pairs, "Weight of each dimension today and in the candidate, with 90 % intervals")
    return Figure("Weights, today and candidate", svg, HOW, LEGEND, "weights_dimensions")


def metric_dots(lens: Lens) -> Figure | None:
    """Paired dots of the metrics, or None without weights."""
    rows = _grouped(records(lens.evidence, "weights", "dimensions"), records(lens.evidence, "weights", "metrics"))
    pairs = [_pair(row) for row in rows]
    if not any(pair.old is not None or pair.new is not None for pair in pairs):
        return None
    svg = paired_dots(pairs, "Weight of each metric today and in the candidate, with 90 % intervals", width=460)
    return Figure("Metrics, today and candidate", svg, HOW, LEGEND, "weights_metrics")


def _pair(row: Mapping[str, Any]) -> Pair:
    label = clean(words(row, "label") or words(row, "id"), 60)
    return Pair(label, number(row, "hand"), number(row, "candidate"), interval(row, "ci90"))


def _grouped(dimensions: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Metrics under their dimensions, largest candidate weight first."""
    order = {words(row, "id"): index for index, row in enumerate(dimensions)}
    return sorted(
        metrics,
        key=lambda row: (order.get(words(row, "dimension"), len(order)), -(number(row, "candidate") or 0.0)),
    )


def _columns(first: str) -> list[Column]:
    derived = [number_column(HEADINGS[key]) for key in DERIVATIONS]
    return [
        text_column(first),
        *derived,
        number_column("candidate"),
        number_column("90 % interval"),
        number_column("change"),
    ]


def _row(lens: Lens, row: Mapping[str, Any]) -> list[Cell]:
    label = clean(words(row, "label") or words(row, "id"), 60)
    hand, candidate = number(row, "hand"), number(row, "candidate")
    derived = [Cell(fixed(number(row, key), 1), look="chosen" if key == lens.candidate else "") for key in DERIVATIONS]
    change = None if hand is None or candidate is None else candidate - hand
    return [
        Cell(label, note=clean(words(row, "dimension"), 30)),
        *derived,
        Cell(fixed(candidate, 1), look="strong"),
        Cell(span(interval(row, "ci90"), 1)),
        Cell(signed(change, 1)),
    ]


def _agreement(row: Mapping[str, Any]) -> Cell:
    chosen = number(row, "selection_rate")
    return Cell(
        percent(number(row, "direction_agreement"), 0),
        note="" if chosen is None else f"selected in {percent(chosen, 0)}",
    )


def _finding(dimensions: Sequence[Mapping[str, Any]]) -> str:
    moves = []
    for row in dimensions:
        hand, candidate = number(row, "hand"), number(row, "candidate")
        if hand is not None and candidate is not None and abs(candidate - hand) >= 1:
            moves.append(f"{clean(words(row, 'label') or words(row, 'id'), 24)} {weight(hand)} → {weight(candidate)}")
    if not dimensions:
        return "Not available."
    return ", ".join(moves) + "." if moves else "No dimension moves by a point or more."
