"""What happened to an account, as its history, its outcomes and the log of interventions tell."""

from __future__ import annotations

from typing import Any

import pandas as pd

from churnbench.health.account_parts import Account
from churnbench.health.result import Chart, Column, Section, Table, known, scalar

_EVENT_FALL = 10.0
_SHOWN = 20


def history_section(account: Account) -> Section:
    """The score over time with key events."""
    readings = account.readings
    events = key_events(account)
    data = {
        "points": [
            [scalar(day), known(score)] for day, score in zip(readings["as_of"], readings["health_score"], strict=True)
        ],
        "bands": [[name, start] for name, start in account.book.bands],
        "events": [[entry["date"], entry["event"]] for entry in events],
    }
    logged = "" if account.book.interventions is not None else " No log of interventions is declared."
    how = (
        f"{len(readings)} readings. Events: change of band, change of {_EVENT_FALL:g} points between two readings, "
        "override, recorded expansion or contraction, churn and return, intervention, renewal date moved, change of "
        f"config.{logged}"
    )
    columns = [Column("date", "Date", "date"), Column("event", "Event"), Column("detail", "Detail")]
    title = "Key events, newest first" + (f" ({_SHOWN} of {len(events)})" if len(events) > _SHOWN else "")
    return Section(
        "history",
        "Score history and key events",
        f"{_many(len(readings), 'reading')} since {readings['as_of'].min():%Y-%m-%d}; {_many(len(events), 'event')}.",
        [
            Chart("history", "Health score", "history", data, how),
            Table("events", title, columns, events[::-1][:_SHOWN], how, empty="none"),
        ],
    )


def key_events(account: Account) -> list[dict[str, Any]]:
    """What happened to an account, oldest first."""
    readings = account.readings.reset_index(drop=True)
    found: list[dict[str, Any]] = []
    for place in range(len(readings)):
        before, now = readings.iloc[place - 1] if place else None, readings.iloc[place]
        found += _override(before, now)
        if before is not None:
            found += _between(before, now)
    return sorted([*found, *_recorded(account), *_interventions(account)], key=lambda entry: str(entry["date"]))


def _event(day: Any, event: str, detail: str = "") -> dict[str, Any]:
    return {"date": scalar(day), "event": event, "detail": detail}


def _between(before: pd.Series, now: pd.Series) -> list[dict[str, Any]]:
    """What changed from one reading to the next."""
    day, found = now["as_of"], []
    was, score = known(before["health_score"]), known(now["health_score"])
    if before["band"] != now["band"]:
        found.append(_event(day, f"{before['band']} to {now['band']}", _scores(was, score)))
    if was is not None and score is not None and abs(score - was) >= _EVENT_FALL:
        found.append(_event(day, "Score falls" if score < was else "Score rises", _scores(was, score)))
    if before["body_sha256"] != now["body_sha256"] and now["body_sha256"] is not None:
        found.append(_event(day, "Config changes", f"to {now['config_version']}"))
    then, renewal = before["renewal_on"], now["renewal_on"]
    if pd.notna(then) and pd.notna(renewal) and then != renewal:
        found.append(_event(day, "Renewal date moves", f"{then:%Y-%m-%d} to {renewal:%Y-%m-%d}"))
    return found


def _override(before: pd.Series | None, now: pd.Series) -> list[dict[str, Any]]:
    """A manual override that begins to show; histories of a store carry them."""
    this, last = (None if row is None else scalar(row.get("override_id")) for row in (now, before))
    if this == last:
        return []
    if this is None:
        return [_event(now["as_of"], "Override ends")]
    shown = scalar(now.get("override_band"))
    shown = f"score {known(now.get('override_score')):g}" if shown is None else f"band {shown}"
    return [_event(now["as_of"], f"Override: {shown}", f"{now['override_reason']} ({now['override_author']})")]


def _recorded(account: Account) -> list[dict[str, Any]]:
    """Expansion, contraction, churn and return."""
    book, name, found = account.book, account.row["account_id"], list[dict[str, Any]]()
    for _, change in book.changes[book.changes["account_id"] == name].iterrows():
        share = known(change["share"])
        detail = "" if share is None else f"{share:+.0%} of ARR"
        found.append(_event(change["on"], str(change["kind"]).capitalize(), detail))
    for _, gone in book.churns[book.churns["account_id"] == name].iterrows():
        found.append(_event(gone["churn_at"], "Leaves", "involuntary" if scalar(gone["involuntary"]) is True else ""))
        if pd.notna(gone["back_on"]):
            found.append(_event(gone["back_on"], "Comes back"))
    return found


def _interventions(account: Account) -> list[dict[str, Any]]:
    log = account.book.interventions
    if log is None:
        return []
    found = []
    for entry in log[log["account_id"] == account.row["account_id"]].to_dict("records"):
        what = f"Intervention: {entry['kind']}" if entry["treated"] else f"Held out: {entry['kind']}"
        words = (scalar(entry["trigger"]), scalar(entry["outcome"]))
        found.append(_event(entry["started_on"], what, "; ".join(str(word) for word in words if word)))
    return found


def _scores(was: float | None, now: float | None) -> str:
    return " to ".join("no score" if value is None else f"{value:.1f}" for value in (was, now))


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
