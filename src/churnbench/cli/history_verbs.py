"""The verbs of the score history. Registered on the command line by `register`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

Store = Annotated[str, typer.Option("--store", help="Folder of the history, or postgresql://...")]
Account = Annotated[str, typer.Argument(help="Account id.", metavar="ACCOUNT")]
Reason = Annotated[str, typer.Option("--reason", help="Why, at least 10 characters.")]
By = Annotated[str, typer.Option("--by", help="Name of the person who decides.")]


def append(
    config: Annotated[Path, typer.Argument(help="Weight config, e.g. runs/demo/config.json.", metavar="CONFIG")],
    data: Annotated[Path, typer.Argument(help="Inputs as .csv, .csv.gz or .parquet.", metavar="INPUT")],
    as_of: Annotated[str, typer.Option("--as-of", help="The day on which the inputs were known.")],
    store: Store = "history",
    outcomes: Annotated[
        Path | None, typer.Option("--outcomes", help="Table with account_id, churned_on: accounts to freeze first.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why a day comes late; marked with it.")] = None,
    band_after: Annotated[
        int, typer.Option("--band-after", min=1, help="Readings before a band changes, if the config has no rule.")
    ] = 2,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Treat absent metric columns as missing values.")
    ] = False,
) -> None:
    r"""Score the inputs of a day and append the readings to the history.

    Example: churnbench history append runs/demo/config.json \
        runs/demo/latest_inputs.parquet --as-of 2025-12-31 \
        --reason 'First load of the history'
    """
    from churnbench.cli import history_commands

    history_commands.append_day(
        config,
        data,
        as_of=as_of,
        store=store,
        outcomes=outcomes,
        reason=reason,
        band_after=band_after,
        allow_missing=allow_missing,
    )


def show(
    account: Account,
    store: Store = "history",
    last: Annotated[int, typer.Option("--last", min=1, help="How many readings.")] = 12,
) -> None:
    """Show the last readings of an account: score, bands, velocity, caps and overrides.

    Example: churnbench history show A00001
    """
    from churnbench.cli import history_commands

    history_commands.show_account(account, store=store, last=last)


def explain(
    account: Account,
    since: Annotated[str, typer.Option("--from", help="Day of the earlier reading.")],
    until: Annotated[str, typer.Option("--to", help="Day of the later reading.")],
    store: Store = "history",
) -> None:
    """Split the change of a score between two days by cause: data, missing data, config and others.

    Example: churnbench history explain A00001 --from 2025-11-30 --to 2025-12-31
    """
    from churnbench.cli import history_commands

    history_commands.explain_account(account, since=since, until=until, store=store)


def override(
    account: Account,
    reason: Reason,
    by: By,
    until: Annotated[str, typer.Option("--until", help="Last day on which it is shown.")],
    band: Annotated[str | None, typer.Option("--band", help="Band to show.")] = None,
    score: Annotated[float | None, typer.Option("--score", help="Score to show, 0 to 100.")] = None,
    store: Store = "history",
) -> None:
    r"""Show another band or score for an account, from today until a day.

    Example: churnbench history override A00001 --band red \
        --reason 'Champion has left' --by 'Ada Byron' --until 2026-02-28
    """
    from churnbench.cli import history_commands

    history_commands.override_account(account, band=band, score=score, reason=reason, by=by, until=until, store=store)


def revoke(
    override_id: Annotated[str, typer.Argument(help="Id of the override; see history show.", metavar="ID")],
    reason: Reason,
    by: By,
    store: Store = "history",
) -> None:
    r"""End an override from today on; it stays in the log.

    Example: churnbench history revoke 0123456789 --reason 'New champion found' \
        --by 'Ada Byron'
    """
    from churnbench.cli import history_commands

    history_commands.revoke_override(override_id, reason=reason, by=by, store=store)


def compact(store: Store = "history") -> None:
    """Put day files together by month and year, so that one account is found fast.

    Example: churnbench history compact
    """
    from churnbench.cli import history_commands

    history_commands.compact_store(store)


def rollup(
    as_of: Annotated[str | None, typer.Option("--as-of", help="Day; by default the newest one held.")] = None,
    store: Store = "history",
    out: Annotated[Path | None, typer.Option("--out", help="Table of all parents, .csv or .parquet.")] = None,
) -> None:
    """Roll scores up to parent accounts, weighted by ARR.

    Example: churnbench history rollup --out parents.csv
    """
    from churnbench.cli import history_commands

    history_commands.roll_up_day(as_of, store=store, out=out)


def register(app: typer.Typer) -> None:
    """Add these verbs to a command line."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    for verb in (append, show, explain, override, revoke, compact, rollup):
        # Without the mark \b an example would be broken into lines, and could not be copied into a shell.
        group.command(help=(inspect.getdoc(verb) or "").replace("Example: ", "\b\nExample: "))(verb)
    app.add_typer(group, name="history")


_HELP = """The append-only score history: append a day, look at an account, explain a change.

Example: churnbench history show A00001
"""
