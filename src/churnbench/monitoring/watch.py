"""One look at a formula in force: everything measured, one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.monitoring.bands import band_changes, by_band
from churnbench.monitoring.budget import BEFORE_DAYS, LEAST_FOR_SHAPE, RECENT_DAYS, Budget
from churnbench.monitoring.changes import churn_change, score_change
from churnbench.monitoring.delay import label_delay
from churnbench.monitoring.drift import Drift, drifts
from churnbench.monitoring.exposure import Book, own_days, scored_book
from churnbench.monitoring.rates import Count, compared, counted
from churnbench.monitoring.result import Monitoring
from churnbench.monitoring.shape import Shape, auc_of, shape, slope_of
from churnbench.monitoring.verdict import data_problems, decide


@dataclass(frozen=True)
class Watched:
    """The config in force and what is known about its review.

    Attributes:
        document: the config document.
        since: last day whose outcomes its review had seen.
        learned_until: last day whose outcomes its weights learned from; None when not known.
        promises: per band, as in the evidence's `thresholds`.
        file: where it lies, for messages; None when from nowhere.
        since_from: where `since` comes from, in words.
        level_from: first day of the outcomes that the level of a moved risk curve rests on; None for any other.
    """

    document: Mapping[str, Any]
    since: date
    learned_until: date | None = None
    promises: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    file: str | None = None
    since_from: str = "given"
    level_from: date | None = None


def monitor(
    cohort: Cohort,
    churns: pd.DataFrame,
    watched: Watched,
    *,
    project: str = "",
    shown: pd.DataFrame | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Monitoring:
    """Hold a config against what became known since its review.

    Args:
        cohort: the project's labelled snapshots, grown since.
        churns: cleaned churns of the project (`History.outcomes().churns`).
        watched: the config in force.
        project: name for the result.
        shown: account_id, as_of, band as people saw them; the config's own bands when None.
        budget: probabilities of a false alarm; the default sums to 5 %.
        seed: of simulated null limits.

    Raises:
        InputError: data or a config that cannot be monitored; a date outside the data.
    """
    budget, since = budget or Budget(), pd.Timestamp(watched.since)
    book = scored_book(cohort, churns, dict(watched.document["body"]))
    _require_inside(book, since)
    recent_after = max(since, book.settled - pd.Timedelta(days=RECENT_DAYS))
    everything, recent = own_days(book, since, book.settled), own_days(book, recent_after, book.settled)
    earlier = own_days(book, _before_after(watched, since), since)
    counts = (counted(recent), counted(everything), counted(earlier))
    change = compared(counts[0], counts[2], level=1.0 - 2.0 * budget.rise)
    unseen, warnings = _unseen(book, watched, since)
    slope, auc = shape(slope_of(everything), slope_of(unseen)), shape(auc_of(everything), auc_of(unseen))
    churn = churn_change(own_days(book, None, book.settled), seed=seed)
    jump = score_change(book, since, seed=seed)
    pair = _snapshots(book, since)
    found: tuple[Drift, ...] = () if pair is None else drifts(book, *pair, alpha=budget.data / 2)
    problems = data_problems(book, found, counts[0], counts[2], jump, alpha=budget.data / 2)
    decided = decide(problems, counts[0], change, slope, auc, churn, budget)
    return Monitoring(
        project=project,
        config=_config(watched),
        since=f"{since:%Y-%m-%d}",
        budget=budget,
        verdict=decided.verdict,
        sentence=decided.sentence,
        evidence=decided.evidence,
        data_problems=tuple(problems),
        delay=label_delay(book),
        recent=counts[0],
        everything=counts[1],
        before=counts[2],
        change=change,
        recent_from=f"{recent_after + pd.Timedelta(days=1):%Y-%m-%d}",
        slope=slope,
        auc=auc,
        churn_change=churn,
        score_change=jump,
        bands=tuple(by_band(book, since, watched.promises)),
        band_changes=_changes(book, shown, since),
        drifts=found,
        compared=None if pair is None else (f"{pair[0]:%Y-%m-%d}", f"{pair[1]:%Y-%m-%d}"),
        warnings=(*warnings, *_warnings(book, counts[2], auc, pair)),
    )


def _before_after(watched: Watched, since: pd.Timestamp) -> pd.Timestamp:
    """Last day ahead of those to compare with: a moved curve promises the level of those that moved it."""
    usual: pd.Timestamp = since - pd.Timedelta(days=BEFORE_DAYS)
    if watched.level_from is None:
        return usual
    return max(usual, pd.Timestamp(watched.level_from) - pd.Timedelta(days=1))


def _require_inside(book: Book, since: pd.Timestamp) -> None:
    dates = book.dates
    if not dates or since < dates[0] or since > pd.Timestamp(book.data_through):
        held = f"{dates[0]:%Y-%m-%d} to {book.data_through}" if dates else "no snapshots"
        raise InputError(
            f"--since {since:%Y-%m-%d} lies outside the data, which hold {held}.",
            fix="Give the last day whose outcomes the review had seen, or add newer data.",
        )


def _unseen(book: Book, watched: Watched, since: pd.Timestamp) -> tuple[pd.DataFrame, list[str]]:
    """Days before `since` that the formula had not learned from: its holdout, where that says enough."""
    learned = pd.Timestamp(watched.learned_until) if watched.learned_until is not None else None
    if learned is not None and learned < since:
        rows = own_days(book, learned, since)
        if rows["event"].sum() >= LEAST_FOR_SHAPE:
            return rows, []
    words = "Slope and AUC are compared with days that the formula learned from, which flatter it."
    return own_days(book, None, since), [words]


def _snapshots(book: Book, since: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Newest snapshot that the review had seen, and the newest of all; None when they are the same."""
    then = [day for day in book.dates if day <= since]
    return (then[-1], book.dates[-1]) if then and then[-1] < book.dates[-1] else None


def _changes(book: Book, shown: pd.DataFrame | None, since: pd.Timestamp) -> dict[str, Any]:
    source = "the config's own bands" if shown is None else "bands as people saw them"
    return {"source": source, **band_changes(book.frame if shown is None else shown, since)}


def _config(watched: Watched) -> dict[str, Any]:
    document = watched.document
    return {
        "config_id": document.get("config_id"),
        "config_version": document.get("config_version"),
        "body_sha256": (document.get("integrity") or {}).get("body_sha256"),
        "file": watched.file,
        "since_from": watched.since_from,
        "learned_until": None if watched.learned_until is None else watched.learned_until.isoformat(),
        "level_from": None if watched.level_from is None else watched.level_from.isoformat(),
    }


def _warnings(book: Book, before: Count, auc: Shape, pair: tuple[pd.Timestamp, pd.Timestamp] | None) -> list[str]:
    found = []
    unknown = float(book.frame["p"].isna().mean()) if len(book.frame) else 0.0
    if unknown > 0.05:
        found.append(f"{unknown:.0%} of the rows have no score and are left out of the expected churn.")
    if before.ratio is not None and not 0.5 <= before.ratio <= 2.0:
        found.append(
            f"Already before, {before.ratio:.2f} of the expected churned: the probabilities never fitted this book, "
            "and only changes against then are judged."
        )
    if auc.p is None:
        found.append(f"Ranking and slope are not judged: that takes {LEAST_FOR_SHAPE} churned accounts now and before.")
    if pair is None:
        found.append("There is no snapshot after the review yet, so nothing is said about drift.")
    return found
