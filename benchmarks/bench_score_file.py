"""`churnbench score` from Parquet to Parquet, beside a hand-written DuckDB query and pandas.

    python -m benchmarks.bench_score_file                      # 2,000,000 rows x 12 metrics
    python -m benchmarks.bench_score_file --rows 10000000      # the full size; pandas needs some 8 GB of memory

All three write the same columns. Each runs in a process of its own; the smallest of three times counts, and the largest
memory. A book ten times as large shows whether memory follows the size of the file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import duckdb

from churnbench.export import build_document, score_file, write_document
from churnbench.export.kit_bodies import body, line, metric

METRICS = [f"m{k}" for k in range(12)]
DIMENSIONS = {"usage": METRICS[:4], "people": METRICS[4:8], "money": METRICS[8:]}
WEIGHTS = (4000, 3500, 2500)
KNOTS = ((0.0, 0.0), (0.2, 20.5), (0.5, 71.0), (0.8, 90.0), (1.0, 100.0))
RISK = ((0.0, 0.4), (50.0, 0.1), (100.0, 0.004))


def document() -> dict:
    metrics = [metric(name, {"kind": "piecewise", **line(*KNOTS)}) for name in METRICS]
    parts = {name: [(member, 2500) for member in members] for name, members in DIMENSIONS.items()}
    curve = line(*((x, p, p / 2, p * 1.2) for x, p in RISK))
    strata = [{"id": "all", **curve}]
    formula = body(metrics, parts, WEIGHTS, min_coverage=3000, risk_curve={"input": None, "strata": strata})
    return build_document(
        formula, config_id="bench", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )


def make_inputs(path: Path, rows: int) -> None:
    values = ", ".join(f"CASE WHEN random() < 0.05 THEN NULL ELSE random() END AS {name}" for name in METRICS)
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SELECT setseed(0.5)")
        connection.execute(f"COPY (SELECT range AS account_id, {values} FROM range({rows})) TO '{path}'")


def _double(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


def _height(x: str, points: tuple[tuple[float, float], ...]) -> str:
    first, last = points[0], points[-1]
    steps = [f"WHEN {x} < {_double(first[0])} THEN {_double(first[1])}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        slope = _double((y1 - y0) / (x1 - x0))
        steps.append(f"WHEN {x} < {_double(x1)} THEN {_double(y0)} + ({x} - {_double(x0)}) * {slope}")
    return f"CASE {' '.join(steps)} WHEN {x} >= {_double(last[0])} THEN {_double(last[1])} END"


def hand_query(source: Path, stamps: str) -> str:
    """What somebody who knows DuckDB and this one formula would write."""
    heights = ", ".join(f"{_height(name, KNOTS)} AS p_{name}" for name in METRICS)
    means, seen = [], []
    for name, members in DIMENSIONS.items():
        weights = " + ".join(f"(p_{m} IS NOT NULL)::DOUBLE" for m in members)
        means.append(f"({' + '.join(f'coalesce(p_{m}, 0)' for m in members)}) / nullif({weights}, 0) AS {name}")
        seen.append(f"({weights}) AS seen_{name}")
    pairs = list(zip(DIMENSIONS, WEIGHTS, strict=True))
    total = " + ".join(f"coalesce({w} * {name}, 0)" for name, w in pairs)
    weight = " + ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE {w} END" for name, w in pairs)
    coverage = " + ".join(f"{w / 4} * seen_{name}" for name, w in pairs)
    dimensions = ", ".join(f"floor({name} * 100 + 0.5) / 100 AS {name}_score" for name in DIMENSIONS)
    return f"""
      SELECT account_id, health_score_x100, health_score_x100 / 100.0::DOUBLE AS health_score,
        CASE WHEN health_score_x100 >= 8000 THEN 'green' WHEN health_score_x100 >= 6000 THEN 'yellow'
             WHEN health_score_x100 >= 0 THEN 'red' ELSE 'insufficient-data' END AS band,
        coverage_bp, floor({_height("total", RISK)} * 1e6 + 0.5) * 1e-6 AS churn_probability, {dimensions}, {stamps}
      FROM (SELECT *, CAST(floor(total * 100 + 0.5) AS BIGINT) AS health_score_x100 FROM (
        SELECT *, CASE WHEN coverage_bp >= 3000 THEN ({total}) / nullif({weight}, 0) END AS total FROM (
          SELECT *, CAST(floor({coverage} + 0.5) AS BIGINT) AS coverage_bp FROM (
            SELECT account_id, {", ".join(means)}, {", ".join(seen)} FROM (
              SELECT account_id, {heights} FROM '{source}')))))"""


def with_pandas(source: Path, target: Path, stamps: dict[str, str]) -> None:
    """The same in a notebook's pandas: np.interp, masked sums, cut."""
    import numpy as np
    import pandas as pd

    frame = pd.read_parquet(source)
    xs, ys = zip(*KNOTS, strict=True)
    total = pd.Series(0.0, index=frame.index)
    weight, covered = total.copy(), total.copy()
    scores = {}
    for (name, members), share in zip(DIMENSIONS.items(), WEIGHTS, strict=True):
        points = frame[members].apply(lambda column: pd.Series(np.interp(column, xs, ys), column.index))
        points = points.where(frame[members].notna())
        mean = points.mean(axis=1)
        scores[f"{name}_score"] = mean.round(2)
        total += (share * mean).fillna(0.0)
        weight += share * mean.notna()
        covered += share / 4 * points.notna().sum(axis=1)
    health = (total / weight).where(covered >= 3000)
    score = np.floor(health * 100 + 0.5)
    band = pd.cut(score, [-1, 5999, 7999, 10000], labels=["red", "yellow", "green"]).astype(object)
    result = pd.DataFrame(
        {
            "account_id": frame["account_id"],
            "health_score_x100": score.astype("Int64"),
            "health_score": score / 100,
            "band": band.fillna("insufficient-data"),
            "coverage_bp": np.floor(covered + 0.5).astype("int64"),
            "churn_probability": np.interp(health, *zip(*RISK, strict=True)),
            **scores,
            **stamps,
        }
    )
    result.to_parquet(target, index=False)


