"""A report as one self-contained HTML file: no script, no outside address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.health.result import Absent, Chart, Column, Facts, Note, Number, Part, Report, Table
from churnbench.reports.blocks import Block, Cell, Missing, Prose, Section
from churnbench.reports.blocks import Column as DrawnColumn
from churnbench.reports.blocks import Table as DrawnTable
from churnbench.reports.health.drawings import drawing
from churnbench.reports.health.words import NUMERIC, shown, span_words
from churnbench.reports.lens import band_look
from churnbench.reports.templating import environment, style_sheet
from churnbench.reports.wording import clean

#: A word longer than this may be broken anywhere.
_LONG_WORD = 24
TITLES = {
    "account": "Account health",
    "portfolio": "Portfolio",
    "early-warning": "Early warning",
    "insights": "Score insights",
    "executive": "Executive figures",
    "cohorts": "Cohorts",
    "customer": "Progress",
}


def render_html(report: Report) -> str:
    """Draw a report. Pure: the same report gives the same text; every text in it is escaped."""
    sections = [_section(section.id, section.title, section.finding, section.parts) for section in report.sections]
    return (
        environment()
        .get_template("health.html")
        .render(
            title=TITLES[report.kind],
            kind=report.kind,
            subject=clean(report.subject, 120),
            headline=clean(report.headline, 300),
            reason=clean(report.reason, 400),
            facts=[_fact(number) for number in report.facts],
            sections=sections,
            about=_about(report),
            caveats=[clean(text, 500) for text in report.caveats],
            project=clean(str(report.about.get("project") or ""), 80),
            as_of=str(report.about.get("as_of") or ""),
            style=style_sheet("health"),
        )
    )


def render_index(project: str, as_of: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A page that links to one report per account; rows hold account_id, file and, inside, score, band, arr."""
    return (
        environment()
        .get_template("health_index.html")
        .render(
            project=clean(project, 80),
            as_of=as_of,
            inside=all("band" in row for row in rows),
            rows=[
                {
                    "file": row["file"],
                    "account": clean(str(row["account_id"]), 60),
                    "score": shown(row.get("score"), "points"),
                    "band": clean(str(row.get("band")), 30),
                    "look": band_look(str(row.get("band"))),
                    "arr": shown(row.get("arr"), "money"),
                }
                for row in rows
            ],
            style=style_sheet("health"),
        )
    )


def _section(name: str, title: str, finding: str, parts: Sequence[Part]) -> Section:
    blocks = [block for part in parts if (block := _block(part)) is not None]
    return Section(name, clean(title, 120), clean(finding, 400), blocks)


def _block(part: Part) -> Block | None:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Chart):
        return drawing(part)
    if isinstance(part, Facts):
        return _facts_table(part)
    if isinstance(part, Absent):
        return Missing(part.what, f"{part.why}. {part.fix}".rstrip("."))
    return _note(part)


def _note(part: Note) -> Prose:
    return Prose(clean(part.text, 800), "note", clean(part.lead, 120))


def _table(part: Table) -> Block:
    if not part.rows:
        return Prose(f"{part.empty}.", "note", f"{part.title}:")
    columns = [DrawnColumn(column.label, numeric=column.unit in NUMERIC) for column in part.columns]
    rows = [[_cell(row, column) for column in part.columns] for row in part.rows]
    return DrawnTable(part.title, columns, rows, part.how)


def _cell(row: Mapping[str, Any], column: Column) -> Cell:
    value = row.get(column.id)
    text = shown(value, column.unit)
    notes = [span_words(row.get(f"{column.id}_ci90"), column.unit), clean(str(row.get(f"{column.id}_note") or ""), 90)]
    look = f"band {band_look(str(value))}" if column.unit == "band" and value is not None else ""
    look = "day" if column.unit == "date" else look
    if any(len(word) > _LONG_WORD for word in text.split()):
        look = f"{look} long".strip()
    return Cell(text, " · ".join(note for note in notes if note), look)


def _facts_table(part: Facts) -> Block:
    rows = [[Cell(number.label), _number_cell(number), Cell(number.how, look="sub")] for number in part.numbers]
    columns = [DrawnColumn("Figure"), DrawnColumn("Value", numeric=True), DrawnColumn("How")]
    return DrawnTable(part.title, columns, rows)


def _number_cell(number: Number) -> Cell:
    notes = [span_words(number.ci90, number.unit), clean(number.note, 90)]
    look = f"band {band_look(str(number.value))}" if number.unit == "band" else ""
    return Cell(shown(number.value, number.unit), " · ".join(note for note in notes if note), look)


def _fact(number: Number) -> dict[str, str]:
    return {
        "label": clean(number.label, 60),
        "value": shown(number.value, number.unit, 30),
        "look": band_look(str(number.value)) if number.unit == "band" else "",
        "span": span_words(number.ci90, number.unit),
        "how": number.how,
    }


def _about(report: Report) -> list[str]:
    about = report.about
    if report.kind == "customer":
        return []
    return [
        f"Config: {clean(str(about['formula']), 400)}; {about['config_id']} {about['config_version']}, "
        f"{str(about['body_sha256'])[:12]}.",
        f"As of {about['as_of']}; outcomes known until {about['outcomes_known_until']}; churn counts from day "
        f"{about['gap_days']} for {about['horizon_days']} days. Intervals are 90 %. Health scores: 0–100, high is "
        "healthy. Money in the currency of the data.",
    ]
