"""What moves before churn, and how long before: AUC by lead time, event study, first sustained alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
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
from churnbench.reports.charts.kit import padded
from churnbench.reports.charts.lead import LeadDot, LeadRow, StudyDot, lead_chart, study_chart
from churnbench.reports.lens import Lens
from churnbench.reports.reading import at, estimate, number, records, table, words
from churnbench.reports.wording import NONE, clean, fixed, label_of, percent, signed, span, whole

#: Class -> (short words for charts, words for the table), most useful first.
CLASSES: Mapping[str, tuple[str, str]] = {
    "leading": ("leading", "leading: shows 60 days ahead"),
    "coincident": ("coincident", "coincident: shows 30 days ahead, not earlier"),
    "footprint": ("last 30 days only", "footprint or lagging: last 30 days only; drop it, or alert only"),
    "weak": ("weak", "weak: not clear from when on"),
    "none": ("no signal", "no signal shown"),
    "not-enough-events": ("too few churned", "not enough churned accounts"),
}
HOW = (
    "AUC of churned accounts' snapshots so many days before the churn against snapshots of accounts without an event "
    "for 180 days, weighted to the same months and renewal strata, in the declared direction. Ranges: 90 %, bootstrap "
    "of accounts. Full dots are significant (Benjamini-Hochberg over all signals and lead times, 10 % false "
    "discoveries). Leading: the range lies above 0.55 at 60 days or more. A metric on which churned accounts were "
    "always lower leads too; whether and when it moved is a column of its own below."
)
STUDY_HOW = (
    "Mean of churned accounts minus mean of matched accounts that stayed, in standard deviations of the latter, by "
    "30 days before the churn; in the declared direction, so that below 0 is less healthy. Range: 90 %, bootstrap of "
    "accounts. A line that is already low a year ahead tells who is at risk; one that falls tells when."
)
MOVED_HOW = (
    "Moved: distance between churned accounts and those that stayed in the last 90 days, minus the same 240 to 360 "
    "days before the churn, in standard deviations of those that stayed; below 0 churned accounts became less healthy. "
    "“Half” is how many days before the churn half of that had happened for good; not given where the 90 % interval "
    "includes 0."
)
ALERT_HOW = (
    "From the first of two consecutive snapshots in the lowest band to the churn, within {days} days before it. The "
    "last row is the same among comparable accounts that stayed: what the alert costs in false alarms."
)
NO_DATES = "the table has no dates (cross-sectional), so nothing can be said to come before churn"
ROWS_PER_CHART = 12
STUDIED = 6


def lead_section(lens: Lens) -> Section:
    """Lead times of metrics, dimensions and today's alert."""
    title = "Lead time: what moves before churn"
    if not records(lens.evidence, "lead_lag", "signals"):
        cross = words(lens.evidence, "claim_level") == "cross-sectional"
        blocks: list[Block] = [Missing("Lead times", NO_DATES if cross else lens.why_absent)]
        return Section("leadtime", title, "Not available.", blocks, short="Lead time")
    blocks = [
        Prose(HOW, tone="note", lead="How to read these."),
        Prose(_scope(lens), tone="note", lead="What this rests on."),
    ]
    charts = lead_figures(lens)
    alone = [chart for chart in charts if chart.name == "lead_time_scores"]
    paired = [chart for chart in charts if chart not in alone]
    # Two side by side stay readable in print; three would not.
    blocks += [
        Gallery(pair) for pair in (alone, *(paired[first : first + 2] for first in range(0, len(paired), 2))) if pair
    ]
    studies = study_figures(lens)
    if studies:
        blocks.append(Gallery(studies, "Before churn: churned accounts against those that stayed", STUDY_HOW))
    blocks += [_classes(lens), *_alert(lens)]
    return Section("leadtime", title, _finding(lens), blocks, short="Lead time")


def lead_figures(lens: Lens) -> list[Figure]:
    """Dots by lead time: today's formula with its dimensions, then metrics from the most useful class on."""
    metrics = _ordered(lens, "metric")
    scores = [*_ordered(lens, "formula"), *_ordered(lens, "dimension")]
    per_chart = ceil(len(metrics) / max(1, ceil(len(metrics) / ROWS_PER_CHART)))
    parts = [("Today's formula and its dimensions", "scores", scores)] if scores else []
    for start in range(0, len(metrics), max(1, per_chart)):
        title = "Metrics by lead time" if start == 0 else "Metrics, continued"
        parts.append((title, f"metrics_{start // max(1, per_chart) + 1}", metrics[start : start + per_chart]))
    limits = _auc_limits([*scores, *metrics])
    headings = _headings(lens)
    figures: list[Figure] = []
    for title, name, signals in parts:
        rows = [_lead_row(lens, signal, headings) for signal in signals]
        svg = lead_chart([_dash(one) for one in headings], rows, limits, f"{title}: AUC by days before churn")
        legend = [("d cand", "significant"), ("o today", "not significant"), ("r", "90 % range")]
        figures.append(Figure(title, svg, "", [] if figures else legend, f"lead_time_{name}"))
    return figures


