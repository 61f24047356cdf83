"""Whether the change holds in every segment."""

from __future__ import annotations

from churnbench.reports.blocks import Block, Cell, Missing, Section, Table, number_column, text_column
from churnbench.reports.charts.dots import interval_bar
from churnbench.reports.charts.kit import padded
from churnbench.reports.lens import Lens
from churnbench.reports.reading import at, estimate, number, records, words
from churnbench.reports.wording import clean, fixed, percent, signed, span, whole

HOW = (
    "Rates of small segments are drawn towards the common rate (beta-binomial). A segment's own "
    "figures are shown only from 30 accounts and 5 churned accounts on. The vertical line is no "
    "difference; right of it the candidate is better."
)


def segments_section(lens: Lens) -> Section:
    """Base rates, AUC and difference by segment."""
    rows = records(lens.evidence, "segments")
    if not rows:
        blocks: list[Block] = [Missing("Segments", lens.why_absent)]
        return Section("segments", "Segments", "Not available.", blocks, short="Segments")
    columns = [text_column("segment")]
    columns += [
        number_column(t)
        for t in (
            "accounts",
            "churned",
            "base rate",
            "pooled rate",
            "AUC today",
            "AUC candidate",
            "log loss gained",
        )
    ]
    columns += [text_column("90 % interval")]
    deltas = [estimate(row, "delta_log_loss") for row in rows]
    limits = padded([0.0, *(v for one in deltas for v in (one.value, one.low, one.high) if v is not None)])
    cells = []
    for row, delta in zip(rows, deltas, strict=True):
        old, new = estimate(row, "auc", "incumbent"), estimate(row, "auc", "candidate")
        own = at(row, "raw") is not False
        cells.append(
            [
                Cell(clean(words(row, "segment"), 40), note="" if own else "pooled: too few accounts"),
                Cell(whole(number(row, "accounts"))),
                Cell(whole(number(row, "events"))),
                Cell(percent(number(row, "base_rate"))),
                Cell(percent(number(row, "pooled_rate"))),
                Cell(fixed(old.value), note=span(old)),
                Cell(fixed(new.value), note=span(new)),
                Cell(signed(delta.value, 4)),
                Cell(svg=interval_bar(delta.value, delta.bounds, limits, "cand", 0.0), note=span(delta, 4)),
            ]
        )
    blocks = [Table("By segment, on the holdout", columns, cells, HOW)]
    better = sum((delta.value or 0.0) > 0 for delta in deltas)
    return Section(
        "segments",
        "Segments",
        f"The candidate is better in {better} of {len(rows)} segments.",
        blocks,
        short="Segments",
    )
