"""After a release the next review compares with the formula in force, not with the one that the project declares."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evidence_contract import strict_json

import churnbench_scorer
from churnbench.calibration import UNTESTED
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.export import build_document, read_document, write_document
from churnbench.formula import effective_points
from churnbench.monitoring.recalibrated import with_curve_moved
from churnbench.release import Released, promote
from churnbench.release.subject import read_subject
from churnbench.workflow import run_review
from churnbench.workflow.formula_in_force import formula_in_force
from churnbench.workflow.monitored import watched_config
from churnbench.workflow.review import Review

WHO = {"by": "Ada Byron", "role": "Head of Customer Success"}
REASON = "A test releases whatever there is, whatever its verdict."


@dataclass(frozen=True)
class Quarter:
    """A review after a release."""

    released: Released
    review: Review
    models: Path
    out: Path
    evidence: dict[str, Any]


def release(run: Path, models: Path) -> Released:
    """Release a run's config, whatever the verdict."""
    verdict = strict_json(run / "evidence.json")["verdict"]
    return promote(run, models, override=None if verdict == "promote" else REASON, **WHO)


@pytest.fixture(scope="module")
def cohort(small_project: Path) -> Cohort:
    return open_history(load_project(small_project)).cohort()


@pytest.fixture(scope="module")
def quarter(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    """A first review, its release, and the review after it, on the same data."""
    folder = tmp_path_factory.mktemp("quarters")
    project, models = load_project(small_project), folder / "models"
    run_review(project, folder / "first", models=models)
    released = release(folder / "first", models)
    review = run_review(project, folder / "second", models=models)
    return Quarter(released, review, models, folder / "second", strict_json(folder / "second" / "evidence.json"))


def test_the_incumbent_is_the_released_body_and_the_evidence_says_so(quarter: Quarter) -> None:
    document = read_document(quarter.out / "incumbent.json")
    pointer = quarter.released.pointer
    assert document["integrity"]["body_sha256"] == pointer.body_sha256
    assert document["config_version"] == pointer.version
    assert quarter.evidence["configs"]["incumbent"]["body_sha256"] == pointer.body_sha256
    assert quarter.evidence["contenders"]["incumbent"]["label"] == "formula in force"
    today = quarter.evidence["today"]
    assert (today["source"], today["version"], today["by"]) == ("in-force", pointer.version, WHO["by"])
    assert today["described"] == (
        f"formula in force (released {pointer.version} on {pointer.since[:10]} by {WHO['by']})"
    )


def test_its_holdout_scores_are_those_of_the_released_config(quarter: Quarter, cohort: Cohort) -> None:
    scores = pd.read_parquet(quarter.out / "holdout_scores.parquet").set_index(["account_id", "as_of"])
    frame = cohort.frame.set_index(["account_id", "as_of"])
    scorer = churnbench_scorer.load(quarter.released.path)
    for key, row in scores.head(60).iterrows():
        inputs = {name: None if pd.isna(value) else value for name, value in frame.loc[key].items()}
        found = scorer.score(inputs, extra="ignore").health_score_x100
        assert found is not None
        assert row["incumbent.health_score"] == found / 100


def test_weights_curves_and_bands_of_today_are_those_in_force(quarter: Quarter) -> None:
    body = quarter.released.document["body"]
    points = effective_points(body)
    level = points.pop("segment_level", 0.0)
    shown = {row["id"]: row["hand"] for row in quarter.evidence["weights"]["metrics"]}
    for metric, share in points.items():
        assert shown[metric] == pytest.approx(share * 100 / (100 - level), abs=1e-3)
    rules = {metric["id"]: metric["rule"] for metric in body["metrics"]}
    drawn = [curve for curve in quarter.evidence["curves"] if curve["kind"] == "numeric" and curve["hand"]]
    assert drawn
    for curve in drawn:
        low, high = curve["hand"][0][0], curve["hand"][-1][0]
        knots = rules[curve["metric"]].get("points", [])
        assert curve["hand"][1:-1] == [point for point in knots if low < point[0] < high]
    starts = {name: start / 100 for name, start in body["bands"]}
    assert {row["band"]: row["was"] for row in quarter.evidence["thresholds"]} == starts


def test_the_candidate_follows_the_release_and_its_promotion_finds_nothing_to_warn_of(
    quarter: Quarter, tmp_path: Path
) -> None:
    config = read_document(quarter.out / "config.json")
    pointer = quarter.released.pointer
    assert config["sequence"] == pointer.sequence + 1
    assert config["lifecycle"]["supersedes"] == pointer.version
    assert config["config_version"] > pointer.version
    assert read_subject(quarter.out).compared_with == pointer.body_sha256
    models = shutil.copytree(quarter.models, tmp_path / "models")
    again = release(quarter.out, models)
    assert not any("it replaces" in warning for warning in again.warnings)
    assert again.pointer.sequence == pointer.sequence + 1


def test_what_the_same_data_say_again_is_no_gain(quarter: Quarter, small_project: Path, tmp_path: Path) -> None:
    gate, delta = quarter.evidence["gate"], quarter.evidence["delta_log_loss"]
    assert quarter.evidence["verdict"] != "promote"
    assert abs(delta["value"]) < gate["margin"]
    # The released config itself as the candidate: nothing to decide, and the verdict says the same.
    again = run_review(
        load_project(small_project), tmp_path / "again", draft=quarter.released.path, models=quarter.models
    )
    assert any("scores exactly as the formula already in force" in text for text in again.evidence["warnings"])
    assert again.evidence["verdict"] != "promote"


def recalibrated(released: Released, path: Path, **noted: Any) -> Path:
    """What monitoring draws up: the released formula with a moved curve."""
    document = released.document
    body = with_curve_moved(dict(document["body"]), 0.5, 1.0)
    made = build_document(
        body,
        config_id=document["config_id"],
        config_version="1.1.0-recalibrated",
        sequence=document["sequence"],
        provenance={"verdict": UNTESTED, "label_window": ["2020-01-01", "2030-01-01"]},
        lifecycle={"created": "2026-01-01"},
        extra={"draft": noted},
    )
    write_document(made, path)
    return path


def test_what_monitoring_recalibrated_keeps_its_curve_and_is_measured_like_the_others(
    quarter: Quarter, small_project: Path, tmp_path: Path
) -> None:
    noted = {"intercept": 0.5, "slope": 1.0, "outcomes_from": "2029-07-01"}
    path = recalibrated(quarter.released, tmp_path / "recalibrated.json", **noted)
    project = load_project(small_project)
    run_review(project, tmp_path / "run", draft=path, models=quarter.models)
    moved, evidence = read_document(path)["body"], strict_json(tmp_path / "run" / "evidence.json")
    config = read_document(tmp_path / "run" / "config.json")
    assert config["body"]["risk_curve"] == moved["risk_curve"]
    assert evidence["configs"]["candidate"]["body_sha256"] == config["integrity"]["body_sha256"]
    assert evidence["risk_curve"]["strata"][0]["points"] == moved["risk_curve"]["strata"][0]["points"]
    assert config["extra"]["draft"]["outcomes_from"] == "2029-07-01"
    told = " ".join(evidence["warnings"])
    assert "only its risk curve was moved (intercept +0.500)" in told
    assert "none of them tells whether the move is right" in told
    assert "nothing new to decide" not in told
    # The figures, and the page that computes them again, use the curve of training rows.
    page = (tmp_path / "run" / "review.html").read_text("utf-8")
    data = json.loads(page.split('id="whatifdata">', 1)[1].split("</script>", 1)[0])
    assert json.loads(data["documents"]["candidate"])["body"]["risk_curve"] != moved["risk_curve"]
    models = shutil.copytree(quarter.models, tmp_path / "models")
    released = release(tmp_path / "run", models)
    assert released.document["body"]["risk_curve"] == moved["risk_curve"]
    assert watched_config(project, config=None, models=models).level_from == date(2029, 7, 1)


def test_a_day_that_is_none_in_a_moved_curve_is_refused(quarter: Quarter, small_project: Path, tmp_path: Path) -> None:
    path = recalibrated(quarter.released, tmp_path / "odd.json", intercept=0.5, outcomes_from="soon")
    with pytest.raises(InputError, match="'soon' is no day"):
        watched_config(load_project(small_project), config=path, models=quarter.models)


def test_the_page_measures_the_formula_in_force_as_the_evidence_does(quarter: Quarter, cohort: Cohort) -> None:
    page = (quarter.out / "review.html").read_text("utf-8")
    data = json.loads(page.split('id="whatifdata">', 1)[1].split("</script>", 1)[0])
    shown = churnbench_scorer.load(data["documents"]["incumbent"])
    scores = pd.read_parquet(quarter.out / "holdout_scores.parquet").set_index(["account_id", "as_of"])
    frame = cohort.frame.set_index(["account_id", "as_of"])
    for key, row in scores.head(60).iterrows():
        inputs = {name: None if pd.isna(value) else value for name, value in frame.loc[key].items()}
        found = shown.score(inputs, extra="ignore")
        assert found.churn_probability is not None
        assert row["incumbent.churn_probability"] == pytest.approx(found.churn_probability, abs=1e-9)


def test_a_folder_without_a_release_changes_nothing(
    small_project: Path, tmp_path: Path, cohort: Cohort, quarter: Quarter
) -> None:
    assert formula_in_force(tmp_path / "models", "tiny", cohort) == (None, [])
    first = quarter.out.parent / "first"
    evidence = strict_json(first / "evidence.json")
    assert evidence["today"]["source"] == "declared"
    assert evidence["contenders"]["incumbent"]["label"] == "today's formula"
    assert read_document(first / "incumbent.json")["config_version"] == "1.0.0"
    plain = run_review(load_project(small_project), tmp_path / "plain")
    assert plain.evidence["contenders"]["incumbent"]["holdout"] == evidence["contenders"]["incumbent"]["holdout"]


def test_inputs_that_the_data_no_longer_hold_are_named_and_the_declared_formula_is_compared(
    quarter: Quarter, cohort: Cohort
) -> None:
    body = quarter.released.document["body"]
    lost = body["metrics"][0]["input"]
    found, warnings = formula_in_force(quarter.models, "tiny", replace(cohort, frame=cohort.frame.drop(columns=lost)))
    assert found is None
    assert f"it reads {lost}, which the data no longer hold" in warnings[0]
    assert "the project file declares instead" in warnings[0]


def test_a_column_that_turned_to_text_and_a_damaged_release_are_told_too(
    quarter: Quarter, cohort: Cohort, tmp_path: Path
) -> None:
    body = quarter.released.document["body"]
    numeric = next(metric["input"] for metric in body["metrics"] if "map" not in metric["rule"])
    turned = cohort.frame.assign(**{numeric: "many"})
    found, warnings = formula_in_force(quarter.models, "tiny", replace(cohort, frame=turned))
    assert found is None
    assert "cannot be scored with it" in warnings[0]
    models = shutil.copytree(quarter.models, tmp_path / "models")
    path = models / "tiny" / quarter.released.pointer.file
    path.write_text(path.read_text("utf-8").replace('"min_coverage"', '"max_coverage"'), encoding="utf-8")
    found, warnings = formula_in_force(models, "tiny", cohort)
    assert found is None
    assert "cannot be read" in warnings[0]
