"""The what-if of the review page in Chromium: size of the page, and time from a slider to everything redrawn.

Run `python -m benchmarks.bench_review [ACCOUNTS ...]` (2000, 10000 and 50000 by default; six monthly snapshots each).
Needs playwright and Chromium. The figures of a review take about a megabyte of a page; that much is left free for them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world, write_tables
from churnbench.export import build_document
from churnbench.formula import build_body, with_risk_curve
from churnbench.reports import Scenario, render_review
from churnbench.reports.interactive import what_if_data
from churnbench.reports.page import DATA

SNAPSHOTS = 6
MOVES = 41
TAKEN = 1_000_000
PROJECT = """[project]
name = "bench"

[data]
snapshots = "snapshots.csv"
outcomes = "outcomes.csv"
accounts = "accounts.csv"
"""
CURVE = [{"id": "all", "from": None, "to": None, "points": [[0, 0.4, 0.3, 0.5], [100, 0.005, 0.002, 0.01]]}]
MOVE = """(moves) => {
  const spent = [];
  for (let turn = 0; turn < moves; turn += 1) {
    review.what.setWeight(0, 2000 + turn * 120);
    review.redraw();
    spent.push(review.milliseconds);
  }
  spent.sort((one, other) => one - other);
  return { median: spent[moves >> 1], slowest: spent[moves - 1], rows: review.what.book.count };
}"""


def book(accounts: int, folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The last labelled snapshots of a simulated book, and today's formula for it."""
    write_tables(simulate_world(accounts, 14, 5, base_rate=0.03), folder)
    (folder / "churnbench.toml").write_text(PROJECT, encoding="utf-8")
    history = open_history(load_project(folder))
    labelled = history.cohort().labelled()
    rows = labelled[labelled["as_of"].isin(sorted(labelled["as_of"].unique())[-SNAPSHOTS:])]
    return rows, with_risk_curve(build_body(history.formula, labelled), CURVE)


def scenario(rows: pd.DataFrame, body: dict[str, Any]) -> Scenario:
    """Two formulas on one book: as declared, and with the weights of the dimensions turned round."""
    turned = deepcopy(body)
    default = turned["segments"]["default"]
    points = [weight for _, weight in reversed(default)]
    turned["segments"]["default"] = [[name, weight] for (name, _), weight in zip(default, points, strict=True)]
    documents = {
        name: build_document(
            made, config_id="bench", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
        )
        for name, made in (("incumbent", body), ("candidate", turned))
    }
    inputs = [entry["id"] for entry in documents["incumbent"]["inputs"]]
    columns = list(dict.fromkeys(["account_id", "as_of", "y", "arr", "segment", *inputs]))
    capacity = max(10, len(rows) // SNAPSHOTS // 20)
    return Scenario(rows[columns], documents, capacity, contact_cost=300.0, save_rate=0.3)


def page(made: Scenario) -> tuple[str, float, float]:
    """The page with as much room for accounts as beside a review's figures, its megabytes with them, and seconds."""
    evidence: dict[str, Any] = {"schema": 1, "verdict": "promote", "checks": []}
    empty = Scenario(made.rows.head(10), made.documents, 1)
    started = time.perf_counter()
    data = what_if_data(evidence, made, taken=TAKEN)
    seconds = time.perf_counter() - started
    whole = render_review(evidence, scenario=empty)
    text = re.sub(f"{DATA}.*?</script>", lambda _: f"{DATA}{data}</script>", whole, flags=re.DOTALL)
    return text, (TAKEN + len(data.encode())) / 1e6, seconds


def measured(path: Path) -> dict[str, Any]:
    """Milliseconds to open the what-if, and for one move of a slider until everything is laid out again."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHURNBENCH_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        session = opened.context.new_cdp_session(opened)
        started = time.perf_counter()
        opened.goto(path.as_uri())
        opened.wait_for_function("globalThis.review?.figures != null", timeout=120_000)
        ready = (time.perf_counter() - started) * 1000
        opened.get_by_role("tab", name="What if").click()
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def worked() -> float:
            figures = session.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in figures if one["name"] == "TaskDuration")) * 1000

        before = worked()
        found: dict[str, Any] = opened.evaluate(MOVE, MOVES)
        found |= {"processor": (worked() - before) / MOVES, "ready": ready}
        browser.close()
    return found


def main(sizes: list[int]) -> None:
    """One line per size of book."""
    print("| accounts | rows of the holdout | rows in the page | page, MB | packed in, s | ready, ms | "
          "a move, ms: median | slowest | processor |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for accounts in sizes:
        with TemporaryDirectory() as name:
            rows, body = book(accounts, Path(name))
            text, size, seconds = page(scenario(rows, body))
            path = Path(name) / "review.html"
            path.write_text(text, encoding="utf-8")
            found = measured(path)
            print(f"| {accounts:,} | {len(rows):,} | {found['rows']:,} | {size:.2f} | {seconds:.1f} | "
                  f"{found['ready']:.0f} | {found['median']:.0f} | {found['slowest']:.0f} | "
                  f"{found['processor']:.0f} |")  # fmt: skip


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [2_000, 10_000, 50_000])
