"""A report as Markdown, with whatever comes from data escaped, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from churnbench.domain.markdown import escaped, table
from churnbench.health.result import Absent, Chart, Column, Facts, Note, Number, Part, Report, Section, Table
from churnbench.reports.health.chart_tables import chart_table
from churnbench.reports.health.page import TITLES
from churnbench.reports.health.words import shown, span_words


def render_markdown(report: Report) -> str:
    """The report as Markdown: tables and sentences; the figures of charts are tables too."""
    lines = [
        f"# {TITLES[report.kind]}: {escaped(report.subject)}",
        "",
        f"**{escaped(report.headline)}** {escaped(report.reason)}".rstrip(),
        "",
    ]
    if report.facts and report.kind != "customer":
        lines += [*_facts(report.facts), ""]
    for section in report.sections:
        lines += _section(section)
    if report.caveats:
        lines += ["---", "", *(f"- {escaped(text)}" for text in report.caveats), ""]
    lines += [f"{escaped(key.replace('_', ' '))}: {escaped(value)}  " for key, value in report.about.items()]
    return "\n".join(lines).rstrip() + "\n"


def render_json(report: Report) -> str:
    """The report as JSON, keys in reading order."""
    return json.dumps(report.as_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _section(section: Section) -> list[str]:
    lines = [f"## {escaped(section.title)}", ""]
    if section.finding:
        lines += [escaped(section.finding), ""]
    for part in section.parts:
        lines += _part(part)
    return lines


def _part(part: Part) -> list[str]:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Facts):
        return [f"**{escaped(part.title)}**", "", *_facts(part.numbers), ""]
    if isinstance(part, Absent):
        return [f"**{escaped(part.what)}**: not available because {escaped(part.why)}. {escaped(part.fix)}", ""]
    if isinstance(part, Note):
        return [f"**{escaped(part.lead)}** {escaped(part.text)}" if part.lead else escaped(part.text), ""]
    return _chart(part)


def _chart(part: Chart) -> list[str]:
    if part.form == "lights":
        return [", ".join(f"{escaped(when)}: {escaped(light)}" for when, light in part.data["lights"]), ""]
    made = chart_table(part)
    return [] if made is None else _table(made)


def _facts(numbers: Any) -> list[str]:
    return table(["Figure", "Value", "90 % interval", "How"], (_fact(number) for number in numbers))


def _fact(number: Number) -> list[str]:
    value = shown(number.value, number.unit) + (f" ({number.note})" if number.note else "")
    return [escaped(text) or " " for text in (number.label, value, span_words(number.ci90, number.unit), number.how)]


def _table(part: Table) -> list[str]:
    lines = [f"**{escaped(part.title)}**", ""]
    if not part.rows:
        return [f"{lines[0]}: {escaped(part.empty)}.", ""]
    lines += table(
        [escaped(column.label) for column in part.columns],
        ([_cell(row, column) for column in part.columns] for row in part.rows),
    )
    return [*lines, "", f"_{escaped(part.how)}_" if part.how else "", ""]


def _cell(row: Mapping[str, Any], column: Column) -> str:
    notes = [span_words(row.get(f"{column.id}_ci90"), column.unit), str(row.get(f"{column.id}_note") or "")]
    text = shown(row.get(column.id), column.unit)
    note = ", ".join(note for note in notes if note)
    return escaped(f"{text} ({note})" if note else text) or " "
