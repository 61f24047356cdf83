"""Opening a tracking store, with every way it can be unusable told before the work starts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from churnbench.tracking.quiet import load_mlflow, quiet
from churnbench.tracking.recorder import MlflowRecorder
from churnbench.tracking.retry import PatientClient, with_retry
from churnbench.tracking.stale import close_stale_runs
from churnbench.tracking.store import (
    ROOT_TAG,
    Store,
    alone,
    prepare_folders,
    relocate,
    require_reachable,
    resolve,
    unusable,
)

#: MLflow reads the root of its default experiment from here when a store is opened inside a process;
#: without it a folder `mlruns` would appear in the working directory.
ROOT_VARIABLE = "_MLFLOW_SERVER_ARTIFACT_ROOT"

#: What MLflow's pages make of an experiment: model training, not language models; and what stands above its runs.
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": (
        "Each row is a **review**: project, how far the outcomes reach, verdict. Its description says what was found; "
        "`review.html` among its artifacts is the page of the meeting, `figures` hold its drawings.\n\n"
        "To compare two quarters, tick two reviews and press *Compare*: `holdout.*` is the candidate, "
        "`holdout.*.incumbent` today's formula, `delta.log_loss` the gain (positive is better), `weight.*` the "
        "weights. The plus sign opens a review's contenders: one run on the holdout and one per earlier fold."
    ),
}


def open_recorder(
    uri: str, experiment: str, name: str, root: Path, tags: Mapping[str, str] | None = None
) -> MlflowRecorder:
    """Open the store and return a recorder for one review; the run itself starts on `with`.

    Runs that a killed process left open on this machine are closed as KILLED on the way.

    Args:
        uri: tracking address; a relative SQLite path counts from `root`.
        experiment: name of the MLflow experiment, usually the project's name.
        name: name of the parent run.
        root: folder of the project file.
        tags: tags of the parent run.

    Raises:
        InputError: when the store cannot be reached, read or written, with what to do.
    """
    store = resolve(uri, root)
    require_reachable(store)
    prepare_folders(store)
    try:
        client, experiment_id = _open(store, experiment)
        close_stale_runs(client, experiment_id)
    except Exception as error:  # MLflow, SQLAlchemy, sqlite3 and OS errors share no base
        raise unusable(store.uri, error) from error
    return MlflowRecorder(client, store, experiment_id, experiment, name, dict(tags or {}))


def _open(store: Store, experiment: str) -> tuple[Any, str]:
    client = make_client(store)
    with alone(store), quiet(), _artifact_root(store):
        return client, make_experiment(client, store, experiment)


def make_client(store: Store) -> PatientClient:
    """A client of the store, its tables made and its artifact locations brought up to date."""
    mlflow = load_mlflow()
    with alone(store), quiet(), _artifact_root(store):
        with_retry(lambda: relocate(store))
        return PatientClient(with_retry(lambda: mlflow.MlflowClient(tracking_uri=store.uri, registry_uri=store.uri)))


def make_experiment(client: Any, store: Store, name: str) -> str:
    """Id of an experiment, made or restored when it is not there."""
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    if found is not None:
        return str(found.experiment_id)
    options: dict[str, Any] = {"tags": dict(EXPERIMENT_TAGS)}
    if store.artifacts is not None:
        options["artifact_location"] = (store.artifacts / _folder_name(name)).as_uri()
        options["tags"][ROOT_TAG] = str(store.artifacts)
    try:
        return str(client.create_experiment(name, **options))
    except Exception:
        # Another process may have created it since; anything else is a real failure.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def _folder_name(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "experiment"
    return f"{slug}-{sha256(name.encode()).hexdigest()[:8]}"


@contextmanager
def _artifact_root(store: Store) -> Iterator[None]:
    if store.artifacts is None:
        yield
        return
    before = os.environ.get(ROOT_VARIABLE)
    os.environ[ROOT_VARIABLE] = store.artifacts.as_uri()
    try:
        yield
    finally:
        if before is None:
            del os.environ[ROOT_VARIABLE]
        else:
            os.environ[ROOT_VARIABLE] = before
