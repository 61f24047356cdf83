"""Leaving results in a folder so that a reader never sees half of them.

Everything is first written beside the results and then renamed into place; config.json, the one file that other
systems act on, leaves first and arrives last. A process that dies at any moment leaves no config.json or a whole one.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError

CONFIG, INCUMBENT = "config.json", "incumbent.json"
#: Every file a review leaves, in the order of arrival.
FILES = (
    "holdout_scores.parquet",
    "latest_inputs.parquet",
    INCUMBENT,
    "evidence.json",
    "review.html",
    CONFIG,
)
_LOCK = ".churnbench.lock"


@contextmanager
def exclusive(out: Path) -> Iterator[Path]:
    """Hold the output folder for one run, and give a staging folder inside it that vanishes afterwards.

    Raises:
        InputError: when the folder cannot be made or another run holds it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = (out / _LOCK).open("w")
    except OSError as error:
        raise InputError(
            f"the output folder cannot be written: {error.strerror}.",
            file=str(out),
            fix="Choose another --out.",
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                "another run is writing to this folder.",
                file=str(out),
                fix="Wait for it, or choose another --out.",
            ) from None
        for stale in out.glob(".staging-*"):
            shutil.rmtree(stale, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=out))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        handle.close()


def publish(staging: Path, out: Path) -> list[Path]:
    """Move finished files from the staging folder to where people look; files not made this time are removed.

    Returns:
        Paths of the published files.
    """
    (out / CONFIG).unlink(missing_ok=True)
    published = []
    for name in FILES:
        made = staging / name
        if made.exists():
            _synced(made)
            os.replace(made, out / name)  # noqa: PTH105 - the atomic rename is the point
            published.append(out / name)
        else:
            (out / name).unlink(missing_ok=True)
    directory = os.open(out, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return published


def _synced(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def write_json(path: Path, document: Any) -> None:
    """Write strict JSON: figures that do not exist are null, never NaN."""
    path.write_text(json.dumps(_strict(document), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
