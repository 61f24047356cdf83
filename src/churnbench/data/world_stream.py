"""A world of any size to Parquet, chunk by chunk, with the memory of one chunk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from churnbench.data.world_chunk import Chunk, iter_chunks
from churnbench.data.world_leak_tables import Tables
from churnbench.data.world_leaks import LEAKS, plant
from churnbench.data.world_settings import WorldSettings
from churnbench.data.world_tables import chunk_departures, chunk_outcomes, chunk_snapshots, tidy
from churnbench.data.world_truth import truth_document, truth_table
from churnbench.domain.errors import InputError


@dataclass(frozen=True)
class Streamed:
    """What was written.

    Attributes:
        chunks: number of chunks.
        rows: file name without its ending -> rows.
        truth: what truth.json says.
    """

    chunks: int
    rows: Mapping[str, int]
    truth: Mapping[str, object]


class _Files:
    """One Parquet file per table, open from the first chunk to the last; each chunk is one or more row groups."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._writers: dict[str, parquet.ParquetWriter] = {}
        self.rows: dict[str, int] = {}

    def append(self, name: str, frame: pd.DataFrame) -> None:
        """Add rows; the first call of a name decides the columns and their types."""
        writer = self._writers.get(name)
        schema = None if writer is None else writer.schema
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
        if writer is None:
            writer = parquet.ParquetWriter(self._out / f"{name}.parquet", table.schema, compression="zstd")
            self._writers[name] = writer
        writer.write_table(table)
        self.rows[name] = self.rows.get(name, 0) + len(frame)

    def close(self) -> None:
        """Finish all files."""
        for writer in self._writers.values():
            writer.close()


def stream_world(
    settings: WorldSettings, out: Path, *, truth: bool = True, emit: Callable[[Chunk], object] | None = None
) -> Streamed:
    """Write snapshots, outcomes, accounts, interventions (where there is a treatment), truth and departures.

    Rows come chunk after chunk, within a chunk as `simulate_world` has them. A leak is planted chunk by chunk.

    Args:
        settings: the world asked for, of any number of accounts.
        out: the folder; made when absent.
        truth: False leaves the true probabilities out; they take most of the time.
        emit: called with every chunk once its tables are written, to write more about the same accounts.

    Returns:
        What was written, beside truth.json.

    Raises:
        InputError: the leak is one of facts, which only worlds in memory have.
    """
    if settings.leak is not None and LEAKS[settings.leak].facts is not None:
        raise InputError(
            f"The leak '{settings.leak}' is one of facts and cannot be written as Parquet.",
            fix="Write the world as CSV, with at most 5,000 accounts.",
        )
    out.mkdir(parents=True, exist_ok=True)
    files, document, total = _Files(out), dict[str, object](), 0.0
    try:
        for chunk in iter_chunks(settings):
            table = _append_chunk(chunk, files, probability=truth)
            document = document or truth_document(chunk, table)
            total += float(table["churn_probability"].sum()) if truth else 0.0
            if emit is not None:
                emit(chunk)
    finally:
        files.close()
    if truth:
        document["mean_churn_probability"] = total / files.rows["truth"]
    (out / "truth.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return Streamed(settings.chunks, files.rows, document)


def _append_chunk(chunk: Chunk, files: _Files, *, probability: bool) -> pd.DataFrame:
    """Write the tables of a chunk; returns its truth table."""
    made = chunk_snapshots(chunk)
    table = truth_table(chunk, made, probability=probability)
    tables = Tables.exported(tidy(made.frame), chunk_outcomes(chunk), chunk.book)
    if chunk.settings.leak is not None:
        # A leak of its own in every chunk; the first is what the same world in memory has.
        tables = plant(chunk.settings.leak, tables, chunk.settings.seed + chunk.part)
    files.append("snapshots", tables.snapshots)
    files.append("outcomes", tables.outcomes)
    files.append("accounts", tables.accounts)
    if chunk.settings.treatment is not None:
        files.append("interventions", chunk.interventions)
    files.append("truth", table)
    files.append("truth_departures", chunk_departures(chunk))
    return table
