"""The same comparison at earlier dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import (
    Block,
    Cell,
    Figure,
    Gallery,
    Missing,
    Section,
    Table,
    number_column,
    text_column,
)
from churnbench.reports.charts.folds import FoldLine, fold_chart
from churnbench.reports.lens import Lens
from churnbench.reports.reading import estimate, number, records, words
from churnbench.reports.wording import clean, whole

HOW = (
    "Each fold trains only on rows whose outcome was known at its origin (the purge is derived "
    "from gap, horizon and settling time) and is tested on later rows. Bars: 90 % interval."
)


def folds_section(lens: Lens) -> Section:
    """AUC and log loss by fold, and the dates of the folds."""
    figures = fold_figures(lens)
    blocks: list[Block] = [Gallery(figures) if figures else Missing("Measures by fold", lens.why_absent)]
    folds = records(lens.evidence, "folds")
    blocks.append(_dates(folds) if folds else Missing("Dates of the folds", lens.why_absent))
    return Section("folds", "Folds over time", _finding(lens), blocks, short="Folds")


def fold_figures(lens: Lens) -> list[Figure]:
    """Charts of the main contenders by fold."""
    by_name = {name: records(lens.evidence, "contenders", name, "by_fold") for name in lens.main()}
    longest = max(by_name.values(), key=len, default=[])
    if not longest:
        return []
    names = [_fold_name(lens, row, index) for index, row in enumerate(longest)]
    counts = [f"{whole(number(row, 'events'))} churned" for row in longest]
    figures: list[Figure] = []
    for key, title in (("auc", "AUC"), ("log_loss", "log loss, lower is better")):
        lines = [
            FoldLine(lens.short_label(name), lens.role(name), [estimate(row, key) for row in rows])
            for name, rows in by_name.items()
            if any(estimate(row, key).value is not None for row in rows)
        ]
        if lines:
            svg = fold_chart(names, counts, lines, title, f"{title} by fold of today's formula, candidate and LightGBM")
            figures.append(
                Figure(
                    f"{'AUC' if key == 'auc' else 'Log loss'} by fold",
                    svg,
                    "" if figures else HOW,
                    name=f"folds_{key}",
                )
            )
    return figures


def _fold_name(lens: Lens, row: Mapping[str, Any], index: int) -> str:
    origin = words(row, "origin")
    folds = records(lens.evidence, "folds")
    held = index < len(folds) and words(folds[index], "role") == "holdout"
    name = clean(origin, 12) if origin else f"fold {index + 1}"
    return "holdout" if held else name


def _finding(lens: Lens) -> str:
    pairs = zip(
        records(lens.evidence, "contenders", "incumbent", "by_fold"),
        records(lens.evidence, "contenders", lens.candidate, "by_fold"),
        strict=False,
    )
    known = [(estimate(old, "auc").value, estimate(new, "auc").value) for old, new in pairs]
    both = [(old, new) for old, new in known if old is not None and new is not None]
    if not both:
        return "Not available."
    return f"The candidate has the higher AUC in {sum(new > old for old, new in both)} of {len(both)} folds."


def _dates(folds: list[Mapping[str, Any]]) -> Table:
    columns = [
        text_column("role"),
        text_column("origin"),
        text_column("training rows until"),
        text_column("test rows"),
    ]
    columns += [number_column(t) for t in ("training rows", "test rows", "churned in test")]
    rows = []
    for fold in folds:
        start, end = clean(words(fold, "test_from"), 12), clean(words(fold, "test_until"), 12)
        rows.append(
            [
                Cell(clean(words(fold, "role"), 20) or "n/a"),
                Cell(clean(words(fold, "origin"), 12) or "n/a"),
                Cell(clean(words(fold, "train_until"), 12) or "n/a"),
                Cell(f"{start} to {end}" if start and end else "n/a"),
                Cell(whole(number(fold, "train_rows"))),
                Cell(whole(number(fold, "test_rows"))),
                Cell(whole(number(fold, "test_events"))),
            ]
        )
    return Table("Dates", columns, rows)
