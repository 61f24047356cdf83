from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from release_worlds import NOW, WHO, candidate, moved_body, released

from churnbench.domain.errors import InputError
from churnbench.release import Surroundings, active, rollback
from churnbench.tracking import MlflowRegistry, open_recorder, open_registry
from churnbench.tracking.quiet import quiet

URI = "sqlite:///mlruns/mlflow.db"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder whose store a review has made."""
    folder = tmp_path_factory.mktemp("acme")
    open_recorder(URI, "Acme Corp", "review", folder)
    return folder


@pytest.fixture
def opener(root: Path) -> Callable[[], MlflowRegistry]:
    return lambda: open_registry(URI, root)


def versions(registry: MlflowRegistry, name: str) -> list[Any]:
    with quiet():
        return list(registry._client.search_model_versions(f"name = '{name}'"))


def test_champion_follows_promotions_and_rollbacks_and_holds_the_released_file(
    root: Path, tmp_path: Path, opener: Callable[[], MlflowRegistry]
) -> None:
    with open_recorder(URI, "Acme Corp", "review", root) as recorder:
        run = recorder.run_id
    models, around = tmp_path / "models", {"registry": opener}
    for step in range(2):
        document = candidate(moved_body(step), provenance={"mlflow_run_id": run})
        made = released(models, tmp_path / str(step), document, around=around)
        assert made.warnings[step:] == ()
        # The candidate's own registered model, found by the review's run.
        assert opener().aliased("Acme Corp-weights", "champion") == made.pointer.sha256
    rollback(models, "core", **WHO, reason="Wrong.", surroundings=Surroundings(now=NOW, **around))
    document, pointer = active(models, "core")
    registry = opener()
    assert registry.aliased("Acme Corp-weights", "champion") == pointer.sha256
    found = versions(registry, "Acme Corp-weights")
    assert sorted(entry.tags["churnbench.sequence"] for entry in found) == ["2", "3", "4"]
    with quiet():
        newest = max(found, key=lambda entry: int(entry.version))
        path = registry._client.download_artifacts(newest.run_id, f"config/{pointer.file}", str(tmp_path))
    assert Path(path).read_bytes() == (models / "core" / pointer.file).read_bytes()
    assert document["provenance"]["mlflow_run_id"] == run


def test_a_config_of_another_store_is_registered_once_under_its_own_name(
    tmp_path: Path, opener: Callable[[], MlflowRegistry]
) -> None:
    document = candidate(config_id="elsewhere", provenance={"mlflow_run_id": "0" * 32})
    made = released(tmp_path / "models", tmp_path / "run", document)
    tags = {"sha256": made.pointer.sha256, "sequence": "2", "version": "1.1.0"}
    registry = opener()
    assert registry.aliased("elsewhere-weights", "champion") is None
    first = registry.register(made.path, "elsewhere", "0" * 32, tags)
    assert first == registry.register(made.path, "elsewhere", None, tags) == ("elsewhere-weights", "1")
    registry.point(*first[:1], "champion", first[1])
    assert registry.aliased("elsewhere-weights", "champion") == made.pointer.sha256
    with pytest.raises(InputError, match=r"the MLflow store .* failed"):
        registry.point("nobody-weights", "champion", "1")


def test_a_store_that_cannot_be_opened_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be used") as caught:
        open_registry("http://ann:secret@127.0.0.1:9", tmp_path)
    assert "secret" not in str(caught.value)
