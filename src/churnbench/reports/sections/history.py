"""Earlier reviews of this project, as the experiment tracking remembers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import Block, Cell, Missing, Section, Table, number_column, text_column
from churnbench.reports.lens import Lens
from churnbench.reports.reading import number, records, words
from churnbench.reports.wording import clean, day, signed, span, whole

HOW = (
    "From MLflow, newest first. Log loss gained: the candidate of that review against the formula then in use, on its "
    "own holdout; 90 % interval. Released: a config of that review was promoted in this store."
)


def history_section(lens: Lens) -> Section:
    """One row per earlier review that reached a verdict."""
    title = "Past reviews"
    history = records(lens.evidence, "history")
    if not history:
        nothing: list[Block] = [Missing("Past reviews", "MLflow holds no earlier review of this project")]
        return Section("history", title, "No earlier review.", nothing, short="History")
    columns = [text_column(text) for text in ("review", "outcomes until", "verdict")]
    columns += [number_column(text) for text in ("log loss gained", "90 % interval", "churned in holdout")]
    columns += [text_column("candidate"), text_column("released")]
    blocks: list[Block] = [Table("Earlier reviews", columns, [_row(entry) for entry in history], HOW)]
    return Section("history", title, _finding(history), blocks, short="History")


def _finding(history: list[Mapping[str, Any]]) -> str:
    last = history[0]
    when = day(words(last, "data_through")) or day(words(last, "finished")) or "no date"
    return f"{whole(len(history))} earlier; the last, outcomes until {when}: {clean(words(last, 'verdict'), 40)}."


def _row(entry: Mapping[str, Any]) -> list[Cell]:
    low, high = number(entry, "low"), number(entry, "high")
    by, role = clean(words(entry, "decided_by"), 60), clean(words(entry, "decided_role"), 60)
    released = clean(words(entry, "released_version"), 40)
    said = clean(words(entry, "decision"), 300)
    note = ", ".join(part for part in (f"{by} ({role})" if by else "", day(words(entry, "decided_at")), said) if part)
    return [
        Cell(day(words(entry, "finished")) or "n/a"),
        Cell(day(words(entry, "data_through")) or "n/a"),
        Cell(clean(words(entry, "verdict"), 40) or "n/a"),
        Cell(signed(number(entry, "delta_log_loss"), 4)),
        Cell("" if low is None or high is None else span((low, high), 4)),
        Cell(whole(number(entry, "holdout_events"))),
        Cell(clean(words(entry, "config_version"), 40) or "n/a"),
        Cell(released or "not released", note=note),
    ]
