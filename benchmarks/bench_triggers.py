"""Triggers at size: all that ship, evaluated on a book as of today, and judged on its past.

    python -m benchmarks.bench_triggers                      # 20,000 accounts
    python -m benchmarks.bench_triggers --accounts 2000      # a quick look

A simulated book of 1,000 accounts and 24 month ends, scored with the hand formula and repeated under other names up to
the size asked for. Timed are `evaluate` on the month ends, `evaluate` on daily readings (each month end, moved a little
on each of the last 120 days: what `churnbench daily` reads), and `backtest_triggers` with 400 account resamples.
Processor time stands beside wall-clock time, for other work on the machine does not lengthen it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from churnbench.data.project import load_project
from churnbench.data.simulate_demo import streamed_project
from churnbench.data.world_settings import WorldSettings
from churnbench.playbooks import backtest_triggers, declare, evaluate
from churnbench.workflow.alerting import Watched, watch
from churnbench.workflow.health_book import book_of

BOOK, MONTHS, DAYS = 1_000, 24, 120


def repeated(rows: pd.DataFrame, times: int) -> pd.DataFrame:
    """The same accounts under so many names, sorted by name and date."""
    parts = [rows.assign(account_id=[f"{number:03d}-{name}" for name in rows["account_id"]]) for number in range(times)]
    return pd.concat(parts, ignore_index=True)


def daily(history: pd.DataFrame, days: int) -> pd.DataFrame:
    """Readings of each of the last days, each a little beside the newest month end."""
    newest = history[history["as_of"] == history["as_of"].max()]
    rows = newest.loc[newest.index.repeat(days)].reset_index(drop=True)
    back = np.tile(np.arange(days - 1, -1, -1), len(newest))
    draw = np.random.default_rng(0)
    moving = [name for name in rows if name.endswith("_score")]
    moved = {name: rows[name] + draw.normal(0, 2, len(rows)) for name in moving}
    return rows.assign(as_of=rows["as_of"] - pd.to_timedelta(back, unit="D"), **moved)


def timed(what: str, action: object) -> None:
    """Run, and print the seconds and the memory at most."""
    start, busy = time.perf_counter(), time.process_time()
    action()  # type: ignore[operator]
    spent, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {spent:.1f} s, processor {busy:.1f} s, {peak:.1f} GB at most so far")


def book(folder: Path) -> Watched:
    """The simulated book, scored."""
    streamed_project(WorldSettings(accounts=BOOK, months=MONTHS, seed=1), folder)
    project = load_project(folder)
    return watch(project, dict(book_of(project).document))


def main() -> None:
    """Make the book, and time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000)
    times = max(1, parser.parse_args().accounts // BOOK)
    with tempfile.TemporaryDirectory() as temporary:
        watched = book(Path(temporary))
    months, labels = repeated(watched.history, times), repeated(watched.labels, times)
    days = repeated(daily(watched.history, DAYS), times)
    declared, bands = declare(), watched.bands
    accounts = months["account_id"].nunique()
    timed(f"evaluate, {accounts:,} accounts, {len(months):,} monthly readings", lambda: evaluate(months, declared))
    timed(
        f"evaluate, {days['account_id'].nunique():,} active accounts, {len(days):,} daily readings",
        lambda: evaluate(days, declared, bands=bands),
    )
    timed(
        f"backtest, {len(months):,} monthly readings, 400 resamples",
        lambda: backtest_triggers(months, labels, watched.window, declared, bands=bands),
    )


if __name__ == "__main__":
    main()
