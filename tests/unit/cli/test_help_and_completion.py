"""`--help` of every verb and what a shell completes; the examples of the help are run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from command_line import Said, Teller
from landing import landed
from landing import write_project as write_landing_project
from projects import HEAD, world, write_project
from release_worlds import candidate, moved_body, released
from zendesk_tables import tables as zendesk_tables

from churnbench import tracking
from churnbench.cli import completion, history_commands, main, notebook_commands, scorecard_verbs
from churnbench.data import catalogue, simulate_demo
from churnbench.data.simulate import simulate_world
from churnbench.data.world_leaks import LEAKS
from churnbench.data.world_settings import Treatment
from churnbench.export.engines import ENGINES
from churnbench.export.sql_dialects import DIALECTS
from churnbench.history import open_store, overrides
from churnbench.playbooks.journal import Journal
from churnbench.scorecards import LAYOUTS
from churnbench.workflow import headless

TINY = "\n[calibration]\nbootstrap = 2\n"
GROUP = typer.main.get_command(main.app)
COMMANDS: dict[str, Any] = {
    **{name: command for name, command in GROUP.commands.items() if not hasattr(command, "commands")},  # type: ignore[attr-defined]
    **{
        f"{group} {name}": command
        for group, verb in GROUP.commands.items()  # type: ignore[attr-defined]
        if hasattr(verb, "commands")
        for name, command in verb.commands.items()
    },
}


def _paragraphs(verb: str) -> list[str]:
    return [part.strip() for part in (COMMANDS[verb].help or "").split("\n\n")]


def _example(verb: str) -> str:
    (found,) = re.findall(r"^Example: churnbench ((?:.*\\\n)*.+)$", COMMANDS[verb].help, re.MULTILINE)
    return re.sub(r"\\\n\s*", "", str(found))


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_each_verb_says_one_sentence_one_example_and_what_every_option_is_for(cli: Teller, verb: str) -> None:
    first = _paragraphs(verb)[0]
    assert first.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", first), first
    assert _example(verb).startswith(verb)
    # Broken only where a shell reads on, and within 80 columns: it is there to be copied.
    said = cli(*verb.split(), "--help")
    assert f"Example: churnbench {_example(verb)}\n" in re.sub(r"\\\n\s*", "", said.out)
    assert max(map(len, said.out.splitlines())) <= 80
    silent = [parameter.name for parameter in COMMANDS[verb].params if not getattr(parameter, "help", None)]
    assert silent == []


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workplace after `churnbench demo`, on a smaller book."""
    from churnbench.data.project import load_project
    from churnbench.workflow import run_review

    place = tmp_path_factory.mktemp("demo")
    _small_demo(place / "runs" / "demo" / "project")
    run_review(load_project(place / "runs" / "demo" / "project"), place / "runs" / "demo")
    return place


def _small_demo(folder: Path, seed: int = 0) -> None:
    """A book that is promoted, as the demo's is, in a fifth of the time."""
    write_project(folder, made=world(500, 24, 5, 0.08), head=HEAD.replace('"tiny"', '"demo"'), tail=TINY)


