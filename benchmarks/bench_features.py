"""Point-in-time features against a bare hand-written DuckDB query for the same metrics.

    python benchmarks/bench_features.py                                         # small
    python benchmarks/bench_features.py --events 20000000 --accounts 20000      # the size people have

Both read the same Parquet file, use the same memory limit and threads, and must agree on every number. The
bar is a ratio of 1.5. Each runs in a process of its own, so that peak memory is its own too.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd

from churnbench.data.computed import ComputedMetric, Condition
from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.features import as_of_dates, features_at, open_facts

WINDOW = 90
METRICS = {
    "events": ComputedMetric("events", "usage", "count", None, WINDOW),
    "minutes": ComputedMetric("minutes", "usage", "sum", "minutes", WINDOW, of="sum"),
    "mean_minutes": ComputedMetric("mean_minutes", "usage", "mean", "minutes", WINDOW),
    "longest": ComputedMetric("longest", "usage", "max", "minutes", WINDOW),
    "exports": ComputedMetric("exports", "usage", "count", None, WINDOW, (Condition("type", "equals", ("export",)),)),
    "days_since": ComputedMetric("days_since", "usage", "days_since_last", None, WINDOW),
}

PROJECT = """
[project]
name = "bench"
[data]
outcomes = "outcomes.csv"
[[data.facts]]
name = "usage"
path = "usage.parquet"
event_time = "ts"
[formula]
preset = "none"
""" + "".join(
    f"""
[[formula.metrics]]
id = "{metric.id}"
weight = 1
source = "usage"
agg = "{metric.agg}"
window_days = {WINDOW}
"""
    + (f'column = "{metric.column}"\n' if metric.column else "")
    + ('where = { column = "type", equals = "export" }\n' if metric.where else "")
    for metric in METRICS.values()
)


def write_world(folder: Path, events: int, accounts: int) -> None:
    connection = duckdb.connect()
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        "COPY (SELECT format('A{:06d}', CAST(floor(random() * ?) AS INTEGER)) AS account_id,"
        " TIMESTAMP '2022-01-01' + INTERVAL 1 SECOND * CAST(floor(random() * 912 * 86400) AS BIGINT) AS ts,"
        " CASE WHEN random() < 0.1 THEN 'export' ELSE 'login' END AS type,"
        " CAST(floor(random() * 1000) AS DOUBLE) / 8 AS minutes"
        f" FROM range(?)) TO '{folder / 'usage.parquet'}'",
        [accounts, events],
    )
    (folder / "churnbench.toml").write_text(PROJECT)


def calendar(months: int) -> pd.DatetimeIndex:
    last = pd.Timestamp("2024-06-30")
    return as_of_dates((last - pd.DateOffset(months=months - 1)).date(), last.date(), "month")


def by_hand(folder: Path, months: int, memory: str) -> pd.DataFrame:
    """Daily pre-aggregation, then expansion on the calendar: the way one would write it by hand."""
    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(folder / "spill")})
    connection.register("calendar", pd.DataFrame({"as_of": calendar(months)}))
    frame = connection.execute(
        f"""
        WITH daily AS (
            SELECT account_id, CAST(ts AS DATE) AS day, count(*) AS n, sum(minutes) AS s, max(minutes) AS m,
                   count(*) FILTER (WHERE type = 'export') AS x
            FROM read_parquet('{folder / "usage.parquet"}') GROUP BY ALL),
        grid AS (SELECT DISTINCT account_id, CAST(as_of AS DATE) AS as_of FROM daily, calendar),
        expanded AS (
            SELECT d.account_id, CAST(c.as_of AS DATE) AS as_of, CAST(sum(n) AS DOUBLE) AS events,
                   sum(s) AS minutes, sum(s) / sum(n) AS mean_minutes, max(m) AS longest,
                   CAST(sum(x) AS DOUBLE) AS exports,
                   CAST(CAST(any_value(c.as_of) AS DATE) - max(day) AS DOUBLE) AS days_since
            FROM daily d JOIN calendar c
              ON d.day <= CAST(c.as_of AS DATE) AND d.day > CAST(c.as_of AS DATE) - {WINDOW} GROUP BY 1, 2)
        SELECT account_id, as_of, coalesce(events, 0) AS events, coalesce(minutes, 0) AS minutes,
        mean_minutes,
               longest, coalesce(exports, 0) AS exports, days_since
        FROM grid LEFT JOIN expanded USING (account_id, as_of) ORDER BY as_of, account_id
        """
    ).df()
    return frame.astype({"as_of": "datetime64[us]"})


def by_churnbench(folder: Path, months: int, memory: str) -> pd.DataFrame:
    with Session(memory_limit=memory) as session:
        facts = open_facts(session, load_project(folder))
        accounts = session.connection.execute(
            f"SELECT DISTINCT account_id FROM {facts['usage'].relation} ORDER BY 1"
        ).df()
        return features_at(facts, accounts, calendar(months), list(METRICS.values()))


WAYS = {"by hand": by_hand, "churnbench": by_churnbench}


def run_one(way: str, folder: Path, months: int, memory: str) -> None:
    began = time.perf_counter()
    frame = WAYS[way](folder, months, memory)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    frame.to_parquet(folder / f"{way}.parquet")
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "rows": len(frame)}))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=500_000)
    options.add_argument("--accounts", type=int, default=2_000)
    options.add_argument("--months", type=int, default=24)
    options.add_argument("--memory", default="2GB")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--way", choices=list(WAYS))
    options.add_argument("--folder", type=Path)
    chosen = options.parse_args()
    if chosen.way:
        run_one(chosen.way, chosen.folder, chosen.months, chosen.memory)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_world(folder, chosen.events, chosen.accounts)
        best: dict[str, dict[str, float]] = {}
        for _ in range(chosen.repeat):
            for way in WAYS:
                command = [
                    sys.executable,
                    __file__,
                    "--way",
                    way,
                    "--folder",
                    name,
                    "--memory",
                    chosen.memory,
                ]
                command += ["--months", str(chosen.months)]
                told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                if way not in best or told["seconds"] < best[way]["seconds"]:
                    best[way] = told
        first, second = (pd.read_parquet(folder / f"{way}.parquet") for way in WAYS)
        pd.testing.assert_frame_equal(first, second, check_dtype=False, rtol=1e-12)
    for way, told in best.items():
        print(f"{way:<12} {told['seconds']:7.2f} s   {told['peak_mb']:6.0f} MB   {told['rows']:,.0f} rows")
    print(f"ratio        {best['churnbench']['seconds'] / best['by hand']['seconds']:7.2f}   (bar: 1.5)")


if __name__ == "__main__":
    main()
