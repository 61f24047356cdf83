"""Triggers on a score history: every alert that would have been raised, and those that are open on a date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.playbooks.declared import Declared, Trigger
from churnbench.playbooks.episodes import episodes_of, filtered
from churnbench.playbooks.evidence import sentences
from churnbench.playbooks.fitting import Fitted, NotEvaluated, fit_triggers
from churnbench.playbooks.kinds import KINDS, Signal
from churnbench.playbooks.people import owners_of, working_days_after
from churnbench.playbooks.readings import Floats, Readings

#: Columns of a table of alerts.
ALERT_COLUMNS = (
    "alert_id",
    "trigger",
    "label",
    "account_id",
    "first_seen",
    "reading",
    "evidence",
    "owner",
    "due",
    "playbook",
    "csm",
    "segment",
    "arr",
    "churn_probability",
    "expected_loss",
    "band",
    "health_score",
    "last_read",
)
#: Columns of a table of episodes that are over.
OVER_COLUMNS = ("trigger", "account_id", "first_seen", "last_read", "over_on")
_DATES = ("first_seen", "due", "last_read", "over_on")
_WORDS = ("trigger", "label", "account_id", "evidence", "owner", "playbook", "csm", "segment", "band")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What triggers say as of a date.

    Attributes:
        as_of: newest reading at or before the date asked for.
        alerts: open ones, columns `ALERT_COLUMNS`, the largest expected loss first.
        over: episodes seen in the history that are over: trigger, account_id, first_seen, last_read, over_on (NaT for
            an account that is no longer read).
        not_evaluated: triggers that this history does not allow, with the reason.
    """

    as_of: pd.Timestamp
    alerts: pd.DataFrame
    over: pd.DataFrame
    not_evaluated: tuple[NotEvaluated, ...]


def alert_id(trigger: str, account: str, first_seen: str) -> str:
    """Name of an alert: the same trigger, account and first reading always give the same one.

    >>> alert_id("usage-below-40", "A1", "2026-01-31")
    'al-899f3559711b878d'
    """
    content = json.dumps([trigger, account, first_seen], ensure_ascii=True, separators=(",", ":"))
    return f"al-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def evaluate(
    history: pd.DataFrame,
    declared: Declared,
    *,
    as_of: pd.Timestamp | None = None,
    bands: Collection[str] | None = None,
) -> Evaluation:
    """Evaluate triggers on a score history as of a date; nothing read later is looked at.

    An account without a reading on the newest date at or before it is no longer read, and has no open alert.

    Args:
        history: see `churnbench.domain.score_history`.
        declared: triggers, playbooks and people.
        as_of: date; the newest reading when None.
        bands: bands that the config knows; those seen in the history when None.

    Returns:
        Alerts with evidence, owner and due date.

    Raises:
        InputError: for a history without readings at or before the date.
    """
    known = history if as_of is None else history.loc[history["as_of"] <= as_of].reset_index(drop=True)
    if known.empty:
        asked = "" if as_of is None else f" on or before {as_of:%Y-%m-%d}"
        raise InputError(f"there is no reading{asked}.", column="as_of", fix="Choose a later date, or add readings.")
    readings = Readings(known)
    fitted, others = fit_triggers(readings, declared.triggers, bands)
    newest = int(readings.days.max())
    open_tables, over_tables = [], []
    for one, signal, episodes in episodes_by_trigger(readings, fitted):
        last_day = readings.days[episodes["last_row"].to_numpy()]
        is_open = (episodes["closed_row"].to_numpy() < 0) & (last_day == newest)
        open_tables.append(_alerts(readings, one, signal, episodes[is_open], declared))
        over_tables.append(_over(readings, one, episodes[~is_open]))
    alerts, over = _joined(open_tables, ALERT_COLUMNS), _joined(over_tables, OVER_COLUMNS)
    order = ["expected_loss", "churn_probability", "account_id", "trigger"]
    ranked = alerts.sort_values(order, ascending=[False, False, True, True], kind="stable").reset_index(drop=True)
    return Evaluation(pd.Timestamp(np.datetime64(newest, "D")), ranked, over, tuple(others))


def episodes_by_trigger(readings: Readings, fitted: list[Fitted]) -> Iterator[tuple[Fitted, Signal, pd.DataFrame]]:
    """Yield each trigger with what it saw and its episodes, see `episodes_of`."""
    for one in fitted:
        trigger = one.trigger
        signal = filtered(KINDS[trigger.kind](readings, trigger, one.columns), readings, trigger)
        yield one, signal, episodes_of(signal, readings, trigger.cool_down_days)


def expected_loss(churn_probability: Floats, arr: Floats) -> Floats:
    """Value at risk: P(churn) x ARR, NaN where either is unknown."""
    return np.asarray(churn_probability * arr, dtype=np.float64)


def _alerts(
    readings: Readings, one: Fitted, signal: Signal, episodes: pd.DataFrame, declared: Declared
) -> pd.DataFrame:
    trigger: Trigger = one.trigger
    start, last = episodes["start_row"].to_numpy(), episodes["last_row"].to_numpy()
    first, latest = readings.frame.iloc[start], readings.frame.iloc[last]
    days = np.datetime_as_string(readings.days[start].astype("datetime64[D]"))
    accounts = first["account_id"].tolist()
    probability, arr = latest["churn_probability"].to_numpy(dtype=float), latest["arr"].to_numpy(dtype=float)
    columns = {
        "alert_id": [alert_id(trigger.id, account, str(day)) for account, day in zip(accounts, days, strict=True)],
        "trigger": trigger.id,
        "label": trigger.label,
        "account_id": accounts,
        "first_seen": first["as_of"].to_numpy(),
        "reading": signal.value[start],
        "evidence": sentences(trigger, one.columns, signal, readings, start),
        "owner": owners_of([trigger.owner] * len(start), latest["csm"], declared.settings),
        "due": working_days_after([trigger.due_days] * len(start), first["as_of"], declared.settings).to_numpy(),
        "playbook": trigger.playbook,
        "csm": latest["csm"].to_numpy(dtype=object),
        "segment": latest["segment"].to_numpy(dtype=object),
        "arr": arr,
        "churn_probability": probability,
        "expected_loss": expected_loss(probability, arr),
        "band": latest["band"].to_numpy(dtype=object),
        "health_score": latest["health_score"].to_numpy(dtype=float),
        "last_read": latest["as_of"].to_numpy(),
    }
    return pd.DataFrame(columns)


def _over(readings: Readings, one: Fitted, episodes: pd.DataFrame) -> pd.DataFrame:
    start, last = episodes["start_row"].to_numpy(), episodes["last_row"].to_numpy()
    closed = episodes["closed_row"].to_numpy()
    day = readings.days[np.maximum(closed, 0)].astype("datetime64[D]").astype("datetime64[ns]")
    columns = {
        "trigger": one.trigger.id,
        "account_id": readings.words("account_id")[start],
        "first_seen": readings.frame["as_of"].to_numpy()[start],
        "last_read": readings.frame["as_of"].to_numpy()[last],
        "over_on": np.where(closed >= 0, day, np.datetime64("NaT")),
    }
    return pd.DataFrame(columns)


def _joined(tables: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """One table of all; words stay objects, so that a table without any playbook joins the others."""
    filled = [table for table in tables if len(table)]
    if not filled:
        kinds = {name: "datetime64[ns]" if name in _DATES else object for name in columns}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    words = dict.fromkeys(set(_WORDS) & set(columns), object)
    return pd.concat([table.astype(words) for table in filled], ignore_index=True)
