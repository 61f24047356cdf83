"""Red flags, green lights and expansion signals of one account: declared rules, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnbench.domain.score_history import DIMENSION_SUFFIX
from churnbench.health.book import Book
from churnbench.health.peers import Peers
from churnbench.health.result import known

#: A dimension below this is a red flag, from the second one on a green light; points.
DIMENSION_RED, DIMENSION_GREEN = 40.0, 80.0
#: A fall by this many points in a month, or of a dimension, is a red flag.
SCORE_FALL, DIMENSION_FALL = 10.0, 10.0
#: Below this score a renewal within so many days is a red flag.
RENEWAL_SCORE, RENEWAL_DAYS = 70.0, 90
#: Share of peers below (above) which a metric counts as poor (good).
TAIL = 0.10
#: Less of the formula's weight known than this is a blind spot, basis points.
COVERAGE = 7_000
SEVERITIES = ("critical", "high", "medium", "low")
FLAG_RULES = (
    f"Declared rules, not learned: a band at risk; fall of {SCORE_FALL:g} points in a month; dimension below "
    f"{DIMENSION_RED:g} or down by {DIMENSION_FALL:g}; score below {RENEWAL_SCORE:g} with renewal within "
    f"{RENEWAL_DAYS} days; metric among the poorest {TAIL:.0%} of peers; yes/no metric on its poor side; less than "
    f"{COVERAGE / 100:g} % of the weight known. Green lights mirror them."
)
#: Inputs that speak of room to grow, and from which value on. The first that the data hold is enough.
EXPANSION_INPUTS: tuple[tuple[tuple[str, ...], float, str], ...] = (
    (("contract_utilisation", "contract_utilization", "seats_utilisation"), 0.90, "uses most of what it pays for"),
    (("active_seats_share", "seats_active_share"), 0.90, "nearly all seats are active"),
    (("seat_trend_90d", "seat_trend", "seats_trend"), 0.05, "seats are growing"),
    (("arr_trend_12m", "arr_trend"), 0.05, "its ARR has grown over the year"),
    (("expansion_requests_90d", "expansion_requests"), 1.0, "asked for more"),
    (("expansions_24m", "expansion_history"), 1.0, "has expanded before"),
)


@dataclass(frozen=True)
class Flag:
    """One flag: what, how severe, and the evidence for it."""

    what: str
    severity: str
    evidence: str


def red_flags(book: Book, row: Mapping[str, Any], peers: Peers) -> list[Flag]:
    """Red flags of one account, most severe first.

    Args:
        book: the book.
        row: of `churnbench.health.movement.movement`, with account_id.
        peers: of the account.
    """
    found: list[Flag] = []
    score, change, band = known(row["health_score"]), known(row["change_month"]), row["band"]
    if book.roles.get(str(band)) == "red":
        found.append(Flag(f"Band {band}", "high", f"score {score:.1f}"))
    if change is not None and change <= -SCORE_FALL:
        found.append(Flag("Score falls", "critical", f"{change:+.1f} points since {row['month_on']:%Y-%m-%d}"))
    days = known(row["days_to_renewal"])
    if score is not None and score < RENEWAL_SCORE and days is not None and 0 <= days <= RENEWAL_DAYS:
        found.append(Flag("Renewal near with a low score", "critical", f"renews in {days:.0f} days at {score:.1f}"))
    found += _dimension_flags(book, row)
    found += [Flag(what, "medium", why) for what, why in _yes_or_no(book, row, good=False)]
    found += [Flag(what, "medium", why) for what, why in _tails(book, row, peers, good=False)]
    if row["coverage_bp"] < COVERAGE:
        found.append(Flag("Blind spot", "medium", f"only {row['coverage_bp'] / 100:.0f} % of the weight is known"))
    return sorted(found, key=lambda flag: SEVERITIES.index(flag.severity))


def green_lights(book: Book, row: Mapping[str, Any], peers: Peers) -> list[Flag]:
    """What is good about an account; arguments as `red_flags`."""
    found: list[Flag] = []
    if book.roles.get(str(row["band"])) == "green":
        found.append(Flag(f"Band {row['band']}", "", f"score {row['health_score']:.1f}"))
    change = known(row["change_month"])
    if change is not None and change >= SCORE_FALL:
        found.append(Flag("Score rises", "", f"{change:+.1f} points since {row['month_on']:%Y-%m-%d}"))
    for dimension, label in book.dimensions.items():
        value = known(row[f"{dimension}{DIMENSION_SUFFIX}"])
        if value is not None and value >= DIMENSION_GREEN:
            found.append(Flag(f"{label} strong", "", f"{value:.1f} points"))
    found += [Flag(what, "", why) for what, why in _yes_or_no(book, row, good=True)]
    found += [Flag(what, "", why) for what, why in _tails(book, row, peers, good=True)]
    return found


def expansion_signals(row: Mapping[str, Any]) -> list[Flag]:
    """Signs of room to grow among the inputs that the data hold."""
    found = []
    for names, least, words in EXPANSION_INPUTS:
        name = next((one for one in names if one in row), None)
        value = None if name is None else known(row[name])
        if name is not None and value is not None and value >= least:
            found.append(Flag(words[0].upper() + words[1:], "", f"{name} is {value:g} (from {least:g} on)"))
    return found


def expansion_candidates(book: Book, moved: pd.DataFrame) -> pd.Series:
    """Number of expansion signals of each account outside the bands at risk that does not decline; 0 elsewhere."""
    signals = signals_in(moved)
    sound = ~book.at_risk(moved) & (moved["health_score"].notna()) & ~(moved["speed"] <= -0.2)
    return signals.where(sound, 0).astype(int)


def signals_in(rows: pd.DataFrame) -> pd.Series:
    """Number of expansion signals per row."""
    count = pd.Series(0, index=rows.index)
    for names, least, _ in EXPANSION_INPUTS:
        name = next((one for one in names if one in rows), None)
        if name is not None:
            count = count + (pd.to_numeric(rows[name], errors="coerce") >= least).astype(int)
    return count


def _dimension_flags(book: Book, row: Mapping[str, Any]) -> list[Flag]:
    found, down = [], []
    for dimension, label in book.dimensions.items():
        value, change = known(row[f"{dimension}{DIMENSION_SUFFIX}"]), known(row[f"{dimension}_month"])
        if value is not None and value < DIMENSION_RED:
            found.append(Flag(f"{label} weak", "high", f"{value:.1f} points, below {DIMENSION_RED:g}"))
        if change is not None and change <= -DIMENSION_FALL:
            down.append(f"{label} {change:+.1f}")
    if down:
        severity = "critical" if len(down) > 1 else "high"
        what = "Several dimensions down together" if len(down) > 1 else "A dimension is down"
        found.append(Flag(what, severity, f"{', '.join(down)} points in a month"))
    return found


def _yes_or_no(book: Book, row: Mapping[str, Any], *, good: bool) -> list[tuple[str, str]]:
    metrics = [metric for metric in book.metrics if metric.yes_or_no and known(row.get(metric.input)) is not None]
    if not metrics:
        return []
    side = book.points[0 if good else 1].loc[row["account_id"]]
    found = []
    for metric in metrics:
        yes = bool(known(row[metric.input]))
        # A green light only where the answer is "yes": the absence of an escalation is no achievement.
        if float(side[metric.id]) > 0 and (yes or not good):
            found.append((metric.label, f"{metric.input} is {'yes' if yes else 'no'}"))
    return found


def _tails(book: Book, row: Mapping[str, Any], peers: Peers, *, good: bool) -> list[tuple[str, str]]:
    if not peers.enough:
        return []
    found = []
    for metric in book.metrics:
        value = known(row.get(metric.input))
        if value is None or metric.higher_is_healthier is None or metric.yes_or_no:
            continue
        others = pd.to_numeric(peers.rows[metric.input], errors="coerce").dropna().to_numpy(dtype=float)
        if len(others) < 10 or others.min() == others.max():
            continue
        rising = metric.higher_is_healthier == good
        share = float(np.mean(others >= value)) if rising else float(np.mean(others <= value))
        if share <= TAIL:
            better = "better" if good else "worse"
            found.append((metric.label, f"{value:g}, {better} than {1 - share:.0%} of {len(others)} peers"))
    return found
