"""Scores random accounts under random formulas on every engine and counts rows that differ in anything.

    python -m benchmarks.exact_engines                                  # 1,000,000 rows, the engines that need nothing
    python -m benchmarks.exact_engines --engines numpy,duckdb,postgres,javascript --rows 200000

Formulas use every feature of the format; rows are near knots, missing, NaN, infinite, huge, tiny, with odd texts.
The reference is the standard-library scorer. Exit code 1 when anything differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random

from churnbench.export import ENGINES
from churnbench.formula import validate_body

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from formula_worlds import assemble, knots_of, random_body, random_row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exact_engines", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formulas", type=int, default=40)
    parser.add_argument("--engines", default="numpy,duckdb,sqlite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    engines = [name.strip() for name in options.engines.split(",")]
    rows_each = max(1, options.rows // options.formulas)
    differing = dict.fromkeys(engines, 0)
    seconds = dict.fromkeys(engines, 0.0)
    compared: dict[str, set[str]] = {name: set() for name in engines}
    for number in range(options.formulas):
        rng = Random(options.seed * 1_000_003 + number)
        body = random_body(rng)
        document, kinds, knots = assemble(body), validate_body(body), knots_of(body)
        rows = [random_row(rng, kinds, knots) for _ in range(rows_each)]
        wanted = ENGINES["python"](document, rows)
        for name in engines:
            begun = time.perf_counter()
            found = ENGINES[name](document, rows)
            seconds[name] += time.perf_counter() - begun
            compared[name] |= found[0].keys()
            for expected, answer, row in zip(wanted, found, rows, strict=True):
                different = [key for key, value in answer.items() if expected[key] != value]
                if different:
                    if not differing[name]:
                        key = different[0]
                        print(f"{name}: formula {number}, {key} {answer[key]!r}, expected {expected[key]!r}, {row}")
                    differing[name] += 1
        print(f"  formula {number + 1} of {options.formulas}", file=sys.stderr, flush=True)
    total = rows_each * options.formulas
    for name in engines:
        print(
            f"{name:<11} {total:,} rows, {options.formulas} formulas: {differing[name]:,} differ "
            f"({', '.join(sorted(compared[name]))}; {seconds[name]:.0f} s)"
        )
    return int(any(differing.values()))


if __name__ == "__main__":
    raise SystemExit(main())
