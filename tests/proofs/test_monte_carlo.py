"""Shares, averages, replication and the page of results."""

from __future__ import annotations

from pathlib import Path

import pytest
from proofs.__main__ import main
from proofs.montecarlo import Average, Share, replicate
from proofs.suite import PROOFS

from proofs import page


@pytest.mark.parametrize(("hits", "limit", "allowed"), [(3, 0.05, True), (5, 0.05, False), (0, 0.0, True)])
def test_a_share_may_exceed_its_limit_by_two_monte_carlo_errors_and_no_more(
    hits: int, limit: float, allowed: bool
) -> None:
    share = Share.of([True] * hits + [False] * (40 - hits))
    # 2 se at a limit of .05 and 40 books are .0689: 3 of 40 = .075 pass, 5 of 40 = .125 do not.
    assert share.at_most(limit) is allowed


def test_shares_and_averages_of_nothing_are_nan_and_say_so() -> None:
    assert str(Share.of([])) == "nan ± nan"
    assert Average.of([float("nan")]).replicates == 0


def _double(number: int) -> int:
    return 2 * number


@pytest.mark.parametrize("jobs", [1, 2])
def test_replicates_come_in_order_whatever_the_number_of_processes(jobs: int, capsys) -> None:
    assert list(replicate(_double, range(7), jobs=jobs, label="doubling")) == [0, 2, 4, 6, 8, 10, 12]
    assert "doubling: 7 of 7" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", [1, 2])
def test_replicates_may_be_nested(jobs: int) -> None:
    assert list(replicate(_doubles, range(4), jobs=jobs, label="outer", quiet=True)) == [0, 2, 6, 12]


def _doubles(item: int) -> int:
    return sum(replicate(_double, range(item + 1), jobs=1, label="inner", quiet=True))


def test_a_section_survives_being_kept_and_the_page_says_what_it_found(tmp_path: Path) -> None:
    promise = page.Promise("gate", "no false promotion", "0.010 ± 0.006", "at most 0.05", kept=True, replicates=300)
    section = page.Section(
        "gate", "The gate", "Text.", [promise], {"Verdicts": [{"case": "a", "books": "3"}]}, "c", 60.0
    )
    page.save(section, tmp_path)
    (found,) = page.load(tmp_path, ["coverage", "gate"])
    assert found == section
    target = tmp_path / "page.md"
    target.write_text("before\n<!-- proofs: begin -->\nold\n<!-- proofs: end -->\nafter\n", encoding="utf-8")
    page.write_page([found], target)
    text = target.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| no false promotion | 0.010 ± 0.006 | at most 0.05 | yes | 300 |" in text
    assert "| a | 3 |" in text


def test_the_command_names_what_it_knows_when_asked_for_another_proof(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["proofs", "alchemy"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert "'alchemy' is not a proof" in said
    assert all(name in said for name in PROOFS)
