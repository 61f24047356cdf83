"""The demo: a complete project folder on a simulated book of accounts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from errno import EEXIST
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from churnbench.data.simulate import World, simulate_world, write_tables, write_world
from churnbench.data.world_chunk import Chunk
from churnbench.data.world_leak_tables import Tables
from churnbench.data.world_leaks import LEAKS, leaky_project
from churnbench.data.world_settings import WorldSettings
from churnbench.data.world_stream import Streamed, stream_world

#: Size and seed of the demo.
DEMO_ACCOUNTS = 2000
DEMO_MONTHS = 24
DEMO_SEED = 1


def project_file_text() -> str:
    """The commented project file that `churnbench demo` and `churnbench init` start from."""
    return _template("churnbench.toml")


def _template(name: str) -> str:
    return resources.files("churnbench.data").joinpath("templates", name).read_text("utf-8")


def demo_project(out: Path, seed: int = DEMO_SEED) -> World:
    """Write churnbench.toml, snapshots.csv, outcomes.csv and accounts.csv into a folder.

    Args:
        out: the folder; made when absent, files of these names are replaced.
        seed: seed of the simulated book: 2,000 accounts, 24 month ends.

    Returns:
        The world that was written, with its truth (which is not written: a company has none).
    """
    world = simulate_world(DEMO_ACCOUNTS, DEMO_MONTHS, seed)
    out.mkdir(parents=True, exist_ok=True)
    write_tables(world, out)
    (out / "churnbench.toml").write_text(project_file_text(), encoding="utf-8")
    return world


def starter_project(out: Path) -> None:
    """Write the demo project with a README.md and a notebook, to be filled with one's own data.

    What fits the demo's book alone (its last date, its risks, its team) becomes a comment, so that it cannot be left
    standing over other data. Everything is made beside its place first, and churnbench.toml arrives last.

    Args:
        out: an empty folder; made when absent. Its name becomes the project's.

    Raises:
        OSError: the folder cannot be written, or a file is there already.
    """
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".init-", dir=out) as temporary:
        made = Path(temporary)
        demo_project(made)
        for name in ("README.md", "explore.ipynb"):
            (made / name).write_text(_template(name), encoding="utf-8")
        settings = made / "churnbench.toml"
        settings.write_text(starter_text(settings.read_text("utf-8"), out.absolute().name), encoding="utf-8")
        for path in sorted(made.iterdir(), key=lambda path: path.name == settings.name):
            if (out / path.name).exists():
                raise FileExistsError(EEXIST, "a file is there already", str(out / path.name))
            path.rename(out / path.name)


def starter_text(text: str, name: str) -> str:
    r"""The demo's project file as a start for other data: its own name, and nothing that holds for the demo alone.

    >>> print(starter_text('name = "demo"\ncapacity = 100    # a month', 'Ac"me'))
    name = "Ac\"me"
    # capacity = 100    # a month
    """
    shown = "".join(letter for letter in name if letter.isprintable()) or "project"
    text = text.replace('name = "demo"', f"name = {json.dumps(shown, ensure_ascii=False)}", 1)
    return re.sub(r"^(data_through|green_risk|red_risk|capacity) =", r"# \1 =", text, flags=re.MULTILINE)


def simulated_project(world: World, out: Path) -> None:
    """Write a world with its truth, and a project file beside it, ready for `churnbench run`.

    Args:
        world: the world.
        out: the folder; made when absent.
    """
    write_world(world, out)
    settings: Any = world.truth["settings"]
    tables = Tables.exported(world.snapshots, world.outcomes, world.accounts)
    text = leaky_project(settings["leak"], tables, settings["seed"], out, project_file_text())
    text = with_interventions(text, "csv") if world.truth.get("treatment") is not None else text
    (out / "churnbench.toml").write_text(text, encoding="utf-8")


def streamed_project(settings: WorldSettings, out: Path, *, emit: Callable[[Chunk], object] | None = None) -> Streamed:
    """Write a world of any size as Parquet, chunk by chunk, with its truth and a project file.

    Args:
        settings: the world asked for.
        out: the folder; made when absent.
        emit: called with every chunk (see `stream_world`).

    Returns:
        What was written.
    """
    written = stream_world(settings, out, emit=emit)
    text = project_file_text()
    for name in ("snapshots", "outcomes", "accounts"):
        text = text.replace(f'"{name}.csv"', f'"{name}.parquet"')
    text = text if settings.treatment is None else with_interventions(text, "parquet")
    text += "" if settings.leak is None else LEAKS[settings.leak].declares
    (out / "churnbench.toml").write_text(text, encoding="utf-8")
    return written


def with_interventions(text: str, ending: str) -> str:
    r"""A project file that names the log of interventions as well.

    >>> print(with_interventions("[data]\nsnapshots = 's.csv'", "csv"))
    [data]
    interventions = "interventions.csv"
    snapshots = 's.csv'
    """
    return text.replace("[data]\n", f'[data]\ninterventions = "interventions.{ending}"\n', 1)
