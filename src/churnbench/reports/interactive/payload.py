"""The data of the what-if as JSON that is safe inside HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from churnbench.formula import SEGMENT_LEVEL
from churnbench.reports.interactive.packing import packed
from churnbench.reports.interactive.sampling import LEAST_SHARE, SAFETY, account_sample
from churnbench.reports.interactive.scenario import Scenario
from churnbench.reports.lens import lens_of
from churnbench.reports.reading import interval, number, records, words
from churnbench.reports.wording import clean

#: Characters that a whole page may have; rows that do not fit are sampled.
PAGE = 3_000_000
#: Room that the rows get in any case.
LEAST_ROOM = 300_000
#: Never inside a script element as they are: they could end it, or the line of a JavaScript string.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def what_if_data(evidence: Mapping[str, Any], scenario: Scenario, *, taken: int = 0, page: int = PAGE) -> str:
    """Everything the page's script works on, as JSON for a `<script type="application/json">`.

    Args:
        evidence: the document of docs/evidence.md; its band tables stand beside the figures of the script.
        scenario: the holdout and the two formulas.
        taken: characters of the page without these data.
        page: characters that the whole page may have; where all rows do not fit, a sample of accounts stands for all.
    """
    rows = scenario.rows.sort_values(["account_id", "as_of"], kind="stable")
    sizes = rows.groupby("as_of", dropna=False).size()
    body = {
        "documents": {name: _document(scenario.documents[name]) for name in ("candidate", "incumbent")},
        "capacity": scenario.capacity,
        "largest": int(sizes.max()) if len(sizes) else 0,
        "too_late": scenario.too_late,
        "contact_cost": scenario.contact_cost,
        "save_rate": scenario.save_rate,
        "dated": bool(rows["as_of"].notna().any()),
        "seen_until": _seen_until(evidence, rows),
        "labels": _labels(evidence),
        "today": lens_of(evidence).today,
        "shipped": {name: dict(found) for name, found in scenario.intervals.items()},
        "bands": [_band(row) for row in records(evidence, "bands")],
    }
    room = max(LEAST_ROOM, page - taken - len(html_safe(body).encode()) - len("packed sample rows accounts") * 8)
    text, sample = _fitted(rows, scenario.kinds(), room)
    return html_safe({**body, "sample": sample, "packed": text})


def html_safe(value: Any) -> str:
    r"""JSON that no HTML parser can leave: `<`, `>`, `&` and the two line separators stand as escapes.

    >>> html_safe({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, escape in _UNSAFE.items():
        text = text.replace(sign, escape)
    return text


def _fitted(rows: pd.DataFrame, kinds: Mapping[str, str], room: int) -> tuple[str, dict[str, int] | None]:
    """Packed rows, and None when they are all rows, else the sizes of sample and whole."""
    text = packed(rows, kinds)
    share = 1.0
    while len(text) > room and share > LEAST_SHARE:
        share *= SAFETY * room / len(text)
        drawn, weights = account_sample(rows, share)
        text = packed(drawn, kinds, weights)
    if share == 1.0:
        return text, None
    return text, {
        "rows": len(drawn),
        "of_rows": len(rows),
        "accounts": int(drawn["account_id"].nunique()),
        "of_accounts": int(rows["account_id"].nunique()),
    }


def _document(document: Mapping[str, Any]) -> str:
    """A config document as text: only text shows duplicate keys and lost digits to the scorer."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _labels(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Dimension and metric id -> what people call it."""
    found = {SEGMENT_LEVEL: "Segment level"}  # made by the refit, so that no project has named it
    for part in ("dimensions", "metrics"):
        for row in records(evidence, "weights", part):
            if words(row, "label"):
                found[words(row, "id")] = clean(words(row, "label"), 60)
    return found


def _band(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the review's band table; what is no number is null."""
    limits = interval(row, "ci90")
    return {
        "formula": words(row, "formula"),
        "band": words(row, "band"),
        **{name: number(row, name) for name in ("accounts", "share", "events", "rate", "arr")},
        "ci90": None if limits is None else list(limits),
    }


def _seen_until(evidence: Mapping[str, Any], rows: pd.DataFrame) -> str | None:
    """Last day on which an outcome that the page shows could fall; None without dates."""
    gap, horizon = number(evidence, "label", "gap_days"), number(evidence, "label", "horizon_days")
    last = rows["as_of"].max()
    if gap is None or horizon is None or pd.isna(last):
        return None
    return f"{last + pd.Timedelta(days=gap + horizon):%Y-%m-%d}"
