"""What objects of the facade show in a notebook. Every figure is read from the object, none is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from churnbench.domain.rich_display import Cell, Column, Range, facts, panel, table
from churnbench.reports.reading import estimate, interval, number, records, texts, words
from churnbench.reports.wording import fixed, percent, span, whole

_NAMES = Column("", numeric=False)
#: What every table of contenders begins with; the empty heading stands over the drawn interval.
_MEASURED = (_NAMES, Column("AUC"), Column("90 % interval"), Column("", numeric=False), Column("log loss"))


def config_panel(document: Mapping[str, Any]) -> str:
    """A weight config: which one, its bands, its weights.

    Args:
        document: a config document; parts that it lacks are left out.
    """
    body = document.get("body") or {}
    shares = {name: points / 100 for name, points in (body.get("segments") or {}).get("default", [])}
    weights: list[tuple[str, float | None, str]] = []
    for part in body.get("dimensions", []):
        share = shares.get(part["id"])
        inside = sorted(part["weights"], key=lambda pair: -pair[1])
        metrics = ", ".join(f"{name} {fixed(points / 100, 0)}" for name, points in inside)
        weights.append((part["id"], share, metrics))
    bands = ", ".join(f"{name} from {fixed(start / 100, 0)}" for name, start in body.get("bands", []))
    lifecycle, provenance = document.get("lifecycle") or {}, document.get("provenance") or {}
    about = facts(
        [
            ("bands", bands or None),
            ("profiles by segment", whole(len((body.get("segments") or {}).get("by", []))) if body else None),
            ("verdict of its review", words(provenance, "verdict") or None),
            ("review by", words(lifecycle, "review_by") or None),
            ("body_sha256", words(document, "integrity", "body_sha256")[:16] or None),
        ]
    )
    top = max((share for _, share, _ in weights if share is not None), default=0.0)
    rows: list[list[Cell]] = [
        [name, fixed(share, 1), None if share is None else Range(0, share, share, 0, top), metrics]
        for name, share, metrics in weights
    ]
    columns = [_NAMES, Column("weight, %"), Column("", numeric=False), Column("inside it, %", numeric=False)]
    title = f"Weight config {words(document, 'config_id')} {words(document, 'config_version')}"
    return panel(title, "", [about, table(columns, rows, "Weights: per cent of the health score.")])


def review_panel(evidence: Mapping[str, Any]) -> str:
    """A review: verdict, contenders on the holdout, weights, bands; the figures are those of the evidence."""
    data, gate = evidence.get("data"), evidence.get("gate")
    title = f"{words(evidence, 'project', 'name')}: {words(evidence, 'verdict').replace('-', ' ')}"
    sentence = f"{words(evidence, 'verdict_sentence')} {words(evidence, 'verdict_reason')}".strip()
    parts = [
        facts(
            [
                ("claim level", words(evidence, "claim_level") or None),
                ("labelled data", _size(data)),
                ("churned accounts in the holdout", whole(number(gate, "holdout_events"))),
            ]
        ),
        _contenders(evidence),
        _weights(evidence),
        _bands(evidence),
    ]
    return panel(title, sentence, [part for part in parts if part], texts(evidence, "warnings"))


def _size(data: Any) -> str:
    accounts, rows, events = (whole(number(data, key)) for key in ("accounts", "rows", "events"))
    return f"{accounts} accounts, {rows} rows, {events} churned accounts"


def _contenders(evidence: Mapping[str, Any]) -> str:
    found = {name: entry for name, entry in (evidence.get("contenders") or {}).items() if entry.get("holdout")}
    auc = {name: estimate(entry, "holdout", "auc") for name, entry in found.items()}
    ends = [end for one in auc.values() for end in (one.low, one.high) if end is not None]
    start, end = (min(ends), max(ends)) if ends else (0.0, 0.0)
    rows: list[list[Cell]] = []
    for name, entry in found.items():
        one, capacity = auc[name], entry.get("at_capacity")
        drawn = None if one.low is None or one.high is None else Range(one.low, one.high, one.value, start, end)
        caught, among = number(capacity, "caught"), number(capacity, "of")
        rows.append(
            [
                words(entry, "label"),
                fixed(one.value),
                span(one),
                drawn,
                fixed(number(entry, "holdout", "log_loss", "value"), 4),
                None if caught is None else f"{fixed(caught, 0)} of {whole(among)}",
            ]
        )
    k = next((number(entry, "at_capacity", "k") for entry in found.values()), None)
    columns = [*_MEASURED, Column("caught" if k is None else f"caught, {whole(k)} calls")]
    return table(columns, rows, "Contenders on the holdout, which none of them saw.") if rows else ""


def _weights(evidence: Mapping[str, Any]) -> str:
    lines = records(evidence, "weights", "dimensions")
    top = max(
        (v for line in lines for v in (number(line, "hand"), *(interval(line, "ci90") or ())) if v is not None),
        default=0.0,
    )
    rows: list[list[Cell]] = []
    for line in lines:
        bounds, new, old = interval(line, "ci90"), number(line, "candidate"), number(line, "hand")
        drawn = None if bounds is None else Range(*bounds, new, 0, top, old)
        rows.append([words(line, "label"), fixed(old, 1), fixed(new, 1), span(bounds, 1), drawn])
    columns = [_NAMES, Column("today, %"), Column("candidate, %"), Column("90 % interval"), Column("", numeric=False)]
    return table(columns, rows, "Weights of the dimensions; hollow: today.") if rows else ""


def _bands(evidence: Mapping[str, Any]) -> str:
    rows: list[list[Cell]] = []
    for place, line in enumerate(records(evidence, "thresholds")):
        seen = estimate(line, "observed")
        promise, was = number(line, "promise"), number(line, "was")
        lower = fixed(number(line, "from"), 0)
        rows.append(
            [
                words(line, "band"),
                lower if was is None else f"{lower} (was {fixed(was, 0)})",
                None if promise is None else f"at {'most' if place else 'least'} {percent(promise)}",
                None if seen.value is None else percent(seen.value),
                span(seen, 1, share=True),
                whole(number(line, "observed", "accounts")),
            ]
        )
    columns = [
        _NAMES,
        Column("from"),
        Column("promised churn"),
        Column("holdout"),
        Column("90 % interval"),
        Column("accounts"),
    ]
    return table(columns, rows, "Bands of the candidate.") if rows else ""


def backtest_panel(folds: pd.DataFrame, summary: pd.DataFrame | None, seed: int, *, opened: bool) -> str:
    """A backtest without a word about its holdout.

    Args:
        folds: fold, role, train_rows, test_rows.
        summary: contender, auc, auc_low, auc_high, log_loss, lift_at_10pct; None when no fold lies before the holdout.
        seed: seed of everything random.
        opened: whether the holdout has been opened since.
    """
    lines: list[list[Cell]] = [
        [str(name), str(role), whole(int(learned)), whole(int(tested))]
        for name, role, learned, tested in zip(
            folds["fold"], folds["role"], folds["train_rows"], folds["test_rows"], strict=True
        )
    ]
    columns = [Column("fold", numeric=False), Column("role", numeric=False), Column("learned from"), Column("tested")]
    parts = [table(columns, lines, "Rows of each fold.")]
    if summary is None:
        sentence = "No fold lies before the holdout, so there is nothing to show without opening it."
    else:
        sentence = f"The holdout is {'open by now' if opened else 'closed'}: these are the folds before it."
        parts.insert(0, _summary(summary))
    return panel(f"Backtest of {len(folds)} folds, seed {seed}", sentence, parts)


def _summary(summary: pd.DataFrame) -> str:
    start, end = float(summary["auc_low"].min()), float(summary["auc_high"].max())
    rows: list[list[Cell]] = []
    for label, line in summary.iterrows():
        low, high, value = (
            None if pd.isna(line[name]) else float(line[name]) for name in ("auc_low", "auc_high", "auc")
        )
        bounds = None if low is None or high is None else (low, high)
        drawn = None if bounds is None else Range(*bounds, value, start, end)
        figures = (fixed(float(line["log_loss"]), 4), fixed(float(line["lift_at_10pct"]), 1))
        rows.append([str(label), fixed(value), span(bounds), drawn, *figures])
    columns = [*_MEASURED, Column("lift, top tenth")]
    return table(columns, rows, "Walk-forward: every row is predicted by a fit that could not have known it.")


def project_panel(
    name: str, facts_of: Sequence[tuple[str, str | None]], formula: Sequence[tuple[str, str, float]]
) -> str:
    """A project and its hand formula.

    Args:
        name: as the project file has it.
        facts_of: names and values to show.
        formula: (dimension, metrics, weight in per cent).
    """
    rows: list[list[Cell]] = [[dimension, fixed(weight, 0), metrics] for dimension, metrics, weight in formula]
    columns = [_NAMES, Column("weight, %"), Column("metrics", numeric=False)]
    return panel(f"Project {name}", "", [facts(facts_of), table(columns, rows, "Today's formula.")])
