"""A ready-made store: making MLflow's tables takes seconds, copying them does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from churnbench.tracking import MlflowRecorder, open_recorder

URI = "sqlite:///mlruns/mlflow.db"
Opener = Callable[..., MlflowRecorder]


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without any experiment of ours."""
    from churnbench.tracking.opening import _artifact_root
    from churnbench.tracking.quiet import load_mlflow, quiet
    from churnbench.tracking.store import prepare_folders, resolve

    root = tmp_path_factory.mktemp("template")
    store = resolve(URI, root)
    prepare_folders(store)
    with quiet(), _artifact_root(store):
        load_mlflow().MlflowClient(tracking_uri=store.uri, registry_uri=store.uri)
    assert store.database is not None
    return store.database


@pytest.fixture
def project(tmp_path: Path, template_database: Path) -> Path:
    """A project folder with an empty store."""
    root = tmp_path / "acme"
    (root / "mlruns").mkdir(parents=True)
    shutil.copy(template_database, root / "mlruns" / "mlflow.db")
    return root


@pytest.fixture
def opened(project: Path) -> Opener:
    """Opens a recorder on the project's store."""

    def open_one(**options: object) -> MlflowRecorder:
        arguments = {
            "uri": URI,
            "experiment": "acme",
            "name": "review",
            "root": project,
            "tags": {"seed": "7"},
        }
        return open_recorder(**(arguments | options))  # type: ignore[arg-type]

    return open_one
