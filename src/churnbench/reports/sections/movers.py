"""Who changes band under the candidate, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.reports.blocks import (
    Block,
    Cell,
    Figure,
    Fold,
    Gallery,
    Missing,
    Prose,
    RowHead,
    Section,
    Table,
    number_column,
    text_column,
)
from churnbench.reports.charts.flow import flow_chart
from churnbench.reports.charts.waterfall import Step, waterfall
from churnbench.reports.lens import Lens, band_look
from churnbench.reports.reading import number, records, words
from churnbench.reports.wording import clean, fixed, money, percent, whole

SHOWN_STEPS = 8
ACCOUNT_COLUMNS = (
    text_column("account"),
    text_column("segment"),
    number_column("ARR"),
    text_column("today"),
    text_column("candidate"),
    number_column("score"),
    number_column("P(churn)"),
)
HOW = (
    "Accounts at the newest snapshot by their band today and under the candidate. Grey flows "
    "stay; a coloured flow has the colour of the band it moves to."
)
ACCOUNT_HOW = (
    "From the median account's points to this account's, the eight largest differences first. "
    "Points are those of the candidate formula before caps and the display map."
)


def movers_section(lens: Lens) -> Section:
    """Flow between bands, its table, and the accounts with their explanations."""
    figure, blocks = flow_figure(lens), list[Block]()
    blocks.append(Gallery([figure]) if figure else Missing("Flow between bands", lens.why_absent))
    cells = records(lens.evidence, "movers", "matrix")
    if cells:
        blocks.append(_matrix(lens, cells))
    accounts = records(lens.evidence, "movers", "accounts")
    if accounts:
        # Stable: within both groups the evidence's order, largest ARR first, stays.
        accounts.sort(key=lambda row: words(row, "from_band") == words(row, "to_band"))
        lead = f"{whole(len(accounts))} accounts: those that change band first, then by ARR."
        blocks.append(Prose(f"Open a row for its reasons. {ACCOUNT_HOW}", tone="note", lead=lead))
        blocks.append(RowHead(ACCOUNT_COLUMNS))
        blocks += [_account(lens, row) for row in accounts]
    else:
        blocks.append(Missing("Accounts that change band", lens.why_absent))
    return Section("movers", "Movers: accounts whose band would change", _finding(lens), blocks, short="Movers")


def moved(lens: Lens) -> tuple[float, float | None]:
    """Accounts that change band, and their ARR."""
    cells = [cell for cell in records(lens.evidence, "movers", "matrix") if words(cell, "from") != words(cell, "to")]
    revenue = [number(cell, "arr") for cell in cells]
    known = [value for value in revenue if value is not None]
    return sum(number(cell, "accounts") or 0.0 for cell in cells), sum(known) if known else None


def _finding(lens: Lens) -> str:
    cells = records(lens.evidence, "movers", "matrix")
    if not cells:
        return "Not available."
    total = sum(number(cell, "accounts") or 0.0 for cell in cells)
    count, revenue = moved(lens)
    money_part = "" if revenue is None else f", with {money(revenue)} of ARR"
    share = f" ({percent(count / total)})" if total else ""
    return f"{whole(count)} of {whole(total)} accounts change band{share}{money_part}."


def flow_figure(lens: Lens) -> Figure | None:
    """The flow chart, or None without a matrix."""
    cells = {
        (words(c, "from"), words(c, "to")): number(c, "accounts") or 0.0
        for c in records(lens.evidence, "movers", "matrix")
    }
    if not any(cells.values()):
        return None
    order = _band_order(lens, {band for pair in cells for band in pair})
    svg = flow_chart(
        cells,
        order,
        {band: band_look(band) for band in order},
        "Accounts by band today and under the candidate",
    )
    return Figure("From today's band to the candidate's", svg, HOW, name="band_flow")


def _band_order(lens: Lens, bands: set[str]) -> list[str]:
    starts = {words(row, "band"): number(row, "from") or 0.0 for row in records(lens.evidence, "thresholds")}
    return sorted(bands, key=lambda band: (-starts.get(band, -1.0), band))


def _matrix(lens: Lens, cells: list[Mapping[str, Any]]) -> Table:
    """Bands today down, bands under the candidate across."""
    found = {(words(cell, "from"), words(cell, "to")): cell for cell in cells}
    order = _band_order(lens, {band for pair in found for band in pair})
    columns = [text_column("band today"), *(number_column(f"candidate: {clean(band, 24)}") for band in order)]
    rows = []
    for start in order:
        row = [Cell(clean(start, 30), look=f"band {band_look(start)}")]
        for end in order:
            cell = found.get((start, end), {})
            revenue = number(cell, "arr")
            row.append(
                Cell(
                    whole(number(cell, "accounts") or 0.0),
                    note="" if revenue is None else f"ARR {money(revenue)}",
                    look="" if start == end else "strong",
                )
            )
        rows.append(row)
    return Table("The same as a table: accounts, and the ARR they stand for", columns, rows)


def _account(lens: Lens, row: Mapping[str, Any]) -> Fold:
    old, new = words(row, "from_band"), words(row, "to_band")
    cells = [
        Cell(clean(words(row, "segment"), 24)),
        Cell(money(number(row, "arr")), look="num"),
        Cell(clean(old, 20) or "n/a", look=f"band {band_look(old)}"),
        Cell(clean(new, 20) or "n/a", look=f"band {band_look(new)}"),
        Cell(f"{fixed(number(row, 'from_score'), 1)} → {fixed(number(row, 'to_score'), 1)}", look="num"),
        Cell(percent(number(row, "churn_probability")), look="num"),
    ]
    return Fold(clean(words(row, "account_id"), 40) or "n/a", [_reasons(lens, row)], cells)


def _reasons(lens: Lens, row: Mapping[str, Any]) -> Block:
    parts = [
        (lens.metric(words(part, "metric")), number(part, "value"), points, median)
        for part in records(row, "contributions")
        if (points := number(part, "points")) is not None and (median := number(part, "median_points")) is not None
    ]
    if not parts:
        return Missing("Reasons", "the evidence holds no contributions of this account")
    ranked = sorted(parts, key=lambda part: -abs(part[2] - part[3]))
    steps = [Step(_with_value(label, value), points - median) for label, value, points, median in ranked[:SHOWN_STEPS]]
    rest = sum(points - median for _, _, points, median in ranked[SHOWN_STEPS:])
    if len(ranked) > SHOWN_STEPS:
        steps.append(Step(f"{len(ranked) - SHOWN_STEPS} other metrics", rest))
    account = clean(words(row, "account_id"), 40)
    svg = waterfall(sum(part[3] for part in parts), steps, f"Points of {account} against the median account")
    return Figure("", svg)


def _with_value(label: str, value: float | None) -> str:
    return clean(label, 24) if value is None else f"{clean(label, 22)} = {value:g}"
