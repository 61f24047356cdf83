"""Small worlds of facts for the tests: drawn, written, and read back as point-in-time features."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa

from churnbench.cohort.history import open_history
from churnbench.data.project import load_project
from churnbench.data.world_chunk import Chunk, draw_chunk
from churnbench.data.world_facts import FactKnobs, iter_facts
from churnbench.data.world_settings import WorldSettings
from churnbench.data.world_tables import chunk_snapshots

KNOBS = FactKnobs(events_per_account_month=24)


#: A small book with enough churn that contracts end in every month.
SETTINGS = WorldSettings(accounts=220, months=8, seed=5, base_rate=0.08, departures=0.03)


@lru_cache
def chunk(settings: WorldSettings = SETTINGS) -> Chunk:
    """The only chunk of a small world."""
    return draw_chunk(settings, 0)


@lru_cache
def tables() -> dict[str, pd.DataFrame]:
    """The fact tables of `chunk()` as frames."""
    parts: dict[str, list[pa.Table]] = {}
    for name, part in iter_facts(chunk(), KNOBS):
        parts.setdefault(name, []).append(part)
    return {name: pa.concat_tables(some, promote_options="default").to_pandas() for name, some in parts.items()}


def features_beside_recorded(out: Path, drawn: Chunk) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features computed by churnbench from the written facts, and the world's recorded metrics, row for row."""
    history = open_history(load_project(out), threads=1)
    try:
        cohort = history.cohort()
        assert cohort.claim_level == "point-in-time"
        assert not cohort.warnings
        features = cohort.frame.set_index(["account_id", "as_of"])
    finally:
        history.close()
    recorded = chunk_snapshots(drawn).frame
    recorded["as_of"] = recorded["as_of"].astype("datetime64[us]")
    recorded = recorded.set_index(["account_id", "as_of"])
    return features.loc[recorded.index], recorded
