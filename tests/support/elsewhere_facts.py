"""Random facts with odd cells, and metrics over them, for comparing other engines with DuckDB double for double."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churnbench.data.computed import AGGREGATES, MAY_HAVE_COLUMN, OPEN_ENDED, ComputedMetric, Condition
from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.features import features_at, open_facts
from churnbench.features.elsewhere import FactRelation

CALENDAR = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"])
ACCOUNTS = pd.DataFrame(
    {
        "account_id": ["001", "01", "1", "quiet", "late", "it's"],
        "first_day": pd.to_datetime([None, None, None, None, "2024-03-01", None]),
        "last_day": pd.to_datetime([None, None, None, "2024-03-31", None, None]),
    }
)
#: Texts that mean something to a parser or sort otherwise by language than by bytes.
TEXTS = ["a", "B", "b", "ä", "Z", "it's", "back\\slash", "${spark.app.name}", "True", "false", " padded ", "", None]
#: Table -> its declaration; `odd` holds numbers of every size, `copies` facts that arrived more than once.
TABLES = {
    "usage": FactRelation("usage", event_time="at", known_time="loaded"),
    "odd": FactRelation("odd", event_time="at"),
    "copies": FactRelation("copies", event_time="at", known_time="loaded", deduplicate="key"),
}


def random_facts(seed: int, size: int = 240) -> dict[str, pd.DataFrame]:
    """The three tables."""
    rng = np.random.default_rng(seed)
    tables = {name: _table(rng, size) for name in TABLES}
    sizes = 10.0 ** rng.integers(-40, 40, size)
    odd = rng.normal(size=size) * sizes
    odd[:60] = rng.choice([np.nan, np.inf, -np.inf, 0.0, 0.5, 1.5, 2.5, 2.0**53 + 2, -1e-300, 1e40, -1e40, 1 / 3], 60)
    tables["odd"]["value"] = odd
    tables["copies"]["key"] = pd.Series(rng.choice(["x", "y", "z", "", None], size), dtype=object)
    return tables


def _table(rng: np.random.Generator, size: int) -> pd.DataFrame:
    at = pd.Timestamp("2023-10-01") + pd.to_timedelta(rng.integers(0, 220 * 24 * 60, size) * 30_000_001, unit="us")
    late = pd.to_timedelta(rng.integers(0, 60, size) * rng.integers(0, 2, size), unit="D")
    value = np.round(rng.normal(size=size) * 10.0 ** rng.integers(-3, 4, size), 4)
    return pd.DataFrame(
        {
            "account_id": rng.choice(["001", "01", "1", "late", "it's", "stranger"], size),
            "at": at.astype("datetime64[us]"),
            "loaded": (at + late).astype("datetime64[us]"),
            "value": np.where(rng.random(size) < 0.15, np.nan, value),
            "kind": pd.Series(rng.choice(np.array(TEXTS, dtype=object), size), dtype=object),
        }
    )


def metrics_of(source: str, windows: Sequence[int | None] = (7, 45), *, few: bool = False) -> list[ComputedMetric]:
    """Every aggregate over one table, with and without conditions."""
    where = (Condition("kind", "in", ("a", "b", "it's", "back\\slash", "${spark.app.name}")),)
    found = []
    for window in windows:
        for agg in OPEN_ENDED if window is None else AGGREGATES:
            column = ("kind" if agg in ("distinct", "top_share") else "value") if agg in MAY_HAVE_COLUMN else None
            matching = (
                where if agg in ("share", "count", "sum", "distinct", "last", "slope", "median", "top_share") else ()
            )
            name = f"{source}_{agg}_{window or 'ever'}"
            found.append(ComputedMetric(name, source, agg, column, window, matching, of="sum"))
    if few:
        return found
    newest = f"{source}_newest_text"
    found.append(ComputedMetric(newest, source, "last", "kind", None, text=True))
    found.append(ComputedMetric(f"{source}_ever", source, "sum", "value", None))
    found += [
        ComputedMetric(f"{source}_{of}", source, "relative_change", "value", 30, of=of)
        for of in ("mean", "count", "last")
    ]
    conditions = {
        "true": Condition("kind", "equals", (True,)),
        "not": Condition("kind", "not_equals", ("a", "ä")),
        "least": Condition("value", "at_least", (-0.3,)),
        "most": Condition("value", "at_most", (2,)),
        "same": Condition("value", "equals", (0.5, 3)),
    }
    found += [
        ComputedMetric(f"{source}_{name}", source, "count", None, 60, (condition,))
        for name, condition in conditions.items()
    ]
    found.append(ComputedMetric(f"{source}_often", source, "distinct", "kind", 90, min_days=2, max_days=5))
    above, below = f"{source}_sum_45", f"{source}_count_45"
    found.append(ComputedMetric(f"{source}_ratio", agg="ratio", ratio=(above, below)))
    return found


PROJECT = """
[project]
name = "elsewhere"
[data]
outcomes = "outcomes.csv"
missing_values = []
{tables}
[formula]
preset = "none"
"""


def on_one_machine(
    folder: Path, tables: dict[str, pd.DataFrame], metrics: Sequence[ComputedMetric], **options: Any
) -> pd.DataFrame:
    """What `features_at` makes of the tables, read from Parquet as a project reads them."""
    declared = []
    for name, frame in tables.items():
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
        told = TABLES[name]
        lines = [f'name = "{name}"', f'path = "{name}.parquet"', f'event_time = "{told.event_time}"']
        lines += [f'known_time = "{told.known_time}"'] if told.known_time else []
        lines += [f'deduplicate = "{told.deduplicate}"'] if told.deduplicate else []
        declared.append("[[data.facts]]\n" + "\n".join(lines) + "\n")
    return _computed(folder, "\n".join(declared), metrics, options)


def _computed(folder: Path, declared: str, metrics: Sequence[ComputedMetric], options: dict[str, Any]) -> pd.DataFrame:
    sections = [_declaration(metric) for metric in metrics if metric.ratio is None]
    (folder / "churnbench.toml").write_text(PROJECT.format(tables=declared) + "\n".join(sections), encoding="utf-8")
    with Session(memory_limit="500MB", threads=1) as session:
        facts = open_facts(session, load_project(folder))
        return features_at(facts, ACCOUNTS, CALENDAR, metrics, **options)


def _declaration(metric: ComputedMetric) -> str:
    """Enough of a metric for the project to read its columns; what is computed is the metric itself."""
    text = metric.text or metric.agg in ("distinct", "top_share")
    lines = ["[[formula.metrics]]", f'id = "{metric.id}"', "weight = 1", f'source = "{metric.source}"']
    if metric.column and text:
        lines += ['agg = "distinct"', f'column = "{metric.column}"']
    elif metric.column:
        lines += ['agg = "sum"', f'column = "{metric.column}"']
    else:
        lines.append('agg = "count"')
    if metric.where:
        part = metric.where[0]
        told = "at_least = 0" if part.numeric else 'equals = "a"'
        lines.append(f'where = {{ column = "{part.column}", {told} }}')
    return "\n".join(lines) + "\n"


def comparable(frame: pd.DataFrame, metrics: Sequence[ComputedMetric]) -> pd.DataFrame:
    """Rows sorted, types as `features_at` gives them."""
    columns = {"account_id": frame["account_id"].astype(str)}
    columns["as_of"] = pd.to_datetime(frame["as_of"]).astype("datetime64[us]")
    for metric in metrics:
        cells = frame[metric.id]
        if metric.text:
            columns[metric.id] = pd.Series(cells.astype(object).where(cells.notna(), None), dtype=object)
        else:
            columns[metric.id] = cells.astype(float)
    frame = pd.DataFrame(columns)
    return frame.sort_values(["as_of", "account_id"]).reset_index(drop=True)
