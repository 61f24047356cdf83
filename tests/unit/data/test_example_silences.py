"""The helpers of the examples: churn as a silence, and figures recomputed from the holdout scores."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]


def load(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        return importlib.import_module(name)


silences = load("examples.silences")
run_all = load("examples.run_all")


def outcomes(days, *, silence=90, through="2024-12-31"):
    day = pd.to_datetime(days)
    table = silences.silence_outcomes(pd.DataFrame({"account_id": "a", "day": day}), silence, pd.Timestamp(through))
    assert (table["known_on"] == table["churned_on"]).all()
    return [(kind, f"{on:%Y-%m-%d}") for kind, on in zip(table["kind"], table["churned_on"], strict=True)]


def test_a_silence_churns_on_the_day_on_which_it_completes_and_not_before():
    assert outcomes(["2024-01-01"], silence=10) == [("churn", "2024-01-11")]


def test_a_purchase_on_the_day_of_completion_still_prevents_the_churn():
    assert outcomes(["2024-01-01", "2024-01-11"], silence=10, through="2024-01-20") == []


def test_a_purchase_one_day_after_the_completion_is_a_reactivation():
    assert outcomes(["2024-01-01", "2024-01-12"], silence=10, through="2024-01-20") == [
        ("churn", "2024-01-11"),
        ("reactivation", "2024-01-12"),
    ]


def test_a_silence_that_would_complete_after_the_last_day_of_the_data_is_still_open():
    assert outcomes(["2024-01-01"], silence=10, through="2024-01-10") == []
    assert outcomes(["2024-01-01"], silence=10, through="2024-01-11") == [("churn", "2024-01-11")]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(1, 20))
def test_outcomes_agree_with_a_walk_through_the_calendar_day_by_day(offsets, silence):
    start, end = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-05")
    days = [f"{start + pd.Timedelta(days=offset):%Y-%m-%d}" for offset in offsets]
    expected, last, gone = [], None, False
    for today in pd.date_range(start, end):
        if f"{today:%Y-%m-%d}" in days:
            if gone:
                expected.append(("reactivation", f"{today:%Y-%m-%d}"))
            last, gone = today, False
        elif last is not None and not gone and (today - last).days == silence:
            expected.append(("churn", f"{today:%Y-%m-%d}"))
            gone = True
    assert outcomes(days, silence=silence, through=f"{end:%Y-%m-%d}") == expected


def test_the_lift_of_a_perfect_ranking_is_the_inverse_of_the_base_rate_at_most_ten():
    y = np.array([1.0] * 10 + [0.0] * 90)
    assert run_all.lift_at_tenth(y, y) == pytest.approx(10)
    y = np.array([1.0] * 50 + [0.0] * 50)
    assert run_all.lift_at_tenth(y, y) == pytest.approx(2)


def test_rows_with_equal_probability_share_their_churners_evenly_in_the_lift():
    assert run_all.lift_at_tenth(np.array([1.0, 0, 0, 0, 1, 0, 0, 0, 0, 0]), np.full(10, 0.3)) == pytest.approx(1)


def test_the_share_of_the_gap_is_measured_from_the_hand_formula_to_lightgbm():
    figures = {"incumbent": {"auc": 0.7}, "lightgbm": {"auc": 0.8}, "anchored": {"auc": 0.78}}
    assert run_all.gap_closed(figures, "anchored") == pytest.approx(0.8)
    figures["lightgbm"] = {"auc": 0.705}
    assert run_all.gap_closed(figures, "anchored") is None


@pytest.mark.parametrize("name", sorted(run_all.EXAMPLES))
def test_every_example_has_a_project_file_that_loads_and_a_prepare_script(name):
    from churnbench.data.project import load_project

    project = load_project(ROOT / "examples" / name)
    assert len(project.formula.metrics) >= 10
    assert callable(load(f"examples.{name}.prepare").prepare)


@pytest.mark.parametrize("name", sorted(set(run_all.EXAMPLES) - {"completejourney"}))
def test_an_example_without_its_data_says_where_it_looked_and_what_to_set(name, tmp_path):
    missing = load("examples.data_folder").MissingData
    with pytest.raises(missing, match="CHURNBENCH_DATA"):
        load(f"examples.{name}.prepare").prepare(tmp_path / "nowhere", tmp_path)
