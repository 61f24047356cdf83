"""Holds a scorecard's formula against the scores that the platform itself exported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnbench.data.hints import did_you_mean, listed
from churnbench.data.session import Session
from churnbench.data.step_rules import Boundary
from churnbench.domain.errors import InputError
from churnbench.export.tables import InputFile
from churnbench.formula import build_body, effective_points, score_frame
from churnbench.scorecards.formula import declared_formula, scorecard_formula
from churnbench.scorecards.model import Nulls, Scorecard

#: What a score in hundredths rounds away, points 0-100.
_HUNDREDTH = 0.005
#: Measures up to which each is also read another way by itself.
_ONE_BY_ONE = 60
#: Other readings named for an account, and told in all.
_READINGS, _TOLD = 2, 6
_BOUNDARIES: tuple[tuple[Boundary, str], ...] = ((">=", "above"), (">", "below"))
_NULLS: tuple[tuple[Nulls, str], ...] = (("ignored", "ignored"), ("zero", "counting as zero"), ("worst", "as worst"))


@dataclass(frozen=True, eq=False)
class Parity:
    """How far scores agree.

    Attributes:
        accounts: accounts with a score of both.
        agree: those of them that agree to the digit that the platform shows.
        unscored: accounts with a score of one side only.
        differences: one row per account that differs: account_id, platform, churnbench, why; largest first.
        other_readings: sentences: how many would agree if a convention were another.
        worst_rounding: points 0-100 that weights in hundredths of a per cent can move a score, at most.
    """

    accounts: int
    agree: int
    unscored: int
    differences: pd.DataFrame
    other_readings: tuple[str, ...]
    worst_rounding: float

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        if not self.accounts:
            return "No account has both a score of the platform and one of the formula."
        differ = self.accounts - self.agree
        if not differ:
            return f"All {self.accounts:,} accounts agree to the digit that the platform shows."
        agree = f"{self.agree:,} agree to the digit that the platform shows"
        return f"Of {self.accounts:,} accounts {agree}; {differ:,} {'differs' if differ == 1 else 'differ'}."


def check_parity(card: Scorecard, path: str | Path, *, score: str, account: str = "account_id") -> Parity:
    """Score a file and compare with a column of exported scores.

    Args:
        card: the scorecard.
        path: .csv, .csv.gz or .parquet with one column per measure, the account and the exported score.
        score: column of the exported score, in the platform's unit; empty where the platform gave none.
        account: column that names the account.

    Raises:
        InputError: an absent column, a cell that is not a number, or an account that occurs twice.
    """
    frame = _inputs(card, path, score, account)
    exported = frame["\0score"].to_numpy(dtype=float)
    own, missing = _scores(card, frame), _missing(card, frame)
    both = ~np.isnan(exported) & ~np.isnan(own)
    agree = _agrees(card, own, exported)
    differ = np.flatnonzero(both & ~agree)
    readings = [(words, _agrees(card, _scores(other, frame), exported)) for words, other in _other_readings(card)]
    # The reading that explains most accounts is named first.
    readings.sort(key=lambda reading: -int((both & reading[1]).sum()))
    table = pd.DataFrame(
        {
            "account_id": frame["\0account"].to_numpy()[differ],
            "platform": exported[differ],
            "churnbench": np.round([card.from_hundred(points) for points in own[differ]], card.decimals + 2),
            "why": [_why(row, readings, missing[row]) for row in differ.tolist()],
        }
    )
    apart = np.abs(table["platform"].to_numpy(dtype=float) - table["churnbench"].to_numpy(dtype=float))
    order = np.argsort(-apart, kind="stable")
    better = [
        f"{words}: {int((both & fits).sum()):,} of {int(both.sum()):,} would agree."
        for words, fits in readings
        if (both & fits).sum() > (both & agree).sum()
    ]
    return Parity(
        accounts=int(both.sum()),
        agree=int((both & agree).sum()),
        unscored=int((np.isnan(exported) != np.isnan(own)).sum()),
        differences=table.iloc[order].reset_index(drop=True),
        other_readings=tuple(better[:_TOLD]),
        worst_rounding=_worst_rounding(card),
    )


def _inputs(card: Scorecard, path: str | Path, score: str, account: str) -> pd.DataFrame:
    """Measures by id, account and score, one row per account."""
    declared = scorecard_formula(card)
    kinds, names = {}, {}
    for metric in declared.spec.metrics:
        column = declared.columns.get(metric.id, metric.id)
        names[metric.id] = column
        kinds[column] = {"category": "category", "boolean": "boolean"}.get(metric.normalise.kind, "number")
    for name, kind in ((score, "number"), (account, "category"), *_segment(card)):
        if kinds.get(name, kind) != kind:
            raise InputError(f"'{name}' is text here and a number in a measure.", file=str(path), column=name)
        kinds[name] = kind
    with Session() as session:
        source = InputFile(session.connection, os.fspath(path))
        absent = [name for name in kinds if name not in source.types]
        if absent:
            raise InputError(
                f"no column {listed(absent)}; the file has {listed(source.types, 30)}.",
                file=str(path),
                column=absent[0],
                fix=did_you_mean(absent[0], source.types) or "Add it, or name it with --score or --account-id.",
            )
        parts = [frame for _, frame in source.batches(kinds, ())]
    read = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in kinds})
    columns = {metric: read[column] for metric, column in names.items()}
    columns |= {"\0score": read[score], "\0account": read[account]}
    columns |= {name: read[name] for name, _ in _segment(card)}
    frame = pd.DataFrame(columns)
    for name in frame.columns:
        if kinds.get(names.get(name, name)) == "category":
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    twice = frame["\0account"][frame["\0account"].duplicated()]
    if len(twice):
        raise InputError(
            f"account {twice.iloc[0]!r} occurs more than once.",
            file=str(path),
            column=account,
            fix="Keep one row per account: the values that the exported score was computed from.",
        )
    return frame


def _segment(card: Scorecard) -> list[tuple[str, str]]:
    return [("segment", "category")] if card.segment_weights else []


def _scores(card: Scorecard, frame: pd.DataFrame) -> np.ndarray:
    """Points 0-100 per row, NaN without a score."""
    body = build_body(scorecard_formula(card).spec, frame)
    scored = score_frame(body, frame, allow_missing=True)["health_score_x100"]
    return np.asarray(scored.to_numpy(dtype=float, na_value=np.nan) / 100.0)


def _agrees(card: Scorecard, own: np.ndarray, exported: np.ndarray) -> np.ndarray:
    """Whether the platform's figure is what our score, known to a hundredth of a point, may round to."""
    share = (card.high - card.low) / 100.0
    slack = (_HUNDREDTH + _worst_rounding(card)) * share + 1e-9
    unit = 10.0**-card.decimals
    here = card.low + own * share
    low, high = {"half_up": (-unit / 2, unit / 2), "down": (0.0, unit), "none": (0.0, 0.0)}[card.rounding]
    with np.errstate(invalid="ignore"):
        return np.asarray((here - exported >= low - slack) & (here - exported <= high + slack))


