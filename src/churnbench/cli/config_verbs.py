"""The verbs of a weight config: score, export, verify. Registered on the command line by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churnbench.cli.completion import DIALECTS, ENGINES, FORMS, one_of, some_of

ConfigPath = Annotated[Path, typer.Argument(help="Weight config, e.g. runs/demo/config.json.", metavar="CONFIG")]


def score(
    config: ConfigPath,
    data: Annotated[Path, typer.Argument(help="Inputs as .csv, .csv.gz or .parquet.", metavar="INPUT")],
    out: Annotated[Path, typer.Option("--out", help="Result, .csv or .parquet.")],
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Treat absent metric columns as missing values.")
    ] = False,
) -> None:
    r"""Score a file of inputs with a weight config.

    Example: churnbench score runs/demo/config.json \
        runs/demo/latest_inputs.parquet --out scores.csv
    """
    from churnbench.cli import commands

    commands.score(config, data, out, allow_missing=allow_missing)


def export(
    config: ConfigPath,
    to: Annotated[
        str, typer.Option("--to", help="sql, javascript, dbt, kit or bundle.", autocompletion=one_of(FORMS))
    ] = "sql",
    out: Annotated[Path | None, typer.Option("--out", help="File or folder; SQL is printed without it.")] = None,
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect",
            help="duckdb, sqlite, postgres, spark, databricks, snowflake, bigquery or redshift.",
            autocompletion=one_of(DIALECTS),
        ),
    ] = "duckdb",
    table: Annotated[str, typer.Option("--table", help="Table with account_id and one column per input.")] = "accounts",
    account_id: Annotated[
        str | None, typer.Option("--account-id", help="With SQL and dbt: the account's column, else account_id.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="With SQL and dbt: dimension scores, contributions, caps, stale metrics.")
    ] = False,
    contact: Annotated[
        str | None, typer.Option("--contact", help="With a bundle: whom its integrator may ask.")
    ] = None,
) -> None:
    r"""Write what scores exactly as the config does: SQL, JavaScript, dbt models, a conformance kit, or all of it.

    Example: churnbench export runs/demo/config.json --to sql \
        --dialect postgres --table accounts
    """
    from churnbench.cli import config_commands

    options = {"dialect": dialect, "table": table, "account_id": account_id, "details": details, "contact": contact}
    config_commands.export(config, to=to, out=out, **options)


def verify(
    config: Annotated[Path, typer.Argument(help="Weight config, or a conformance kit (.jsonl).", metavar="CONFIG")],
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            help="Comma-separated: python, numpy, duckdb, sqlite, postgres, javascript, spark, spark-arrow.",
            autocompletion=some_of(ENGINES),
        ),
    ] = "python,duckdb",
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="JSON Lines that your own scorer wrote for the kit; instead of engines."),
    ] = None,
) -> None:
    """Prove that engines, or a scorer of your own, compute the same integers from a config.

    Example: churnbench verify runs/demo/config.json --engine python,duckdb,sqlite
    """
    from churnbench.cli import config_commands

    engines = tuple(part.strip() for part in engine.split(",") if part.strip())
    config_commands.verify_config(config, engines=engines, answers=answers)


def register(app: typer.Typer) -> None:
    """Put the verbs on the command line."""
    for verb in (score, export, verify):
        app.command()(verb)
