"""What was decided in earlier reviews, and how their promises turned out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.reports.blocks import Block, Cell, Missing, Section, Table, number_column, text_column
from churnbench.reports.lens import band_look
from churnbench.reports.reading import at, estimate, number, records, words
from churnbench.reports.wording import clean, day, fixed, percent, signed, span, whole

HOW = "Newest first. Log loss gained: the candidate of that review against the formula then in use, on its holdout."
PROMISE_HOW = "Promised: the churn rate that a cut-off was chosen to keep. Observed: outcomes matured since then."


def history_section(history: Sequence[Mapping[str, Any]]) -> Section:
    """Earlier reviews as a table, then the promises of each.

    Args:
        history: newest first; every key may be absent: created, verdict, auc {incumbent, candidate}, delta_log_loss,
            decision, by, role, decided_at, conditions, and bands [{band, promised, observed {rate, ci90, accounts,
            events}}]. See docs/review.md.
    """
    title = "Past reviews: what was decided, and how it turned out"
    if not history:
        nothing: list[Block] = [Missing("Past reviews", "there was no earlier review of this project")]
        return Section("history", title, "No earlier review.", nothing, short="History")
    columns = [text_column("review"), text_column("verdict")]
    columns += [number_column(text) for text in ("AUC then in use", "AUC candidate", "log loss gained")]
    columns += [text_column("decision"), text_column("by"), text_column("conditions")]
    blocks: list[Block] = [Table("Earlier reviews", columns, [_row(entry) for entry in history], HOW)]
    blocks += [_promises(entry) for entry in history if records(entry, "bands")]
    return Section("history", title, _finding(history), blocks, short="History")


def _finding(history: Sequence[Mapping[str, Any]]) -> str:
    last = history[0]
    decided = clean(words(last, "decision"), 60) or "no decision on record"
    return f"{whole(len(history))} earlier; last time ({day(words(last, 'created')) or 'no date'}): {decided}."


def _row(entry: Mapping[str, Any]) -> list[Cell]:
    delta = estimate(entry, "delta_log_loss")
    old, new = estimate(entry, "auc", "incumbent"), estimate(entry, "auc", "candidate")
    return [
        Cell(day(words(entry, "created")) or "n/a"),
        Cell(clean(words(entry, "verdict"), 40) or "n/a"),
        Cell(fixed(old.value), note=span(old)),
        Cell(fixed(new.value), note=span(new)),
        Cell(signed(delta.value, 4), note=span(delta, 4)),
        Cell(clean(words(entry, "decision"), 60) or "none on record", note=day(words(entry, "decided_at"))),
        Cell(clean(words(entry, "by"), 60), note=clean(words(entry, "role"), 60)),
        Cell(clean(words(entry, "conditions"), 400)),
    ]


def _promises(entry: Mapping[str, Any]) -> Table:
    columns = [text_column("band")]
    columns += [number_column(text) for text in ("promised", "observed", "90 % interval", "churned", "accounts")]
    rows = []
    for row in records(entry, "bands"):
        seen, band = estimate(row, "observed"), clean(words(row, "band"), 30)
        rows.append(
            [
                Cell(band, look=f"band {band_look(band)}"),
                Cell(percent(number(row, "promised")) if at(row, "promised") is not None else "none"),
                Cell(percent(seen.value) if seen.value is not None else "not matured"),
                Cell(span(seen, 1, share=True)),
                Cell(whole(number(row, "observed", "events"))),
                Cell(whole(number(row, "observed", "accounts"))),
            ]
        )
    return Table(
        f"Promised and observed: review of {day(words(entry, 'created')) or 'n/a'}", columns, rows, PROMISE_HOW
    )
