"""A finished run read back: what it holds, and when it is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from projects import edit

import churnbench as cb
from churnbench.domain.errors import InputError
from churnbench.workflow.review import Review


@pytest.fixture
def folder(review: Review, tmp_path: Path) -> Path:
    assert review.out is not None
    return Path(shutil.copytree(review.out, tmp_path / "run"))


def test_a_run_read_back_holds_what_the_review_found(review: Review, folder: Path) -> None:
    run = cb.open_run(folder)
    assert run.verdict == review.evidence["verdict"]
    assert (
        run.contenders().loc["today's formula", "auc"]
        == review.evidence["contenders"]["incumbent"]["holdout"]["auc"]["value"]
    )
    assert run.thresholds()["from"].tolist() == [entry["from"] for entry in review.evidence["thresholds"]]
    assert run.compare().sum().to_numpy() == pytest.approx([100] * 5, abs=0.8)
    assert review.backtest is not None
    made = review.backtest.holdout
    assert made is not None
    pd.testing.assert_series_equal(
        run.holdout()["anchored.churn_probability"], made["anchored.churn_probability"].reset_index(drop=True)
    )
    assert len(cb.score(run.config, run.latest())) == len(run.latest())
    assert run.review_html().lstrip().lower().startswith("<!doctype html")


def test_the_challenger_of_a_project_is_the_one_of_its_backtest(review: Review, dated_project: Path) -> None:
    assert review.backtest is not None
    training = cb.open_project(dated_project).training(seed=0)
    pd.testing.assert_frame_equal(training.frame, review.backtest.training.frame)
    np.testing.assert_array_equal(training.attribution.values, review.backtest.training.attribution.values)


def test_a_run_of_other_data_is_not_mixed_with_a_project(folder: Path, dated_project: Path) -> None:
    cohort, run = cb.open_project(dated_project).snapshots(), cb.open_run(folder)
    run.require_data_of(cohort)
    with pytest.raises(InputError, match="other data than the project now holds"):
        run.require_data_of(replace(cohort, fingerprint="sha256:other"))


def test_a_folder_without_a_finished_run_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no finished run lies here.*churnbench run"):
        cb.open_run(tmp_path)
    (folder / "latest_inputs.parquet").unlink()
    with pytest.raises(InputError, match=r"incomplete: latest_inputs\.parquet absent"):
        cb.open_run(folder)


def test_a_blocked_run_says_why(folder: Path) -> None:
    evidence = json.loads((folder / "evidence.json").read_text("utf-8"))
    blocked = {**evidence, "verdict": "blocked", "verdict_reason": "It knows the future."}
    (folder / "evidence.json").write_text(json.dumps(blocked), encoding="utf-8")
    with pytest.raises(InputError, match=r"blocked: It knows the future\. .*run again"):
        cb.open_run(folder)


def test_evidence_about_another_config_is_refused(folder: Path) -> None:
    shutil.copy(folder / "incumbent.json", folder / "config.json")
    with pytest.raises(InputError, match="about another candidate than the config beside it"):
        cb.open_run(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"data": 1}', "\ufffe"])
def test_evidence_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "evidence.json").write_bytes(text.encode("utf-16-le" if text == "\ufffe" else "utf-8"))
    with pytest.raises(InputError, match=r"evidence"):
        cb.open_run(folder)


def test_a_config_edited_in_the_folder_is_noticed_when_it_scores(folder: Path) -> None:
    edit(folder / "config.json", '"min_coverage": 5000', '"min_coverage": 0')
    run = cb.open_run(folder)
    with pytest.raises(InputError):
        cb.score(run.config, run.latest())
