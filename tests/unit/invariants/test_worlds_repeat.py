"""Invariant 10: a simulated world repeats to the byte, and a planted leak changes nothing but what it touches."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invariant_books import tried

from churnbench.data.simulate import World, simulate_world, write_tables

small = st.integers(0, 2**20)
#: Leaks that rewrite cells of metric columns, row for row.
CELLS = ("footprint", "backfill", "full")


def _tables(world: World) -> dict[str, pd.DataFrame]:
    return {"snapshots": world.snapshots, "outcomes": world.outcomes, "accounts": world.accounts}


@tried(3)
@given(small, st.booleans())
def test_the_same_arguments_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, null: bool
) -> None:
    folders: list[Path] = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("world")
        world = simulate_world(30, 8, seed, base_rate=0.08, null=null)
        write_tables(world, folder)
        folders.append(folder)
    files = sorted(path.name for path in folders[0].iterdir())
    assert {"snapshots.csv", "outcomes.csv", "accounts.csv"} <= set(files)
    assert files == sorted(path.name for path in folders[1].iterdir())
    for name in files:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@tried(3)
@given(small)
def test_another_seed_gives_another_world(seed: int) -> None:
    first, second = (simulate_world(30, 8, one, base_rate=0.08) for one in (seed, seed + 1))
    assert not first.snapshots.equals(second.snapshots)
    assert not first.accounts.equals(second.accounts)


@tried(6)
@given(small, st.sampled_from(CELLS))
def test_a_leak_in_cells_leaves_every_other_cell_and_table_as_it_was(seed: int, leak: str) -> None:
    clean, planted = (simulate_world(80, 12, seed, base_rate=0.1, leak=name) for name in (None, leak))
    for name in ("outcomes", "accounts"):
        pd.testing.assert_frame_equal(_tables(clean)[name], _tables(planted)[name], check_exact=True)
    pd.testing.assert_frame_equal(clean.truth_table, planted.truth_table, check_exact=True)
    before, after = clean.snapshots, planted.snapshots
    keys = ["account_id", "as_of", "renewal_on", "arr"]
    pd.testing.assert_frame_equal(before[keys], after[keys], check_exact=True)
    touched = [name for name in before if not before[name].equals(after[name])]
    assert 1 <= len(touched) <= 3
    # Only rows of accounts that leave can know that they do.
    leaves = set(clean.outcomes.loc[clean.outcomes["kind"] == "churn", "account_id"])
    changed = pd.concat([before[name].compare(after[name]) for name in touched]).index
    if leak != "full":
        assert set(before.loc[changed, "account_id"]) <= leaves
