"""The portfolio report: the book of one CSM, one segment, or all of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from churnbench.health.book import Book
from churnbench.health.movement import drivers, movement, named_drivers
from churnbench.health.result import Absent, Chart, Column, Number, Part, Report, Section, Table, known, scalar
from churnbench.health.risk import LOSS_HOW, band_rows, expected_loss
from churnbench.health.statistics import bounds
from churnbench.history import reading_of_movement

LISTED = 20
RENEWAL_DAYS = 90
#: A dimension takes part in a decline when it falls by this many points in a month.
DIMENSION_FALL = 5.0
#: Accounts this close below a cut-off are the nearest goals, points.
NEAR = 3.0


def portfolio_report(book: Book) -> Report:
    """A book of accounts: bands, movers, renewals, capacity, patterns, goals."""
    moved = movement(book)
    fell = drivers(book, book.month_ago)
    sections = [
        _bands_section(book),
        _movers_section(book, moved, fell),
        _renewals_section(book, moved),
        _capacity_section(book, moved),
        _patterns_section(book, moved),
        _top_section(moved),
        _goals_section(book, moved),
    ]
    return Report(
        kind="portfolio",
        subject=book.subject or "whole book",
        headline=_headline(book, moved),
        reason=_reason(moved),
        facts=_facts(book, moved),
        sections=sections,
        about=book.about(),
        caveats=book.notes[:3],
    )


def _headline(book: Book, moved: pd.DataFrame) -> str:
    return f"{int(book.at_risk(moved).sum()):,} of {len(moved):,} accounts are {book.at_risk_words}."


def _reason(moved: pd.DataFrame) -> str:
    known_moves = moved[moved["moves"] != ""]
    if known_moves.empty:
        return "No reading a month earlier, so nothing is said about movement."
    down, up = (known_moves["moves"].str.startswith(word).sum() for word in ("declining", "improving"))
    return f"In the last month {down:,} declined and {up:,} improved; {len(known_moves) - down - up:,} were stable."


def _facts(book: Book, moved: pd.DataFrame) -> list[Number]:
    loss = expected_loss(moved)
    arr = known(moved["arr"].sum()) if moved["arr"].notna().any() else None
    at_risk = known(moved.loc[book.at_risk(moved), "arr"].sum()) if arr is not None else None
    return [
        Number("accounts", "Active accounts", len(moved), "count", "Newest reading at most 31 days old, not left."),
        Number("arr", "ARR", arr, "money", _arr_how(moved)),
        Number("at_risk_arr", f"ARR in {book.at_risk_words}", at_risk, "money", _arr_how(moved)),
        Number("loss", f"Expected loss, {book.window.horizon_days} days", loss.value, "money", LOSS_HOW, bounds(loss)),
        Number("score", "Average health score", known(moved["health_score"].mean()), "points", "Mean over accounts."),
    ]


def _arr_how(moved: pd.DataFrame) -> str:
    unknown = int(moved["arr"].isna().sum())
    return "Sum of what is known" + (f"; ARR of {unknown} accounts is unknown." if unknown else ".")


def _bands_section(book: Book) -> Section:
    rows = band_rows(book, book.current)
    columns = [
        Column("band", "Band", "band"),
        Column("accounts", "Accounts", "count"),
        Column("share", "Share", "share"),
        Column("arr", "ARR", "money"),
        Column("arr_share", "Share of ARR", "share"),
        Column("loss", "Expected loss of ARR", "money"),
    ]
    parts: list[Part] = [
        Chart("bands", "Accounts and ARR by band", "bands", {"rows": rows}, "Newest reading of every active account."),
        Table("bands", "By band", columns, rows, LOSS_HOW),
    ]
    return Section("bands", "Where the book stands", _band_sentence(rows), parts)


def _band_sentence(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['accounts']} {row['band']}" for row in rows if row["accounts"]) + "."


def account_columns(*extra: Column) -> list[Column]:
    """Columns that every list of accounts begins with."""
    return [
        Column("account_id", "Account"),
        Column("segment", "Segment"),
        Column("csm", "CSM"),
        Column("arr", "ARR", "money"),
        Column("score", "Score", "points"),
        Column("band", "Band", "band"),
        *extra,
    ]


def account_rows(rows: pd.DataFrame, most: int = LISTED) -> list[dict[str, Any]]:
    """The beginning of a list of accounts (index account_id, columns of `movement`)."""
    return [
        {
            "account_id": str(account),
            "segment": scalar(row["segment"]),
            "csm": scalar(row["csm"]),
            "arr": known(row["arr"]),
            "score": known(row["health_score"]),
            "band": str(row["band"]),
            "change": known(row["change_month"]),
            "moves": row["moves"],
            "probability": known(row["probability"]),
        }
        for account, row in zip(rows.index[:most], rows.head(most).to_dict("records"), strict=True)
    ]


def _movers_section(book: Book, moved: pd.DataFrame, fell: pd.DataFrame) -> Section:
    compared = moved[moved["moves"] != ""]
    if compared.empty:
        return Section("movers", "Who moves", "Not known.", [_no_past("Improving and declining accounts")])
    parts: list[Part] = []
    counts: dict[str, int] = {}
    for word, falling in (("declining", True), ("improving", False)):
        chosen = compared[compared["moves"].str.startswith(word)].sort_values("change_month", ascending=falling)
        counts[word] = len(chosen)
        shown = chosen.head(LISTED)
        why = named_drivers(book, fell.reindex(shown.index), falling=falling)
        rows = [{**row, "drivers": words} for row, words in zip(account_rows(shown), why, strict=True)]
        columns = account_columns(
            Column("change", "30 days", "change"), Column("moves", "Speed"), Column("drivers", "Driven by")
        )
        title = f"{word.capitalize()}: {len(chosen)} accounts" + (
            f", the first {LISTED}" if len(chosen) > LISTED else ""
        )
        how = (
            "Speed: change of the score over about 30 days per day; from 0.2 points a day on improving or declining, "
            "from 0.5 on fast. Drivers: change of the metrics' points in the score."
        )
        parts.append(Table(word, title, columns, rows, how, empty="no account"))
    stable = compared[compared["moves"] == "stable"].sort_values("arr", ascending=False)
    parts.append(
        Table(
            "stable",
            f"Stable: {len(stable)} accounts, the largest 10",
            account_columns(Column("change", "30 days", "change")),
            account_rows(stable, 10),
            "Less than 0.2 points a day either way.",
            empty="no account",
        )
    )
    parts.append(_speed_table(book, compared))
    return Section("movers", "Who moves", f"{counts['declining']} decline, {counts['improving']} improve.", parts)


def _speed_table(book: Book, compared: pd.DataFrame) -> Table:
    """Band against speed: what the pair says."""
    counted = compared.groupby(["band", "moves"]).agg(accounts=("arr", "size"), arr=("arr", "sum")).reset_index()
    rows = []
    for row in counted.to_dict("records"):
        reading = reading_of_movement(str(row["band"]), str(row["moves"]).replace(" ", "-"), book.document) or ""
        rows.append({**{str(name): scalar(value) for name, value in row.items()}, "reading": reading})
    columns = [Column("band", "Band", "band"), Column("moves", "Speed"), Column("accounts", "Accounts", "count")]
    columns += [Column("arr", "ARR", "money"), Column("reading", "Reading")]
    return Table(
        "speed", "Band and speed together", columns, rows, "Counts of active accounts with a reading a month ago."
    )


def _no_past(what: str) -> Absent:
    return Absent(
        what.lower().replace(" ", "_"), what, "there is no reading about 30 days earlier", "Give older snapshots."
    )


def _renewals_section(book: Book, moved: pd.DataFrame) -> Section:
    if moved["days_to_renewal"].isna().all():
        absent = Absent("renewals", "Renewals", "no renewal date is known", "Give renewal_on in snapshots or accounts.")
        return Section("renewals", "Renewals", "Not known.", [absent])
    soon = moved[moved["days_to_renewal"].between(0, RENEWAL_DAYS)]
    loss = expected_loss(soon)
    ranked = soon.assign(at_risk=soon["arr"] * soon["probability"]).sort_values(
        ["at_risk", "days_to_renewal"], ascending=[False, True]
    )
    rows = [
        {**row, "days": known(days), "at_risk": known(risk)}
        for row, days, risk in zip(account_rows(ranked), ranked["days_to_renewal"], ranked["at_risk"], strict=False)
    ]
    columns = account_columns(
        Column("days", "Renews in", "days"),
        Column("probability", "Churn probability", "probability"),
        Column("at_risk", "ARR at risk", "money"),
    )
    steps = [(0, 30), (31, 60), (61, RENEWAL_DAYS)]
    clock = [_renewal_row(soon, low, high, book) for low, high in steps]
    named = [Column("window", "Renews in"), Column("accounts", "Accounts", "count"), Column("arr", "ARR", "money")]
    named += [Column("at_risk", f"of them {book.at_risk_words}", "count"), Column("loss", "Expected loss", "money")]
    arr = float(soon["arr"].sum())
    finding = f"{len(soon)} accounts renew within {RENEWAL_DAYS} days"
    finding += f" with ARR {arr:,.0f}; expected loss {loss.value:,.0f}." if loss.value is not None else "."
    parts = [
        Table("renewal_windows", "By window", named, clock, LOSS_HOW),
        Table(
            "renewals",
            f"Renewals within {RENEWAL_DAYS} days, largest ARR at risk first",
            columns,
            rows,
            "ARR x churn probability.",
            empty="none",
        ),
    ]
    return Section("renewals", "Renewals and ARR at risk", finding, parts)


def _renewal_row(soon: pd.DataFrame, low: int, high: int, book: Book) -> dict[str, Any]:
    inside = soon[soon["days_to_renewal"].between(low, high)]
    loss = expected_loss(inside)
    return {
        "window": f"{low}–{high} days",
        "accounts": len(inside),
        "arr": known(inside["arr"].sum()),
        "at_risk": int(book.at_risk(inside).sum()),
        "loss": loss.value,
        "loss_ci90": bounds(loss),
    }


def intensive(book: Book, moved: pd.DataFrame) -> pd.Series:
    """Whether an account needs intensive care: at risk, or declining fast outside the healthy bands."""
    fast = moved["moves"] == "declining fast"
    return book.at_risk(moved) | (fast & ~book.in_role(moved["band"], "green"))


def _capacity_section(book: Book, moved: pd.DataFrame) -> Section:
    needed = intensive(book, moved)
    capacity = book.settings.get("capacity")
    how = f"Intensive care: {book.at_risk_words}, or declining fast and not {book.healthy_words}."
    parts: list[Part] = []
    by_csm = moved.assign(needed=needed, csm=moved["csm"].where(moved["csm"].notna(), "(none)"))
    grouped = (
        by_csm.groupby("csm")
        .agg(accounts=("needed", "size"), needed=("needed", "sum"), arr=("arr", "sum"))
        .reset_index()
    )
    rows = [
        {
            "csm": str(row["csm"]),
            "accounts": row["accounts"],
            "needed": int(row["needed"]),
            "share": row["needed"] / row["accounts"],
            "arr": known(row["arr"]),
        }
        for row in grouped.sort_values(["needed", "csm"], ascending=[False, True]).to_dict("records")
    ]
    columns = [
        Column("csm", "CSM"),
        Column("accounts", "Accounts", "count"),
        Column("needed", "Need intensive care", "count"),
    ]
    columns += [Column("share", "Share", "share"), Column("arr", "ARR of all", "money")]
    parts.append(Table("capacity", "By CSM", columns, rows[:40], how))
    if capacity is None:
        parts.insert(0, Absent("capacity_limit", "Capacity", "nobody declared it", "Set capacity under [thresholds]."))
        return Section("capacity", "Capacity", f"{int(needed.sum())} accounts need intensive care.", parts)
    verdict = "within" if needed.sum() <= capacity else "above"
    finding = f"{int(needed.sum())} accounts need intensive care, {verdict} the capacity of {capacity:,.0f} a month"
    finding += " (declared for the whole team)." if book.subject else "."
    return Section("capacity", "Capacity", finding, parts)


def _patterns_section(book: Book, moved: pd.DataFrame) -> Section:
    falling = moved[moved["moves"].str.startswith("declining")]
    if falling.empty:
        return Section("patterns", "Common decline patterns", "No account declines.", [])
    names = list(book.dimensions)
    down = np.column_stack([falling[f"{name}_month"].to_numpy(dtype=float) <= -DIMENSION_FALL for name in names])
    labels = np.array([book.dimensions[name] for name in names], dtype=object)
    combos = [" + ".join(labels[row]) or "small falls everywhere" for row in down]
    arr = Counter[str]()
    for combo, value in zip(combos, falling["arr"].fillna(0.0), strict=True):
        arr[combo] += value
    rows = [
        {"pattern": combo, "accounts": count, "share": count / len(falling), "arr": arr[combo]}
        for combo, count in Counter(combos).most_common(10)
    ]
    columns = [Column("pattern", "Dimensions down together"), Column("accounts", "Accounts", "count")]
    columns += [Column("share", "Share of the declining", "share"), Column("arr", "ARR", "money")]
    how = f"Of {len(falling)} declining accounts: dimensions that fell by {DIMENSION_FALL:g} points or more in a month."
    return Section(
        "patterns",
        "Common decline patterns",
        f"Most common: {rows[0]['pattern']}.",
        [Table("patterns", "Patterns", columns, rows, how)],
    )


def _top_section(moved: pd.DataFrame) -> Section:
    largest = moved.sort_values("arr", ascending=False)
    columns = account_columns(
        Column("change", "30 days", "change"), Column("probability", "Churn probability", "probability")
    )
    parts: list[Part] = []
    if moved["arr"].isna().all():
        parts.append(Absent("largest", "Largest accounts", "no ARR is known", "Give arr in snapshots or accounts."))
    else:
        parts.append(
            Table("largest", "Largest accounts", columns, account_rows(largest, 10), "By ARR on the newest reading.")
        )
    best = moved.sort_values("health_score", ascending=False)
    parts.append(Table("healthiest", "Healthiest accounts", columns, account_rows(best, 10), "By health score."))
    return Section("top", "Top accounts", "Largest and healthiest.", parts)


def _goals_section(book: Book, moved: pd.DataFrame) -> Section:
    rows: list[dict[str, Any]] = []
    for (lower, _), (name, start) in zip(book.bands, book.bands[1:], strict=False):
        near = moved[(moved["band"] == lower) & (moved["health_score"] >= start - NEAR)]
        slipping = moved[
            (moved["band"] == name)
            & (moved["health_score"] < start + NEAR)
            & moved["moves"].str.startswith("declining")
        ]
        rows.append({"goal": f"Lift from {lower} to {name}", "accounts": len(near), "arr": known(near["arr"].sum())})
        rows.append({"goal": f"Hold in {name}", "accounts": len(slipping), "arr": known(slipping["arr"].sum())})
    columns = [
        Column("goal", "Goal for the next 30 days"),
        Column("accounts", "Accounts in reach", "count"),
        Column("arr", "Their ARR", "money"),
    ]
    how = f"Lift: at most {NEAR:g} points below a cut-off. Hold: at most {NEAR:g} points above it and declining."
    return Section("goals", "Goals", "What is nearest to a cut-off.", [Table("goals", "Goals", columns, rows, how)])
