"""The door of the package: every measure checks its arrays here, once, and trusts them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def as_column(values: npt.ArrayLike, name: str, *, rows: int | None = None) -> Floats:
    """A one-dimensional float array of the expected length.

    Raises:
        InputError: for more than one dimension, a wrong length or a value that is NaN.
    """
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise InputError(
            f"an array with {column.ndim} dimensions arrived, one value per row was expected.",
            column=name,
            fix="Pass one column.",
        )
    if rows is not None and len(column) != rows:
        raise InputError(f"{len(column)} values arrived for {rows} rows.", column=name, fix="Pass one value per row.")
    missing = np.flatnonzero(np.isnan(column))
    if missing.size:
        raise InputError(
            f"the value at position {missing[0]} is missing (NaN), a number was expected.",
            column=name,
            fix="Leave out rows without a value before measuring.",
        )
    return column


def as_outcome(y: npt.ArrayLike) -> Floats:
    """Outcomes, each 0 or 1.

    Raises:
        InputError: for anything but 0 and 1.
    """
    outcome = as_column(y, "y")
    wrong = np.flatnonzero((outcome != 0.0) & (outcome != 1.0))
    if wrong.size:
        raise InputError(
            f"the value at position {wrong[0]} is {outcome[wrong[0]]:g}, 0 or 1 was expected.",
            column="y",
            fix="Pass labelled rows only, with 1 for churned.",
        )
    return outcome


def as_probability(p: npt.ArrayLike, rows: int, name: str = "p") -> Floats:
    """Probabilities, each within [0, 1].

    Raises:
        InputError: for a value outside the range.
    """
    probability = as_column(p, name, rows=rows)
    wrong = np.flatnonzero((probability < 0.0) | (probability > 1.0))
    if wrong.size:
        raise InputError(
            f"the value at position {wrong[0]} is {probability[wrong[0]]:g}, "
            "a probability between 0 and 1 was expected.",
            column=name,
            fix="Turn scores into probabilities first (models.platt, or the config's risk curve).",
        )
    return probability


def as_weight(weights: npt.ArrayLike | None, rows: int) -> Floats:
    """Row weights; one each when none are given.

    Raises:
        InputError: for a negative or infinite weight.
    """
    if weights is None:
        return np.ones(rows)
    weight = as_column(weights, "weights", rows=rows)
    wrong = np.flatnonzero((weight < 0.0) | np.isinf(weight))
    if wrong.size:
        raise InputError(
            f"the weight at position {wrong[0]} is {weight[wrong[0]]:g}, "
            "a finite number that is not negative was expected.",
            column="weights",
            fix="Use 0 for rows that shall not count.",
        )
    return weight


def encode(labels: npt.ArrayLike | Sequence[Any], name: str, *, rows: int | None = None) -> tuple[Integers, Any]:
    """Integer codes of labels in sorted order, so that the order of rows never matters.

    Returns:
        `(codes, names)` with `names[codes] == labels`; names are unique and ascending.

    Raises:
        InputError: for a wrong length or a missing label.
    """
    codes, names = pd.factorize(pd.Series(labels), sort=True)
    if rows is not None and len(codes) != rows:
        raise InputError(f"{len(codes)} values arrived for {rows} rows.", column=name, fix="Pass one value per row.")
    missing = np.flatnonzero(codes < 0)
    if missing.size:
        raise InputError(
            f"the value at position {missing[0]} is missing, every row needs one.",
            column=name,
            fix="Leave out rows without it before measuring.",
        )
    return codes.astype(np.int64), names


def ratio(numerator: float, denominator: float) -> float:
    """`numerator / denominator`, NaN when the denominator is 0."""
    return float(numerator / denominator) if denominator != 0.0 else float("nan")
