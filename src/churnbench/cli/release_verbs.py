"""The verbs of releases: promote, rollback, diff, shadow, keys. Registered on the command line by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[Path, typer.Option("--models", help="Folder of released configs.")]
By = Annotated[str, typer.Option("--by", help="Name of the person who decides.")]
Role = Annotated[str, typer.Option("--role", help="Their role, e.g. 'VP Customer Success'.")]
Key = Annotated[Path | None, typer.Option("--key", help="Private key that signs; see churnbench keys new.")]
Unsigned = Annotated[bool, typer.Option("--unsigned", help="Allow an unsigned release after a signed one.")]
Tracking = Annotated[
    str | None,
    typer.Option("--tracking", help="MLflow store whose alias follows; by default mlruns/mlflow.db where it exists."),
]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Treat absent metric columns as missing values.")]
Before = Annotated[Path, typer.Argument(help="Weight config in use.", metavar="A")]
After = Annotated[Path, typer.Argument(help="Weight config to compare with it.", metavar="B")]


def promote(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or a config in it.", metavar="RUN_DIR")],
    by: By,
    role: Role,
    models: Models = Path("models"),
    decision: Annotated[str, typer.Option("--decision", help="What was decided, in a sentence.")] = "",
    condition: Annotated[list[str] | None, typer.Option("--condition", help="What it is tied to; repeatable.")] = None,
    override: Annotated[
        str | None, typer.Option("--override", help="Why to release it although the verdict is not 'promote'.")
    ] = None,
    review_by: Annotated[
        str | None, typer.Option("--review-by", help="Date of the next review; by default in 120 days.")
    ] = None,
    key: Key = None,
    unsigned: Unsigned = False,
    tracking: Tracking = None,
) -> None:
    r"""Release a run's config: approval, next sequence and version, pointer, MLflow alias.

    Example: churnbench promote runs/demo \
        --by 'Ada Byron' --role 'VP Customer Success'
    """
    from churnbench.cli import release_commands

    release_commands.promote_run(
        run,
        models=models,
        by=by,
        role=role,
        decision=decision,
        conditions=condition or [],
        override=override,
        review_by=review_by,
        key=key,
        unsigned=unsigned,
        tracking=tracking,
    )


def rollback(
    config_id: Annotated[str, typer.Argument(help="Which line of configs, e.g. demo.", metavar="CONFIG_ID")],
    by: By,
    role: Role,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays in the config and in the history.")],
    models: Models = Path("models"),
    to: Annotated[
        int | None, typer.Option("--to", help="Sequence to go back to; by default the last other formula.")
    ] = None,
    key: Key = None,
    unsigned: Unsigned = False,
    tracking: Tracking = None,
) -> None:
    r"""Go back to an earlier formula: it is issued again under a higher sequence.

    Example: churnbench rollback demo --by 'Ada Byron' --role 'VP CS' \
        --reason 'Scores jumped on Monday'
    """
    from churnbench.cli import release_commands

    release_commands.roll_back(
        config_id,
        models=models,
        by=by,
        role=role,
        reason=reason,
        to=to,
        key=key,
        unsigned=unsigned,
        tracking=tracking,
    )


def diff(
    before: Before,
    after: After,
    portfolio: Annotated[
        Path | None, typer.Option("--portfolio", help="Inputs as .csv or .parquet; shows what changes for accounts.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    allow_missing: AllowMissing = False,
) -> None:
    """Compare two weight configs, and with a portfolio what changing does to the accounts.

    Example: churnbench diff runs/demo/incumbent.json runs/demo/config.json
    """
    from churnbench.cli import release_commands

    release_commands.compare(before, after, portfolio=portfolio, as_json=as_json, allow_missing=allow_missing)


def shadow(
    champion: Annotated[Path, typer.Argument(help="Weight config in use.", metavar="CHAMPION")],
    challenger: Annotated[Path, typer.Argument(help="Weight config that might follow it.", metavar="CHALLENGER")],
    data: Annotated[Path, typer.Argument(help="Inputs as .csv, .csv.gz or .parquet.", metavar="INPUT")],
    out: Annotated[Path, typer.Option("--out", help="Both scores, .csv or .parquet.")],
    allow_missing: AllowMissing = False,
) -> None:
    r"""Score a file with two configs side by side.

    Example: churnbench shadow runs/demo/incumbent.json \
        runs/demo/config.json runs/demo/latest_inputs.parquet --out both.csv
    """
    from churnbench.cli import release_commands

    release_commands.score_both(champion, challenger, data, out=out, allow_missing=allow_missing)


def new(
    out: Annotated[Path, typer.Option("--out", help="File of the private key; must not exist.")],
    owner: Annotated[str, typer.Option("--owner", help="Person or service that will sign.")],
) -> None:
    """Make an ed25519 key pair for signing releases.

    Example: churnbench keys new --out keys/release.pem --owner 'Release team'
    """
    from churnbench.cli import release_commands

    release_commands.make_key(out, owner=owner)


def register(app: typer.Typer) -> None:
    """Add these verbs to a command line."""
    for verb in (promote, rollback, diff, shadow):
        app.command()(verb)
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_KEYS_HELP)
    keys.command()(new)
    keys.callback()(_group)  # with a single command, typer would otherwise leave its name out
    app.add_typer(keys, name="keys")


def _group() -> None:
    """Stand for the group."""


_KEYS_HELP = """Keys that sign releases.

Example: churnbench keys new --out keys/release.pem --owner 'Release team'
"""
