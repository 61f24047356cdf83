"""Help, exit codes and plain words: what a person at a terminal meets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import typer
from command_line import Said, Teller
from formula_worlds import assemble, small_body
from projects import HEAD, QUICK, copy_of, edit, world, write_project

from churnbench.cli import main
from churnbench.domain.errors import ChurnbenchError
from churnbench.export import write_document

VERBS = sorted(typer.main.get_command(main.app).commands)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("good") / "acme")


@pytest.fixture
def project(good: Path, tmp_path: Path) -> Path:
    return copy_of(good, tmp_path / "acme")


def _faults(said: Said, *words: str) -> list[str]:
    """What keeps an answer from being one paragraph on stderr with exit code 2 that holds the words."""
    rules = {
        f"exit code {said.code}": said.code == 2,
        "does not begin with the program's name": said.err.startswith("churnbench: "),
        "shows a traceback": "Traceback" not in said.err,
        "more than one paragraph": said.err.strip().count("\n") == 0,
        "something on stdout": said.out == "",
        **{f"does not say {word!r}": word in said.err for word in words},
    }
    return [f"{fault}: {said.err}" for fault, kept in rules.items() if not kept]


def test_the_contract_s_verbs_are_there() -> None:
    assert {"demo", "init", "check", "run", "score", "export", "verify", "simulate"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_each_verb_says_what_it_does_and_shows_an_example(cli: Teller, verb: str) -> None:
    said = cli(verb, "--help")
    assert said.code == 0
    assert re.search(rf"Example:\s+churnbench {verb}", said.out)
    assert said.err == ""


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys; sys.argv = ['churnbench', '--help']\n"
        "from churnbench.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'numpy', 'mlflow', 'lightgbm', 'sklearn', 'scipy', 'shap', 'duckdb', 'matplotlib'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "LOADED []" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [["run", "acme"], ["run", "acme", "--out", "o", "--seed", "x"], ["nonsense"]])
def test_a_command_that_cannot_be_read_ends_with_two(cli: Teller, arguments: list[str]) -> None:
    said = cli(*arguments)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_good_project_is_checked_in_plain_words(cli: Teller, project: Path) -> None:
    said = cli("check", project)
    assert said.code == 0
    assert said.err == ""
    assert "tiny" in said.out
    assert "claim level: point-in-time" in said.out
    assert "Nothing blocks" in said.out
    assert cli("check", project / "churnbench.toml").out == said.out


def test_progress_goes_to_stderr_and_only_when_asked(cli: Teller, project: Path) -> None:
    quiet, loud = cli("check", project), cli("check", project, "--progress")
    assert quiet.out == loud.out
    assert quiet.err == ""
    assert "checks" in loud.err


def test_a_leak_ends_with_three_and_names_the_check(cli: Teller, tmp_path: Path) -> None:
    said = cli("check", write_project(tmp_path / "leaky", made=world(leak="full")))
    assert said.code == 3
    assert "block" in said.out
    assert said.err.startswith("churnbench: blocked by")
    assert "Traceback" not in said.err


BAD_PROJECTS = {
    "empty": ("", "project"),
    "not TOML": ("[project\nname", "row 1"),
    "unknown key": (HEAD + "[calibration]\nderiv = 'anchored'\n", "deriv"),
    "unknown section": (HEAD + "[calibratoin]\n", "calibratoin"),
    "wrong type": (HEAD + "[label]\ngap_days = 'two weeks'\n", "gap_days"),
    "negative": (HEAD + "[label]\nhorizon_days = -3\n", "horizon_days"),
    "not a choice": (HEAD + "[calibration]\nderive = 'magic'\n", "derive"),
    "bad date": (HEAD + "[label]\ndata_through = '2025-13-45'\n", "data_through"),
    "unknown preset": (HEAD + "[formula]\npreset = 'six-dimensions'\n", "six-dimensions"),
    "two histories": (HEAD + 'table = "t.csv"\nlabel = "y"\nlabel_positive = 1\n', "exactly one"),
    "no outcomes": ('[project]\nname = "x"\n[data]\nsnapshots = "snapshots.csv"\n', "outcomes"),
    "no data": ('[project]\nname = "x"\n', "data"),
    "risks crossed": (HEAD + "[thresholds]\ngreen_risk = 0.5\nred_risk = 0.1\n", "green_risk"),
    "capacity without figure": (HEAD + "[thresholds]\nby = 'capacity'\n", "capacity"),
    "limits upside down": (HEAD + "[calibration]\ndimension_share = [0.5, 0.1]\n", "dimension_share"),
}


@pytest.mark.parametrize("name", BAD_PROJECTS)
def test_a_project_file_that_cannot_be_used_is_explained_in_one_paragraph(
    cli: Teller, project: Path, name: str
) -> None:
    text, word = BAD_PROJECTS[name]
    (project / "churnbench.toml").write_text(text, encoding="utf-8")
    assert not _faults(cli("check", project), word)


def test_projects_that_are_not_there_or_not_text_are_explained(cli: Teller, tmp_path: Path) -> None:
    assert not _faults(cli("check", tmp_path / "nowhere"), "nowhere", "churnbench init")
    (tmp_path / "bare").mkdir()
    assert not _faults(cli("check", tmp_path / "bare"), "bare")
    (tmp_path / "bare" / "churnbench.toml").mkdir()
    assert not _faults(cli("check", tmp_path / "bare"))
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    assert not _faults(cli("check", tmp_path / "binary.toml"), "binary.toml")


def _text(table: pd.DataFrame) -> str:
    return table.to_csv(index=False)


def _cell(table: pd.DataFrame, column: str, value: str, row: int = 9) -> str:
    changed = table.copy()
    changed.loc[row, column] = value
    return _text(changed)


BAD_SNAPSHOTS: dict[str, tuple[Callable[[pd.DataFrame], str | bytes], tuple[str, ...]]] = {
    "empty file": (lambda table: "", ("snapshots.csv",)),
    "only a header": (lambda table: _text(table.iloc[:0]), ("snapshots.csv",)),
    "binary": (lambda table: bytes(range(256)) * 40, ("snapshots.csv",)),
    "latin-1": (lambda table: _cell(table, "account_id", "Müller").encode("latin-1"), ("snapshots.csv", "UTF-8")),
    "duplicate header": (
        lambda table: _text(table.rename(columns={table.columns[4]: table.columns[5]})),
        ("snapshots.csv", "two columns"),
    ),
    "no account_id": (lambda table: _text(table.drop(columns="account_id")), ("snapshots.csv", "account_id")),
    "no as_of": (lambda table: _text(table.drop(columns="as_of")), ("snapshots.csv", "as_of")),
    "a word for a number": (lambda table: _cell(table, "nps", "n/a"), ("snapshots.csv", "row 11", "nps", "n/a")),
    "a bad date": (lambda table: _cell(table, "as_of", "2025-02-30"), ("snapshots.csv", "row 11", "as_of")),
    "an empty date": (lambda table: _cell(table, "as_of", ""), ("snapshots.csv", "row 11", "as_of")),
    "a ragged row": (
        lambda table: _text(table) + "A1,2025-01-31,1,2,3,4,5,6,7,8,9" + ",1" * 40 + "\n",
        ("snapshots.csv",),
    ),
    "no metric": (lambda table: _text(table[["account_id", "as_of"]]), ("snapshots.csv",)),
}


@pytest.mark.parametrize("name", BAD_SNAPSHOTS)
def test_a_data_file_that_cannot_be_used_names_file_row_and_column(cli: Teller, project: Path, name: str) -> None:
    spoil, words = BAD_SNAPSHOTS[name]
    path = project / "snapshots.csv"
    made = spoil(pd.read_csv(path, dtype=str, keep_default_na=False))
    path.write_bytes(made if isinstance(made, bytes) else made.encode("utf-8"))
    assert not _faults(cli("check", project), *words)


@pytest.mark.parametrize("file", ["snapshots.csv", "outcomes.csv", "accounts.csv"])
def test_a_data_file_that_is_missing_or_a_folder_is_named(cli: Teller, project: Path, file: str) -> None:
    (project / file).unlink()
    assert not _faults(cli("check", project), file)
    (project / file).mkdir()
    assert not _faults(cli("check", project), file)


def test_outcomes_with_words_for_dates_are_named(cli: Teller, project: Path) -> None:
    table = pd.read_csv(project / "outcomes.csv", dtype=str, keep_default_na=False)
    (project / "outcomes.csv").write_text(_cell(table, "churned_on", "soon", row=0), encoding="utf-8")
    assert not _faults(cli("check", project), "outcomes.csv", "row 2", "churned_on", "soon")


def test_infeasible_limits_are_refused_before_anything_is_written(cli: Teller, project: Path, tmp_path: Path) -> None:
    edit(project / "churnbench.toml", QUICK, QUICK + "max_metric_share = 0.02\n")
    edit(project / "churnbench.toml", HEAD, HEAD + '\n[tracking]\nuri = "sqlite:///mlruns/mlflow.db"\n')
    said = cli("check", project)
    assert said.code in (0, 2)
    assert not (tmp_path / "runs").exists()


def test_score_export_and_verify_refuse_what_is_no_config(cli: Teller, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "in.csv").write_text("account_id\na\n")
    for arguments in (
        ("score", "broken.json", "in.csv", "--out", "o.csv"),
        ("score", "nowhere.json", "in.csv", "--out", "o.csv"),
        ("export", "broken.json"),
        ("verify", "broken.json"),
    ):
        said = cli(*arguments)
        assert said.code == 2, arguments
        assert said.err.startswith("churnbench: ")
    assert not (tmp_path / "o.csv").exists()


def test_a_world_is_simulated_with_its_truth_and_can_be_checked_at_once(cli: Teller, tmp_path: Path) -> None:
    said = cli("simulate", "--out", "w", "--accounts", 300, "--months", 24, "--seed", 7)
    assert said.code == 0
    assert "truth.json" in said.out
    assert (tmp_path / "w" / "truth.json").is_file()
    assert cli("check", "w").code == 0
    assert not _faults(cli("simulate", "--out", "v", "--accounts", 300, "--leak", "drip"), "drip")


def test_init_makes_a_project_once_and_never_into_a_full_folder(cli: Teller, tmp_path: Path) -> None:
    said = cli("init", "acme")
    assert said.code == 0
    assert "churnbench run acme" in said.out
    before = sorted(path.name for path in (tmp_path / "acme").iterdir())
    assert not _faults(cli("init", "acme"), "not empty")
    assert sorted(path.name for path in (tmp_path / "acme").iterdir()) == before
    (tmp_path / "file").write_text("")
    assert not _faults(cli("init", "file"), "file")


def test_an_interrupt_and_a_closed_pipe_have_exit_codes_of_their_own(
    cli: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(error: BaseException) -> Callable[..., None]:
        def command(*arguments: object, **options: object) -> None:
            raise error

        return command

    monkeypatch.setattr(main, "app", raising(KeyboardInterrupt()))
    said = cli("run")
    assert said.code == 130
    assert "nothing was published" in said.err
    monkeypatch.setattr(main, "app", raising(BrokenPipeError()))
    assert cli("run").code == 141
    monkeypatch.setattr(main, "app", raising(NotADirectoryError(20, "Not a directory", "out.txt")))
    said = cli("run")
    assert said.code == 2
    assert "cannot use 'out.txt': Not a directory" in said.err
    monkeypatch.setattr(main, "app", raising(ChurnbenchError("words.")))
    assert cli("run") == Said(2, "", "churnbench: words.\n")


def test_engines_that_disagree_end_with_two_and_name_the_rules(
    cli: Teller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from churnbench.export import engines

    def wrong(document: dict, rows: list) -> list:
        return [{**found, "coverage": 1} for found in engines.score_in_python(document, rows)]

    config = write_document(assemble(small_body()), tmp_path / "core.json")
    monkeypatch.setattr("churnbench.export.parity.ENGINES", {**engines.ENGINES, "duckdb": wrong})
    said = cli("verify", str(config), "--engine", "python,duckdb")
    assert said.code == 2
    assert "equal in score, reading, band" in said.out
    assert "core: a random row" in said.out
    assert "more rules" in said.out
    assert "duckdb does not agree: case 1 (core, an ordinary row): coverage 1, expected" in said.err


def test_a_kit_is_exported_answered_and_checked(cli: Teller, tmp_path: Path) -> None:
    config, kit = write_document(assemble(small_body()), tmp_path / "core.json"), tmp_path / "kit.jsonl"
    assert "cases" in cli("export", str(config), "--to", "kit", "--out", str(kit)).out
    assert cli("verify", str(kit), "--engine", "python,sqlite").code == 0
    answers = [
        {"case": entry["case"], "out": entry["out"]}
        for entry in map(json.loads, kit.read_text("utf-8").splitlines())
        if "case" in entry
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    for given in (config, kit):
        assert cli("verify", str(given), "--answers", str(path)).code == 0
    path.write_text("\n".join(map(json.dumps, answers[:-1])), encoding="utf-8")
    assert cli("verify", str(kit), "--answers", str(path)).code == 2


def test_every_form_of_a_config_is_written(cli: Teller, tmp_path: Path) -> None:
    config = str(write_document(assemble(small_body()), tmp_path / "core.json"))
    for form, first in (("javascript", "churnbench-scorer.mjs"), ("dbt", "README.md"), ("bundle", "MODEL_CARD.md")):
        said = cli("export", config, "--to", form, "--out", str(tmp_path / form))
        assert (said.code, said.err) == (0, "")
        assert list((tmp_path / form).rglob(first))
        assert cli("export", config, "--to", form, "--out", str(tmp_path / form)).code == 2
    for arguments in (["--dialect", "postgres", "--details"], ["--dialect", "snowflake"]):
        assert "SELECT" in cli("export", config, *arguments).out
    assert cli("export", config, "--out", str(tmp_path / "score.sql")).code == 0
    assert (tmp_path / "score.sql").read_text("utf-8").endswith(";\n")
    assert "Add --out" in cli("export", config, "--to", "kit").err
    assert "sql, javascript, dbt, kit, bundle" in cli("export", config, "--to", "excel").err
