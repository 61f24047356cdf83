"""Why a score moved, in whole hundredths that add up: data, missing data, segment, ramp, caps, config, override.

Between two readings of one config, the change of the total (the weighted mean before onboarding ramp, caps and display
map) is shared among its causes by their Shapley values, which depend on no order; what ramp and caps take or give is
the difference between after and before; all of it is brought to the scale that people see by the slope of the display
map between the two scores. Of two configs, the data change is read under the old one, and the config comes last: what
the new formula makes of the same inputs. An input that only the old config reads is taken as it stood before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.export import Document
from churnbench.formula import validate_body
from churnbench.history.causes import ChangePart, under_one, unknown_metrics
from churnbench_scorer import Scorer


@dataclass(frozen=True)
class Reading:
    """What one reading was made of.

    Attributes:
        account_id, as_of: which.
        body_sha256: hash of the formula.
        inputs: input id -> value, None where missing.
        override_x100: score that somebody set, hundredths; None without one.
    """

    account_id: str
    as_of: date
    body_sha256: str
    inputs: Mapping[str, Any]
    override_x100: int | None = None


@dataclass(frozen=True)
class ScoreChange:
    """A change and its causes; `points_x100` of the parts sum to `total_x100`.

    Attributes:
        account_id: whose.
        before_on, after_on: days of the two readings.
        before_x100, after_x100: scores shown (calculated, or overridden), None for insufficient data.
        total_x100: after minus before; None when one of them has no score, then there are no parts.
        parts: largest first.
        caps_before, caps_after: ids of the caps whose condition held.
        unknown_before, unknown_after: metrics without a value.
    """

    account_id: str
    before_on: date
    after_on: date
    before_x100: int | None
    after_x100: int | None
    total_x100: int | None
    parts: tuple[ChangePart, ...]
    caps_before: tuple[str, ...]
    caps_after: tuple[str, ...]
    unknown_before: tuple[str, ...]
    unknown_after: tuple[str, ...]

    def by_cause(self) -> dict[str, int]:
        """Cause -> hundredths, of the causes that occur."""
        sums: dict[str, int] = {}
        for part in self.parts:
            sums[part.cause] = sums.get(part.cause, 0) + part.points_x100
        return sums


def reading_of(row: Mapping[str, Any], document: Document) -> Reading:
    """A row of a score history as a reading.

    Args:
        row: account_id, as_of and the inputs of the config; one that is absent is missing.
        document: the config that scored it.
    """
    kinds = validate_body(document["body"])
    inputs = {name: _value(row.get(name)) for name in kinds}
    score = _value(row.get("override_score"))
    return Reading(
        account_id=str(row["account_id"]),
        as_of=pd.Timestamp(row["as_of"]).date(),
        body_sha256=document["integrity"]["body_sha256"],
        inputs=inputs,
        override_x100=None if score is None else round(float(score) * 100),
    )


def explain_change(before: Reading, after: Reading, documents: Mapping[str, Document]) -> ScoreChange:
    """Split the change between two readings of an account by cause; see the module for the rule.

    Args:
        before: from `ScoreStore.reading` or `reading_of`.
        after: likewise, the later one.
        documents: body hash -> config, for both.

    Raises:
        InputError: two accounts, or a config that is not there.
    """
    if before.account_id != after.account_id:
        raise InputError(
            f"the readings are of accounts {before.account_id!r} and {after.account_id!r}.", fix="Compare one account."
        )
    old, new = (_document(documents, reading) for reading in (before, after))
    carried = {name: value for name, value in before.inputs.items() if name not in new_inputs(new)}
    moved = {**carried, **after.inputs}
    scores = (
        Scorer(old).score(before.inputs, extra="ignore"),
        Scorer(old).score(moved, extra="ignore"),
        Scorer(new).score(after.inputs, extra="ignore"),
    )
    first, middle, last = (score.health_score_x100 for score in scores)
    parts: list[ChangePart] = []
    shown = tuple(
        calculated if reading.override_x100 is None else reading.override_x100
        for calculated, reading in ((first, before), (last, after))
    )
    explained = first is not None and last is not None and None not in shown
    if first is not None and last is not None and explained:
        if middle is not None:
            parts += under_one(old["body"], before.inputs, moved, middle - first)
        parts += _config_part(old, new, last - (first if middle is None else middle))
        parts += _override_part(before, after, first, last)
    return ScoreChange(
        account_id=before.account_id,
        before_on=before.as_of,
        after_on=after.as_of,
        before_x100=shown[0],
        after_x100=shown[1],
        total_x100=shown[1] - shown[0] if explained and shown[0] is not None and shown[1] is not None else None,
        parts=tuple(sorted((p for p in parts if p.points_x100), key=lambda p: -abs(p.points_x100))),
        caps_before=scores[0].caps,
        caps_after=scores[2].caps,
        unknown_before=unknown_metrics(old["body"], before.inputs),
        unknown_after=unknown_metrics(new["body"], after.inputs),
    )


def new_inputs(document: Document) -> set[str]:
    """Inputs that a config reads."""
    return set(validate_body(document["body"]))


def _config_part(old: Document, new: Document, points: int) -> list[ChangePart]:
    if old["integrity"]["body_sha256"] == new["integrity"]["body_sha256"]:
        return []
    a, b = old["config_version"], new["config_version"]
    return [ChangePart("config", f"{a} to {b}", points, a, b)]


def _override_part(before: Reading, after: Reading, first: int, last: int) -> list[ChangePart]:
    set_before, set_after = (
        0 if reading.override_x100 is None else reading.override_x100 - calculated
        for reading, calculated in ((before, first), (after, last))
    )
    words = ["none" if r.override_x100 is None else f"{r.override_x100 / 100:.2f}" for r in (before, after)]
    return [ChangePart("override", "score set by hand", set_after - set_before, *words)]


def _document(documents: Mapping[str, Document], reading: Reading) -> Document:
    if reading.body_sha256 not in documents:
        raise InputError(
            f"the config with formula {reading.body_sha256[:12]}... is not there.",
            fix="Give the documents of the store, or restore it there.",
        )
    return documents[reading.body_sha256]


def _value(value: Any) -> Any:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value
