"""Port for progress: long work reports to it, the CLI draws it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What is being done now and how far it has come."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins; `total` is its number of steps when known."""

    def step(self, detail: str = "") -> None:
        """One step of the stage is done."""


class Silent:
    """Reports nothing."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Say nothing."""

    def step(self, detail: str = "") -> None:
        """Say nothing."""
