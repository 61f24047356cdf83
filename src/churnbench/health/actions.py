"""What to do about an account: actions of its playbooks with owner, date and what they are expected to save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from churnbench.health.result import known, scalar
from churnbench.interventions import DECLARED, expected_value
from churnbench.playbooks import Declared, Record, Trigger, owner_of


def playbook_actions(alerts: Iterable[Record]) -> list[dict[str, Any]]:
    """The tasks of an account's open alerts as actions of its report, each once.

    >>> task = {"action": "Call", "owner": "Ada", "due": "2026-02-02", "success": "An answer"}
    >>> alert = {"label": "Usage below 40", "playbook": "adoption", "tasks": [task]}
    >>> playbook_actions([alert, alert])[0]["source"]
    'playbook adoption: Usage below 40'
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for alert in alerts:
        for task in alert["tasks"]:
            made = {
                "action": task["action"],
                "owner": task["owner"],
                "due": pd.Timestamp(task["due"]),
                "success": task["success"],
                "source": f"playbook {alert['playbook']}: {alert['label']}",
            }
            found.setdefault((task["action"], task["owner"]), made)
    return list(found.values())


def ranked_actions(
    actions: Sequence[Mapping[str, Any]],
    *,
    arr: float | None,
    probability: float | None,
    settings: Mapping[str, float | None],
) -> list[dict[str, Any]]:
    """Actions by expected ARR saved minus cost, largest first; those without an expectation last, by due date.

    Args:
        actions: each has action; optional owner, due, cost, save_rate, success, source.
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
                "success": scalar(action.get("success")),
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


def renewal_clock(
    renewal_on: Any, as_of: pd.Timestamp, declared: Declared, *, csm: str | None = None, segment: str | None = None
) -> list[dict[str, Any]]:
    """The steps before a renewal with their dates; [] when the date is unknown or past, or no trigger asks for any.

    Args:
        renewal_on: date of the renewal.
        as_of: date of the report.
        declared: its triggers of kind "renewal" and their playbooks are the steps.
        csm: of the account, who owns what the CSM does.
        segment: of the account; triggers of other segments are left out.

    >>> from churnbench.playbooks import declare
    >>> renewal_clock(pd.Timestamp("2026-03-31"), pd.Timestamp("2026-02-10"), declare())[2]["state"]
    'next'
    """
    if renewal_on is None or pd.isna(renewal_on) or renewal_on < as_of:
        return []
    steps: list[dict[str, Any]] = []
    upcoming = False
    for trigger in _renewal_triggers(declared, segment):
        day = renewal_on - pd.Timedelta(days=trigger.days)
        state = "was due" if day < as_of else "later" if upcoming else "next"
        upcoming = upcoming or state == "next"
        owner = owner_of(trigger.owner, csm, declared.settings)
        step = "; ".join(action.action for action in _actions(trigger, declared)) or trigger.label
        steps.append({"days_before": trigger.days, "date": scalar(day), "step": step, "owner": owner, "state": state})
    return steps


def _renewal_triggers(declared: Declared, segment: str | None) -> list[Trigger]:
    found = [one for one in declared.triggers if one.kind == "renewal" and one.enabled]
    return sorted((one for one in found if not one.segments or segment in one.segments), key=lambda one: -one.days)


def _actions(trigger: Trigger, declared: Declared) -> Sequence[Any]:
    return declared.playbooks[trigger.playbook].actions if trigger.playbook else ()
