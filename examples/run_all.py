"""Runs churnbench on every example and writes docs/examples.md from the files that the runs leave.

Run from the root of the project: python -m examples.run_all [--data DIR] [--out DIR] [NAME ...]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from examples.data_folder import ROOT, MissingData, build_folder, default_data
from sklearn.metrics import log_loss, roc_auc_score

#: Folder of each example and what it is, in the order of the report.
EXAMPLES: dict[str, str] = {
    "online_retail_ii": "real invoices of a wholesaler; churn is 90 days without a purchase",
    "completejourney": "real baskets of a grocery chain; churn is 45 days without a purchase",
    "ibm_telco": "fictional telephone customers; one table without dates",
    "pysurvival_saas": "tutorial set of software accounts; one table without dates",
    "ravenstack": "synthetic, messy, and without any signal",
}
DERIVATIONS = ("shap_share", "shap_slope", "distilled", "anchored")
DOC = ROOT / "docs" / "examples.md"


@dataclass(frozen=True)
class Outcome:
    """What one run left.

    Attributes:
        name: folder of the example.
        notes: what the preparation noticed.
        figures: contender -> auc, log_loss, lift; recomputed from holdout_scores.parquet.
        evidence: evidence.json.
        events: distinct accounts with a positive label on the holdout; rows: labelled rows there.
        seconds: wall time of the run.
    """

    name: str
    notes: list[str]
    figures: dict[str, dict[str, float]]
    evidence: dict[str, Any]
    events: int
    rows: int
    seconds: float


def lift_at_tenth(y: np.ndarray, p: np.ndarray) -> float:
    """Churn rate in the riskiest tenth of the rows over the overall rate; ties share their rows evenly."""
    k = len(y) / 10.0
    order = pd.DataFrame({"y": y, "p": p}).groupby("p")["y"].agg(["sum", "size"]).iloc[::-1]
    before = order["size"].cumsum() - order["size"]
    taken = np.clip((k - before) / order["size"], 0.0, 1.0)
    return float((order["sum"] * taken).sum() / k / y.mean())


def recompute(scores: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Holdout figures of every contender, from the scores alone."""
    figures: dict[str, dict[str, float]] = {}
    for column in [name for name in scores if name.endswith(".churn_probability")]:
        known = scores[column].notna() & scores["y"].notna()
        y, p = scores["y"][known].to_numpy(float), scores[column][known].to_numpy(float)
        if len(np.unique(y)) == 2:
            figures[column.removesuffix(".churn_probability")] = {
                "auc": float(roc_auc_score(y, p)),
                "log_loss": float(log_loss(y, np.clip(p, 1e-15, 1 - 1e-15))),
                "lift": lift_at_tenth(y, p),
            }
    return figures


def gap_closed(figures: dict[str, dict[str, float]], contender: str) -> float | None:
    """Share of the AUC gap from hand formula to LightGBM that is closed; None for a gap below 0.01."""
    gap = figures["lightgbm"]["auc"] - figures["incumbent"]["auc"]
    return None if gap < 0.01 else (figures[contender]["auc"] - figures["incumbent"]["auc"]) / gap


def closed_by(outcome: Outcome, contender: str) -> float | None:
    """The gap closed, or None where LightGBM itself does not rank better than chance: there is no gap to speak of."""
    interval = outcome.evidence["contenders"]["lightgbm"]["holdout"]["auc"]["ci90"]
    if interval is None or interval[0] <= 0.5:
        return None
    return gap_closed(outcome.figures, contender)


def run_example(name: str, data: Path, out: Path, seed: int) -> Outcome:
    """Prepare one example, run churnbench on it in a process of its own, and read what it left."""
    module = importlib.import_module(f"examples.{name}.prepare")
    notes: list[str] = module.prepare(data, build_folder(name))
    target = out / name
    command = [sys.executable, "-m", "churnbench.cli.main", "run", str(ROOT / "examples" / name)]
    command += ["--out", str(target), "--seed", str(seed)]
    began = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    finished = subprocess.run(command, check=False, env=environment)  # noqa: S603 - our own command
    seconds = time.perf_counter() - began
    if finished.returncode not in (0, 3):
        raise SystemExit(f"{name}: churnbench run ended with {finished.returncode}")
    evidence = json.loads((target / "evidence.json").read_text("utf-8"))
    scored = target / "holdout_scores.parquet"
    if not scored.exists():  # a blocked run may leave none
        return Outcome(name, notes, {}, evidence, 0, 0, seconds)
    scores = pd.read_parquet(scored)
    events = scores.loc[scores["y"] == 1, "account_id"].nunique()
    return Outcome(name, notes, recompute(scores), evidence, events, int(scores["y"].notna().sum()), seconds)


