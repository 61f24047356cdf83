"""`--help` of every verb and what a shell completes; the examples of the help are run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import Said, Teller
from projects import HEAD, world, write_project
from release_worlds import candidate, moved_body, released

from churnbench import tracking
from churnbench.cli import completion, main, notebook_commands
from churnbench.data import simulate_demo
from churnbench.data.world_leaks import LEAKS
from churnbench.export.engines import ENGINES
from churnbench.export.sql_dialects import DIALECTS
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
    (found,) = re.findall(r"^Example: churnbench (.+)$", COMMANDS[verb].help, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_each_verb_says_one_sentence_one_example_and_what_every_option_is_for(cli: Teller, verb: str) -> None:
    first = _paragraphs(verb)[0]
    assert first.endswith(".")
    assert not re.search(r"[.!?] [A-Z]", first), first
    assert _example(verb).startswith(verb)
    # On one line however narrow the terminal is: it is there to be copied.
    said = cli(*verb.split(), "--help")
    assert f"Example: churnbench {_example(verb)}\n" in said.out
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


SET_UP = {"ui": _ui, "rollback": _rollback, "notebooks": _notebooks}
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
    "keys new": "private",
    "monitor": "Nothing to do",
    "notebooks": "05_quarterly_review.html",
    "completion": "complete -o default -F",
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
