"""Fast models for checks: shallow boosted trees, and rates per category or bin, always on other accounts."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 10,
    "max_bin": 63,
    "feature_pre_filter": False,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


def matrix(frame: pd.DataFrame, metrics: Sequence[str]) -> Floats:
    """Metric columns as numbers, shape (n, m); text becomes codes in order of frequency, missing NaN."""
    columns = []
    for name in metrics:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            columns.append(column.to_numpy(dtype=np.float64, na_value=np.nan))
        else:
            order = {text: place for place, text in enumerate(column.value_counts().index)}
            columns.append(column.map(order).to_numpy(dtype=np.float64, na_value=np.nan))
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def fit_and_predict(train: Floats, y: Floats, test: Floats, *, seed: int, trees: int = 60) -> Floats:
    """P(y = 1) of the test rows from shallow boosted trees fitted on the training rows."""
    data = lightgbm.Dataset(train, label=y, params=_PARAMETERS)
    booster = lightgbm.train({**_PARAMETERS, "seed": seed}, data, num_boost_round=trees)
    return np.asarray(booster.predict(test), dtype=np.float64)


def account_parts(codes: Rows, parts: int, *, seed: int) -> Rows:
    """A random part, 0 to parts - 1, for each row; all rows of an account share it."""
    draw = np.random.default_rng(seed).permutation(int(codes.max()) + 1 if len(codes) else 0)
    return np.asarray(draw[codes] % parts, dtype=np.int64)


def out_of_fold_risk(
    frame: pd.DataFrame, metrics: Sequence[str], codes: Rows, *, seed: int, parts: int = 3
) -> Floats | None:
    """Risk of every row from trees fitted on labelled rows of other accounts.

    Returns:
        Shape (n,), or `None` without metrics or when some part has one class only.
    """
    x, y = matrix(frame, metrics), frame["y"].to_numpy(dtype=np.float64)
    part = account_parts(codes, parts, seed=seed)
    risk = np.empty(len(frame))
    for number in range(parts):
        fit = (part != number) & ~np.isnan(y)
        if x.shape[1] == 0 or y[fit].sum() in (0.0, float(fit.sum())):
            return None
        risk[part == number] = fit_and_predict(x[fit], y[fit], x[part == number], seed=seed)
    return risk


def out_of_fold_rate(column: pd.Series, y: Floats, codes: Rows, *, seed: int, parts: int = 5) -> Floats:
    """Churn rate of each row's category (or quantile bin of a number) among other accounts, shape (n,).

    Ten rows at the base rate are added to every category, so that a rare one is not taken at its word.
    """
    bins = _bins(column)
    part = account_parts(codes, parts, seed=seed)
    rate = np.empty(len(y))
    size = int(bins.max()) + 1 if len(bins) else 0
    for number in range(parts):
        fit = part != number
        base = float(y[fit].mean()) if fit.any() else 0.0
        rows = np.bincount(bins[fit], minlength=size)
        churned = np.bincount(bins[fit], y[fit], minlength=size)
        rate[~fit] = ((churned + 10.0 * base) / (rows + 10.0))[bins[~fit]]
    return rate


def _bins(column: pd.Series) -> Rows:
    """Category codes; numbers with more than 50 distinct values fall into 20 bins of equal size."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 50:
        values = column.to_numpy(dtype=np.float64)
        edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, 21)[1:-1]))
        return np.asarray(np.searchsorted(edges, values), dtype=np.int64)
    return np.asarray(pd.factorize(column, sort=True)[0], dtype=np.int64)
