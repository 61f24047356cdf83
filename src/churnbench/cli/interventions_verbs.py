"""The verbs of interventions: log, assign, power, effect. Registered on the command line by `register`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[Path, typer.Option("--project", help="Project file or its folder.")]


def log(
    project: ProjectOption,
    account: Annotated[str | None, typer.Option("--account", help="Account that something was done for.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="Playbook or action.")] = "playbook",
    started: Annotated[str | None, typer.Option("--started", help="First day; by default today.")] = None,
    outcome: Annotated[str, typer.Option("--outcome", help="What came of it, in words.")] = "",
    refers_to: Annotated[str, typer.Option("--refers-to", help="Id of the entry whose outcome this is.")] = "",
    trigger: Annotated[str, typer.Option("--trigger", help="What asked for it.")] = "",
    note: Annotated[str, typer.Option("--note", help="Anything else.")] = "",
    author: Annotated[str | None, typer.Option("--author", help="Who writes this; by default the login name.")] = None,
    propensity: Annotated[
        float | None, typer.Option("--propensity", help="Probability of being treated, 0 to 1, where known.")
    ] = None,
    randomised: Annotated[bool, typer.Option("--randomised", help="A coin decided.")] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="The coin held the account out.")] = False,
    assignment: Annotated[
        Path | None, typer.Option("--assignment", help="Log every account that a coin decided on in this file.")
    ] = None,
) -> None:
    r"""Add a row to the log of interventions; no row is ever changed, an outcome is a new one.

    Example: churnbench interventions log --project runs/demo/project \
        --account A00001 --kind adoption-call
    """
    from churnbench.cli import interventions_commands

    interventions_commands.log(
        project,
        account=account,
        kind=kind,
        started=started,
        outcome=outcome,
        refers_to=refers_to,
        trigger=trigger,
        note=note,
        author=author,
        propensity=propensity,
        randomised=randomised,
        held_out=held_out,
        assignment=assignment,
    )


def assign(
    scores: Annotated[Path, typer.Argument(help="Scores as churnbench score writes them.", metavar="SCORES")],
    out: Annotated[Path, typer.Option("--out", help="Assignment, .csv.")],
    period: Annotated[str, typer.Option("--period", help="Name of the period; each has coins of its own.")],
    cut_off: Annotated[float, typer.Option("--cut-off", help="Health score below which a playbook is due.")] = 60.0,
    width: Annotated[float, typer.Option("--width", help="Points below it within which a coin decides.")] = 10.0,
    share: Annotated[float, typer.Option("--share", help="Share held out there, above 0 to 0.5.")] = 0.15,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of the coins.")] = 0,
) -> None:
    r"""Hold accounts out at random near the cut-off, by a coin that account, period and seed determine.

    Example: churnbench interventions assign scores.csv --period 2026q1 \
        --out coins.csv
    """
    from churnbench.cli import interventions_commands

    interventions_commands.assign_accounts(
        scores, out, cut_off=cut_off, width=width, share=share, period=period, seed=seed
    )


def power(
    base_rate: Annotated[float, typer.Option("--base-rate", help="Churn of accounts left alone, 0 to 1.")],
    reduction: Annotated[float, typer.Option("--reduction", help="Share of it that must not be missed, 0 to 1.")] = 0.3,
    share: Annotated[float, typer.Option("--share", help="Share held out.")] = 0.15,
    wanted: Annotated[float, typer.Option("--power", help="Probability of seeing it, 0 to 1.")] = 0.8,
    per_period: Annotated[
        int | None, typer.Option("--per-period", min=1, help="Accounts near the cut-off in a period.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of the check by simulation.")] = 0,
) -> None:
    """Say how many accounts a hold-out needs to show an effect, by formula and checked by simulation.

    Example: churnbench interventions power --base-rate 0.2 --reduction 0.3
    """
    from churnbench.cli import interventions_commands

    interventions_commands.tell_power(base_rate, reduction, share=share, power=wanted, per_period=per_period, seed=seed)


def effect(
    project: Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")],
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of the resamples.")] = 0,
) -> None:
    """Compare churn of accounts held out at random with that of the treated; refuses without randomised rows.

    Example: churnbench interventions effect worlds/treated
    """
    from churnbench.cli import interventions_commands

    interventions_commands.tell_effect(project, seed=seed)


def register(app: typer.Typer) -> None:
    """Add these verbs to a command line, as one group."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    for verb in (log, assign, power, effect):
        # The mark keeps an example on one line, so that it can be copied.
        group.command(help=str(inspect.getdoc(verb)).replace("Example: ", "\b\nExample: "))(verb)
    app.add_typer(group, name="interventions")


_HELP = """Interventions: their log, random hold-outs, and what they save.

Example: churnbench interventions power --base-rate 0.2 --reduction 0.3
"""
