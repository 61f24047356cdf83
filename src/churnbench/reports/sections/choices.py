"""What each choice cost: constraints, shapes, missing values."""

from __future__ import annotations

from churnbench.reports.blocks import Block, Cell, Missing, Section, Table, number_column, text_column
from churnbench.reports.lens import Lens
from churnbench.reports.reading import at, number, records, words
from churnbench.reports.wording import clean, fixed, signed

PRICE_HOW = (
    "Price: what the candidate loses against a fit without this limit, in AUC and in log loss, on the same folds."
)
MISSING_HOW = (
    "The same refit under each policy for missing values; the first line is the one that ships "
    "unless another was declared."
)


def choices_section(lens: Lens) -> Section:
    """Prices of constraints and the missing-value experiment."""
    blocks: list[Block] = [_constraints(lens), _missing(lens)]
    active = [row for row in records(lens.evidence, "constraints") if at(row, "active")]
    if not records(lens.evidence, "constraints"):
        finding = "Not available."
    elif not active:
        finding = "No limit costs anything."
    else:
        dearest = max(active, key=lambda row: number(row, "price_auc") or 0.0)
        finding = (
            f"{len(active)} active; the dearest, {clean(words(dearest, 'id'), 40)}, costs "
            f"{fixed(number(dearest, 'price_auc'), 4)} AUC."
        )
    return Section("choices", "What the limits cost", finding, blocks, short="Limits")


def _constraints(lens: Lens) -> Block:
    rows = records(lens.evidence, "constraints")
    if not rows:
        return Missing("Prices of the limits", lens.why_absent)
    columns = [
        text_column("limit"),
        text_column("setting"),
        text_column("state"),
        number_column("price in AUC"),
        number_column("price in log loss"),
    ]
    cells = [
        [
            Cell(clean(words(row, "id"), 60)),
            Cell(clean(words(row, "setting"), 60)),
            Cell("active" if at(row, "active") else "not binding"),
            Cell(signed(number(row, "price_auc"), 4)),
            Cell(signed(number(row, "price_log_loss"), 4)),
        ]
        for row in rows
    ]
    return Table("Prices of the limits", columns, cells, PRICE_HOW)


def _missing(lens: Lens) -> Block:
    rows = records(lens.evidence, "missing_policies")
    if not rows:
        return Missing("Missing-value experiment", lens.why_absent)
    columns = [text_column("missing values"), number_column("AUC"), number_column("log loss")]
    cells = [
        [
            Cell(clean(words(row, "policy"), 60)),
            Cell(fixed(number(row, "auc"))),
            Cell(fixed(number(row, "log_loss"), 4)),
        ]
        for row in rows
    ]
    return Table("Missing values", columns, cells, MISSING_HOW)
