"""How fast the score is: import, one account, a frame against plain pandas, SQL against NumPy.

Run `python benchmarks/bench_scorer.py [rows]`. Figures go to stdout; each is the best of three.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from churnbench.export import build_document, to_sql
from churnbench.formula import MetricCurve, body_from_curves, score_frame, with_risk_curve
from churnbench_scorer import load

METRICS = 15


def formula() -> dict:
    knots = [2, 2, 7, 7, 13]
    curves = []
    for k in range(METRICS):
        xs = np.linspace(0, 1, knots[k % 5])
        points = list(zip(xs, 100 * xs**0.5, strict=True))
        curves.append(MetricCurve(f"m{k}", f"x{k}", f"d{k % 4}", 1.0 + k, points=points))
    bands = [("red", 0.0), ("yellow", 60.0), ("green", 80.0)]
    body = body_from_curves(curves, ["d0", "d1", "d2", "d3"], bands, 5000)
    risk = [[float(s), 0.9 - 0.008 * s, 0.0, 1.0] for s in range(0, 101, 5)]
    return with_risk_curve(body, [{"id": "all", "points": risk}])


def rows_of(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    values = {f"x{k}": np.where(rng.random(count) < 0.1, np.nan, rng.random(count)) for k in range(METRICS)}
    return pd.DataFrame({"account_id": np.arange(count), **values})


def best(action: Callable[[], object], repeats: int = 3) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def import_seconds() -> float:
    code = "import time; t = time.perf_counter(); import churnbench_scorer; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    return min(float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3))


def with_interp(body: dict, frame: pd.DataFrame) -> pd.Series:
    """The same score the way a notebook would write it: np.interp, masks and pandas sums."""
    rules = {metric["id"]: metric for metric in body["metrics"]}
    total, weights = pd.Series(0.0, frame.index), pd.Series(0.0, frame.index)
    for dimension, (_, share) in zip(body["dimensions"], body["segments"]["default"], strict=True):
        points = pd.DataFrame(index=frame.index)
        for name, _ in dimension["weights"]:
            knots = np.array(rules[name]["rule"]["points"])
            x = frame[rules[name]["input"]]
            points[name] = pd.Series(np.interp(x, knots[:, 0], knots[:, 1]), frame.index).where(x.notna())
        weight = pd.Series(dict(dimension["weights"]))
        mean = (points * weight).sum(axis=1) / (points.notna() * weight).sum(axis=1)
        total += (mean * share).fillna(0.0)
        weights += mean.notna() * share
    return total / weights


def main(count: int) -> None:
    body = formula()
    document = build_document(
        body, config_id="bench", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )
    frame, scorer = rows_of(count), load(document)
    accounts = frame.drop(columns="account_id").head(20_000).to_dict("records")
    print(f"import                     {import_seconds() * 1e3:8.2f} ms")
    print(f"load, {len(document['golden'])} golden vectors   {best(lambda: load(document)) * 1e3:8.2f} ms")
    one = best(lambda: [scorer.score(row) for row in accounts]) / len(accounts)
    print(f"one account                {one * 1e6:8.2f} us")
    explained = best(lambda: [scorer.score(row).contributions for row in accounts[:5000]]) / 5000
    print(f"one account, explained     {explained * 1e6:8.2f} us")
    ours = best(lambda: score_frame(body, frame))
    print(f"score_frame                {ours:8.2f} s   {count / ours / 1e6:6.2f} M rows/s")
    interp = best(lambda: with_interp(body, frame))
    print(f"np.interp + pandas         {interp:8.2f} s   {interp / ours:6.1f} times as long")
    applied = frame.head(10_000)
    slow = best(lambda: applied.apply(lambda row: scorer.score(row.to_dict(), "ignore"), axis=1), 1)
    print(
        f"pandas apply (projected)   {slow * count / 10_000:8.2f} s   {slow * count / 10_000 / ours:6.1f} times as long"
    )
    table, query = pa.Table.from_pandas(frame, preserve_index=False), to_sql(document, table="bench")
    with duckdb.connect() as connection:
        connection.register("bench", table)
        sql = best(lambda: connection.sql(query).to_arrow_table())
        found = connection.sql(query).to_arrow_table().to_pandas().sort_values("account_id")
    print(f"DuckDB SQL, Arrow in, out  {sql:8.2f} s   {sql / ours:6.1f} times as long")
    wanted = score_frame(body, frame)["health_score_x100"]
    equal = wanted.astype("float64").fillna(-1).to_numpy() == found["health_score_x100"].fillna(-1).to_numpy()
    print(f"rows where SQL differs     {int((~equal).sum()):8d}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
