"""Released weight configs in MLflow's model registry, the active one under an alias."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.tracking.opening import make_client, make_experiment
from churnbench.tracking.quiet import load_mlflow, quiet
from churnbench.tracking.recorder import origin, registered_name
from churnbench.tracking.retry import reason_of
from churnbench.tracking.reviews import DECIDED
from churnbench.tracking.stale import KIND_TAG, PARENT_TAG
from churnbench.tracking.store import (
    Store,
    prepare_folders,
    redact,
    require_existing,
    require_reachable,
    resolve,
    unusable,
)
from churnbench.tracking.values import flat_tags

HASH_TAG = "churnbench.sha256"


class MlflowRegistry:
    """Registers releases and moves an alias; made by `open_registry`."""

    def __init__(self, client: Any, store: Store) -> None:
        self._client, self._store = client, store

    def register(self, path: Path, fallback: str, source_run: str | None, tags: Mapping[str, str]) -> tuple[str, str]:
        """Make a released config a version of its registered model, once.

        Args:
            path: the config's file.
            fallback: stem of the model's name when the store does not know the review's run.
            source_run: MLflow run of the review that the config comes from.
            tags: of the version; `sha256` tells releases apart.

        Returns:
            Name of the registered model and number of the version. A config registered before keeps its version.

        Raises:
            InputError: when the store fails.
        """
        made: tuple[str, str] = self._call(lambda: self._register(path, fallback, source_run, tags))
        return made

    def decided(self, run_id: str | None, told: Mapping[str, str]) -> bool:
        """Write on a review's run what people decided about it, so that the list of runs shows it.

        Args:
            run_id: parent run of the review; None when it is not known.
            told: `by`, `role`, `at` (ISO 8601), `decision`, `version`; empty values are left out.

        Returns:
            Whether the store knows that run.

        Raises:
            InputError: when the store fails.
        """
        if self._review(run_id) is None:
            return False
        for key, value in flat_tags({DECIDED + key: text for key, text in told.items() if text}).items():
            self._call(lambda key=key, value=value: self._client.set_tag(run_id, key, value))
        return True

    def point(self, name: str, alias: str, version: str) -> None:
        """Let an alias point at a version.

        Raises:
            InputError: when the store fails.
        """
        self._call(lambda: self._client.set_registered_model_alias(name, alias, version))

    def aliased(self, name: str, alias: str) -> str | None:
        """Hash of the config under an alias, None when there is no such alias."""
        try:
            with quiet():
                found = self._client.get_model_version_by_alias(name, alias)
        except Exception:  # noqa: BLE001 - MLflow raises one error for "unknown" and for everything else
            return None
        return str(found.tags.get(HASH_TAG, "")) or None

    def _register(self, path: Path, fallback: str, source_run: str | None, tags: Mapping[str, str]) -> tuple[str, str]:
        experiment = self._experiment_of(source_run) or fallback
        name = registered_name(f"{experiment}-weights")
        for version in self._client.search_model_versions(f"name = '{name}'"):
            if version.tags.get(HASH_TAG) == tags["sha256"]:
                return name, str(version.version)
        labels = flat_tags({f"churnbench.{key}": value for key, value in tags.items()})
        # Nested below its review, so that the list of runs stays a list of reviews.
        parent = {} if self._review(source_run) is None else {PARENT_TAG: str(source_run)}
        run = self._client.create_run(
            make_experiment(self._client, self._store, experiment),
            run_name=f"release {tags.get('version', '')} · sequence {tags.get('sequence', '')}",
            tags=origin() | labels | {KIND_TAG: "release"} | parent,
        )
        run_id = str(run.info.run_id)
        self._client.log_artifact(run_id, str(path), "config")
        self._client.set_terminated(run_id)
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        made = self._client.create_model_version(name, f"runs:/{run_id}/config", run_id=run_id, tags=labels)
        return name, str(made.version)

    def _experiment_of(self, run_id: str | None) -> str | None:
        run = self._review(run_id)
        return None if run is None else str(self._client.get_experiment(run.info.experiment_id).name)

    def _review(self, run_id: str | None) -> Any:
        if not run_id:
            return None
        try:
            with quiet():
                return self._client.get_run(run_id)
        except Exception:  # noqa: BLE001 - a config may come from another store; its own name serves then
            return None

    def _call(self, work: Any) -> Any:
        try:
            with quiet():
                return work()
        except Exception as error:  # MLflow, SQLAlchemy, sqlite3 and OS errors share no base
            raise InputError(
                f"the MLflow store {redact(self._store.uri)} failed: {redact(reason_of(error))[:300].rstrip('.')}.",
                fix="Put the store right; the alias follows with the next release.",
            ) from error


def require_registry(uri: str, root: Path) -> None:
    """Refuse an address at which no registry can be, before anything is released; what is a server's is not asked.

    Raises:
        InputError: for an address that MLflow does not know, or a local store that does not exist.
    """
    require_existing(resolve(uri, root))


def open_registry(uri: str, root: Path) -> MlflowRegistry:
    """Open the registry of a tracking store that exists; none is made.

    Args:
        uri: tracking address; a relative SQLite path counts from `root`.
        root: folder that a relative path counts from.

    Raises:
        InputError: when the store does not exist, or cannot be reached, read or written.
    """
    store = resolve(uri, root)
    require_existing(store)
    require_reachable(store)
    prepare_folders(store)
    load_mlflow()
    try:
        return MlflowRegistry(make_client(store), store)
    except Exception as error:
        raise unusable(store.uri, error) from error
