"""The challengers: one sign, reproducible, and nothing chosen on rows a model has seen."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from churnbench.models import Encoder, boosting, fit_boosting, fit_logistic, log_odds
from churnbench.models.logistic import _pipeline


def _world(rows: int = 900, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 4))
    y = (rng.random(rows) < 1 / (1 + np.exp(2 - 1.5 * matrix[:, 0] + 0.8 * matrix[:, 1]))).astype(float)
    matrix[rng.random((rows, 4)) < 0.1] = np.nan
    third = rows // 3
    folds = [(np.arange(third), np.arange(third, 2 * third)), (np.arange(2 * third), np.arange(2 * third, rows))]
    return matrix, y, folds


def _boosted(matrix: np.ndarray, y: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], **options: object):
    settings = {"events": int(y.sum()), "categories": [], "names": ["a", "b", "c", "d"], "seed": 1}
    return fit_boosting(matrix, y, folds=folds, **(settings | options))  # type: ignore[arg-type]


@dataclass
class _Backwards:
    """A classifier whose first class is churn."""

    classes_ = np.array([0, 1])[::-1]

    def decision_function(self, matrix: np.ndarray) -> np.ndarray:
        return -matrix[:, 0]


def test_log_odds_are_those_of_churn_whatever_the_order_of_the_classes() -> None:
    assert log_odds(_Backwards(), np.array([[2.0], [-1.0]])).tolist() == [2.0, -1.0]  # type: ignore[arg-type]
    matrix, y, _ = _world()
    forwards = _pipeline(4, [], 1.0).fit(matrix, y)
    # With 1 for churn and 2 for kept, churn is the first class and scikit-learn's decision speaks of the other.
    backwards = _pipeline(4, [], 1.0).fit(matrix, np.where(y == 1, 1, 2))
    assert backwards.classes_.tolist() == [1, 2]
    assert np.allclose(log_odds(forwards, matrix), log_odds(backwards, matrix), atol=1e-3)


def test_more_of_a_risky_metric_raises_the_log_odds_of_churn() -> None:
    matrix, y, folds = _world()
    model, _, _, _ = fit_logistic(matrix, y, folds=folds, categories=[], seed=0)
    at = np.zeros((2, 4))
    at[1, 0] = 2.0
    low, high = log_odds(model, at)
    assert high > low + 0.5
    boosted = _boosted(matrix, y, folds)
    low, high = boosted.log_odds(at)
    assert high > low + 0.5


def test_out_of_fold_log_odds_are_those_of_a_model_fitted_on_the_fold_alone() -> None:
    matrix, y, folds = _world()
    _, rows, index, strength = fit_logistic(matrix, y, folds=folds, categories=[], seed=0)
    assert np.array_equal(rows, np.concatenate([predict for _, predict in folds]))
    by_hand = [_pipeline(4, [], strength).fit(matrix[a], y[a]).decision_function(matrix[b]) for a, b in folds]
    assert np.allclose(index, np.concatenate(by_hand))


def test_the_strength_chosen_has_the_least_out_of_fold_loss() -> None:
    matrix, y, folds = _world()
    _, _, index, strength = fit_logistic(matrix, y, folds=folds, categories=[], seed=0)
    truth = np.concatenate([y[predict] for _, predict in folds])

    def loss(c: float) -> float:
        said = [_pipeline(4, [], c).fit(matrix[a], y[a]).predict_proba(matrix[b])[:, 1] for a, b in folds]
        p = np.concatenate(said)
        return float(-np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p)))

    losses = {c: loss(c) for c in (0.001, 0.01, 0.1, 1.0)}
    assert min(losses, key=losses.__getitem__) == strength
    assert np.mean(np.logaddexp(0, index) - truth * index) == pytest.approx(losses[strength])


def test_the_last_model_of_the_pipeline_is_an_ordinary_logistic_regression() -> None:
    matrix, y, folds = _world()
    model, _, _, strength = fit_logistic(matrix, y, folds=folds, categories=[], seed=0)
    prepared = model[:-1].transform(matrix)
    plain = LogisticRegression(C=strength, max_iter=1000).fit(prepared, y)
    assert np.allclose(log_odds(model, matrix), plain.decision_function(prepared), atol=1e-6)


def test_text_columns_and_unknown_text_are_carried_through() -> None:
    rng = np.random.default_rng(0)
    plan = rng.choice(["basic", "pro", "enterprise"], 600)
    y = (rng.random(600) < np.where(plan == "basic", 0.5, 0.05)).astype(float)
    frame = pd.DataFrame({"plan": pd.Series(plan, dtype="string"), "x": rng.normal(size=600)})
    encoder = Encoder.learn(frame, ("plan", "x"))
    matrix = encoder.matrix(frame)
    folds = [(np.arange(300), np.arange(300, 600))]
    model, _, _, _ = fit_logistic(matrix, y, folds=folds, categories=encoder.category_positions, seed=0)
    new = encoder.matrix(pd.DataFrame({"plan": ["basic", "pro", "never seen", None], "x": [0.0] * 4}))
    said = log_odds(model, new)
    assert said[0] > said[1] + 1
    assert np.isfinite(said).all()
    boosted = fit_boosting(
        matrix, y, folds=folds, events=100, categories=encoder.category_positions, names=["plan", "x"], seed=0
    )
    said = boosted.log_odds(new)
    assert said[0] > said[1]
    assert np.isfinite(said).all()


def test_the_encoder_knows_only_training_text_and_calls_everything_else_missing() -> None:
    train = pd.DataFrame({"plan": ["b", "a", None], "x": [1.0, 2.0, 3.0], "flag": [True, False, True]})
    encoder = Encoder.learn(train, ("plan", "x", "flag"))
    assert encoder.categories == {"plan": ("a", "b")}
    assert encoder.category_positions == [0]
    frame = pd.DataFrame(
        {
            "flag": [True, False, True, True, False, True],
            "x": [float("1e309"), -np.inf, np.nan, 1e308, -1.5, 0.0],
            "plan": ["a", "b", "c", None, "", "A"],
        }
    )
    matrix = encoder.matrix(frame)
    assert matrix.dtype == np.float64
    assert np.array_equal(matrix[:, 0], [0, 1, np.nan, np.nan, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(matrix[:, 1], [np.nan, np.nan, np.nan, 1e308, -1.5, 0.0], equal_nan=True)
    assert matrix[:, 2].tolist() == [1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("kind", [object, "string", "str", "category"])
def test_the_encoder_reads_every_kind_of_text_column(kind: object) -> None:
    frame = pd.DataFrame({"plan": pd.Series(["b", None, "a"]).astype(kind)})  # type: ignore[call-overload]
    encoder = Encoder.learn(frame, ("plan",))
    assert np.array_equal(encoder.matrix(frame)[:, 0], [1, np.nan, 0], equal_nan=True)


def test_numbers_with_missing_cells_of_pandas_own_kind_become_nan() -> None:
    frame = pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64")})
    assert np.array_equal(Encoder.learn(frame, ("x",)).matrix(frame)[:, 0], [1, np.nan, 3], equal_nan=True)


def test_boosting_says_the_same_with_the_same_seed() -> None:
    matrix, y, folds = _world()
    first, second, other = (_boosted(matrix, y, folds, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.index, second.index)
    assert np.array_equal(first.contributions, second.contributions)
    assert first.booster.model_to_string() == second.booster.model_to_string()
    assert not np.array_equal(first.index, other.index)


def test_each_inner_booster_learns_its_fold_and_stops_on_its_own_later_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, y, folds = _world()
    seen: list[np.ndarray] = []
    validated: list[tuple[np.ndarray, np.ndarray]] = []
    dataset = boosting._dataset

    def spying(rows: np.ndarray, labels: np.ndarray, categories: list[int]) -> lightgbm.Dataset:
        made = dataset(rows, labels, categories)
        create = made.create_valid

        def valid(data: np.ndarray, label: np.ndarray) -> lightgbm.Dataset:
            validated.append((data, label))
            return create(data, label=label)

        made.create_valid = valid
        seen.append(rows)
        return made

    monkeypatch.setattr(boosting, "_dataset", spying)
    _boosted(matrix, y, folds, events=10)
    assert len(seen) == len(folds)
    for rows, (data, label), (learn, predict) in zip(seen, validated, folds, strict=True):
        assert np.array_equal(rows, matrix[learn], equal_nan=True)
        assert np.array_equal(data, matrix[predict], equal_nan=True)
        assert np.array_equal(label, y[predict])


def test_rows_outside_every_inner_fold_change_nothing_out_of_fold() -> None:
    matrix, y, folds = _world()
    shorter = folds[:1]
    before = _boosted(matrix, y, shorter)
    matrix2, y2 = matrix.copy(), y.copy()
    matrix2[600:] *= -3
    y2[600:] = 1 - y2[600:]
    after = _boosted(matrix2, y2, shorter, events=int(y.sum()))
    assert np.array_equal(before.index, after.index)
    assert before.rounds == after.rounds
    assert not np.array_equal(before.log_odds(matrix), after.log_odds(matrix))


def test_contributions_add_up_to_the_log_odds_within_a_fold() -> None:
    matrix, y, folds = _world()
    boosted = _boosted(matrix, y, folds)
    base = boosted.index - boosted.contributions.sum(axis=1)
    for _, predict in folds:
        inside = np.isin(boosted.rows, predict)
        assert np.ptp(base[inside]) < 1e-9


def test_contributions_of_a_sample_are_computed_and_the_others_left_unknown() -> None:
    matrix, y, folds = _world()
    boosted = _boosted(matrix, y, folds, contribution_rows=50)
    known = ~np.isnan(boosted.contributions).any(axis=1)
    assert known.sum() == 50 * len(folds)
    full = _boosted(matrix, y, folds)
    assert np.array_equal(boosted.contributions[known], full.contributions[known])


def test_deeper_trees_are_tried_only_with_events_enough() -> None:
    matrix, y, folds = _world(rows=1500, seed=3)
    y = ((matrix[:, 0] > 0) ^ (matrix[:, 1] > 0) ^ (matrix[:, 2] > 0)).astype(float)
    assert _boosted(matrix, y, folds, events=49).depth == 2
    assert _boosted(matrix, y, folds, events=50).depth == 4
