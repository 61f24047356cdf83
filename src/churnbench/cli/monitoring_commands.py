"""What the verb `monitor` does; `monitoring_verbs` only parses."""

from __future__ import annotations

import shlex
import sys
import textwrap
from pathlib import Path

from churnbench.cli.dates import typed_date
from churnbench.cli.progress import shown_progress
from churnbench.cli.terminal import say
from churnbench.data.project import Project, load_project
from churnbench.workflow.monitored import PAGE, Monitored, monitor_project, watched_config
from churnbench.workflow.stored_history import shown_bands

_WIDTH = 80


def watch(
    project_path: Path,
    out: Path,
    *,
    config: Path | None,
    models: Path,
    since: str | None,
    history: str | None,
    recalibrate: bool,
    seed: int,
) -> int:
    """Monitor a project, say the verdict, and return the exit code."""
    from churnbench.tracking import open_recorder

    project = load_project(project_path)
    watched = watched_config(project, config=config, models=models, since=typed_date(since, "--since"))
    shown = None if history is None else shown_bands(history)
    recorder = open_recorder(
        project.tracking.uri,
        f"{project.tracking.experiment or project.name} monitoring",
        f"{project.name} · unfinished",
        Path.cwd(),
    )
    with shown_progress(forced=False) as progress:
        made = monitor_project(
            project, watched, out, shown=shown, recalibrate=recalibrate, seed=seed, recorder=recorder, progress=progress
        )
    _tell(made, project, project_path)
    return made.found.exit_code


def _tell(made: Monitored, project: Project, project_path: Path) -> None:
    found, delay = made.found, made.found.delay
    lines = [
        f"churnbench monitor · {project.name} · outcomes after {found.since}",
        "",
        found.sentence,
        *(sentence for sentence in found.evidence if sentence.rstrip(".").lower() not in found.sentence.lower()),
        f"Churns are complete up to {delay['settled']}; {delay['waiting_rows']:,} rows still wait for their outcome.",
        *found.warnings,
        f"The page is {made.out / PAGE}.",
    ]
    text = "\n".join("\n".join(textwrap.wrap(line, _WIDTH, break_long_words=False)) for line in lines)
    if made.draft is not None:
        run = f"churnbench run {shlex.quote(str(project_path))} --candidate {shlex.quote(str(made.draft))} --out DIR"
        text += f"\nThe draft goes the usual way:\n  {run}"
    if made.why_none is not None:
        # A scheduler's mail must say why its next step has nothing to work on, however quiet it was told to be.
        sys.stderr.write(f"churnbench: no draft: {made.why_none}\n")
    say(
        text,
        out=made.out,
        verdict=found.verdict,
        sentence=found.sentence,
        exit_code=found.exit_code,
        since=found.since,
        data_through=delay["data_through"],
        evidence=list(found.evidence),
        data_problems=list(found.data_problems),
        observed=found.recent.observed,
        expected=found.recent.expected,
        draft=made.draft,
        warnings=list(found.warnings),
    )
