"""The verbs of triggers as a person types them: what they print, leave behind and refuse."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import date
from pathlib import Path

import pytest
from command_line import Teller
from projects import world, write_project

from churnbench.cli import trigger_commands
from churnbench.data.project import load_project
from churnbench.data.sections import Location
from churnbench.interventions.log import read_location
from churnbench.playbooks import AlertBook
from churnbench.workflow import run_review

TINY = "\n[calibration]\nbootstrap = 2\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project and a run of it."""
    folder = tmp_path_factory.mktemp("triggers")
    write_project(folder / "project", made=world(), tail=TINY)
    run_review(load_project(folder / "project"), folder / "run")
    return folder


@pytest.fixture
def arguments(made: Path) -> list[object]:
    return [made / "project", "--config", made / "run" / "config.json"]


def test_evaluate_remembers_delivers_and_fits_a_terminal(cli: Teller, arguments: list[object], tmp_path: Path) -> None:
    first = cli("triggers", "evaluate", *arguments, "--state", "s", "--as-of", "2025-11-30", "--deliver", "a.csv")
    assert first.code == 0, first.err
    assert "0 open before" in first.out
    assert max(map(len, first.out.splitlines())) <= 80
    assert "logins-down-20-in-a-week: looks 7 days back" in first.out
    header, *rows = (tmp_path / "a.csv").read_text().splitlines()
    assert header.startswith("alert_id,trigger")
    assert rows
    again = cli("triggers", "evaluate", *arguments, "--state", "s", "--as-of", "2025-11-30")
    assert "0 new" in again.out
    earlier = cli("triggers", "evaluate", *arguments, "--state", "s", "--as-of", "2025-10-31")
    assert earlier.code == 2
    assert "lies before it" in earlier.err


def test_evaluate_as_json_holds_alerts_with_their_tasks(cli: Teller, arguments: list[object]) -> None:
    facts = json.loads(cli("--json", "triggers", "evaluate", *arguments).out)
    assert facts["as_of"] == "2025-12-31"
    assert {"alert_id", "evidence", "owner", "due", "tasks"} <= set(facts["opened"][0])
    assert facts["opened"][0]["tasks"][0]["success"]
    assert cli("-q", "triggers", "evaluate", *arguments).out == ""


def test_backtest_prints_two_tables_in_80_columns_and_leaves_json(
    cli: Teller, arguments: list[object], tmp_path: Path
) -> None:
    said = cli("triggers", "backtest", *arguments, "--out", "b", "--replicates", "20")
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    facts = json.loads((tmp_path / "b" / "triggers.json").read_text())
    assert {one["verdict"]["word"] for one in facts["triggers"]} <= {
        "earns its noise",
        "noise",
        "too few events to say",
        "schedule",
    }
    assert {one["trigger"] for one in facts["not_evaluated"]} >= {"milestone-missed"}
    assert "current care" in facts["estimand"]
    assert "The config learned from dates up to" in said.out