def run_one(way: str, folder: Path) -> None:
    """One way, in this process."""
    source, target = folder / "inputs.parquet", folder / f"{way}.parquet"
    config = json.loads((folder / "config.json").read_text())
    stamps = {"config_version": config["config_version"], "body_sha256": config["integrity"]["body_sha256"]}
    if way == "churnbench":
        score_file(folder / "config.json", source, target)
    elif way == "hand-written":
        written = ", ".join(f"'{value}' AS {name}" for name, value in stamps.items())
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"COPY ({hand_query(source, written)}) TO '{target}'")
    else:
        with_pandas(source, target, stamps)


def measured(way: str, folder: Path, repeats: int) -> tuple[float, float]:
    """Smallest seconds inside the process, without its imports, and largest memory in MB."""
    code = (
        "import sys, time, resource; from pathlib import Path; from benchmarks import bench_score_file as b\n"
        "import numpy, pandas, pyarrow.parquet\n"
        "t = time.perf_counter(); b.run_one(sys.argv[1], Path(sys.argv[2]))\n"
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    found = []
    for _ in range(repeats):
        command = [sys.executable, "-c", code, way, str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append([float(part) for part in done.stdout.split()])
    return min(seconds for seconds, _ in found), max(memory for _, memory in found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_score_file", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", default="hand-written,churnbench,pandas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_document(document(), folder / "config.json")
        make_inputs(folder / "inputs.parquet", options.rows)
        seconds: dict[str, float] = {}
        for way in options.ways.split(","):
            seconds[way], memory = measured(way, folder, options.repeats)
            print(f"{way:<13} {options.rows:>12,} rows {seconds[way]:8.2f} s {memory:8,.0f} MB at most", flush=True)
        for other in ("hand-written", "pandas"):
            if {other, "churnbench"} <= seconds.keys():
                print(f"churnbench takes {seconds['churnbench'] / seconds[other]:.2f} times as long as {other}")
        if {"hand-written", "churnbench"} <= seconds.keys():
            columns = "health_score_x100, band, coverage_bp"
            query = " EXCEPT ".join(
                f"SELECT account_id, {columns} FROM '{folder}/{way}.parquet'" for way in ("churnbench", "hand-written")
            )
            differing = duckdb.sql(f"SELECT count(*) FROM ({query})").fetchall()[0][0]
            print(f"rows whose score, band or coverage the hand-written query rounds differently: {differing:,}")


if __name__ == "__main__":
    main()
