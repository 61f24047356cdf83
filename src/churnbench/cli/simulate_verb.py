"""The verb that writes worlds whose truth is known. Registered on the command line by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churnbench.cli.completion import FORMATS, leaks, one_of

Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made when absent.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of everything random.")]


def simulate(
    out: Out,
    accounts: Annotated[int, typer.Option("--accounts", min=20, help="Number of accounts.")] = 1200,
    months: Annotated[int, typer.Option("--months", min=6, help="Monthly snapshots.")] = 24,
    seed: Seed = 0,
    leak: Annotated[
        str | None, typer.Option("--leak", help="Plant a leak of this kind, e.g. footprint.", autocompletion=leaks)
    ] = None,
    null: Annotated[bool, typer.Option("--null", help="Churn independent of every metric.")] = False,
    base_rate: Annotated[float, typer.Option("--base-rate", help="Churn per account and quarter, to 0.2.")] = 0.026,
    signal: Annotated[float, typer.Option("--signal", help="Factor on the effect of every metric, 0 to 3.")] = 1.0,
    contrast: Annotated[
        float, typer.Option("--contrast", help="How far the segments' true weights lie apart, 0 (equal) to 5.")
    ] = 1.0,
    departures: Annotated[
        float, typer.Option("--departures", help="Champions leaving per account and month, 0 to 0.1.")
    ] = 0.010,
    missingness: Annotated[
        float, typer.Option("--missingness", help="Factor on the share of unanswered surveys, 0 to 3.")
    ] = 1.0,
    treat: Annotated[
        float | None,
        typer.Option("--treat", help="Treat accounts that look risky: factor on their hazard for 3 months, e.g. 0.5."),
    ] = None,
    hazard_shift: Annotated[
        str | None,
        typer.Option("--hazard-shift", help="Day and factor on the hazard from then on, e.g. 2025-07-01=1.5."),
    ] = None,
    gap_days: Annotated[int, typer.Option("--gap-days", min=0, help="Gap of the true probabilities.")] = 14,
    horizon_days: Annotated[int, typer.Option("--horizon-days", min=1, help="Their horizon.")] = 90,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format", help="csv or parquet; by default csv up to 5,000 accounts.", autocompletion=one_of(FORMATS)
        ),
    ] = None,
    facts: Annotated[
        bool, typer.Option("--facts", help="Write fact tables, from which the metrics are computed, as Parquet.")
    ] = False,
    events: Annotated[
        int | None,
        typer.Option("--events", min=1, max=1000, help="With --facts: product events per account and month, else 60."),
    ] = None,
) -> None:
    """Write a synthetic world with its truth beside it.

    Example: churnbench simulate --out worlds/one --accounts 500 --seed 7
    """
    from churnbench.cli import commands

    commands.simulate(
        out,
        file_format=file_format,
        facts=facts,
        events=events,
        window=(gap_days, horizon_days),
        treat=treat,
        hazard_shift=hazard_shift,
        accounts=accounts,
        months=months,
        seed=seed,
        leak=leak,
        null=null,
        base_rate=base_rate,
        signal=signal,
        contrast=contrast,
        departures=departures,
        missingness=missingness,
    )


def register(app: typer.Typer) -> None:
    """Put the verbs on the command line."""
    app.command()(simulate)
