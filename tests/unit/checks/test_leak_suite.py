"""The proof suite counts what the checks say of planted leaks, on small worlds."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def suite():
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("proofs.leaks")
    sys.path.remove(str(ROOT))


def test_leaks_that_any_size_shows_are_caught_and_counted(suite):
    table = suite.run_leak_suite(
        2, accounts=150, months=14, seed=4, leaks=("post-churn-rows", "duplicate-accounts", "shuffled-split")
    )
    assert table["leak"].tolist() == ["post-churn-rows", "duplicate-accounts", "shuffled-split"]
    assert table["blocked"].tolist() == [2, 0, 2]
    assert table["reviewed"].tolist() == [0, 2, 0]
    assert table["missed"].tolist() == [0, 0, 0]
    assert table["by"].tolist()[:2] == ["sanity 2", "twin-accounts 2"]


def test_every_leak_of_the_generator_is_in_the_suite(suite):
    from churnbench.data.world_leaks import LEAKS

    assert list(suite.KINDS) == [*LEAKS, "shuffled-split"]


def test_clean_books_of_all_kinds_are_quiet(suite):
    table = suite.run_clean_suite(1, accounts=150, months=15, seed=4)
    assert table["book"].tolist() == ["snapshots", "constant-columns", "facts"]
    assert table["quiet"].tolist() == [1, 1, 1]
    assert table["by"].tolist() == ["", "", ""]


def test_the_command_prints_one_line_per_kind(suite, monkeypatch, capsys):
    for arguments in (["--only", "label-early"], ["--clean", "--only", "snapshots"]):
        monkeypatch.setattr(
            sys, "argv", ["leaks", "--worlds", "1", "--accounts", "150", "--months", "14", "--seed", "4", *arguments]
        )
        suite.main()
    said = capsys.readouterr().out
    assert "label-early" in said
    assert "snapshots" in said


def test_the_section_promises_every_leak_and_one_clean_book_in_twenty(suite, monkeypatch):
    def leaks(worlds, **size):
        missed = 1 if size.get("accounts") == 300 else 0
        row = {
            "leak": "full",
            "worlds": worlds,
            "blocked": worlds - missed,
            "reviewed": 0,
            "missed": missed,
            "by": "sanity",
        }
        return suite.pd.DataFrame([row])

    def clean(worlds, *, kinds=("snapshots",), **size):
        rows = [
            {"book": k, "worlds": worlds, "blocked": 0, "reviewed": 2, "quiet": worlds - 2, "by": ""} for k in kinds
        ]
        return suite.pd.DataFrame(rows)

    monkeypatch.setattr(suite, "run_leak_suite", leaks)
    monkeypatch.setattr(suite, "run_clean_suite", clean)
    _, promises, tables = suite.section(4, 40, 1)
    assert [(one.measured, one.kept, one.replicates) for one in promises] == [
        ("4 of 4", True, 4),
        ("2 of 40", True, 40),
        ("2 of 40", True, 40),
    ]
    assert "400 accounts over 15 months" in promises[2].claim
    assert tables["300 accounts over 12 months (nothing is promised)"][0]["missed"] == "1"
    assert not suite.section(4, 39, 1)[1][1].kept


def test_a_book_that_is_too_short_counts_as_refused(suite):
    table = suite.run_leak_suite(1, accounts=60, months=8, seed=4, leaks=("full",))
    assert table[["blocked", "missed", "by"]].to_numpy().tolist() == [[1, 0, "refused 1"]]