def _worst_rounding(card: Scorecard) -> float:
    """Most that rounding the weights to basis points can move a score in points 0-100, all measures known."""
    section = declared_formula(card).section
    spec = scorecard_formula(card).spec
    used = [metric for metric in spec.metrics if metric.weight > 0]
    if not used:
        return 0.0
    frame = pd.DataFrame({metric.id: pd.Series([None], dtype=object) for metric in used})
    body_of = replace(spec, metrics=tuple(used), caps=(), ramp=None)
    points = effective_points(build_body(body_of, frame))
    total = sum(entry["weight"] for entry in section["dimensions"])
    exact: dict[str, float] = {}
    for entry in section["dimensions"]:
        members = [metric for metric in used if metric.dimension == entry["id"]]
        inner = sum(metric.weight for metric in members)
        exact |= {m.id: 100.0 * entry["weight"] / total * m.weight / inner for m in members}
    return sum(abs(points.get(name, 0.0) - share) for name, share in exact.items()) / 2.0


def _missing(card: Scorecard, frame: pd.DataFrame) -> list[list[str]]:
    """Labels of the measures that a row lacks."""
    shown = [(measure.label, frame[measure.id].isna().to_numpy()) for measure in card.measures if measure.id in frame]
    return [[label for label, absent in shown if absent[row]] for row in range(len(frame))]


def _other_readings(card: Scorecard) -> list[tuple[str, Scorecard]]:
    """The scorecard with one convention read another way, for all measures or for one, each with its words."""
    found: list[tuple[str, Scorecard]] = []
    measures = card.measures if 1 < len(card.measures) <= _ONE_BY_ONE else ()
    for only in (None, *(measure.id for measure in measures)):
        label = next((measure.label for measure in card.measures if measure.id == only), None)
        asked = [measure for measure in card.measures if only in (None, measure.id)]
        for boundary, place in _BOUNDARIES:
            if any(measure.kind == "bands" and measure.boundary != boundary for measure in asked):
                of = "a border" if label is None else f"a border of {label}"
                found.append((f"with a value on {of} in the band {place}", _changed(card, only, boundary=boundary)))
        for rule, words in _NULLS:
            possible = rule != "zero" or card.low <= 0 <= card.high
            if possible and any(measure.nulls != rule for measure in asked):
                of = "missing values" if label is None else f"a missing {label}"
                found.append((f"with {of} {words}", _changed(card, only, nulls=rule)))
    if card.exceptions:
        found.append(("without the exceptions", replace(card, exceptions=())))
    return found


def _changed(card: Scorecard, only: str | None, **parts: Any) -> Scorecard:
    """The scorecard with the same change in one measure, or in all."""
    groups = tuple(
        replace(
            group,
            measures=tuple(
                replace(measure, **parts) if only in (None, measure.id) else measure for measure in group.measures
            ),
        )
        for group in card.groups
    )
    return replace(card, groups=groups)


def _why(row: int, readings: Sequence[tuple[str, np.ndarray]], missing: Sequence[str]) -> str:
    fits = [words for words, agrees in readings if agrees[row]]
    if fits:
        return f"agrees {' or '.join(fits[:_READINGS])}"
    if missing:
        return f"no other reading explains it; missing here: {listed(missing, 4)}"
    return "no other reading explains it; was the score changed by hand, or computed from other values?"
