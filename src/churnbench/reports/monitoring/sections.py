"""Sections of the monitoring page: outcomes, bands, shape, data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from churnbench.monitoring import Monitoring
from churnbench.monitoring.drift import Drift
from churnbench.monitoring.rates import Count, poisson_limits
from churnbench.monitoring.shape import Shape
from churnbench.reports.blocks import Block, Cell, Figure, Missing, Prose, Section, Table, number_column, text_column
from churnbench.reports.charts.kit import Axis
from churnbench.reports.charts.lines import Mark, Series, line_chart
from churnbench.reports.wording import clean, fixed, percent, signed, span, whole

_GROUP = 3
_BROKEN = {True: "kept", False: "broken", None: "open"}


def sections(found: Monitoring) -> list[Section]:
    """All chapters in the order in which questions come up."""
    return [_outcomes(found), _bands(found), _shape(found), _data(found), *_warnings(found)]


def _outcomes(found: Monitoring) -> Section:
    change = found.change
    rows = [
        _count(f"from {found.recent_from}, judged", found.recent),
        _count(f"all since {found.since}", found.everything),
        _count("before the review", found.before),
    ]
    heads = [text_column("days")]
    heads += [number_column(t) for t in ("churned", "expected", "observed / expected", "90 % limits")]
    how = (
        "Every day is judged by the newest snapshot that had foreseen it a gap ahead, so each account counts once a "
        "day and each churn once. Limits are exact Poisson limits, the expected number taken as known; the verdict "
        "compares with the days before by an exact test that takes both numbers as random."
    )
    blocks: list[Block] = [Table("Observed over expected", heads, rows, how, marked=(0,))]
    figure = _churn_figure(found)
    blocks.append(figure or Missing("Observed over expected in time", "fewer than two quarters hold expected churn"))
    finding = "Nothing to compare yet."
    if change.ratio is not None:
        high = "and more" if change.high is None else f"to {fixed(change.high, 2)}"
        finding = (
            f"{fixed(change.ratio, 2)} times the earlier ratio, {percent(change.level)} interval "
            f"{fixed(change.low, 2)} {high}."
        )
    if found.churn_change.on is not None:
        blocks.append(
            Prose(
                f"Change point: the largest break of the churn rate is at {found.churn_change.on} "
                f"({fixed(found.churn_change.before, 2)} of the expected before, {fixed(found.churn_change.after, 2)} "
                f"after; p = {fixed(found.churn_change.p, 3)} against simulated limits). It dates a finding and "
                "decides nothing.",
                "note",
            )
        )
    return Section("outcomes", "Observed and expected churn", finding, blocks)


def _count(label: str, count: Count) -> list[Cell]:
    limits = None if count.low is None or count.high is None else (count.low, count.high)
    return [
        Cell(label),
        Cell(whole(count.observed)),
        Cell(fixed(count.expected, 1)),
        Cell(fixed(count.ratio, 2)),
        Cell(span(limits, 2)),
    ]


def _churn_figure(found: Monitoring) -> Figure | None:
    """Observed over expected in groups of three snapshots with exact limits."""
    months = [entry for entry in found.churn_change.series if entry["expected"] > 0]
    rows = []
    for start in range(len(months) % _GROUP, len(months), _GROUP):
        part = months[start : start + _GROUP]
        observed, expected = sum(e["observed"] for e in part), sum(e["expected"] for e in part)
        low, high = poisson_limits(observed)
        rows.append((_year(part[-1]["date"]), observed / expected, low / expected, high / expected))
    if len(rows) < 2:
        return None
    svg = line_chart(
        [Series("observed / expected", "cand", rows)],
        Axis("", words=_month),
        Axis("observed / expected"),
        "Observed over expected churn in groups of three snapshots",
        marks=[Mark(_year(found.since), "review")],
        size=(640, 260),
    )
    how = (
        "Three snapshots a point, each with the days it owns; exact 90 % Poisson limits. 1 is what the config expects."
    )
    return Figure("Observed over expected in time", svg, how)


def _month(year: float) -> str:
    """The month nearest to a fraction of a year.

    >>> _month(2024.5), _month(2025.0)
    ('Jul 2024', 'Jan 2025')
    """
    whole, month = divmod(round(year * 12), 12)
    return f"{date(whole, month + 1, 1):%b %Y}"


def _year(text: str) -> float:
    day = date.fromisoformat(text)
    return day.year + (day.timetuple().tm_yday - 1) / 365.25


def _bands(found: Monitoring) -> Section:
    heads = [text_column("band"), text_column("promised"), text_column("promise")]
    heads += [number_column(t) for t in ("expected", "observed", "90 % interval", "accounts", "churned")]
    rows = [_band(band) for band in found.bands]
    blocks: list[Block] = [
        Table(
            "Promised, expected and observed",
            heads,
            rows,
            "Windows that began after the review and have ended; limits by accounts. No verdict rests on these rows.",
        )
    ]
    moves = found.band_changes
    blocks.append(Prose(f"Band changes per account and year ({moves['source']}): {_rate(moves['now'])} now, "
                        f"{_rate(moves['before'])} before.", "note"))  # fmt: skip
    broken = [clean(str(band["band"]), 40) for band in found.bands if band["kept"] is False]
    finding = f"Promise broken: {', '.join(broken)}." if broken else "No promise is broken."
    if not any(band["rows"] for band in found.bands):
        finding = "No outcome window that began after the review has ended yet."
    return Section("bands", "Bands", finding, blocks)


def _band(band: Mapping[str, Any]) -> list[Cell]:
    promise, reach = band["promise"], band["ci90"]
    said = "nothing" if promise is None else f"at {'most' if band['at_most'] else 'least'} {percent(promise)}"
    return [
        Cell(clean(str(band["band"]), 40)),
        Cell(said),
        Cell("none" if promise is None else _BROKEN[band["kept"]], look="state block" if band["kept"] is False else ""),
        Cell(percent(band["expected"])),
        Cell(percent(band["observed"])),
        Cell(span(None if reach is None else (reach[0], reach[1]), 1, share=True)),
        Cell(whole(band["accounts"])),
        Cell(whole(band["events"])),
    ]


def _rate(side: Mapping[str, Any]) -> str:
    reach = side["ci90"]
    return fixed(side["rate"], 2) if reach is None else f"{fixed(side['rate'], 2)} ({span((reach[0], reach[1]), 2)})"


def _shape(found: Monitoring) -> Section:
    heads = [text_column("figure")]
    heads += [number_column(t) for t in ("now", "90 % interval", "before", "90 % interval", "p of the difference")]
    rows = [_figures("AUC", found.auc, 3), _figures("calibration slope", found.slope, 2)]
    how = (
        "On the same own days as the counts. AUC with the standard error of Obuchowski for repeated accounts; slope of "
        "the outcome on the log-odds of the expected. Before: days the formula had not learned from, where enough."
    )
    finding = "Too few churned accounts on a side to judge ranking or slope."
    if found.auc.p is not None:
        finding = f"AUC {fixed(found.auc.now.value, 3)} now, {fixed(found.auc.before.value, 3)} before."
    return Section("shape", "Ranking and slope", finding, [Table("Now and before", heads, rows, how)])


def _figures(label: str, pair: Shape, decimals: int) -> list[Cell]:
    cells = [Cell(label)]
    for side in (pair.now.as_json(), pair.before.as_json()):
        reach = side["ci90"]
        cells.append(Cell(fixed(side["value"], decimals), note=f"{side['events']} churned"))
        cells.append(Cell(span(None if reach is None else (reach[0], reach[1]), decimals)))
    return [*cells, Cell(fixed(pair.p, 3))]


def _data(found: Monitoring) -> Section:
    blocks: list[Block] = [Prose(clean(problem, 400), "warn") for problem in found.data_problems]
    if found.compared is None:
        blocks.append(Missing("Drift", "there is no snapshot after the review yet"))
    else:
        heads = [text_column("column"), text_column("problem")]
        heads += [
            number_column(t)
            for t in ("PSI", "limit by chance", "PSI on a year ago", "missing then", "missing now", "p of missing")
        ]
        how = (
            f"One row per account: snapshots of {found.compared[0]} and {found.compared[1]}. Limits hold for all "
            "columns together (Bonferroni); a problem also takes PSI of at least 0.1, on a year ago too, or ten points "
            "more or fewer missing. For coverage, missing is the share of the weight without data."
        )
        marked = [place for place, drift in enumerate(found.drifts) if drift.problem]
        blocks.append(Table("Columns then and now", heads, _drifts(found.drifts), how, marked=marked))
    means = [(_year(e["date"]), e["value"], e["value"], e["value"]) for e in found.score_change.series]
    if len(means) > 1:
        svg = line_chart(
            [Series("mean score", "today", means)],
            Axis("", words=_month),
            Axis("mean health score"),
            "Mean health score of the book by snapshot",
            marks=[Mark(_year(found.since), "review")],
            y_high=100.0,
            size=(640, 240),
        )
        words = "No snapshot after the review to jump to."
        if found.score_change.before is not None and found.score_change.after is not None:
            points = signed(found.score_change.after - found.score_change.before, 2)
            words = (
                f"Largest jump after the review: {points} points at {found.score_change.on} (p = "
                f"{fixed(found.score_change.p, 3)} against simulated limits); a problem takes at least 3 points."
            )
        blocks.append(Figure("Score of the whole book", svg, words))
    finding = f"{len(found.data_problems)} problems." if found.data_problems else "No problem found."
    return Section("data", "Data", finding.replace("1 problems", "1 problem"), blocks)


def _drifts(drifts: Sequence[Drift]) -> list[list[Cell]]:
    return [
        [
            Cell(clean(drift.name, 80)),
            Cell(clean(drift.problem or "", 200)),
            Cell(fixed(drift.psi, 3)),
            Cell(fixed(drift.limit, 3)),
            Cell(fixed(drift.psi_year, 3)),
            Cell(percent(drift.missing[0])),
            Cell(percent(drift.missing[1])),
            Cell(fixed(drift.p_missing, 4)),
        ]
        for drift in drifts
    ]


def _warnings(found: Monitoring) -> list[Section]:
    if not found.warnings:
        return []
    blocks = [Prose(clean(warning, 400), "note") for warning in found.warnings]
    return [Section("notes", "Notes", "What to keep in mind.", blocks)]
