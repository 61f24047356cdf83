"""Scoring on Spark: the vectorised formula on batches against Spark SQL, at Spark's defaults and with a longer limit.

    python benchmarks/bench_spark.py                    # 1,000,000 rows, local[2]
    python benchmarks/bench_spark.py --rows 100000

Fifteen metrics in four dimensions, a risk curve, one missing value in ten. Each way is run to the end inside Spark
(every column is computed and dropped), best of `--repeat`, after one run that is not counted. The bar: "arrow" is at
least as fast as "columns" at defaults, a ratio of 1 or more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from churnbench.export import build_document
from churnbench.export.spark import score_spark
from churnbench.export.spark_engine import spark_session
from churnbench.formula import MetricCurve, body_from_curves, with_risk_curve

METRICS = 15
LIMIT = "spark.sql.codegen.hugeMethodLimit"
#: Way -> (how, limit of the bytecode that the JVM is asked to compile; None leaves Spark's).
WAYS = {"arrow": ("arrow", None), "columns": ("columns", None), f"columns, {LIMIT}=8000": ("columns", "8000")}


def document() -> dict[str, Any]:
    curves = []
    for k in range(METRICS):
        xs = np.linspace(0, 20, (2, 2, 7)[k % 3])
        points = list(zip(xs, 100 * (xs / 20) ** 0.5, strict=True))
        curves.append(MetricCurve(f"m{k}", f"x{k}", f"d{k % 4}", 1.0 + k, points=points))
    bands = [("red", 0.0), ("yellow", 60.0), ("green", 80.0)]
    body = body_from_curves(curves, [f"d{k}" for k in range(4)], bands, 5000)
    risk = [[float(s), 0.9 - 0.008 * s, 0.0, 1.0] for s in range(0, 101, 5)]
    body = with_risk_curve(body, [{"id": "all", "points": risk}])
    lifecycle = {"created": "2026-01-01"}
    return build_document(body, config_id="bench", config_version="1.0.0", sequence=1, lifecycle=lifecycle)


def write_rows(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {"account_id": np.arange(rows)}
    for k in range(METRICS):
        columns[f"x{k}"] = pa.array(rng.uniform(-1, 22, rows), mask=rng.random(rows) < 0.1)
    pq.write_table(pa.table(columns), path, row_group_size=max(1, rows // 4))


def best(run: Callable[[], None], repeat: int) -> float:
    run()
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--repeat", type=int, default=3)
    chosen = options.parse_args()
    spark, config = spark_session(), document()
    usual = spark.conf.get(LIMIT)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder) / "rows.parquet", chosen.rows)
        frame = spark.read.parquet(str(Path(folder) / "rows.parquet"))
        for way, (how, limit) in WAYS.items():
            spark.conf.set(LIMIT, limit or usual)

            def run(how: Any = how) -> None:
                score_spark(frame, config, how).write.format("noop").mode("overwrite").save()

            found[way] = best(run, chosen.repeat)
            print(f"{way:<48} {found[way]:7.2f} s   {chosen.rows / found[way]:12,.0f} rows/s", flush=True)
    print(f"ratio columns / arrow at defaults {found['columns'] / found['arrow']:6.2f}   (bar: 1)")


if __name__ == "__main__":
    main()
