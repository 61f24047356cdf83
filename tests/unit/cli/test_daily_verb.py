"""The verb of every day as a scheduler calls it: delivery, late days, returned accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import projects
import pytest
from command_line import Said, Teller
from receiver import Receiver, receiving, status

from churnbench.cli import daily_commands
from churnbench.data.project import load_project
from churnbench.export import write_document
from churnbench.workflow.health_book import book_of

HEAD = "\n[playbooks.webhook]\nattempts = 1\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose alerts are sent with one attempt each, and the hand formula beside it."""
    folder = tmp_path_factory.mktemp("daily") / "project"
    projects.write_project(folder, made=projects.world(40, 14, 5), tail=HEAD)
    write_document(dict(book_of(load_project(folder)).document), folder / "config.json")
    return folder


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(daily_commands, "_today", lambda: date(2026, 1, 2))
    with receiving() as server:
        yield server


def daily(cli: Teller, made: Path, *more: object) -> Said:
    arguments = ("--config", made / "config.json", "--out", "out", "--store", "history", "--reports", "")
    return cli("daily", made, *arguments, *more)


def test_alerts_of_a_day_are_sent_once_however_often_the_day_is_run(
    cli: Teller, made: Path, receiver: Receiver, tmp_path: Path
) -> None:
    first = daily(cli, made, "--deliver", receiver.url)
    assert first.code == 0, first.err
    journal = (tmp_path / "out" / "alerts" / "alerts.jsonl").read_text().splitlines()
    raised = [json.loads(line)["alert"]["alert_id"] for line in journal]
    assert sorted(receiver.keys()) == sorted(raised)
    assert f"{len(raised):,} taken" in first.out

    again = daily(cli, made, "--deliver", receiver.url)
    assert f"0 taken, {len(raised):,} had been taken before" in " ".join(again.out.split())
    assert len(receiver.got) == len(raised)


def test_a_day_whose_alerts_nobody_takes_is_kept_and_ends_in_exit_code_2(
    cli: Teller, made: Path, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [status(503)]
    said = daily(cli, made, "--deliver", receiver.url)
    assert said.code == 2
    assert "did not reach" in said.err
    assert len(receiver.got) == 3, "an address that is down is not asked about every alert"
    assert (tmp_path / "out" / "alerts.csv").exists()

    receiver.answers = [status(200)]
    assert daily(cli, made, "--deliver", receiver.url).code == 0
    assert len(set(receiver.keys())) == len((tmp_path / "out/alerts/alerts.jsonl").read_text().splitlines())


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize(
    ("target", "words"),
    [("alerts.xlsx", "is no form of alerts"), ("https://a:b@host/x", "a secret stands in the address")],
)
def test_what_cannot_be_delivered_to_is_refused_before_anything_is_kept(
    cli: Teller, made: Path, tmp_path: Path, target: str, words: str
) -> None:
    said = daily(cli, made, "--deliver", target)
    assert said.code == 2
    assert words in said.err
    assert not (tmp_path / "history").exists()


@pytest.mark.usefixtures("receiver")
def test_a_file_holds_every_open_alert_as_json_lines(cli: Teller, made: Path, tmp_path: Path) -> None:
    said = daily(cli, made, "--deliver", "a.jsonl")
    assert said.code == 0, said.err
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines
    assert all(line["tasks"] for line in lines)


@pytest.mark.usefixtures("receiver")
def test_a_late_day_says_whose_alerts_stay_and_a_snapshot_after_a_churn_is_named(
    cli: Teller, made: Path, tmp_path: Path
) -> None:
    assert daily(cli, made).code == 0
    late = daily(cli, made, "--as-of", "2025-11-30", "--reason", "The warehouse was down")
    assert late.code == 0, late.err
    assert "stay those of 2025-12-31" in late.out
    assert max(map(len, late.out.splitlines())) <= 80

    outcomes = pd.read_csv(made / "outcomes.csv")
    here = pd.read_csv(made / "snapshots.csv").query("as_of == '2025-12-31'")["account_id"].iloc[0]
    left = {"account_id": here, "churned_on": "2025-12-15", "known_on": "2025-12-15", "kind": "churn"}
    pd.concat([outcomes, pd.DataFrame([left])]).to_csv(made / "outcomes.csv", index=False)
    try:
        said = daily(cli, made, "--store", "other", "--out", "elsewhere")
    finally:
        outcomes.to_csv(made / "outcomes.csv", index=False)
    assert said.code == 0, said.err
    assert f"1 that left or gave notice by then, first {here}" in said.out
    assert 'kind "reactivation"' in said.out
