"""Plausible faults of a hand-written scorer, as small changes of the reference's source."""

from __future__ import annotations

import importlib
import shutil
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import churnbench_scorer

_HOME = Path(churnbench_scorer.__file__).parent
_TABLE = Path(__file__).with_name("scorer_mutants.toml")


@dataclass(frozen=True)
class Mutant:
    """One fault: `old` in `module` becomes `new`."""

    fault: str
    module: str
    old: str
    new: str


MUTANTS = tuple(Mutant(**entry) for entry in tomllib.loads(_TABLE.read_text(encoding="utf-8"))["mutant"])


def load_mutant(
    mutant: Mutant, folder: Path, number: int
) -> Callable[[dict[str, Any], list[dict[str, Any]]], list[dict[str, Any]]]:
    """The scorer with the fault, as an engine of the conformance kit.

    Args:
        mutant: the fault; its text must occur in the source, so that no mutant is silently the original.
        folder: where its package is written.
        number: tells packages apart.
    """
    name = f"faulty_scorer_{number}"
    shutil.copytree(_HOME, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    source = folder / name / f"{mutant.module}.py"
    text = source.read_text(encoding="utf-8")
    assert mutant.old in text, f"{mutant.fault}: not in {mutant.module}"
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        scorer = importlib.import_module(f"{name}.scorer").Scorer
        everything = importlib.import_module(f"{name}.golden").everything
    finally:
        sys.path.remove(str(folder))
    return lambda document, rows: [_answer(scorer(document), everything, row) for row in rows]


def _answer(scorer: Any, everything: Any, row: dict[str, Any]) -> dict[str, Any]:
    try:
        return everything(scorer.score(row, extra="ignore"))
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return {}  # a scorer that breaks has not answered
