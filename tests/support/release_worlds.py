"""Run folders, keys and a registry for tests of releases, without running a review."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from formula_worlds import small_body

from churnbench.export import build_document, write_document
from churnbench.release import Released, Surroundings, promote

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WHO = {"by": "Ada Byron", "role": "VP Customer Success"}
REASON = "Pilot with ten accounts, watched weekly by the team."


def moved_body(step: int = 0) -> dict[str, Any]:
    """The small body with other weights: 60/40 inside usage becomes 60-step/40+step per cent."""
    body = deepcopy(small_body())
    body["dimensions"][0]["weights"] = [["logins", 6000 - 100 * step], ["seats", 4000 + 100 * step]]
    return body


def candidate(body: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """A candidate as a review leaves it."""
    provenance = {
        "train_window": ["2024-01-31", "2025-06-30"],
        "gap_days": 14,
        "horizon_days": 90,
        "data_fingerprint": "sha256:abc",
        "mlflow_run_id": "run-1",
        "metrics": [
            {"name": "auc", "value": 0.81, "ci90": [0.78, 0.84], "accounts": 900, "events": 96, "segment": "all"},
            {"name": "calibration_slope", "value": None, "ci90": None, "accounts": 900, "events": 96},
        ],
        "verdict": "promote",
        "warnings": [],
        "approvals": [],
        **parts.pop("provenance", {}),
    }
    options: dict[str, Any] = {
        "config_id": "core",
        "config_version": "1.1.0",
        "sequence": 2,
        "inputs": [{"id": "logins_30d", "unit": "count", "label": "Logins, last 30 days"}],
        "lifecycle": {"created": "2026-02-27T10:00:00Z", "review_by": "2026-06-27", "supersedes": "1.0.0"},
        **parts,
    }
    return build_document(body or moved_body(), provenance=provenance, **options)


def run_folder(folder: Path, document: dict[str, Any] | None = None, **evidence: Any) -> Path:
    """A run's folder: config.json, incumbent.json and an evidence.json that is about them."""
    document = document or candidate()
    today = candidate(small_body() | {"min_coverage": 4000}, config_version="1.0.0", sequence=1)
    folder.mkdir(parents=True, exist_ok=True)
    configs = {}
    for role, name, config in (("incumbent", "incumbent.json", today), ("candidate", "config.json", document)):
        write_document(config, folder / name)
        configs[role] = {"file": name, **config["integrity"]}
    provenance = document["provenance"]
    found = {
        "schema": 1,
        "verdict": provenance["verdict"],
        "verdict_reason": "The candidate predicts churn better than today's formula.",
        "mlflow_run_id": provenance["mlflow_run_id"],
        "data": {"fingerprint": provenance["data_fingerprint"]},
        "configs": configs,
        **evidence,
    }
    (folder / "evidence.json").write_text(json.dumps(found), encoding="utf-8")
    return folder


def released(models: Path, folder: Path, document: dict[str, Any] | None = None, **options: Any) -> Released:
    """Promote a candidate whose verdict allows it."""
    around = Surroundings(**{"now": NOW, "patience": 0.2, **options.pop("around", {})})
    return promote(run_folder(folder, document), models, **{**WHO, **options}, surroundings=around)


def three_releases(models: Path, folder: Path, **options: Any) -> list[Released]:
    """Sequences 2, 3 and 4 with three bodies."""
    return [released(models, folder / str(step), candidate(moved_body(step)), **options) for step in range(3)]


class FakeRegistry:
    """A model registry in memory; `down` makes every call fail."""

    def __init__(self) -> None:
        self.versions: list[dict[str, str]] = []
        self.decisions: list[dict[str, str]] = []
        self.aliases: dict[str, str] = {}
        self.down: str = ""

    def __call__(self) -> FakeRegistry:
        if self.down == "opening":
            raise OSError("nobody listens")
        return self

    def register(self, path: Path, fallback: str, source_run: str | None, tags: dict[str, str]) -> tuple[str, str]:
        """Add a version."""
        if self.down == "registering":
            raise OSError("disk full")
        assert path.exists()
        self.versions.append(tags)
        return f"{fallback}-weights", str(len(self.versions))

    def decided(self, run_id: str | None, told: dict[str, str]) -> bool:
        """Keep who decided."""
        self.decisions.append(told | {"run": str(run_id)})
        return True

    def point(self, name: str, alias: str, version: str) -> None:
        """Move an alias."""
        if self.down == "pointing":
            raise OSError("connection lost")
        self.aliases[f"{name}@{alias}"] = self.versions[int(version) - 1]["sequence"]
