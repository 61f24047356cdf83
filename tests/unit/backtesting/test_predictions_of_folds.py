"""What contenders say about a fold's rows, kept in the fold's own order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from small_books import panel

from churnbench.backtesting import Fold, Prediction, pooled, predict_fold, walk_forward


@dataclass
class _Says:
    """Answers with the account's number, so that a mix-up of rows shows."""

    health: bool

    def predict(self, frame: pd.DataFrame) -> Prediction:
        number = frame["account_id"].str[1:].astype(float).to_numpy()
        return Prediction(number / 1000, 100 - number if self.health else None)


def test_every_prediction_stays_with_its_row_and_folds_keep_their_names() -> None:
    cohort = panel(pd.date_range("2022-01-31", periods=30, freq="ME"))
    folds = walk_forward(cohort)
    # Test rows in a shuffled order: answers must follow the labels, not the positions.
    shuffled = [
        Fold(f.name, f.origin, f.train_rows, np.random.default_rng(1).permutation(f.test_rows), f.role) for f in folds
    ]
    parts = [predict_fold(cohort.frame, f, {"formula": _Says(True), "model": _Says(False)}) for f in shuffled]
    table = pooled(cohort.frame, parts)
    assert np.array_equal(table.index, np.concatenate([f.test_rows for f in shuffled]))
    number = cohort.frame.loc[table.index, "account_id"].str[1:].astype(float)
    assert np.array_equal(table["formula.churn_probability"], number / 1000)
    assert np.array_equal(table["formula.health_score"], 100 - number)
    assert "model.health_score" not in table
    assert list(dict.fromkeys(table["fold"])) == [f.name for f in folds]
    assert table["y"].equals(cohort.frame.loc[table.index, "y"])


def test_no_folds_make_an_empty_table_with_its_columns() -> None:
    empty = pooled(panel(pd.date_range("2022-01-31", periods=9, freq="ME")).frame, [])
    assert list(empty.columns) == ["account_id", "as_of", "y", "fold"]
    assert len(empty) == 0