@pytest.fixture
def january(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which alerts are closed."""
    monkeypatch.setattr(trigger_commands, "_today", lambda: date(2026, 1, 5))


@pytest.mark.usefixtures("january")
def test_closing_an_alert_keeps_its_outcome(cli: Teller, arguments: list[object], tmp_path: Path) -> None:
    facts = json.loads(cli("--json", "triggers", "evaluate", *arguments, "--state", "alerts").out)
    name = facts["opened"][0]["alert_id"]
    assert cli("triggers", "close", name, "--outcome", "no-answer", "--on", "2026-01-02").code == 0
    last = json.loads((tmp_path / "alerts" / "alerts.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["outcome"], last["on"]) == ("closed", "no-answer", "2026-01-02")
    assert cli("triggers", "close", "al-0", "--outcome", "done").code == 2
    late = cli("triggers", "close", facts["opened"][1]["alert_id"], "--outcome", "done", "--on", "2026-01-06")
    assert "2026-01-06 is yet to come" in late.err


@pytest.mark.usefixtures("january")
def test_closing_an_alert_logs_the_intervention_in_one_step(
    cli: Teller, made: Path, arguments: list[object], tmp_path: Path
) -> None:
    shutil.copytree(made / "project", tmp_path / "project")
    raised = json.loads(cli("--json", "triggers", "evaluate", *arguments, "--state", "alerts").out)["opened"]
    alert = next(one for one in raised if one["playbook"] == "adoption")
    close = ("triggers", "close", alert["alert_id"], "--by", "Ada", "--note", "=Training held", "--log", "project")

    refused = cli(*close, "--outcome", "false-alarm")
    assert refused.code == 2
    assert "led to nothing that could be logged" in refused.err
    assert not (tmp_path / "project" / "interventions.csv").exists()
    said = cli(*close, "--outcome", "no-answer", "--started", "2026-01-02")
    assert said.code == 0, said.err

    project = load_project(tmp_path / "project")
    log = read_location(project, Location(path="interventions.csv"))
    (row,) = log.entries.to_dict("records")
    assert (row["account_id"], row["kind"], row["trigger"]) == (alert["account_id"], "adoption", alert["trigger"])
    assert (f"{row['started_on']:%Y-%m-%d}", f"{row['known_on']:%Y-%m-%d}") == ("2026-01-02", "2026-01-05")
    assert (row["reading"], row["outcome"], row["author"]) == (pytest.approx(alert["reading"]), "no-answer", "Ada")
    assert (row["treated"], row["randomised"], row["note"]) == (True, False, "=Training held")
    assert row["intervention_id"] in said.out
    assert "was closed on 2026-01-05" in cli(*close, "--outcome", "done").err


@pytest.mark.usefixtures("january")
def test_a_closing_that_was_cut_short_after_the_log_can_be_given_again(
    cli: Teller, made: Path, arguments: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made / "project", tmp_path / "project")
    raised = json.loads(cli("--json", "triggers", "evaluate", *arguments, "--state", "alerts").out)["opened"]
    close = ("triggers", "close", raised[0]["alert_id"], "--outcome", "done", "--by", "Ada", "--log", "project")
    with monkeypatch.context() as patched:
        patched.setattr(AlertBook, "close", lambda *_, **__: sys.exit(9))
        assert cli(*close).code == 9
    assert cli(*close).code == 0
    assert len((tmp_path / "project" / "interventions.csv").read_text().splitlines()) == 2


def test_a_first_day_without_a_log_is_refused(cli: Teller) -> None:
    said = cli("triggers", "close", "al-0", "--outcome", "done", "--started", "2026-01-02")
    assert "Add --log PROJECT" in said.err


def test_evaluate_reads_the_stored_history_when_asked(cli: Teller, made: Path, arguments: list[object]) -> None:
    config = made / "run" / "config.json"
    daily = ("daily", made / "project", "--config", config, "--out", "out", "--store", "history", "--reports", "")
    assert cli(*daily, "--reason", "First day of the history").code == 0
    said = cli("triggers", "evaluate", *arguments, "--store", "history", "--state", "out/alerts")
    assert said.code == 0, said.err
    assert ": 0 new," in said.out
    assert "0 over" in said.out


def test_an_alert_that_could_not_be_sent_ends_in_exit_code_2_and_is_remembered(
    cli: Teller, made: Path, arguments: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    text = (made / "project" / "churnbench.toml").read_text()
    head = '\n[playbooks]\nuse = "none"\n[playbooks.webhook]\nattempts = 1\n'
    own = '[[triggers]]\nid = "t"\nkind = "renewal"\ndays = 14\n'
    (made / "project" / "hook.toml").write_text(text + head + own)
    config = made / "run" / "config.json"
    said = cli(
        "triggers", "evaluate", made / "project" / "hook.toml", "--config", config, "--state", "s",
        "--deliver", "http://127.0.0.1:9/x",
    )  # fmt: skip
    assert said.code == 2
    assert "did not reach http://127.0.0.1:9/x (ConnectionRefusedError)" in said.err
    assert (tmp_path / "s" / "alerts.jsonl").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--deliver", "https://host/x"], "only with a memory"),
        (["--state", "s", "--deliver", "https://a:b@host/x"], "a secret stands in the address"),
        (["--deliver", "x.xlsx"], "is no form of alerts"),
        (["--as-of", "31.12.2025"], "is not a date"),
        (["--as-of", "1999-01-01"], "no reading on or before 1999-01-01"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    cli: Teller, arguments: list[object], more: list[str], words: str
) -> None:
    said = cli("triggers", "evaluate", *arguments, *more)
    assert said.code == 2
    assert words in said.err
    assert said.out == ""
