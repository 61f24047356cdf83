"""The score history at size: a day of 20,000 accounts appended, and one account read from five years of daily scores.

Run `python -m benchmarks.bench_history [ACCOUNTS] [DAYS] [PLACE]` (20,000 accounts, 1,826 days, a temporary folder).
The five years are generated as files of raw days and then compacted as `churnbench history compact` does; scores in
them are random, which costs the reader the same. A PLACE that holds them already is used again; it may be a folder or
an empty schema of a PostgreSQL database (postgresql://...?options=-csearch_path%3DNAME), whose rows are inserted day by
day, as they arrive in use. Beside wall-clock time stands processor time of this process, which other work on the
machine does not lengthen.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from benchmarks.bench_scorer import METRICS, formula

from churnbench.export import build_document, write_document
from churnbench.history import ScoreStore, open_store, score_day, with_velocity
from churnbench.history.backend import COLUMNS, Wanted
from churnbench.history.manifest import Manifest, Part, read_manifest, write_manifest

LAST = date(2025, 12, 31)


def generate(folder: Path, document: dict, accounts: int, days: int) -> None:
    """Write random readings up to `LAST`, a file per month."""
    body = document["integrity"]["body_sha256"]
    write_document(document, folder / "documents" / f"{body}.json")
    (folder / "days").mkdir(parents=True, exist_ok=True)
    first, parts = LAST - timedelta(days=days - 1), []
    # One decimal: what a share in per cent or a mean of seven days looks like.
    numbers = ", ".join(f"round(random(), {1 + k % 3})" for k in range(METRICS))
    months = pd.period_range(first, LAST, freq="M")
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for month in months:
            low, high = max(first, month.start_time.date()), min(LAST, month.end_time.date())
            name = f"days/{month}-000000000000.parquet"
            connection.execute(
                f"COPY (SELECT {COLUMNS} FROM (SELECT printf('A%05d', a) AS account_id, "
                f"CAST(DATE '{low}' + CAST(d AS INTEGER) AS DATE) AS as_of, '{body}' AS body_sha256, "
                "'1.0.0' AS config_version, 1::BIGINT AS sequence, s::INTEGER AS health_score_x100, "
                "CASE WHEN s < 6000 THEN 'red' WHEN s < 8000 THEN 'yellow' ELSE 'green' END AS calculated_band, "
                "calculated_band AS held_band, 9000::INTEGER AS coverage_bp, s / 20000 AS churn_probability, "
                "'SMB' AS segment, printf('csm-%d', a % 40) AS csm, a * 10.0 AS arr, NULL::VARCHAR AS parent_id, "
                "DATE '2026-06-30' AS renewal_on, [s::INTEGER, s::INTEGER, s::INTEGER, s::INTEGER] AS dimensions_x100, "
                f"[{numbers}]::DOUBLE[] AS numbers, []::VARCHAR[] AS texts, d::BIGINT AS appended, "
                f"TIMESTAMP '{high}' AS appended_at, NULL::VARCHAR AS late_reason FROM "
                f"(SELECT a, d, floor(random() * 10001) AS s FROM range({accounts}) AS x(a), "
                f"range({(high - low).days + 1}) AS y(d)))  ORDER BY account_id, as_of) "
                f"TO '{folder / name}' (FORMAT parquet, COMPRESSION zstd)"
            )
            parts.append(Part(name, f"{low}", f"{high}", accounts * ((high - low).days + 1), (body,)))
    write_manifest(folder, Manifest(days, tuple(parts)))


def timed(action: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    found = action()
    return time.perf_counter() - started, found


def inputs(accounts: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    values = {f"x{k}": np.where(rng.random(accounts) < 0.1, np.nan, rng.random(accounts)) for k in range(METRICS)}
    return pd.DataFrame({"account_id": [f"A{k:05d}" for k in range(accounts)], **values, "arr": 100.0})


COLD = """
import sys, time
from churnbench.history import open_store
started = time.perf_counter()
store = open_store(sys.argv[1])
rows = len(store.history([sys.argv[2]]))
print(rows, time.perf_counter() - started)
"""


def fill_postgres(address: str, document: dict, accounts: int, days: int) -> None:
    """Insert random readings up to `LAST`, in the order of the days."""
    import psycopg

    body, first = document["integrity"]["body_sha256"], LAST - timedelta(days=days - 1)
    numbers = ", ".join(f"round(random()::numeric, {1 + k % 3})" for k in range(METRICS))
    query = (
        f"INSERT INTO churnbench_history ({COLUMNS}) SELECT 'A' || lpad(a::text, 5, '0'), DATE '{first}' + d, "
        f"'{body}', '1.0.0', 1, s, CASE WHEN s < 6000 THEN 'red' WHEN s < 8000 THEN 'yellow' ELSE 'green' END, "
        "CASE WHEN s < 6000 THEN 'red' WHEN s < 8000 THEN 'yellow' ELSE 'green' END, 9000, s / 20000.0, 'SMB', "
        f"'csm-' || a % 40, a * 10.0, NULL, DATE '2026-06-30', ARRAY[s, s, s, s], ARRAY[{numbers}]::float8[], "
        f"ARRAY[]::text[], d, TIMESTAMP '{LAST}', NULL FROM (SELECT d, a, floor(random() * 10001)::int AS s FROM "
        f"generate_series(0, {days - 1}) AS x(d), generate_series(0, {accounts - 1}) AS y(a)) AS drawn ORDER BY d, a"
    )
    with open_store(address) as store, store._backend.writing():
        store._backend.keep(document)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(query.encode())
        connection.execute(b"ANALYZE churnbench_history")


def prepare(place: str, document: dict, accounts: int, days: int) -> None:
    """Fill a place that is empty, compact a folder, and say what is there."""
    if "://" in place:
        with open_store(place) as store:
            empty = store.newest() is None
        if empty:
            seconds, _ = timed(lambda: fill_postgres(place, document, accounts, days))
            print(f"filled in {seconds:.0f} s")
        print(f"{accounts * days:,} readings of {METRICS} metrics in PostgreSQL")
        return
    folder = Path(place)
    if not read_manifest(folder).parts:
        seconds, _ = timed(lambda: generate(folder, document, accounts, days))
        print(f"generated in {seconds:.0f} s")
    with open_store(folder) as store:
        seconds, done = timed(store.compact)
        print(f"compaction: {seconds:.0f} s, {done}")
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e9
    parts = read_manifest(folder).parts
    print(f"{sum(part.rows for part in parts):,} readings of {METRICS} metrics in {len(parts)} files, {size:.2f} GB")


def look_up(store: ScoreStore, place: str, accounts: int) -> None:
    """One account at a time, warm and in a new process."""
    chosen = [f"A{k:05d}" for k in np.random.default_rng(2).integers(0, accounts, 30)]
    for what, read in (
        ("as stored (Arrow)", lambda account: store._backend.rows(Wanted((account,)))),
        ("as a history (pandas)", lambda account: store.history([account])),
    ):
        busy, spent, rows = [], [], 0
        for account in chosen:
            started = time.process_time()
            seconds, found = timed(lambda account=account, read=read: len(read(account)))
            busy.append(1000 * (time.process_time() - started))
            spent.append(1000 * seconds)
            rows = found
        busy, spent = sorted(busy), sorted(spent)
        print(
            f"one account {what}, {rows:,} readings: median {spent[15]:.0f} ms, slowest {spent[-1]:.0f} ms; "
            f"processor {busy[15]:.0f} ms"
        )
    cold = subprocess.run(
        [sys.executable, "-c", COLD, place, chosen[0]], check=True, capture_output=True, text=True
    ).stdout.split()
    print(f"the first account of a new process: {1000 * float(cold[1]):.0f} ms (imports not counted)")


def next_day(store: ScoreStore, document: dict, accounts: int) -> None:
    """What a day costs, and a look at all accounts."""
    on, given = (store.newest() or LAST) + timedelta(days=1), inputs(accounts)
    seconds, state = timed(lambda: store.state(on))
    print(f"bands in force of {accounts:,} accounts: {seconds:.2f} s")
    seconds, day = timed(lambda: score_day(document, given, on, state=state))  # type: ignore[arg-type]
    print(f"score_day: {seconds:.2f} s")
    seconds, _ = timed(lambda: store.append(document, day, today=on))  # type: ignore[arg-type]
    print(f"append: {seconds:.2f} s")
    seconds, _ = timed(lambda: store.append(document, day, today=on))  # type: ignore[arg-type]
    print(f"the same again (nothing to do): {seconds:.2f} s")
    seconds, month = timed(lambda: store.history(since=on - timedelta(days=61)))
    print(f"all accounts of 62 days, {len(month):,} readings: {seconds:.2f} s")  # type: ignore[arg-type]
    seconds, _ = timed(lambda: with_velocity(month))  # type: ignore[arg-type]
    print(f"their velocity: {seconds:.2f} s")
    seconds, _ = timed(store.compact)
    print(f"compaction of the new day: {seconds:.2f} s")


def main() -> None:
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 1826
    document = build_document(
        formula(), config_id="core", config_version="1.0.0", sequence=1, lifecycle={"created": "2020-01-01"}
    )
    with tempfile.TemporaryDirectory() as scratch:
        place = sys.argv[3] if len(sys.argv) > 3 else scratch
        prepare(place, document, accounts, days)
        with open_store(place) as store:
            look_up(store, place, accounts)
            next_day(store, document, accounts)


if __name__ == "__main__":
    main()
