"""The folder of released configs: files named by their content, and a pointer that says which one is active.

    models/<config_id>/<sequence>-<version>-<first 12 of sha256>.json    never changed once written
    models/<config_id>/<...>.sig.json                                    its signature, when there is one
    models/<config_id>/current                                           the pointer: small JSON, swapped by rename
    models/<config_id>/history.jsonl                                     who decided what, when and why
    models/<config_id>/registry.json                                     how far the MLflow alias has followed
    models/<config_id>/abandoned/                                        releases whose promotion died before its end

Locks and folder syncs are those of POSIX systems; Windows is not supported here (reading a config with
`churnbench_scorer` is).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from churnbench.domain.errors import InputError
from churnbench.export import Document, read_document
from churnbench.release.keys import TrustedKey, keys_are_named, read_trusted_keys
from churnbench.release.signing import read_signature, signature_path, verify
from churnbench_scorer import ConfigRefused, body_sha256, document_sha256

POINTER, LOCK, ABANDONED = "current", ".lock", "abandoned"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_FILE = re.compile(r"(\d+)-[0-9A-Za-z.-]+-[0-9a-f]{12}\.json")
_TRIES, _PAUSE = 20, 0.01


@dataclass(frozen=True)
class Pointer:
    """Which release is active.

    Attributes:
        config_id, sequence, version: which config this is.
        file: its name in the folder.
        sha256, body_sha256: its hashes.
        since: moment of the release, UTC.
        by: who released it.
    """

    config_id: str
    sequence: int
    version: str
    file: str
    sha256: str
    body_sha256: str
    since: str
    by: str


def folder_of(models_dir: str | Path, config_id: str) -> Path:
    """Folder of one line of configs.

    Raises:
        InputError: for an id that is not one of a config, a path among them.
    """
    if not _ID.fullmatch(config_id):
        raise InputError(f"{config_id!r} is not a config id.", fix="Use the config_id of the document, e.g. core.")
    return Path(models_dir) / config_id


def active(
    models_dir: str | Path,
    config_id: str,
    *,
    trusted: Mapping[str, TrustedKey] | None = None,
    require_signature: bool | None = None,
) -> tuple[Document, Pointer]:
    """The active config, whole and unchanged, also while others release.

    Args:
        models_dir: the folder `models`.
        config_id: which line of configs.
        trusted: keys that may sign; default: those of the environment variable CHURNBENCH_TRUSTED_KEYS.
        require_signature: default: when keys are given or that variable names a file, even if none is in it.

    Returns:
        The document and the pointer it was found by; give the document to `churnbench_scorer.load`, which checks
        expiry and golden vectors.

    Raises:
        InputError: nothing is active, the file is gone, its hashes differ from the pointer's, or its signature fails.
    """
    folder = folder_of(models_dir, config_id)
    for attempt in range(_TRIES):
        pointer = read_pointer(folder)
        if pointer is None:
            raise InputError(
                f"no config {config_id!r} is active here.",
                file=str(folder / POINTER),
                fix="Promote one: churnbench promote RUN_DIR.",
            )
        path = folder / pointer.file
        # A file can only vanish when somebody tidies old releases away; by then the pointer names a newer one.
        if path.exists() or attempt == _TRIES - 1:
            document = _unchanged(path, pointer)
            keys = read_trusted_keys() if trusted is None else trusted
            named = trusted is not None or keys_are_named()
            needed = named if require_signature is None else require_signature
            if keys or needed:
                verify(document, read_signature(path), keys, required=needed, file=str(signature_path(path)))
            return document, pointer
        time.sleep(_PAUSE)
    raise AssertionError("unreachable")


def read_pointer(folder: Path) -> Pointer | None:
    """The pointer, None when nothing was ever released; one read of one file, so never torn.

    Raises:
        InputError: for a pointer that this tool did not write.
    """
    path = folder / POINTER
    try:
        fields = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        fields = None
    expected = set(Pointer.__dataclass_fields__)
    if not isinstance(fields, dict) or set(fields) != expected or not _FILE.fullmatch(str(fields["file"])):
        raise InputError(
            "the pointer is damaged.", file=str(path), fix="Roll back with --to; the releases are beside it."
        )
    return Pointer(**fields)


def release_file(folder: Path, sequence: int) -> Path:
    """The file of a sequence.

    Raises:
        InputError: when there is none.
    """
    found = sorted(folder.glob(f"{sequence}-*.json"))
    files = [path for path in found if _FILE.fullmatch(path.name)]
    if not files:
        there = ", ".join(str(number) for number in sorted(sequences(folder))) or "none"
        raise InputError(
            f"no release has sequence {sequence}; there are: {there}.", file=str(folder), fix="Choose another --to."
        )
    return files[0]


def released(folder: Path, sequence: int) -> Document:
    """The document of a sequence, checked against its own hashes and its file name.

    Raises:
        InputError: when there is none, or it was edited.
    """
    path = release_file(folder, sequence)
    document = read_document(path)
    _check_hashes(document, path)
    if path.name != file_name(document):
        raise InputError("the file is not the release that its name says.", file=str(path), fix="Restore the folder.")
    return document


def file_name(document: Document) -> str:
    """Name of a release: sequence, version and content."""
    return f"{document['sequence']}-{document['config_version']}-{document['integrity']['sha256'][:12]}.json"


def read_pointer_or_none(folder: Path) -> Pointer | None:
    """The pointer, None when there is none or it is damaged: going back must still be possible then."""
    try:
        return read_pointer(folder)
    except InputError:
        return None


def sequences(folder: Path) -> set[int]:
    """Sequences of the release files in a folder."""
    names = (_FILE.fullmatch(path.name) for path in folder.glob("*.json"))
    return {int(name.group(1)) for name in names if name}


def _unchanged(path: Path, pointer: Pointer) -> Document:
    if not path.exists():
        raise InputError(
            "the pointer names this file, which is gone.", file=str(path), fix="Restore it, or roll back with --to."
        )
    document = read_document(path)
    _check_hashes(document, path)
    if document["integrity"]["sha256"] != pointer.sha256:
        raise InputError(
            f"the file has hash {document['integrity']['sha256'][:12]}..., the pointer says {pointer.sha256[:12]}...",
            file=str(path),
            fix="Somebody exchanged it: restore it, or roll back with --to.",
        )
    return document


def _check_hashes(document: Document, path: Path) -> None:
    try:
        found = {"body_sha256": body_sha256(document), "sha256": document_sha256(document)}
    except (ConfigRefused, KeyError, TypeError, AttributeError):
        found = {}
    if not found or document.get("integrity") != found:
        raise InputError(
            "the release was edited or damaged: its hashes do not fit its content.",
            file=str(path),
            fix="Restore the file, or roll back with --to.",
        )
