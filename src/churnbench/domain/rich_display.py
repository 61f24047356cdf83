"""Small HTML panels for notebooks: facts and tables, escaped, readable on a light and on a dark page.

Colours come from the page (`currentColor`); only one accent is our own, so that a theme never swallows a figure.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Told apart from a white page (3.4:1) and from a black one (6:1).
ACCENT = "#3b8ed0"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LIMIT = 120
_WIDTH, _HEIGHT = 120, 14
_TABLE = "border-collapse:collapse;background:none;color:inherit;font-variant-numeric:tabular-nums;margin:.5em 0;"
_CAPTION = "caption-side:top;text-align:left;padding:.2em .7em;opacity:.75;color:inherit;"
_CELL = "padding:.15em .7em;border:0;border-bottom:1px solid rgba(128,128,128,.3);"


@dataclass(frozen=True)
class Range:
    """An interval drawn to scale, with its figure and, hollow, the figure that it is compared with.

    Attributes:
        low: lower end, in the unit of `start` and `end`.
        high: upper end.
        value: the figure; None draws the interval alone.
        start: left end of the scale.
        end: right end of the scale; at or below `start` nothing is drawn.
        other: what it is compared with, e.g. today's weight; None draws nothing.
    """

    low: float
    high: float
    value: float | None
    start: float
    end: float
    other: float | None = None


@dataclass(frozen=True)
class Column:
    """Heading of a column; figures stand at the right."""

    label: str
    numeric: bool = True


Cell = str | Range | None


def escaped(text: object, limit: int = _LIMIT) -> str:
    """Text that cannot be markup and cannot turn the direction of what follows; cut at `limit` characters.

    >>> escaped('<b>"A" & co</b>')
    '&lt;b&gt;&quot;A&quot; &amp; co&lt;/b&gt;'
    """
    plain = _CONTROL.sub("", str(text))
    return html.escape(plain if len(plain) <= limit else plain[: limit - 1] + "…", quote=True)


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], caption: str = "") -> str:
    """A table as HTML.

    Args:
        columns: headings.
        rows: one cell per column; None is shown as a dash, since missing is never zero.
        caption: what the figures are, below the title of the panel.

    Raises:
        ValueError: for a row of another length than the headings.
    """
    head = "".join(_cell("th", column, escaped(column.label)) for column in columns)
    return _table(columns, rows, f"<thead><tr>{head}</tr></thead>", caption)


def facts(pairs: Sequence[tuple[str, str | None]]) -> str:
    """Names and values side by side, as HTML; None is shown as a dash."""
    return _table([Column("", numeric=False), Column("", numeric=False)], pairs, "", "")


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], head: str, caption: str) -> str:
    lines = (
        "".join(_cell("td", column, _shown(value)) for column, value in zip(columns, row, strict=True)) for row in rows
    )
    body = "".join(f'<tr style="background:none">{line}</tr>' for line in lines)
    title = f'<caption style="{_CAPTION}">{escaped(caption, 400)}</caption>' if caption else ""
    return f'<table style="{_TABLE}">{title}{head}<tbody>{body}</tbody></table>'


def panel(title: str, sentence: str, parts: Sequence[str], notes: Sequence[str] = ()) -> str:
    """A panel of tables under a title.

    Args:
        title: a few words; escaped here.
        sentence: what to read first; escaped here.
        parts: HTML from `table` and `facts`.
        notes: sentences below; escaped here, at most five are shown.
    """
    shown = [*notes[:5], *([f"and {len(notes) - 5} more"] if len(notes) > 5 else [])]
    below = "".join(f'<div style="opacity:.8;margin:.2em .7em">{escaped(note, 500)}</div>' for note in shown)
    lead = f'<div style="margin:.2em .7em">{escaped(sentence, 500)}</div>' if sentence else ""
    return (
        '<div style="color:inherit;background:none;max-width:64em;overflow-x:auto;line-height:1.35">'
        f'<div style="margin:.2em .7em;font-weight:600">{escaped(title)}</div>{lead}{"".join(parts)}{below}</div>'
    )


def _cell(tag: str, column: Column, content: str) -> str:
    side = "right;white-space:nowrap" if column.numeric else "left"
    weight = "font-weight:600;" if tag == "th" else ""
    return f'<{tag} style="{_CELL}{weight}text-align:{side}">{content}</{tag}>'


def _shown(value: Cell) -> str:
    if value is None:
        return "–"
    return _drawing(value) if isinstance(value, Range) else escaped(value)


def _drawing(found: Range) -> str:
    if not found.end > found.start:
        return "–"

    def place(value: float) -> float:
        share = min(max((value - found.start) / (found.end - found.start), 0.0), 1.0)
        return round(4 + share * (_WIDTH - 8), 1)

    low, high, middle = place(found.low), place(found.high), _HEIGHT / 2
    other = (
        ""
        if found.other is None
        else f'<circle cx="{place(found.other)}" cy="{middle}" r="3.2" fill="none" stroke="currentColor"/>'
    )
    dot = "" if found.value is None else f'<circle cx="{place(found.value)}" cy="{middle}" r="3.2" fill="{ACCENT}"/>'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="interval" style="vertical-align:middle">'
        f'<line x1="4" x2="{_WIDTH - 4}" y1="{middle}" y2="{middle}" stroke="currentColor" stroke-opacity=".2"/>'
        f'<rect x="{low}" y="{middle - 3.5}" width="{max(high - low, 1):.1f}" height="7" rx="3" fill="{ACCENT}"'
        f' fill-opacity=".4"/>{dot}{other}</svg>'
    )
