"""Scores random rows on a Spark cluster in both ways and compares every output with the vectorised formula.

    python benchmarks/exact_spark.py                                  # 20,000 rows
    python benchmarks/exact_spark.py --rows 1000000 --bodies 20

Random formulas with every part of the format (hysteresis, segments, ramps, caps, maps, strata), random rows with NULL,
NaN, infinities, numbers next to knots, huge, tiny and negative ones, and odd texts. There is no tolerance, and a
missing value equals only a missing one. The cluster is a real one: a master and two workers on loopback.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import spark_cluster
import spark_rows


def compare(spark: Any, document: dict[str, Any], table: pa.Table, folder: Path) -> dict[str, int]:
    """Rows that differ, by way."""
    from churnbench.export.spark import score_spark

    wanted = spark_rows.expected(document, table)
    path = folder / "rows.parquet"
    pq.write_table(table, path, row_group_size=50_000)
    frame = spark.read.parquet(str(path))
    different = {}
    for how in ("arrow", "columns"):
        found = score_spark(frame, document, how).toArrow().sort_by("account_id")
        different[how] = spark_rows.rows_that_differ(wanted, found)
    return different


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--bodies", type=int, default=4)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    from churnbench.export.spark import ship

    spark = spark_cluster.started()
    ship(spark)
    began, total, scored = time.perf_counter(), {"arrow": 0, "columns": 0}, 0
    with tempfile.TemporaryDirectory() as name:
        for number in range(chosen.bodies):
            rng = Random(chosen.seed * 1000 + number)
            document, table = spark_rows.random_case(rng, chosen.rows // chosen.bodies)
            for how, count in compare(spark, document, table, Path(name)).items():
                total[how] += count
            scored += table.num_rows
            known = (
                table.num_rows - pc.sum(pc.is_null(spark_rows.expected(document, table)["health_score_x100"])).as_py()
            )
            print(
                f"formula {number + 1}: {table.num_rows:,} rows, {known:,} with a score, different {total}", flush=True
            )
    print(f"{scored:,} rows, {chosen.bodies} formulas, {time.perf_counter() - began:.0f} s")
    print("rows that differ: " + ", ".join(f"{how} {count}" for how, count in total.items()))
    sys.exit(1 if any(total.values()) else 0)


if __name__ == "__main__":
    main()
