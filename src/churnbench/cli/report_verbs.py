"""The verb `report`. Registered on the command line by `register`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from churnbench.cli.completion import one_of

KINDS = ("account", "portfolio", "early-warning", "insights", "executive", "cohorts", "customer")
FORMATS = ("html", "markdown", "json")


def report(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS)}.", metavar="KIND", autocompletion=one_of(KINDS))],
    project: Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")],
    out: Annotated[Path, typer.Option("--out", help="File, or folder in which it is named after kind and date.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Weight config; default: that of --run, else the active release.")
    ] = None,
    models: Annotated[Path, typer.Option("--models", help="Folder of released configs.")] = Path("models"),
    run: Annotated[
        Path | None, typer.Option("--run", help="Folder of a finished run: its config and its evidence.")
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", help="Stored score history: folder, postgresql://... or a file.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Date; nothing known later is used.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Account id; default: at risk, largest expected loss.")
    ] = None,
    all_accounts: Annotated[
        bool, typer.Option("--all", help="With account and customer: one file per account and an index.")
    ] = False,
    csm: Annotated[str | None, typer.Option("--csm", help="Only the accounts of this CSM.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Only the accounts of this segment.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="html, markdown or json.", autocompletion=one_of(FORMATS))
    ] = "html",
) -> None:
    r"""Write a report: account, portfolio, early-warning, insights, executive, cohorts, or the customer's own view.

    Example: churnbench report portfolio runs/demo/project --run runs/demo \
        --out portfolio.html
    """
    from churnbench.cli import report_commands

    report_commands.write(
        kind,
        project,
        out,
        sources=report_commands.Sources(config, models, run, history, as_of.date() if as_of else None),
        account=account,
        all_accounts=all_accounts,
        csm=csm,
        segment=segment,
        form=form,
    )


def register(app: typer.Typer) -> None:
    """Add this verb to a command line."""
    app.command()(report)
