"""The verbs `catalogue` and `scorecard import | export`; `main` registers them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

from churnbench.cli.completion import one_of

#: Words that are completed; a test holds them against the catalogue's and the layouts'.
GROUPS = ("usage", "engagement", "sentiment", "support", "value", "financial", "growth", "flags")
LAYOUTS = ("gainsight", "totango", "churnzero")


def catalogue(
    dimension: Annotated[
        str | None, typer.Option("--dimension", help="Only this group of metrics.", autocompletion=one_of(GROUPS))
    ] = None,
    search: Annotated[
        str | None, typer.Option("--search", help="Only metrics with this word in id, label, definition or source.")
    ] = None,
) -> None:
    """List the metrics that a project can use by their id alone.

    Example: churnbench catalogue --dimension usage --search login
    """
    from churnbench.cli import scorecard_commands

    scorecard_commands.list_catalogue(dimension=dimension, search=search)


def import_(
    file: Annotated[Path, typer.Argument(help="Scorecard as .csv, .yaml or .json.", metavar="FILE")],
    out: Annotated[Path, typer.Option("--out", help="Project folder to make; must be absent or empty.")],
    style: Annotated[
        str,
        typer.Option("--style", help="Whose words: gainsight, totango or churnzero.", autocompletion=one_of(LAYOUTS)),
    ] = "gainsight",
    check: Annotated[
        Path | None, typer.Option("--check", help="Accounts with their measures and the platform's own score.")
    ] = None,
    score: Annotated[str, typer.Option("--score", help="Column of that score.")] = "score",
    account_id: Annotated[str, typer.Option("--account-id", help="Column that names the account.")] = "account_id",
) -> None:
    r"""Make a project whose formula scores exactly as another platform's scorecard did.

    Example: churnbench scorecard import runs/demo/scorecard.csv \
        --style gainsight --out from_scorecard
    """
    from churnbench.cli import scorecard_commands

    scorecard_commands.import_scorecard(file, out, style=style, check=check, score=score, account=account_id)


def export(
    config: Annotated[Path, typer.Argument(help="Weight config, e.g. runs/demo/config.json.", metavar="CONFIG")],
    out: Annotated[Path, typer.Option("--out", help="Table to type in, .csv; what it loses goes beside it as .md.")],
    platform: Annotated[
        str,
        typer.Option(
            "--platform", help="Whose words: gainsight, totango or churnzero.", autocompletion=one_of(LAYOUTS)
        ),
    ] = "gainsight",
    segment: Annotated[
        str | None, typer.Option("--segment", help="Write this segment's weights; else those of all others.")
    ] = None,
    bands: Annotated[
        int | None, typer.Option("--bands", min=2, max=50, help="Bands per measure at most; else the layout's.")
    ] = None,
    decimals: Annotated[
        int | None, typer.Option("--decimals", min=0, max=4, help="Decimals of weights in per cent; else the layout's.")
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", help="Accounts on which to measure what bands and weights lose.")
    ] = None,
) -> None:
    r"""Write a config as a table of measures, weights and bands, and say what it cannot express.

    Example: churnbench scorecard export runs/demo/config.json \
        --platform gainsight --out runs/demo/scorecard.csv
    """
    from churnbench.cli import scorecard_commands

    scorecard_commands.export_config(
        config, out, platform=platform, segment=segment, bands=bands, decimals=decimals, inputs=inputs
    )


def register(app: typer.Typer) -> None:
    """Add these verbs to a command line."""
    app.command()(catalogue)
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    for name, verb in (("export", export), ("import", import_)):
        # Without the mark \\b an example would be broken into lines, and could not be copied into a shell.
        text = (inspect.getdoc(verb) or "").replace("Example: ", "\b\nExample: ")
        group.command(name=name, help=text)(verb)
    app.add_typer(group, name="scorecard")


_HELP = r"""Scorecards of other platforms: carry one here, and a config back.

Example: churnbench scorecard export runs/demo/config.json \
    --platform gainsight --out runs/demo/scorecard.csv
"""
