"""`churnbench simulate --facts` makes a project that the other commands work on."""

import json

import pytest
from projects import edit
from typer.testing import CliRunner

from churnbench.cli.main import app
from churnbench.domain.errors import InputError

WORLD = ("--accounts", 240, "--months", 20, "--seed", 3, "--base-rate", 0.08, "--facts", "--events", 10)


def told(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "w"
    result = told("simulate", "--out", folder, *WORLD)
    assert result.exit_code == 0, result.output
    assert "240 accounts, 20 months" in result.output
    edit(folder / "churnbench.toml", "[calibration]", "[calibration]\nbootstrap = 10")
    return folder


def test_a_world_of_facts_is_point_in_time_and_its_replay_changes_nothing(world):
    result = told("check", world)
    assert result.exit_code == 0, result.output
    assert "claim level: point-in-time" in result.output
    assert "nothing changed" in result.output
    assert "Nothing blocks" in result.output


@pytest.mark.parametrize("extra", [("--leak", "footprint"), ("--format", "csv")])
def test_facts_with_a_leak_or_as_csv_are_refused_and_nothing_is_written(tmp_path, extra):
    result = told("simulate", "--out", tmp_path / "w", *WORLD, *extra)
    assert isinstance(result.exception, InputError)
    assert "--facts" in str(result.exception)
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_a_world_of_facts_runs_to_a_verdict(world, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = told("run", world, "--out", "r")
    assert result.exit_code == 0, result.output
    evidence = json.loads((tmp_path / "r" / "evidence.json").read_text())
    assert evidence["claim_level"] == "point-in-time"
    assert evidence["verdict"] != "blocked"
    assert {row["id"] for row in evidence["weights"]["metrics"]} >= {"champions_left_90d", "active_seats_share", "nps"}
