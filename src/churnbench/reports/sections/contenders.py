"""Who ranks churn better, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from churnbench.reports.lens import INCUMBENT, Lens
from churnbench.reports.reading import Estimate, at, estimate, number, records, words
from churnbench.reports.wording import clean, fixed, percent, signed, span, whole

#: Measures of the contract beyond AUC and log loss: key, heading, decimals.
FURTHER = (
    ("brier", "Brier", 4),
    ("average_precision", "average precision", 3),
    ("lift_at_10pct", "lift at 10 %", 2),
    ("calibration_slope", "calibration slope", 2),
    ("observed_over_expected", "observed / expected", 2),
)
#: What stands behind them: path below `further`, heading, decimals.
PARTS = (
    (("brier_parts", "miscalibration"), "Brier: miscalibration", 5),
    (("brier_parts", "discrimination"), "Brier: discrimination", 5),
    (("ece",), "calibration error", 4),
    (("ece_null",), "by chance alone", 4),
    (("net_benefit", "value"), "net benefit", 4),
    (("arr_caught_share",), "churning ARR caught at capacity", 1),
    (("expected_profit",), "expected profit per account", 2),
)
PARTS_HOW = (
    "Brier score = miscalibration - discrimination + uncertainty of the base rate. Calibration error is to be read "
    "beside what chance alone would show. Net benefit: churners reached minus false alarms, weighed at twice the odds "
    "of the base rate. Expected profit needs contact_cost and save_rate."
)
HOW = (
    "AUC: chance that a churned account is ranked riskier than one that stayed; 0.5 is a "
    "coin. Log loss: mean "
    "surprise of the probabilities; lower is better. Every contender is recalibrated on the "
    "same training rows. "
    "Intervals: 90 %, bootstrap of accounts with all their rows."
)


def contenders_section(lens: Lens) -> Section:
    """Table of contenders on the holdout and on earlier folds, difference, gate."""
    blocks: list[Block] = []
    for key, title in (("holdout", _holdout_title(lens)), ("walk_forward", "Earlier folds, walked forward")):
        rows = [(name, entry) for name, entry in lens.contenders() if isinstance(entry.get(key), Mapping)]
        blocks.append(_table(lens, rows, key, title) if rows else Missing(title, lens.why_absent))
    blocks += _further(lens)
    blocks += _gate(lens)
    return Section("contenders", "Contenders", _finding(lens), blocks, short="Contenders")


def _holdout_title(lens: Lens) -> str:
    if words(lens.evidence, "claim_level") == "cross-sectional":
        return "Out-of-fold predictions of every row"
    return "Holdout: the last period, never used before"


def _finding(lens: Lens) -> str:
    old = estimate(lens.evidence, "contenders", INCUMBENT, "holdout", "auc")
    new = estimate(lens.evidence, "contenders", lens.candidate, "holdout", "auc")
    if old.value is None or new.value is None:
        return "Not available."
    return f"Candidate AUC {fixed(new.value)} ({span(new)}), today {fixed(old.value)} ({span(old)})."


def _table(lens: Lens, rows: list[tuple[str, Mapping[str, Any]]], key: str, title: str) -> Table:
    known = [estimate(entry, key, "auc") for _, entry in rows]
    limits = padded([v for one in known for v in (one.value, one.low, one.high) if v is not None])
    today = estimate(lens.evidence, "contenders", INCUMBENT, key, "auc").value
    cells = []
    for name, entry in rows:
        auc, loss = estimate(entry, key, "auc"), estimate(entry, key, "log_loss")
        bar = interval_bar(auc.value, auc.bounds, limits, lens.role(name), today)
        line = [
            Cell(lens.label(name), note=clean(words(entry, "kind"), 20), look=f"key {lens.role(name)}"),
            Cell(fixed(auc.value)),
            Cell(svg=bar, note=span(auc)),
            Cell(fixed(loss.value)),
            Cell(span(loss)),
        ]
        cells.append(line + ([_caught(entry)] if key == "holdout" else []))
    columns = [
        text_column("contender"),
        number_column("AUC"),
        text_column("90 % interval; the line is today"),
        number_column("log loss"),
        number_column("90 % interval"),
    ]
    columns += [number_column("churners caught in the calls a team can make")] if key == "holdout" else []
    marked = [index for index, (name, _) in enumerate(rows) if name == lens.candidate]
    return Table(title, columns, cells, HOW, marked)


def _caught(entry: Mapping[str, Any]) -> Cell:
    caught, of = number(entry, "at_capacity", "caught"), number(entry, "at_capacity", "of")
    k = number(entry, "at_capacity", "k")
    if caught is None or of is None:
        return Cell("n/a")
    return Cell(f"{whole(caught)} of {whole(of)}", note="" if k is None else f"at {whole(k)} a snapshot")


def _further(lens: Lens) -> list[Block]:
    """All other measures behind one click."""
    rows = [(name, entry) for name, entry in lens.contenders() if isinstance(entry.get("holdout"), Mapping)]
    if not rows:
        return []
    columns = [text_column("contender"), *(number_column(title) for _, title, _ in FURTHER)]
    columns += [number_column("AUC on accounts never seen"), number_column("fit, s")]
    cells = []
    for name, entry in rows:
        line = [Cell(lens.label(name), look=f"key {lens.role(name)}")]
        for key, _, decimals in FURTHER:
            found = estimate(entry, "holdout", key)
            line.append(Cell(fixed(found.value, decimals), note=span(found, decimals)))
        unseen = estimate(entry, "unseen_accounts", "auc")
        line.append(Cell(fixed(unseen.value), note=_behind(entry)))
        line.append(Cell(fixed(number(entry, "fit_seconds"), 2)))
        cells.append(line)
    how = (
        "Calibration slope 1 and observed / expected 1 mean honest probabilities. Lift: churn "
        "rate among the riskiest tenth over the base rate."
    )
    tables: list[Block] = [Table("On the holdout", columns, cells, how)]
    more = [(name, entry) for name, entry in rows if isinstance(entry.get("further"), Mapping)]
    if more:
        tables.append(_parts(lens, more))
    return [Fold("All other measures, and accounts never seen in training", tables)]


def _parts(lens: Lens, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    """Where the Brier score comes from, calibration error beside chance, and what a decision gains."""
    columns = [text_column("contender"), *(number_column(title) for _, title, _ in PARTS)]
    cells = []
    for name, entry in rows:
        line = [Cell(lens.label(name), look=f"key {lens.role(name)}")]
        for path, _, decimals in PARTS:
            found = number(entry, "further", *path)
            line.append(Cell(percent(found) if path == ("arr_caught_share",) else fixed(found, decimals)))
        cells.append(line)
    return Table("Behind the figures", columns, cells, PARTS_HOW)


def _behind(entry: Mapping[str, Any]) -> str:
    accounts, events = (
        number(entry, "unseen_accounts", "accounts"),
        number(entry, "unseen_accounts", "events"),
    )
    return "" if accounts is None else f"{whole(accounts)} accounts, {whole(events)} churned"


def _gate(lens: Lens) -> list[Block]:
    delta = estimate(lens.evidence, "delta_log_loss")
    blocks: list[Block] = []
    if delta.value is None:
        blocks.append(Missing("Difference in log loss", lens.why_absent))
    else:
        blocks.append(Prose(_delta_sentence(lens, delta), lead="Difference."))
    guards = records(lens.evidence, "gate", "guards")
    if guards:
        rows = [
            [Cell(clean(words(g, "id"), 60)), Cell(_state(at(g, "ok"))), Cell(clean(words(g, "detail"), 400))]
            for g in guards
        ]
        columns = [text_column("guard"), text_column("state"), text_column("figures")]
        blocks.append(Table("Guards that a promotion must not break", columns, rows))
    return blocks


def _state(ok: object) -> str:
    return "n/a" if ok is None else ("holds" if ok else "broken")


def _delta_sentence(lens: Lens, delta: Estimate) -> str:
    margin, null = number(lens.evidence, "gate", "margin"), number(lens.evidence, "gate", "null_log_loss")
    events = number(lens.evidence, "gate", "holdout_events")
    text = f"Today's log loss minus the candidate's is {signed(delta.value, 4)}"
    text += f" (90 % interval {span(delta, 4)}); positive is better." if delta.bounds else "."
    if margin is not None:
        text += f" At least {fixed(margin, 4)} is needed"
        text += f", 1 % of the {fixed(null, 3)} that predicting the base rate alone would cost." if null else "."
    if events is not None:
        text += f" The holdout holds {whole(events)} churned accounts."
    if number(lens.evidence, "contenders", lens.candidate, "holdout", "brier", "value") is None:
        return text
    return text + f" Base rate {percent(number(lens.evidence, 'data', 'base_rate'))}."
