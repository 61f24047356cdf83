"""The verbs of a project: demo, init, check, run, ui, notebooks. Registered on the command line by `register`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made when absent.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Seed of everything random.")]
ShowProgress = Annotated[
    bool, typer.Option("--progress", help="Show progress on stderr even when it is not a terminal.")
]
ProjectPath = Annotated[Path, typer.Argument(help="Project file or its folder.", metavar="PROJECT")]


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


def init(
    folder: Annotated[Path, typer.Argument(help="New project folder; must be absent or empty.", metavar="DIR")],
) -> None:
    """Make a project folder: commented project file, sample data and a notebook.

    Example: churnbench init acme
    """
    from churnbench.cli import commands

    commands.init(folder)


def check(project: ProjectPath, seed: Seed = 0, progress: ShowProgress = False) -> None:
    """Check data, sufficiency and leakage without fitting the formula; exit code 3 says that something blocks.

    Example: churnbench check runs/demo/project
    """
    from churnbench.cli import commands

    commands.check(project, seed=seed, show_progress=progress)


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


def register(app: typer.Typer) -> None:
    """Put the verbs on the command line."""
    for verb in (demo, init, check, run, ui):
        app.command()(verb)
    app.command(name="notebooks")(run_all_notebooks)
