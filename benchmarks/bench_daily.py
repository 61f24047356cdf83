"""One day of use for a whole book: score, append, triggers, reports.

    python -m benchmarks.bench_daily                     # 20,000 accounts
    python -m benchmarks.bench_daily --accounts 2000     # a quick look

A simulated book of month ends, whose history the store already holds: every month end of the year before, and each day
of the last weeks (the month's inputs, moved a little each day, so that nothing compresses away). Timed is what
`churnbench daily` does on the next day, in a process of its own. Beside it, for scale: reading the project alone.

Target: under 60 s for 20,000 accounts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.data.simulate_demo import streamed_project
from churnbench.data.world_settings import WorldSettings
from churnbench.export import write_document
from churnbench.history import open_store, score_day
from churnbench.workflow.health_book import book_of
from churnbench.workflow.score_frames import with_attributes

DAYS, LAST = 60, date(2025, 12, 31)
REASON = "Made for a benchmark"
_RUN = """
import json, sys, time
from datetime import date
from pathlib import Path
from churnbench.data.project import load_project
from churnbench.workflow.daily import run_day
folder = Path(sys.argv[1])
start = time.perf_counter()
day = run_day(load_project(folder / "book"), folder / "out", today=date(2026, 1, 1), config=folder / "config.json",
              store=folder / "history")
print(json.dumps({"seconds": time.perf_counter() - start, "added": day.appended.added,
                  "alerts": len(day.alerts.open_records), "files": len(day.files)}))
"""


def fill(folder: Path) -> None:
    """A store with the month ends of a year and each day of the last weeks before the last snapshot."""
    project = load_project(folder / "book")
    document = dict(book_of(project).document)
    write_document(document, folder / "config.json")
    history = open_history(project)
    rows, accounts = history.cohort().frame, history.accounts
    history.close()
    metrics = [entry["id"] for entry in document["inputs"] if entry["id"] in rows and rows[entry["id"]].dtype == float]
    draw = np.random.default_rng(0)
    days = [day.date() for day in sorted(rows["as_of"].unique()) if day.date() < LAST - timedelta(days=DAYS)]
    days += [LAST - timedelta(days=back) for back in range(DAYS, 0, -1)]
    with open_store(folder / "history") as store:
        for day in days:
            known = rows[rows["as_of"].dt.date <= day]
            inputs = known[known["as_of"] == known["as_of"].max()].drop(columns=["as_of", "churned_on"])
            inputs[metrics] = inputs[metrics] * (1 + 0.01 * draw.standard_normal((len(inputs), len(metrics))))
            inputs = with_attributes(inputs.assign(as_of=np.datetime64(day)), accounts).drop(columns="as_of")
            readings = score_day(document, inputs, day, state=store.state(day))
            store.append(document, readings, today=LAST, reason=REASON)
        store.compact()


def main() -> None:
    """Fill, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000)
    accounts = parser.parse_args().accounts
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        streamed_project(WorldSettings(accounts=accounts, months=14, seed=1), folder / "book")
        fill(folder)
        start = time.perf_counter()
        history = open_history(load_project(folder / "book"))
        history.cohort()
        history.close()
        reading = time.perf_counter() - start
        done = subprocess.run([sys.executable, "-c", _RUN, str(folder)], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
    print(
        f"{found['added']:,} accounts: {found['seconds']:.1f} s (target 60 s for 20,000), {found['alerts']:,} alerts "
        f"open, {found['files']} files; reading the project alone {reading:.1f} s"
    )


if __name__ == "__main__":
    main()
