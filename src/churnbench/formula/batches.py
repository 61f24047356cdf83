"""Scores Arrow batches: what a worker of a cluster runs. Needs only numpy, pandas and pyarrow beside churnbench."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.formula.checked import Body
from churnbench.formula.frame import score_frame

#: Rows scored at once: each call checks the body and plans, which costs as much as some thousand rows.
GATHERED = 65_536


def scored_batches(
    body_text: str, inputs: Sequence[str], keys: int, stamps: Sequence[str], batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Score batches with the vectorised formula.

    Args:
        body_text: a checked config body as JSON text.
        inputs: input ids of the columns after the keys: float64 for numbers, text for categories.
        keys: number of leading columns that are passed on as they are.
        stamps: texts that every row gets at its end.
        batches: key columns, then one column per input.

    Yields:
        Batches of the keys, then the columns of `score_columns`, then the stamps; rows in the order of arrival.
    """
    body = json.loads(body_text)
    for batch in gathered(batches):
        frame = pd.DataFrame(
            {name: _column(batch.column(keys + k)) for k, name in enumerate(inputs)}, index=range(batch.num_rows)
        )
        arrays = [batch.column(k) for k in range(keys)] + list(score_columns(body, frame).values())
        arrays += [pa.repeat(pa.scalar(stamp, pa.string()), batch.num_rows) for stamp in stamps]
        yield pa.RecordBatch.from_arrays(arrays, names=[f"o{k}" for k in range(len(arrays))])


def gathered(batches: Iterable[pa.RecordBatch], rows: int = GATHERED) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at least so many, the last one excepted; none without rows."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield _joined(waiting)
            waiting, count = [], 0
    if count:
        yield _joined(waiting)


def result_names(body: Body, *, contributions: bool = False) -> dict[str, str]:
    """Column name -> "long", "double" or "text", in the order of `score_columns`."""
    parts = [name for dimension in body["dimensions"] for name, _ in dimension["weights"]] if contributions else []
    return {
        "health_score_x100": "long",
        "health_score": "double",
        "band": "text",
        "coverage_bp": "long",
        "churn_probability": "double",
        **({"reading_band": "text"} if body.get("hysteresis") else {}),
        **{f"{dimension['id']}_score": "double" for dimension in body["dimensions"]},
        **{f"{name}_{way}_x100": "long" for name in parts for way in ("gained", "lost")},
    }


def score_columns(body: Body, frame: pd.DataFrame, *, contributions: bool = False) -> dict[str, pa.Array]:
    """Scores as Arrow columns, NULL where there is none; see `score_frame`."""
    scored = score_frame(body, frame, contributions=contributions, allow_missing=True)
    columns: dict[str, pa.Array] = {}
    for name, kind in result_names(body, contributions=contributions).items():
        if name == "health_score":
            hundredths = scored["health_score_x100"].to_numpy(dtype=np.float64, na_value=np.nan)
            columns[name] = pa.array(hundredths / 100.0, pa.float64(), from_pandas=True)
        elif kind == "long":
            columns[name] = pa.array(scored[name], pa.int64(), from_pandas=True)
        elif kind == "double":
            columns[name] = pa.array(scored[name].to_numpy(dtype=np.float64), pa.float64(), from_pandas=True)
        else:
            columns[name] = pa.array(scored[name], pa.string(), from_pandas=True)
    return columns


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches).combine_chunks()
    return pa.RecordBatch.from_arrays([column.chunk(0) for column in table.columns], names=table.column_names)


def _column(array: pa.Array) -> object:
    if pa.types.is_floating(array.type):
        return array.to_numpy(zero_copy_only=False)
    # Text repeats: its few different values are compared, not its rows.
    return array.dictionary_encode().to_pandas()
