"""From the figures to one sentence: data problems first, then refit, slope, intercept, nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy import stats

from churnbench.monitoring.budget import (
    DATA,
    INTERCEPT,
    LEAST_EVENTS,
    MATERIAL_POINTS,
    NOTHING,
    RECALIBRATE,
    REFIT,
    Budget,
)
from churnbench.monitoring.changes import ChangePoint
from churnbench.monitoring.drift import Drift
from churnbench.monitoring.exposure import Book, own_days
from churnbench.monitoring.rates import Change, Count
from churnbench.monitoring.shape import Shape

#: Probability below which so few churns, or none since so long, are rather a feed that stopped than luck.
_SILENCE = 0.001
#: Share of the usual churn below which that is asked: playbooks seldom save three of four.
_NEARLY_NONE = 0.25
#: A book that loses this share of its accounts between two snapshots has lost an export, not customers.
_LOST_SHARE = 0.30


@dataclass(frozen=True)
class Decided:
    """Verdict, its sentence, and the evidence in sentences."""

    verdict: str
    sentence: str
    evidence: tuple[str, ...]


def data_problems(
    book: Book, drifts: tuple[Drift, ...], recent: Count, before: Count, jump: ChangePoint, *, alpha: float
) -> list[str]:
    """What is wrong with the data rather than with the formula, as sentences.

    Args:
        book: scored rows.
        drifts: columns then and now.
        recent: newest outcomes.
        before: earlier ones, which say how many are usual.
        jump: change point of the score.
        alpha: the share of `Budget.data` that the jump may spend.
    """
    found = []
    if book.absent:
        found.append(f"The formula reads {', '.join(book.absent)}, which the data no longer hold.")
    found += _silent_feeds(book, recent, before)
    found += [f"{drift.name}: {drift.problem}." for drift in drifts if drift.problem]
    if jump.p <= alpha and jump.before is not None and jump.after is not None:
        points = jump.after - jump.before
        if abs(points) >= MATERIAL_POINTS:
            found.append(f"The mean score moved by {points:+.1f} points between two snapshots, at {jump.on}.")
    return found


def _silent_feeds(book: Book, recent: Count, before: Count) -> list[str]:
    found, dates = [], book.dates
    sizes = book.frame.groupby("as_of").size()
    if len(dates) > 2:
        usual = pd.Series(dates).diff().dropna().median()
        if pd.Timestamp(book.data_through) - dates[-1] > 2 * usual + pd.Timedelta(days=7):
            found.append(
                f"The newest snapshot is of {dates[-1]:%Y-%m-%d}, although outcomes reach to {book.data_through}."
            )
        reach = pd.Timedelta(days=book.window.gap_days + book.window.horizon_days)
        if dates[-1] - pd.Timestamp(book.data_through) > reach:
            found.append(
                f"The newest snapshot is of {dates[-1]:%Y-%m-%d}, although outcomes reach to {book.data_through} only: "
                "a wrong date, outcomes that stopped, or an old [label] data_through."
            )
        if sizes.iloc[-1] < (1.0 - _LOST_SHARE) * sizes.iloc[-2]:
            found.append(f"The newest snapshot holds {sizes.iloc[-1]:,} accounts, the one before {sizes.iloc[-2]:,}.")
    return found + _silent_outcomes(book, recent, before)


def _silent_outcomes(book: Book, recent: Count, before: Count) -> list[str]:
    """Nearly no churn, or none since a day: measured against what was usual before, not only what was expected."""
    usual = before.ratio if before.ratio and before.observed >= LEAST_EVENTS else 1.0
    many = recent.expected * usual
    if recent.observed < _NEARLY_NONE * many and float(stats.poisson.cdf(recent.observed, many)) < _SILENCE:
        seen = "No churn is" if not recent.observed else f"Only {recent.observed} churned accounts are"
        return [f"{seen} recorded where {many:.0f} are usual: has the outcomes feed stopped?"]
    days = book.frame.loc[book.frame["left_on"] <= book.settled, "left_on"].drop_duplicates().sort_values()
    if len(days) < LEAST_EVENTS:
        return []
    # Churn that is booked at the end of months or quarters is silent in between.
    longest, last = days.diff().max(), days.iloc[-1]
    quiet = usual * float(own_days(book, last, book.settled)["expected"].sum())
    if book.settled - last > longest and float(stats.poisson.pmf(0, quiet)) < _SILENCE:
        return [
            f"No churn since {last:%Y-%m-%d} is recorded where {quiet:.0f} are usual: has the outcomes feed stopped?"
        ]
    return []


def decide(
    problems: list[str],
    recent: Count,
    change: Change,
    slope: Shape,
    auc: Shape,
    churn: ChangePoint,
    budget: Budget,
) -> Decided:
    """The verdict in the order none, intercept, slope, refit; data problems come first.

    Args:
        problems: from `data_problems`.
        recent: newest outcomes.
        change: recent against before.
        slope: now and before.
        auc: now and before.
        churn: change point of the churn rate; it dates the finding and decides nothing.
        budget: probabilities of a false alarm.
    """
    rate = _rate_words(recent, change)
    level, tilted, worse = _alarms(recent, change, slope, auc, budget)
    said = [*problems, rate]
    if worse:
        said.append(f"AUC fell from {auc.before.value:.3f} to {auc.now.value:.3f} (p = {auc.p:.4f}).")
    if tilted:
        said.append(f"The calibration slope went from {slope.before.value:.2f} to {slope.now.value:.2f}.")
    if (level or churn.p <= 0.05) and churn.on is not None and churn.before is not None:
        said.append(
            f"The churn rate breaks at the snapshot of {churn.on}: {churn.before:.2f} of the expected before, "
            f"{churn.after:.2f} after (p = {churn.p:.3f})."
        )
    if level and change.p_fall < change.p_rise:
        said.append("Fewer left than expected: see whether a playbook explains it before the promise is lowered.")
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = _lowered(problems[0])
        stop = "" if first.endswith("?") and not more else "."
        return Decided(DATA, f"Investigate data: {first}{more}{stop}", tuple(said))
    if worse:
        return Decided(REFIT, f"Refit: the score ranks worse than it did, {_auc_words(auc)}.", tuple(said))
    if tilted:
        reason = f"the calibration slope is {slope.now.value:.2f}, it was {slope.before.value:.2f}"
        return Decided(RECALIBRATE, f"Recalibrate: {reason}; {_lowered(rate)}.", tuple(said))
    if level:
        return Decided(INTERCEPT, f"Recalibrate intercept: {_lowered(rate)}.", tuple(said))
    return Decided(NOTHING, f"Nothing to do: {_lowered(rate)}.", tuple(said))


def _alarms(recent: Count, change: Change, slope: Shape, auc: Shape, budget: Budget) -> tuple[bool, bool, bool]:
    """Whether the level, the slope and the ranking changed by more than the budget allows chance."""
    enough = recent.observed >= LEAST_EVENTS
    level = enough and (change.p_rise < budget.rise or change.p_fall < budget.fall)
    tilted = enough and slope.p is not None and slope.p < budget.slope
    worse = enough and auc.p is not None and auc.p < 2.0 * budget.discrimination and auc.fell
    return level, tilted, worse


def _rate_words(recent: Count, change: Change) -> str:
    if recent.expected <= 0.0:
        return "No outcome since the review has matured yet."
    text = f"{recent.observed} churned where {recent.expected:.1f} were expected"
    if change.ratio is None:
        return f"{text}."
    high = "and more" if change.high is None else f"to {change.high:.2f}"
    reach = f"{change.low:.2f} {high}"
    return f"{text}, {change.ratio:.2f} times the earlier ratio ({change.level:.1%} interval {reach})."


def _auc_words(auc: Shape) -> str:
    return f"AUC {auc.now.value:.3f} after {auc.before.value:.3f}"


def _lowered(sentence: str) -> str:
    """A sentence inside another: no full stop, a small first letter unless a name or number leads."""
    text = sentence.rstrip(".")
    first = text.split(" ", 1)[0]
    return text[0].lower() + text[1:] if first in ("No", "The") else text
