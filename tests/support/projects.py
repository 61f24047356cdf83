"""Small project folders on disk, and the command line run in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pandas as pd

from churnbench.data.simulate import World, simulate_world, write_tables

HEAD = """[project]
name = "tiny"

[data]
snapshots = "snapshots.csv"
outcomes = "outcomes.csv"
accounts = "accounts.csv"
"""
TABLE_HEAD = """[project]
name = "cross"

[data]
table = "table.csv"
id = "customer"
label = "Churn"
label_positive = "Yes"
"""
QUICK = "\n[calibration]\nbootstrap = 10\n"


@lru_cache
def world(
    accounts: int = 300, months: int = 22, seed: int = 3, base_rate: float = 0.06, leak: str | None = None
) -> World:
    """A simulated book, made once per process."""
    return simulate_world(accounts, months, seed, base_rate=base_rate, leak=leak)


def write_project(folder: Path, *, made: World | None = None, head: str = HEAD, tail: str = QUICK) -> Path:
    """A project folder with a world's three tables."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(made or world(), folder)
    (folder / "churnbench.toml").write_text(head + tail, encoding="utf-8")
    return folder


def write_table_project(folder: Path, table: pd.DataFrame, *, formula: str = "", tail: str = QUICK) -> Path:
    """A project folder with one labelled table without dates."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "table.csv", index=False)
    (folder / "churnbench.toml").write_text(TABLE_HEAD + formula + tail, encoding="utf-8")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace text in a file; the text must be there."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def command(*arguments: object) -> list[str]:
    """The command line as an argument list."""
    return [sys.executable, "-m", "churnbench.cli.main", *[str(argument) for argument in arguments]]


def quiet_environment() -> dict[str, str]:
    """One thread, no colours, and warnings of libraries left out of what is compared."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "100"}


def churnbench(*arguments: object, cwd: Path, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=quiet_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def copy_of(folder: Path, to: Path) -> Path:
    """A project folder of one's own."""
    shutil.copytree(folder, to)
    return to
