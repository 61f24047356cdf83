"""Faults that a hostile reading found once; each test fails on the code that had the fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from projects import HEAD, write_project

import churnbench as cb
from churnbench.calibration import Settings, Training
from churnbench.calibration.thresholds import Cut, ScoredRows, moved_cut
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.domain.recorder import NoRecorder
from churnbench.export import score_file
from churnbench.workflow import make_folds, run_review
from churnbench.workflow.review import _holdout_key
from churnbench.workflow.settings import calibration_settings, require_values


def test_one_far_future_outcome_does_not_make_censored_rows_count_as_kept(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p")
    before = open_history(load_project(folder)).cohort()
    outcomes = pd.read_csv(folder / "outcomes.csv", dtype=str)
    account = before.frame["account_id"].iloc[-1]
    extra = pd.DataFrame([{"account_id": account, "churned_on": "2099-01-01"}])
    pd.concat([outcomes, extra]).to_csv(folder / "outcomes.csv", index=False)
    after = open_history(load_project(folder)).cohort()
    assert after.data_through == before.data_through
    assert after.excluded["immature"] == before.excluded["immature"] > 0


def test_directions_are_proposed_from_each_training_set_alone(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p", tail='\n[formula]\npreset = "none"\n')
    project = load_project(folder)
    history = open_history(project)
    cohort = history.cohort()
    folds = make_folds(project, cohort, 0)
    metric = next(m for m in history.formula.metrics if m.direction_proposed)
    # Later labels are made to say the opposite of what the first training rows say.
    first = folds[0].train_rows
    frame = cohort.frame
    later = frame.index.difference(pd.Index(first))
    for sign in (1.0, -1.0):
        frame.loc[first, metric.id] = sign * frame.loc[first, "y"] + np.linspace(0, 0.1, len(first))
        frame.loc[later, metric.id] = -sign * frame.loc[later, "y"].fillna(0.0)
        told = Training.of(cohort, first, history.formula, Settings()).spec
        direction = next(m.direction for m in told.metrics if m.id == metric.id)
        assert direction == ("lower_is_healthier" if sign > 0 else "higher_is_healthier")


@pytest.mark.parametrize("derive", ["shap_share", "shap_slope", "distilled"])
def test_limits_that_a_derivation_cannot_hold_are_refused(tmp_path: Path, derive: str) -> None:
    tail = f'\n[calibration]\nderive = "{derive}"\nmax_metric_share = 0.4\n'
    project = load_project(write_project(tmp_path / "p", tail=tail))
    with pytest.raises(InputError, match="max_metric_share cannot be held"):
        calibration_settings(project, 0)


def test_a_missing_value_column_is_named_as_the_user_wrote_it_before_anything_is_fitted(tmp_path: Path) -> None:
    tail = '\n[thresholds]\nby = "cost"\ncontact_cost = 300\nsave_rate = 0.3\nvalue = "nope"\n'
    project = load_project(write_project(tmp_path / "p", tail=tail))
    with pytest.raises(InputError, match="'nope'"):
        require_values(project, open_history(project).cohort())


def test_a_look_at_the_holdout_is_remembered_when_the_gap_or_the_metrics_change(tmp_path: Path) -> None:
    keys = set()
    for number, tail in enumerate(("", "\n[label]\ngap_days = 15\n", '\n[formula]\nleave_out = ["csat"]\n')):
        folder = write_project(tmp_path / str(number), tail=tail, head=HEAD)
        keys.add(_holdout_key(open_history(load_project(folder)).cohort()))
    assert len(keys) == 1


def test_scores_never_replace_their_own_inputs(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p")
    run_review(load_project(folder), tmp_path / "out", recorder=NoRecorder())
    inputs = tmp_path / "out" / "latest_inputs.parquet"
    before = inputs.read_bytes()
    with pytest.raises(InputError, match="replace their own inputs"):
        score_file(tmp_path / "out" / "config.json", inputs, inputs)
    assert inputs.read_bytes() == before


def test_a_cut_off_that_had_to_move_carries_the_evidence_of_where_it_stands() -> None:
    generator = np.random.default_rng(0)
    score = generator.uniform(0, 100, 4000)
    y = (generator.random(4000) < np.where(score > 60, 0.01, 0.4)).astype(float)
    rows = ScoredRows(score, y, np.arange(4000), np.zeros(4000, dtype=int))
    found = Cut(60.0, 0.03, 0.012, 1600, 16, guaranteed=True)
    assert moved_cut(rows, found, 60.0, top=True, delta=0.1) is found
    kept = moved_cut(rows, found, 80.0, top=True, delta=0.1)
    assert kept.guaranteed
    assert kept.accounts == int((score >= 80).sum())
    broken = moved_cut(rows, found, 30.0, top=True, delta=0.1)
    assert not broken.guaranteed
    assert broken.promise is None


def test_scoring_in_a_notebook_refuses_a_frame_without_a_metric(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p")
    run_review(load_project(folder), tmp_path / "out", recorder=NoRecorder())
    frame = pd.read_parquet(tmp_path / "out" / "latest_inputs.parquet")
    config = tmp_path / "out" / "config.json"
    assert len(cb.score(config, frame)) == len(frame)
    with pytest.raises(InputError, match="csat"):
        cb.score(config, frame.drop(columns="csat"))
