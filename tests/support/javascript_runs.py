"""Runs small scripts against the exported JavaScript module, one Node process each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from churnbench.export.javascript import write_javascript
from churnbench.export.node_engine import run_node

_OPENING = """\
import { readFileSync } from "node:fs";
import * as cb from "./churnbench-scorer.mjs";
const given = JSON.parse(readFileSync(new URL("given.json", import.meta.url), "utf8"));
/** What an action gives, or how it was refused. */
function attempt(action) {
  try {
    return { given: action() };
  } catch (error) {
    const { name, message, where, arrived, expected, fix } = error;
    return { refused: { name, message, where, arrived, expected, fix } };
  }
}
/** Throws for a minus zero anywhere: JSON would hide it. */
function withoutMinusZero(value) {
  if (Object.is(value, -0)) throw new Error("a minus zero");
  if (value !== null && typeof value === "object") Object.values(value).forEach(withoutMinusZero);
  return value;
}
const answer = () => {
"""
_CLOSING = """
};
process.stdout.write(JSON.stringify(answer()));
"""


def answer(folder: Path, body: str, given: Any = None) -> Any:
    """What the body of a function returns in Node.

    Args:
        folder: where the module, the script and its data go.
        body: JavaScript with `cb` (the module), `given`, `attempt` and `withoutMinusZero` at hand.
        given: JSON data without NaN.
    """
    write_javascript(folder)
    (folder / "given.json").write_text(json.dumps(given, allow_nan=False), encoding="utf-8")
    script = folder / "script.mjs"
    script.write_text(_OPENING + body + _CLOSING, encoding="utf-8")
    return json.loads(run_node([str(script)]))
