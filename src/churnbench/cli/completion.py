"""What a shell completes: `churnbench completion SHELL`, and the words that options take.

The lists are spelled out because completion must answer at once; a test holds them against the tables they come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from churnbench.domain.errors import InputError

SHELLS = ("bash", "zsh", "fish")
FORMS = ("sql", "javascript", "dbt", "kit", "bundle")
DIALECTS = ("duckdb", "sqlite", "postgres", "spark", "databricks", "snowflake", "bigquery", "redshift")
ENGINES = ("python", "numpy", "duckdb", "sqlite", "postgres", "javascript", "spark", "spark-arrow")
FORMATS = ("csv", "parquet")

#: The variable through which a shell asks typer for words.
_VARIABLE = "_CHURNBENCH_COMPLETE"


def one_of(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Completes one word of a list."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def some_of(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Completes the last word of a list with commas; words that stand there already are not offered again.

    >>> some_of(("python", "numpy", "duckdb"))("python,d")
    ['python,duckdb']
    """

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        taken = set(before.split(","))
        return [before + comma + word for word in words if word.startswith(last) and word not in taken]

    return complete


def leaks(incomplete: str) -> list[str]:
    """Completes the kinds of planted leaks."""
    from churnbench.data.world_leaks import LEAKS

    return [kind for kind in LEAKS if kind.startswith(incomplete)]


def completion(
    shell: Annotated[
        str, typer.Argument(help="bash, zsh or fish.", metavar="SHELL", autocompletion=one_of(SHELLS))
    ] = "bash",
) -> None:
    """Print what makes your shell complete commands, options and their words; load it in the shell's start-up file.

    Example: churnbench completion bash

    For good: churnbench completion bash >> ~/.bashrc; likewise zsh >> ~/.zshrc, after compinit;
    fish > ~/.config/fish/completions/churnbench.fish.
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined] # what --show-completion calls

    if shell not in SHELLS:
        raise InputError(f"'{shell}' is not a shell that can be served.", fix=f"Use one of {', '.join(SHELLS)}.")
    script = get_completion_script(prog_name="churnbench", complete_var=_VARIABLE, shell=shell)
    sys.stdout.write(script.strip() + "\n")
