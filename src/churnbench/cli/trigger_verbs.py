"""The verbs of triggers: list, evaluate, backtest, close. Registered on the command line by `register`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

ProjectPath = Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")]
ConfigPath = Annotated[Path, typer.Option("--config", help="Weight config that scores the history.")]


def list_(project: ProjectPath) -> None:
    """List a project's triggers and playbooks: what raises an alert, whose it is, what is done about it.

    Example: churnbench triggers list runs/demo/project
    """
    from churnbench.cli import trigger_commands

    trigger_commands.list_triggers(project)


def evaluate(
    project: ProjectPath,
    config: ConfigPath,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Date; by default that of the newest reading.")] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Folder that remembers alerts; without it each call starts anew.")
    ] = None,
    deliver: Annotated[
        str | None,
        typer.Option("--deliver", help="File (.csv, .json, .jsonl, .md), or URL with '${NAME}' for secrets."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", help="Score history to read (folder or postgresql://...), instead of the snapshots."),
    ] = None,
) -> None:
    r"""Evaluate a project's triggers as of a date, and deliver the alerts.

    Example: churnbench triggers evaluate runs/demo/project \
        --config runs/demo/config.json --state alerts
    """
    from churnbench.cli import trigger_commands

    trigger_commands.evaluate_triggers(project, config, as_of=as_of, state=state, target=deliver, store=store)


def backtest(
    project: ProjectPath,
    config: ConfigPath,
    out: Annotated[Path, typer.Option("--out", help="Folder for triggers.json; made when absent.")],
    since: Annotated[str | None, typer.Option("--since", help="Judge only alerts from this date on.")] = None,
    replicates: Annotated[int, typer.Option("--replicates", min=2, max=10_000, help="Account resamples.")] = 400,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of everything random.")] = 0,
) -> None:
    r"""Replay every trigger over the history: which warn in time, and which only make noise.

    Example: churnbench triggers backtest runs/demo/project \
        --config runs/demo/config.json --out runs/demo/triggers
    """
    from churnbench.cli import trigger_commands

    trigger_commands.backtest_triggers(project, config, out, since=since, replicates=replicates, seed=seed)


def close(
    alert: Annotated[str, typer.Argument(help="Id of the alert, e.g. al-899f3559711b878d.", metavar="ALERT")],
    outcome: Annotated[str, typer.Option("--outcome", help="done, no-answer, false-alarm, churned or other.")],
    state: Annotated[Path, typer.Option("--state", help="Folder that remembers alerts.")] = Path("alerts"),
    by: Annotated[str, typer.Option("--by", help="Who closes it.")] = "",
    note: Annotated[str, typer.Option("--note", help="What was done, in a sentence.")] = "",
    on: Annotated[str | None, typer.Option("--on", help="Date; by default today.")] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="Project in whose log of interventions what was done is kept, too.")
    ] = None,
    started: Annotated[
        str | None, typer.Option("--started", help="First day of what was done, for --log; by default that of --on.")
    ] = None,
) -> None:
    r"""Close an alert with its outcome, and log what was done; it stays in the record.

    Example: churnbench triggers close al-899f3559711b878d --outcome done \
        --by 'Ada Byron'
    """
    from churnbench.cli import trigger_commands

    trigger_commands.close_alert(alert, state, outcome=outcome, by=by, note=note, on=on, log=log, started=started)


def register(app: typer.Typer) -> None:
    """Add these verbs to a command line."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    group.command("list")(list_)
    for verb in (evaluate, backtest, close):
        group.command()(verb)
    for command in group.registered_commands:
        # Without the mark \b an example would be broken into lines, and could not be copied into a shell.
        command.help = inspect.getdoc(command.callback).replace("Example: ", "\b\nExample: ")  # type: ignore[union-attr]
    app.add_typer(group, name="triggers")


_HELP = """Triggers: what raises an alert, whose it is, and whether it earns its noise.

Example: churnbench triggers list runs/demo/project
"""
