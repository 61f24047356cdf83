"""What a report is made of: plain values, each with its unit and where it came from. Drawing happens elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

#: How a value is to be read. `points` and `change` are points of a score (0-100), `share` and `probability` are 0-1,
#: `money` is in the currency of the data, `value` in the metric's own unit, `speed` in points per day.
Unit = Literal[
    "text",
    "band",
    "points",
    "change",
    "speed",
    "share",
    "probability",
    "money",
    "count",
    "days",
    "date",
    "value",
    "auc",
    "loss",
    "ratio",
]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Number:
    """One figure: `value` None where it is unknown, `ci90` its 90 % interval, `how` its definition and rows."""

    id: str
    label: str
    value: float | str | None
    unit: Unit
    how: str
    ci90: Interval | None = None
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Figures that stand together."""

    kind: ClassVar[str] = "facts"
    id: str
    title: str
    numbers: Sequence[Number]


@dataclass(frozen=True)
class Column:
    """One column of a table; rows hold its value under `id`, an interval under `<id>_ci90`, words under `<id>_note`."""

    id: str
    label: str
    unit: Unit = "text"


@dataclass(frozen=True)
class Table:
    """Rows of values; `how` is the definition of its figures and the rows behind them, `empty` what no row means."""

    kind: ClassVar[str] = "table"
    id: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    how: str
    empty: str = "none"


@dataclass(frozen=True)
class Chart:
    """Data of a drawing; `form` names which, see `churnbench.reports.health.drawings`."""

    kind: ClassVar[str] = "chart"
    id: str
    title: str
    form: str
    data: Mapping[str, Any]
    how: str


@dataclass(frozen=True)
class Absent:
    """Said where something cannot be shown: why, and what would supply it."""

    kind: ClassVar[str] = "absent"
    id: str
    what: str
    why: str
    fix: str


@dataclass(frozen=True)
class Note:
    """A sentence for the reader."""

    kind: ClassVar[str] = "note"
    text: str
    lead: str = ""


Part = Facts | Table | Chart | Absent | Note


@dataclass(frozen=True)
class Section:
    """One chapter with its finding in a sentence."""

    id: str
    title: str
    finding: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        kind: account, portfolio, early-warning, insights, executive, cohorts or customer.
        subject: whom it is about: an account, a CSM, a segment, the whole book.
        headline: the finding in a sentence; `reason` continues it.
        facts: the figures of the first screen.
        sections: chapters in reading order.
        about: where everything came from: project, as-of date, config and how it was chosen.
        caveats: sentences that belong under every figure.
    """

    kind: str
    subject: str
    headline: str
    reason: str
    facts: Sequence[Number]
    sections: Sequence[Section]
    about: Mapping[str, Any]
    caveats: Sequence[str] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data; every part carries its `kind`, missing values are null."""
        content = asdict(self)
        for section, plain in zip(self.sections, content["sections"], strict=True):
            plain["parts"] = [
                {"kind": part.kind, **fields} for part, fields in zip(section.parts, plain["parts"], strict=True)
            ]
        return {"schema": 1, **_plain(content)}


def _plain(value: Any) -> Any:
    """JSON types alone; NaN, NaT and NA become null, dates `YYYY-MM-DD`."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return scalar(value)


def scalar(value: Any) -> Any:
    """One value as JSON holds it.

    >>> scalar(np.float64("nan")), scalar(pd.Timestamp("2026-01-31")), scalar(np.int64(3))
    (None, '2026-01-31', 3)
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None  # no digits that only the arithmetic made
    return value


def known(value: Any) -> float | None:
    """A finite number, None for anything missing.

    >>> known(pd.NA), known(float("nan")), known(2)
    (None, None, 2.0)
    """
    plain = scalar(value)
    return None if plain is None or isinstance(plain, str) else float(plain)
