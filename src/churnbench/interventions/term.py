"""A treatment term, where propensities are unknown: risk by score and time, treatment so far as a covariate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.cohort import OutcomeWindow
from churnbench.metrics import AccountBootstrap, Estimate, percentile_estimate
from churnbench.metrics.reliability import expit, logit

Floats = npt.NDArray[np.float64]

#: The outcome window is looked at in so many steps; a treatment counts from the first step that begins after it.
STEPS = 6
#: Fewer churned accounts on either side of the term say nothing about it.
MIN_EVENTS = 5
_NEWTON = 50
_TOLERANCE = 1e-8
_CHOSEN = (
    "At equal score, accounts churned more once a treatment had begun (odds times {:.1f}): they were chosen by "
    "something that the score does not see, and a treatment term would correct in the wrong direction. Log "
    "propensities, or hold some accounts out at random."
)
_NO_FALL = (
    "At equal score, no fall of churn shows once a treatment had begun (odds times {:.1f}, 90 % interval {:.1f} to "
    "{:.1f}), so that a treatment term has nothing to correct. Log propensities, or hold some accounts out at random."
)


@dataclass(frozen=True)
class TreatmentTerm:
    """What a score would be worth without treatments, as a logistic model with a treatment term sees it.

    Attributes:
        auc: expected AUC of the score with the treatment term set to zero.
        calibration_slope: slope of the score's log-odds beside the term.
        observed_over_expected: modelled mean risk without treatment over the mean probability that the score claims.
        odds_ratio: odds of churn after a treatment began, against before, at equal score: an association, since who
            was treated was chosen.
        events: churned accounts before and after a treatment began.
        obstacle: why there is no estimate, or None.
    """

    auc: Estimate
    calibration_slope: Estimate
    observed_over_expected: Estimate
    odds_ratio: Estimate
    events: tuple[int, int]
    obstacle: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For the evidence."""
        names = ("auc", "calibration_slope", "observed_over_expected", "odds_ratio")
        found: dict[str, Any] = {name: getattr(self, name).as_json() for name in names}
        return {**found, "events_before": self.events[0], "events_after": self.events[1], "obstacle": self.obstacle}


@dataclass(frozen=True, eq=False)
class _Steps:
    """One line per row and step at risk: design (m, STEPS + 3), churned (m,), row (m,)."""

    design: Floats
    churned: Floats
    row: npt.NDArray[np.int64]


def treatment_term(
    rows: pd.DataFrame, exposed: pd.DataFrame, p: Floats, window: OutcomeWindow, bootstrap: AccountBootstrap
) -> TreatmentTerm:
    """Fit the model and set its term to zero.

    The window is cut into steps, so that an account that churned before anybody could treat it does not count as proof
    against the treatment. logit P(churn in a step) = level of the step + slope x logit(p) + care under way on the as-of
    date (which stays as it is when the term is set to zero) + term x treated by then.

    Args:
        rows: account_id, as_of, y, churned_on; n labelled rows.
        exposed: from `exposure`, the same rows.
        p: shape (n,), P(churn) as the score claims it.
        window: gap and horizon.
        bootstrap: resamples of the accounts of these rows; each takes one Newton step from the full fit.

    Source: pooled logistic regression, D'Agostino et al. 1990, doi:10.1002/sim.4780091214; expected AUC,
        van Klaveren et al. 2016, doi:10.1186/s12874-016-0156-1.
    """
    made = _steps(rows, exposed, logit(np.asarray(p, dtype=float)), window)
    after = made.design[:, -1] == 1.0
    accounts = rows["account_id"].to_numpy(dtype=object)[made.row]
    counts = [len(set(accounts[(made.churned == 1.0) & side])) for side in (~after, after)]
    events = (counts[0], counts[1])
    if min(events) < MIN_EVENTS:
        return _nothing(
            events,
            f"{events[1]} accounts churned after a treatment had begun and {events[0]} without; at least "
            f"{MIN_EVENTS} of each are needed for a treatment term.",
        )
    fitted = _fit(made.design, made.churned)
    if fitted is None:
        return _nothing(events, "The score or the treatment separates churners completely; no treatment term exists.")
    codes = bootstrap.row_codes(rows["account_id"].to_numpy(dtype=object), len(rows))
    drawn = _one_step(made, fitted, codes[made.row], bootstrap)
    order = _Order.of(np.asarray(p, dtype=float), exposed["under_way"].to_numpy(dtype=float))
    whole = order.figures(fitted, np.ones(len(p)))
    found = np.full((bootstrap.replicates, len(whole)), np.nan)
    for which, weights in bootstrap.chunks(50):
        for place, weight in zip(range(which.start, which.stop), weights, strict=True):
            if np.isfinite(drawn[place]).all():
                found[place] = order.figures(drawn[place], weight[codes].astype(float))
    auc, slope, level, odds = (percentile_estimate(whole[k], found[:, k]) for k in range(len(whole)))
    if whole[3] >= 1.0:
        return replace(_nothing(events, _withheld(odds)), odds_ratio=odds)
    return TreatmentTerm(auc, slope, level, odds, events)


