"""Run the proofs and write docs/proofs.md: python -m proofs [--full] [--jobs N] [NAME ...]."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from proofs.page import load, save, write_page
from proofs.sizes import FULL, QUICK
from proofs.suite import PROOFS, run_proof

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "proofs"
PAGE = ROOT / "docs" / "proofs.md"


def main() -> int:
    """Run, keep the figures of whole full runs, and say which promises hold."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which proofs: {', '.join(PROOFS)}; all when none")
    parser.add_argument("--full", action="store_true", help="300 books where shares are measured; hours, not minutes")
    parser.add_argument("--books", type=int, help="another number of books; then nothing is kept")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in PROOFS]
    if unknown:
        parser.error(f"'{unknown[0]}' is not a proof; known are {', '.join(PROOFS)}.")
    size = FULL if options.full else QUICK
    if options.books:
        size = replace(size, books=options.books, some=max(1, options.books // 3))
    kept = True
    for name in options.names or list(PROOFS):
        asked = [
            flag for flag, given in (("--full", options.full), (f"--books {options.books}", options.books)) if given
        ]
        section = run_proof(name, size, options.jobs, " ".join(["python -m proofs", *asked, name]))
        for promise in section.promises:
            kept = kept and promise.kept
            mark = "kept  " if promise.kept else "BROKEN"
            sys.stdout.write(f"{mark}  {promise.claim}: {promise.measured} (must be {promise.target})\n")
        sys.stdout.flush()
        if options.full and not options.books:
            save(section, RESULTS)
            write_page(load(RESULTS, list(PROOFS)), PAGE)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
