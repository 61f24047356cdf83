"""Where the open data lie, and where an example puts what it prepared."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def default_data() -> Path:
    """`CHURNBENCH_DATA`, or the folder shared/data beside the project."""
    return Path(os.environ.get("CHURNBENCH_DATA", ROOT.parent / "shared" / "data"))


def build_folder(example: str) -> Path:
    """The example's build folder (git-ignored), made when absent."""
    folder = ROOT / "examples" / example / "build"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main(example: str, prepare: Callable[[Path, Path], list[str]]) -> int:
    """Run one prepare script from the command line and print what it noticed."""
    parser = argparse.ArgumentParser(description=f"Prepares the data of examples/{example}.")
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of the open data sets")
    arguments = parser.parse_args()
    try:
        notes = prepare(arguments.data, build_folder(example))
    except MissingData as missing:
        print(f"{example}: skipped. {missing}")
        return 0
    for note in notes:
        print(f"{example}: {note}")
    return 0


class MissingData(Exception):  # noqa: N818 - a state of the machine, not a mistake
    """The open data are not on this machine."""


def require(path: Path) -> Path:
    """The path, if it exists.

    Raises:
        MissingData: it does not; says what to do.
    """
    if not path.exists():
        raise MissingData(
            f"{path.parent.name}/{path.name} was not found under {path.parent.parent}. "
            "Set CHURNBENCH_DATA (or give --data) to the folder that holds it."
        )
    return path
