"""The scorer for JavaScript: one ES module without dependencies, for Node 18 or later and for browsers."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

from churnbench.export.document import Document
from churnbench.export.files import pretty, replaced_whole
from churnbench_scorer.shape import schema

#: Name of the module beside a config.
MODULE = "churnbench-scorer.mjs"

#: Parts of the module, each after those it imports; the last one keeps its exports.
PARTS = (
    "errors.mjs",
    "schema.mjs",  # not a file: written from the scorer's JSON Schema
    "strict-json.mjs",
    "canonical.mjs",
    "shape.mjs",
    "rules.mjs",
    "plan.mjs",
    "result.mjs",
    "after-total.mjs",
    "columns.mjs",
    "many.mjs",
    "scorer.mjs",
    "lifecycle.mjs",
    "load.mjs",
)

_HEADER = """\
// Reads, checks and applies a churnbench weight config: the same integers as the Python scorer, row for row.
// No dependency, no network, no eval; Node 18 or later and browsers.
//
//   import { load } from "./churnbench-scorer.mjs";
//   const scorer = load(textOfTheConfig);                     // throws ConfigRefused
//   const score = scorer.score({ logins_30d: 4, nps: null }); // throws InputRefused
//   score.health_score_x100, score.band, score.coverage_bp, score.churn_probability, score.contributions
//
// Written by churnbench; do not edit.
"""


def javascript_source() -> str:
    """The whole module as text: all parts in one file, the JSON Schema of configs among them.

    Returns:
        An ES module that exports `load`, `withWeights`, `ConfigRefused`, `InputRefused` and a few more names, and
        imports nothing. Equal installations give equal text.
    """
    return "\n".join([_HEADER, *(_part(name) for name in PARTS)])


def package_text(name: str) -> str:
    """Text of a file that ships in this package."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def write_javascript(folder: str | Path) -> Path:
    """Write the module into a folder, atomically.

    Args:
        folder: made when it does not exist.

    Returns:
        Path of `churnbench-scorer.mjs`.
    """
    target = Path(folder) / MODULE
    with replaced_whole(target) as temporary:
        temporary.write_text(javascript_source(), encoding="utf-8", newline="\n")
    return target


def javascript_bundle(document: Document) -> dict[str, str]:
    """Everything that a JavaScript service or page needs for one config.

    Args:
        document: a config document; it is not checked here, the module checks it at every load.

    Returns:
        File name -> text: the module, `config.json`, a small `example.mjs` that runs as it is, and a `README.md`.
    """
    readme = package_text("README.md")
    words = {
        "CONFIG_ID": str(document["config_id"]),
        "CONFIG_VERSION": str(document["config_version"]),
        "BODY_SHA256": str(document["integrity"]["body_sha256"]),
    }
    for word, value in words.items():
        readme = readme.replace(f"{{{word}}}", value)
    return {
        MODULE: javascript_source(),
        "config.json": pretty(document) + "\n",
        "example.mjs": package_text("example.mjs"),
        "README.md": readme,
    }


def _part(name: str) -> str:
    """One part without what only separate files need: imports, and exports that stay inside."""
    if name == "schema.mjs":
        return f"const SCHEMA = {json.dumps(schema(), separators=(',', ':'))};\n"
    text = re.sub(r'^import \{[^}]*\} from "\./[a-z-]+\.mjs";\n+', "", package_text(name), flags=re.MULTILINE)
    return text if name == PARTS[-1] else re.sub(r"^export (?=function|class|const)", "", text, flags=re.MULTILINE)
