"""What the next version number is: MAJOR inputs or band meaning, MINOR scores move, PATCH same body."""

from __future__ import annotations

from typing import Any

from churnbench.export import Document


def level_of_change(active: Document, new: Document) -> str:
    """How much a consumer notices when `new` takes the place of `active`.

    Returns:
        "major" when the declared inputs (id or type) or the names or order of the bands differ: a consumer must be
        changed. "minor" when only scores can move, cut-offs included. "patch" when the body is the same.
    """
    if _inputs(active) != _inputs(new) or _bands(active) != _bands(new):
        return "major"
    if active["integrity"]["body_sha256"] != new["integrity"]["body_sha256"]:
        return "minor"
    return "patch"


def next_version(version: str, level: str) -> str:
    """The version after `version`.

    >>> [next_version("2.1.4-rc.1", level) for level in ("major", "minor", "patch")]
    ['3.0.0', '2.2.0', '2.1.5']
    """
    major, minor, patch = (int(part) for part in version.partition("-")[0].split("."))
    if level == "major":
        return f"{major + 1}.0.0"
    if level == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def _inputs(document: Document) -> set[tuple[str, str]]:
    return {(entry["id"], entry["type"]) for entry in document["inputs"]}


def _bands(document: Document) -> list[Any]:
    return [name for name, _ in document["body"]["bands"]]
