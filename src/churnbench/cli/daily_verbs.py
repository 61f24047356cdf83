"""The verb of every day: score, append, raise alerts, write reports. Registered by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def daily(
    project: Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")],
    out: Annotated[Path, typer.Option("--out", help="Folder for alerts and reports; made when absent.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Weight config that scores; by default the active release.")
    ] = None,
    models: Annotated[Path, typer.Option("--models", help="Folder of released configs.")] = Path("models"),
    store: Annotated[
        str | None, typer.Option("--store", help="Score history: folder or postgresql://...; else that of [history].")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Score the newest snapshot up to this day; by default the newest.")
    ] = None,
    reports: Annotated[
        str | None, typer.Option("--reports", help="Comma-separated kinds; by default four about the book; '' is none.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why a day comes late; marked with it.")] = None,
    deliver: Annotated[
        str | None,
        typer.Option("--deliver", help="File (.csv, .json, .jsonl, .md), or URL with '${NAME}' for secrets."),
    ] = None,
) -> None:
    r"""Score today's snapshot, keep it in the history, raise (and deliver) alerts, write reports.

    Example: churnbench daily runs/demo/project --config runs/demo/config.json \
        --out runs/demo/daily --reason 'First day of the history'
    """
    from churnbench.cli import daily_commands

    daily_commands.run(
        project,
        out,
        config=config,
        models=models,
        store=store,
        as_of=as_of,
        reports=reports,
        reason=reason,
        target=deliver,
    )


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(daily)
