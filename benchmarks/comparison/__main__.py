"""The command: fit, measure, draw, and write the numbers into docs/comparison.md.

python -m benchmarks.comparison                  # all sets, about ten minutes on one core
python -m benchmarks.comparison --full           # more repeats, EBM with its own defaults
python -m benchmarks.comparison --draw           # only page and figures, from docs/comparison.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.comparison.contest import fight
from benchmarks.comparison.figures import draw_all
from benchmarks.comparison.interactions import compound_story, strongest_pairs
from benchmarks.comparison.measures import Judge
from benchmarks.comparison.methods import ADDITIVE, CEILING, all_methods
from benchmarks.comparison.page import fill_page
from benchmarks.comparison.record import set_record, versions
from benchmarks.comparison.sets import SETS, OpenSet, open_set
from examples.data_folder import ROOT, MissingData, default_data

from churnbench.calibration import Training

DOCS = ROOT / "docs"


def compare(opened: OpenSet, arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything about one set."""
    methods = all_methods(full=arguments.full, outside=not arguments.no_rivals)
    fought = fight(opened, methods, halves=arguments.halves, say=lambda text: print(text, flush=True))
    judge = Judge(fought.rows, replicates=arguments.replicates, seed=arguments.seed)
    measured = judge.measure(list(methods))
    p = {name: fought.rows[name].to_numpy(dtype=float) for name in (ADDITIVE, CEILING)}
    additivity = {
        "auc": judge.area(p[CEILING]).minus(judge.area(p[ADDITIVE])).estimate(),
        "log_loss": judge.loss(p[ADDITIVE]).minus(judge.loss(p[CEILING])).estimate(),
    }
    training = Training.of(opened.cohort, opened.last_training, opened.spec, opened.settings)
    pairs = strongest_pairs(training, shown=3, replicates=arguments.replicates, pairs=arguments.pairs)
    return set_record(opened, methods, fought, measured, additivity, pairs, compound_story(training))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All sets asked for; those whose data are absent are named and left out."""
    begun = time.process_time()
    sets, skipped = [], []
    for name in arguments.names or SETS:
        started = time.process_time()
        try:
            opened = open_set(
                name,
                arguments.data,
                repeats=arguments.repeats,
                seed=arguments.seed,
                accounts=arguments.accounts,
            )
        except MissingData as missing:
            skipped.append(f"{name}: {missing}")
            continue
        sets.append({**compare(opened, arguments), "seconds": time.process_time() - started})
        print(f"{opened.title}: {sets[-1]['seconds']:.0f} processor seconds", flush=True)
    return {
        "settings": {
            key: getattr(arguments, key) for key in ("repeats", "halves", "replicates", "seed", "full", "accounts")
        },
        "versions": versions(),
        "seconds": time.process_time() - begun,
        "skipped": skipped,
        "sets": sets,
    }


def collect(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Runs of single sets as one, in the order of the page.

    Raises:
        SystemExit: the runs differ in settings or versions, so that their numbers do not belong on one page.
    """
    first = parts[0]
    if any((part["settings"], part["versions"]) != (first["settings"], first["versions"]) for part in parts):
        raise SystemExit("these runs differ in settings or versions and cannot share a page")
    sets = {one["name"]: one for part in parts for one in part["sets"]}
    return {
        **first,
        "seconds": sum(part["seconds"] for part in parts),
        "skipped": [reason for part in parts for reason in part["skipped"]],
        "sets": [sets[name] for name in (*SETS, *sorted(set(sets) - set(SETS))) if name in sets],
    }


def parse(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="SET", help=f"any of {', '.join(SETS)}; default all")
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of the open data sets")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of comparison.md, comparison.json and images")
    parser.add_argument("--full", action="store_true", help="five repeats, ten pairs of halves, EBM defaults")
    parser.add_argument("--draw", action="store_true", help="draw page and figures from comparison.json; fit nothing")
    parser.add_argument(
        "--collect", type=Path, nargs="+", metavar="FOLDER", help="join runs of single sets; fit nothing"
    )
    parser.add_argument("--no-rivals", action="store_true", help="leave out EBM and the scorecard")
    parser.add_argument("--repeats", type=int, help="cross-validations of each undated table (2)")
    parser.add_argument("--halves", type=int, help="pairs of halves for stability (3)")
    parser.add_argument("--replicates", type=int, default=1000, help="account resamples for intervals")
    parser.add_argument("--accounts", type=int, help="draw so many accounts of each set, for a quick look")
    parser.add_argument("--pairs", type=int, help="look at so many pairs of metrics only, for a quick look")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(words)
    unknown = [name for name in arguments.names if name not in SETS]
    if unknown:
        parser.error(f"{unknown[0]} is not a set; known are {', '.join(SETS)}")
    if (arguments.names or arguments.accounts) and arguments.docs.resolve() == DOCS:
        parser.error("a partial run would replace the page of all sets; give --docs FOLDER")
    arguments.repeats = arguments.repeats or (5 if arguments.full else 2)
    arguments.halves = (10 if arguments.full else 3) if arguments.halves is None else arguments.halves
    return arguments


def main(words: list[str]) -> int:
    """Run, or draw again what was run."""
    arguments = parse(words)
    stored = arguments.docs / "comparison.json"
    if arguments.collect:
        found = collect([json.loads((folder / stored.name).read_text("utf-8")) for folder in arguments.collect])
        stored.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    elif arguments.draw:
        found = json.loads(stored.read_text("utf-8"))
    else:
        found = run(arguments)
        if not found["sets"]:
            print("No data were found; nothing was written.\n" + "\n".join(found["skipped"]))
            return 1
        arguments.docs.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draw_all(found, arguments.docs / "images")
    page = arguments.docs / "comparison.md"
    template = page if page.exists() else DOCS / page.name
    page.write_text(fill_page(template.read_text("utf-8"), found), encoding="utf-8")
    print(f"{len(found['sets'])} sets, {found['seconds']:.0f} processor seconds; wrote {page.name} and figures")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
