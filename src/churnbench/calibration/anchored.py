"""The anchored additive refit: weights, directions and curves learned together, pulled towards the hand formula.

An additive model of ramps IS a weighted formula: each metric's range on the log-odds scale is its weight, its shape
its curve. So everything is fitted at once by one penalised likelihood, and what comes out is again a formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnbench.calibration.basis import Basis, Shape, learn_basis, segment_count
from churnbench.calibration.limits import ShareBound, bends, constraint_rows, refuse_conflict, share_bounds
from churnbench.calibration.penalised_fit import Problem, Solution, solve
from churnbench.calibration.shapes import ShapeChange, Shapes, audit, constrained, design_effect
from churnbench.calibration.training import Training
from churnbench.formula import score_frame
from churnbench.models import on_one_scale
from churnbench.models.recalibration import fit_line

#: Prior standard deviation of a metric's share of the score. The first is nearly the hand formula itself.
PRIOR_SDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5.0)
#: With few events the strength is prescribed, never tuned (method, section 5.3).
SMALL_DATA_SD = 0.10
_EVENTS_TO_TUNE = 150
#: The hand formula's spread in log-odds is not believed to be smaller than this when priors are scaled by it.
_LEAST_SPREAD = 2.0
#: More rows than this do not sharpen a fit whose information sits in the events; rows without churn are thinned.
_MAX_ROWS = 30_000
#: Rows of a design held in memory at once when predicting.
_CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class Anchor:
    """The hand formula on the basis.

    Attributes:
        coefficients: its ramps (width,), log-odds.
        spread: its range in log-odds, at least `_LEAST_SPREAD`; the unit in which priors on shares are expressed.
        effective_rows: rows over design effect.
    """

    coefficients: np.ndarray
    spread: float
    effective_rows: float


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows a fit works on: all churn, and non-churn thinned with weights that restore its share."""

    rows: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, eq=False)
class AnchoredFit:
    """A fitted refit.

    Attributes:
        basis: ramps of the training rows.
        solution: fitted coefficients.
        problem: the final fit, for resampling.
        sample: rows of the problem.
        shapes: shape per metric.
        changes: directions and shapes that left the declaration.
        prior_sd: chosen prior standard deviation of a share.
        anchor: the hand formula on the basis.
    """

    basis: Basis
    solution: Solution
    problem: Problem
    sample: Sample
    shapes: Mapping[str, Shape]
    changes: tuple[ShapeChange, ...]
    prior_sd: float
    anchor: Anchor

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """Log-odds of churn for new rows."""
        chunks = [
            self.solution.log_odds(self.basis.design(frame.iloc[begin : begin + _CHUNK]))
            for begin in range(0, len(frame), _CHUNK)
        ]
        return np.concatenate(chunks) if chunks else np.zeros(0)


