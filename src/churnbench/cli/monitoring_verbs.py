"""The verb `monitor`. Registered on the command line by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def monitor(
    project: Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made when absent.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Weight config in force; by default the active release.")
    ] = None,
    models: Annotated[Path, typer.Option("--models", help="Folder of released configs.")] = Path("models"),
    since: Annotated[
        str | None, typer.Option("--since", help="Last day whose outcomes the review had seen; from its record.")
    ] = None,
    history: Annotated[
        str | None,
        typer.Option("--history", help="Score history (folder, postgresql://..., file): bands people saw."),
    ] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Write a draft config with a moved risk curve, if called for.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of simulated limits.")] = 0,
) -> None:
    r"""Hold the config in force against new snapshots and outcomes; exit codes 10 to 13 ask for action.

    0 nothing to do, 10 recalibrate intercept, 11 recalibrate, 12 refit, 13 investigate data.

    Example: churnbench monitor runs/demo/project --config runs/demo/config.json \
        --out watch
    """
    from churnbench.cli import monitoring_commands

    code = monitoring_commands.watch(
        project,
        out,
        config=config,
        models=models,
        since=since,
        history=history,
        recalibrate=recalibrate,
        seed=seed,
    )
    if code:
        raise typer.Exit(code)


def register(app: typer.Typer) -> None:
    """Add this verb to a command line."""
    app.command()(monitor)
