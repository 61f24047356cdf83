"""Cut-offs, what they promise and what was seen; risk by score; the arithmetic of bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from churnbench.reports.blocks import (
    Block,
    Cell,
    Figure,
    Gallery,
    Missing,
    Prose,
    Section,
    Table,
    number_column,
    text_column,
)
from churnbench.reports.charts.kit import Axis
from churnbench.reports.charts.lines import Series, Zone, line_chart
from churnbench.reports.lens import Lens, band_look
from churnbench.reports.reading import at, estimate, interval, number, points, records, words
from churnbench.reports.wording import clean, fixed, money, percent, span, weight, whole

PROMISE_HOW = (
    "A promise is made only when a 90 % confidence bound on the training rows "
    "(Clopper-Pearson on the effective number "
    "of accounts, tested in a fixed order) keeps it. Observed: the holdout. “Scale before "
    "the display map” is the "
    "calibrated score before it is put on the familiar numbers; the ranking is the same."
)
RISK_HOW = (
    "Logistic curve of churn in the health score, fitted on training rows; 90 % range; one line "
    "a renewal stratum. The same curve ships in the config. Isotonic: the churn rate that falls with the score in "
    "whatever steps fit best, all strata together; where it leaves the curves, their form does not fit."
)
STRATA = {"renewal": "renewal due", "no-renewal": "no renewal due", "all": "all accounts"}
STRATUM_ROLES = ("cand", "today", "ceil", "other")


def bands_section(lens: Lens) -> Section:
    """Thresholds, risk curve, band table with its check."""
    blocks: list[Block] = [_thresholds(lens)]
    figure = risk_figure(lens)
    blocks.append(Gallery([figure]) if figure else Missing("Risk by score", lens.why_absent))
    blocks += _band_tables(lens)
    return Section("thresholds", "Bands: what was promised, what was seen", _finding(lens), blocks, short="Bands")


def _finding(lens: Lens) -> str:
    rows = records(lens.evidence, "thresholds")
    kept = [row for row in rows if at(row, "guaranteed")]
    if not rows:
        return "Not available."
    if not kept:
        return "No bound passes: the old cut-offs stay as labels and nothing is promised."
    return "; ".join(promise_of(lens, row) for row in kept) + "."


def promise_of(lens: Lens, row: Mapping[str, Any]) -> str:
    """One band's promise in words; the lowest band is named by where it ends."""
    band, promise = clean(words(row, "band"), 20), number(row, "promise")
    start, was, raw = number(row, "from"), number(row, "was"), number(row, "from_raw")
    above = [value for other in records(lens.evidence, "thresholds") if (value := number(other, "from"))]
    if start == 0 and above:
        text = f"{band} below {weight(min(above))}"
    else:
        text = f"{band} from {weight(start)}"
        if raw is not None and start is not None and abs(raw - start) >= 0.05:
            text += f" ({fixed(raw, 1)} before the display map)"
        elif was is not None and was != start:
            text += f" (was {weight(was)})"
    if promise is None:
        return text
    return f"{text}: at {'least' if band_look(band) == 'red' else 'most'} {percent(promise)} churn"


def _thresholds(lens: Lens) -> Block:
    rows = records(lens.evidence, "thresholds")
    if not rows:
        return Missing("Thresholds", lens.why_absent)
    columns = [text_column("band")]
    columns += [
        number_column(t)
        for t in (
            "from",
            "scale before the display map",
            "was",
            "promised churn",
            "bound in training",
            "observed on the holdout",
            "90 % interval",
            "behind it",
        )
    ]
    columns += [text_column("guarantee")]
    cells = []
    for row in rows:
        seen = estimate(row, "observed")
        band = clean(words(row, "band"), 30)
        behind = number(row, "observed", "accounts")
        cells.append(
            [
                Cell(band, look=f"band {band_look(band)}"),
                Cell(weight(number(row, "from"))),
                Cell(fixed(number(row, "from_raw"), 1)),
                Cell(weight(number(row, "was"))),
                Cell(_promise(band, number(row, "promise"))),
                Cell(percent(number(row, "bound"))),
                Cell(percent(seen.value), look="strong"),
                Cell(span(seen, 1, share=True)),
                Cell("" if behind is None else f"{whole(number(row, 'observed', 'events'))} of {whole(behind)}"),
                Cell("90 % confidence" if at(row, "guaranteed") else "none: a label only"),
            ]
        )
    return Table("Cut-offs", columns, cells, PROMISE_HOW)


def _promise(band: str, promise: float | None) -> str:
    if promise is None:
        return "none"
    return f"{'at least' if band_look(band) == 'red' else 'at most'} {percent(promise, 1)}"


