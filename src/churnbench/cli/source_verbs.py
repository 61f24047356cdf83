"""The verbs of `churnbench sources`: list, show, add, identity. Registered on the command line by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="Name of the source, e.g. zendesk.", metavar="SOURCE")]


def list_sources() -> None:
    """List the sources for which mappings are ready, with the metrics that each gives.

    Example: churnbench sources list
    """
    from churnbench.cli import source_commands

    source_commands.list_sources()


def show(name: Name) -> None:
    """Show what a mapping reads, what it gives, what cannot be had from the source, and which columns leak.

    Example: churnbench sources show zendesk
    """
    from churnbench.cli import source_commands

    source_commands.show(name)


def add(
    name: Name,
    to: Annotated[
        Path | None, typer.Option("--to", help="Project whose database and formula the lines are written for.")
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="Schema of the tables; by default the source's name; '' for none.")
    ] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", help="Time zone of a Mixpanel project.")] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Real name of a table: ticket=zd_tickets; repeatable.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A choice that show lists: sla_hours=8; repeatable.")
    ] = None,
    optional: Annotated[
        list[str] | None, typer.Option("--with", help="An optional fact table that show lists; repeatable.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Declare this metric, which the formula lacks; repeatable.")
    ] = None,
    known: Annotated[
        str | None, typer.Option("--known", help="Column of event tables that says when a row arrived.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option("--identity", help="Table that maps keys to accounts: core.identity.")
    ] = None,
    undated: Annotated[
        bool, typer.Option("--undated-identity", help="That table has no valid_from and valid_to.")
    ] = False,
    no_rule: Annotated[
        bool, typer.Option("--only-identity", help="A key that it does not know is unresolved, whatever it says.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; printed without it.")] = None,
) -> None:
    """Print the lines for a project file: fact tables with their SQL, metrics, and what else could be chosen.

    Example: churnbench sources add zendesk --schema zendesk --set sla_hours=8
    """
    from churnbench.cli import source_commands

    source_commands.add(
        name,
        to=to,
        schema=schema,
        timezone=timezone,
        tables=table or [],
        settings=setting or [],
        optional=optional or [],
        also=metric or [],
        known=known,
        identity=identity,
        dated=not undated,
        rules=not no_rule,
        out=out,
    )


def identity(
    project: Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")],
    keys: Annotated[int, typer.Option("--keys", min=0, help="Show so many keys per fact table.")] = 5,
) -> None:
    """Count how many events of each mapped fact table found their account, and which keys did not.

    Example: churnbench sources identity acme
    """
    from churnbench.cli import source_commands

    source_commands.identity(project, keys=keys)


def register(app: typer.Typer) -> None:
    """Add these verbs to a command line."""
    sources = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    sources.command("list")(list_sources)
    for verb in (show, add, identity):
        sources.command()(verb)
    app.add_typer(sources, name="sources")


_HELP = """Ready mappings from Salesforce, HubSpot, Zendesk, Intercom, Amplitude, Mixpanel, Pendo, Delighted, Qualtrics.

Example: churnbench sources show zendesk
"""
