"""Who was treated, what that does to the figures, and what a playbook saves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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
from churnbench.reports.charts.kit import padded
from churnbench.reports.lens import INCUMBENT, Lens, band_look
from churnbench.reports.reading import Estimate, at, estimate, interval, number, records, table, texts, words
from churnbench.reports.wording import clean, fixed, percent, signed, span, whole

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
DROPS_HOW = (
    "Observed over expected churn since the playbook began, over the same before it. Beyond the cut-off: the groups by "
    "score that are treated most; elsewhere: those that are hardly treated. A fall beyond the cut-off alone looks like "
    "a playbook that works."
)
COINS_HOW = (
    "Only accounts for which a coin decided, by what it said, whether or not it was carried out; 90 % intervals by "
    "account. Rates count each coin with one over the probability of its arm. Negative: fewer churned among the "
    "treated; the line is no effect. Saves are never counted from risk alone."
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
    shown += [_shares(lens, found), *_quarters(found), *_evaluation(lens, found), *_drops(found), *_coins(found)]
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
    marked = [place for place, row in enumerate(rows) if (number(row, "share") or 0.0) > 0.30]
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
    limits = _limits(aucs)
    cells = [
        [
            Cell(label, look=f"key {look}"),
            Cell(way[0], note=way[1]),
            Cell(fixed(auc.value)),
            Cell(svg=interval_bar(auc.value, auc.bounds, limits, look), note=span(auc)),
            _figure(estimate(entry, "calibration_slope")),
            _figure(estimate(entry, "observed_over_expected")),
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


def _limits(estimates: Iterable[Estimate], *further: float) -> tuple[float, float]:
    return padded([*further, *(v for one in estimates for v in (one.value, one.low, one.high) if v is not None)])


def _figure(found: Estimate) -> Cell:
    return Cell(fixed(found.value, 2), note=span(found, 2))


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


def _drops(found: Mapping[str, Any]) -> list[Block]:
    rows = records(found, "drops")
    if not rows:
        return []
    columns = [text_column("playbook"), text_column("began"), number_column("beyond the cut-off")]
    columns += [number_column("elsewhere"), text_column("finding")]
    cells = [
        [
            Cell(clean(words(row, "kind"), 60)),
            Cell(clean(words(row, "began"), 10)),
            _figure(estimate(row, "beyond")),
            _figure(estimate(row, "other")),
            _drop(row),
        ]
        for row in rows
    ]
    marked = [place for place, row in enumerate(rows) if at(row, "found") is True]
    notes = [Prose(clean(words(row, "obstacle"), 400), "note") for row in rows if words(row, "obstacle")]
    return [Table("Churn since a playbook began", columns, cells, DROPS_HOW, marked), *notes]


def _drop(row: Mapping[str, Any]) -> Cell:
    if words(row, "obstacle"):
        return Cell("cannot be told")
    return Cell("churn fell beyond the cut-off only" if at(row, "found") is True else "no such fall")


def _coins(found: Mapping[str, Any]) -> list[Block]:
    title = "What the coins say"
    effects = records(found, "randomised", "effects")
    if not effects:
        return [
            Prose(clean(words(found, "randomised", "sentence"), 400) or "No coin decided.", "note", lead=f"{title}.")
        ]
    rows = [line for effect in effects for line in _lines(effect)]
    known = [estimate(effect, "risk_difference") for _, _, effect in rows]
    limits = _limits(known, 0.0)
    columns = [text_column("playbook"), text_column("band"), number_column("held out"), number_column("treated")]
    columns += [number_column("difference, points"), text_column("90 % interval"), text_column("finding")]
    cells = [
        [*start, *_effect(effect, gap, limits), _told(row)]
        for (start, row, effect), gap in zip(rows, known, strict=True)
    ]
    return [Table(title, columns, cells, COINS_HOW)]


def _lines(effect: Mapping[str, Any]) -> list[tuple[list[Cell], Mapping[str, Any], Any]]:
    """The whole playbook, then its bands: first cells, entry, effect (None where a band has too few)."""
    kind = Cell(clean(words(effect, "kind"), 60))
    lines: list[tuple[list[Cell], Mapping[str, Any], Any]] = [([kind, Cell("all"), *_arms(effect)], effect, effect)]
    for row in records(effect, "bands"):
        band = clean(words(row, "band"), 30)
        start = [Cell(), Cell(band, look=f"band {band_look(band)}"), *_arms(row)]
        lines.append((start, row, at(row, "effect")))
    return lines


def _arms(row: Mapping[str, Any]) -> list[Cell]:
    """Churned of all accounts per arm, with its rate where an effect was computed."""
    effect, cells = row.get("effect", row), []
    for arm in ("held", "treated"):
        rate = estimate(effect, arm).value
        counts = f"{whole(number(row, f'{arm}_events'))} of {whole(number(row, f'{arm}_accounts'))}"
        cells.append(Cell(counts, note="" if rate is None else percent(rate)))
    return cells


def _effect(effect: Any, gap: Estimate, limits: tuple[float, float]) -> list[Cell]:
    if gap.value is None:
        return [Cell("n/a"), Cell()]
    reach = interval(effect, "risk_difference", "ci90")
    scaled = None if reach is None else (100 * reach[0], 100 * reach[1])
    bar = interval_bar(gap.value, gap.bounds, limits, "cand", 0.0)
    return [Cell(signed(100 * gap.value, 1)), Cell(svg=bar, note=span(scaled, 1))]


def _told(row: Mapping[str, Any]) -> Cell:
    more = number(row, "more_accounts")
    if more is not None:
        return Cell(f"about {whole(more)} more randomised accounts")
    established = at(row.get("effect", row), "established")
    return Cell("it saves accounts" if established is True else "not shown to save accounts")
