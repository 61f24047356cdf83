"""Who was treated, and what that does to the figures of a review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnbench.interventions.shares import MAX_TREATED
from churnbench.reports.blocks import (
    Block,
    Cell,
    Fold,
    Missing,
    Prose,
    Section,
    Table,
    number_column,
    text_column,
)
from churnbench.reports.charts.dots import interval_bar
from churnbench.reports.lens import INCUMBENT, Lens, band_look
from churnbench.reports.reading import at, estimate, number, records, table, texts, words
from churnbench.reports.sections.playbook_effects import coin_blocks, drop_blocks, figure_cell, limits_of
from churnbench.reports.wording import clean, fixed, percent, span, whole

ALL = "all"
WAYS = (
    ("plain", "as observed", "risk under current care"),
    ("weighted", "left alone, weighted", "had nobody intervened"),
    ("treatment_term", "treatment term", "had nobody intervened"),
)
SHARES_HOW = (
    "Share of the snapshots of a band, under today's formula, that were followed by a treatment before their churn or "
    "the end of their outcome window. Above 30 % churn there says more about the care than about the risk; such bands "
    "are set off."
)


def interventions_section(lens: Lens) -> Section:
    """Warnings, treated shares, the scores measured beside care, drops since a playbook began, effects of coins."""
    found, title, short = table(lens.evidence, "interventions"), "Interventions", "Interventions"
    if not found:
        logged = "interventions" in lens.evidence and words(lens.evidence, "claim_level") != "cross-sectional"
        blocks = [] if logged else [Missing("What was done for accounts", lens.why_absent)]
        said = (
            "No interventions are logged, so nothing is said about what playbooks do." if logged else "Not available."
        )
        return Section("interventions", title, said, blocks, short)
    shown: list[Block] = [Prose(clean(text, 600), "warn") for text in texts(found, "warnings")]
    shown += [
        _shares(lens, found),
        *_quarters(found),
        *_evaluation(lens, found),
        *drop_blocks(found),
        *coin_blocks(found),
    ]
    return Section("interventions", title, _finding(found), shown, short)


def _finding(found: Mapping[str, Any]) -> str:
    whole_book = [row for row in records(found, "shares") if words(row, "period") == ALL]
    snapshots, treated = (
        sum(number(row, key) or 0.0 for row in whole_book) for key in ("snapshots", "treated_snapshots")
    )
    share = percent(treated / snapshots) if snapshots else "none"
    return (
        f"{whole(number(found, 'treatments'))} treatments and {whole(number(found, 'held_out'))} hold-outs by a "
        f"coin are logged; {share} of the snapshots were followed by a treatment. All other figures of the review "
        f"estimate the {clean(words(found, 'estimand'), 60)}."
    )


def _shares(lens: Lens, found: Mapping[str, Any]) -> Block:
    bands = [words(row, "band") for row in records(lens.evidence, "bands") if words(row, "formula") == INCUMBENT]
    rows = [row for row in records(found, "shares") if words(row, "period") == ALL]
    # As the other tables name them; a band that the holdout does not hold comes last.
    rows.sort(key=lambda row: bands.index(words(row, "band")) if words(row, "band") in bands else len(bands))
    if not rows:
        return Missing("Treated shares", "no labelled snapshot lies before the end of the data")
    worst = {words(row, "band"): _worst_quarter(found, words(row, "band")) for row in rows}
    cells = [[*_share(row), worst[words(row, "band")]] for row in rows]
    columns = [
        text_column("band"),
        *(number_column(t) for t in ("accounts", "accounts treated", "snapshots", "snapshots treated", "share")),
    ]
    marked = [place for place, row in enumerate(rows) if (number(row, "share") or 0.0) > MAX_TREATED]
    return Table("Treated share by band", [*columns, number_column("highest quarter")], cells, SHARES_HOW, marked)


def _share(row: Mapping[str, Any]) -> list[Cell]:
    band = clean(words(row, "band"), 30)
    counts = ("accounts", "treated_accounts", "snapshots", "treated_snapshots")
    return [
        Cell(band, look=f"band {band_look(band)}"),
        *(Cell(whole(number(row, key))) for key in counts),
        Cell(percent(number(row, "share")), look="strong"),
    ]


def _worst_quarter(found: Mapping[str, Any], band: str) -> Cell:
    quarters = [row for row in records(found, "shares") if words(row, "band") == band and words(row, "period") != ALL]
    known = [(value, words(row, "period")) for row in quarters if (value := number(row, "share")) is not None]
    if not known:
        return Cell("n/a")
    share, period = max(known)
    return Cell(percent(share), note=clean(period, 10))


def _quarters(found: Mapping[str, Any]) -> list[Block]:
    rows = [row for row in records(found, "shares") if words(row, "period") != ALL]
    if not rows:
        return []
    columns = [text_column("quarter"), text_column("band")]
    columns += [number_column(t) for t in ("accounts", "accounts treated", "snapshots", "snapshots treated", "share")]
    ordered = sorted(rows, key=lambda row: words(row, "period"))
    cells = [[Cell(clean(words(row, "period"), 10)), *_share(row)] for row in ordered]
    return [Fold("By quarter", [Table("Treated share by quarter and band", columns, cells)])]


def _evaluation(lens: Lens, found: Mapping[str, Any]) -> list[Block]:
    title = "The same scores, measured beside the care"
    scores = table(found, "evaluation", "scores")
    names = ((INCUMBENT, lens.today, "today"), ("candidate", "candidate", "cand"))
    told = [(scores.get(name), label, look) for name, label, look in names]
    rows = [
        (label, look, way, entry, path)
        for score, label, look in told
        for path, *way in WAYS
        if number(entry := at(score, path), "auc", "value") is not None
    ]
    if not rows:
        return [Missing(title, "no holdout was opened")]
    aucs = [estimate(entry, "auc") for *_, entry, _ in rows]
    limits = limits_of(aucs)
    cells = [
        [
            Cell(label, look=f"key {look}"),
            Cell(way[0], note=way[1]),
            Cell(fixed(auc.value)),
            Cell(svg=interval_bar(auc.value, auc.bounds, limits, look), note=span(auc)),
            figure_cell(estimate(entry, "calibration_slope")),
            figure_cell(estimate(entry, "observed_over_expected")),
        ]
        for (label, look, way, entry, _), auc in zip(rows, aucs, strict=True)
    ]
    columns = [text_column("formula"), text_column("measured"), number_column("AUC"), text_column("90 % interval")]
    columns += [number_column("calibration slope"), number_column("observed / expected")]
    used = dict.fromkeys(path for *_, path in rows)
    how = " ".join(
        f"{way[0].capitalize()}: {clean(words(found, 'assumptions', path), 400)}" for path, *way in WAYS if path in used
    )
    return [Table(title, columns, cells, how), *_obstacles(told, weighted="weighted" in used)]


def _obstacles(told: list[tuple[Any, str, str]], *, weighted: bool) -> list[Block]:
    """Why a way is not shown; the term needs no excuse where the better way is there."""
    found: dict[tuple[str, str], list[str]] = {}
    for score, label, _ in told:
        for path, name, _ in WAYS[1:]:
            why = clean(words(score, path, "obstacle"), 500)
            if why and not (weighted and path == "treatment_term"):
                found.setdefault((name, why), []).append(label)
    return [
        Prose(f"{why} ({', '.join(labels)})", "note", lead=f"Not shown: {name}.")
        for (name, why), labels in found.items()
    ]
