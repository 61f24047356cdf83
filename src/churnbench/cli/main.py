"""The command line. Heavy imports happen inside the commands, so that `--help` answers at once."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from churnbench.cli import (
    daily_verbs,
    history_verbs,
    interventions_verbs,
    monitoring_verbs,
    release_verbs,
    report_verbs,
    scorecard_verbs,
    source_verbs,
    trigger_verbs,
)
from churnbench.cli.completion import DIALECTS, ENGINES, FORMATS, FORMS, completion, leaks, one_of, some_of
from churnbench.domain.errors import ChurnbenchError


class Verbs(typer.core.TyperGroup):
    """The verbs; what goes wrong in one of them becomes part of the JSON object, if one was asked for."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb and note its error before the object is written."""
        from churnbench.cli.terminal import OUTPUT

        try:
            return super().invoke(ctx)
        except Exception as error:
            OUTPUT.fail(error)
            raise


app = typer.Typer(
    cls=Verbs,
    name="churnbench",
    help="Backtest a customer-health formula against real churn, and calibrate it. Start with `churnbench demo`.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made when absent.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of everything random.")]
ShowProgress = Annotated[
    bool, typer.Option("--progress", help="Show progress on stderr even when it is not a terminal.")
]
ProjectPath = Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")]
ConfigPath = Annotated[Path, typer.Argument(help="Weight config, e.g. runs/demo/config.json.", metavar="CONFIG")]


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from churnbench import __version__

        sys.stdout.write(f"churnbench {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only what was asked for, and errors.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout instead of words; what went wrong is its 'error'.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - ends in its own callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Backtest a customer-health formula against real churn, and calibrate it. Start with `churnbench demo`.

    Options before the verb hold for every verb, e.g. churnbench --json check acme
    """
    from churnbench.cli.terminal import OUTPUT

    OUTPUT.begin(quiet=quiet, as_json=as_json)
    context.call_on_close(OUTPUT.end)


@app.command()
def demo(
    out: Out = Path("runs/demo"),
    seed: Seed = 0,
    year: Annotated[
        bool, typer.Option("--year", help="Play a company's year instead: four reviews, daily use, one mishap.")
    ] = False,
    progress: ShowProgress = False,
) -> None:
    """Run the main job on a simulated book of accounts; nothing else is needed.

    Example: churnbench demo --out runs/demo
    """
    from churnbench.cli import commands

    act = commands.demo_year if year else commands.demo
    act(out, seed=seed, show_progress=progress)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="New project folder; must be absent or empty.", metavar="DIR")],
) -> None:
    """Make a project folder: commented project file, sample data and a notebook.

    Example: churnbench init acme
    """
    from churnbench.cli import commands

    commands.init(folder)


@app.command()
def check(project: ProjectPath, seed: Seed = 0, progress: ShowProgress = False) -> None:
    """Check data, sufficiency and leakage without fitting the formula; exit code 3 says that something blocks.

    Example: churnbench check runs/demo/project
    """
    from churnbench.cli import commands

    commands.check(project, seed=seed, show_progress=progress)


@app.command()
def run(
    project: ProjectPath,
    out: Out,
    seed: Seed = 0,
    candidate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="test this config as the candidate: a draft, say"),
    ] = None,
    models: Annotated[Path, typer.Option(help="Folder of released configs.")] = Path("models"),
    progress: ShowProgress = False,
) -> None:
    """Run the main job: backtest, weights, curves, thresholds, verdict, config, review, MLflow runs.

    Example: churnbench run runs/demo/project --out runs/again
    """
    from churnbench.cli import commands

    commands.run(project, out, seed=seed, draft=candidate, models=models, show_progress=progress)


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def ui(
    project: Annotated[
        Path, typer.Argument(help="Project whose MLflow store to show; else mlruns/ here.", metavar="PROJECT")
    ] = Path(),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Show the reviews in MLflow, on 127.0.0.1 only.

    Example: churnbench ui runs/demo/project --port 5001
    """
    from churnbench.cli import commands

    commands.ui(project, port=port)


@app.command(name="notebooks")
def run_all_notebooks(
    project: ProjectPath,
    out: Out,
    finished: Annotated[
        Path | None, typer.Option("--run", help="Folder of a finished run; by default one is made in OUT/run.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option("--previous", help="Folder of the run that the last review decided on.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Number or name of a notebook, e.g. 05; repeatable.")
    ] = None,
    seed: Seed = 0,
    progress: ShowProgress = False,
) -> None:
    r"""Run the notebooks on a project with nobody watching; leaves each as .ipynb and as an HTML page.

    Example: churnbench notebooks runs/demo/project \
        --run runs/demo --out runs/demo/notebooks
    """
    from churnbench.cli import notebook_commands

    notebook_commands.run(
        project,
        out,
        finished=finished,
        previous=previous,
        only=tuple(only or ()),
        seed=seed,
        show_progress=progress,
    )


for _verbs in (
    release_verbs,
    scorecard_verbs,
    source_verbs,
    daily_verbs,
    history_verbs,
    trigger_verbs,
    report_verbs,
    interventions_verbs,
    monitoring_verbs,
):
    _verbs.register(app)
app.command()(completion)
for _verb in app.registered_commands:
    # Without the mark \b an example would be broken into lines, and could not be copied into a shell.
    _verb.help = inspect.getdoc(_verb.callback).replace("Example: ", "\b\nExample: ")  # type: ignore[union-attr]


def main() -> None:
    """Run the command line; errors that a user can mend end in one paragraph and an exit code."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app()
    except ChurnbenchError as error:
        sys.stderr.write(f"churnbench: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("churnbench: interrupted; the run is marked as failed and nothing was published.\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        where = f" '{error.filename}'" if error.filename else ""
        sys.stderr.write(f"churnbench: cannot use{where}: {error.strerror or error}. Give another path.\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
