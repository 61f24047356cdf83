"""Port for experiment tracking: the workflow writes to it, `tracking` implements it with MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

#: name -> (value, low, high); low and high are None without an interval.
MetricValues = Mapping[str, tuple[float | None, float | None, float | None]]


class Recorder(Protocol):
    """One review. Used as a context manager: leaving it by an exception marks the run as failed."""

    @property
    def run_id(self) -> str:
        """Identifier of the parent run."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be recorded, as sentences for the evidence."""

    def __enter__(self) -> Recorder: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def earlier(self, project: str) -> list[dict[str, Any]]:
        """Earlier reviews of a project that reached a verdict, the newest first."""

    def named(self, name: str, description: str) -> None:
        """The name under which people find the review, and in Markdown what it found."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """Parameters and settings of the whole review."""

    def dataset(self, name: str, fingerprint: str, profile: Mapping[str, object]) -> None:
        """Which data the review rests on."""

    def holdout_unlocked(self, holdout_key: str) -> int:
        """Log that this holdout was looked at; return how often it has been, this time included."""

    def fold(self, contender: str, fold: str, parameters: Mapping[str, object], metrics: MetricValues) -> None:
        """A nested run for one contender on one fold ("holdout" for the last)."""

    def metrics(self, values: MetricValues) -> None:
        """Metrics of the whole review."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Tags of the parent run, e.g. verdict and claim level."""

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """A file that belongs to the review."""

    def model(self, name: str, model: Any, example: Any, alias: str) -> None:
        """A challenger model, stored natively (never pickled) with its signature, registered under alias."""

    def config(self, path: Path, alias: str) -> None:
        """The candidate weight config, registered under alias."""


class NoRecorder:
    """Keeps nothing; for tests and for use without tracking."""

    run_id = ""
    warnings: tuple[str, ...] = ()

    def __enter__(self) -> NoRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def earlier(self, project: str) -> list[dict[str, Any]]:  # noqa: ARG002 - part of the port
        """Nothing was kept."""
        return []

    def named(self, name: str, description: str) -> None:
        """Keep nothing."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """Keep nothing."""

    def dataset(self, name: str, fingerprint: str, profile: Mapping[str, object]) -> None:
        """Keep nothing."""

    def holdout_unlocked(self, holdout_key: str) -> int:  # noqa: ARG002 - part of the port
        """Keep nothing; without a memory every look is the first."""
        return 1

    def fold(self, contender: str, fold: str, parameters: Mapping[str, object], metrics: MetricValues) -> None:
        """Keep nothing."""

    def metrics(self, values: MetricValues) -> None:
        """Keep nothing."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Keep nothing."""

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Keep nothing."""

    def model(self, name: str, model: Any, example: Any, alias: str) -> None:
        """Keep nothing."""

    def config(self, path: Path, alias: str) -> None:
        """Keep nothing."""
