"""The data of the what-if as JSON that is safe inside HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from churnbench.reports.interactive.packing import packed
from churnbench.reports.interactive.sampling import account_sample, largest_that_fits
from churnbench.reports.interactive.scenario import Scenario
from churnbench.reports.reading import records, words
from churnbench.reports.wording import clean

#: Characters that the rows may take in the page; the rest of three megabytes is for figures, script and tables.
ROOM = 1_900_000
#: Never inside a script element as they are: they could end it, or the line of a JavaScript string.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def what_if_data(evidence: Mapping[str, Any], scenario: Scenario, *, room: int = ROOM) -> str:
    """Everything the page's script works on, as JSON for a `<script type="application/json">`.

    Args:
        evidence: the document of docs/evidence.md; its band tables stand beside the figures of the script.
        scenario: the holdout and the two formulas.
        room: characters that the rows may take; where they do not fit, a sample of accounts stands for all.
    """
    rows = scenario.rows.sort_values(["account_id", "as_of"], kind="stable")
    text, sample = _fitted(rows, scenario.kinds(), room)
    sizes = rows.groupby("as_of", dropna=False).size()
    body = {
        "documents": {name: _document(scenario.documents[name]) for name in ("candidate", "incumbent")},
        "capacity": scenario.capacity,
        "largest": int(sizes.max()) if len(sizes) else 0,
        "too_late": scenario.too_late,
        "contact_cost": scenario.contact_cost,
        "save_rate": scenario.save_rate,
        "dated": bool(rows["as_of"].notna().any()),
        "labels": _labels(evidence),
        "bands": [dict(row) for row in records(evidence, "bands")],
        "at_capacity": {name: _at_capacity(evidence, name) for name in ("candidate", "incumbent")},
        "sample": sample,
        "packed": text,
    }
    return html_safe(body)


def html_safe(value: Any) -> str:
    """JSON that no HTML parser can leave: `<`, `>`, `&` and the two line separators stand as escapes.

    >>> html_safe({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, escape in _UNSAFE.items():
        text = text.replace(sign, escape)
    return text


def _fitted(rows: pd.DataFrame, kinds: Mapping[str, str], room: int) -> tuple[str, dict[str, int] | None]:
    """Packed rows, and None when they are all rows, else the sizes of sample and whole."""
    text, size = packed(rows, kinds)
    if size <= room:
        return text, None

    def size_at(share: float) -> int:
        return packed(*_drawn(rows, kinds, share))[1]

    share = largest_that_fits(size_at, room)
    drawn = account_sample(rows, share)[0]
    text, _ = packed(*_drawn(rows, kinds, share))
    return text, {
        "rows": len(drawn),
        "of_rows": len(rows),
        "accounts": int(drawn["account_id"].nunique()),
        "of_accounts": int(rows["account_id"].nunique()),
    }


def _drawn(rows: pd.DataFrame, kinds: Mapping[str, str], share: float) -> tuple[pd.DataFrame, Mapping[str, str], Any]:
    drawn, weights = account_sample(rows, share)
    return drawn, kinds, weights


def _document(document: Mapping[str, Any]) -> str:
    """A config document as text: only text shows duplicate keys and lost digits to the scorer."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _labels(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Dimension and metric id -> what people call it."""
    found = {}
    for part in ("dimensions", "metrics"):
        for row in records(evidence, "weights", part):
            if words(row, "label"):
                found[words(row, "id")] = clean(words(row, "label"), 60)
    return found


def _at_capacity(evidence: Mapping[str, Any], role: str) -> Any:
    """Figures at capacity as the review measured them, with intervals."""
    name = "incumbent" if role == "incumbent" else words(evidence, "gate", "candidate")
    contenders = evidence.get("contenders")
    entry = contenders.get(name) if isinstance(contenders, Mapping) else None
    return entry.get("at_capacity") if isinstance(entry, Mapping) else None
