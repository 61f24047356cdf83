"""Config documents on disk: readable, complete or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.document import Document, as_input_error
from churnbench_scorer import ConfigRefused
from churnbench_scorer.reading import read

WIDTH = 110


def write_document(document: Document, path: str | Path) -> Path:
    """Write a document, atomically: a reader sees the old file or the whole new one.

    Args:
        document: a config document.
        path: target; its folder is made when it does not exist.

    Returns:
        The path. Equal documents give equal bytes.
    """
    target = Path(path)
    with replaced_whole(target) as temporary:
        temporary.write_text(pretty(document) + "\n", encoding="utf-8", newline="\n")
    return target


def read_document(path: str | Path) -> Document:
    """Read a document strictly (no duplicate key, no NaN); `churnbench_scorer.load` checks the rest.

    Raises:
        InputError: for an unreadable file or one that is not a JSON object.
    """
    try:
        return read(os.fspath(Path(path)))
    except ConfigRefused as refusal:
        raise as_input_error(refusal, str(path)) from refusal


@contextmanager
def replaced_whole(target: Path) -> Iterator[Path]:
    """A temporary file beside the target that takes its place on success and vanishes on failure."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)  # mkstemp makes files that only their owner can read
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def refuse_filled(folder: Path) -> None:
    """Refuse a folder that holds something, or a file in its place.

    Raises:
        InputError: naming it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("the folder is not empty.", file=str(folder), fix="Name a new folder; nothing was changed.")


def write_folder(files: Mapping[str, bytes], target: Path) -> Path:
    """Write a folder that appears whole or not at all.

    Args:
        files: path below the folder -> content.
        target: absent or empty. It is written beside it, then renamed; a rename onto a filled folder fails.

    Raises:
        InputError: for a folder that is not empty or cannot be made.
    """
    refuse_filled(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise _no_folder("made", error, target) from None
    try:
        for name, data in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        staging.chmod(0o755)
        try:
            staging.rename(target)
        except OSError as error:
            raise _no_folder("put in place", error, target) from None
        _sync_folder(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _no_folder(what: str, error: OSError, target: Path) -> InputError:
    return InputError(f"the folder cannot be {what}: {error.strerror}.", file=str(target), fix="Choose another --out.")


def pretty(value: Any, indent: int = 0) -> str:
    """JSON with whatever fits on one line, so that a diff shows one line per knot list or vector."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, (dict, list)) or not value or indent + len(flat) <= WIDTH:
        return flat
    if isinstance(value, dict) and set(value) == {"in", "out"}:
        return flat
    inner = " " * (indent + 1)
    if isinstance(value, dict):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {pretty(item, indent + 1)}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        items, opening, closing = [pretty(item, indent + 1) for item in value], "[", "]"
    joined = f",\n{inner}".join(items)
    return f"{opening}\n{inner}{joined}\n{' ' * indent}{closing}"


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; some systems cannot open a folder, then it is skipped."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
