"""The cohort report: retention curves and scores by signup period, behaviour, value, industry and channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.score_history import DIMENSION_SUFFIX
from churnbench.health.book import Book, started
from churnbench.health.result import Absent, Chart, Column, Note, Number, Part, Report, Section, Table
from churnbench.health.statistics import LEAST_ACCOUNTS, bounds, mean_of
from churnbench.health.survival import START, Curve, kaplan_meier, months

MOST_GROUPS = 6
AFTER_MONTHS = (6, 12, 24)


#: Thirds stand from low to high, not by the alphabet.
_THIRDS = {"low": 0, "middle": 1, "high": 2}


@dataclass(frozen=True)
class Split:
    """One way to form cohorts: `group` names each account's cohort (None: none), `clock` is `tenure` or `watched`."""

    id: str
    title: str
    group: pd.Series | None
    clock: str
    how: str
    why: str = ""
    fix: str = ""


def cohorts_report(book: Book) -> Report:
    """Who stays, by what they were when they came."""
    lives = lifetimes(book)
    sections = [_section(book, lives, split) for split in splits(book, lives)]
    overall = _curve(lives, "watched")
    stayed = overall.at(12.0)
    headline = "Too few accounts for retention curves."
    if stayed.value is not None:
        headline = f"{stayed.value:.1%} of accounts are kept 12 months after their first reading."
    elif len(lives) >= LEAST_ACCOUNTS:
        headline = f"{len(lives)} accounts, watched for less than 12 months."
    return Report(
        kind="cohorts",
        subject=book.subject or "whole book",
        headline=headline,
        reason=f"{int(lives['left'].sum())} of {len(lives)} accounts have left; small groups are not drawn.",
        facts=[Number("kept", "Kept after 12 months", stayed.value, "share", _HOW, bounds(stayed))],
        sections=sections,
        about=book.about(),
        caveats=[
            "Cohorts differ in more than their name: a gap between two curves is no effect of what names them.",
            *book.notes[:3],
        ],
    )


_HOW = (
    "Kaplan-Meier, 90 % log-log Greenwood limits; an account counts from its first reading until it leaves (any churn) "
    f"or the last date known. Curves end where fewer than {LEAST_ACCOUNTS} accounts are watched."
)


_LATE = (
    "Some cohorts started before the data do: their curves begin where ten accounts are watched and tell what was kept "
    "of those still there. They cannot be compared in height, and no share kept since the start is given."
)


def lifetimes(book: Book) -> pd.DataFrame:
    """One row per account, by id: columns of its first reading, `tenure_in`, `tenure_out`, `watched` (months), `left`.

    Tenure counts from started_on (NaN where unknown), watched from the first reading. The first stay counts.
    """
    first = book.history.drop_duplicates("account_id").set_index("account_id")
    gone = book.churns.sort_values("churn_at")
    seen_on = first["as_of"].reindex(gone["account_id"]).to_numpy()
    gone = gone[gone["churn_at"].to_numpy() > seen_on].drop_duplicates("account_id")
    left_on = gone.set_index("account_id")["churn_at"].reindex(first.index).astype("datetime64[ns]")
    end = left_on.fillna(max(book.known_until, book.as_of))
    begun = started(book, first.reset_index()).set_axis(first.index)
    return first.assign(
        started_on=begun,
        left=left_on.notna(),
        tenure_in=months((first["as_of"] - begun).dt.days.clip(lower=0)),
        tenure_out=months((end - begun).dt.days),
        watched=months((end - first["as_of"]).dt.days),
    )


def splits(book: Book, lives: pd.DataFrame) -> list[Split]:
    """The ways to form cohorts; those that the data do not allow say why."""
    fix = "Add the column to the accounts table."
    found = [_by_signup(lives), _by_behaviour(book, lives), _by_value(lives)]
    for name, title in (("industry", "Industry"), ("channel", "Acquisition channel")):
        values = _attribute(book, lives, name)
        found.append(
            Split(
                name,
                title,
                values,
                "watched",
                f"{title} of today, from the accounts table.",
                f"the accounts have no {name}",
                fix,
            )
        )
    return found


def _by_signup(lives: pd.DataFrame) -> Split:
    known = lives["started_on"].notna()
    quarters = lives["started_on"].dt.to_period("Q").nunique()
    fine = quarters <= MOST_GROUPS
    period = lives["started_on"].dt.to_period("Q" if fine else "Y").astype(str)
    values = period.where(known) if known.any() else None
    how = "By the date the account started; months since then, accounts enter the curve when first read (late entry)."
    return Split(
        "signup", "Signup period", values, "tenure", how, "no account has started_on", "Give started_on in accounts."
    )


def _by_behaviour(book: Book, lives: pd.DataFrame) -> Split:
    name, label = next(iter(book.dimensions.items()))
    values = _thirds(lives[f"{name}{DIMENSION_SUFFIX}"], label)
    how = f"Thirds of the {label} score at the first reading."
    return Split(
        "behaviour",
        f"Behaviour: {label} at the first reading",
        values,
        "watched",
        how,
        "too few first scores",
        "Give older snapshots.",
    )


def _by_value(lives: pd.DataFrame) -> Split:
    return Split(
        "value",
        "Value: ARR tier",
        _thirds(lives["arr"], "ARR"),
        "watched",
        "Thirds of ARR at the first reading.",
        "too few accounts have ARR",
        "Give arr.",
    )