def thin(y: np.ndarray, seed: int, most: int = _MAX_ROWS) -> Sample:
    """Keep every churn row (up to half of `most`) and draw from the others; weights restore both shares."""
    if len(y) <= most:
        return Sample(np.arange(len(y)), np.ones(len(y)))
    generator = np.random.default_rng(seed)
    rows, weights = [], []
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    take = min(len(positives), most // 2)
    for group, count in ((positives, take), (negatives, most - take)):
        taken = min(count, len(group))
        chosen = group if taken == len(group) else generator.choice(group, taken, replace=False)
        rows.append(chosen)
        weights.append(np.full(taken, len(group) / max(taken, 1)))
    order = np.argsort(np.concatenate(rows), kind="stable")
    return Sample(np.concatenate(rows)[order], np.concatenate(weights)[order])


class AnchoredRefit:
    """Fits one training set. Made once per fold; inner folds are fitted with the same settings.

    Args:
        training: what may be learned from.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        self.limits = share_bounds(
            training.settings.limits,
            training.spec,
            [c.metric for c in training.hand_curves],
            training.hand_shares,
        )
        refuse_conflict(self.limits, len(training.hand_curves))
        self._parts = [self._prepare(learn) for learn, _ in training.folds]
        self._whole = self._prepare(np.arange(len(training.y)))

    def _prepare(self, rows: np.ndarray) -> Part:
        """Basis, thinned design and anchor on some training rows."""
        t = self.training
        frame, y = t.frame.iloc[rows], t.y[rows]
        events = int(frame.loc[frame["y"] == 1, "account_id"].nunique())
        basis = learn_basis(frame, t.hand_curves, segment_count(len(rows), events))
        sample = thin(y, t.settings.seed)
        kept = frame.iloc[sample.rows]
        design = basis.design(kept)
        hand = score_frame(t.hand_body, kept)["raw_score"].to_numpy(dtype=float)
        known = ~np.isnan(hand)
        cluster = np.asarray(pd.factorize(kept["account_id"])[0])
        slope, effect = 0.0, 1.0
        if known.any() and y[sample.rows][known].any() and float(np.std(hand[known])) > 0:
            line = fit_line(hand[known], y[sample.rows][known], cluster[known], falling=True)
            slope = line.slope
            p = line.probability(hand[known])
            effect = design_effect(
                hand[known][:, None],
                y[sample.rows][known] - p,
                p * (1 - p),
                sample.weight[known],
                np.asarray(pd.factorize(cluster[known])[0]),
            )
        anchor = Anchor(
            basis.hand_coefficients(t.hand_shares, slope),
            max(_LEAST_SPREAD, -100 * slope),
            float(sample.weight.sum()) / effect,
        )
        return Part(rows, basis, sample, design, y[sample.rows], cluster, anchor)

    def penalty(self, part: Part, prior_sd: float) -> np.ndarray:
        """Strength per column for a prior standard deviation of `prior_sd` on each metric's share."""
        strength = np.zeros(part.basis.width)
        for ramps in part.basis.ramps:
            # K sum_k d_k^2 equals (sum_k d_k)^2 when the change is even over the segments, so that the prior
            # speaks of the metric's range whatever the number of its knots.
            strength[ramps.columns[0] : ramps.columns[1]] = float(ramps.segments)
        return strength / (2 * part.anchor.effective_rows * (prior_sd * part.anchor.spread) ** 2)

    def _problem(
        self,
        part: Part,
        prior_sd: float,
        shapes: Shapes,
        limits: Mapping[str, list[ShareBound]],
        at: Solution | None,
    ) -> Problem:
        return constrained(
            part.basis,
            part.design,
            part.y,
            part.sample.weight,
            anchor=part.anchor.coefficients,
            penalty=self.penalty(part, prior_sd),
            shapes=shapes,
            extra=constraint_rows(limits, part.basis, shapes, at),
        )

    def _solve(
        self,
        part: Part,
        prior_sd: float,
        shapes: Shapes,
        *,
        limits: Mapping[str, list[ShareBound]],
        start: Solution | None = None,
    ) -> tuple[Problem, Solution]:
        problem = self._problem(part, prior_sd, shapes, limits, start)
        solution = solve(problem, start=start)
        if limits and any(bends(ramps, shapes) for ramps in part.basis.ramps):
            # The range of a bent curve is linear only at its present extremes; a few rounds settle them.
            for _ in range(3):
                problem = self._problem(part, prior_sd, shapes, limits, solution)
                solution = solve(problem, start=solution)
        return problem, solution

    def fit_part(
        self,
        part: Part,
        prior_sd: float,
        mode: str,
        limits: Mapping[str, list[ShareBound]] | None = None,
        start: Solution | None = None,
    ) -> AnchoredFit:
        """Fit some rows with shapes "declared", "audited" or "free"."""
        limits = self.limits if limits is None else limits
        shapes: dict[str, Shape] = {r.metric: "free" if mode == "free" else "declared" for r in part.basis.ramps}
        problem, solution = self._solve(part, prior_sd, shapes, limits=limits, start=start)
        changes: tuple[ShapeChange, ...] = ()
        if mode == "audited":
            extra = constraint_rows(limits, part.basis, shapes, solution)
            shapes, solution, changes = audit(
                problem, part.basis, part.cluster, solution, anchor=part.anchor.coefficients, extra=extra
            )
            problem, solution = self._solve(part, prior_sd, shapes, limits=limits, start=solution)
        return AnchoredFit(part.basis, solution, problem, part.sample, shapes, changes, prior_sd, part.anchor)

    def choose_prior(self) -> float:
        """1-SE rule towards the hand formula: the tightest prior whose loss is within one standard error of the best.

        The standard error is that of the paired difference to the best, accounts as clusters.
        """
        t = self.training
        if t.events < _EVENTS_TO_TUNE or not self._parts:
            return SMALL_DATA_SD
        rows = np.concatenate([predict for _, predict in t.folds])
        losses = np.zeros((len(PRIOR_SDS), len(rows)))
        at = 0
        for part, (_, predict) in zip(self._parts, t.folds, strict=True):
            design = part.basis.design(t.frame.iloc[predict])
            start: Solution | None = None
            for position, sd in enumerate(PRIOR_SDS):
                shapes: dict[str, Shape] = {ramps.metric: "declared" for ramps in part.basis.ramps}
                _, start = self._solve(part, sd, shapes, limits=self.limits, start=start)
                index = start.log_odds(design)
                losses[position, at : at + len(predict)] = np.logaddexp(0, index) - t.y[predict] * index
            at += len(predict)
        means = losses.mean(axis=1)
        best = int(means.argmin())
        cluster = np.asarray(pd.factorize(t.accounts[rows])[0])
        for position, sd in enumerate(PRIOR_SDS):
            difference = losses[position] - losses[best]
            centred = np.bincount(cluster, difference - difference.mean())
            error = float(np.sqrt((centred**2).sum())) / len(rows)
            if means[position] - means[best] <= error:
                return sd
        return PRIOR_SDS[best]

    def fit(self) -> AnchoredFit:
        """Choose the prior on inner folds, then fit all training rows."""
        return self.fit_part(self._whole, self.choose_prior(), self.training.settings.shapes)

    def out_of_fold(
        self,
        fit: AnchoredFit,
        *,
        mode: str | None = None,
        limits: Mapping[str, list[ShareBound]] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds of the inner folds' later rows by models that did not see them, on the scale of `fit`.

        The base rates of the inner fits differ by period; the base rate is the risk curve's business, not the score's.

        Returns:
            Row positions and log-odds.
        """
        t = self.training
        rows, index, final = [], [], []
        for part, (_, predict) in zip(self._parts, t.folds, strict=True):
            inner = self.fit_part(part, fit.prior_sd, mode or t.settings.shapes, limits)
            frame = t.frame.iloc[predict]
            own = inner.log_odds(frame)
            rows.append(predict)
            index.append(own)
            final.append(fit.log_odds(frame))
        return np.concatenate(rows), on_one_scale(index, final)


@dataclass(frozen=True, eq=False)
class Part:
    """Some training rows, ready to fit.

    Attributes:
        training_rows: positions among the training rows.
        basis: ramps learned from them.
        sample: positions within `training_rows` that the fit uses, with weights.
        design, y, cluster: of the sampled rows.
        anchor: the hand formula on this basis.
    """

    training_rows: np.ndarray
    basis: Basis
    sample: Sample
    design: np.ndarray
    y: np.ndarray
    cluster: np.ndarray
    anchor: Anchor
