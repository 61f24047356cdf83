"""The gate: is the candidate really better on the untouched holdout, or can that not be settled?

Primary measure, fixed beforehand: log loss of old minus new, both recalibrated identically on training rows, with a
90 % paired bootstrap of accounts. Margin m: 1 % of the log loss of knowing only the base rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from churnbench.metrics import Estimate

Verdict = Literal["promote", "keep-equivalent", "reject", "not-enough-evidence", "descriptive-only", "blocked"]
Tier = Literal["descriptive", "proposal", "gated", "full"]

MARGIN_SHARE = 0.01
#: Fewer distinct churned accounts than this in the holdout, and its interval is too short for what it claims.
HOLDOUT_EVENTS = 20
#: Evidence that would take so many times the present holdout is not a plan; no number is given then.
_FORESEEABLE = 100


@dataclass(frozen=True)
class Guard:
    """A condition beside the primary measure; `ok` is None when it cannot be judged."""

    id: str
    ok: bool | None
    detail: str


@dataclass(frozen=True)
class Decision:
    """What the gate says, in words and in numbers."""

    verdict: Verdict
    sentence: str
    reason: str
    margin: float
    events_needed: int | None


def small_data_tier(training_events: int) -> Tier:
    """What may be done with so many distinct churned accounts in training.

    >>> [small_data_tier(events) for events in (19, 20, 50, 150)]
    ['descriptive', 'proposal', 'gated', 'full']
    """
    if training_events < 20:
        return "descriptive"
    if training_events < 50:
        return "proposal"
    return "gated" if training_events < 150 else "full"


def null_log_loss(base_rate: float) -> float:
    """Log loss of saying the base rate to everybody.

    >>> round(null_log_loss(0.5), 4), null_log_loss(0.0)
    (0.6931, 0.0)
    """
    if base_rate in (0.0, 1.0):
        return 0.0
    return -(base_rate * math.log(base_rate) + (1 - base_rate) * math.log(1 - base_rate))


def decide(
    delta: Estimate,
    *,
    base_rate: float,
    holdout_events: int,
    tier: Tier,
    guards: tuple[Guard, ...] = (),
    dated: bool = True,
) -> Decision:
    """Apply the gate.

    Args:
        delta: log loss of old minus new with its 90 % interval; positive is better.
        base_rate: share of churn in the holdout, 0-1.
        holdout_events: distinct churned accounts in the holdout.
        tier: small-data tier of the training data.
        guards: conditions that a promotion must not break.
        dated: whether the holdout lies later than the training.
    """
    margin = MARGIN_SHARE * null_log_loss(base_rate)
    if delta.value is None or delta.low is None or delta.high is None:
        return Decision(
            "descriptive-only",
            "Nothing can be claimed: the holdout holds too few churned accounts to compare anything.",
            f"{holdout_events} churned accounts in the holdout.",
            margin,
            None,
        )
    compared = _answer(delta, margin, holdout_events, guards)
    if not dated:
        return Decision(
            "descriptive-only",
            f"One table without dates: nothing may be claimed about the future. Within this table "
            f"{_as_clause(compared.sentence)}",
            f"{compared.reason} Add dated snapshots to test it on later periods.",
            margin,
            None,
        )
    if tier == "descriptive":
        return Decision(
            "descriptive-only",
            "Too few churned accounts to learn from: today's formula is described, nothing is proposed.",
            "Fewer than 20 distinct churned accounts in training.",
            margin,
            None,
        )
    if tier == "proposal" and compared.verdict == "promote":
        return Decision(
            "not-enough-evidence",
            "The candidate looks better, but fewer than 50 churned accounts taught it: a proposal, not a promotion.",
            compared.sentence,
            margin,
            compared.events_needed,
        )
    return compared


def _as_clause(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _moved(delta: Estimate) -> str:
    """How the log loss moved, in words."""
    assert delta.value is not None  # noqa: S101 - narrowed by the caller
    assert delta.low is not None  # noqa: S101 - likewise
    assert delta.high is not None  # noqa: S101 - likewise
    if delta.value < 0:
        return f"rises by {-delta.value:.4f} (90 % interval {-delta.high:.4f} to {-delta.low:.4f})"
    return f"falls by {delta.value:.4f} (90 % interval {delta.low:.4f} to {delta.high:.4f})"


def _answer(delta: Estimate, margin: float, events: int, guards: tuple[Guard, ...]) -> Decision:
    assert delta.value is not None  # noqa: S101 - narrowed by the caller
    assert delta.low is not None  # noqa: S101 - likewise
    assert delta.high is not None  # noqa: S101 - likewise
    broken = [guard for guard in guards if guard.ok is False]
    figures = f"Log loss {_moved(delta)}; what matters begins at {margin:.4f}."
    better = delta.low > 0 and delta.value >= margin
    if delta.low >= -margin and delta.high <= margin:
        return Decision(
            "keep-equivalent",
            "The candidate and today's formula are equivalent within the margin. Today's formula stays.",
            figures,
            margin,
            None,
        )
    if better and events >= HOLDOUT_EVENTS and not broken:
        return Decision(
            "promote",
            "The candidate predicts churn better than today's formula.",
            figures,
            margin,
            None,
        )
    if delta.high < 0:
        return Decision(
            "reject",
            "The candidate is worse than today's formula. Today's formula stays.",
            figures,
            margin,
            None,
        )
    needed = events_needed(delta, margin, events)
    blind = [guard for guard in broken if guard.id == "ranks-better-than-chance"]
    if blind:
        return Decision(
            "not-enough-evidence",
            "No usable signal: the candidate does not rank churn better than chance. Today's formula stays.",
            f"{blind[0].detail} {figures}",
            margin,
            None,
        )
    if delta.low > 0 and delta.value < margin:
        return Decision(
            "not-enough-evidence",
            f"The candidate is better, but by {delta.value:.4f}, and what matters begins at {margin:.4f}. "
            "Today's formula stays.",
            figures,
            margin,
            None,
        )
    needed = events_needed(delta, margin, events)
    if better and broken:
        reason = "; ".join(guard.detail for guard in broken)
        return Decision(
            "not-enough-evidence",
            "The candidate is better overall, but a guard is broken. Today's formula stays.",
            f"{figures} {reason}",
            margin,
            None,
        )
    if better:
        return Decision(
            "not-enough-evidence",
            f"The candidate looks better, but {events} churned accounts in the holdout are too few to rely on; "
            f"about {HOLDOUT_EVENTS} would do. Today's formula stays.",
            figures,
            margin,
            max(HOLDOUT_EVENTS, needed or 0),
        )
    looks = "better" if delta.value > 0 else "worse"
    more = f"; about {needed} would" if needed else ""
    return Decision(
        "not-enough-evidence",
        f"The candidate looks {looks} by {abs(delta.value):.4f}, but the interval ({delta.low:.4f} to "
        f"{delta.high:.4f}) leaves it open. With {events} churned accounts in the holdout this cannot be settled"
        f"{more}. Today's formula stays.",
        figures,
        margin,
        needed,
    )


def events_needed(delta: Estimate, margin: float, events: int) -> int | None:
    """Distinct churned accounts in the holdout at which the same difference would settle the matter.

    The interval shrinks with the square root of the events. A difference beyond the margin is settled when the
    interval leaves 0; a smaller one when it fits inside the margin.
    """
    if delta.value is None or delta.low is None or delta.high is None or events == 0:
        return None
    half = max(delta.value - delta.low, delta.high - delta.value)
    room = abs(delta.value) if abs(delta.value) >= margin else margin - abs(delta.value)
    if room <= 0 or half <= 0:
        return None
    needed = math.ceil(events * (half / room) ** 2)
    return needed if needed <= _FORESEEABLE * events else None
