"""Signed contributions: summed before absolute value, never mixed up between metrics."""

from __future__ import annotations

import warnings

import lightgbm
import numpy as np
import pytest

from churnbench.explain import Attribution, shap_explanation


def _attribution() -> Attribution:
    values = np.array([[1.0, -1.0, 0.5], [-2.0, 2.0, 0.5], [np.nan, np.nan, np.nan], [3.0, -3.0, -1.0]])
    return Attribution.of(["a", "b", "c"], np.array([10, 11, 12, 13]), values)


def test_rows_without_contributions_are_left_out_with_their_positions() -> None:
    kept = _attribution()
    assert kept.rows.tolist() == [10, 11, 13]
    assert kept.column("c").tolist() == [0.5, 0.5, -1.0]


def test_contributions_that_cancel_are_not_paid_twice() -> None:
    kept = _attribution()
    assert kept.mean_absolute() == pytest.approx({"a": 2.0, "b": 2.0, "c": 2 / 3})
    groups = kept.mean_absolute_of_sum({"copies": ["a", "b"], "c": ["c"], "empty": []})
    assert groups == pytest.approx({"copies": 0.0, "c": 2 / 3, "empty": 0.0})


def test_dependence_is_the_mean_per_bin_and_small_bins_are_not_shown() -> None:
    x = np.concatenate([np.linspace(0, 0.9, 10), np.linspace(1, 1.9, 10), [2.5, 2.6, np.nan]])
    phi = np.concatenate([np.linspace(-1, 1, 10), np.full(10, 3.0), [9.0, 9.0, 9.0]])
    shown = Attribution(("m",), phi[:, None], np.arange(len(x))).dependence("m", x, np.array([0.0, 1.0, 2.0, 3.0]))
    assert len(shown) == 2
    first = phi[:10]
    half = 1.6448536 * first.std(ddof=1) / np.sqrt(10)
    assert shown[0] == pytest.approx({"x": 0.45, "mean": 0.0, "low": -half, "high": half}, abs=1e-6)
    assert shown[1]["low"] == shown[1]["high"] == shown[1]["mean"] == 3.0


def test_the_largest_value_belongs_to_the_last_bin() -> None:
    x = np.array([0.0] * 5 + [1.0] * 5)
    phi = np.array([0.0] * 5 + [1.0] * 5)
    shown = Attribution(("m",), phi[:, None], np.arange(10)).dependence("m", x, np.array([0.0, 0.5, 1.0]))
    assert [entry["mean"] for entry in shown] == [0.0, 1.0]


def test_the_explanation_agrees_with_shap_s_own_tree_explainer() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 3))
    y = (rng.random(300) < 1 / (1 + np.exp(-matrix[:, 0]))).astype(float)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "max_depth": 3, "num_leaves": 8}
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, y), num_boost_round=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's and matplotlib's own remarks on import are not what is tested
        import shap

        explanation = shap_explanation(booster, matrix[:40], ["a", "b", "c"])
        values = shap.TreeExplainer(booster).shap_values(matrix[:40])
    assert np.allclose(explanation.values, values, atol=1e-9)
    total = explanation.values.sum(axis=1) + explanation.base_values
    assert np.allclose(total, booster.predict(matrix[:40], raw_score=True))
    assert explanation.feature_names == ["a", "b", "c"]
