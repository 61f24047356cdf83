"""The way back: a weight config as a scorecard that a CS admin can type in, and what is lost on the way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnbench.data.catalogue import catalogue
from churnbench.data.hints import did_you_mean, listed
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.export.document import Document
from churnbench.export.scored_file import usable_inputs
from churnbench.export.tables import InputFile
from churnbench.formula import build_body, metric_inputs, score_frame, to_basis_points, validate_body
from churnbench.scorecards.bands import flat_bands
from churnbench.scorecards.formula import scorecard_formula
from churnbench.scorecards.layouts import Layout
from churnbench.scorecards.losses import losses_of
from churnbench.scorecards.model import Band, Group, Measure, Nulls, Scorecard


@dataclass(frozen=True)
class MeasureLoss:
    """What bands lose of a curve.

    Attributes:
        measure: its label.
        bands: how many it got.
        points: largest error in points of the measure, 0-100.
        score: the same in points of the whole score, all measures known.
    """

    measure: str
    bands: int
    points: float
    score: float


@dataclass(frozen=True)
class MeasuredLoss:
    """How far the scorecard's scores lie from the config's on given accounts, points 0-100.

    Attributes:
        accounts: rows with a score of both.
        worst, worst_account: largest difference, and whose it is.
        mean: mean absolute difference.
        other_band: rows that fall into another band.
    """

    accounts: int
    worst: float
    worst_account: str
    mean: float
    other_band: int


@dataclass(frozen=True)
class ExportedScorecard:
    """A scorecard made of a config.

    Attributes:
        card: the scorecard, on a scale of 0-100.
        layout: within whose limits.
        segment: segment whose profile it carries, or None for the default.
        losses: sentences on what it cannot say.
        measures: loss per measure, in order.
        at_most: points of the whole score that curves and weights can lose together, all measures known.
        columns: measure id -> input, or numerator and denominator with a factor.
    """

    card: Scorecard
    layout: Layout
    segment: str | None
    losses: tuple[str, ...]
    measures: tuple[MeasureLoss, ...]
    at_most: float
    columns: Mapping[str, tuple[str, str | None, float]]


def export_scorecard(
    document: Document,
    layout: Layout,
    *,
    segment: str | None = None,
    bands: int | None = None,
    decimals: int | None = None,
) -> ExportedScorecard:
    """Write a config as a scorecard.

    Args:
        document: a checked config.
        layout: words and limits.
        segment: whose profile; None for the default.
        bands: bands per measure at most, at least 2; None for the layout's.
        decimals: of weights in per cent, 0 to 4; None for the layout's.

    Raises:
        InputError: there is no such segment, or the limits leave nothing.
    """
    body = document["body"]
    most, places = layout.bands if bands is None else bands, layout.decimals if decimals is None else decimals
    profile = _profile(body, segment)
    exact = {
        name: profile[dimension["id"]] * weight / 1e6
        for dimension in body["dimensions"]
        for name, weight in dimension["weights"]
    }
    weights = _typed_weights(body, profile, exact, layout.weights, places)
    metrics = {metric["id"]: metric for metric in body["metrics"]}
    labels, group_labels = _labels(metrics), _labels(dimension["id"] for dimension in body["dimensions"])
    losses: list[MeasureLoss] = []
    groups = []
    for dimension in body["dimensions"]:
        measures = []
        for name, _ in dimension["weights"]:
            if weights.measures[name] > 0 and weights.groups[dimension["id"]] > 0:
                measure, worst = _measure(metrics[name], labels[name], weights.measures[name], most)
                measures.append(measure)
                losses.append(MeasureLoss(name, _count(measure), worst, worst * weights.shares[name] / 100.0))
        if measures:
            groups.append(
                Group(dimension["id"], group_labels[dimension["id"]], weights.groups[dimension["id"]], tuple(measures))
            )
    card = Scorecard(
        name=f"{document['config_id']} {document['config_version']}" + (f", {segment}" if segment else ""),
        low=0.0,
        high=100.0,
        weights="overall" if layout.weights == "overall" else "within_group",
        rounding="half_up",
        decimals=0,
        groups=tuple(groups),
        states=_states(body),
    )
    moved = sum(abs(weights.shares[name] - share) for name, share in exact.items()) / 2.0
    dropped = [name for name in exact if name not in {measure.id for measure in card.measures}]
    return ExportedScorecard(
        card=card,
        layout=layout,
        segment=segment,
        losses=losses_of(body, layout, segment=segment, most=most, decimals=places, dropped=dropped),
        measures=tuple(losses),
        at_most=sum(one.score for one in losses) + moved,
        columns={name: _columns(metrics[name]) for name in exact if name not in dropped},
    )


def measure_loss(exported: ExportedScorecard, document: Document, path: str | Path) -> MeasuredLoss:
    """Score accounts with the config and with the scorecard made of it.

    Compared are raw scores, before the display map, since that is the scale the scorecard is on.

    Args:
        exported: from `export_scorecard`.
        document: the config it came from.
        path: .csv, .csv.gz or .parquet with account_id and one column per input.

    Raises:
        InputError: as `score_file`; or no account has a score.
    """
    body = document["body"]
    with Session() as session:
        source = InputFile(session.connection, os.fspath(path))
        kinds, _ = usable_inputs(source, validate_body(body), metric_inputs(body), allow_missing=False)
        parts = [
            frame.assign(**{"\0account": kept.column("account_id").to_pandas().astype(str).to_numpy()})
            for kept, frame in source.batches(kinds, ("account_id",))
        ]
    if not parts:
        raise InputError("the file has no row.", file=str(path), fix="Name a file with accounts.")
    frame = pd.concat(parts, ignore_index=True)
    if exported.segment is not None and body["segments"]["input"] in frame:
        frame = frame[frame[body["segments"]["input"]] == exported.segment].reset_index(drop=True)
    scored = score_frame(body, frame, allow_missing=True)
    theirs = _scored_by(exported, frame)
    own = scored["raw_score"].to_numpy(dtype=float, na_value=np.nan)
    apart = np.abs(own - theirs)
    known = np.flatnonzero(~np.isnan(apart))
    if len(known) == 0:
        raise InputError("no account has a score.", file=str(path), fix="Name a file whose inputs are filled.")
    starts = [start for _, start in exported.card.states]
    names = np.array([name for name, _ in exported.card.states], dtype=object)
    state = names[np.searchsorted(starts, np.round(theirs[known], 2), side="right") - 1]
    at = known[int(np.argmax(apart[known]))]
    return MeasuredLoss(
        accounts=len(known),
        worst=float(apart[at]),
        worst_account=str(frame["\0account"].iloc[at]),
        mean=float(apart[known].mean()),
        other_band=int((scored["band"].to_numpy(dtype=object)[known] != state).sum()),
    )


def _scored_by(exported: ExportedScorecard, frame: pd.DataFrame) -> np.ndarray:
    columns = {}
    for name, (numerator, denominator, factor) in exported.columns.items():
        column: Any = frame[numerator]
        if denominator is not None:
            below = frame[denominator].to_numpy(dtype=float)
            column = column / np.where(below > 0, below, np.nan) * factor
        columns[name] = column
    table = pd.DataFrame(columns, index=frame.index)
    body = build_body(scorecard_formula(exported.card).spec, table)
    scored = score_frame(body, table, allow_missing=True)["raw_score"]
    return np.asarray(scored.to_numpy(dtype=float, na_value=np.nan))


@dataclass(frozen=True)
class _Weights:
    """Weights in per cent as they are typed in, and what share of the score each measure then has (per cent)."""

    groups: Mapping[str, float]
    measures: Mapping[str, float]
    shares: Mapping[str, float]


def _typed_weights(
    body: Mapping[str, Any], profile: Mapping[str, int], exact: Mapping[str, float], kind: str, places: int
) -> _Weights:
    full = 100 * 10**places

    def typed(values: Mapping[str, float], what: str) -> dict[str, float]:
        whole = to_basis_points(list(values.values()), what=what, full=full)
        return {name: value / 10**places for name, value in zip(values, whole, strict=True)}

    if kind == "overall":
        shares = typed(exact, "weights")
        sums = {
            dimension["id"]: sum(shares[name] for name, _ in dimension["weights"]) for dimension in body["dimensions"]
        }
        return _Weights(sums, shares, shares)
    groups = typed({name: float(weight) for name, weight in profile.items()}, "weights of groups")
    measures: dict[str, float] = {}
    for dimension in body["dimensions"]:
        measures |= typed({name: float(weight) for name, weight in dimension["weights"]}, dimension["id"])
    shares = {
        name: groups[dimension["id"]] * measures[name] / 100.0
        for dimension in body["dimensions"]
        for name, _ in dimension["weights"]
    }
    return _Weights(groups, measures, shares)


def _profile(body: Mapping[str, Any], segment: str | None) -> dict[str, int]:
    if segment is None:
        return dict(body["segments"]["default"])
    by = {entry["segment"]: dict(entry["weights"]) for entry in body["segments"]["by"]}
    if segment not in by:
        raise InputError(
            f"the config has no profile for segment '{segment}'; it has {listed(by) or 'one for all'}.",
            column="--segment",
            fix=did_you_mean(segment, by) or "Leave it out for the profile of all others.",
        )
    return by[segment]


def _measure(metric: Mapping[str, Any], label: str, weight: float, most: int) -> tuple[Measure, float]:
    """A measure, and the largest error of its bands in points 0-100."""
    rule, nulls = metric["rule"], _nulls(metric)
    numerator, denominator, _ = _columns(metric)
    column = numerator if denominator is None else f"{numerator}_per_{denominator}"
    common: dict[str, Any] = {"id": metric["id"], "label": label, "column": column, "weight": weight, **nulls}
    if rule["kind"] == "boolean":
        return Measure(
            kind="yes_no", categories={"yes": float(rule["true"]), "no": float(rule["false"])}, **common
        ), 0.0
    if rule["kind"] == "category":
        return Measure(kind="categories", categories={text: float(p) for text, p in rule["map"]}, **common), 0.0
    found = flat_bands(rule["points"], most)
    starts = [None, *found.starts]
    bands = tuple(Band(start, points) for start, points in zip(starts, found.points, strict=True))
    if len(bands) == 1:  # a flat curve: any border will do
        bands = (bands[0], Band(float(rule["points"][-1][0]), bands[0].points))
    return Measure(kind="bands", bands=bands, **common), found.worst


def _count(measure: Measure) -> int:
    return len(measure.bands) or len(measure.categories)


def _nulls(metric: Mapping[str, Any]) -> dict[str, Any]:
    rule: Nulls = {"skip": "ignored", "worst": "zero", "neutral": "points"}[metric["missing"]]  # type: ignore[assignment]
    return {"nulls": rule, "null_points": float(metric["neutral"]) if rule == "points" else None}


def _columns(metric: Mapping[str, Any]) -> tuple[str, str | None, float]:
    rule = metric["rule"]
    if rule["kind"] != "ratio":
        return metric["input"], None, 1.0
    return metric["input"], rule["denominator"], float(rule["multiplier"])


def _spaced(name: str) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


def _labels(ids: Iterable[str]) -> dict[str, str]:
    """What people call metrics or dimensions, for a config has ids only; the ids where two would be called the same."""
    known = catalogue()
    found = {name: known[name].label if name in known else _spaced(name) for name in ids}
    return found if len(set(found.values())) == len(found) else {name: name for name in found}


def _states(body: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Bands on the raw scale: the platform has no display map."""
    shown = body.get("display_map")
    points = shown["points"] if shown else [[0.0, 0.0], [100.0, 100.0]]
    states: list[tuple[str, float]] = []
    for name, start in body["bands"]:
        raw = round(_lowest_raw(points, start / 100.0), 2)
        states.append((name, 0.0 if not states else max(raw, round(states[-1][1] + 0.01, 2))))
    return tuple(states)


def _lowest_raw(points: list[list[float]], shown: float) -> float:
    """Lowest raw score that is shown as at least so much."""
    x0, y0 = points[0]
    for x1, y1 in points[1:]:
        if y1 >= shown:
            return float(x0) if y0 >= shown else float(x0 + (shown - y0) / (y1 - y0) * (x1 - x0))
        x0, y0 = x1, y1
    return 100.0