def _thirds(values: pd.Series, label: str) -> pd.Series | None:
    """Thirds of a column by value; None below three groups of ten."""
    known = values.dropna()
    if len(known) < 3 * LEAST_ACCOUNTS:
        return None
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    if low == high:
        return None
    names = np.where(values <= low, f"{label} low", np.where(values <= high, f"{label} middle", f"{label} high"))
    return pd.Series(names, index=values.index, dtype=object).where(values.notna(), None)


def _attribute(book: Book, lives: pd.DataFrame, name: str) -> pd.Series | None:
    if book.accounts is None or name not in book.accounts:
        return None
    values = pd.Series(book.accounts[name].to_numpy(dtype=object), index=book.accounts["account_id"]).reindex(
        lives.index
    )
    return values if values.notna().any() else None


def _curve(rows: pd.DataFrame, clock: str) -> Curve:
    if clock == "tenure":
        return kaplan_meier(rows["tenure_in"], rows["tenure_out"], rows["left"])
    return kaplan_meier(np.zeros(len(rows)), rows["watched"], rows["left"])


def _section(book: Book, lives: pd.DataFrame, split: Split) -> Section:
    if split.group is None:
        return Section(split.id, split.title, "Not known.", [Absent(split.id, split.title, split.why, split.fix)])
    sizes = split.group.value_counts()
    large = [str(name) for name in sizes.index[sizes >= LEAST_ACCOUNTS][:MOST_GROUPS]]
    left_out = len(sizes) - len(large)
    if not large:
        why = f"no group has {LEAST_ACCOUNTS} accounts"
        return Section(
            split.id, split.title, "Too few accounts.", [Absent(split.id, split.title, why, "Coarser groups.")]
        )
    names = sorted(large, key=lambda name: (_THIRDS.get(name.rsplit(" ", 1)[-1], 0), name))
    groups = [(name, lives[(split.group == name).to_numpy()]) for name in names]
    curves = [(name, rows, _curve(rows, split.clock)) for name, rows in groups]
    table, rows = _table(book, split, curves)
    parts: list[Part] = [_chart(split, curves), table]
    finding = _finding(rows)
    if any(curve.first > START for _, _, curve in curves):
        parts.append(Note(_LATE, lead="Late entry."))
    if left_out:
        finding += f" {left_out} smaller groups are not shown."
    return Section(split.id, split.title, finding, parts)


def _finding(rows: Sequence[dict[str, Any]]) -> str:
    reached = [row for row in rows if row["after_12"] is not None]
    if len(reached) < 2:
        return f"{len(rows)} groups."
    worst, best = min(reached, key=lambda row: row["after_12"]), max(reached, key=lambda row: row["after_12"])
    apart = worst["after_12_ci90"] and best["after_12_ci90"] and worst["after_12_ci90"][1] < best["after_12_ci90"][0]
    text = f"After 12 months {best['group']} keeps {best['after_12']:.1%}, {worst['group']} {worst['after_12']:.1%}"
    return text + ("." if apart else "; the intervals overlap.")


def _chart(split: Split, curves: Sequence[tuple[str, pd.DataFrame, Curve]]) -> Chart:
    series = []
    for name, _, curve in curves:
        points = [[curve.first, 1.0, 1.0, 1.0]]
        points += [
            list(map(float, point)) for point in zip(curve.times, curve.kept, curve.low, curve.high, strict=True)
        ]
        if curve.last > points[-1][0]:
            points.append([curve.last, *points[-1][1:]])
        if curve.last > 0:
            series.append([name, points])
    x = "months since the account started" if split.clock == "tenure" else "months since the first reading"
    return Chart(
        f"{split.id}_curves",
        f"Retention by {split.title.lower()}",
        "survival",
        {"series": series, "x": x},
        f"{split.how} {_HOW}",
    )


def _table(
    book: Book, split: Split, curves: Sequence[tuple[str, pd.DataFrame, Curve]]
) -> tuple[Table, list[dict[str, Any]]]:
    current = book.current.set_index("account_id")
    found = []
    for name, rows, curve in curves:
        active = current.loc[current.index.intersection(rows.index)]
        score = mean_of(active["health_score"])
        row: dict[str, Any] = {
            "group": name,
            "accounts": len(rows),
            "left": int(rows["left"].sum()),
            "active": len(active),
        }
        for after in AFTER_MONTHS:
            kept = curve.at(float(after))
            row[f"after_{after}"], row[f"after_{after}_ci90"] = kept.value, bounds(kept)
        share = float(book.at_risk(active).mean()) if len(active) >= LEAST_ACCOUNTS else None
        found.append({**row, "score": score.value, "score_ci90": bounds(score), "at_risk": share})
    columns = [Column("group", "Cohort"), Column("accounts", "Accounts", "count"), Column("left", "Left", "count")]
    columns += [Column(f"after_{after}", f"Kept {after} months", "share") for after in AFTER_MONTHS]
    columns.append(Column("score", "Average health today", "points"))
    columns.append(Column("at_risk", f"{book.at_risk_words} today", "share"))
    return Table(split.id, "Retention and scores", columns, found, f"{split.how} {_HOW}"), found
