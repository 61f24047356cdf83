"""A simulated company's year with the score: ten month ends, four reviews, and what was decided in each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from churnbench.data.project import Project, load_project
from churnbench.data.simulate_year import NAME, Company, simulate_company
from churnbench.domain.errors import InputError
from churnbench.domain.progress import Progress, Silent
from churnbench.domain.recorder import Recorder
from churnbench.export.files import refuse_filled, replaced_whole
from churnbench.formula import metric_inputs
from churnbench.history import open_store
from churnbench.monitoring.budget import DATA
from churnbench.release import active, decisions, folder_of, promote, rollback
from churnbench.release import store as releases
from churnbench.reports.year import render_year
from churnbench.workflow.daily import run_day
from churnbench.workflow.monitored import Monitored, monitor_project, watched_config
from churnbench.workflow.publish import write_json
from churnbench.workflow.review import run_review

BY, ROLE = "Ada Byron", "VP Customer Success"
QUARTERS = {date(2025, 3, 31): "Q1", date(2025, 6, 30): "Q2", date(2025, 9, 30): "Q3", date(2025, 12, 31): "Q4"}
REPORTS = ("portfolio", "early-warning", "executive")
LATE = "A simulated year, played after it ended"
RESULT, PAGE = "year.json", "year.html"

#: Opens what records a run of a project; every run gets its own.
Opener = Callable[[Project], Recorder]


@dataclass(frozen=True)
class Quarter:
    """One review of the year.

    Attributes:
        name: Q1 to Q4.
        on: last day that the review saw.
        monitoring: sentence of the look at the config in force; None while nothing was released.
        verdict, sentence: of the review.
        decision: "promoted", "refused" or "rolled back".
        why: in a sentence.
        version: config in force afterwards, None without one.
        pages: what can be opened, relative to the year's folder.
    """

    name: str
    on: str
    monitoring: str | None
    verdict: str
    sentence: str
    decision: str
    why: str
    version: str | None
    pages: dict[str, str]


@dataclass(frozen=True, eq=False)
class Year:
    """The year and where it lies.

    Attributes:
        quarters: its four reviews.
        days: per month end in use: as_of, readings, new alerts, open alerts, config version.
        out: folder.
    """

    quarters: tuple[Quarter, ...]
    days: tuple[dict[str, Any], ...]
    out: Path


def play_year(
    out: Path,
    *,
    seed: int = 0,
    company: Company | None = None,
    opener: Opener | None = None,
    progress: Progress | None = None,
) -> Year:
    """Play the year: each month end with what was known then, each quarter with its review.

    The decisions follow from what the tools say, by three rules: a release is taken back when monitoring asks to look
    at data that it reads and the one before it does not; a candidate with verdict "promote" is promoted; any other
    is refused, by `promote` itself.

    Args:
        out: absent or empty.
        seed: seed of the reviews.
        company: another company than the shipped one.
        opener: opens the recorder of a review; nothing is recorded when None.
        progress: told what is going on.

    Raises:
        InputError: a filled folder.
    """
    refuse_filled(out)
    told = progress or Silent()
    told.stage("simulating the company")
    made = company or simulate_company()
    quarters: list[Quarter] = []
    days: list[dict[str, Any]] = []
    reports: dict[str, str] = {}
    for month in made.month_ends():
        project = load_project(made.write_project(out / "company", month))
        if quarters and quarters[-1].version is not None:
            told.stage(f"{month:%B}: scores, alerts, reports")
            facts, reports = _day(project, out, month)
            days.append(facts)
        if month in QUARTERS:
            told.stage(f"review of {QUARTERS[month]}")
            released = bool(quarters and quarters[-1].version)
            quarter = _quarter(project, out, month, seed, opener, released=released)
            quarters.append(replace(quarter, pages=quarter.pages | reports))
    year = Year(tuple(quarters), tuple(days), out)
    facts = {"company": NAME, "quarters": [asdict(one) for one in quarters], "days": days}
    write_json(out / RESULT, facts)
    with replaced_whole(out / PAGE) as temporary:
        temporary.write_text(render_year(facts), encoding="utf-8", newline="\n")
    return year


def _day(project: Project, out: Path, month: date) -> tuple[dict[str, Any], dict[str, str]]:
    """What the day did, and at a quarter's end its reports on the book, kept where the next day does not reach."""
    day = run_day(
        project,
        out / "daily",
        today=month,
        models=out / "models",
        store=out / "history",
        reports=REPORTS if month in QUARTERS else (),
        reason=LATE,
    )
    with open_store(out / "history") as store:
        version = store.history(since=month, until=month)["config_version"].iloc[0]
    signals = [one for one in day.alerts.opened if one["trigger"] not in day.scheduled]
    still = [one for one in day.alerts.open_records if one["trigger"] not in day.scheduled]
    facts = {
        "as_of": f"{day.as_of}",
        "readings": day.appended.added,
        "new_alerts": len(signals),
        "open_alerts": len(still),
        "config_version": version,
    }
    return facts, {kind: _kept(day.files[kind], out, month) for kind in REPORTS if kind in day.files}