def study_figures(lens: Lens) -> list[Figure]:
    """Event studies of the metrics that rank churners best."""
    known = [row for row in _ordered(lens, "metric") if any(dot.difference.value is not None for dot in _study(row))]
    chosen = sorted(known, key=lambda row: -_strength(row))[:STUDIED]
    ends = [
        end
        for row in chosen
        for dot in _study(row)
        for end in (dot.difference.value, *(dot.difference.bounds or ()))
        if end is not None
    ]
    limits = padded([0.0, *ends])
    figures = []
    for row in chosen:
        name = _name(lens, row)
        svg = study_chart(_study(row), limits, f"{name}: churned accounts minus others by days before churn")
        figures.append(Figure(name, svg, name=f"before_churn_{words(row, 'id')}"))
    return figures


def _ordered(lens: Lens, kind: str) -> list[Mapping[str, Any]]:
    """Signals of a kind, the most useful class first, then the strongest."""
    order = list(CLASSES)
    rows = [row for row in records(lens.evidence, "lead_lag", "signals") if words(row, "kind") == kind]
    return sorted(rows, key=lambda row: (_place(order, words(row, "class")), -_strength(row)))


def _place(order: Sequence[str], timing: str) -> int:
    return order.index(timing) if timing in order else len(order)


def _strength(row: Mapping[str, Any]) -> float:
    """Distance of its AUC from chance, averaged over all lead times; an unknown one counts as chance."""
    known = [value for one in records(row, "buckets") if (value := estimate(one, "auc").value) is not None]
    return abs(sum(value - 0.5 for value in known)) / max(1, len(records(row, "buckets")))


def _name(lens: Lens, row: Mapping[str, Any]) -> str:
    identifier, label = words(row, "id"), words(row, "label")
    if words(row, "kind") == "formula":
        return label_of(identifier, "" if label == identifier else label)
    return clean(label, 60) if label and label != identifier else lens.metric(identifier)


def _headings(lens: Lens) -> list[tuple[float, float]]:
    """Lead times of all signals, farthest from the churn first."""
    found = {
        (low, high)
        for row in records(lens.evidence, "lead_lag", "signals")
        for one in records(row, "buckets")
        if (low := number(one, "from")) is not None and (high := number(one, "to")) is not None
    }
    return sorted(found, reverse=True)[:6]


def _dash(bucket: tuple[float, float]) -> str:
    return f"{fixed(bucket[0], 0)}–{fixed(bucket[1], 0)}"


def _by_bucket(row: Mapping[str, Any]) -> dict[tuple[float | None, float | None], Mapping[str, Any]]:
    return {(number(one, "from"), number(one, "to")): one for one in records(row, "buckets")}


def _auc_limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    found = [estimate(one, "auc") for row in rows for one in records(row, "buckets")]
    ends = [end for one in found for end in (one.value, *(one.bounds or ())) if end is not None]
    low, high = padded([0.4, 0.6, *ends], 0.04)
    return max(0.0, low), min(1.0, high)


def _lead_row(lens: Lens, row: Mapping[str, Any], headings: Sequence[tuple[float, float]]) -> LeadRow:
    found = _by_bucket(row)
    dots = [LeadDot(estimate(found.get(one), "auc"), at(found.get(one), "significant") is True) for one in headings]
    short = CLASSES.get(words(row, "class"), (clean(words(row, "class"), 20), ""))[0]
    return LeadRow(_name(lens, row), f"{short}, reversed" if at(row, "against_direction") is True else short, dots)


def _study(row: Mapping[str, Any]) -> list[StudyDot]:
    return [
        StudyDot((low + high) / 2.0, estimate(one, "difference"))
        for one in records(row, "study")
        if (low := number(one, "from")) is not None and (high := number(one, "to")) is not None
    ]


def _scope(lens: Lens) -> str:
    found = table(lens.evidence, "lead_lag")
    until = clean(words(found, "until"), 12)
    parts = [
        f"{whole(number(found, 'churned'))} churned of {whole(number(found, 'accounts'))} accounts, "
        f"{whole(number(found, 'rows'))} snapshots, as known on {until or NONE}, when the holdout began: nothing of "
        "the holdout is used, so what you change on these figures does not spoil it."
    ]
    if at(found, "controls_watched") is False:
        parts.append(
            "The history is short: some accounts that stayed were watched until their label was known only, "
            "not for 180 days."
        )
    sampled = words(found, "sampled")
    parts += [clean(sampled, 200)] if sampled else []
    gone = [
        f"{lens.metric(words(row, 'id'))} ({clean(words(row, 'reason'), 80)})" for row in records(found, "left_out")
    ]
    parts += [f"Left out: {', '.join(gone)}."] if gone else []
    return " ".join(parts)


