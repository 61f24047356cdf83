"""What to do about an account: actions with owner, date and what they are expected to save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from churnbench.health.result import known, scalar
from churnbench.interventions import DECLARED, expected_value

#: Place of a band among the bands (0 is the lowest) -> action, owner, days until due. A default, to be replaced by
#: playbooks; nothing about it is measured.
DEFAULT_ACTIONS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "lowest": (
        ("Escalate to an executive sponsor on both sides", "CS manager", 3),
        ("Agree a written recovery plan with the customer", "CSM", 7),
        ("Hold a weekly call until the score recovers", "CSM", 7),
    ),
    "middle": (
        ("Re-engage: monthly call on goals and open issues", "CSM", 14),
        ("Check adoption of what the customer pays for", "CSM", 21),
    ),
    "highest": (
        ("Quarterly review with a look at expansion", "CSM", 60),
        ("Ask for a reference or a case study", "CSM", 60),
    ),
}
#: Days before the renewal, step, owner.
RENEWAL_STEPS = (
    (90, "Confirm goals, stakeholders and risks; open the renewal", "CSM"),
    (60, "Show the value delivered; send the proposal", "CSM"),
    (45, "Settle objections; bring in the executive sponsor where needed", "CS manager"),
    (30, "Negotiate and agree terms", "Account manager"),
    (14, "Obtain the signature", "Account manager"),
)
CADENCE = {"lowest": "weekly", "middle": "monthly", "highest": "quarterly"}


def place_of(band: str, bands: Sequence[tuple[str, float]]) -> str:
    """Whether a band is the "lowest", the "highest" or in the "middle"; "middle" for insufficient data.

    >>> place_of("red", [("red", 0.0), ("yellow", 60.0), ("green", 80.0)])
    'lowest'
    """
    names = [name for name, _ in bands]
    if band == names[0]:
        return "lowest"
    return "highest" if band == names[-1] else "middle"


def default_actions(band: str, bands: Sequence[tuple[str, float]], as_of: pd.Timestamp) -> list[dict[str, Any]]:
    """The default table for one band, dated."""
    place = place_of(band, bands)
    return [
        {
            "action": action,
            "owner": owner,
            "due": as_of + pd.Timedelta(days=days),
            "source": f"default for band {band} ({CADENCE[place]})",
        }
        for action, owner, days in DEFAULT_ACTIONS[place]
    ]


def ranked_actions(
    actions: Sequence[Mapping[str, Any]],
    *,
    arr: float | None,
    probability: float | None,
    settings: Mapping[str, float | None],
) -> list[dict[str, Any]]:
    """Actions by expected ARR saved minus cost, largest first; those without an expectation last, by due date.

    Args:
        actions: each has action; optional owner, due, cost, save_rate, source.
        arr: yearly value of the account; None unknown.
        probability: its P(churn) within the horizon; None unknown.
        settings: save_rate and contact_cost that stand in where an action names none.

    Returns:
        The actions with `expected_value` (None where ARR, probability, save rate or cost is unknown) and `basis`, where
        save rate and cost come from.

    >>> declared = {"save_rate": 0.2, "contact_cost": 30.0}
    >>> ranked_actions([{"action": "call"}], arr=1000.0, probability=0.5, settings=declared)[0]["expected_value"]
    70.0
    """
    found = []
    for action in actions:
        save, cost = known(action.get("save_rate")), known(action.get("cost"))
        own = save is not None
        save = known(settings.get("save_rate")) if save is None else save
        cost = known(settings.get("contact_cost")) if cost is None else cost
        complete = None not in (arr, probability, save, cost)
        # The types cannot say that a complete action has all four.
        value = float(expected_value(probability, arr, save, cost).value) if complete else None  # type: ignore[arg-type]
        basis = str(action.get("basis") or DECLARED) if complete else _lacking(arr, probability, save, cost)
        found.append(
            {
                "action": str(action["action"]),
                "owner": scalar(action.get("owner")),
                "due": scalar(action.get("due")),
                "save_rate": save,
                "cost": cost,
                "expected_value": value,
                "basis": basis if own or not complete else f"project's own save_rate, {basis}",
                "source": scalar(action.get("source")),
            }
        )
    return sorted(
        found, key=lambda a: (a["expected_value"] is None, -(a["expected_value"] or 0.0), str(a["due"] or "9"))
    )


def _lacking(arr: float | None, probability: float | None, save: float | None, cost: float | None) -> str:
    names = ("ARR", "churn probability", "save_rate", "cost")
    absent = [name for name, value in zip(names, (arr, probability, save, cost), strict=True) if value is None]
    return f"not computed: no {', no '.join(absent)}"


def renewal_clock(renewal_on: Any, as_of: pd.Timestamp) -> list[dict[str, Any]]:
    """The steps before a renewal with their dates; [] when the date is unknown or past.

    >>> renewal_clock(pd.Timestamp("2026-03-31"), pd.Timestamp("2026-02-10"))[2]["state"]
    'next'
    """
    if renewal_on is None or pd.isna(renewal_on) or renewal_on < as_of:
        return []
    steps: list[dict[str, Any]] = []
    upcoming = False
    for days, step, owner in RENEWAL_STEPS:
        day = renewal_on - pd.Timedelta(days=days)
        state = "was due" if day < as_of else "later" if upcoming else "next"
        upcoming = upcoming or state == "next"
        steps.append({"days_before": days, "date": scalar(day), "step": step, "owner": owner, "state": state})
    return steps
