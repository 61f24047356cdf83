"""Weights by segment and the lifecycle ramp, as parts of the weights section."""

from __future__ import annotations

from churnbench.reports.blocks import Block, Cell, Fold, Prose, Table, number_column, text_column
from churnbench.reports.lens import Lens
from churnbench.reports.reading import at, interval, number, records, words
from churnbench.reports.wording import clean, fixed, span, whole

HOW = (
    "Per cent of the whole score. A segment's weights are learned from its own accounts and drawn towards the overall "
    "weights by as much as their noise asks for (partial pooling), from 50 churned accounts on; they ship only when "
    "they pay on later training rows. Small figures: what was learned where it does not ship, and 90 % intervals from "
    "a bootstrap of accounts. Level: points that keep a segment's mean score where the overall weights have it."
)


def segment_weight_blocks(lens: Lens) -> list[Block]:
    """Sentences about both, and the table of profiles behind one click; nothing in older evidence."""
    blocks: list[Block] = []
    for key, lead in (("segment_weights", "By segment."), ("ramp", "By tenure.")):
        text = words(lens.evidence, "weights", key, "sentence")
        if text:
            blocks.append(Prose(clean(text, 900), lead=lead))
    rows = records(lens.evidence, "weights", "segments")
    if any(at(row, "own") is True or _learned(row) for row in rows):
        blocks.append(Fold("Weights of each segment", [_table(lens)]))
    return blocks


def _learned(row: object) -> bool:
    return any(number(part, "learned") is not None for part in records(row, "dimensions"))


def _table(lens: Lens) -> Table:
    rows = records(lens.evidence, "weights", "segments")
    labels = {words(d, "id"): words(d, "label") for d in records(lens.evidence, "weights", "dimensions")}
    first = records(rows[0], "dimensions")
    columns = [text_column("segment"), number_column("accounts"), number_column("churned")]
    columns += [number_column(clean(labels.get(words(d, "id")) or words(d, "id"), 30)) for d in first]
    columns.append(number_column("level"))
    overall = [Cell("everybody else"), Cell(""), Cell("")]
    overall += [Cell(fixed(number(part, "overall"), 1)) for part in first]
    usual = number(lens.evidence, "weights", "segment_weights", "default_level_points")
    cells = [[*overall, Cell("" if usual is None else fixed(usual, 1))]]
    for row in rows:
        own = at(row, "own") is True
        line = [
            Cell(clean(words(row, "segment"), 40), note="" if own else "overall weights"),
            Cell(whole(number(row, "accounts"))),
            Cell(whole(number(row, "events"))),
        ]
        for part in records(row, "dimensions"):
            learned, bounds = number(part, "learned"), span(interval(part, "ci90"), 1)
            tried = "" if own or learned is None else f"learned {fixed(learned, 1)} "
            note = f"{tried}{bounds}".strip()
            line.append(Cell(fixed(number(part, "weight"), 1), note=note, look="strong" if own else ""))
        level = number(row, "level_points")
        cells.append([*line, Cell("" if level is None else fixed(level, 1))])
    return Table("Weights of each segment", columns, cells, HOW)
