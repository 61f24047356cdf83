"""What a backtest of triggers found: one result per trigger, intervals by account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from churnbench.domain.cohort import OutcomeWindow
from churnbench.leadlag.classes import FALSE_DISCOVERIES
from churnbench.metrics import Estimate
from churnbench.playbooks.fitting import NotEvaluated
from churnbench.playbooks.verdict import Verdict


@dataclass(frozen=True)
class TriggerResult:
    """What one trigger did over the mature part of a history; intervals are 90 %, by account.

    Attributes:
        trigger, label, kind, scheduled: which.
        alerts, accounts: judged alerts, and accounts that they were about.
        hits, caught, too_late: alerts followed by a churn in the window, distinct churns foreseen, and alerts within
            the gap before a churn (they count as wrong: nobody could act).
        precision, recall: of alerts and of churns, as shares.
        lead_days: median days from the earliest right alert to the churn.
        per_csm_week: alerts per CSM and week.
        quiet_days: how long the trigger leaves an account alone after an alert: median episode plus cool-down.
        probability_precision, probability_recall, probability_lead_days: as many alerts per date, for the highest
            churn_probability.
        random_precision, random_recall: as many alerts per date, drawn at random (expectation).
        over_probability: precision minus that of the probability, on dates that the config did not learn from.
        lift: precision over that of random alerts.
        p_value: of foreseeing so many churns by chance, one-sided; None where too few to test.
        verdict: see `churnbench.playbooks.verdict`.
    """

    trigger: str
    label: str
    kind: str
    scheduled: bool
    alerts: int
    accounts: int
    hits: int
    caught: int
    too_late: int
    precision: Estimate
    recall: Estimate
    lead_days: Estimate
    per_csm_week: Estimate
    quiet_days: float
    probability_precision: Estimate
    probability_recall: Estimate
    probability_lead_days: Estimate
    random_precision: Estimate
    random_recall: Estimate
    over_probability: Estimate
    lift: Estimate
    expected_caught: float
    p_value: float | None
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Plain values, estimates as value and ci90."""
        plain: dict[str, Any] = {}
        for name, value in vars(self).items():
            plain[name] = value.as_json() if isinstance(value, (Estimate, Verdict)) else value
        return plain


@dataclass(frozen=True, eq=False)
class TriggerBacktest:
    """Every trigger of a project against outcomes.

    Attributes:
        results: in the order declared.
        not_evaluated: triggers that the history does not allow.
        window: gap, horizon, settling time.
        accounts, readings, churns, csms, weeks, first, last: what was judged.
        warnings: sentences to print with it.
    """

    results: tuple[TriggerResult, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    window: OutcomeWindow
    accounts: int
    readings: int
    churns: int
    csms: int
    weeks: float
    first: str
    last: str
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        window = {name: getattr(self.window, name) for name in ("gap_days", "horizon_days", "settle_days")}
        names = ("accounts", "readings", "churns", "csms", "weeks", "first", "last")
        return {
            "schema": 1,
            "estimand": ESTIMAND,
            "multiplicity": MULTIPLICITY,
            "window": window,
            "judged": {name: getattr(self, name) for name in names},
            "triggers": [result.as_json() for result in self.results],
            "not_evaluated": [vars(one) for one in self.not_evaluated],
            "warnings": list(self.warnings),
        }


ESTIMAND = "Churn under current care: whoever was called because of an alert, and stayed, counts as a false alarm here."
MULTIPLICITY = (
    f"Benjamini-Hochberg over all triggers tested, {FALSE_DISCOVERIES:.0%} false discoveries: among triggers said to "
    "earn their noise, so many are expected to do no better than chance."
)