def _kept(report: Path, out: Path, month: date) -> str:
    page = f"{QUARTERS[month].lower()}/reports/{report.name}"
    (out / page).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(report, out / page)
    return page


def _quarter(project: Project, out: Path, month: date, seed: int, opener: Opener | None, *, released: bool) -> Quarter:
    name, models = QUARTERS[month], out / "models"
    folder = out / name.lower()
    watched = _monitored(project, models, folder / "monitoring", seed) if released else None
    recorder = opener(project) if opener else None
    review = run_review(project, folder / "run", seed=seed, models=models, recorder=recorder)
    decision, why = _decide(folder / "run", models, name, review.evidence, watched)
    pages = {"review": f"{name.lower()}/run/review.html"}
    if watched is not None:
        pages["monitoring"] = f"{name.lower()}/monitoring/monitoring.html"
    pointer = releases.read_pointer(folder_of(models, NAME))
    return Quarter(
        name,
        month.isoformat(),
        None if watched is None else watched.found.sentence,
        review.evidence["verdict"],
        review.evidence["verdict_sentence"],
        decision,
        why,
        None if pointer is None else pointer.version,
        pages,
    )


def _monitored(project: Project, models: Path, out: Path, seed: int) -> Monitored:
    return monitor_project(project, watched_config(project, config=None, models=models), out, seed=seed)


def _decide(run: Path, models: Path, name: str, evidence: dict[str, Any], watched: Monitored | None) -> tuple[str, str]:
    if watched is not None and watched.found.verdict == DATA:
        reason = f"Monitoring of {name}: {' '.join(watched.found.data_problems)}"
        if _reads_what_the_one_before_did_not(models, watched):
            rollback(models, NAME, by=BY, role=ROLE, reason=reason[:1500])
            return "rolled back", reason
    try:
        promote(run, models, by=BY, role=ROLE, decision=f"Review of {name}: {evidence['verdict_sentence']}"[:1000])
    except InputError as refusal:
        return "refused", refusal.message[:1].upper() + refusal.message[1:]
    found = evidence["delta_log_loss"]
    low, high = found["ci90"]
    return "promoted", f"Log loss on the holdout falls by {found['value']:.4f} (90 % interval {low:.4f} to {high:.4f})."


def _reads_what_the_one_before_did_not(models: Path, watched: Monitored) -> bool:
    """Whether a drifting column feeds the release in force, and an earlier release can do without it."""
    faulty = {drift.name for drift in watched.found.drifts if drift.problem}
    folder = folder_of(models, NAME)
    now = metric_inputs(dict(active(models, NAME)[0]["body"]))
    earlier = [releases.released(folder, entry["sequence"])["body"] for entry in decisions(folder)]
    return bool(faulty & set(now)) and any(not faulty & set(metric_inputs(dict(body))) for body in earlier)
