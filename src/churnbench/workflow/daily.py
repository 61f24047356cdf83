"""One day of the score in use: score, append, raise alerts, write reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from churnbench.cohort import History, open_history
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.export import Document, checked_scorer, read_document
from churnbench.health import Book, playbook_actions
from churnbench.history import Appended, ScoreStore, open_store, score_day
from churnbench.labels.outcomes import Outcomes
from churnbench.playbooks import AlertBook, Declared, NotEvaluated, Record, Update, evaluate, write_alerts
from churnbench.release import active
from churnbench.workflow.alerting import beside, declared_of, trigger_columns
from churnbench.workflow.documents import config_id
from churnbench.workflow.health_book import book_of
from churnbench.workflow.health_reports import make_report, write_report
from churnbench.workflow.score_frames import with_attributes
from churnbench.workflow.stored_history import thinned

REPORTS = ("portfolio", "early-warning", "executive", "cohorts")
#: Accounts with most at stake that get a report of their own, with the actions of their playbooks.
ACCOUNT_REPORTS = 10
#: Days of history that triggers read beside their own windows, so that an alert under way is recognised.
_MARGIN_DAYS = 60


@dataclass(frozen=True, eq=False)
class Day:
    """What a day did.

    Attributes:
        as_of: the day of the readings.
        appended: readings added, already there, left out.
        newly_frozen: accounts whose churn became known.
        alerts: what the evaluation changed in the book of alerts.
        scheduled: ids of the triggers that come by the calendar (cadence, renewal clock), not by a signal.
        not_evaluated: triggers that could not be evaluated, with their reasons.
        files: what was written, by kind.
    """

    as_of: date
    appended: Appended
    newly_frozen: int
    alerts: Update
    scheduled: frozenset[str]
    not_evaluated: tuple[NotEvaluated, ...]
    files: dict[str, Path]


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

    Run again, it changes nothing: readings that are there stay, alerts that are open stay open.

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
    cohort, out = data.cohort(), asked.out
    day, inputs = _inputs(project, cohort, data.accounts, asked.as_of)
    declared = declared_of(project)
    with open_store(_place(project, asked.store)) as kept:
        frozen = kept.freeze(_gone(data.outcomes(), day), today=asked.today, reason=asked.reason)
        appended = _append(project, kept, document, inputs, day, asked)
        recent = kept.history(since=day - timedelta(days=_look_back(declared)), until=day)
        readings = thinned(kept, day)
    read = beside(recent, _further(project, cohort, declared, recent))
    made = evaluate(read, declared, bands=tuple(band for band, _ in document["body"]["bands"]))
    out.mkdir(parents=True, exist_ok=True)
    update = AlertBook(out / "alerts").update(made, declared)
    scheduled = frozenset(trigger.id for trigger in declared.triggers if trigger.scheduled)
    raised = sorted(update.open_records, key=lambda one: (one["trigger"] in scheduled, -(one["expected_loss"] or 0.0)))
    files = {"alerts": write_alerts(raised, out / "alerts.csv"), "tasks": write_alerts(raised, out / "alerts.md")}
    book = book_of(project, config=asked.config, models=asked.models, as_of=day, history=readings, data=data)
    files |= _reports(book, out, asked.reports, raised)
    return Day(day, appended, frozen, update, scheduled, made.not_evaluated, files)


def _inputs(
    project: Project, cohort: Cohort, accounts: pd.DataFrame | None, as_of: date | None
) -> tuple[date, pd.DataFrame]:
    """The newest snapshot by a date, with attributes; accounts that had churned by then are left out."""
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
    rows = rows[(rows["as_of"] == newest) & (rows["churned_on"].isna() | (rows["churned_on"] > newest))]
    return newest.date(), with_attributes(
        rows.drop(columns=["as_of", "churned_on"], errors="ignore").assign(as_of=newest), accounts
    ).drop(columns="as_of")


def _gone(outcomes: Outcomes, day: date) -> pd.DataFrame:
    """Accounts that had left by a day, as was on record then; who has come back since is a customer again."""
    churns, today = outcomes.churns, pd.Timestamp(day)
    left = churns["churned_on"].fillna(churns["churn_at"])
    known = (churns["known_on"].fillna(left) <= today) & (left <= today) & ~(churns["back_on"] <= today)
    return pd.DataFrame({"account_id": churns.loc[known, "account_id"], "churned_on": left[known]})


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


def _look_back(declared: Declared) -> int:
    windows = [trigger.days or 0 for trigger in declared.triggers]
    return max([*windows, *(trigger.cool_down_days for trigger in declared.triggers)], default=0) + _MARGIN_DAYS


def _further(project: Project, cohort: Cohort, declared: Declared, history: pd.DataFrame) -> pd.DataFrame:
    """Metrics that triggers may name and the config in force does not read, as known on each day."""
    dates = set(history["as_of"].unique())
    frame = cohort.frame[cohort.frame["as_of"].isin(dates)]
    found = frame[["account_id", "as_of", *(name for name in cohort.metrics if name not in history)]]
    extra = trigger_columns(project, declared, {*history.columns, *found.columns})
    return found if extra is None else beside(found, extra)


def _reports(book: Book, out: Path, kinds: Iterable[str], alerts: Sequence[Record]) -> dict[str, Path]:
    folder = out / "reports"
    folder.mkdir(exist_ok=True)
    files = {kind: write_report(make_report(book, kind), folder / f"{kind}.html") for kind in kinds}
    active_accounts = set(book.current["account_id"])
    worst: dict[str, list[Record]] = {}
    for record in alerts:  # signals before the calendar, the most at stake first
        if record["account_id"] in active_accounts:
            worst.setdefault(record["account_id"], []).append(record)
    for number, (account, raised) in enumerate(list(worst.items())[:ACCOUNT_REPORTS], start=1):
        report = make_report(book, "account", account=account, actions=playbook_actions(raised))
        # Numbered and not named: an account's id may be anything.
        files[f"account {account}"] = write_report(report, folder / f"account-{number:02d}.html")
    return files
