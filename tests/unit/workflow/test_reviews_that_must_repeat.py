"""Same seed and data, same bytes: whatever the order of rows and columns, and however often it is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evidence_contract import strict_json
from projects import copy_of

from churnbench.data.project import load_project
from churnbench.workflow import run_review


def _body(out: Path, file: str = "config.json") -> object:
    document = strict_json(out / file)
    return document["body"], document["integrity"]["body_sha256"], document["golden"]


@pytest.fixture(scope="module")
def first(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("first")
    run_review(load_project(small_project), out, seed=0)
    return out


def test_a_second_run_into_the_same_folder_replaces_what_is_there_with_the_same_bytes(
    small_project: Path, first: Path, tmp_path: Path
) -> None:
    out = copy_of(first, tmp_path / "out")
    (out / "config.json").write_text("{ half")
    run_review(load_project(small_project), out, seed=0)
    for file in ("config.json", "incumbent.json"):
        assert _body(out, file) == _body(first, file)
    assert (out / "holdout_scores.parquet").read_bytes() == (first / "holdout_scores.parquet").read_bytes()


def test_the_order_of_rows_and_columns_in_the_files_changes_nothing(
    small_project: Path, first: Path, tmp_path: Path
) -> None:
    project = copy_of(small_project, tmp_path / "project")
    for number, name in enumerate(("snapshots.csv", "outcomes.csv", "accounts.csv")):
        table = pd.read_csv(project / name, dtype=str, keep_default_na=False)
        columns = np.random.default_rng(number).permutation(table.columns)
        table.sample(frac=1, random_state=number)[columns].to_csv(project / name, index=False)
    run_review(load_project(project), tmp_path / "out", seed=0)
    for file in ("config.json", "incumbent.json"):
        assert _body(tmp_path / "out", file) == _body(first, file)
    ours, theirs = (strict_json(out / "evidence.json") for out in (tmp_path / "out", first))
    assert ours["contenders"]["lightgbm"]["holdout"] == theirs["contenders"]["lightgbm"]["holdout"]


def test_another_seed_works_too_and_leaves_today_s_formula_as_it_is(
    small_project: Path, first: Path, tmp_path: Path
) -> None:
    evidence = run_review(load_project(small_project), tmp_path, seed=12345).evidence
    assert evidence["project"]["seed"] == 12345
    ours, theirs = (strict_json(out / "incumbent.json")["body"] for out in (tmp_path, first))
    assert ours["metrics"] == theirs["metrics"]
    assert ours["dimensions"] == theirs["dimensions"]
