"""Columns of a frame as the arrays that the formula reads: doubles with NaN, or codes of text."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """A column as float64; NaN where it is missing.

    Raises:
        InputError: for text, dates or other non-numbers, naming column, row label and value.
    """
    column = frame[name]
    kind = column.dtype.kind
    if kind in "iufb":
        if isinstance(column.dtype, np.dtype):
            return cast("Floats", column.to_numpy(dtype=np.float64))
        return cast("Floats", column.to_numpy(dtype=np.float64, na_value=np.nan))
    if column.isna().all():
        return np.full(len(column), np.nan)
    if column.dtype == object:
        return np.array([_number(value, frame, name, row) for row, value in enumerate(column)], dtype=float)
    row = int(np.flatnonzero(column.notna().to_numpy())[0])
    raise _not_a(column.iloc[row], "number", frame, name, row)


def codes(frame: pd.DataFrame, name: str) -> tuple[Codes, list[str]]:
    """A text column as codes (-1 where missing) and the texts they stand for.

    Raises:
        InputError: for anything that is neither text nor missing, naming column, row label and value.
    """
    column = frame[name]
    if column.isna().all():
        return np.full(len(column), -1, dtype=np.intp), []
    positions, uniques = pd.factorize(column)
    texts = list(uniques)
    for code, value in enumerate(texts):
        if not isinstance(value, str):
            raise _not_a(value, "text", frame, name, int(np.flatnonzero(positions == code)[0]))
    return positions, texts


def is_text(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column holds any text."""
    column = frame[name]
    if column.dtype.kind in "iufb":
        return False
    return any(isinstance(value, str) for value in column.dropna().unique())


def _number(value: Any, frame: pd.DataFrame, name: str, row: int) -> float:
    if value is None or value is pd.NA or value is pd.NaT:
        return np.nan
    if isinstance(value, (str, bytes)):
        raise _not_a(value, "number", frame, name, row)
    try:
        return float(value)
    except OverflowError:
        return np.nan
    except (TypeError, ValueError) as error:
        raise _not_a(value, "number", frame, name, row) from error


def _not_a(value: object, wanted: str, frame: pd.DataFrame, name: str, row: int) -> InputError:
    return InputError(
        f"{value!r} (row label {frame.index[row]!r}) is not {'a number' if wanted == 'number' else 'text'}.",
        column=name,
        fix="Leave a missing value empty, and correct the others.",
    )
