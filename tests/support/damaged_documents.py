"""A document that uses every field of the format, and random damage to it."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from formula_worlds import assemble, small_body

REPLACEMENTS: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    7.0,
    7.5,
    10000,
    10001,
    2**53,
    1e301,
    "",
    "text",
    "neutral",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "9.9",
    "=",
    "x" * 201,
    [],
    [1],
    ["a", 1],
    [[0, 0], [1, 100]],
    {},
    {"kind": "boolean"},
    {"kind": "boolean", "true": 1, "false": 0},
    {"kind": ["boolean"]},
    {"in": {}, "out": {}},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found += places(item, (*path, position))
    return found


def mutate(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """One random change: replace, delete, add a member, or repeat an item."""
    changed = copy.deepcopy(document)
    # One part in two from the body: provenance and golden vectors would outnumber it.
    paths = [path for path in places(changed) if path and (path[0] == "body") == (rng.random() < 0.5)]
    path = rng.choice(paths or places(changed)[1:])
    holder: Any = changed
    for step in path[:-1]:
        holder = holder[step]
    action = rng.random()
    if action < 0.6:
        holder[path[-1]] = copy.deepcopy(rng.choice(REPLACEMENTS))
    elif action < 0.8:
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[rng.choice(["surprise", "neutral", "validity", "extra", "unit"])] = rng.choice(REPLACEMENTS)
    else:
        holder.append(copy.deepcopy(holder[0]))
    return changed


def full_document() -> dict[str, Any]:
    """A document that uses every field of the format."""
    body = small_body()
    body["metrics"][0]["validity"] = {"input": "age", "days": 30, "then": "missing"}
    body["ramp"] = {"input": "tenure", "points": [[0, 2], [90, 1]], "slopes": [-1 / 90]}
    body["display_map"] = {"points": [[0, 0], [100, 100]], "slopes": [1]}
    document = assemble(body)
    document["inputs"][0] |= {"unit": "count", "label": "Logins"}
    document["extra"] = {"anything": [1, {"goes": None}]}
    document["provenance"] = {
        "train_window": ["2024-01-01", "2025-01-01"],
        "label_window": ["2024-01-15", "2025-04-15T00:00:00Z"],
        "gap_days": 14,
        "horizon_days": None,
        "data_fingerprint": "sha256:00",
        "mlflow_run_id": None,
        "code_commit": "abc",
        "metrics": [{"name": "auc", "value": 0.78, "ci90": [0.75, 0.81], "accounts": 1200, "segment": "all"}],
        "verdict": "promote",
        "warnings": ["w"],
        "approvals": [{"by": "a", "role": "b", "at": "2026-01-01", "body_sha256": "0" * 64}],
    }
    document["lifecycle"] = {
        "created": "2026-01-01T10:00:00.5Z",
        "review_by": None,
        "hard_expiry": "2027-01-01",
        "supersedes": "2.0.1",
    }
    return document
