"""A review opens with the last decision and with how its promises turned out on outcomes it could not have seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import churnbench_scorer
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.cohort import Cohort
from churnbench.metrics import korn_graubard
from churnbench.release import Released, promote, rollback
from churnbench.workflow.last_decision import last_decision
from churnbench.workflow.review import Review

WHO = {"by": "Ada Byron", "role": "Head of Customer Success"}
REASON = "A test releases whatever there is, whatever its verdict."


@pytest.fixture
def cohort(dated_project: Path) -> Cohort:
    return open_history(load_project(dated_project)).cohort()


def promoted(review: Review, folder: Path, *, data_through: str | None) -> Released:
    """Release the review's config as if its data had ended on that day."""
    assert review.out is not None
    copy = shutil.copytree(review.out, folder / "run")
    evidence = json.loads((copy / "evidence.json").read_text("utf-8"))
    evidence["data"]["data_through"] = data_through
    for entry, promise in zip(evidence["thresholds"], (0.02, None, 0.9), strict=True):
        entry["promise"] = promise
    (copy / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")
    override = None if evidence["verdict"] == "promote" else REASON
    return promote(copy, folder / "models", decision="adopt", conditions=["watch SMB"], override=override, **WHO)


def test_nothing_released_is_no_decision(tmp_path: Path, cohort: Cohort) -> None:
    assert last_decision(tmp_path / "models", "core", cohort) is None


def test_promises_are_held_against_outcomes_that_the_review_had_not_seen(
    review: Review, cohort: Cohort, tmp_path: Path
) -> None:
    labelled, window = cohort.labelled(), cohort.window
    assert window is not None
    seen_until = labelled["as_of"].sort_values().iloc[len(labelled) // 2]
    made = promoted(review, tmp_path, data_through=f"{seen_until:%Y-%m-%d}")
    found = last_decision(tmp_path / "models", made.document["config_id"], cohort)
    assert found is not None
    assert (found["by"], found["decision"], found["conditions"]) == (WHO["by"], "adopt", ["watch SMB"])
    assert (found["event"], found["body_sha256"]) == ("promote", made.pointer.body_sha256)

    rows = labelled[labelled["as_of"] + pd.Timedelta(days=window.gap_days) >= seen_until]
    scorer = churnbench_scorer.load(made.path)
    scores = []
    for _, row in rows.iterrows():
        inputs = {name: None if pd.isna(value) else value for name, value in row.items()}
        scores.append(scorer.score(inputs, extra="ignore"))
    outcome = found["outcome"]
    assert outcome["accounts"] == rows["account_id"].nunique()
    assert outcome["events"] == rows.loc[rows["y"] == 1, "account_id"].nunique() > 0
    assert [entry["band"] for entry in outcome["bands"]] == ["red", "yellow", "green"]
    assert [(entry["promise"], entry["at_most"]) for entry in outcome["bands"]] == [
        (0.02, False),
        (None, False),
        (0.9, True),
    ]
    for entry in outcome["bands"]:
        inside = [score.band == entry["band"] for score in scores]
        part = rows[inside]
        rate = korn_graubard(part["y"].to_numpy(float), part["account_id"].to_numpy(object))
        assert (entry["observed"], entry["ci90"]) == (rate.value, [rate.low, rate.high])
        expected = [s.churn_probability for s, held in zip(scores, inside, strict=True) if held]
        assert entry["expected"] == pytest.approx(sum(expected) / len(expected), abs=1e-9)
        assert entry["kept"] is _kept(entry)


def _kept(entry: dict[str, Any]) -> bool | None:
    low, high = entry["ci90"]
    if entry["promise"] is None:
        return None
    good, bad = (high <= entry["promise"], low > entry["promise"])
    if not entry["at_most"]:
        good, bad = (low >= entry["promise"], high < entry["promise"])
    return True if good else False if bad else None


def test_outcomes_that_the_review_had_seen_prove_nothing(review: Review, cohort: Cohort, tmp_path: Path) -> None:
    made = promoted(review, tmp_path, data_through="2035-01-01")
    found = last_decision(tmp_path / "models", made.document["config_id"], cohort)
    assert found is not None
    assert found["outcome"]["bands"] == []
    assert "No outcome that the review had not seen has matured since 2035-01-01" in found["outcome"]["note"]


def test_a_release_that_says_nothing_of_its_review_and_a_damaged_folder_are_told(
    review: Review, cohort: Cohort, tmp_path: Path
) -> None:
    made = promoted(review, tmp_path, data_through=None)
    config = made.document["config_id"]
    found = last_decision(tmp_path / "models", config, cohort)
    assert found is not None
    assert "does not say which outcomes" in found["outcome"]["note"]
    history = tmp_path / "models" / config / "history.jsonl"
    history.write_text("nonsense\n" + history.read_text("utf-8"), encoding="utf-8")
    damaged = last_decision(tmp_path / "models", config, cohort)
    assert damaged is not None
    assert "cannot be read" in damaged["note"]


def test_after_a_rollback_the_promises_are_those_of_the_formula_that_came_back(
    review: Review, cohort: Cohort, tmp_path: Path
) -> None:
    first = promoted(review, tmp_path, data_through="2020-01-01")
    assert review.out is not None
    again = tmp_path / "again"
    shutil.copytree(review.out, again)
    override = "A test releases today's formula to go back from it."
    promote(again / "incumbent.json", tmp_path / "models", override=override, **WHO)
    config = first.document["config_id"]
    assert last_decision(tmp_path / "models", config, cohort)["outcome"]["note"]  # type: ignore[index]
    rollback(tmp_path / "models", config, reason="the old one was better", **WHO)
    found = last_decision(tmp_path / "models", config, cohort)
    assert found is not None
    assert (found["event"], found["reason"]) == ("rollback", "the old one was better")
    assert found["outcome"]["after"] == "2020-01-01"
    assert len(found["outcome"]["bands"]) == 3
