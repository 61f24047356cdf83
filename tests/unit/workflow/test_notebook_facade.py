"""The same review, step by step, as a notebook reads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from evidence_contract import CONTENDERS, check_evidence, strict_json
from projects import copy_of, edit

import churnbench as cb
import churnbench_scorer
from churnbench.domain.errors import InputError
from churnbench.domain.recorder import NoRecorder
from churnbench.workflow.facade import BacktestResult, CalibratedProposal, OpenProject


@pytest.fixture(scope="module")
def project(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenProject:
    folder = copy_of(small_project, tmp_path_factory.mktemp("notebook") / "acme")
    edit(folder / "churnbench.toml", "bootstrap = 10", "bootstrap = 3")
    return cb.open_project(folder)


@pytest.fixture(scope="module")
def result(project: OpenProject) -> BacktestResult:
    return cb.backtest(project.contenders(), project.snapshots())


@pytest.fixture(scope="module")
def proposal(result: BacktestResult) -> CalibratedProposal:
    return cb.calibrate(result)


def test_opening_a_project_reads_its_data_once(project: OpenProject) -> None:
    assert project.snapshots() is project.snapshots()
    assert len(project.formula.metrics) == 18
    latest = project.latest()
    assert latest["account_id"].is_unique
    assert latest["as_of"].min() == latest["as_of"].max() == project.snapshots().frame["as_of"].max()
    assert {finding.severity for finding in project.checks()} <= {"ok", "review"}


def test_contenders_are_listed_by_name(project: OpenProject) -> None:
    assert all(name in repr(project.contenders()) for name in CONTENDERS)


def test_the_summary_of_a_backtest_leaves_the_holdout_closed(project: OpenProject) -> None:
    result = cb.backtest(project.contenders(), project.snapshots(), seed=3)
    folds = result.folds()
    assert folds["role"].iloc[-1] == "holdout"
    if (folds["role"] == "walk-forward").any():
        summary = result.summary()
        assert len(summary) == len(CONTENDERS)
        assert (summary["auc_low"] <= summary["auc_high"]).all()
        assert result.backtest.holdout is None


def test_calibrating_gives_the_evidence_and_both_configs(proposal: CalibratedProposal, tmp_path: Path) -> None:
    evidence = {**proposal.evidence, "checks": [{"id": "none", "severity": "ok", "detail": "checked apart"}]}
    check_evidence(evidence)
    assert proposal.verdict == proposal.evidence["verdict"]
    path = proposal.config.write(tmp_path / "core.json")
    churnbench_scorer.load(path)
    assert strict_json(path)["body"] == proposal.config.document["body"]
    assert "1." in repr(proposal.incumbent)
    assert proposal.review_html().lstrip().lower().startswith("<!doctype html")


def test_unlocks_are_counted_and_a_second_look_is_warned_about(
    result: BacktestResult, proposal: CalibratedProposal
) -> None:
    keys: list[str] = []

    class Second(NoRecorder):
        def holdout_unlocked(self, holdout_key: str) -> int:
            keys.append(holdout_key)
            return 2

    again = cb.calibrate(result, recorder=Second())
    assert [p.evidence["gate"]["unlocks"] for p in (proposal, again)] == [1, 2]
    assert keys[0].startswith("outcomes:")
    assert not any("looked at" in warning for warning in proposal.evidence["warnings"])
    assert any("looked at 2 times" in warning for warning in again.evidence["warnings"])
    assert again.config.document["body"] == proposal.config.document["body"]


def test_weights_are_shown_side_by_side_and_sum_to_a_hundred(proposal: CalibratedProposal) -> None:
    for level in ("dimensions", "metrics"):
        table = proposal.compare(level)
        assert list(table.columns) == ["hand", "shap_share", "shap_slope", "distilled", "anchored"]
        assert table.sum().to_numpy() == pytest.approx([100] * 5, abs=0.8)  # shown with one decimal


def test_thresholds_and_contenders_are_tables_of_the_evidence(proposal: CalibratedProposal) -> None:
    thresholds = proposal.thresholds()
    assert thresholds.index.tolist() == [entry["band"] for entry in proposal.evidence["thresholds"]]
    contenders = proposal.contenders()
    assert len(contenders) == len(CONTENDERS)
    loss = proposal.evidence["contenders"]["incumbent"]["holdout"]["log_loss"]["value"]
    assert contenders.loc["today's formula", "log_loss"] == loss


def test_scoring_takes_a_config_a_document_or_a_path_and_keeps_the_account(
    project: OpenProject, proposal: CalibratedProposal, tmp_path: Path
) -> None:
    latest = project.latest().head(20)
    path = proposal.config.write(tmp_path / "core.json")
    tables = [cb.score(config, latest) for config in (proposal.config, proposal.config.document, str(path))]
    for table in tables:
        pd.testing.assert_frame_equal(table, tables[0])
    scorer = churnbench_scorer.load(path)
    assert tables[0]["account_id"].tolist() == latest["account_id"].tolist()
    for position, said in enumerate(tables[0]["health_score_x100"]):
        values = {k: None if pd.isna(v) else v for k, v in latest.iloc[position].items()}
        assert said == scorer.score(values, extra="ignore").health_score_x100


def test_an_arrow_table_scores_as_the_frame_does_with_what_each_metric_gains_and_loses(
    project: OpenProject, proposal: CalibratedProposal
) -> None:
    latest = project.latest().head(50)
    table = pa.Table.from_pandas(latest, preserve_index=False)
    frame, arrow = (cb.score(proposal.config, accounts, contributions=True) for accounts in (latest, table))
    assert arrow.column_names == list(frame.columns)
    assert arrow.schema.field("health_score_x100").type == pa.int64()
    plain = frame.astype(object).where(frame.notna(), None)
    for name in arrow.column_names:
        assert arrow.column(name).to_pylist() == plain[name].tolist(), name
    scorer = churnbench_scorer.load(json.dumps(proposal.config.document))
    for (_, row), values in zip(frame.iterrows(), latest.to_dict("records"), strict=True):
        known = {name: None if pd.isna(value) else value for name, value in values.items()}
        for name, gained, lost in scorer.score(known, extra="ignore").contributions:
            assert (row[f"{name}_gained_x100"], row[f"{name}_lost_x100"]) == (gained, lost)
    plainly = cb.score(proposal.config, table)
    assert plainly.column_names == list(cb.score(proposal.config, latest).columns)


def test_an_absent_or_doubled_input_is_refused_by_name(project: OpenProject, proposal: CalibratedProposal) -> None:
    latest = project.latest().head(3)
    name = proposal.config.document["body"]["metrics"][0]["input"]
    table = pa.Table.from_pandas(latest, preserve_index=False)
    twice = pd.concat([latest, latest[[name]]], axis=1)
    for accounts in (latest.drop(columns=name), table.drop_columns([name])):
        with pytest.raises(InputError, match=f"no column {name}"):
            cb.score(proposal.config, accounts)
    for accounts in (twice, table.append_column(name, table.column(name))):
        with pytest.raises(InputError, match=f"column {name} arrives 2 times"):
            cb.score(proposal.config, accounts)


def test_a_config_that_was_tampered_with_is_refused(project: OpenProject, proposal: CalibratedProposal) -> None:
    document = {**proposal.config.document, "body": {**proposal.config.document["body"], "min_coverage": 0}}
    with pytest.raises(InputError):
        cb.score(document, project.latest())
    with pytest.raises(InputError, match="nowhere"):
        cb.open_project("nowhere")
