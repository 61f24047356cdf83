"""Measure how often the checks cry wolf, and how often they catch planted leaks, on simulated worlds.

Run `python tests/support/check_alarms.py --worlds 100`; the table is kept in docs/checks.md.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time

import pandas as pd
from check_worlds import clean_book, labelled_cohort, purged_folds, shuffled_split

from churnbench.checks import CheckContext, run_checks
from churnbench.checks.permutation import ERRORS, TOLERANCE, permuted_aucs
from churnbench.data.simulate import simulate_world
from churnbench.domain.cohort import Cohort

KEYS = ("account_id", "as_of", "renewal_on", "arr")


def simulated_cohort(accounts: int, months: int, seed: int, leak: str | None) -> Cohort:
    """A simulated world as labelled snapshots; tenure below 90 days and involuntary churn are left out."""
    world = simulate_world(accounts, months, seed, leak=leak)
    churn = world.outcomes[world.outcomes["kind"] == "churn"]
    unwanted = churn.loc[churn["voluntary"] == 0, "account_id"]
    churn = churn[churn["voluntary"] == 1].set_index("account_id")
    left = churn[["churned_on", "known_on"]].min(axis=1)
    snapshots = world.snapshots[~world.snapshots["account_id"].isin(unwanted)]
    started = snapshots["account_id"].map(world.accounts.set_index("account_id")["started_on"])
    snapshots = snapshots[(snapshots["as_of"] - started).dt.days >= 90]
    metrics = tuple(name for name in snapshots.columns if name not in KEYS)
    return labelled_cohort(snapshots.drop(columns=["renewal_on", "arr"]), left, metrics, pd.Timestamp("2025-12-31"))


def permutation_rules(worlds: int) -> None:
    """How often three rules reject clean, purged folds, and how often they catch shuffled ones."""
    for kind in ("purged", "shuffled"):
        naive = four = chosen = 0
        for seed in range(worlds):
            cohort, _ = clean_book(accounts=400, months=20, seed=seed)
            fold = (purged_folds(cohort) if kind == "purged" else shuffled_split(cohort, seed))[0]
            frame = cohort.frame
            rows = pd.concat(
                [
                    frame.loc[fold.train_rows].assign(part="train"),
                    frame.loc[fold.test_rows].assign(part="test"),
                ]
            )
            values = permuted_aucs(rows, cohort.metrics, seed=seed)
            away, error = abs(values.mean() - 0.5), values.std(ddof=1) / len(values) ** 0.5
            naive += away > 2.0 * error
            four += away > ERRORS * error
            chosen += away > max(TOLERANCE, ERRORS * error)
        sys.stdout.write(f"{kind}: of {worlds}, 2 se {naive}, 4 se {four}, 4 se and .02 {chosen}\n")
        sys.stdout.flush()


def main() -> None:
    """Print one line per kind of world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--accounts", type=int, default=1200)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--kinds", default="clean,footprint,backfill,full,current-state,shuffled")
    parser.add_argument("--permutation", action="store_true", help="compare rules for the target permutation")
    options = parser.parse_args()
    if options.permutation:
        permutation_rules(options.worlds)
        return
    for kind in options.kinds.split(","):
        found: collections.Counter[str] = collections.Counter()
        started = time.perf_counter()
        for seed in range(options.worlds):
            leak = None if kind in ("clean", "shuffled") else kind
            cohort = simulated_cohort(options.accounts, options.months, seed, leak)
            folds = shuffled_split(cohort, seed) if kind == "shuffled" else purged_folds(cohort)
            findings = run_checks(CheckContext(cohort, folds=folds, seed=seed))
            bad = [finding for finding in findings if finding.severity != "ok"]
            found.update({f"any {severity}" for severity in {finding.severity for finding in bad}})
            found.update({f"{finding.id} ({finding.severity})" for finding in bad})
        seconds = (time.perf_counter() - started) / options.worlds
        sys.stdout.write(f"{kind}: {options.worlds} worlds, {seconds:.1f} s each\n")
        for name, count in found.most_common(14):
            sys.stdout.write(f"    {count:4d}  {name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