@pytest.fixture
def place(finished: Path, tmp_path: Path, cli: Teller, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of one's own, which is the working directory."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(simulate_demo, "demo_project", _small_demo)
    return tmp_path


def _ui(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store to show, and a server that ends at once."""
    (place / "mlruns").mkdir()
    (place / "mlruns" / "mlflow.db").touch()
    monkeypatch.setattr(tracking, "serve", lambda command: command.index("5001") * 0)
    # Whether the real port is free is another test's matter.
    monkeypatch.setattr(tracking, "require_free", lambda _port: None)


def _rollback(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two releases, so that there is one to go back to."""
    for step in range(2):
        released(place / "models", place / "made" / str(step), candidate(moved_body(step), config_id="demo"))


def _notebooks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One notebook stands for all; others test that each of them runs."""
    whole = headless.run_notebooks
    monkeypatch.setattr(notebook_commands, "run_notebooks", lambda *a, **k: whole(*a, **{**k, "only": ("05",)}))


def _history(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two months in a history, and an override whose id the help can name."""
    inputs = pd.read_parquet(place / "runs" / "demo" / "latest_inputs.parquet").drop(columns="as_of")
    inputs.to_parquet(place / "inputs.parquet")
    monkeypatch.setattr(history_commands, "_today", lambda: date(2026, 1, 5))
    monkeypatch.setattr(overrides, "_name", lambda _entry: "0123456789")
    words = {"store": "history", "outcomes": None, "reason": "Made for a test", "band_after": 2, "allow_missing": False}
    for day in ("2025-11-30", "2025-12-31"):
        history_commands.append_day(
            place / "runs" / "demo" / "config.json", place / "inputs.parquet", as_of=day, **words
        )
    last = date(2026, 2, 1)
    account = str(inputs["account_id"].iloc[1])
    with open_store("history") as store:
        store.override(account, band="red", reason="Made for a test", author="Eve", today=date(2026, 1, 5), until=last)


HISTORY = ("show", "explain", "override", "revoke", "compact", "rollup")


def _assign(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of the newest snapshot, as `churnbench score` leaves them."""
    scores = pd.DataFrame({"account_id": [f"A{number:05d}" for number in range(40)], "health_score": range(40, 80)})
    scores.to_csv(place / "scores.csv", index=False)


def _effect(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world in which coins held accounts out, as `churnbench simulate --treat` makes it."""
    made = simulate_world(400, 12, 1, base_rate=0.1, treatment=Treatment(trigger=0.4), truth=False)
    simulate_demo.simulated_project(made, place / "worlds" / "treated")


def _close(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open alert of the id that the example names."""
    alert = {"alert_id": "al-899f3559711b878d", "trigger": "declining", "label": "Declining", "account_id": "A1"}
    Journal(place / "alerts" / "alerts.jsonl").append([{"event": "opened", "on": "2026-01-31", "alert": alert}])


def _scorecard(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other verb's example leaves."""
    from churnbench.cli.scorecard_commands import export_config

    config, out = place / "runs" / "demo" / "config.json", place / "runs" / "demo" / "scorecard.csv"
    export_config(config, out, platform="gainsight", segment=None, bands=None, decimals=None, inputs=None)


def _sources(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose fact tables come from a mapping."""
    with landed(place, "zendesk", zendesk_tables()) as (asked, address):
        (place / "acme").mkdir()
        write_landing_project(place / "acme", f"../{address}", asked)


SET_UP = {
    "ui": _ui,
    "rollback": _rollback,
    "notebooks": _notebooks,
    "interventions assign": _assign,
    "interventions effect": _effect,
    "scorecard import": _scorecard,
    "sources identity": _sources,
    "triggers close": _close,
    **{f"history {verb}": _history for verb in HISTORY},
}
SAYS = {
    "demo": "Verdict",
    "init": "Made acme",
    "check": "Nothing blocks",
    "run": "Verdict",
    "score": "rows scored",
    "export": "SELECT",
    "verify": "equal in",
    "simulate": "the truth is in",
    "ui": "http://127.0.0.1:5001",
    "promote": "Ada Byron, VP Customer Success",
    "rollback": "Ada Byron, VP CS",
    "diff": "usage",
    "shadow": "Both scores",
    "report": "Report portfolio",
    "keys new": "private",
    "catalogue": "logins_per_user_week",
    "scorecard export": "groups",
    "scorecard import": "Made from_scorecard",
    "sources list": "zendesk",
    "sources show": "ticket_field_history",
    "sources add": "[[data.facts]]",
    "sources identity": "events",
    "monitor": "Nothing to do",
    "notebooks": "05_quarterly_review.html",
    "history append": "readings of 2025-12-31 appended",
    "history show": "2025-12-31",
    "history explain": "2025-11-30 to 2025-12-31",
    "history override": "A00001 shows band red until 2026-02-28",
    "history revoke": "ends today",
    "history compact": "files put together",
    "history rollup": "No parents",
    "interventions log": "added to",
    "interventions assign": "a coin decided",
    "interventions power": "randomised accounts",
    "interventions effect": "held out",
    "daily": "readings added",
    "completion": "complete -o default -F",
    "triggers list": "score-falls-below-60",
    "triggers evaluate": "Most at stake",
    "triggers backtest": "verdict",
    "triggers close": "Closed al-899f3559711b878d",
}


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_the_example_of_each_verb_runs_after_the_demo(
    cli: Teller, place: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    SET_UP.get(verb, lambda *_: None)(place, monkeypatch)
    said: Said = cli(*shlex.split(_example(verb)))
    assert said.code == 0, said.err
    assert SAYS[verb].lower() in said.out.lower()
    assert "Traceback" not in said.err


def test_the_words_offered_are_those_that_are_taken() -> None:
    from churnbench.cli.config_commands import _FORMS

    assert set(completion.DIALECTS) == set(DIALECTS)
    assert set(completion.ENGINES) == set(ENGINES)
    assert set(completion.FORMS) == set(_FORMS)
    assert scorecard_verbs.GROUPS == catalogue.GROUPS
    assert scorecard_verbs.LAYOUTS == LAYOUTS
    assert completion.leaks("foot") == ["footprint"]
    assert set(completion.leaks("")) == set(LEAKS)
    assert completion.one_of(completion.SHELLS)("z") == ["zsh"]
    assert completion.some_of(("python", "numpy"))("python,") == ["python,numpy"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_gets_a_script_that_names_the_program(cli: Teller, shell: str) -> None:
    said = cli("completion", shell)
    assert said.code == 0
    assert "_CHURNBENCH_COMPLETE" in said.out
    assert "churnbench" in said.out


def test_an_unknown_shell_is_refused_with_those_that_are_known(cli: Teller) -> None:
    said = cli("completion", "tcsh")
    assert said.code == 2
    assert "bash, zsh, fish" in said.err


@pytest.fixture
def bash(tmp_path: Path) -> Any:
    """Completes a line in a real bash that has loaded the script, as pressing the tab key does."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("needs bash: apt-get install bash")
    program = tmp_path / "bin" / "churnbench"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom churnbench.cli.main import main\nsys.argv[0] = 'churnbench'\nmain()\n"
    )
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        quoted = " ".join(shlex.quote(word) for word in words)
        script = (
            'eval "$(churnbench completion bash)"\n'
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
            "function=$(complete -p churnbench | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
            '"$function" churnbench\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        done = subprocess.run(
            [shell, "--norc", "--noprofile", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return complete


def test_bash_completes_verbs_options_and_their_words(bash: Any) -> None:
    assert bash("churnbench pro") == ["promote"]
    assert set(bash("churnbench ")) == set(GROUP.commands)  # type: ignore[attr-defined]
    assert bash("churnbench keys ") == ["new"]
    assert "--dialect" in bash("churnbench export c.json --")
    assert bash("churnbench export c.json --dialect s") == ["sqlite", "spark", "snowflake"]
    assert bash("churnbench verify c.json --engine python,ja") == ["python,javascript"]
    # Nothing is offered for a path, and so bash completes files by itself (-o default).
    assert bash("churnbench check ") == []
