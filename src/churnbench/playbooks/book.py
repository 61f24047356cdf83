"""The book of alerts: what was raised, what is open, how each one ended. Events are only ever added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.playbooks.actions import Record, records_of
from churnbench.playbooks.declared import Declared
from churnbench.playbooks.evaluate import Evaluation
from churnbench.playbooks.journal import Journal, alone

#: How an alert may end when a person closes it.
OUTCOMES = ("done", "no-answer", "false-alarm", "churned", "other")


@dataclass
class Entry:
    """One alert in the book.

    Attributes:
        record: the alert as it was raised.
        status: "open", "over" (the condition cleared) or "closed" (by a person).
        on: as-of date of the last event.
        outcome: of a closed one.
    """

    record: Record
    status: str
    on: str
    outcome: str | None = None


@dataclass(frozen=True)
class Update:
    """What an evaluation changed in the book.

    Attributes:
        opened: alerts raised now, most expected loss first.
        continuing: open before and still so.
        held: not raised, since the CSM has had this week's share; they compete again next time.
        resting: not raised, since a person closed one of the kind within the cool-down.
        over: those whose condition cleared, or whose account is no longer read.
    """

    opened: tuple[Record, ...]
    continuing: tuple[Record, ...]
    held: tuple[Record, ...]
    resting: tuple[Record, ...]
    over: tuple[Record, ...]

    @property
    def open_records(self) -> list[Record]:
        """Everything that is open now."""
        return [*self.opened, *self.continuing]


class AlertBook:
    """The alerts of one project, in a folder.

    Args:
        folder: `alerts.jsonl` and `deliveries.jsonl` lie here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder / "alerts.jsonl")

    def entries(self) -> dict[str, Entry]:
        """The alerts by id, in the order in which they were raised."""
        found: dict[str, Entry] = {}
        for event in self.journal.read():
            _apply(found, event)
        return found

    def newest(self) -> str:
        """As-of date of the newest evaluation that left a trace in the book, like 2026-01-31; "" for an empty book."""
        return _newest(self.entries())

    def update(self, evaluation: Evaluation, declared: Declared) -> Update:
        """Bring the book up to an evaluation.

        Raises:
            InputError: when the book has seen a later date, or another process is writing.
        """
        with alone(self.folder):
            entries = self.entries()
            today = f"{evaluation.as_of:%Y-%m-%d}"
            latest = _newest(entries)
            if latest > today:
                raise InputError(
                    f"the alerts were evaluated as of {latest} already; {today} lies before it.",
                    file=str(self.folder),
                    column="--as-of",
                    fix="Evaluate a later date, or name another --state.",
                )
            made = _compared(entries, evaluation, declared)
            self.journal.append(
                [
                    *({"event": "over", "alert_id": record["alert_id"], "on": today} for record in made.over),
                    *({"event": "opened", "on": today, "alert": record} for record in made.opened),
                ]
            )
            return made

    def close(self, alert: str, outcome: str, *, on: date, by: str = "", note: str = "") -> Entry:
        """Close an alert by hand; it does not come back until its condition has cleared and the cool-down is over.

        Raises:
            InputError: see `closable`.
        """
        with alone(self.folder):
            entry = self.closable(alert, outcome)
            event = {"event": "closed", "alert_id": alert, "on": f"{on:%Y-%m-%d}", "outcome": outcome}
            self.journal.append([{**event, "by": by, "note": note}])
            return Entry(entry.record, "closed", event["on"], outcome)

    def closable(self, alert: str, outcome: str) -> Entry:
        """The alert, if it can be closed with this outcome.

        Raises:
            InputError: for an unknown alert or outcome, and for one that is closed already.
        """
        if outcome not in OUTCOMES:
            raise InputError(f"'{outcome}' is no outcome.", column="--outcome", fix=f"Use {', '.join(OUTCOMES)}.")
        entry = self.entries().get(alert)
        if entry is None:
            raise InputError(f"there is no alert '{alert}'.", file=str(self.folder), fix="Look at alerts.jsonl.")
        if entry.status == "closed":
            raise InputError(
                f"alert '{alert}' was closed on {entry.on} ({entry.outcome}).",
                file=str(self.folder),
                fix="Nothing was changed.",
            )
        return entry


def _newest(entries: Mapping[str, Entry]) -> str:
    # A person closes alerts by the calendar, which runs ahead of the readings.
    return max((entry.on for entry in entries.values() if entry.status != "closed"), default="")


