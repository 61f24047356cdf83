"""Measure how three rules for the target permutation reject clean, purged folds and catch shuffled rows.

Run `python tests/support/check_alarms.py --worlds 100`; the table is kept in docs/checks.md. The alarms of all
checks, on clean books and planted leaks, are measured by `python -m proofs.leaks`.
"""

from __future__ import annotations

import argparse
import sys

import pandas as pd
from check_worlds import clean_book, purged_folds, shuffled_split

from churnbench.checks.permutation import ERRORS, TOLERANCE, permuted_aucs


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
        sys.stdout.write(f"{kind}: of {worlds}, 2 se {naive}, 4 se {four}, 4 se and {TOLERANCE} {chosen}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    permutation_rules(parser.parse_args().worlds)
