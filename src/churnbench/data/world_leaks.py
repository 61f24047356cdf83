"""Planted leaks: mistakes that real exports make, applied to a clean simulated history.

`LEAKS` is the one table of them. Each takes exported tables (or a table of facts) and a source of
randomness, and returns changed ones; the truth of the world stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from churnbench.data import world_leak_columns as columns
from churnbench.data import world_leak_facts as facts
from churnbench.data import world_leak_proxies as proxies
from churnbench.data import world_leak_rows as rows
from churnbench.data.world_leak_tables import Tables

Plant = Callable[[Tables, np.random.Generator], Tables]
FactPlant = Callable[[pd.DataFrame, Tables, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Leak:
    """One kind of mistake; exactly one of `tables` and `facts` is given.

    Attributes:
        tables: changes snapshots, outcomes or accounts.
        facts: changes a table of readings; such a world is written as a project of facts.
        declares: text for the end of the project file, so that the formula meets a new column.
    """

    tables: Plant | None = None
    facts: FactPlant | None = None
    declares: str = ""


#: Kinds of leak that `simulate_world(leak=...)` can plant.
LEAKS: dict[str, Leak] = {
    "footprint": Leak(columns.footprint),
    "backfill": Leak(columns.backfill),
    "full": Leak(columns.full),
    "current-state": Leak(columns.current_state),
    "restated-history": Leak(columns.restated_history),
    "whole-period": Leak(columns.whole_period),
    "post-churn-rows": Leak(rows.post_churn_rows),
    "duplicate-accounts": Leak(rows.duplicate_accounts),
    "label-early": Leak(rows.label_early),
    "label-late": Leak(rows.label_late),
    "closed-late": Leak(rows.closed_late),
    "closed-reason": Leak(proxies.closed_reason, declares=proxies.DECLARE_CLOSED_REASON),
    "segment-target-encoded": Leak(proxies.segment_target_encoded, declares=proxies.DECLARE_GROUP_RISK),
    "group-target-encoded": Leak(proxies.group_target_encoded, declares=proxies.DECLARE_GROUP_RISK),
    "csm-target-encoded": Leak(proxies.csm_target_encoded, declares=proxies.DECLARE_GROUP_RISK),
    "facts-entered-later": Leak(facts=facts.entered_later),
    "facts-backdated": Leak(facts=facts.backdated),
    "facts-known-before-event": Leak(facts=facts.known_before_event),
    "facts-future-dated": Leak(facts=facts.future_dated),
    "facts-restated": Leak(facts=facts.restated),
}


def plant(leak: str, tables: Tables, seed: int) -> Tables:
    """The tables with a leak in them; a leak in facts leaves them as they are (see `leaky_readings`).

    Args:
        leak: a key of `LEAKS`.
        tables: clean tables; not changed.
        seed: seed of the leak's own randomness.
    """
    change = LEAKS[leak].tables
    return tables if change is None else change(tables, np.random.default_rng([seed, 7]))


def leaky_project(leak: str | None, tables: Tables, seed: int, folder: Path, text: str) -> str:
    """The project file that lets the formula meet a leak; a leak in facts is written beside it as readings.csv.

    Args:
        leak: a key of `LEAKS`, or None.
        tables: the exported tables.
        seed: seed of the leak's own randomness.
        folder: folder of the project; must exist.
        text: project file of the clean world as snapshots.

    Returns:
        TOML text.
    """
    if leak is None:
        return text
    if LEAKS[leak].facts is not None:
        return readings_project(leak, tables, seed, folder, text)
    return text + LEAKS[leak].declares


def readings_project(leak: str | None, tables: Tables, seed: int, folder: Path, text: str) -> str:
    """Write the world as one table of facts, readings.csv; arguments and result as of `leaky_project`."""
    taken = leaky_readings(leak, tables, seed)
    taken.to_csv(folder / "readings.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S", lineterminator="\n")
    return facts.facts_project_text(text, [name for name in taken.columns if name not in facts.READING_KEYS])


def leaky_readings(leak: str | None, tables: Tables, seed: int) -> pd.DataFrame:
    """The world as a table of facts, with a leak in them when its kind is one of facts.

    Args:
        leak: a key of `LEAKS`, or None for clean facts.
        tables: the tables of a world.
        seed: seed of times and of the leak's own randomness.

    Returns:
        See `world_leak_facts.readings`.
    """
    taken = facts.readings(tables, np.random.default_rng([seed, 8]))
    change = None if leak is None else LEAKS[leak].facts
    return taken if change is None else change(taken, tables, np.random.default_rng([seed, 7]))
