"""Lead times as a review and a notebook show them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from projects import copy_of

import churnbench as cb
from churnbench.domain.errors import InputError
from churnbench.workflow.facade import BacktestResult
from churnbench.workflow.lead_evidence import lead_evidence


@pytest.fixture(scope="module")
def result(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    project = cb.open_project(copy_of(small_project, tmp_path_factory.mktemp("lead") / "acme"))
    return cb.backtest(project.contenders(), project.snapshots())


def test_a_notebook_sees_every_metric_dimension_and_the_formula_before_the_holdout(result: BacktestResult) -> None:
    found = cb.lead_lag(result)
    assert result.backtest.holdout is None
    assert found.until == result.backtest.folds[-1].origin
    kinds = [one.kind for one in found.profiles]
    assert (kinds.count("metric"), kinds.count("dimension"), kinds.count("formula")) == (18, 4, 1)
    assert found.table().loc["incumbent", "auc_0_30"] > 0.5
    assert found.alert is not None
    assert found.alert.band == "red"
    assert lead_evidence(result.backtest) == found.as_json()


def test_outcomes_of_the_holdout_change_nothing(result: BacktestResult) -> None:
    made = result.backtest
    origin = made.folds[-1].origin
    frame = made.cohort.frame.copy()
    later = frame["churned_on"] > origin
    assert later.any()
    frame.loc[later, "churned_on"] = pd.NaT
    frame.loc[frame["as_of"] >= origin, list(made.cohort.metrics)] = 0.0
    changed = replace(made, cohort=replace(made.cohort, frame=frame))
    assert lead_evidence(changed) == lead_evidence(made)


def test_a_table_without_dates_has_no_lead_times(result: BacktestResult) -> None:
    flat = cast("Any", SimpleNamespace(cohort=SimpleNamespace(dated=False)))
    assert lead_evidence(flat) is None
    with pytest.raises(InputError, match="nothing can be said to come before churn"):
        cb.lead_lag(replace(result, backtest=flat))
