"""The MLflow alias `champion` follows the pointer.

The pointer is the truth: production reads it and needs no MLflow. It moves first, the alias after it, within one lock.
So a store that is down never keeps a release, or worse a rollback, from happening; the alias is then behind, which is
seen by comparing `registry.json` (what the alias was last told) with the pointer, is said as a warning, and is mended
by the next promote, rollback or `follow`. The other order could leave an alias on a config that never became active.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from churnbench.export import Document
from churnbench.export.files import pretty, replaced_whole
from churnbench.release.store import Pointer

ALIAS = "champion"
STATE = "registry.json"


class Registry(Protocol):
    """What the alias needs of a model registry; `churnbench.tracking.open_registry` gives one."""

    def register(self, path: Path, fallback: str, source_run: str | None, tags: dict[str, str]) -> tuple[str, str]:
        """Make a config file a version of its registered model, once; returns model and version."""

    def decided(self, run_id: str | None, told: dict[str, str]) -> bool:
        """Write on a review's run what was decided about it; whether the registry knows that run."""

    def point(self, name: str, alias: str, version: str) -> None:
        """Move an alias."""


#: Opens a registry; called after the pointer has moved, so that opening may fail.
Opener = Callable[[], Registry]


def follow(folder: Path, document: Document, pointer: Pointer, opener: Opener | None) -> tuple[str, ...]:
    """Register the active config and move the alias to it.

    Args:
        folder: folder of the line of configs.
        document: the active config.
        pointer: where it lies.
        opener: None when no store is used; then nothing is done and nothing is said.

    Returns:
        A warning when the alias could not follow; else nothing.
    """
    if opener is None or not is_behind(folder, pointer):
        return ()
    tags = {
        "sha256": pointer.sha256,
        "body_sha256": pointer.body_sha256,
        "sequence": str(pointer.sequence),
        "version": pointer.version,
    }
    try:
        registry = opener()
        run = document["provenance"].get("mlflow_run_id")
        model, version = registry.register(folder / pointer.file, pointer.config_id, run, tags)
        registry.decided(run, _decision(document, pointer))
        registry.point(model, ALIAS, version)
    except Exception as error:  # noqa: BLE001 - whatever a store does, the release has happened
        return (
            f"The MLflow alias {ALIAS!r} did not follow: {error} The release stands, the pointer is what counts; "
            "the next promote or rollback moves the alias.",
        )
    state = {"model": model, "alias": ALIAS, "model_version": version, "sequence": pointer.sequence}
    with replaced_whole(folder / STATE) as temporary:
        temporary.write_text(pretty({**state, "sha256": pointer.sha256}) + "\n", encoding="utf-8")
    return ()


def _decision(document: Document, pointer: Pointer) -> dict[str, str]:
    """Who released a config and what they wrote, for the review that it rests on."""
    approval = (document["provenance"].get("approvals") or [{}])[-1]
    note = document.get("extra", {}).get("release", {})
    return {
        **{key: str(approval.get(key) or "") for key in ("by", "role", "at")},
        "decision": str(note.get("decision") or note.get("reason") or note.get("event") or ""),
        "version": pointer.version,
    }


def is_behind(folder: Path, pointer: Pointer) -> bool:
    """Whether the alias was last told of another release than the active one, or of none."""
    return alias_state(folder).get("sha256") != pointer.sha256


def alias_state(folder: Path) -> dict[str, Any]:
    """What the alias was last told; empty when it was never told anything."""
    try:
        state = json.loads((folder / STATE).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}
