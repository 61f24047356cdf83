"""Makes a release the active one, and puts away what a killed release left.

A release is written in the order file, signature, decision, pointer, end of decision; each is on disk before the next
begins. Until the pointer's rename the old config is active, from then on the new one, so a process killed between any
two steps leaves one of them and never neither. Whoever releases next puts away what it left (`repaired`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from churnbench.export import Document, write_document
from churnbench.export.files import pretty, replaced_whole
from churnbench.release import history
from churnbench.release.signing import Signature, signature_path
from churnbench.release.store import (
    ABANDONED,
    POINTER,
    Pointer,
    file_name,
    read_pointer_or_none,
    release_file,
    sequences,
)

#: Told the name of each step once it is on disk; tests end the process there.
Checkpoint = Callable[[str], None]


def silent(_: str) -> None:
    """Nobody is told."""


def next_sequence(folder: Path, own: int) -> int:
    """The next sequence: above every one ever used here, abandoned ones too; at first the config's own."""
    used = sequences(folder) | sequences(folder / ABANDONED)
    used |= {int(entry["sequence"]) for entry in history.decisions(folder)}
    pointer = read_pointer_or_none(folder)
    used |= {pointer.sequence} if pointer else set()
    return max(used) + 1 if used else max(own, 1)


def publish(
    folder: Path,
    document: Document,
    decision: history.Entry,
    signature: Signature | None = None,
    at: Checkpoint = silent,
) -> Pointer:
    """Make a document the active one; the caller holds the lock and has called `repaired`.

    Args:
        folder: from `folder_of`.
        document: complete, its sequence above every other.
        decision: event, by, role, at and the reasons, for the history.
        signature: written beside the document.
        at: told of each step.
    """
    name = file_name(document)
    pointer = Pointer(
        document["config_id"],
        document["sequence"],
        document["config_version"],
        name,
        document["integrity"]["sha256"],
        document["integrity"]["body_sha256"],
        decision["at"],
        decision["by"],
    )
    at("begun")
    write_document(document, folder / name)
    at("file written")
    if signature is not None:
        with replaced_whole(signature_path(folder / name)) as temporary:
            temporary.write_text(pretty(signature) + "\n", encoding="utf-8")
    at("signature written")
    history.append(folder, {**decision, **_identity(pointer)})
    at("decision recorded")
    swap_pointer(folder, pointer)
    at("pointer swapped")
    history.append(folder, {"event": "activated", "sequence": pointer.sequence, "at": decision["at"]})
    at("end recorded")
    return pointer


def swap_pointer(folder: Path, pointer: Pointer) -> None:
    """Put a pointer in place of the present one by a rename; both are whole at every moment."""
    with replaced_whole(folder / POINTER) as temporary:
        temporary.write_text(pretty(asdict(pointer)) + "\n", encoding="utf-8")


def repaired(folder: Path, now: str) -> list[str]:
    """Put away what a killed release left; the caller holds the lock.

    Args:
        folder: from `folder_of`.
        now: moment for the history.

    Returns:
        What was done, as sentences; empty when everything was in order.
    """
    done = []
    for part in folder.glob(".*.part"):
        part.unlink()
        done.append(f"Removed {part.name}, which was never finished.")
    if history.cut_torn_line(folder):
        done.append("Removed the last line of the history, which was never finished.")
    pointer = read_pointer_or_none(folder)
    for entry in history.decisions(folder):
        if entry["state"] == "open":
            reached = pointer is not None and pointer.sequence == entry["sequence"]
            end = "activated" if reached else "abandoned"
            history.append(folder, {"event": end, "sequence": entry["sequence"], "at": now, "repaired": True})
            done.append(f"Recorded that sequence {entry['sequence']} was {end}; its process had died.")
    newest = max([entry["sequence"] for entry in history.decisions(folder) if entry["state"] == "activated"], default=0)
    if pointer is not None:
        newest = max(newest, pointer.sequence)
    # With neither pointer nor history nothing tells a leftover from a release, so all stay where they are.
    unknown = [sequence for sequence in sorted(sequences(folder)) if sequence > newest > 0]
    return done + [_put_away(release_file(folder, sequence)) for sequence in unknown]


def _put_away(path: Path) -> str:
    shelf = path.parent / ABANDONED
    shelf.mkdir(exist_ok=True)
    for file in (path, signature_path(path)):
        if file.exists():
            file.replace(shelf / file.name)
    return f"Moved {path.name}, which never became active, to {ABANDONED}/."


def _identity(pointer: Pointer) -> dict[str, Any]:
    return {key: value for key, value in asdict(pointer).items() if key not in ("since", "by")}
