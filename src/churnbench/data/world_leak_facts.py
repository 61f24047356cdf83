"""Leaks in fact tables: facts entered, restated or dated with knowledge of the future.

The plain world is told as one table of monthly readings: when a reading was taken (`event_time`), since when
it was on record (`known_time`), and the metrics. Each plant changes that table only.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnbench.data.world_leak_tables import Tables

#: Columns of a reading that are no metrics.
READING_KEYS = ("account_id", "event_time", "known_time")
#: Snapshot columns that are no metrics.
_ROW_KEYS = ("account_id", "as_of", "renewal_on", "arr")
_DAY = pd.Timedelta(days=1)


def readings(tables: Tables, rng: np.random.Generator) -> pd.DataFrame:
    """One reading per account and month end, taken up to three days before it and on record up to two days later.

    Args:
        tables: the exported tables.
        rng: source of randomness.

    Returns:
        `READING_KEYS` (times to the minute) and one column per metric; sorted by event_time and account_id.
    """
    rows = tables.snapshots
    before = pd.to_timedelta(rng.integers(60, 3 * 1440, len(rows)), unit="min")
    lag = pd.to_timedelta(rng.integers(1, 2 * 1440, len(rows)), unit="min")
    taken = rows["as_of"] - before
    keys = pd.DataFrame({"account_id": rows["account_id"], "event_time": taken, "known_time": taken + lag})
    metrics = [name for name in rows.columns if name not in _ROW_KEYS]
    frame = pd.concat([keys, rows[metrics]], axis=1)
    return frame.sort_values(["event_time", "account_id"], kind="stable", ignore_index=True)


def entered_later(facts: pd.DataFrame, tables: Tables, rng: np.random.Generator) -> pd.DataFrame:
    """After half of the losses somebody enters bad ratings for the months before; the load date tells."""
    exits = _exit_ratings(facts, tables, rng)
    left = exits["account_id"].map(tables.churn_time)
    entered = left + pd.to_timedelta(rng.integers(3, 20, len(exits)), unit="D")
    return _joined(facts, exits.assign(known_time=entered))


def backdated(facts: pd.DataFrame, tables: Tables, rng: np.random.Generator) -> pd.DataFrame:
    """The same ratings entered after the loss, but their load date was lost: known when dated, it says."""
    return _joined(facts, _exit_ratings(facts, tables, rng))


def known_before_event(
    facts: pd.DataFrame,
    tables: Tables,  # noqa: ARG001 - leaks share one signature
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The known time is the creation of the parent record: before the reading was taken."""
    earlier = pd.to_timedelta(rng.integers(20, 200, len(facts)), unit="D")
    return facts.assign(known_time=facts["event_time"] - earlier)


def future_dated(
    facts: pd.DataFrame,
    tables: Tables,  # noqa: ARG001 - leaks share one signature
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Three per cent of the readings carry a year too many: they are dated after the data end, yet are on record."""
    wrong = rng.random(len(facts)) < 0.03
    later = facts["event_time"] + pd.Timedelta(days=365 * 3)
    return facts.assign(event_time=facts["event_time"].where(~wrong, later))


def restated(facts: pd.DataFrame, tables: Tables, rng: np.random.Generator) -> pd.DataFrame:
    """After a loss its last six months are rated anew: the old facts stay, the new ones have the old dates."""
    left = facts["account_id"].map(tables.churn_time)
    lost = facts[(left - facts["event_time"]).between(0 * _DAY, 180 * _DAY)]
    rated = lost.assign(
        touchpoint_quality=np.round(rng.uniform(1.0, 1.8, len(lost)), 1),
        known_time=left.loc[lost.index] + pd.to_timedelta(rng.integers(3, 20, len(lost)), unit="D"),
        event_time=lost["event_time"] + pd.Timedelta(minutes=1),
    )
    return _joined(facts, rated)


def _exit_ratings(facts: pd.DataFrame, tables: Tables, rng: np.random.Generator) -> pd.DataFrame:
    """Bad ratings dated 0 to 100 days before the churn, one after each reading there, for half of the leavers."""
    left = facts["account_id"].map(tables.churn_time)
    chosen = facts["account_id"].isin(tables.leavers(0.5, rng))
    rows = facts[chosen & (left - facts["event_time"]).between(0 * _DAY, 100 * _DAY)]
    moved = rows["event_time"] + pd.Timedelta(minutes=1)
    told = np.round(rng.uniform(1.0, 1.8, len(rows)), 1)
    exits = rows[["account_id"]].assign(event_time=moved, known_time=moved, touchpoint_quality=told)
    # All other metrics stay empty: such a record says nothing about them.
    return exits.reindex(columns=facts.columns)


def _joined(facts: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([facts, more.astype(facts.dtypes.to_dict())], ignore_index=True)
    return both.sort_values(["event_time", "account_id"], kind="stable", ignore_index=True)


def facts_project_text(template: str, metrics: list[str]) -> str:
    """The project file of a book of readings: every metric is the newest reading of the last 62 days.

    Args:
        template: project file of the same book as snapshots.
        metrics: metric columns of the readings.

    Returns:
        TOML text.
    """
    lines = [line for line in template.splitlines() if not line.startswith("snapshots ")]
    # The look-back decides where as-of dates begin; no metric here looks back farther than this.
    table = ["", "[snapshots]", "lookback_days = 62"]
    table += ["", "[[data.facts]]", 'name = "readings"', 'path = "readings.csv"', 'account = "account_id"']
    table += ['event_time = "event_time"', 'known_time = "known_time"']
    for name in metrics:
        table += ["", "[[formula.metrics]]", f'id = "{name}"', 'source = "readings"', 'agg = "last"']
        table += [f'column = "{name}"', "window_days = 62"]
    return "\n".join([*lines, *table]) + "\n"
