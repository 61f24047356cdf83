"""The demo: a complete project folder on a simulated book of accounts."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from churnbench.data.simulate import World, simulate_world, write_tables, write_world

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

    Args:
        out: the folder; made when absent.

    Raises:
        OSError: the folder cannot be written.
    """
    demo_project(out)
    for name in ("README.md", "explore.ipynb"):
        (out / name).write_text(_template(name), encoding="utf-8")


def simulated_project(world: World, out: Path) -> None:
    """Write a world with its truth, and a project file beside it, ready for `churnbench run`.

    Args:
        world: the world.
        out: the folder; made when absent.
    """
    write_world(world, out)
    (out / "churnbench.toml").write_text(project_file_text(), encoding="utf-8")
