"""Are planted leaks caught, and do the checks keep quiet on clean books?

    python -m proofs.leaks --worlds 20                    every leak
    python -m proofs.leaks --worlds 100 --clean           clean books instead
    python -m proofs.leaks --worlds 5 --only backfill,whole-period --accounts 600 --months 20

Every world goes the way of a user's data: it is written as a project folder, read again, and checked by the same
function as `churnbench check`. A world counts as blocked when a finding blocks (or the book is refused as too short),
as reviewed when one only asks a person to look, and as missed (or quiet, when clean) when there is neither.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from churnbench.backtesting import Fold
from churnbench.checks import CheckContext, run_checks
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.data.simulate import World, simulate_world
from churnbench.data.simulate_demo import project_file_text, simulated_project
from churnbench.data.world_leak_tables import Tables
from churnbench.data.world_leaks import LEAKS, readings_project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.domain.findings import Finding
from churnbench.workflow.contest import make_folds
from proofs.montecarlo import replicate
from proofs.page import Promise

#: Not a leak in the data but in the split: rows dealt at random to training and test.
SHUFFLED = "shuffled-split"
#: Kinds of planted leak, in the order of the table.
KINDS = (*LEAKS, SHUFFLED)
#: What is said of a book that is too short to be split into training and test.
REFUSED = "refused"
#: Accounts and months of smaller worlds, where events are too few for some checks.
SMALLER = ((600, 20), (300, 12))
#: From so many worlds on a progress line is worth it.
_WORTH_TELLING = 50

_DECLARE_CONSTANTS = """
[[formula.metrics]]
id = "seats"
dimension = "usage"
weight = 10
direction = "higher_is_healthier"

[[formula.metrics]]
id = "arr_signed"
dimension = "financial"
weight = 10
direction = "higher_is_healthier"

[[formula.metrics]]
id = "tier"
dimension = "financial"
weight = 10
direction = "higher_is_healthier"
normalise = { kind = "category", map = { Enterprise = 90, "Mid-Market" = 60, SMB = 40 } }

