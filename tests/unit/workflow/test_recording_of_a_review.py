"""What a review leaves in MLflow: names, descriptions, figures and files by which two quarters are compared."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fake_evidence import cross_sectional, full, hostile
from projects import world, write_project

from churnbench.data.project import load_project
from churnbench.domain.errors import BlockedError
from churnbench.tracking import open_recorder, past_reviews
from churnbench.tracking.quiet import load_mlflow, quiet
from churnbench.workflow import run_review
from churnbench.workflow.recording import review_metrics
from churnbench.workflow.recording_words import review_name, review_note, unfinished_name

URI = "sqlite:///mlruns/mlflow.db"


def _recorded(folder: Path, place: Path) -> tuple[Any, Any, Any]:
    """The review of a project with tracking: its evidence, its run and a client of the store."""
    project = load_project(folder)
    recorder = open_recorder(URI, project.name, unfinished_name(project.name), place)
    evidence: Any = None
    with suppress(BlockedError):
        evidence = run_review(project, place / "out", recorder=recorder).evidence
    assert recorder.warnings == ()
    with quiet():
        client = load_mlflow().MlflowClient(tracking_uri=f"sqlite:///{place / 'mlruns' / 'mlflow.db'}")
        return evidence, client.get_run(recorder.run_id), client


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any, Path]:
    place = tmp_path_factory.mktemp("recorded")
    folder = write_project(place / "acme", made=world(250, 20, 3, 0.08), tail="\n[calibration]\nbootstrap = 2\n")
    return *_recorded(folder, place), place


def test_the_run_says_whose_review_how_far_the_data_reach_and_what_came_out(
    recorded: tuple[Any, Any, Any, Path],
) -> None:
    evidence, run, _, _ = recorded
    assert run.info.run_name == review_name("tiny", evidence["data"]["data_through"], evidence["verdict"])
    assert run.info.status == "FINISHED"
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("**")
    assert evidence["data"]["data_through"] in note
    assert {"project": "tiny", "verdict": evidence["verdict"], "claim_level": "point-in-time"}.items() <= (
        run.data.tags.items()
    )
    assert run.data.params["data_through"] == evidence["data"]["data_through"]


def test_its_figures_are_those_of_the_evidence(recorded: tuple[Any, Any, Any, Path]) -> None:
    evidence, run, _, _ = recorded
    found, gate = run.data.metrics, evidence["gate"]
    candidate = evidence["contenders"][gate["candidate"]]
    assert found["delta.log_loss"] == evidence["delta_log_loss"]["value"]
    assert [found["delta.log_loss_low"], found["delta.log_loss_high"]] == evidence["delta_log_loss"]["ci90"]
    assert found["holdout.log_loss"] == candidate["holdout"]["log_loss"]["value"]
    assert found["holdout.auc.incumbent"] == evidence["contenders"]["incumbent"]["holdout"]["auc"]["value"]
    assert found["holdout.events"] == gate["holdout_events"]
    assert found["capacity.caught"] == candidate["at_capacity"]["caught"]
    for row in evidence["weights"]["dimensions"]:
        assert found[f"weight.{row['id']}"] == row["candidate"]
        assert found[f"weight.{row['id']}.incumbent"] == row["hand"]


def test_each_contender_has_a_run_on_the_holdout_and_one_per_fold_the_candidate_first(
    recorded: tuple[Any, Any, Any, Path],
) -> None:
    evidence, run, client, _ = recorded
    with quiet():
        children = client.search_runs(
            [run.info.experiment_id], filter_string=f"tags.`mlflow.parentRunId` = '{run.info.run_id}'", max_results=500
        )
    folds = [fold["origin"] for fold in evidence["folds"] if fold["role"] != "holdout"]
    expected = {f"{name} · {fold}" for name in evidence["contenders"] for fold in [*folds, "holdout"]}
    assert {child.info.run_name for child in children} == expected
    assert len(children) == len(expected)
    assert children[0].info.run_name == f"{evidence['gate']['candidate']} · holdout"
    one = next(child for child in children if child.info.run_name == "lightgbm · holdout")
    assert one.data.metrics["holdout.auc"] == evidence["contenders"]["lightgbm"]["holdout"]["auc"]["value"]
    assert one.data.params["label"] == evidence["contenders"]["lightgbm"]["label"]


def test_the_page_and_figures_that_need_no_network_are_among_the_files(recorded: tuple[Any, Any, Any, Path]) -> None:
    _, run, client, place = recorded
    with quiet():
        top = sorted(info.path for info in client.list_artifacts(run.info.run_id))
        drawn = [info.path for info in client.list_artifacts(run.info.run_id, "figures")]
        one = client.download_artifacts(run.info.run_id, drawn[0], str(place))
    assert top == ["config", "evidence.json", "figures", "holdout_scores.parquet", "incumbent.json", "review.html"]
    assert all(path.endswith(".svg") for path in drawn)
    text = Path(one).read_text("utf-8")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_the_experiment_says_how_to_read_it_and_the_review_is_among_the_past_ones(
    recorded: tuple[Any, Any, Any, Path],
) -> None:
    evidence, run, client, place = recorded
    with quiet():
        tags = client.get_experiment(run.info.experiment_id).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    assert "Compare" in tags["mlflow.note.content"]
    (past,) = past_reviews(URI, "tiny", project="tiny", root=place)
    assert past.run_id == evidence["mlflow_run_id"]
    assert past.verdict == evidence["verdict"]
    assert past.holdout_events == evidence["gate"]["holdout_events"]
    assert past.body_sha256 == evidence["configs"]["candidate"]["body_sha256"]


def test_a_blocked_review_is_named_so_with_its_page_and_the_check_that_stopped_it(tmp_path: Path) -> None:
    _, run, client = _recorded(write_project(tmp_path / "leaky", made=world(leak="full")), tmp_path)
    assert run.info.run_name.endswith(" · blocked")
    assert run.info.status == "FAILED"
    assert "Check, block:" in run.data.tags["mlflow.note.content"]
    assert "holdout.log_loss" not in run.data.metrics
    with quiet():
        assert sorted(info.path for info in client.list_artifacts(run.info.run_id)) == ["evidence.json", "review.html"]
    (past,) = past_reviews(URI, "tiny", root=tmp_path)
    assert past.verdict == "blocked"


@pytest.mark.parametrize("made", [full, cross_sectional, hostile])
def test_a_description_fits_mlflow_and_nothing_in_it_is_markup(made: Any) -> None:
    evidence = made()
    note = review_note(evidence)
    assert "<" not in note
    assert "](" not in note.replace("\\]\\(", "")
    assert 0 < len(note) < 5000
    if evidence["contenders"]:
        assert "today's formula" in note
        assert all(isinstance(triple, tuple) and len(triple) == 3 for triple in review_metrics(evidence).values())
