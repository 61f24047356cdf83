"""What the last review decided, and how its promises turned out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import Block, Cell, Prose, Section, Table, number_column, text_column
from churnbench.reports.lens import Lens, band_look
from churnbench.reports.reading import at, interval, number, records, table, texts, words
from churnbench.reports.wording import clean, day, percent, span, whole

HOW = (
    "Only rows whose outcome window began after the last day that the earlier review had seen, and has ended by now. "
    "Broken: the 90 % interval excludes the promise; kept: it lies on the right side altogether. Expected: mean "
    "probability that the released formula printed."
)
STATES = {True: "kept", False: "broken", None: "cannot be told yet"}


def last_time_section(lens: Lens) -> Section | None:
    """Decision and promises of last time, or None when nothing was ever released."""
    found = table(lens.evidence, "last_decision")
    if not found:
        return None
    if words(found, "note"):
        blocks: list[Block] = [Prose(clean(words(found, "note"), 600), tone="warn")]
        return Section("lasttime", "Last time", "The record cannot be read.", blocks)
    blocks = [Prose(text, lead=lead) for lead, text in _told(found) if text]
    blocks += _promises(table(found, "outcome"))
    return Section("lasttime", "Last time", _finding(found), blocks)


def _finding(found: Mapping[str, Any]) -> str:
    kept = [at(row, "kept") for row in records(found, "outcome", "bands")]
    broken, held = sum(one is False for one in kept), sum(one is True for one in kept)
    text = f"{clean(words(found, 'decision') or words(found, 'event'), 60) or 'a release'}"
    text += f" on {day(words(found, 'at')) or 'an unknown day'}"
    return f"{text}; promises: {held} kept, {broken} broken, {len(kept) - held - broken} open." if kept else f"{text}."


def _told(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    who = ", ".join(clean(words(found, key), 80) for key in ("by", "role") if words(found, key))
    return [
        ("In force.", f"version {clean(words(found, 'config_version'), 40)}" if words(found, "config_version") else ""),
        ("Decided by.", who),
        ("Verdict of that review.", clean(words(found, "verdict"), 60)),
        ("Reason.", clean(words(found, "reason"), 600)),
        ("Conditions.", clean("; ".join(texts(found, "conditions")) or _single(found, "conditions"), 900)),
        ("Against the verdict.", clean(words(found, "override"), 600)),
    ]


def _single(found: Mapping[str, Any], key: str) -> str:
    """A text, unless the value is a list or an object."""
    value = at(found, key)
    return value if isinstance(value, str) else ""


def _promises(outcome: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    if words(outcome, "note"):
        blocks.append(Prose(clean(words(outcome, "note"), 600), tone="note", lead="Promises."))
    rows = records(outcome, "bands")
    if not rows:
        return blocks
    columns = [text_column("band")]
    columns += [number_column(text) for text in ("promised", "expected", "observed", "90 % interval", "churned")]
    columns += [text_column("promise")]
    return [*blocks, Table("Promised and observed since", columns, [_row(row) for row in rows], HOW)]


def _row(row: Mapping[str, Any]) -> list[Cell]:
    band, promise = clean(words(row, "band"), 30), number(row, "promise")
    bound = "most" if at(row, "at_most") else "least"
    kept = at(row, "kept")
    state = STATES[kept if isinstance(kept, bool) else None]
    behind = number(row, "accounts")
    return [
        Cell(band, look=f"band {band_look(band)}"),
        Cell("none" if promise is None else f"at {bound} {percent(promise)}"),
        Cell(percent(number(row, "expected"))),
        Cell(percent(number(row, "observed")), look="strong"),
        Cell(span(interval(row, "ci90"), 1, share=True)),
        Cell("" if behind is None else f"{whole(number(row, 'events'))} of {whole(behind)} accounts"),
        Cell("none was made" if promise is None else state),
    ]
