"""Writes a scorecard as a table to type in, and a page on what it loses."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from churnbench.export.tables import FORMULA_STARTS
from churnbench.scorecards.checked import Parity
from churnbench.scorecards.exported import ExportedScorecard, MeasuredLoss
from churnbench.scorecards.files import COLUMNS
from churnbench.scorecards.formula import declared_formula
from churnbench.scorecards.layouts import Layout
from churnbench.scorecards.model import Measure, Scorecard


def scorecard_table(card: Scorecard, layout: Layout) -> str:
    """A scorecard as CSV, in the layout's words; `read_scorecard` reads it back as the same scorecard.

    Text that a spreadsheet would run gets a leading apostrophe, which `read_scorecard` takes away again.
    """
    words = {"group": layout.group, "measure": layout.measure}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([words.get(column, column) for column in COLUMNS])
    for record in _records(card):
        record["record"] = words.get(str(record["record"]), record["record"])
        writer.writerow([_cell(record.get(column)) for column in COLUMNS])
    return text.getvalue()


def _records(card: Scorecard) -> Iterator[dict[str, object]]:
    conventions: dict[str, object] = {
        "name": card.name,
        "low": card.low,
        "high": card.high,
        "weights": card.weights,
        "boundary": card.measures[0].boundary,
        "state_boundary": card.state_boundary,
        "nulls": card.measures[0].nulls if card.measures[0].nulls != "points" else "ignored",
        "rounding": card.rounding,
        "decimals": card.decimals,
    }
    for name, value in conventions.items():
        yield {"record": "setting", "name": name, "value": value}
    for group in card.groups:
        yield {"record": "group", "name": group.id, "label": group.label, "weight": group.weight}
        for measure in group.measures:
            yield {
                "record": "measure",
                "name": measure.id,
                "label": measure.label,
                "group": group.id,
                "column": measure.column,
                "kind": measure.kind,
                "weight": measure.weight,
                "boundary": measure.boundary,
                "nulls": measure.nulls,
                "null_points": measure.null_points,
            }
            yield from _rule(measure)
    for name, start in card.states:
        yield {"record": "state", "name": name, "from": start}
    for segment, weights in card.segment_weights.items():
        for name, weight in weights.items():
            yield {"record": "segment", "name": segment, "group": name, "weight": weight}
    for one in card.exceptions:
        yield {
            "record": "exception",
            "name": one.id,
            "column": one.column,
            "op": one.op,
            "value": one.value,
            "points": one.max_score,
        }


def _rule(measure: Measure) -> Iterator[dict[str, object]]:
    for band in measure.bands:
        yield {
            "record": "band",
            "measure": measure.id,
            "from": band.start,
            "points": band.points,
            "points_end": band.end_points,
        }
    for x, points in measure.knots:
        yield {"record": "knot", "measure": measure.id, "from": x, "points": points}
    for text, points in measure.categories.items():
        yield {"record": "category", "measure": measure.id, "text": text, "points": points}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # Comparisons are words of this file, not of a user; a spreadsheet reads ">=" as text, and "=" alone, too.
        return "'" + value if value.startswith(FORMULA_STARTS) and value != "=" else value
    return f"{value:.10g}" if isinstance(value, (int, float)) else str(value)


def loss_page(exported: ExportedScorecard, measured: MeasuredLoss | None = None) -> str:
    """A Markdown page beside the table: what the layout cannot say, and what bands and weights lose."""
    lines = [
        f"# {_plain(exported.card.name)} as a scorecard",
        "",
        f"In {exported.layout.label}, which is churnbench's own: whether your platform has a place for what is missing"
        " here, its administrator knows.",
        "",
        "## What it cannot say",
        "",
        *(f"- {_plain(sentence)}" for sentence in exported.losses),
        "",
        "## What it loses",
        "",
        f"All measures known, at most {exported.at_most:.1f} points of 100.",
        measured_sentence(measured),
        "",
        f"| {exported.layout.measure} | bands | largest error in its points | in the score |",
        "|---|---:|---:|---:|",
        *(f"| {_plain(m.measure)} | {m.bands} | {m.points:.1f} | {m.score:.2f} |" for m in exported.measures),
    ]
    return "\n".join(lines) + "\n"


def import_page(card: Scorecard, parity: Parity | None) -> str:
    """A Markdown page on how a scorecard was read, and how its formula compares with exported scores."""
    lines = [
        f"# How '{_plain(card.name)}' was read",
        "",
        f"Scale {card.low:g} to {card.high:g}, weights {card.weights.replace('_', ' ')}, score rounded"
        f" {card.rounding.replace('_', ' ')} to {card.decimals} decimals, states begin"
        f" {'at' if card.state_boundary == '>=' else 'above'} their score. Points and states stand in churnbench.toml"
        " on 0-100.",
        "",
        *(f"- {_plain(note)}" for note in declared_formula(card).notes),
        "",
        "| group | measure | column | weight | a value on a border | missing |",
        "|---|---|---|---:|---|---|",
    ]
    for group in card.groups:
        for m in group.measures:
            border = ("above" if m.boundary == ">=" else "below") if m.kind == "bands" else ""
            missing = f"{m.null_points:g} points" if m.null_points is not None else m.nulls
            cells = (group.label, m.label, m.column, f"{m.weight:g}", border, missing)
            lines.append("| " + " | ".join(_plain(cell) for cell in cells) + " |")
    if parity is not None:
        lines += ["", "## Against the platform's own scores", "", parity.sentence, ""]
        if parity.unscored:
            lines.append(f"- {parity.unscored:,} accounts have a score on one side only.")
        lines += [f"- {sentence[:1].upper()}{sentence[1:]}" for sentence in parity.other_readings]
        if parity.worst_rounding > 0:
            lines.append(
                f"- Weights in hundredths of a per cent can move a score by up to {parity.worst_rounding:.4f} points"
                " of 100."
            )
        if len(parity.differences):
            lines += ["", "| account | there | here | why |", "|---|---:|---:|---|"]
            lines += [
                f"| {_plain(str(row.account_id))} | {row.platform:g} | {row.churnbench:g} | {_plain(str(row.why))} |"
                for row in parity.differences.itertuples()
            ]
    return "\n".join(lines) + "\n"


def measured_sentence(measured: MeasuredLoss | None) -> str:
    """What was measured on given accounts, in one sentence."""
    if measured is None:
        return "Not measured on accounts: name a file of inputs with --inputs."
    return (
        f"On {measured.accounts:,} accounts the scores lie {measured.mean:.2f} points apart in the mean and"
        f" {measured.worst:.2f} at worst (account {_plain(measured.worst_account)}); {measured.other_band:,} fall into"
        " another band."
    )


def _plain(text: str) -> str:
    """Text that neither ends a table's cell nor becomes markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(escaped.split())
