"""A formula drawn up by hand is backtested as it is, and cannot be promoted on outcomes that its author had seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evidence_contract import strict_json

import churnbench_scorer
from churnbench.calibration import UNTESTED
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import build_document, read_document, write_document
from churnbench.workflow import run_review
from churnbench.workflow.draft import read_draft
from churnbench.workflow.review import Review


def drafted(of: dict[str, Any], path: Path, *, seen_until: str | None, **changes: Any) -> Path:
    """The document with another profile, stamped as a draft."""
    body = {**of["body"], **changes}
    window = [] if seen_until is None else ["2020-01-01", seen_until]
    made = build_document(
        body,
        config_id=of["config_id"],
        config_version="1.0.1",
        sequence=2,
        provenance={"verdict": UNTESTED, "label_window": window},
        lifecycle={"created": "2026-01-01"},
    )
    write_document(made, path)
    return path


@pytest.fixture(scope="module")
def tested(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Review, dict[str, Any]]:
    """A review whose candidate is a draft with turned dimension weights, its author having seen everything."""
    folder = tmp_path_factory.mktemp("drafted")
    project = load_project(small_project)
    plain = run_review(project, folder / "plain")
    assert plain.out is not None
    today = read_document(plain.out / "incumbent.json")
    profile = today["body"]["segments"]["default"]
    turned = [[name, weight] for (name, _), (_, weight) in zip(profile, reversed(profile), strict=True)]
    segments = {**today["body"]["segments"], "default": turned}
    path = drafted(today, folder / "draft.json", seen_until="2030-01-01", segments=segments)
    return run_review(project, folder / "out", draft=path), read_document(path)


def test_the_draft_is_the_candidate_and_only_its_risk_curve_is_made_anew(
    tested: tuple[Review, dict[str, Any]],
) -> None:
    review, draft = tested
    assert review.out is not None
    config = read_document(review.out / "config.json")
    assert {**config["body"], "risk_curve": None} == {**draft["body"], "risk_curve": None}
    evidence = strict_json(review.out / "evidence.json")
    assert evidence["gate"]["candidate"] == "draft"
    assert {"incumbent", "anchored", "lightgbm", "draft"} <= set(evidence["contenders"])
    assert evidence["contenders"]["draft"]["label"] == "draft by hand"
    assert any("drawn up by hand (draft.json)" in warning for warning in evidence["warnings"])
    shown = [(entry["from"], entry["promise"]) for entry in evidence["thresholds"]]
    assert shown == [(start / 100, None) for _, start in draft["body"]["bands"]]


def test_its_holdout_scores_are_those_of_the_scorer(tested: tuple[Review, dict[str, Any]], small_project: Path) -> None:
    review, _ = tested
    assert review.out is not None
    scores = pd.read_parquet(review.out / "holdout_scores.parquet").set_index(["account_id", "as_of"])
    frame = open_history(load_project(small_project)).cohort().frame.set_index(["account_id", "as_of"])
    scorer = churnbench_scorer.load(review.out / "config.json")
    for key, row in scores.head(40).iterrows():
        inputs = {name: None if pd.isna(value) else value for name, value in frame.loc[key].items()}
        found = scorer.score(inputs, extra="ignore").health_score_x100
        assert found is not None
        assert row["draft.health_score"] == found / 100


def test_a_draft_made_on_this_holdout_cannot_be_promoted(tested: tuple[Review, dict[str, Any]]) -> None:
    review, _ = tested
    guard = next(g for g in review.evidence["gate"]["guards"] if g["id"] == "unseen-holdout")
    assert guard["ok"] is False
    assert "looking at outcomes until 2030-01-01" in guard["detail"]
    assert review.evidence["verdict"] != "promote"
    assert review.out is not None
    assert read_document(review.out / "config.json")["provenance"]["label_window"][1] == "2030-01-01"


def test_what_its_author_had_seen_is_read_from_the_document(
    tested: tuple[Review, dict[str, Any]], small_project: Path, tmp_path: Path
) -> None:
    _, draft = tested
    project = load_project(small_project)
    history = open_history(project)
    cohort, spec = history.cohort(), history.formula
    assert read_draft(drafted(draft, tmp_path / "a.json", seen_until=None), cohort, spec).seen_until is None
    early = read_draft(drafted(draft, tmp_path / "b.json", seen_until="2021-05-31"), cohort, spec)
    assert str(early.seen_until) == "2021-05-31"
    (tmp_path / "c.json").write_text((tmp_path / "a.json").read_text().replace("6000", "6001", 1))
    with pytest.raises(InputError, match="edited or damaged"):
        read_draft(tmp_path / "c.json", cohort, spec)


def test_a_draft_with_metrics_or_inputs_that_the_project_lacks_is_refused(
    tested: tuple[Review, dict[str, Any]], small_project: Path, tmp_path: Path
) -> None:
    _, draft = tested
    history = open_history(load_project(small_project))
    cohort, spec = history.cohort(), history.formula
    path = drafted(draft, tmp_path / "draft.json", seen_until=None)
    name = draft["body"]["metrics"][0]["id"]
    with pytest.raises(InputError, match=f"weighs {name}, which this project does not declare"):
        read_draft(path, cohort, replace(spec, metrics=spec.metrics[1:]))
    lacking = replace(cohort, frame=cohort.frame.drop(columns=draft["body"]["metrics"][0]["input"]))
    with pytest.raises(InputError, match="is no column of this project's data"):
        read_draft(path, lacking, spec)
