"""Scores rows with the JavaScript module in Node."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.document import Document, encode
from churnbench.export.javascript import package_text, write_javascript

HOW_TO_HAVE_NODE = "Install Node 18 or later so that `node` is on the PATH (e.g. apt-get install nodejs)."
#: Nothing that is scored here takes longer; a process that hangs must not hang its caller.
SECONDS = 1800
_WORDS = ("NaN", "Infinity", "-Infinity")


def score_in_javascript(document: Document, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Score rows with the JavaScript module, one Node process for all.

    Args:
        document: a config document; the module checks it and replays its golden vectors.
        rows: inputs by id; keys that the config does not declare are ignored.

    Returns:
        Per row what `churnbench_scorer.golden.everything` gives.

    Raises:
        InputError: without Node, for a document or an input that the module refuses.
    """
    kinds = {entry["id"]: entry["type"] for entry in document["inputs"]}
    lines = "".join(json.dumps(_encoded(row, kinds)) + "\n" for row in rows)
    with tempfile.TemporaryDirectory(prefix="churnbench-node-") as name:
        folder = Path(name)
        module, config, script = write_javascript(folder), folder / "config.json", folder / "run-lines.mjs"
        config.write_text(json.dumps(document), encoding="utf-8")
        script.write_text(package_text("run-lines.mjs"), encoding="utf-8")
        written = run_node([str(script), str(module), str(config)], lines)
    return [json.loads(line) for line in written.splitlines()]


def run_node(arguments: Sequence[str], stdin: str = "") -> str:
    """Run Node with a script and give back what it printed.

    Raises:
        InputError: when there is no Node, or the script ends with an error.
    """
    node = shutil.which("node")
    if node is None:
        raise InputError("the JavaScript engine needs Node, and there is no `node` here.", fix=HOW_TO_HAVE_NODE)
    try:
        done = subprocess.run(  # noqa: S603 - our own script, arguments as a list, no shell
            [node, *arguments], input=stdin, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"Node did not finish within {SECONDS} seconds.", fix="Score fewer rows at once.") from error
    if done.returncode:
        raise _as_input_error(done.stderr)
    return done.stdout


def _as_input_error(stderr: str) -> InputError:
    try:
        refusal = json.loads(stderr)
    except ValueError:
        found = re.search(r"^\w*Error\b.*$", stderr, re.MULTILINE)
        first = found.group() if found else stderr.strip()[:200]
        return InputError(f"Node failed: {first}", fix=HOW_TO_HAVE_NODE)
    if refusal["name"] == "ConfigRefused":
        message = f"{refusal['where']}: {refusal['arrived']}; expected {refusal['expected']}."
        return InputError(message, fix=refusal["fix"])
    return InputError(f"inputs number {refusal['row'] + 1}: {refusal['message']}")


def _encoded(row: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in row.items() if name in kinds}
    texts = {name: _literal(value) for name, value in plain.items() if kinds[name] == "category"}
    numbers = {name: _not_a_word(value) for name, value in plain.items() if kinds[name] != "category"}
    return {**encode(numbers), **texts}


def _plain(value: Any) -> Any:
    """A value as JSON has it: NumPy numbers and decimals as doubles, integers beyond all doubles as infinite."""
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, int) or hasattr(value, "__float__"):
        try:
            return int(value) if isinstance(value, int) and abs(value) < 2**1023 else float(value)
        except OverflowError:
            return math.inf
    return [str(value)]  # no number and no text: refused as such on the other side


def _literal(value: Any) -> Any:
    """Text stands for itself; a missing text may come as NaN, any other number is for the scorer to refuse."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else [value > 0]
    return value


def _not_a_word(value: Any) -> Any:
    """Text in a number input must be refused even where it spells one of the words for doubles."""
    return [value] if value in _WORDS else value
