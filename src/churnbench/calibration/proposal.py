"""From a fitted candidate to a formula people can use: calibrated cut-offs on the familiar numbers.

Everything here is decided on training rows. The holdout is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from churnbench.calibration import thresholds as cuts
from churnbench.calibration.contenders import FittedContender
from churnbench.calibration.thresholds import Cut, ScoredRows
from churnbench.calibration.training import Training
from churnbench.domain.errors import InputError
from churnbench.formula import score_frame, with_bands, with_display_map
from churnbench.metrics.decision import profit_threshold

_EDGE = 0.5


@dataclass(frozen=True)
class ThresholdRule:
    """How cut-offs are chosen; see `[thresholds]` of the project file. Risks are 0-1, None means by base rate."""

    by: str = "risk"
    green_risk: float | None = None
    red_risk: float | None = None
    capacity: int | None = None
    contact_cost: float | None = None
    save_rate: float | None = None
    value: str | None = None
    delta: float = 0.10


@dataclass(frozen=True)
class Threshold:
    """One band of the candidate.

    Attributes:
        band: name.
        from_shown: lowest score of the band on the scale people see.
        from_raw: the same before the display map.
        was: lowest score of the band in today's formula.
        promise: "at most" (top band) or "at least" (lowest band) this risk, 0-1; None when nothing is promised.
        cut: evidence for the cut-off; None for inner bands.
    """

    band: str
    from_shown: float
    from_raw: float
    was: float
    cut: Cut | None


@dataclass(frozen=True, eq=False)
class Proposal:
    """The candidate formula, finished: curves, weights, risk curve, cut-offs and display map."""

    candidate: FittedContender
    thresholds: tuple[Threshold, ...]
    rows: ScoredRows
    warnings: tuple[str, ...]


def scored_rows(training: Training, contender: FittedContender) -> ScoredRows:
    """Out-of-fold scores of a formula on training rows, rows without a score left out."""
    known = ~np.isnan(contender.out_of_fold)
    rows = contender.rows[known]
    snapshot = pd.factorize(training.frame["as_of"].iloc[rows], sort=True, use_na_sentinel=False)[0]
    return ScoredRows(contender.out_of_fold[known], training.y[rows], training.accounts[rows], np.asarray(snapshot))


def propose(training: Training, fitted: FittedContender, incumbent: FittedContender, rule: ThresholdRule) -> Proposal:
    """Choose cut-offs for a fitted formula and lay the familiar numbers over them.

    Args:
        training: rows it was fitted on.
        fitted: the formula that shall become the candidate.
        incumbent: today's formula; where nothing can be promised its shares per band are kept as labels.
        rule: how cut-offs are chosen.

    Raises:
        InputError: when the rule needs a column that the data do not have.
    """
    if fitted.body is None:
        raise InputError(
            f"{fitted.name} is not a formula and cannot become the candidate.", column="calibration.derive"
        )
    rows = scored_rows(training, fitted)
    bands = [(name, start / 100) for name, start in fitted.body["bands"]]
    if training.settings.draft is not None:
        return _as_drafted(fitted, incumbent, rows, bands)
    if len(bands) < 2 or len(rows.score) == 0:
        return Proposal(fitted, tuple(Threshold(n, s, s, s, None) for n, s in bands), rows, ())
    today = Today.of(incumbent.body or {}, training.frame.iloc[fitted.rows], bands)
    low, high, warnings = _cuts(training, fitted, rows, rule, bands, today)
    # A capacity or a cost is the user's own figure: where the cut-offs would cross, green gives way. It may always
    # move up, since every cut-off on its walk down from 100 kept the promise.
    green_from = high.score if rule.by == "risk" else max(high.score, low.score + _EDGE)
    if len(bands) == 2 and rule.by != "risk":
        # One boundary: what the user asked for decides it.
        green_from, high = low.score, low
    low_at, high_at = _apart(low.score, green_from, single=len(bands) == 2)
    evidence = (
        cuts.moved_cut(rows, low, low_at, top=False, delta=rule.delta),
        cuts.moved_cut(rows, high, high_at, top=True, delta=rule.delta),
    )
    return _finished(training, fitted, rows, bands, today, (low_at, high_at), evidence, warnings)


@dataclass(frozen=True, eq=False)
class Today:
    """Where today's formula cuts, for bands of the candidate.

    Attributes:
        starts: band of the candidate -> lowest score of that band in today's formula, on the scale people see.
        below: band -> share of rows that today's formula puts below it; None without a score.
    """

    starts: Mapping[str, float]
    below: Mapping[str, float | None]

    @classmethod
    def of(cls, body: Mapping[str, Any], frame: pd.DataFrame, bands: list[tuple[str, float]]) -> Today:
        """Read it off the rows that the candidate's cut-offs are chosen on. A band it does not know keeps its start."""
        own = {name: start / 100 for name, start in body["bands"]}
        starts = {name: own.get(name, start) for name, start in bands}
        found = score_frame(dict(body), frame)["health_score_x100"].to_numpy(dtype=float, na_value=np.nan) / 100
        scores = found[~np.isnan(found)]
        return cls(starts, {n: float((scores < s).mean()) if len(scores) else None for n, s in starts.items()})

    def share_below(self, band: str, otherwise: float) -> float:
        """Share of rows below a band."""
        share = self.below[band]
        return otherwise if share is None else share


