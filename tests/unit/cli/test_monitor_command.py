"""`churnbench monitor` from project and config to page, figures, exit code and draft."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from command_line import Teller
from monitored_books import in_force, world
from projects import HEAD, write_project
from release_worlds import WHO

from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import build_document, read_document, write_document
from churnbench.release import Surroundings, promote
from churnbench.workflow.monitored import watched_config
from churnbench.workflow.stored_history import shown_bands

NAME = "tiny"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose data have grown since the review, and its config, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path / "tiny", made=world(factor=2.5))
    write_document(in_force(), tmp_path / "config.json")
    return tmp_path


def test_a_rise_ends_with_its_exit_code_a_page_a_result_a_run_and_a_draft_that_loads(place: Path, cli: Teller) -> None:
    said = cli("monitor", "tiny", "--config", "config.json", "--recalibrate", "--out", "watch")
    assert said.code == 10, said.err
    assert "Recalibrate intercept:" in said.out
    assert "--candidate watch/recalibrated.json" in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 90
    result = json.loads((place / "watch" / "monitoring.json").read_text("utf-8"))
    assert (result["verdict"], result["exit_code"]) == ("recalibrate intercept", 10)
    assert result["label_delay"]["waiting_rows"] > 0
    assert result["config"]["since_from"] == "the end of its training outcomes"
    assert "label" not in (place / "watch" / "monitoring.html").read_text("utf-8")[:20]
    draft = read_document(place / "watch" / "recalibrated.json")
    assert draft["body"]["bands"] == in_force()["body"]["bands"]
    (run,) = mlflow.MlflowClient(f"sqlite:///{place}/mlruns/mlflow.db").search_runs(["1"])
    assert run.data.tags["monitoring.verdict"] == "recalibrate intercept"
    assert run.data.metrics["exit_code"] == 10
    assert run.info.status == "FINISHED"


def test_a_program_gets_one_object_and_the_same_exit_code(place: Path, cli: Teller) -> None:
    said = cli("--json", "monitor", "tiny", "--config", "config.json", "--out", "watch")
    assert said.code == 10
    assert json.loads(said.out)["exit_code"] == 10
    assert not (place / "watch" / "recalibrated.json").exists()


def test_a_quarter_without_news_ends_with_zero(place: Path, cli: Teller) -> None:
    said = cli("monitor", "tiny", "--config", "config.json", "--since", "2025-12-31", "--out", "watch")
    assert said.code == 0, said.err
    assert "Nothing to do" in said.out


def test_the_active_release_and_what_its_review_had_seen_are_the_defaults(place: Path) -> None:
    run = place / "run"
    document = {**in_force()}
    evidence: dict[str, Any] = {
        "verdict": "promote",
        "verdict_reason": "better",
        "data": {"data_through": "2025-07-15", "fingerprint": None},
        "mlflow_run_id": None,
        "thresholds": [{"band": "green", "from": 80, "promise": 0.02, "guaranteed": True}],
        "configs": {
            "candidate": document["integrity"],
            "incumbent": {"body_sha256": "0" * 64, "sha256": "0" * 64},
        },
    }
    write_document(document, run / "config.json")
    (run / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")
    project = load_project(place / "tiny")
    beside = watched_config(project, config=run / "config.json", models="models")
    assert (f"{beside.since}", beside.since_from) == ("2025-07-15", "the review beside the config")
    promote(run / "config.json", place / "models", **WHO, surroundings=Surroundings())
    found = watched_config(project, config=None, models=place / "models")
    assert (f"{found.since}", found.since_from) == ("2025-07-15", "the release's review")
    assert found.promises[0]["promise"] == 0.02


def test_evidence_about_another_formula_is_not_believed(place: Path) -> None:
    (place / "evidence.json").write_text(
        '{"configs": {"candidate": {"body_sha256": "x"}}, "data": {}}', encoding="utf-8"
    )
    found = watched_config(load_project(place / "tiny"), config=place / "config.json", models="models")
    assert found.since_from == "the end of its training outcomes"


def test_without_any_date_it_asks_for_one_and_a_wrong_one_is_refused(place: Path, cli: Teller) -> None:
    parts = {**in_force(), "provenance": {}}
    bare = build_document(
        parts["body"], config_id="tiny", config_version="1.0.0", sequence=1, lifecycle=parts["lifecycle"]
    )
    write_document(bare, place / "bare.json")
    said = cli("monitor", "tiny", "--config", "bare.json", "--out", "watch")
    assert said.code == 2
    assert "--since" in said.err
    assert cli("monitor", "tiny", "--config", "bare.json", "--since", "soon", "--out", "watch").code == 2
    assert not (place / "watch" / "monitoring.json").exists()


def test_bands_that_people_saw_come_from_the_score_history(place: Path, cli: Teller) -> None:
    rows = world(factor=2.5).snapshots[["account_id", "as_of"]].assign(band="green")
    rows.to_parquet(place / "shown.parquet")
    cli("monitor", "tiny", "--config", "config.json", "--history", "shown.parquet", "--out", "watch")
    result = json.loads((place / "watch" / "monitoring.json").read_text("utf-8"))
    assert result["band_changes"]["source"] == "bands as people saw them"
    assert result["band_changes"]["now"]["rate"] == 0.0


def test_a_folder_that_is_no_score_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no month end"):
        shown_bands(tmp_path)
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="columns are missing: account_id, as_of, band"):
        shown_bands(tmp_path / "x.parquet")


def test_hostile_names_are_escaped_on_the_page(place: Path, cli: Teller) -> None:
    file = place / "tiny" / "churnbench.toml"
    hostile = HEAD.replace('"tiny"', '"<script>alert(1)</script>"')
    file.write_text(file.read_text("utf-8").replace(HEAD, hostile), encoding="utf-8")
    assert cli("monitor", "tiny", "--config", "config.json", "--out", "watch").code == 10
    page = (place / "watch" / "monitoring.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in page.replace("http-equiv", "")


def test_too_few_churns_for_a_draft_cost_the_draft_and_not_the_look(
    place: Path, cli: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churnbench.monitoring.recalibrated.LEAST_EVENTS", 10_000)
    said = cli("monitor", "tiny", "--config", "config.json", "--recalibrate", "--out", "watch")
    assert said.code == 10
    assert "a new curve takes 10000" in said.err
    assert (place / "watch" / "monitoring.html").exists()
    assert not (place / "watch" / "recalibrated.json").exists()


def test_a_world_with_a_shift_is_written_from_the_command_line_and_a_wrong_one_refused(
    cli: Teller, tmp_path: Path
) -> None:
    options = ("--accounts", "30", "--months", "6", "--hazard-shift")
    assert cli("simulate", "--out", tmp_path / "w", *options, "2025-11-01=2").code == 0
    truth = json.loads((tmp_path / "w" / "truth.json").read_text("utf-8"))
    assert truth["hazard"]["shift"] == {"from": "2025-11-01", "factor": 2.0}
    for wrong in ("2025-11-01", "soon=2", "2025-11-01=many"):
        refused = cli("simulate", "--out", tmp_path / "x", *options, wrong)
        assert refused.code == 2
        assert "--hazard-shift" in refused.err
