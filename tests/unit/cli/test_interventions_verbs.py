"""The verbs of interventions on a project: rows added, coins logged, effects told, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import Teller
from projects import edit, write_project

from churnbench.data.project import load_project
from churnbench.interventions import read_log


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = write_project(tmp_path / "acme")
    edit(folder / "churnbench.toml", "[data]\n", '[data]\ninterventions = "interventions.csv"\n')
    return folder


def entries(project: Path) -> pd.DataFrame:
    found = read_log(load_project(project))
    assert found is not None
    return found.entries


def test_a_row_is_added_with_its_author_and_its_outcome_later(cli: Teller, project: Path) -> None:
    where = ("interventions", "log", "--project", project, "--account", "A00001")
    said = cli("--json", *where, "--kind", "call", "--started", "2025-03-01", "--author", "Ada", "--note", "=1+1")
    (first,) = json.loads(said.out)["intervention_ids"]
    assert cli("--quiet", *where, "--kind", "call", "--refers-to", first, "--outcome", "stayed").out == ""
    row = entries(project).iloc[0]
    assert (row["author"], row["note"], row["outcome"], row["kind"]) == ("Ada", "=1+1", "stayed", "call")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--started", "2025-03-01"), "no account was named"),
        (("--account", "A1", "--started", "yesterday"), "is not a date"),
        (("--account", "A1", "--started", "2999-01-01"), "in the future"),
        (("--account", "A1", "--held-out"), "with no propensity"),
        (("--account", "A1", "--refers-to", "x", "--outcome", "y"), "not the id"),
        (("--account", "A1", "--assignment", "coins.csv"), "Leave them out"),
        (("--assignment", "coins.csv"), "no such file"),
    ],
)
def test_what_cannot_be_logged_is_refused_in_a_sentence(
    cli: Teller, project: Path, arguments: tuple[str, ...], words: str
) -> None:
    said = cli("interventions", "log", "--project", project, *arguments)
    assert said.code == 2
    assert words in said.err
    assert not (project / "interventions.csv").exists()


def test_coins_are_thrown_logged_and_both_arms_are_in_the_log(cli: Teller, project: Path, tmp_path: Path) -> None:
    scores = pd.DataFrame({"account_id": [f"A{number}" for number in range(200)], "health_score": 50 + 0.1 * 50})
    scores.to_csv(tmp_path / "scores.csv", index=False)
    said = cli("interventions", "assign", "scores.csv", "--period", "2026q1", "--out", "coins.csv", "--share", "0.2")
    assert "for 200 within 10 points" in said.out.replace("\n", " ")
    first = (tmp_path / "coins.csv").read_bytes()
    cli("interventions", "assign", "scores.csv", "--period", "2026q1", "--out", "coins.csv", "--share", "0.2")
    assert (tmp_path / "coins.csv").read_bytes() == first
    where = ("interventions", "log", "--project", project, "--assignment", "coins.csv", "--kind", "call")
    assert "200 rows added" in cli(*where).out
    log = entries(project)
    assert set(log["treated"]) == {True, False}
    assert log["propensity"].unique() == pytest.approx([0.8])
    # Logging the same coins again would double every account.
    assert "already" in cli(*where).err
    assert len(entries(project)) == 200


def test_without_randomised_rows_no_uplift_is_told(cli: Teller, project: Path) -> None:
    cli("interventions", "log", "--project", project, "--account", "A00001", "--started", "2025-03-01")
    said = cli("interventions", "effect", project)
    assert said.code == 2
    assert "No uplift without randomised data" in said.err
    edit(project / "churnbench.toml", 'interventions = "interventions.csv"\n', "")
    said = cli("interventions", "effect", project)
    assert said.code == 2
    # The log that `log` writes is the one that `effect` reads, declared or not.
    assert "no row that a coin decided" in said.err
    (project / "interventions.csv").unlink()
    assert "has no log of interventions" in cli("interventions", "effect", project).err


def test_coins_of_today_are_told_with_the_day_from_which_they_count(cli: Teller, project: Path, tmp_path: Path) -> None:
    coins = pd.DataFrame({"account_id": [f"A{number:05d}" for number in range(1, 41)], "health_score": 55.0})
    coins.to_csv(tmp_path / "scores.csv", index=False)
    cli("interventions", "assign", "scores.csv", "--period", "now", "--out", "coins.csv", "--share", "0.5")
    assert cli("interventions", "log", "--project", project, "--assignment", "coins.csv").code == 0
    said = cli("interventions", "effect", project)
    assert said.code == 2
    assert "40 coins were thrown on" in said.err
    assert "can be judged once outcomes are complete up to" in said.err
    assert "no row that a coin decided" not in said.err


def test_an_account_that_the_accounts_table_does_not_hold_is_logged_with_a_warning(cli: Teller, project: Path) -> None:
    where = ("interventions", "log", "--project", project, "--account")
    known, strange = cli(*where, "A00001"), cli(*where, "NOPE")
    assert (known.code, strange.code) == (0, 0)
    assert known.err == ""
    assert "accounts table" in strange.err
    assert "NOPE" in strange.err
    assert len(entries(project)) == 2
    (project / "accounts.csv").write_text("nonsense\n", encoding="utf-8")
    assert cli(*where, "A00002").code == 0


def test_where_formula_and_simulation_of_a_power_differ_the_reason_is_told(cli: Teller) -> None:
    rough = cli("interventions", "power", "--base-rate", "0.01", "--reduction", "1").out.replace("\n", " ")
    assert "With so few churned accounts the formula is rough: go by the simulated share." in rough
    assert "rough" not in cli("interventions", "power", "--base-rate", "0.2", "--reduction", "0.3").out


def test_power_is_told_with_its_check_by_simulation(cli: Teller) -> None:
    said = cli("--json", "interventions", "power", "--base-rate", "0.2", "--reduction", "0.5", "--per-period", "100")
    told = json.loads(said.out)
    assert told["power"] == pytest.approx(told["simulated_power"], abs=0.04)
    assert told["periods"] == -(-told["accounts"] // 100)
    assert cli("interventions", "power", "--base-rate", "20").code == 2
    hopeless = cli("interventions", "power", "--base-rate", "0.0001", "--reduction", "0.01")
    assert hopeless.code == 2
    assert "not even 100,000,000 randomised accounts" in hopeless.err


def test_a_faulty_log_stops_a_check_with_its_line(cli: Teller, project: Path) -> None:
    (project / "interventions.csv").write_text("account_id,started_on,propensity\nA1,2025-01-01,2\n", encoding="utf-8")
    said = cli("check", project)
    assert said.code == 2
    assert "interventions.csv, row 2, column propensity" in said.err
