"""One day of the score in use: score, append, raise alerts, write reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from churnbench.cohort import History, open_history
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.export import Document, checked_scorer, read_document
from churnbench.history import Appended, Frozen, ScoreStore, open_store, score_day
from churnbench.labels.outcomes import Outcomes
from churnbench.playbooks import AlertBook, NotEvaluated, Update, evaluate, write_alerts
from churnbench.release import active
from churnbench.workflow.alerting import bands_of, declared_of, stored_readings
from churnbench.workflow.daily_reports import write_reports
from churnbench.workflow.documents import config_id
from churnbench.workflow.health_book import book_of
from churnbench.workflow.score_frames import with_attributes
from churnbench.workflow.stored_history import thinned
from churnbench.workflow.usable import usable

#: Folder in `out` that remembers alerts and deliveries.
ALERTS = "alerts"
REPORTS = ("portfolio", "early-warning", "executive", "cohorts")


@dataclass(frozen=True, eq=False)
class Day:
    """What a day did.

    Attributes:
        as_of: the day of the readings.
        appended: readings added, already there, left out.
        outcomes: accounts whose churn, or whose return, became known.
        after_churn: accounts left out: their churn, or notice of it, is on record by the day, and no return.
        alerts: what the evaluation changed in the book of alerts.
        scheduled: ids of the triggers that come by the calendar (cadence, renewal clock), not by a signal.
        not_evaluated: triggers that could not be evaluated, with their reasons.
        files: what was written, by kind.
        kept_as_of: where the alerts have seen a later day, that day: the readings are kept, and alerts and reports stay
            as they are; "" otherwise.
    """

    as_of: date
    appended: Appended
    outcomes: Frozen
    after_churn: tuple[str, ...]
    alerts: Update
    scheduled: frozenset[str]
    not_evaluated: tuple[NotEvaluated, ...]
    files: dict[str, Path]
    kept_as_of: str = ""


_NO_ALERTS = Update((), (), (), (), ())


def document_in_force(project: Project, *, config: Path | None, models: Path) -> Document:
    """The config that scores: the one named, else the active release.

    Raises:
        InputError: none, or a refused one.
    """
    document = read_document(config) if config is not None else active(models, config_id(project.name))[0]
    checked_scorer(document, file=None if config is None else str(config))
    return document


def run_day(
    project: Project,
    out: Path,
    *,
    today: date,
    as_of: date | None = None,
    config: Path | None = None,
    models: Path = Path("models"),
    store: str | Path | None = None,
    reports: Sequence[str] = REPORTS,
    reason: str | None = None,
) -> Day:
    """Score the newest snapshot by a date, append it, evaluate triggers and write reports.

    Run again, it changes nothing: readings that are there stay, alerts that are open stay open. A day before the
    newest one that the alerts have seen is kept in the history, and changes neither alerts nor reports.

    Args:
        project: from `load_project`; dated.
        out: folder for alerts and reports; `alerts/` in it remembers what was raised.
        today: the day of the run; readings after it are refused.
        as_of: last date of the readings looked at; default: the newest snapshot.
        config: weight config; default: the active release in `models`.
        models: folder of released configs.
        store: the score history; default: that of `[history]`.
        reports: kinds of reports about the book.
        reason: why a day comes late.

    Raises:
        InputError: no config, no snapshot by that date, a reading that contradicts one that is there.
    """
    document = document_in_force(project, config=config, models=models)
    data = open_history(project)
    try:
        return _day(project, document, data, _Asked(out, today, as_of, config, models, tuple(reports), reason, store))
    finally:
        data.close()


@dataclass(frozen=True)
class _Asked:
    """The arguments of `run_day`."""

    out: Path
    today: date
    as_of: date | None
    config: Path | None
    models: Path
    reports: tuple[str, ...]
    reason: str | None
    store: str | Path | None


def _day(project: Project, document: Document, data: History, asked: _Asked) -> Day:
    cohort, out = usable(project, data.cohort()), asked.out
    day, inputs, after_churn = _inputs(project, cohort, data.accounts, asked.as_of)
    declared = declared_of(project)
    with open_store(_place(project, asked.store)) as kept:
        outcomes = kept.freeze(_known(data.outcomes(), day), today=asked.today, reason=asked.reason)
        appended = _append(project, kept, document, inputs, day, asked)
        book_of_alerts = AlertBook(out / ALERTS)
        later = book_of_alerts.newest()
        if later > f"{day}":
            return Day(day, appended, outcomes, after_churn, _NO_ALERTS, frozenset(), (), {}, later)
        read = stored_readings(project, cohort, declared, kept, day)
        readings = thinned(kept, day)
    made = evaluate(read, declared, bands=bands_of(document))
    out.mkdir(parents=True, exist_ok=True)
    update = book_of_alerts.update(made, declared)
    scheduled = frozenset(trigger.id for trigger in declared.triggers if trigger.scheduled)
    raised = sorted(update.open_records, key=lambda one: (one["trigger"] in scheduled, -(one["expected_loss"] or 0.0)))
    files = {"alerts": write_alerts(raised, out / "alerts.csv"), "tasks": write_alerts(raised, out / "alerts.md")}
    book = book_of(project, config=asked.config, models=asked.models, as_of=day, history=readings, data=data)
    files |= write_reports(book, out, asked.reports, raised)
    return Day(day, appended, outcomes, after_churn, update, scheduled, made.not_evaluated, files)


def _inputs(
    project: Project, cohort: Cohort, accounts: pd.DataFrame | None, as_of: date | None
) -> tuple[date, pd.DataFrame, tuple[str, ...]]:
    """The newest snapshot by a date, with attributes; accounts that had churned by then are left out, and named."""
    if not cohort.dated:
        raise InputError(
            "the data have no dates, so there is no day to score.",
            file=project.file,
            fix="Give snapshots with an as_of column, or use churnbench score.",
        )
    rows = cohort.frame
    rows = rows if as_of is None else rows[rows["as_of"] <= pd.Timestamp(as_of)]
    if rows.empty:
        first = cohort.frame["as_of"].min()
        raise InputError(
            f"there is no snapshot by {as_of}; the first one is of {first:%Y-%m-%d}.",
            file=project.file,
            column="--as-of",
            fix="Choose a later date.",
        )
    newest = rows["as_of"].max()
    rows = rows[rows["as_of"] == newest]
    gone = rows["churned_on"] <= newest
    plain = rows[~gone].drop(columns=["as_of", "churned_on"], errors="ignore").assign(as_of=newest)
    return newest.date(), with_attributes(plain, accounts).drop(columns="as_of"), tuple(rows.loc[gone, "account_id"])


def _known(outcomes: Outcomes, day: date) -> pd.DataFrame:
    """Churns and returns by a day, as was on record then: account_id, churned_on (of a return: its day), kind."""
    churns, today = outcomes.churns, pd.Timestamp(day)
    left = churns["churned_on"].fillna(churns["churn_at"])
    gone = (churns["known_on"].fillna(left) <= today) & (left <= today)
    back = gone & (churns["back_on"] <= today)
    parts = (("churn", gone, left), ("reactivation", back, churns["back_on"]))
    tables = [
        pd.DataFrame({"account_id": churns.loc[rows, "account_id"], "churned_on": on[rows], "kind": kind})
        for kind, rows, on in parts
    ]
    return pd.concat(tables, ignore_index=True)


def _append(
    project: Project,
    kept: ScoreStore,
    document: Document,
    inputs: pd.DataFrame,
    day: date,
    asked: _Asked,
) -> Appended:
    settings = project.history
    readings = score_day(
        document,
        inputs,
        day,
        state=kept.state(day, band_after=settings.band_after),
        overrides=list(kept.overrides()),
        band_after=settings.band_after,
    )
    late = settings.late_after_days
    return kept.append(document, readings, today=asked.today, reason=asked.reason, late_after_days=late)


def _place(project: Project, store: str | Path | None) -> str:
    chosen = str(project.history.store if store is None else store)
    # A folder of the project file counts from the file, as every path in it.
    return chosen if store is not None or "://" in chosen else str(project.root / chosen)
