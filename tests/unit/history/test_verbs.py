"""The history on the command line: hostile files, frozen accounts, answers for programs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from command_line import Teller, cli  # noqa: F401 - a fixture
from history_worlds import config, inputs

from churnbench.cli import history_commands
from churnbench.data.project import load_project
from churnbench.domain.errors import InputError
from churnbench.export import write_document


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_document(config(), tmp_path / "c.json")
    inputs(0).to_csv(tmp_path / "day0.csv", index=False)
    inputs(1).to_csv(tmp_path / "day1.csv", index=False)
    monkeypatch.setattr(history_commands, "_today", lambda: date(2026, 1, 2))


def test_two_days_are_appended_shown_and_explained(cli: Teller) -> None:  # noqa: F811
    assert "12 readings of 2026-01-01" in cli("history", "append", "c.json", "day0.csv", "--as-of", "2026-01-01").out
    assert "12 were there already" in cli("history", "append", "c.json", "day0.csv", "--as-of", "2026-01-01").out
    cli("history", "append", "c.json", "day1.csv", "--as-of", "2026-01-02")
    shown = json.loads(cli("--json", "history", "show", "A05").out)
    assert [row["as_of"] for row in shown["readings"]] == ["2026-01-01", "2026-01-02"]
    told = json.loads(cli("--json", "history", "explain", "A05", "--from", "2026-01-01", "--to", "2026-01-02").out)
    before, after = (row["health_score_x100"] for row in shown["readings"])
    assert (told["before_x100"], told["after_x100"]) == (before, after)
    if told["total_x100"] is not None:
        assert sum(part["points_x100"] for part in told["parts"]) == told["total_x100"] == after - before


def test_outcomes_freeze_before_the_day_is_appended(cli: Teller, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "left.csv").write_text("account_id,churned_on\nA03,2026-01-01\n")
    said = cli("history", "append", "c.json", "day0.csv", "--as-of", "2026-01-01", "--outcomes", "left.csv").out
    assert "11 readings" in said
    assert "1 left out" in said
    shown = cli("history", "show", "A03")
    assert shown.code == 2
    assert "no reading from before it churned on 2026-01-01" in shown.err


def test_an_account_that_came_back_is_shown_with_its_absence(cli: Teller, tmp_path: Path) -> None:  # noqa: F811
    cli("history", "append", "c.json", "day0.csv", "--as-of", "2026-01-01")
    rows = "account_id,churned_on,kind\nA03,2025-10-01,churn\nA03,2026-01-02,reactivation\n"
    (tmp_path / "left.csv").write_text(rows)
    said = cli("history", "append", "c.json", "day1.csv", "--as-of", "2026-01-02", "--outcomes", "left.csv").out
    assert "12 readings" in said
    assert "1 accounts came back" in said
    shown = cli("history", "show", "A03").out
    assert "Churned on 2025-10-01, back on 2026-01-02" in shown
    assert "2026-01-01  " not in shown


def test_an_override_that_lies_on_no_reading_yet_is_shown_with_its_id(
    cli: Teller,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli("history", "append", "c.json", "day0.csv", "--as-of", "2026-01-01")
    monkeypatch.setattr(history_commands, "_today", lambda: date(2026, 1, 5))
    arguments = ("--band", "red", "--reason", "Champion has left", "--by", "Ada", "--until", "2026-02-01")
    entry = json.loads(cli("--json", "history", "override", "A05", *arguments).out)
    assert (
        f"Override {entry['id']} in force, on no reading above: red from 2026-01-05"
        in cli("history", "show", "A05").out
    )
    assert json.loads(cli("--json", "history", "show", "A05").out)["overrides"][0]["id"] == entry["id"]
    assert cli("history", "revoke", entry["id"], "--reason", "Champion is back", "--by", "Ada").code == 0
    assert "in force" not in cli("history", "show", "A05").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("append", "c.json", "day0.csv", "--as-of", "2026-01-03"), "after today"),
        (("append", "c.json", "day0.csv", "--as-of", "yesterday"), "'yesterday' is not a date"),
        (("append", "c.json", "day0.csv", "--as-of", "2025-01-01"), "366 days old"),
        (("append", "c.json", "absent.csv", "--as-of", "2026-01-01"), "absent.csv"),
        (("append", "c.json", "odd.csv", "--as-of", "2026-01-01"), "'=cmd()'"),
        (("append", "c.json", "dated.csv", "--as-of", "2026-01-01"), "rows up to 2025-12-31"),
        (("append", "c.json", "twice.csv", "--as-of", "2026-01-01"), "arrives twice"),
        (("append", "c.json", "day0.csv", "--as-of", "2026-01-01", "--outcomes", "odd.csv"), "churned_on"),
        (("show", "A00"), "no score history"),
        (("rollup",), "no score history"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_no_reading(
    cli: Teller,  # noqa: F811
    tmp_path: Path,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    inputs(0).astype({"arr": object}).assign(arr="=cmd()").to_csv(tmp_path / "odd.csv", index=False)
    inputs(0).assign(as_of="2025-12-31").to_csv(tmp_path / "dated.csv", index=False)
    inputs(0).assign(account_id="A").to_csv(tmp_path / "twice.csv", index=False)
    said = cli("history", *arguments)
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err
    assert not list(tmp_path.glob("history/**/*.parquet"))


def test_a_table_of_parents_holds_no_cell_that_a_spreadsheet_would_run(cli: Teller, tmp_path: Path) -> None:  # noqa: F811
    rows = inputs(0).assign(parent_id=[None, *["=cmd()"] * 11], account_id=["=cmd()", *[f"A{k}" for k in range(11)]])
    rows.to_csv(tmp_path / "family.csv", index=False)
    cli("history", "append", "c.json", "family.csv", "--as-of", "2026-01-01")
    said = cli("history", "rollup", "--out", "parents.csv")
    assert "1 parent accounts on 2026-01-01" in said.out
    assert pd.read_csv(tmp_path / "parents.csv")["account_id"].tolist() == ["'=cmd()"]


def test_settings_of_the_history_come_from_the_project_file_and_are_checked(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\n\n[data]\nsnapshots = "s.csv"\noutcomes = "o.csv"\n\n[history]\n'
    file = tmp_path / "churnbench.toml"
    file.write_text(text + "band_after = 3\n")
    assert (load_project(file).history.band_after, load_project(file).history.velocity_days) == (3, 30)
    file.write_text(text + "velocity_bands = [-0.5, 0.2, 0.3, 0.5]\n")
    with pytest.raises(InputError, match="must ascend"):
        load_project(file)


def test_a_day_without_rows_is_no_reading_and_no_fault(cli: Teller, tmp_path: Path) -> None:  # noqa: F811
    inputs(0).head(0).assign(days_to_renewal=[]).to_csv(tmp_path / "none.csv", index=False)
    assert "0 readings of 2026-01-01" in cli("history", "append", "c.json", "none.csv", "--as-of", "2026-01-01").out


def test_a_churn_to_come_is_not_told_as_past(cli: Teller, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "left.csv").write_text("account_id,churned_on\nA03,2027-05-01\n")
    cli("history", "append", "c.json", "day0.csv", "--as-of", "2026-01-01", "--outcomes", "left.csv")
    shown = cli("history", "show", "A03").out
    assert "Leaves on 2027-05-01: scored until then." in shown
    assert "Frozen" not in shown
