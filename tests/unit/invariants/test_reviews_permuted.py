"""Invariant 2, to the end: a whole review of permuted files says the same, apart from when and how fast it was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from evidence_contract import strict_json
from invariant_books import permuted
from projects import HEAD, write_project

from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world
from churnbench.workflow import run_review

#: Clock readings of a review.
#: `sha256` is the hash of a whole config, which holds the moment it was made; `body_sha256` is compared.
TIMED = {"created", "seconds", "fit_seconds", "sha256"}


def _timeless(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _timeless(value) for key, value in part.items() if key not in TIMED}
    return [_timeless(value) for value in part] if isinstance(part, list) else part


def test_the_evidence_and_the_config_of_permuted_files_are_the_same(tmp_path: Path) -> None:
    seed = 4
    made = simulate_world(130, 20, seed, base_rate=0.1)
    shuffled = replace(
        made, **{name: permuted(getattr(made, name), seed) for name in ("snapshots", "outcomes", "accounts")}
    )
    tail = "\n[calibration]\nbootstrap = 5\n"
    found = []
    for number, world in enumerate((made, shuffled)):
        folder = write_project(tmp_path / f"project-{number}", made=world, head=HEAD, tail=tail)
        run_review(load_project(folder), tmp_path / f"out-{number}", seed=seed)
        found.append(tmp_path / f"out-{number}")
    evidence = [_timeless(strict_json(out / "evidence.json")) for out in found]
    assert evidence[0]["verdict"] != "blocked"
    for key in evidence[0]:
        assert evidence[0][key] == evidence[1][key], key
    for name in ("config.json", "incumbent.json"):
        bodies = [strict_json(out / name) for out in found]
        assert bodies[0]["integrity"]["body_sha256"] == bodies[1]["integrity"]["body_sha256"]
    assert (found[0] / "holdout_scores.parquet").read_bytes() == (found[1] / "holdout_scores.parquet").read_bytes()
    assert not np.array_equal(made.snapshots["account_id"], shuffled.snapshots["account_id"])