[[formula.metrics]]
id = "industry"
dimension = "financial"
weight = 5
direction = "higher_is_healthier"
normalise = { kind = "category", map = { Software = 70, Retail = 50, Finance = 60 } }
"""


def plain(world: World, folder: Path, seed: int) -> None:  # noqa: ARG001 - kinds of clean book share one signature
    """A clean book as snapshots."""
    simulated_project(world, folder)


def constants(world: World, folder: Path, seed: int) -> None:  # noqa: ARG001 - as above
    """A clean book whose formula also holds what rightly never changes: seats, first ARR, tier and industry."""
    simulated_project(world, folder)
    known = world.accounts.set_index("account_id")
    ids = world.snapshots["account_id"]
    names = {"seats": "seats", "arr_signed": "arr", "tier": "segment", "industry": "industry"}
    rows = world.snapshots.assign(**{new: ids.map(known[old]) for new, old in names.items()})
    rows.to_csv(folder / "snapshots.csv", index=False, date_format="%Y-%m-%d")
    (folder / "churnbench.toml").write_text(project_file_text() + _DECLARE_CONSTANTS, encoding="utf-8")


def readings(world: World, folder: Path, seed: int) -> None:
    """A clean book as facts."""
    simulated_project(world, folder)
    tables = Tables.exported(world.snapshots, world.outcomes, world.accounts)
    text = readings_project(None, tables, seed, folder, project_file_text())
    (folder / "churnbench.toml").write_text(text, encoding="utf-8")


#: Kinds of clean book.
CLEAN: dict[str, Callable[[World, Path, int], None]] = {
    "snapshots": plain,
    "constant-columns": constants,
    "facts": readings,
}


@dataclass(frozen=True)
class Judged:
    """What the checks said of one world: the ids of findings by severity."""

    review: frozenset[str]
    block: frozenset[str]


def run_leak_suite(
    worlds: int, *, accounts: int = 1200, months: int = 24, seed: int = 0, leaks: Iterable[str] = KINDS, jobs: int = 1
) -> pd.DataFrame:
    """Plant every leak in `worlds` worlds each, and check them.

    Args:
        worlds: worlds per leak, >= 1; about 3 seconds of one core each at the default size.
        accounts: accounts per world.
        months: monthly snapshots per world.
        seed: seed of the first world; the others follow.
        leaks: names from `KINDS`.
        jobs: processes.

    Returns:
        One row per leak: leak, worlds, blocked, reviewed (not blocked), missed, by (check and in how many worlds).
    """
    return _counted(partial(_leaky, accounts, months), "leak", "missed", list(leaks), range(seed, seed + worlds), jobs)


def run_clean_suite(
    worlds: int,
    *,
    accounts: int = 1200,
    months: int = 24,
    seed: int = 0,
    kinds: Iterable[str] = tuple(CLEAN),
    jobs: int = 1,
) -> pd.DataFrame:
    """Check `worlds` clean books of each kind.

    Args:
        worlds: worlds per kind, >= 1.
        accounts: accounts per world.
        months: monthly snapshots per world.
        seed: seed of the first world; the others follow.
        kinds: names from `CLEAN`.
        jobs: processes.

    Returns:
        One row per kind: book, worlds, blocked, reviewed (not blocked), quiet, by.
    """
    return _counted(partial(_clean, accounts, months), "book", "quiet", list(kinds), range(seed, seed + worlds), jobs)


def section(worlds: int, clean: int, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    """The proof as text, promises and tables.

    Args:
        worlds: worlds per leak; half as many at the smaller sizes, which promise nothing.
        clean: clean books per kind.
        jobs: processes.
    """
    caught = run_leak_suite(worlds, jobs=jobs)
    few = max(1, worlds // 2)
    smaller = [(size, run_leak_suite(few, accounts=size[0], months=size[1], jobs=jobs)) for size in SMALLER]
    quiet = run_clean_suite(clean, jobs=jobs).assign(accounts=1200, months=24)
    small = run_clean_suite(clean, accounts=400, months=15, kinds=("snapshots",), jobs=jobs).assign(
        accounts=400, months=15
    )
    books = pd.concat([quiet, small], ignore_index=True)
    total, missed = int(caught["worlds"].sum()), int(caught["missed"].sum())
    claim = "planted leaks blocked or shown for review"
    promises = [Promise("leaks", claim, f"{total - missed} of {total}", "all", missed == 0, total)]
    for row in books.to_dict("records"):
        flagged = row["worlds"] - row["quiet"]
        claim = f"clean books flagged: {row['book']}, {row['accounts']:,} accounts over {row['months']} months"
        measured = f"{flagged} of {row['worlds']}"
        promises.append(
            Promise("leaks", claim, measured, "at most 5 %", flagged <= 0.05 * row["worlds"], row["worlds"])
        )
    text = (
        "Each world is written as a project folder and checked as a user's would be. docs/checks.md says what each "
        "check asks, and which leaks no check can see."
    )
    tables = {"1,200 accounts over 24 months": _text(caught)}
    for (accounts, months), found in smaller:
        tables[f"{accounts} accounts over {months} months (nothing is promised)"] = _text(found)
    return text, promises, {**tables, "Clean books": _text(books)}


def _text(table: pd.DataFrame) -> list[dict[str, str]]:
    return [{str(name): str(cell) for name, cell in row.items()} for row in table.to_dict("records")]


def _leaky(accounts: int, months: int, item: tuple[str, int]) -> Judged:
    leak, seed = item
    world = simulate_world(accounts, months, seed, leak=None if leak == SHUFFLED else leak, truth=False)
    with tempfile.TemporaryDirectory() as folder:
        simulated_project(world, Path(folder))
        return _judged(Path(folder), seed, shuffled=leak == SHUFFLED)


def _clean(accounts: int, months: int, item: tuple[str, int]) -> Judged:
    kind, seed = item
    world = simulate_world(accounts, months, seed, truth=False)
    with tempfile.TemporaryDirectory() as folder:
        CLEAN[kind](world, Path(folder), seed)
        return _judged(Path(folder), seed, shuffled=False)


def _judged(folder: Path, seed: int, *, shuffled: bool) -> Judged:
    project = load_project(folder)
    history = open_history(project, threads=1)
    try:
        cohort = history.cohort()
        folds = (shuffled_rows(cohort, seed),) if shuffled else make_folds(project, cohort, seed)
        findings = run_checks(CheckContext(cohort, history, folds, seed))
    except InputError:
        # Too short a history ends a user's run, too, before any figure.
        return Judged(frozenset(), frozenset({REFUSED}))
    finally:
        history.close()
    return Judged(_ids(findings, "review"), _ids(findings, "block"))


def _ids(findings: Iterable[Finding], severity: str) -> frozenset[str]:
    return frozenset(finding.id for finding in findings if finding.severity == severity)


def shuffled_rows(cohort: Cohort, seed: int) -> Fold:
    """The classic mistake: 30 % of the rows, dealt at random, are the test, so that accounts are on both sides."""
    rows = cohort.labelled()
    test = np.random.default_rng(seed).random(len(rows)) < 0.3
    return Fold("shuffled", rows["as_of"].min(), rows.index.to_numpy()[~test], rows.index.to_numpy()[test], "holdout")


def _counted(
    judge: Callable[[tuple[str, int]], Judged], what: str, nothing: str, kinds: list[str], seeds: range, jobs: int
) -> pd.DataFrame:
    """One row per kind: how many worlds were blocked, reviewed or neither, and by which checks."""
    items = [(kind, seed) for kind in kinds for seed in seeds]
    judged = list(replicate(judge, items, jobs=jobs, label=what, quiet=len(items) < _WORTH_TELLING))
    rows = []
    for number, kind in enumerate(kinds):
        worlds = judged[number * len(seeds) : (number + 1) * len(seeds)]
        by = collections.Counter(
            check for world in worlds for check in {one.split(":")[0] for one in world.review | world.block}
        )
        blocked = sum(bool(world.block) for world in worlds)
        reviewed = sum(bool(world.review) and not world.block for world in worlds)
        said = ", ".join(
            f"{check} {count}" for check, count in sorted(by.items(), key=lambda pair: (-pair[1], pair[0]))
        )
        rows.append((kind, len(worlds), blocked, reviewed, len(worlds) - blocked - reviewed, said))
    return pd.DataFrame(rows, columns=[what, "worlds", "blocked", "reviewed", nothing, "by"])


def main() -> None:
    """Print one line per kind of leak or clean book, as each is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--accounts", type=int, default=1200)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--clean", action="store_true", help="clean books instead of leaks")
    parser.add_argument("--only", default="", help="comma-separated kinds; all when left out")
    options = parser.parse_args()
    every: Iterable[str] = CLEAN if options.clean else KINDS
    for kind in options.only.split(",") if options.only else every:
        size = (options.worlds, options.accounts, options.months, options.seed, options.jobs)
        table = _one_clean(kind, *size) if options.clean else _one_leak(kind, *size)
        sys.stdout.write(table.to_string(index=False, header=kind == next(iter(every))) + "\n")
        sys.stdout.flush()


def _one_leak(kind: str, worlds: int, accounts: int, months: int, seed: int, jobs: int) -> pd.DataFrame:
    return run_leak_suite(worlds, accounts=accounts, months=months, seed=seed, leaks=(kind,), jobs=jobs)


def _one_clean(kind: str, worlds: int, accounts: int, months: int, seed: int, jobs: int) -> pd.DataFrame:
    return run_clean_suite(worlds, accounts=accounts, months=months, seed=seed, kinds=(kind,), jobs=jobs)


if __name__ == "__main__":
    main()