def _finding(lens: Lens) -> str:
    rows = _ordered(lens, "metric")
    if not rows:
        return "No metric could be looked at."
    counts = {timing: sum(words(row, "class") == timing for row in rows) for timing in CLASSES}
    parts = [f"{counts['leading']} of {len(rows)} metrics lead by 60 days or more"]
    parts += [f"{counts['coincident']} by 30 to 60"] if counts["coincident"] else []
    if counts["footprint"]:
        parts.append(
            f"{counts['footprint']} {'shows' if counts['footprint'] == 1 else 'show'} in the last 30 days only"
        )
    if counts["not-enough-events"]:
        parts.append(f"{counts['not-enough-events']} cannot be judged yet")
    against = sum(at(row, "against_direction") is True for row in rows)
    end = f" {against} against {'its' if against == 1 else 'their'} declared direction." if against else ""
    return f"{', '.join(parts)}.{end}"


def _classes(lens: Lens) -> Table:
    headings = _headings(lens)
    columns = [text_column("signal"), text_column("what the data say"), text_column("declared")]
    columns += [number_column(f"AUC {_dash(one)} days before") for one in headings]
    columns += [number_column("moved, sd")]
    rows = [row for kind in ("formula", "dimension", "metric") for row in _ordered(lens, kind)]
    return Table("Class of each signal", columns, [_class_row(lens, row, headings) for row in rows], MOVED_HOW)


def _class_row(lens: Lens, row: Mapping[str, Any], headings: Sequence[tuple[float, float]]) -> list[Cell]:
    timing = words(row, "class")
    against = "the data contradict the declared direction" if at(row, "against_direction") is True else ""
    believed = {True: "leading", False: "lagging"}
    leading = at(row, "declared_leading")
    cells = [
        Cell(_name(lens, row)),
        Cell(CLASSES.get(timing, ("", clean(timing, 40)))[1], note=against),
        Cell(believed[leading] if isinstance(leading, bool) else ""),
    ]
    found = _by_bucket(row)
    for bucket in headings:
        one = found.get(bucket)
        auc = estimate(one, "auc")
        events = f"{whole(number(one, 'events'))} churned"
        look = "strong" if at(one, "significant") is True else ""
        cells.append(Cell(fixed(auc.value), note=span(auc) if auc.value is not None else events, look=look))
    return [*cells, _moved(row)]


def _moved(row: Mapping[str, Any]) -> Cell:
    """Change of the churned accounts' distance in the last year, and when half of it had happened."""
    size, half = estimate(row, "movement", "size"), estimate(row, "movement", "half_days")
    if size.value is None:
        return Cell(NONE)
    if half.value is None:
        return Cell(signed(size.value, 2), note=f"may be 0: {span(size, 2)}" if size.bounds else "")
    return Cell(signed(size.value, 2), note=f"half {fixed(half.value, 0)} days before", look="strong")


def _alert(lens: Lens) -> list[Block]:
    alert = at(lens.evidence, "lead_lag", "alert")
    churned, warned = number(alert, "churned"), number(alert, "warned")
    if churned is None or warned is None:
        return []
    band, back = clean(words(alert, "band"), 30), whole(number(alert, "look_back_days"))
    sentence = (
        f"Of {whole(churned)} churned accounts, {whole(warned)} were {band} twice in a row under today's formula "
        f"within {back} days before they left."
    )
    middle = number(alert, "days", "median")
    if middle is not None:
        quarter = [fixed(number(alert, "days", key), 0) for key in ("q25", "q75")]
        sentence += (
            f" Those were warned {fixed(middle, 0)} days ahead (median; half of them between {quarter[0]} and "
            f"{quarter[1]})."
        )
    cells = [
        [
            Cell(f"churned, warned {whole(number(one, 'days'))} days ahead or more"),
            Cell(percent(estimate(one, "share").value)),
            Cell(span(estimate(one, "share"), 1, share=True)),
        ]
        for one in records(alert, "at_least")
    ]
    others = estimate(alert, "others")
    cells.append([Cell("stayed, warned all the same"), Cell(percent(others.value)), Cell(span(others, 1, share=True))])
    columns = [text_column("accounts"), number_column("share"), number_column("90 % interval")]
    return [
        Prose(sentence, lead="First sustained alert."),
        Table("How early today's formula warns", columns, cells, ALERT_HOW.format(days=back)),
    ]