def _withheld(odds: Estimate) -> str:
    """Why odds of 1 and more give no term: churn beyond noise is another finding than noise."""
    if odds.low is None or odds.high is None or odds.low > 1.0:
        return _CHOSEN.format(odds.value)
    return _NO_FALL.format(odds.value, odds.low, odds.high)


def _nothing(events: tuple[int, int], why: str) -> TreatmentTerm:
    empty = Estimate(None)
    return TreatmentTerm(empty, empty, empty, empty, events, why)


def _steps(rows: pd.DataFrame, exposed: pd.DataFrame, index: Floats, window: OutcomeWindow) -> _Steps:
    edges = window.gap_days + np.linspace(0.0, window.horizon_days, STEPS + 1)
    left = np.where(rows["y"] == 1, (rows["churned_on"] - rows["as_of"]).dt.days, np.inf)
    treated = exposed["treated_after"].fillna(np.inf).to_numpy(dtype=float)
    way = exposed["under_way"].to_numpy(dtype=float)
    design, churned, row = [], [], []
    for step in range(STEPS):
        here = np.flatnonzero(left > edges[step])
        level = np.zeros((len(here), STEPS))
        level[:, step] = 1.0
        design.append(np.column_stack([level, index[here], way[here], (treated[here] <= edges[step]).astype(float)]))
        churned.append((left[here] <= edges[step + 1]).astype(float))
        row.append(here)
    return _Steps(np.vstack(design), np.concatenate(churned), np.concatenate(row))


def _fit(design: Floats, churned: Floats) -> Floats | None:
    """Maximum likelihood by damped Newton steps; None where there is none."""
    beta = np.zeros(design.shape[1])
    beta[:STEPS] = logit(np.array([max(churned.mean(), 1e-6)]))[0]
    loss = _loss(design @ beta, churned)
    for _ in range(_NEWTON):
        chance = expit(design @ beta)
        curvature = design.T @ (design * (chance * (1.0 - chance))[:, None])
        # A level without any churn runs off to minus infinity; a trace of a ridge keeps it finite.
        step = np.linalg.solve(curvature + 1e-6 * np.eye(len(beta)), design.T @ (churned - chance))
        size = 1.0
        while _loss(design @ (beta + size * step), churned) > loss + 1e-10 and size > 1e-4:
            size /= 2.0
        beta = beta + size * step
        loss = _loss(design @ beta, churned)
        if float(np.abs(step[STEPS:]).max()) < _TOLERANCE:
            return beta if float(np.abs(beta[STEPS:]).max()) < 50.0 else None
    return None


def _loss(value: Floats, churned: Floats) -> float:
    return float((np.logaddexp(0.0, value) - churned * value).sum())


def _one_step(made: _Steps, beta: Floats, codes: npt.NDArray[np.int64], bootstrap: AccountBootstrap) -> Floats:
    """Coefficients in every resample, shape (B, width), after one Newton step from the full fit."""
    width = len(beta)
    chance = expit(made.design @ beta)
    pull = made.design * (made.churned - chance)[:, None]
    spread = chance * (1.0 - chance)
    pairs = [(i, j) for i in range(width) for j in range(i, width) if i >= STEPS or j >= STEPS or i == j]
    columns = [pull[:, k] for k in range(width)]
    columns += [made.design[:, i] * made.design[:, j] * spread for i, j in pairs]
    sums = bootstrap.totals(bootstrap.by_account(codes, *columns))
    found = np.full((len(sums), width), np.nan)
    for place, row in enumerate(sums):
        curvature = np.zeros((width, width))
        for (i, j), value in zip(pairs, row[width:], strict=True):
            curvature[i, j] = curvature[j, i] = value
        try:
            found[place] = beta + np.linalg.solve(curvature + 1e-6 * np.eye(width), row[:width])
        except np.linalg.LinAlgError:
            continue
    return found


@dataclass(frozen=True, eq=False)
class _Order:
    """Rows in the order of their score, riskiest first, with ties as one group."""

    index: Floats
    claimed: Floats
    way: Floats
    order: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]

    @classmethod
    def of(cls, p: Floats, way: Floats) -> _Order:
        index = logit(p)
        order = np.argsort(-index, kind="stable")
        group = np.concatenate([[0], np.cumsum(np.diff(index[order]) != 0)])
        return cls(index[order], p[order], way[order], order, group)

    def figures(self, beta: Floats, weight: Floats) -> tuple[float, float, float, float]:
        """AUC, slope, level against claimed, odds ratio under coefficients, shape of `weight` (n,)."""
        weight = weight[self.order]
        stays = np.ones(len(self.index))
        for step in range(STEPS):
            stays *= 1.0 - expit(beta[step] + beta[STEPS] * self.index + beta[STEPS + 1] * self.way)
        risk = 1.0 - stays
        churned = np.bincount(self.group, weight * risk)
        stayed = np.bincount(self.group, weight * stays)
        below = stayed.sum() - np.cumsum(stayed)
        total = churned.sum() * stayed.sum()
        area = float(churned @ (below + 0.5 * stayed)) / total if total > 0 else float("nan")
        level = float(weight @ risk) / float(weight @ self.claimed)
        return area, float(beta[STEPS]), level, float(np.exp(np.clip(beta[STEPS + 2], -50, 50)))
