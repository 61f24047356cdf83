"""What each verb does; `main` only parses."""

from __future__ import annotations

import shlex
import sys
import textwrap
from datetime import date
from pathlib import Path
from typing import Any

from churnbench.calibration.gate import small_data_tier
from churnbench.cli.progress import shown_progress
from churnbench.cli.summary import closing_summary, coloured
from churnbench.cli.terminal import filled, say, shows_colour
from churnbench.data.project import Project, load_project
from churnbench.data.world_settings import WorldSettings
from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.errors import BlockedError, ChurnbenchError, InputError
from churnbench.domain.findings import Finding
from churnbench.domain.recorder import Recorder
from churnbench.workflow import check_project, run_review
from churnbench.workflow.recording_words import unfinished_name
from churnbench.workflow.review import blocked_by

#: Product events per account and month in simulated facts.
_EVENTS = 60


def run(project_path: Path, out: Path, *, seed: int, show_progress: bool, **options: Path | None) -> None:
    """Run a project and print the closing summary; `options` are `draft` and `models` of `run_review`."""
    _run(load_project(project_path), out, seed=seed, show_progress=show_progress, **options)


def _run(project: Project, out: Path, *, seed: int, show_progress: bool, **options: Path | None) -> None:
    from churnbench.tracking import open_recorder

    recorder = open_recorder(
        project.tracking.uri,
        project.tracking.experiment or project.name,
        unfinished_name(project.name),
        Path.cwd(),
    )
    with shown_progress(forced=show_progress) as progress:
        review = run_review(project, out, seed=seed, recorder=recorder, progress=progress, **options)
    text = closing_summary(review.evidence, out)
    evidence = review.evidence
    say(
        coloured(text, evidence["verdict"]) if shows_colour() else text,
        out=out,
        verdict=evidence["verdict"],
        sentence=evidence["verdict_sentence"],
        delta_log_loss=evidence["delta_log_loss"],
        claim_level=evidence["claim_level"],
        warnings=evidence["warnings"],
        mlflow_run_id=evidence["mlflow_run_id"],
    )


def demo(out: Path, *, seed: int, show_progress: bool) -> None:
    """Simulate a book of accounts beside the results and run it."""
    from churnbench.data.simulate_demo import demo_project

    folder = out / "project"
    demo_project(folder)
    say(f"Simulated book of accounts in {folder} (2,000 accounts, 24 monthly snapshots); about half a minute to go.")
    _run(load_project(folder), out, seed=seed, show_progress=show_progress)


def demo_year(out: Path, *, seed: int, show_progress: bool) -> None:
    """Play a simulated company's year and say what was decided in each quarter."""
    from churnbench.tracking import open_recorder
    from churnbench.workflow.year import PAGE, play_year

    def opener(project: Project) -> Recorder:
        experiment = project.tracking.experiment or project.name
        return open_recorder(project.tracking.uri, experiment, unfinished_name(project.name), Path.cwd())

    say("A company's year: ten month ends, four reviews; some minutes to go.")
    with shown_progress(forced=show_progress) as progress:
        year = play_year(out, seed=seed, opener=opener, progress=progress)
    lines = [f"  {quarter.name}  {quarter.decision:<12}{quarter.why}" for quarter in year.quarters]
    text = "\n".join(
        textwrap.fill(line, 80, subsequent_indent=" " * 18, break_long_words=False, break_on_hyphens=False)
        for line in lines
    )
    say(
        f"\n{text}\n\n  Open      {out / PAGE}",
        out=out,
        quarters=[vars(quarter) for quarter in year.quarters],
        days=list(year.days),
    )


def init(folder: Path) -> None:
    """Write a project folder to start from."""
    from churnbench.data.simulate_demo import starter_project

    if folder.exists() and not folder.is_dir():
        raise InputError("a file has that name.", file=str(folder), fix="Name a new folder; nothing was changed.")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(
                "the folder is not empty.", file=str(folder), fix="Name a new folder; nothing was changed."
            )
        starter_project(folder)
    except OSError as error:
        raise InputError(
            f"the folder cannot be written: {error.strerror}.", file=str(folder), fix="Choose another place."
        ) from None
    say(
        f"Made {folder}: churnbench.toml with its comments, sample data, a notebook.\n"
        f"Next: name your own files under [data] in {folder / 'churnbench.toml'}, then\n"
        f"  churnbench check {shlex.quote(str(folder))}\n"
        f"  churnbench run {shlex.quote(str(folder))} --out {shlex.quote(f'runs/{folder.absolute().name}')}",
        folder=folder,
    )


def check(project_path: Path, *, seed: int, show_progress: bool) -> None:
    """Print what the checks found; blocked data end with exit code 3."""
    project = load_project(project_path)
    with shown_progress(forced=show_progress) as progress:
        cohort, findings = check_project(project, seed=seed, progress=progress)
    rows = cohort.labelled()
    events = int(rows.loc[rows["y"] == 1, "account_id"].nunique())
    say(
        f"churnbench check · {project.name} · {rows['account_id'].nunique():,} accounts, {len(rows):,} labelled rows, "
        f"{events:,} churned\nclaim level: {cohort.claim_level}\n",
        accounts=int(rows["account_id"].nunique()),
        rows=len(rows),
        events=events,
        claim_level=cohort.claim_level,
        warnings=list(cohort.warnings),
        checks=[{"id": f.id, "severity": f.severity, "detail": f.detail, "allowed": f.allowed} for f in findings],
        excluded=dict(cohort.excluded),
        blocked=[finding.id for finding in blocked_by(findings)],
    )
    for warning in cohort.warnings:
        say(filled("  note    ", warning))
    for finding in findings:
        say(_line(finding))
    if cohort.excluded:
        left_out = ", ".join(f"{count:,} {reason}" for reason, count in cohort.excluded.items())
        say("\n" + filled("  ", f"Not labelled: {left_out}."))
    blocking = blocked_by(findings)
    if blocking:
        raise BlockedError(f"blocked by {len(blocking)} check(s): {', '.join(f.id for f in blocking)}.")
    say("\n" + filled("", f"Nothing blocks. {_sufficiency(events)} Next: churnbench run."))