def _apply(found: dict[str, Entry], event: Mapping[str, Any]) -> None:
    if event["event"] == "opened":
        record = event["alert"]
        found[record["alert_id"]] = Entry(record, "open", event["on"])
    elif event["alert_id"] in found:
        entry = found[event["alert_id"]]
        entry.status, entry.on, entry.outcome = event["event"], event["on"], event.get("outcome")


def _compared(entries: Mapping[str, Entry], evaluation: Evaluation, declared: Declared) -> Update:
    """Part the open episodes of an evaluation by what the book knows of them."""
    alerts = evaluation.alerts
    place = {entry.record["alert_id"]: _pair(entry.record) for entry in entries.values() if entry.status == "open"}
    seen_over = _ids_over(evaluation, set(place.values()))
    current = dict(zip(alerts["alert_id"], zip(alerts["trigger"], alerts["account_id"], strict=True), strict=True))
    # An open alert whose episode is neither open nor over in this history began before the history does: it covers
    # the episode that is open now, else a shortened history would raise everything again.
    covered = {
        pair: name
        for name, pair in place.items()
        if name not in current and (*pair, _began(entries, name)) not in seen_over
    }
    resting = _resting(entries, evaluation, declared)
    going, fresh, quiet = [], [], []
    for name, pair in current.items():
        if name in entries and entries[name].status != "over":
            going.append(name if entries[name].status == "open" else "")
        elif pair in covered:
            going.append(covered[pair])
        elif pair in resting:
            quiet.append(name)
        else:
            fresh.append(name)
    kept = {name for name in going if name}
    rows = alerts.set_index("alert_id", drop=False)
    candidates = records_of(rows.loc[fresh], declared, evaluation.as_of)
    opened, held = _within_limits(candidates, entries, evaluation, declared)
    return Update(
        opened=tuple(opened),
        continuing=tuple(entries[name].record for name in kept),
        held=tuple(held),
        resting=tuple(records_of(rows.loc[quiet], declared, evaluation.as_of)),
        over=tuple(entries[name].record for name in place if name not in kept),
    )


def _pair(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["trigger"], record["account_id"]


def _began(entries: Mapping[str, Entry], name: str) -> str:
    return str(entries[name].record["first_seen"])


def _ids_over(evaluation: Evaluation, pairs: set[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Episodes that are over, of those triggers and accounts only."""
    over = evaluation.over
    wanted = over.loc[over["account_id"].isin({account for _, account in pairs})]
    days = wanted["first_seen"].astype("datetime64[ns]").dt.strftime("%Y-%m-%d")
    found = zip(wanted["trigger"], wanted["account_id"], days, strict=True)
    return {episode for episode in found if episode[:2] in pairs}


def _resting(entries: Mapping[str, Entry], evaluation: Evaluation, declared: Declared) -> set[tuple[str, str]]:
    """Trigger and account of alerts that a person closed within the cool-down."""
    rest = {trigger.id: trigger.cool_down_days for trigger in declared.triggers}
    today = evaluation.as_of.date()
    return {
        _pair(entry.record)
        for entry in entries.values()
        if entry.status == "closed"
        and date.fromisoformat(entry.on) + timedelta(days=rest.get(entry.record["trigger"], 0)) > today
    }


def _within_limits(
    candidates: Sequence[Record], entries: Mapping[str, Entry], evaluation: Evaluation, declared: Declared
) -> tuple[list[Record], list[Record]]:
    """The most valuable warnings up to each CSM's share of the week; what a schedule asks for is always raised."""
    most = declared.settings.per_csm_week
    if most is None:
        return list(candidates), []
    scheduled = {trigger.id for trigger in declared.triggers if trigger.scheduled}
    week = evaluation.as_of.isocalendar()[:2]
    had: Counter[str | None] = Counter()
    for entry in entries.values():
        raised = date.fromisoformat(entry.record["raised_on"])
        if raised.isocalendar()[:2] == week and entry.record["trigger"] not in scheduled:
            had[entry.record["csm"]] += 1
    opened, held = [], []
    for record in candidates:
        if record["trigger"] in scheduled:
            opened.append(record)
        elif had[record["csm"]] < most:
            had[record["csm"]] += 1
            opened.append(record)
        else:
            held.append(record)
    return opened, held
