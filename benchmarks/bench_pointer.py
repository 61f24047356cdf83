"""The pointer to the active config under load: swaps in one process, readers in others, no torn or failed read.

Run `python -m benchmarks.bench_pointer [SWAPS] [READERS]` (2,000 swaps, 2 readers by default). Exit code 1 at a fault.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench_scorer import formula

from churnbench.export import build_document, write_document
from churnbench.release import Pointer, Surroundings, active, promote
from churnbench.release.publishing import swap_pointer

REASON = "A benchmark has no evidence; it only needs three active configs."


def three_releases(folder: Path) -> list[Pointer]:
    """Three configs, each promoted once."""
    made = []
    for step in range(3):
        document = build_document(
            formula() | {"min_coverage": 5000 + step},
            config_id="core",
            config_version="1.0.0",
            sequence=1,
            lifecycle={"created": "2026-01-01"},
        )
        path = write_document(document, folder / f"{step}.json")
        around = Surroundings(now=datetime(2026, 1, 2, tzinfo=UTC))
        made.append(
            promote(path, folder / "models", by="Bench", role="Bench", override=REASON, surroundings=around).pointer
        )
    return made


def read(models: Path, stop: Path, ready: Path, answers: Queue[tuple[int, int, float, float, str]]) -> None:
    """Read until told to stop: reads, sequences seen, median and longest milliseconds, first fault."""
    seen: set[int] = set()
    spent: list[float] = []
    fault = ""
    ready.touch()
    try:
        while not stop.exists():
            started = time.perf_counter()
            document, pointer = active(models, "core", trusted={}, require_signature=False)
            spent.append((time.perf_counter() - started) * 1000)
            if (document["sequence"], document["integrity"]["sha256"]) != (pointer.sequence, pointer.sha256):
                raise AssertionError(f"document {document['sequence']} under pointer {pointer.sequence}")
            seen.add(pointer.sequence)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a failed read
        fault = repr(error)
    spent.sort()
    answers.put((len(spent), len(seen), spent[len(spent) // 2] if spent else 0.0, max(spent, default=0.0), fault))


def main() -> int:
    """Swap, and print what the readers saw."""
    swaps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as name:
        folder = Path(name)
        models, stop, pointers = folder / "models", folder / "stop", three_releases(folder)
        answers: Queue[tuple[int, int, float, float, str]] = context.Queue()
        marks = [folder / f"ready{k}" for k in range(count)]
        readers = [context.Process(target=read, args=(models, stop, mark, answers)) for mark in marks]
        for reader in readers:
            reader.start()
        while not all(mark.exists() for mark in marks):
            time.sleep(0.01)
        started = time.perf_counter()
        for step in range(swaps):
            swap_pointer(models / "core", pointers[step % 3])
        seconds = time.perf_counter() - started
        stop.touch()
        found = [answers.get(timeout=60) for _ in readers]
        for reader in readers:
            reader.join()
    print(f"{swaps:,} swaps in {seconds:.1f} s ({1000 * seconds / swaps:.2f} ms each, with fsync)")
    for reads, seen, median, longest, fault in found:
        print(f"  reader: {reads:,} reads of {seen} releases, median {median:.2f} ms, longest {longest:.1f} ms {fault}")
    faults = sum(bool(fault) for *_, fault in found)
    print(f"{sum(row[0] for row in found):,} reads, {faults} failed or torn")
    return 1 if faults or not all(row[0] for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