def section(outcome: Outcome) -> list[str]:
    """The part of the report about one example."""
    evidence = outcome.evidence
    lines = [f"## {outcome.name}", "", f"{EXAMPLES[outcome.name].capitalize()}.", ""]
    lines += [f"- {note}" for note in outcome.notes]
    lines += [
        f"- Holdout: {outcome.rows:,} rows, {outcome.events:,} churned accounts. Claim level: "
        f"{evidence['claim_level']}. Verdict: **{evidence['verdict']}**. {outcome.seconds:.0f} s.",
        "",
    ]
    for key in ("verdict_sentence", "verdict_reason"):
        if evidence.get(key):
            lines += [str(evidence[key]), ""]
    drift = evidence.get("drift")
    if isinstance(drift, dict):
        lines += [f"**Drift.** {drift['sentence']}", "", *calibration_by_fold(evidence), ""]
    lines += [f"- {warning}" for warning in evidence.get("warnings") or []]
    lines += [""]
    if "incumbent" not in outcome.figures:
        return [*lines, "No holdout figures: the run was blocked or the data do not suffice.", ""]
    lines += [
        "| contender | AUC | log loss | lift in the riskiest tenth | gap closed |",
        "|---|---:|---:|---:|---:|",
    ]
    for contender, row in sorted(outcome.figures.items(), key=lambda item: -item[1]["auc"]):
        share = closed_by(outcome, contender) if contender in DERIVATIONS else None
        closed = "" if contender not in DERIVATIONS else "no gap" if share is None else f"{share:.0%}"
        lines.append(f"| {contender} | {row['auc']:.3f} | {row['log_loss']:.4f} | {row['lift']:.2f} | {closed} |")
    return [*lines, ""]


def calibration_by_fold(evidence: Mapping[str, Any]) -> list[str]:
    """What the drift does to probabilities: slope and observed over expected, earlier folds beside the holdout."""
    lines = [
        "| contender | calibration slope, earlier folds | holdout | observed / expected, earlier folds | holdout |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in ("incumbent", "anchored", "lightgbm"):
        entry = evidence["contenders"][name]
        cells = []
        for measure in ("calibration_slope", "observed_over_expected"):
            for period in ("walk_forward", "holdout"):
                figure = (entry[period] or {}).get(measure, {"value": None, "ci90": None})
                interval = figure["ci90"]
                known = "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"
                cells.append("n/a" if figure["value"] is None else f"{figure['value']:.2f}{known}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """One line per example: the hand formula, each derivation, the ceiling."""
    lines = [
        "| example | hand | LightGBM | " + " | ".join(DERIVATIONS) + " | verdict | seconds |",
        "|---|---:|---:|" + "---:|" * len(DERIVATIONS) + "---|---:|",
    ]
    for one in outcomes:
        if "incumbent" not in one.figures or "lightgbm" not in one.figures:
            lines.append(
                f"| {one.name} | | |" + " |" * len(DERIVATIONS) + f" {one.evidence['verdict']} | {one.seconds:.0f} |"
            )
            continue
        shares = [closed_by(one, name) if name in one.figures else None for name in DERIVATIONS]
        cells = " | ".join("no gap" if share is None else f"{share:.0%}" for share in shares)
        auc = one.figures
        lines.append(
            f"| {one.name} | {auc['incumbent']['auc']:.3f} | {auc['lightgbm']['auc']:.3f} | {cells} "
            f"| {one.evidence['verdict']} | {one.seconds:.0f} |"
        )
    return lines


def report(outcomes: Sequence[Outcome], skipped: Sequence[str], seed: int) -> str:
    """docs/examples.md."""
    lines = [
        "# churnbench on open data",
        "",
        f"Made by `python -m examples.run_all --seed {seed}`; do not edit. Every figure is recomputed from "
        "`holdout_scores.parquet` with scikit-learn, not copied from the evidence. The hand formulas were set "
        "from judgement, without a look at how any metric in them relates to the outcome.",
        "",
        "Columns named after a derivation: share of the holdout AUC gap from the hand formula to LightGBM "
        'that it closes; "no gap" where LightGBM is less than 0.01 above the hand formula, or not better than chance.',
        "",
        *summary(outcomes),
        "",
    ]
    for one in outcomes:
        lines += section(one)
    if skipped:
        lines += ["## Skipped", "", *[f"- {reason}" for reason in skipped], ""]
    return "\n".join(lines)


def main() -> int:
    """Run the examples named, or all."""
    parser = argparse.ArgumentParser(description="Runs churnbench on the examples and writes docs/examples.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(EXAMPLES)}; default all")
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of the open data sets")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "examples", help="folder for the runs")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in EXAMPLES]
    if unknown:
        parser.error(f"{unknown[0]} is not an example; known are {', '.join(EXAMPLES)}")
    outcomes: list[Outcome] = []
    skipped: list[str] = []
    for name in arguments.names or EXAMPLES:
        print(f"{name} ...", flush=True)
        try:
            outcomes.append(run_example(name, arguments.data, arguments.out, arguments.seed))
        except MissingData as missing:
            skipped.append(f"{name}: {missing}")
            print(f"{name}: skipped. {missing}")
    if not outcomes:
        print("Nothing was run; docs/examples.md is left as it is.")
        return 0
    text = report(outcomes, skipped, arguments.seed)
    if arguments.names:  # a partial run would drop the other examples from the document
        print(text)
    else:
        DOC.write_text(text, encoding="utf-8")
        print(f"wrote {DOC.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