def _sufficiency(events: int) -> str:
    """What so many churned accounts allow; training will hold fewer, since the newest are kept for the holdout."""
    allowed = {
        "descriptive": "too few to learn from: today's formula will be described, nothing proposed",
        "proposal": "enough for a proposal, too few to promote it",
        "gated": "enough for the refit and the gate; boosting stays a challenger",
        "full": "enough for everything",
    }
    return f"{events:,} churned accounts are {allowed[small_data_tier(events)]}."


def _line(finding: Finding) -> str:
    allowed = "" if finding.allowed is None else f" Allowed: {finding.allowed}"
    return filled(f"  {finding.severity:<7} ", f"{finding.id}: {finding.detail}{allowed}")


def score(config: Path, data: Path, out: Path, *, allow_missing: bool) -> None:
    """Score a file."""
    from churnbench.export import score_file

    result = score_file(config, data, out, allow_missing=allow_missing)
    for warning in result.warnings:
        sys.stderr.write(f"churnbench: {warning}\n")
    bands = dict(result.bands)
    say(f"{result.rows:,} rows scored: {out}", out=out, rows=result.rows, bands=bands, warnings=result.warnings)


def simulate(
    out: Path,
    *,
    file_format: str | None,
    facts: bool,
    events: int | None,
    window: tuple[int, int],
    treat: float | None,
    hazard_shift: str | None = None,
    **knobs: Any,
) -> None:
    """Write a synthetic world, with a project file so that it can be run at once."""
    from churnbench.data.simulate import draw_world
    from churnbench.data.simulate_demo import simulated_project, streamed_project
    from churnbench.data.world_settings import CHUNK_ACCOUNTS, Treatment

    if file_format not in (None, "csv", "parquet"):
        raise InputError(f"--format '{file_format}' cannot be written.", fix="Use csv or parquet.")
    if events is not None and not facts:
        raise InputError("--events counts product events, which only --facts writes.", fix="Add --facts.")
    settings = WorldSettings(
        **knobs,
        window=OutcomeWindow(gap_days=window[0], horizon_days=window[1]),
        treatment=None if treat is None else Treatment(effect=treat),
        hazard_shift=None if hazard_shift is None else _shift(hazard_shift),
    )
    if facts:
        _simulate_facts(settings, out, file_format=file_format, events=_EVENTS if events is None else events)
        return
    if (file_format or ("csv" if settings.accounts <= CHUNK_ACCOUNTS else "parquet")) == "csv":
        simulated_project(draw_world(settings), out)
    else:
        streamed_project(settings, out)
    said = f"{settings.accounts:,} accounts, {settings.months} months in {out}; the truth is in {out / 'truth.json'}."
    say(said, out=out, accounts=settings.accounts, months=settings.months)


def _shift(text: str) -> tuple[date, float]:
    """Day and factor of `--hazard-shift`, e.g. 2025-07-01=1.5."""
    day, _, factor = text.partition("=")
    try:
        return date.fromisoformat(day.strip()), float(factor)
    except ValueError:
        raise InputError(
            f"'{text}' is no day and factor.", column="--hazard-shift", fix="Write them like 2025-07-01=1.5."
        ) from None


def _simulate_facts(settings: WorldSettings, out: Path, *, file_format: str | None, events: int) -> None:
    """Write a world of facts."""
    from churnbench.data.simulate_facts import facts_project
    from churnbench.data.world_facts import FactKnobs
    from churnbench.data.world_facts_tables import FACT_TABLES

    if file_format == "csv":
        raise InputError("Fact tables are Parquet.", fix="Leave out --format or --facts.")
    written = facts_project(settings, out, FactKnobs(events))
    facts = sum(written.rows[table] for table in FACT_TABLES)
    say(
        f"{settings.accounts:,} accounts, {settings.months} months, {facts:,} facts in {out};"
        f" the truth is in {out / 'truth.json'}.",
        out=out,
        accounts=settings.accounts,
        months=settings.months,
        facts=facts,
    )


def ui(project: Path, *, port: int) -> None:
    """Start MLflow's pages on loopback."""
    from churnbench.tracking import DEFAULT_URI, page_of, require_free, serve, shown_uri, ui_command

    uri, experiment = DEFAULT_URI, None
    if (project / "churnbench.toml").is_file() or project.is_file():
        opened = load_project(project)
        uri, experiment = opened.tracking.uri, opened.tracking.experiment or opened.name
    argv = ui_command(uri, Path.cwd(), port)
    require_free(port)
    say(
        f"Reviews in {shown_uri(uri, Path.cwd())}, as soon as MLflow has started (Ctrl-C stops it):\n"
        f"  {page_of(uri, Path.cwd(), experiment, port)}"
    )
    sys.stdout.flush()
    code = serve(argv)
    if code:
        raise ChurnbenchError(f"MLflow ended by itself with code {code}; its own words stand above.")
