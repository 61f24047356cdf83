"""The executive report: retention, health, risk, and whether past flags were right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from churnbench.health.book import Book
from churnbench.health.past_flags import PastFlags, band_changes_per_year, detection, matured, past_flags
from churnbench.health.result import Absent, Chart, Column, Facts, Number, Part, Report, Section, Table, scalar
from churnbench.health.retention import QUARTER_DAYS, Retention, arr_moves, longest_period, retention
from churnbench.health.risk import LOSS_HOW, at_risk_share, band_rows, expected_loss
from churnbench.health.statistics import bounds, mean_of

_QUARTERS = 8


def executive_report(book: Book) -> Report:
    """The figures of a board page."""
    days = longest_period(book)
    kept = retention(book, book.as_of - pd.Timedelta(days=days)) if days else None
    rows = matured(book)
    flags = past_flags(book, rows)
    sections = [
        _retention_section(book, kept),
        _health_section(book),
        _flags_section(book, rows, flags),
        _detection_section(book),
        _targets_section(book, flags),
    ]
    return Report(
        kind="executive",
        subject=book.subject or "whole book",
        headline=_headline(book, kept),
        reason=_reason(book),
        facts=_facts(book, kept),
        sections=sections,
        about=book.about(),
        caveats=[*_seen(book), *book.notes[:3]],
    )


def _headline(book: Book, kept: Retention | None) -> str:
    if kept is None or kept.logo.value is None:
        return f"{len(book.current)} active accounts; too little history for retention."
    text = f"{kept.logo.value:.1%} of accounts stayed since {kept.start:%Y-%m-%d}"
    if kept.net.value is not None:
        text += f"; net revenue retention {kept.net.value:.1%}"
    return text + "."


def _reason(book: Book) -> str:
    current = book.current
    share = float(book.at_risk(current).mean()) if len(current) else 0.0
    return f"{share:.1%} of {len(current)} active accounts are {book.at_risk_words} on {book.as_of:%Y-%m-%d}."


def _facts(book: Book, kept: Retention | None) -> list[Number]:
    current = book.current
    score = mean_of(current["health_score"])
    at_risk = at_risk_share(book)
    loss = expected_loss(current)
    facts = _kept_numbers(kept) if kept else []
    return [
        *facts,
        Number(
            "score", "Average health", score.value, "points", "Mean over active accounts, t interval.", bounds(score)
        ),
        Number("at_risk", f"ARR in {book.at_risk_words}", at_risk, "share", "Of the ARR of active accounts."),
        Number("loss", f"Expected loss, {book.window.horizon_days} days", loss.value, "money", LOSS_HOW, bounds(loss)),
    ]


def _kept_numbers(kept: Retention) -> list[Number]:
    span = f"{kept.accounts} accounts active on {kept.start:%Y-%m-%d}, until {kept.end:%Y-%m-%d}"
    unknown = f"; {kept.unknown} without a later reading or a recorded churn are left out" if kept.unknown else ""
    resampled = "Interval: accounts resampled."
    return [
        Number(
            "grr",
            "Gross revenue retention",
            kept.gross.value,
            "share",
            f"ARR kept, rises not counted, over ARR at the start: {span}{unknown}. {resampled}",
            bounds(kept.gross),
        ),
        Number(
            "nrr",
            "Net revenue retention",
            kept.net.value,
            "share",
            f"ARR now over ARR at the start: {span}{unknown}. {resampled}",
            bounds(kept.net),
        ),
        Number(
            "logo",
            "Logo retention",
            kept.logo.value,
            "share",
            f"{span}{unknown}; any churn counts, involuntary too. Clopper-Pearson.",
            bounds(kept.logo),
        ),
        Number(
            "expanded",
            "Expansion rate",
            kept.expanded.value,
            "share",
            f"Of the accounts that stayed: {kept.expanded_by}.",
            bounds(kept.expanded),
        ),
    ]


def _retention_section(book: Book, kept: Retention | None) -> Section:
    if kept is None:
        absent = Absent("retention", "Retention", "the history is shorter than a quarter", "Give older snapshots.")
        return Section("retention", "Retention", "Not known.", [absent])
    parts: list[Part] = [Facts("kept", f"From {kept.start:%Y-%m-%d} to {kept.end:%Y-%m-%d}", _kept_numbers(kept))]
    if kept.gross.value is None:
        parts.append(
            Absent(
                "revenue",
                "Revenue retention",
                "fewer than 10 accounts have ARR at both ends",
                "Give arr in the snapshots.",
            )
        )
    elif not arr_moves(book):
        parts.append(
            Absent(
                "revenue",
                "Trust in revenue retention",
                "no account's ARR ever changes: it is probably today's value, so contraction and expansion do not show",
                "Give arr per snapshot, as known on each date.",
            )
        )
    rows = _quarters(book)
    columns = [
        Column("until", "Quarter until", "date"),
        Column("accounts", "Accounts at its start", "count"),
        Column("left", "Left", "count"),
        Column("logo", "Logo retention", "share"),
        Column("net", "Net revenue retention", "share"),
        Column("score", "Average health at its end", "points"),
    ]
    parts.append(
        Table(
            "quarters",
            "By quarter",
            columns,
            rows,
            "Each quarter from the readings nearest to its ends.",
            empty="no whole quarter",
        )
    )
    return Section("retention", "Retention", f"{kept.left} of {kept.accounts} accounts left.", parts)


def _quarters(book: Book) -> list[dict[str, Any]]:
    found = []
    first = book.history["as_of"].min()
    for place in range(_QUARTERS):
        end = book.as_of - pd.Timedelta(days=QUARTER_DAYS * place)
        start = end - pd.Timedelta(days=QUARTER_DAYS)
        if start < first - pd.Timedelta(days=31):
            break
        kept = retention(book, start, None if place == 0 else end)
        if kept is None or kept.start >= kept.end:
            continue
        score = mean_of((book.current if place == 0 else book.near(end, 31))["health_score"])
        found.append(
            {
                "until": scalar(kept.end),
                "accounts": kept.accounts,
                "left": kept.left,
                "logo": kept.logo.value,
                "logo_ci90": bounds(kept.logo),
                "net": kept.net.value,
                "net_ci90": bounds(kept.net),
                "score": score.value,
                "score_ci90": bounds(score),
            }
        )
    return found


def _health_section(book: Book) -> Section:
    dates = book.history.groupby("as_of")["health_score"]
    points = []
    for day, scores in list(dates)[-36:]:
        found = mean_of(scores)
        if found.value is not None:
            points.append([scalar(day), found.value, found.low, found.high])
    rows = band_rows(book, book.current)
    parts: list[Part] = [
        Chart("bands", "Accounts and ARR by band", "bands", {"rows": rows}, "Newest reading of every active account."),
    ]
    if len(points) > 1:
        data = {"series": [["average health", points]]}
        parts.append(
            Chart(
                "health",
                "Average health over time",
                "trend",
                data,
                "Mean over the accounts active on each date, 90 % t interval.",
            )
        )
    share = at_risk_share(book)
    finding = "ARR is unknown." if share is None else f"{share:.1%} of ARR is {book.at_risk_words}."
    return Section("health", "Health and ARR at risk", finding, parts)


def _flags_section(book: Book, rows: pd.DataFrame, flags: PastFlags | None) -> Section:
    if flags is None:
        absent = Absent(
            "flags",
            "Accuracy of past flags",
            f"no outcome window has matured: it takes {book.window.label_days} days after a reading",
            "Give older snapshots, or wait.",
        )
        return Section("flags", "Were past flags right?", "Not known yet.", [absent])
    columns = [
        Column("which", "Readings"),
        Column("readings", "Count", "count"),
        Column("churned", "Churned accounts", "count"),
    ]
    columns += [
        Column("precision", "Flagged: churned after", "share"),
        Column("others", "Not flagged: churned after", "share"),
    ]
    columns += [Column("recall", "Churned: flagged before", "share"), Column("flagged", "Share flagged", "share")]
    found = [_flag_row("all matured", flags)]
    if book.learned_until is not None:
        later = rows[rows["as_of"] > book.learned_until]
        fresh = past_flags(book, later)
        if fresh is not None:
            found.append(_flag_row(f"after {book.learned_until:%Y-%m-%d}, unknown to the config", fresh))
    window = book.window
    how = (
        f"A flag is a reading in {book.at_risk_words}; churned after: voluntary churn {window.gap_days} to "
        f"{window.gap_days + window.horizon_days} days later. Rates: Korn-Graubard, accounts as clusters. Churned: "
        "flagged before: accounts flagged at least once inside the window; Clopper-Pearson."
    )
    value = flags.precision.value
    finding = (
        "Nothing was flagged."
        if value is None
        else f"{value:.1%} of flagged readings were followed by churn, {flags.base_rate:.1%} of all."
    )
    return Section(
        "flags", "Were past flags right?", finding, [Table("flags", "Flags against what followed", columns, found, how)]
    )


def _flag_row(which: str, flags: PastFlags) -> dict[str, Any]:
    row: dict[str, Any] = {
        "which": which,
        "readings": flags.readings,
        "churned": flags.churned,
        "flagged": flags.flagged,
    }
    for name in ("precision", "others", "recall"):
        row[name] = getattr(flags, name).value
        row[f"{name}_ci90"] = bounds(getattr(flags, name))
    return row


def _detection_section(book: Book) -> Section:
    found = detection(book)
    if found.quartiles is None:
        why = (
            "no churned account had two readings in a row in a band at risk"
            if found.churned
            else "no churned account has two readings in the year before"
        )
        return Section(
            "detection",
            "Time to detection",
            "Not known.",
            [Absent("detection", "Time to detection", why, "More history.")],
        )
    low, middle, high = found.quartiles
    how = (
        f"Days from the first of two readings in a row in {book.at_risk_words}, within 360 days before, to the churn; "
        f"{found.churned} churned accounts with two readings or more."
    )
    numbers = [
        Number("warned", "Warned at all", found.warned / found.churned, "share", how),
        Number("lead", "Median lead time", middle, "days", how, note=f"quartiles {low:.0f} to {high:.0f} days"),
        Number("a_month", "Warned 30 days ahead", found.a_month.value, "share", how, bounds(found.a_month)),
    ]
    text = (
        f"{found.warned} of {found.churned} churned accounts had been flagged, in the median {middle:.0f} days before."
    )
    return Section(
        "detection", "Time to detection", text, [Facts("detection", "Lead time of sustained flags", numbers)]
    )


def _targets_section(book: Book, flags: PastFlags | None) -> Section:
    """Targets that the field quotes, the caveat of each, and a better measure."""
    rows = []
    if flags is not None:
        base = flags.base_rate
        rows = [
            {
                "target": "Accuracy above 85 %",
                "here": f"{flags.accuracy:.1%}",
                "caveat": f"Flagging nobody reaches {flags.flag_nobody:.1%}.",
                "better": "churn among the flagged, and how many can be called",
            },
            {
                "target": "False positives below 15 %, 70 % caught",
                "here": f"{flags.false_alarms:.1%} of readings without churn were flagged",
                "caveat": f"At your base rate of {base:.1%} it means that {_precision(base):.0%} of the flagged leave.",
                "better": "precision at capacity (review)",
            },
            {
                "target": "Indicator correlation above .6",
                "here": "",
                "caveat": f"At this base rate no score can exceed {_highest_correlation(base):.2f}.",
                "better": "AUC by lead time (insights)",
            },
        ]
    changes = band_changes_per_year(book)
    if changes is not None:
        rows.append(
            {
                "target": "Score variance below 5 % a week",
                "here": "",
                "caveat": "A score that never moves meets it.",
                "better": f"band changes per account and year: {changes:.1f}",
            }
        )
    rows.append(
        {
            "target": "Detection within 14 days",
            "here": "",
            "caveat": "Of what, and how long before the churn?",
            "better": "lead time, above",
        }
    )
    columns = [
        Column("target", "Target often quoted"),
        Column("here", "Here"),
        Column("caveat", "Caveat"),
        Column("better", "Better measure"),
    ]
    return Section(
        "targets",
        "Targets with a caveat",
        "Some usual targets say little at real churn rates.",
        [Table("targets", "Targets", columns, rows, "Same readings as above.")],
    )


def _precision(base: float, caught: float = 0.7, false: float = 0.15) -> float:
    """Share of flagged accounts that leave when `caught` of churners and `false` of the others are flagged.

    >>> round(_precision(0.08), 2)
    0.29
    """
    return caught * base / (caught * base + false * (1 - base)) if base > 0 else 0.0


def _highest_correlation(base: float) -> float:
    """Largest point-biserial correlation of a normal score with an outcome of this base rate.

    >>> round(_highest_correlation(0.08), 2), round(_highest_correlation(0.026), 2)
    (0.55, 0.38)
    """
    if not 0 < base < 1:
        return 0.0
    return float(stats.norm.pdf(stats.norm.isf(base)) / np.sqrt(base * (1 - base)))


def _seen(book: Book) -> list[str]:
    if book.learned_until is None:
        return []
    return [f"The config learned from outcomes until {book.learned_until:%Y-%m-%d}; flags before then flatter it."]
