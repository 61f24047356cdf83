"""How often segment weights and ramps are adopted, and how near they come: `python tests/support/segment_trials.py`."""

from __future__ import annotations

import argparse
import sys

import numpy as np
from segment_books import CONTRAST, EVEN, MIX, Young
from segment_trainings import learned, total_variation

ALIKE = dict.fromkeys(MIX, EVEN)
BOOKS = {
    "differ": (CONTRAST, None),
    "differ, young": (CONTRAST, Young()),
    "alike": (ALIKE, None),
    "alike, young": (ALIKE, Young()),
}


def main() -> None:
    """Print one line per kind of book."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=20)
    parser.add_argument("--accounts", type=int, default=1200)
    parser.add_argument("--first", type=int, default=0, help="seed of the first book")
    chosen = parser.parse_args()
    for name, (weights, young) in BOOKS.items():
        adopted, ramps, one, pooled = 0, [], [], []
        for seed in range(chosen.first, chosen.first + chosen.books):
            _, found = learned(weights, accounts=chosen.accounts, seed=seed, young=young)
            profiles = found.segments.weights
            adopted += found.segments.adopted
            if found.ramp.adopted and found.ramp.ramp is not None:
                ramps.append(found.ramp.ramp.points[0][1])
            if profiles.shares:
                one.append(total_variation(dict.fromkeys(profiles.shares, profiles.overall), weights))
                pooled.append(total_variation(profiles.shares, weights))
        sys.stdout.write(
            f"{name}: profiles adopted {adopted} of {chosen.books}, total variation one profile {np.mean(one):.3f}, "
            f"pooled {np.mean(pooled):.3f}; ramps adopted {len(ramps)}, mean factor {np.mean(ramps or [1.0]):.2f}\n"
        )


if __name__ == "__main__":
    main()