def risk_figure(lens: Lens) -> Figure | None:
    """Churn probability by score with the cut-offs, or None."""
    strata = records(lens.evidence, "risk_curve", "strata")
    series = []
    for role, row in zip(STRATUM_ROLES, strata, strict=False):
        found = sorted(points(row, "points", width=4))
        if len(found) > 1:
            identifier = words(row, "id")
            label = clean(STRATA.get(identifier, identifier), 26)
            series.append(Series(label, role, [(r[0], r[1], r[2], r[3]) for r in found]))
    overlay = sorted(points(lens.evidence, "risk_curve", "isotonic", width=2))
    if series and len(overlay) > 1:
        series.append(Series("isotonic", "other", [(r[0], r[1], r[1], r[1]) for r in overlay]))
    if not series:
        return None
    svg = line_chart(
        series,
        Axis(f"health score{' before the display map' if _mapped(lens) else ''}, 0–100 (high is healthy)"),
        Axis("P(churn) in the outcome window", 5, percent=True),
        "Churn probability by health score with the bands of the candidate",
        zones=_zones(lens),
        size=(520, 310),
    )
    return Figure("Risk by score", svg, RISK_HOW, [(f"l {s.role}", s.label) for s in series], "risk_by_score")


def _raw_start(row: Mapping[str, Any]) -> float | None:
    """Where a band begins on the scale of the risk curve, which is the score before the display map."""
    raw = number(row, "from_raw")
    return number(row, "from") if raw is None else raw


def _mapped(lens: Lens) -> bool:
    """Whether a display map moves the cut-offs that people see."""
    rows = records(lens.evidence, "thresholds")
    pairs = [(number(row, "from"), _raw_start(row)) for row in rows]
    return any(shown is not None and raw is not None and abs(shown - raw) >= 0.05 for shown, raw in pairs)


def _zones(lens: Lens) -> list[Zone]:
    rows = records(lens.evidence, "thresholds")
    ordered = sorted((start, words(row, "band")) for row in rows if (start := _raw_start(row)) is not None)
    ends = [*ordered, (100.0, "")]
    return [Zone(one[0], after[0], band_look(one[1]), _zone_words(*one, after[0])) for one, after in pairwise(ends)]


def _zone_words(start: float, band: str, end: float) -> str:
    return clean(f"{band} from {weight(start)}" if start > 0 else f"{band} below {weight(end)}", 24)


def _band_tables(lens: Lens) -> list[Block]:
    rows = records(lens.evidence, "bands")
    if not rows:
        return [Missing("Churn by band", lens.why_absent)]
    columns = [text_column("formula"), text_column("band")]
    columns += [
        number_column(t) for t in ("from", "accounts", "share", "churned", "churn rate", "90 % interval", "ARR")
    ]
    cells = [_band_row(row) for row in rows]
    table = Table(
        "Churn by band on the holdout",
        columns,
        cells,
        "Share of rows, churned accounts, and their rate with its 90 % interval.",
    )
    return [table, _arithmetic(lens), *_changes(lens)]


def _band_row(row: Mapping[str, Any]) -> Sequence[Cell]:
    band = clean(words(row, "band"), 30)
    formula = "today" if words(row, "formula") == "incumbent" else clean(words(row, "formula"), 30)
    return [
        Cell(formula),
        Cell(band, look=f"band {band_look(band)}"),
        Cell(weight(number(row, "from"))),
        Cell(whole(number(row, "accounts"))),
        Cell(percent(number(row, "share"))),
        Cell(whole(number(row, "events"))),
        Cell(percent(number(row, "rate")), look="strong"),
        Cell(span(interval(row, "ci90"), 1, share=True)),
        Cell(money(number(row, "arr"))),
    ]


def _changes(lens: Lens) -> list[Block]:
    """How often an account's band changes, with and without hysteresis."""
    parts = []
    for key, label in (("incumbent", "today"), ("candidate", "candidate")):
        raw = number(lens.evidence, "band_changes", key, "per_account_year")
        held = number(lens.evidence, "band_changes", key, "per_account_year_with_hysteresis")
        if raw is not None and held is not None:
            parts.append(f"{label} {fixed(raw, 1)} as scored, {fixed(held, 1)} when two snapshots in a row must agree")
    if not parts:
        return []
    return [Prose(f"Per account and year: {'; '.join(parts)}.", tone="note", lead="Band changes.")]


def _arithmetic(lens: Lens) -> Block:
    total, base = (
        number(lens.evidence, "band_check", "sum_share_times_rate"),
        number(lens.evidence, "band_check", "base_rate"),
    )
    if total is None or base is None:
        return Missing("Check that shares times rates give the base rate", lens.why_absent)
    ok = at(lens.evidence, "band_check", "ok")
    end = "as it must be." if ok else "which cannot be: the band table contradicts itself."
    return Prose(
        f"Share times rate, summed over the bands, is {percent(total, 2)}; the base rate is {percent(base, 2)}, {end}",
        tone="note" if ok else "warn",
        lead="The arithmetic.",
    )
