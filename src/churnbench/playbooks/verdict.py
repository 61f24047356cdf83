"""From figures to a verdict: earns its noise, noise, or too few events to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from scipy import stats

from churnbench.metrics import Estimate

Word = Literal["earns its noise", "noise", "too few events to say", "schedule", ""]

#: Distinct churns and alerted accounts below which nothing is said about a trigger.
LEAST_EVENTS = 20
LEAST_ACCOUNTS = 20
#: A trigger that could still be so many times better than chance is not called noise.
WORTHWHILE_LIFT = 2.0


@dataclass(frozen=True)
class Verdict:
    """What the figures allow to be said.

    Attributes:
        word: the verdict.
        reason: why, in a sentence.
    """

    word: Word
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"word": self.word, "reason": self.reason}


def enough(accounts: int, events: int) -> bool:
    """Whether a trigger can be tested at all."""
    return accounts >= LEAST_ACCOUNTS and events >= LEAST_EVENTS


def verdict_of(
    *,
    scheduled: bool,
    accounts: int,
    events: int,
    caught: int,
    expected: float,
    beats_chance: bool,
    lift: Estimate,
    over_probability: Estimate,
) -> Verdict:
    """Judge one trigger.

    Args:
        scheduled: it follows the calendar and warns of nothing.
        accounts: accounts alerted.
        events: distinct churns in the judged part.
        caught: churns foreseen.
        expected: churns that as many random alerts would foresee.
        beats_chance: whether that survives the correction for many triggers.
        lift: precision over that of random alerts, with its interval.
        over_probability: precision minus that of as many alerts by churn_probability, with its interval.

    Returns:
        "earns its noise" when it beats chance and is not clearly worse than the probability; "noise" when it is, or
        when even the upper limit of what it may foresee is less than twice what chance does; else "too few events
        to say".

    >>> verdict_of(scheduled=False, accounts=9, events=80, caught=3, expected=1.0, beats_chance=False,
    ...            lift=Estimate(3.0), over_probability=Estimate(None)).word
    'too few events to say'
    """
    if scheduled:
        return Verdict("schedule", "It follows the calendar or the routine and warns of nothing.")
    if not enough(accounts, events):
        return Verdict(
            "too few events to say",
            f"{accounts} accounts alerted, {events} churns; at least {LEAST_ACCOUNTS} and {LEAST_EVENTS} are needed.",
        )
    surely = lift.low is not None and lift.low > 1
    if beats_chance and surely:
        return _against_probability(caught, expected, over_probability)
    limit = float(stats.chi2.ppf(0.95, 2 * (caught + 1))) / 2
    if expected > 0 and limit <= WORTHWHILE_LIFT * expected:
        return Verdict(
            "noise",
            f"It foresaw {caught} churns; as many random alerts foresee {expected:.1f}; twice that is ruled out.",
        )
    return Verdict(
        "too few events to say",
        f"It foresaw {caught} churns; as many random alerts foresee {expected:.1f}. The difference may be chance.",
    )


def _against_probability(caught: int, expected: float, over_probability: Estimate) -> Verdict:
    better = f"It foresaw {caught} churns; as many random alerts foresee {expected:.1f}"
    if over_probability.high is not None and over_probability.high < 0:
        return Verdict("noise", f"{better}. But as many alerts by churn_probability are right more often.")
    if over_probability.value is None:
        return Verdict("earns its noise", f"{better}.")
    return Verdict("earns its noise", f"{better}, and as many alerts by churn_probability are not clearly better.")
