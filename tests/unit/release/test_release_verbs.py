from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import Teller
from formula_worlds import FULL_ROW
from release_worlds import REASON, candidate, moved_body, run_folder

from churnbench.cli.release_commands import export_bundle
from churnbench.domain.errors import InputError
from churnbench.release import active
from churnbench.tracking import open_registry

WHO = ("--by", "Ada Byron", "--role", "VP Customer Success")


def test_promote_and_rollback_say_what_is_active_in_eighty_columns(cli: Teller, tmp_path: Path) -> None:
    for step in range(2):
        run_folder(tmp_path / f"run{step}", candidate(moved_body(step)))
        said = cli("promote", f"run{step}", *WHO, "--decision", "Go", "--condition", "a", "--condition", "b")
        assert (said.code, said.err) == (0, "")
    assert "Active      core 1.2.0, sequence 3 (minor change)" in said.out
    assert "no MLflow store here" in said.out
    assert "Signature   none" in said.out
    said = cli("rollback", "core", *WHO, "--reason", "Scores jumped on Monday morning")
    assert "Active      core 1.3.0, sequence 4" in said.out
    assert active(tmp_path / "models", "core")[0]["body"] == moved_body(0)
    long = [line for line in said.out.splitlines() if len(line) > 80]
    assert long == []


def test_a_verdict_that_forbids_release_ends_with_two_and_moves_nothing(cli: Teller, tmp_path: Path) -> None:
    run_folder(tmp_path / "run", candidate(provenance={"verdict": "reject"}))
    said = cli("promote", "run", *WHO)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("churnbench: ")
    assert "--override" in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "models" / "core").exists()
    assert cli("promote", "run", *WHO, "--override", REASON).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", "nowhere", *WHO),
        ("promote", "run", "--by", "", "--role", "VP"),
        ("promote", "run", *WHO, "--review-by", "soon"),
        ("promote", "run", *WHO, "--key", "nowhere.pem"),
        ("promote", "run"),
        ("rollback", "core", *WHO, "--reason", "why"),
        ("diff", "run/config.json", "nowhere.json"),
        ("diff", "run/config.json", "run/incumbent.json", "--portfolio", "nowhere.csv"),
        ("shadow", "run/config.json", "run/incumbent.json", "nowhere.csv", "--out", "x.csv"),
        ("keys", "new", "--out", "k.pem", "--owner", ""),
        ("keys", "nonsense"),
    ],
)
def test_bad_input_ends_with_two_and_without_a_traceback(
    cli: Teller, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run_folder(tmp_path / "run")
    said = cli(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err


def test_a_signed_release_from_the_command_line_verifies(cli: Teller, tmp_path: Path) -> None:
    run_folder(tmp_path / "run")
    said = cli("keys", "new", "--out", "keys/release.pem", "--owner", "Release team")
    assert "mode 0600" in said.out
    key_id = said.out.split()[1]
    assert f"Signature   {key_id}" in cli("promote", "run", *WHO, "--key", "keys/release.pem").out
    assert "PRIVATE" not in said.out + said.err
    again = cli("keys", "new", "--out", "keys/release.pem", "--owner", "Release team")
    assert again.code == 2
    assert "never overwritten" in again.err
    assert "the active release is signed" in cli("promote", "run", *WHO).err
    assert cli("promote", "run", *WHO, "--unsigned").code == 0


def test_diff_prints_text_or_json_and_the_effect_on_a_portfolio(cli: Teller, tmp_path: Path) -> None:
    run_folder(tmp_path / "run", candidate(moved_body(30)))
    pd.DataFrame([{"account_id": "=A1", **FULL_ROW, "arr": 1200}]).to_csv(tmp_path / "book.csv", index=False)
    plain = cli("diff", "run/incumbent.json", "run/config.json")
    assert plain.code == 0
    assert "core 1.0.0 (sequence 1) -> core 1.1.0 (sequence 2)" in plain.out
    assert "Least coverage for a score: 40.0 % -> 50.0 %." in plain.out
    assert max(map(len, plain.out.splitlines())) <= 80
    both = cli("diff", "run/incumbent.json", "run/config.json", "--portfolio", "book.csv")
    assert both.out.startswith(plain.out.rstrip())
    assert "1 accounts; " in both.out
    data = json.loads(cli("diff", "run/incumbent.json", "run/config.json", "--portfolio", "book.csv", "--json").out)
    assert data["portfolio"]["accounts"] == 1
    assert data["before"]["config_version"] == "1.0.0"
    assert not data["same_body"]


def test_shadow_writes_both_scores_and_prints_the_effect(cli: Teller, tmp_path: Path) -> None:
    run_folder(tmp_path / "run", candidate(moved_body(30)))
    rows = [{"account_id": "A1", **FULL_ROW}, {"account_id": "A2", **FULL_ROW, "logins_30d": 2}]
    pd.DataFrame(rows).drop(columns="segment").to_csv(tmp_path / "book.csv", index=False)
    said = cli("shadow", "run/incumbent.json", "run/config.json", "book.csv", "--out", "both.csv")
    assert said.code == 0
    assert "Both scores of 2 rows: both.csv" in said.out
    assert "churnbench: Column segment is absent" in said.err
    assert {"champion_band", "challenger_band"} <= set(pd.read_csv(tmp_path / "both.csv"))


def test_the_bundle_command_says_where_to_start(
    cli: Teller, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder(tmp_path / "run")
    export_bundle(tmp_path / "run" / "config.json", out=tmp_path / "bundle", contact="Data team")
    assert "start with" in capsys.readouterr().out
    assert "Data team" in (tmp_path / "bundle" / "README.md").read_text("utf-8")


def test_a_named_store_that_cannot_be_opened_is_a_note_not_a_failure(cli: Teller, tmp_path: Path) -> None:
    run_folder(tmp_path / "run")
    said = cli("promote", "run", *WHO, "--tracking", "http://127.0.0.1:9")
    assert said.code == 0
    assert "champion in MLflow is behind" in said.out
    assert "The release stands" in " ".join(said.out.split())
    assert active(tmp_path / "models", "core")[1].sequence == 2


def test_a_store_that_nobody_has_made_is_refused_and_not_made(cli: Teller, tmp_path: Path) -> None:
    run_folder(tmp_path / "run")
    (tmp_path / "empty.db").touch()
    for name in ("new/mlflow.db", "empty.db"):
        said = cli("promote", "run", *WHO, "--tracking", f"sqlite:///{name}")
        assert (said.code, said.out) == (2, "")
        assert "there is no MLflow store at" in said.err
    assert cli("promote", "run", *WHO, "--tracking", "nonsense").code == 2
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "models" / "core" / "current").exists()
    assert not (tmp_path / "models" / "core" / "registry.json").exists()


def test_opening_a_registry_never_makes_its_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a release does not make one"):
        open_registry("sqlite:///mlruns/mlflow.db", tmp_path)
    assert list(tmp_path.iterdir()) == []
