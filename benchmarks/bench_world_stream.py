"""Streaming a world's fact tables to Parquet against collecting them in pandas and writing them at the end.

    python benchmarks/bench_world_stream.py                                                  # small
    python benchmarks/bench_world_stream.py --accounts 200000 --months 24 --events 20 --only stream

Both ways draw the same accounts and write the same facts, each in a process of its own, so that peak memory is
its own too; the number of rows must agree. The files are deleted afterwards.
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

import pandas as pd
import pyarrow as pa

from churnbench.data.world_chunk import iter_chunks
from churnbench.data.world_facts import FactKnobs, iter_facts, write_facts
from churnbench.data.world_facts_tables import FACT_TABLES
from churnbench.data.world_settings import WorldSettings


def stream(settings: WorldSettings, knobs: FactKnobs, out: Path) -> dict[str, int]:
    rows = dict.fromkeys(FACT_TABLES, 0)
    for chunk in iter_chunks(settings):
        for table, count in write_facts(chunk, out, knobs).items():
            rows[table] += count
    return rows


def concat(settings: WorldSettings, knobs: FactKnobs, out: Path) -> dict[str, int]:
    """The plain way: one frame per part, all frames one below the other, one file per table."""
    parts: dict[str, list[pd.DataFrame]] = {table: [] for table in FACT_TABLES}
    for chunk in iter_chunks(settings):
        for table, part in iter_facts(chunk, knobs):
            parts[table].append(_plain(part).to_pandas())
    rows = {}
    for table, frames in parts.items():
        frame = pd.concat(frames, ignore_index=True)
        frame.to_parquet(out / f"{table}.parquet", index=False, compression="zstd")
        rows[table] = len(frame)
    return rows


def _plain(part: pa.Table) -> pa.Table:
    """Text as text: categories of different parts do not fit one below the other."""
    plain = [pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in part.schema]
    return part.cast(pa.schema(plain))


WAYS = {"stream": stream, "concat": concat}


def run_one(way: str, chosen: argparse.Namespace) -> None:
    settings = WorldSettings(accounts=chosen.accounts, months=chosen.months, seed=chosen.seed)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        began = time.perf_counter()
        rows = WAYS[way](settings, FactKnobs(chosen.events), Path(name))
        told = {
            "seconds": time.perf_counter() - began,
            "cpu_seconds": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "bytes": sum(file.stat().st_size for file in Path(name).rglob("*.parquet")),
            "event_bytes": sum(
                file.stat().st_size for file in Path(name).rglob("*.parquet") if "product_events" in str(file)
            ),
            "rows": rows,
        }
    print(json.dumps(told))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accounts", type=int, default=12_000)
    options.add_argument("--months", type=int, default=12)
    options.add_argument("--events", type=int, default=25, help="product events per account and month")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--folder", type=Path, help="where the files go for a while; default: the temporary folder")
    options.add_argument("--only", choices=list(WAYS), help="measure one way, without the comparison")
    options.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.way:
        run_one(chosen.way, chosen)
        return
    best = {}
    for way in [chosen.only] if chosen.only else WAYS:
        command = [sys.executable, __file__, "--way", way, *sys.argv[1:]]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        best[way] = told
        events, facts = told["rows"]["product_events"], sum(told["rows"].values())
        print(
            f"{way:<8} {told['seconds']:8.1f} s ({told['cpu_seconds']:.1f} s of CPU)   peak {told['peak_mb']:6.0f} MB"
            f"   {events:,} product events of {facts:,} facts, {told['bytes'] / 1e6:,.0f} MB "
            f"({told['event_bytes'] / events:.1f} bytes per product event)"
        )
    if len(best) == 2:
        if best["stream"]["rows"] != best["concat"]["rows"]:
            sys.exit("both ways must write the same facts")
        for what, key in (("CPU time", "cpu_seconds"), ("peak memory", "peak_mb")):
            print(f"stream / concat, {what}: {best['stream'][key] / best['concat'][key]:.2f}")


if __name__ == "__main__":
    main()
