"""What was decided last time, and how its promises turned out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import Block, Cell, Missing, Prose, Section, Table, number_column, text_column
from churnbench.reports.lens import Lens, band_look
from churnbench.reports.reading import at, interval, number, records, texts, words
from churnbench.reports.wording import clean, day, percent, span, whole

HOW = (
    "The released formula, scored on snapshots whose outcome window began after the last day that its review had seen "
    "and has ended by now. Expected: mean churn probability by its own risk curve. A promise is broken when the 90 % "
    "interval of the observed rate excludes it, kept when the whole interval lies on its right side, else open."
)
_ABSENT = "no config of this project was released before this review"


def last_section(lens: Lens) -> Section:
    """Who decided what, on which conditions, and promised beside observed risk per band."""
    title, short = "Decided last time", "Last time"
    last = at(lens.evidence, "last_decision")
    if not isinstance(last, Mapping):
        return Section("lasttime", title, "Nothing was released before.", [Missing("A decision", _ABSENT)], short)
    if words(last, "note"):
        return Section("lasttime", title, "Not readable.", [Prose(clean(words(last, "note"), 600), "warn")], short)
    blocks: list[Block] = [Prose(decided(last))]
    conditions = texts(last, "conditions")
    if conditions:
        blocks.append(Prose("; ".join(clean(text, 300) for text in conditions) + ".", lead="On condition:"))
    if words(last, "override"):
        blocks.append(Prose(clean(words(last, "override"), 900), "warn", lead="Against the evidence, because:"))
    outcome = last.get("outcome")
    rows = records(outcome, "bands")
    if rows:
        blocks.append(_promises(rows, outcome))
    else:
        blocks.append(Missing("Promised beside observed risk", _clause(clean(words(outcome, "note"), 300))))
    return Section("lasttime", title, turned_out(last) or "Too early to say how it turned out.", blocks, short)


def _clause(sentence: str) -> str:
    """A sentence as the end of another one."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def decided(last: Mapping[str, Any]) -> str:
    """The decision in a sentence."""
    verb = {"promote": "released", "rollback": "went back to the formula of"}.get(words(last, "event"), "decided on")
    said = clean(words(last, "decision") or words(last, "reason"), 400)
    return (
        f"On {day(words(last, 'at'))} {clean(words(last, 'by'), 200)} ({clean(words(last, 'role'), 200)}) {verb} "
        f"version {clean(words(last, 'config_version'), 40)}" + (f": {said.rstrip('.')}." if said else ".")
    )


def turned_out(last: Mapping[str, Any]) -> str:
    """How the promises turned out, in a sentence; empty when nothing has matured."""
    outcome = last.get("outcome")
    rows = [row for row in records(outcome, "bands") if number(row, "promise") is not None]
    told = [f"{clean(words(row, 'band'), 40)} {_state(row)} ({_promised(row)}, {_observed(row)})" for row in rows]
    if not records(outcome, "bands"):
        return ""
    events = f"{whole(number(outcome, 'events'))} churned accounts since {day(words(outcome, 'after'))}"
    return f"{events}: {'; '.join(told)}." if told else f"{events}; no band had promised anything."


def _promises(rows: list[Mapping[str, Any]], outcome: Any) -> Table:
    columns = [text_column("band"), text_column("promised"), text_column("promise")]
    columns += [number_column(t) for t in ("expected", "observed", "90 % interval", "accounts", "churned")]
    cells = [
        [
            Cell(clean(words(row, "band"), 40), look=f"band {band_look(words(row, 'band'))}"),
            Cell(_promised(row)),
            Cell(_state(row), look={True: "state ok", False: "state block"}.get(at(row, "kept"), "state")),
            Cell(percent(number(row, "expected"))),
            Cell(percent(number(row, "observed"))),
            Cell(span(interval(row, "ci90"), 1, share=True)),
            Cell(whole(number(row, "accounts"))),
            Cell(whole(number(row, "events"))),
        ]
        for row in rows
    ]
    return Table(f"Promised and observed, outcomes after {day(words(outcome, 'after'))}", columns, cells, HOW)


def _promised(row: Mapping[str, Any]) -> str:
    promise = number(row, "promise")
    if promise is None:
        return "nothing"
    return f"at {'most' if at(row, 'at_most') else 'least'} {percent(promise)}"


def _observed(row: Mapping[str, Any]) -> str:
    found = interval(row, "ci90")
    seen = f"observed {percent(number(row, 'observed'))}"
    return seen if found is None else f"{seen}, {span(found, 1, share=True)}"


def _state(row: Mapping[str, Any]) -> str:
    if number(row, "promise") is None:
        return "none"
    return {True: "kept", False: "broken"}.get(at(row, "kept"), "open")
