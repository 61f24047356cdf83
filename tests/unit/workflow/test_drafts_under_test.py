"""A formula drawn up by hand is backtested as it is, and cannot be promoted on outcomes that its author had seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evidence_contract import strict_json

import churnbench_scorer
from churnbench.calibration import UNTESTED
from churnbench.cli.summary import closing_summary
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import build_document, read_document, write_document
from churnbench.reports.decisions import decisions
from churnbench.reports.lens import lens_of
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
    assert any("comes from a manual draft (draft.json)" in warning for warning in evidence["warnings"])
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


@pytest.fixture(scope="module")
def by_hand(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Review, dict[str, Any]]:
    """A review of a draft as the page exports it: a turned curve, moved cut-offs, a capacity of its author's choice."""
    folder = tmp_path_factory.mktemp("by_hand")
    project = load_project(small_project)
    plain = run_review(project, folder / "plain")
    assert plain.out is not None
    today = read_document(plain.out / "incumbent.json")
    body = today["body"]
    turned = next(metric for metric in body["metrics"] if metric["rule"]["kind"] == "piecewise")
    rule = turned["rule"]
    upside_down = {
        **rule,
        "points": [[at, 100 - points] for at, points in rule["points"]],
        "slopes": [-slope for slope in rule["slopes"]],
    }
    metrics = [{**metric, "rule": upside_down} if metric is turned else metric for metric in body["metrics"]]
    bands = [[name, start + (150 if start else 0)] for name, start in body["bands"]]
    path = folder / "page.json"
    document = build_document(
        {**body, "metrics": metrics, "bands": bands},
        config_id=today["config_id"],
        config_version="1.0.0-manual",
        sequence=1,
        provenance={"verdict": UNTESTED, "label_window": ["2020-01-01", "2030-01-01"]},
        lifecycle={"created": "2026-01-01", "review_by": "2026-01-01"},
        extra={"draft": {"status": UNTESTED, "from_version": "1.0.0", "from_body_sha256": "ab", "capacity": 3}},
    )
    write_document(document, path)
    review = run_review(project, folder / "out", draft=path)
    return review, {"draft": document, "turned": turned["id"]}


def test_what_a_draft_turns_and_moves_is_to_be_decided(by_hand: tuple[Review, dict[str, Any]]) -> None:
    review, made = by_hand
    (change,) = review.evidence["direction_changes"]
    assert (change["metric"], change["source"]) == (made["turned"], "draft")
    assert {change["declared"], change["proposed"]} == {"higher is healthier", "lower is healthier"}
    assert change["statistic"] is None
    assert "the draft says" in change["detail"]
    told = {decision.question: decision.detail for decision in decisions(lens_of(review.evidence))}
    assert "Approve a turned direction?" in told
    assert "Adopt the draft's cut-offs?" in told
    top, start = made["draft"]["body"]["bands"][-1]
    assert f"{top} from {start / 100:.2f} (was {(start - 150) / 100:.2f})" in told["Adopt the draft's cut-offs?"]
    summary = closing_summary(review.evidence, Path("out"))
    assert "Please look" in summary
    assert "they promise nothing" in " ".join(summary.split())


def test_its_config_says_where_it_came_from_and_that_it_was_backtested(by_hand: tuple[Review, dict[str, Any]]) -> None:
    review, made = by_hand
    assert review.out is not None
    config, today = read_document(review.out / "config.json"), read_document(review.out / "incumbent.json")
    noted = config["extra"]["draft"]
    assert noted["status"] == "manual, backtested"
    assert noted["backtested_on"] == review.evidence["project"]["created"][:10]
    assert noted["verdict"] == review.evidence["verdict"] == config["provenance"]["verdict"]
    assert (noted["file"], noted["config_version"]) == ("page.json", "1.0.0-manual")
    assert noted["from_version"] == "1.0.0"
    assert noted["body_sha256"] == made["draft"]["integrity"]["body_sha256"]
    assert config["provenance"]["warnings"][0].startswith("It came from a manual draft (page.json) and was backtested")
    assert "extra" not in today
    assert not any("draft (page.json) and was" in text for text in today["provenance"]["warnings"])


def test_the_capacity_of_a_draft_is_the_one_it_is_measured_at(by_hand: tuple[Review, dict[str, Any]]) -> None:
    review, _ = by_hand
    assert review.evidence["capacity"]["accounts"] == 3
    assert review.evidence["capacity"]["source"] == "draft"
    assert all(entry["at_capacity"]["k"] == 3 for entry in review.evidence["contenders"].values())
    assert "3 calls a snapshot, as chosen in the draft (page.json)" in closing_summary(review.evidence, Path("out"))
    assert review.out is not None
    page = (review.out / "review.html").read_text("utf-8")
    assert "3 calls a snapshot, as chosen in the draft (page.json)" in page
    assert json.loads(page.split('id="whatifdata">', 1)[1].split("</script>", 1)[0])["capacity"] == 3


@pytest.mark.parametrize("capacity", [0, -3, 2.5, True, "many"])
def test_a_capacity_that_nobody_can_call_is_refused(
    tested: tuple[Review, dict[str, Any]], small_project: Path, tmp_path: Path, capacity: object
) -> None:
    _, draft = tested
    history = open_history(load_project(small_project))
    document = build_document(
        draft["body"],
        config_id="tiny",
        config_version="1.0.1",
        sequence=2,
        lifecycle={"created": "2026-01-01"},
        extra={"draft": {"capacity": capacity}},
    )
    write_document(document, tmp_path / "draft.json")
    with pytest.raises(InputError, match="a whole number of accounts from 1 upwards"):
        read_draft(tmp_path / "draft.json", history.cohort(), history.formula)


def test_the_config_of_another_run_is_not_called_a_manual_draft(
    by_hand: tuple[Review, dict[str, Any]], small_project: Path, tmp_path: Path
) -> None:
    review, _ = by_hand
    assert review.out is not None
    other = run_review(load_project(small_project), tmp_path / "out", draft=review.out.parent / "plain" / "config.json")
    assert "drawn up by hand" not in other.evidence["verdict_sentence"]
    assert any("comes from another run's config (config.json)" in text for text in other.evidence["warnings"])
    assert other.out is not None
    assert set(read_document(other.out / "config.json")["extra"]) == {"candidate"}
    assert other.evidence["capacity"]["source"] == "default"
