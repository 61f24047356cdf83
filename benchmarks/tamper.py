"""Whether a weight config can be tampered with byte by byte: random single-byte edits of its body, then loading.

Run `python -m benchmarks.tamper [EDITS] [SEED]` (10,000 edits by default). An edit may only be accepted when the file
still says the same, e.g. a blank more between two tokens. Exit code 1 when any other edit is accepted, or when loading
ends in anything but a refusal.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.bench_scorer import formula

from churnbench.export import build_document, write_document
from churnbench_scorer import ConfigRefused, canonical, load
from churnbench_scorer.reading import read

KINDS = ("replaced", "inserted", "removed")


@dataclass
class Outcome:
    """What became of the edits.

    Attributes:
        edits: how many were tried.
        refused: place named in the refusal -> edits.
        same: accepted, and the same document.
        accepted: accepted although the document changed: `(kind, position, byte)`.
        crashed: loading ended in another error: `(kind, position, error)`.
    """

    edits: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    same: int = 0
    accepted: list[tuple[str, int, int]] = field(default_factory=list)
    crashed: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every edit was refused or changed nothing."""
        return not self.accepted and not self.crashed


def tamper(data: bytes, edits: int, seed: int) -> Outcome:
    """Edit single bytes of the body of a written config and load each result.

    Args:
        data: bytes of a config file as `write_document` writes it.
        edits: how many.
        seed: of positions, kinds and bytes.
    """
    rng, found, whole = Random(seed), Outcome(), canonical(read(data))
    start, end = data.index(b'"body": '), data.index(b'"provenance": ')
    for _ in range(edits):
        kind, position, byte = rng.choice(KINDS), rng.randrange(start, end), rng.randrange(256)
        if kind == "replaced" and data[position] == byte:
            byte ^= 1
        middle = b"" if kind == "removed" else bytes([byte])
        edited = data[:position] + middle + data[position + (kind != "inserted") :]
        found.edits += 1
        try:
            load(edited)
            if canonical(read(edited)) == whole:
                found.same += 1
            else:
                found.accepted.append((kind, position, byte))
        except ConfigRefused as refusal:
            found.refused[refusal.where.split("[")[0]] += 1
        except Exception as error:  # noqa: BLE001 - any other error is what is looked for
            found.crashed.append((kind, position, repr(error)))
    return found


def main() -> int:
    """Print what became of the edits."""
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    document = build_document(
        formula(), config_id="tampered", config_version="1.0.0", sequence=1, lifecycle={"created": "2026-01-01"}
    )
    with TemporaryDirectory() as folder:
        data = write_document(document, Path(folder) / "config.json").read_bytes()
    found = tamper(data, edits, seed)
    print(f"{found.edits:,} single-byte edits of a body of {len(canonical(document['body'])):,} canonical bytes")
    for place, count in found.refused.most_common():
        print(f"  {count:>7,} refused at {place}")
    print(f"  {found.same:>7,} accepted, the document unchanged")
    print(f"  {len(found.accepted):>7,} accepted although the document changed {found.accepted[:3]}")
    print(f"  {len(found.crashed):>7,} other errors {found.crashed[:3]}")
    return 0 if found.ok else 1


if __name__ == "__main__":
    sys.exit(main())