def _as_drafted(
    fitted: FittedContender, incumbent: FittedContender, rows: ScoredRows, bands: list[tuple[str, float]]
) -> Proposal:
    """A draft's cut-offs are its author's: they stay, and promise nothing."""
    shown = (fitted.body or {}).get("display_map")
    today = {name: start / 100 for name, start in (incumbent.body or {})["bands"]}
    found = []
    for name, start in bands:
        raw = start
        if shown:
            raw = float(np.interp(start, [y for _, y in shown["points"]], [x for x, _ in shown["points"]]))
        found.append(Threshold(name, start, round(raw, 2), today.get(name, start), None))
    return Proposal(fitted, tuple(found), rows, ())


def _cuts(
    training: Training,
    fitted: FittedContender,
    rows: ScoredRows,
    rule: ThresholdRule,
    bands: list[tuple[str, float]],
    today: Today,
) -> tuple[Cut, Cut, list[str]]:
    default_green, default_red = cuts.default_risks(float(np.clip(rows.y.mean(), 1e-4, 1 - 1e-4)))
    green_risk, red_risk = rule.green_risk or default_green, rule.red_risk or default_red
    warnings = []
    green = cuts.green_cut(rows, risk=green_risk, delta=rule.delta)
    if green is None:
        warnings.append(
            f"No cut-off keeps churn at or below {green_risk:.1%} with {1 - rule.delta:.0%} confidence; "
            f"'{bands[-1][0]}' keeps its share of accounts and promises nothing."
        )
        green = cuts.share_cut(rows, today.share_below(bands[-1][0], 0.5))
    red: Cut | None
    if rule.by == "capacity" and rule.capacity is not None:
        red = cuts.capacity_cut(rows, rule.capacity)
    elif rule.by == "cost":
        red = _cost_cut(training, fitted, rows, rule)
    else:
        red = cuts.red_cut(rows, risk=red_risk, delta=rule.delta)
        if red is None:
            warnings.append(
                f"No cut-off keeps churn below it at or above {red_risk:.1%} with {1 - rule.delta:.0%} confidence; "
                f"'{bands[0][0]}' keeps its share of accounts and promises nothing."
            )
    if red is None:
        red = cuts.share_cut(rows, today.share_below(bands[1][0], 0.2))
    return red, green, warnings


def _cost_cut(training: Training, fitted: FittedContender, rows: ScoredRows, rule: ThresholdRule) -> Cut:
    column = rule.value or "arr"
    if column not in training.frame or training.frame[column].notna().sum() == 0:
        raise InputError(
            f"the cost of a cut-off needs the value of an account, but there is no column '{column}' with values.",
            file="churnbench.toml",
            column="thresholds.value",
            fix="Name a column with the yearly value of an account, or choose by = 'risk' or 'capacity'.",
        )
    value = float(pd.to_numeric(training.frame[column]).mean())
    at_least = profit_threshold(value=value, contact_cost=rule.contact_cost or 0.0, save_rate=rule.save_rate or 0.0)
    probability = fitted.recalibration.fallback.probability(rows.score)
    return cuts.risk_cut(rows, probability, at_least)


def _apart(low: float, high: float, *, single: bool) -> tuple[float, float]:
    """Both cut-offs inside the scale, the lower one clearly below the upper one."""
    high = min(max(high, 2 * _EDGE), 100 - _EDGE)
    if single:
        return round(high, 2), round(high, 2)
    low = min(max(low, _EDGE), 100 - 2 * _EDGE)
    return round(min(low, high - _EDGE), 2), round(high, 2)


def display_points(bands: list[tuple[str, float]], low: float, high: float) -> list[list[float]]:
    """Map that puts the calibrated cut-offs on the familiar numbers: [[raw, shown], ...]."""
    if len(bands) == 2:
        return [[0.0, 0.0], [high, bands[1][1]], [100.0, 100.0]]
    return [[0.0, 0.0], [low, bands[1][1]], [high, bands[-1][1]], [100.0, 100.0]]


def _finished(
    training: Training,
    fitted: FittedContender,
    rows: ScoredRows,
    bands: list[tuple[str, float]],
    today: Today,
    at: tuple[float, float],
    evidence: tuple[Cut, Cut],
    warnings: list[str],
) -> Proposal:
    points = display_points(bands, *at)
    shown = [b[1] for b in bands]
    raw = np.interp(shown, [p[1] for p in points], [p[0] for p in points])
    body = dict(fitted.body or {})
    if training.settings.display_map:
        body = with_display_map(body, points)
    else:
        shown = [round(float(value), 2) for value in raw]
        # The formula in force, where it is the candidate again, may bring a map of its own.
        body = with_display_map(body, None) if body.get("display_map") else body
        body = with_bands(body, [(name, value) for (name, _), value in zip(bands, shown, strict=True)])
    last = len(bands) - 1
    found = []
    for position, ((name, _), start, start_raw) in enumerate(zip(bands, shown, raw, strict=True)):
        cut = evidence[1] if position == last else evidence[0] if position == 0 else None
        found.append(Threshold(name, float(start), round(float(start_raw), 2), today.starts[name], cut))
    return Proposal(replace(fitted, body=body), tuple(found), rows, tuple(warnings))
