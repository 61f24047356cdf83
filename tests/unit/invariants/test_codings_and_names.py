"""Invariant 8: how classes, units and accounts are written down does not change what is said about accounts."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import DATED, EFFECTS, FORMULA, dated_tables, level_book, seeds, training_of, tried, written
from small_books import linear_book, plain_spec

from churnbench.backtesting import inner_folds
from churnbench.calibration import AnchoredRefit, Settings, Training
from churnbench.calibration.contenders import CONTENDERS
from churnbench.calibration.derivations import derive_anchored, derive_hand
from churnbench.domain.formula_spec import Normaliser
from churnbench.formula import score_frame
from churnbench.metrics.discrimination import auc
from churnbench.models import expit, fit_boosting, fit_logistic, log_odds

TABLE = """
[project]
name = "invariants"
[data]
table = "table.csv"
id = "account_id"
label = "left"
label_positive = "{positive}"
"""


def _matrix(seed: int) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    frame = level_book(seed, accounts=60, months=6, missing=0.1)
    return frame[list(EFFECTS)].to_numpy(dtype=float), frame["y"].to_numpy(dtype=float), inner_folds(frame, dated=True)


@tried(4)
@given(seeds)
def test_models_that_learn_the_opposite_label_say_the_opposite_probability(seed: int) -> None:
    matrix, y, folds = _matrix(seed)

    def logistic(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        model, _, out_of_fold, _ = fit_logistic(matrix, labels, folds=folds, categories=[], seed=1)
        return expit(log_odds(model, matrix)), expit(out_of_fold)

    def boosted(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fitted = fit_boosting(
            matrix, labels, folds=folds, events=40, categories=[], names=list(EFFECTS), seed=1, contribution_rows=10
        )
        return expit(fitted.log_odds(matrix)), expit(fitted.index)

    # scikit-learn's solver stops at a gradient of 1e-4; LightGBM keeps its gradients as 32-bit floats.
    for fitted, tolerance in ((logistic, 1e-3), (boosted, 1e-4)):
        for churns, stays in zip(fitted(y), fitted(1 - y), strict=True):
            assert churns == pytest.approx(1 - stays, abs=tolerance)
            assert np.std(churns) > 0.0
    assert auc(y, logistic(y)[0]) > 0.5


@tried(5)
@given(seeds, st.sampled_from([("yes", "no"), ("a", "z"), ("z", "a"), ("1", "0"), ("0", "1"), ("true", "False")]))
def test_the_words_for_churned_and_stayed_do_not_matter(seed: int, words: tuple[str, str]) -> None:
    table = dated_tables(seed)["snapshots"].drop(columns="as_of")
    table["account_id"] = [f"c{number:03d}" for number in range(len(table))]
    left = np.random.default_rng(seed).random(len(table)) < 0.2
    frames = []
    for positive, negative in (("churned", "kept"), words):
        with TemporaryDirectory() as folder:
            named = table.assign(left=np.where(left, positive, negative))
            history = written(Path(folder), TABLE.format(positive=positive) + FORMULA, {"table": named})
            frames.append(history.cohort())
            history.close()
    assert frames[0].frame["y"].sum() == left.sum()
    pd.testing.assert_frame_equal(frames[0].frame, frames[1].frame, check_exact=True)
    assert frames[0].fingerprint == frames[1].fingerprint


def _quantile_training(frame: pd.DataFrame, directions: dict[str, str] | None = None) -> Training:
    weights = {"m0": 40.0, "m1": 30.0, "m2": 20.0, "m3": 10.0}
    spec = plain_spec(weights, normalisers={name: Normaliser() for name in weights}, directions=directions)
    return Training(frame, spec, tuple(EFFECTS), True, Settings(bootstrap=0))


@tried(8)
@given(
    seeds,
    st.sampled_from([0.001, 0.37, 60.0, 86400.0]),
    st.sampled_from([0.0, -273.15, 1000.0]),
    st.booleans(),
)
def test_the_unit_of_a_metric_does_not_change_what_a_quantile_formula_or_its_refit_says(
    seed: int, scale: float, shift: float, mirrored: bool
) -> None:
    """Kelvin for Celsius, cents for euros, days since for days until: the scores stay.

    Knots of a hand formula keep ten significant digits and those of learned curves six, of the shifted value: at a
    shift of ten spreads that is 1e-4 of the spread, so a hundredth of a point; at most a tenth with steep curves.
    """
    frame = linear_book(EFFECTS, accounts=60, months=8, seed=seed, intercept=-1.6)
    factor = -scale if mirrored else scale
    other = frame.assign(m0=frame["m0"] * factor + shift * scale)
    directions = {"m0": "lower_is_healthier"} if mirrored else None
    ours, theirs = _quantile_training(frame), _quantile_training(other, directions)
    for derive, tolerance in ((derive_hand, 1e-4), (derive_anchored, 0.1)):
        first, second = derive(ours), derive(theirs)
        assert first.shares == pytest.approx(second.shares, abs=1e-3)
        before = score_frame(first.body, frame)["raw_score"].to_numpy(dtype=float)
        after = score_frame(second.body, other)["raw_score"].to_numpy(dtype=float)
        assert before == pytest.approx(after, abs=tolerance)
        assert np.std(before) > 1.0
        order = np.argsort(before)
        apart = np.diff(before[order]) > 2 * tolerance
        assert (np.diff(after[order])[apart] > 0).all()
        assert auc(frame["y"], -before) == pytest.approx(auc(frame["y"], -after), abs=0.01)


def _renamed(tables: dict[str, pd.DataFrame], names: dict[str, str]) -> dict[str, pd.DataFrame]:
    return {
        name: table.assign(account_id=table["account_id"].map(lambda account: names.get(account, account)))
        for name, table in tables.items()
    }


@tried(6)
@given(seeds, st.booleans())
def test_renaming_accounts_changes_only_their_names_in_a_cohort(seed: int, in_order: bool) -> None:
    tables = dated_tables(seed)
    accounts = sorted(tables["accounts"]["account_id"])
    numbers = np.arange(len(accounts)) if in_order else np.random.default_rng(seed).permutation(len(accounts))
    names = {account: f"Größe {number:04d}" for account, number in zip(accounts, numbers, strict=True)}
    cohorts = []
    for given_tables in (tables, _renamed(tables, names)):
        with TemporaryDirectory() as folder:
            history = written(Path(folder), DATED + FORMULA, given_tables)
            cohorts.append(history.cohort())
            history.close()
    first, second = (cohort.frame for cohort in cohorts)
    back = second.assign(account_id=second["account_id"].map({new: old for old, new in names.items()}))
    back = back.sort_values(["as_of", "account_id"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(first, back.astype(first.dtypes), check_exact=True)
    assert cohorts[0].excluded == cohorts[1].excluded
    assert (cohorts[0].fingerprint == cohorts[1].fingerprint) == (names == {})


@tried(3)
@given(seeds)
def test_renaming_accounts_in_their_order_changes_no_contender_at_all(seed: int) -> None:
    frame = level_book(seed, accounts=50, months=7)
    other = frame.assign(account_id="customer-" + frame["account_id"].astype(str))
    ours, theirs = training_of(frame), training_of(other)
    for name, contender in CONTENDERS.items():
        first, second = (contender.fit(name, training, None) for training in (ours, theirs))
        assert np.array_equal(first.out_of_fold, second.out_of_fold, equal_nan=True)
        assert first.body == second.body
        assert np.array_equal(first.predict(frame).churn_probability, second.predict(other).churn_probability)


@tried(4)
@given(seeds)
def test_renaming_accounts_in_any_order_changes_no_refit(seed: int) -> None:
    frame = level_book(seed, accounts=50, months=7)
    numbers = np.random.default_rng(seed).permutation(50)
    names = dict(zip(sorted(frame["account_id"].unique()), (f"b{number:02d}" for number in numbers), strict=True))
    other = frame.assign(account_id=frame["account_id"].map(names)).sort_values(["as_of", "account_id"])
    other = other.reset_index(drop=True)
    fits = [AnchoredRefit(training_of(rows)).fit() for rows in (frame, other)]
    # Rows come in another order, and sums of doubles differ in their last digits; see test_fits_permuted.
    assert fits[0].log_odds(frame) == pytest.approx(fits[1].log_odds(frame), abs=2e-3)
