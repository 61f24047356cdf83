"""What a section of the page is made of: plain values that one template draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """One table cell: text, a smaller note after it, or a drawing; `look` is a style name."""

    text: str = ""
    note: str = ""
    look: str = ""
    svg: Markup | None = None


@dataclass(frozen=True)
class Column:
    """Heading of a table column; numbers stand at the right."""

    label: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells; `marked` rows are set off, `how` says where the figures come from."""

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    how: str = ""
    marked: Sequence[int] = ()


@dataclass(frozen=True)
class Figure:
    """A drawing with its title, legend of (look, words) and definition."""

    kind: ClassVar[str] = "figure"
    title: str
    svg: Markup
    how: str = ""
    legend: Sequence[tuple[str, str]] = ()
    name: str = ""


@dataclass(frozen=True)
class Gallery:
    """Figures side by side where there is room."""

    kind: ClassVar[str] = "gallery"
    figures: Sequence[Figure]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Prose:
    """A paragraph; tone `plain`, `note` or `warn`."""

    kind: ClassVar[str] = "prose"
    text: str
    tone: str = "plain"
    lead: str = ""


@dataclass(frozen=True)
class Missing:
    """Said where something cannot be shown."""

    kind: ClassVar[str] = "missing"
    what: str
    why: str


@dataclass(frozen=True)
class Fold:
    """Deeper parts behind one click: `summary` cells, then blocks."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: Sequence[Block]
    cells: Sequence[Cell] = ()


@dataclass(frozen=True)
class RowHead:
    """Headings above a list of folds that carry cells."""

    kind: ClassVar[str] = "rowhead"
    columns: Sequence[Column]


Block = Table | Figure | Gallery | Prose | Missing | Fold | RowHead


@dataclass(frozen=True)
class Section:
    """One chapter of the page with its finding in a sentence."""

    id: str
    title: str
    finding: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    short: str = ""


def text_column(label: str) -> Column:
    """A column of words."""
    return Column(label)


def number_column(label: str) -> Column:
    """A column of figures."""
    return Column(label, numeric=True)
