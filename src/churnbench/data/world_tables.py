"""From a drawn chunk to the tables that a company would have: snapshots and outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnbench.data import world_book, world_records
from churnbench.data.world_chunk import Chunk
from churnbench.data.world_metrics import METRICS, WHOLE
from churnbench.data.world_settings import RUN_IN


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Snapshot rows of a chunk.

    Attributes:
        frame: account_id, as_of, renewal_on, arr and the metrics as floats; sorted by as_of and account.
        rows, columns: account (position in the chunk's book) and month end (column of its arrays) per row.
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def chunk_snapshots(chunk: Chunk) -> Snapshots:
    """One row per account under contract and month end from the first snapshot on."""
    present = chunk.present
    present[:, :RUN_IN] = False
    columns, rows = np.nonzero(present.T)
    renewal = np.stack([world_book.next_renewals(chunk.started, pd.Timestamp(day)) for day in chunk.days], axis=1)
    frame = pd.DataFrame(
        {
            "account_id": chunk.book["account_id"].to_numpy()[rows],
            "as_of": chunk.edges[columns],
            "renewal_on": pd.to_datetime(renewal[rows, columns]),
            "arr": chunk.contracts.arr[rows, columns],
            **{metric.id: chunk.recorded[metric.id][rows, columns] for metric in METRICS},
        }
    )
    return Snapshots(frame, rows, columns)


def chunk_outcomes(chunk: Chunk) -> pd.DataFrame:
    """Dated outcomes of a chunk as known on the newest month end (see `record_outcomes`)."""
    edges = chunk.edges[: chunk.settings.history]
    return world_records.record_outcomes(
        chunk.book, chunk.contracts, edges, chunk.voluntary, chunk.closed, chunk.rng(6)
    )


def chunk_departures(chunk: Chunk) -> pd.DataFrame:
    """True dates of champion departures up to the newest month end: account_id, departed_on."""
    return chunk.departures[["account_id", "departed_on"]].reset_index(drop=True)


def no_departures() -> pd.DataFrame:
    """An empty table of departures."""
    return pd.DataFrame({"account_id": pd.Series(dtype="str"), "departed_on": pd.Series(dtype="datetime64[s]")})


def tidy(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Metrics that hold whole numbers as integers, so that the files read 3 and not 3.0."""
    return snapshots.astype(dict.fromkeys(sorted(WHOLE), "Int64"))
