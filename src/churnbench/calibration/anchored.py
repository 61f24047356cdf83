"""The anchored additive refit: weights, directions and curves learned together, pulled towards the hand formula.

An additive model of ramps IS a weighted formula: each metric's range on the log-odds scale is its weight, its shape
its curve. So everything is fitted at once by one penalised likelihood, and what comes out is again a formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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

#: Prior scale of a metric's share of the score. The first is nearly the hand formula itself.
PRIOR_SCALES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
#: With few events the strength is prescribed, never tuned (method, section 5.3).
SMALL_DATA_SCALE = 0.10
#: Degrees of freedom of the prior. Experts are mostly nearly right and now and then quite wrong: a normal prior would
#: hold back the metric that they have wrong as firmly as all others (decision 0008).
PRIOR_FREEDOM = 2.0
_PRIOR_ROUNDS = 2
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
        prior_scale: chosen prior scale of a share.
        anchor: the hand formula on the basis.
    """

    basis: Basis
    solution: Solution
    problem: Problem
    sample: Sample
    shapes: Mapping[str, Shape]
    changes: tuple[ShapeChange, ...]
    prior_scale: float
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
        self.whole = self._prepare(np.arange(len(training.y)))

    @cached_property
    def _held_out(self) -> list[Part]:
        return [self._prepare(learn) for learn, _ in self.training.held_out]

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

    def penalty(self, part: Part, spread: np.ndarray) -> np.ndarray:
        """Strength per column for a prior standard deviation of each metric's share, `spread` (metrics,)."""
        strength = np.zeros(part.basis.width)
        for ramps, sd in zip(part.basis.ramps, spread, strict=True):
            # K sum_k d_k^2 equals (sum_k d_k)^2 when the change is even over the segments, so that the prior
            # speaks of the metric's range whatever the number of its knots.
            strength[ramps.columns[0] : ramps.columns[1]] = float(ramps.segments) / sd**2
        return strength / (2 * part.anchor.effective_rows * part.anchor.spread**2)

    def _problem(
        self,
        part: Part,
        spread: np.ndarray,
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
            penalty=self.penalty(part, spread),
            shapes=shapes,
            extra=constraint_rows(limits, part.basis, shapes, at),
        )

    def _solve(
        self,
        part: Part,
        spread: np.ndarray,
        shapes: Shapes,
        *,
        limits: Mapping[str, list[ShareBound]],
        start: Solution | None = None,
        near: bool = False,
    ) -> tuple[Problem, Solution]:
        problem = self._problem(part, spread, shapes, limits, start)
        solution = solve(problem, start=start, keep_hessian=near)
        if limits and any(bends(ramps, shapes) for ramps in part.basis.ramps):
            # The range of a bent curve is linear only at its present extremes; a few rounds settle them.
            for _ in range(3):
                problem = self._problem(part, spread, shapes, limits, solution)
                solution = solve(problem, start=solution)
        return problem, solution

    def _robust(
        self,
        part: Part,
        prior_scale: float,
        shapes: Shapes,
        *,
        limits: Mapping[str, list[ShareBound]],
        start: Solution | None = None,
    ) -> tuple[Problem, Solution]:
        """The fit under the heavy-tailed prior: a few rounds, each with the spread that the last one suggests.

        Source: Lange, Little and Taylor (1989), doi:10.1080/01621459.1989.10478852, for the weights of a Student t.
        """
        spread = np.full(len(part.basis.ramps), prior_scale)
        problem, solution = self._solve(part, spread, shapes, limits=limits, start=start)
        for _ in range(_PRIOR_ROUNDS):
            moved = moves(part.basis, part.anchor, problem, solution)
            spread = np.sqrt((PRIOR_FREEDOM * prior_scale**2 + moved**2) / (PRIOR_FREEDOM + 1))
            problem, solution = self._solve(part, spread, shapes, limits=limits, start=solution, near=True)
        return problem, solution

    def fit_part(
        self,
        part: Part,
        prior_scale: float,
        mode: str,
        limits: Mapping[str, list[ShareBound]] | None = None,
        start: Solution | None = None,
    ) -> AnchoredFit:
        """Fit some rows with shapes "declared", "audited" or "free"."""
        limits = self.limits if limits is None else limits
        shapes: dict[str, Shape] = {r.metric: "free" if mode == "free" else "declared" for r in part.basis.ramps}
        problem, solution = self._robust(part, prior_scale, shapes, limits=limits, start=start)
        changes: tuple[ShapeChange, ...] = ()
        if mode == "audited":
            extra = constraint_rows(limits, part.basis, shapes, solution)
            shapes, solution, changes = audit(
                problem, part.basis, part.cluster, solution, anchor=part.anchor.coefficients, extra=extra
            )
            if changes:
                problem, solution = self._robust(part, prior_scale, shapes, limits=limits, start=solution)
        return AnchoredFit(part.basis, solution, problem, part.sample, shapes, changes, prior_scale, part.anchor)

    def choose_prior(self) -> float:
        """The prior scale with the lowest loss on the inner folds' later rows; prescribed where events are few."""
        t = self.training
        if t.events < _EVENTS_TO_TUNE or not self._parts:
            return SMALL_DATA_SCALE
        losses = np.zeros(len(PRIOR_SCALES))
        for part, (_, predict) in zip(self._parts, t.folds, strict=True):
            design = part.basis.design(t.frame.iloc[predict])
            start: Solution | None = None
            for position, scale in enumerate(PRIOR_SCALES):
                shapes: dict[str, Shape] = {ramps.metric: "declared" for ramps in part.basis.ramps}
                _, start = self._robust(part, scale, shapes, limits=self.limits, start=start)
                index = start.log_odds(design)
                losses[position] += float((np.logaddexp(0, index) - t.y[predict] * index).sum())
        return PRIOR_SCALES[int(losses.argmin())]

    def fit(self) -> AnchoredFit:
        """Choose the prior on inner folds, then fit all training rows."""
        return self.fit_part(self.whole, self.choose_prior(), self.training.settings.shapes)

    def inner_fits(self, fit: AnchoredFit) -> list[AnchoredFit]:
        """One fit per inner fold, on the rows that the fold may learn from, with the prior and shapes of `fit`."""
        return [self.fit_part(part, fit.prior_scale, self.training.settings.shapes) for part in self._parts]

    def held_out_fits(
        self,
        fit: AnchoredFit,
        *,
        mode: str | None = None,
        limits: Mapping[str, list[ShareBound]] | None = None,
    ) -> list[AnchoredFit]:
        """One fit per group of accounts that is held out for recalibration, with the prior of `fit`."""
        shapes = mode or self.training.settings.shapes
        return [self.fit_part(part, fit.prior_scale, shapes, limits) for part in self._held_out]

    def out_of_fold(
        self,
        fit: AnchoredFit,
        *,
        mode: str | None = None,
        limits: Mapping[str, list[ShareBound]] | None = None,
        unseen: Sequence[AnchoredFit] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds of the rows to recalibrate on, by fits that did not see their accounts, on the scale of `fit`.

        The base rates of those fits differ a little; the base rate is the risk curve's business, not the score's.

        Args:
            fit: the fit on all training rows.
            mode: other shapes than those of the settings.
            limits: other limits than those of the settings.
            unseen: the fits on other accounts, where they are at hand.

        Returns:
            Row positions and log-odds.
        """
        t = self.training
        rows, index, final = [], [], []
        fits = unseen or self.held_out_fits(fit, mode=mode, limits=limits)
        for one, (_, predict) in zip(fits, t.held_out, strict=True):
            frame = t.frame.iloc[predict]
            rows.append(predict)
            index.append(one.log_odds(frame))
            final.append(fit.log_odds(frame))
        return np.concatenate(rows), on_one_scale(index, final)


def moves(basis: Basis, anchor: Anchor, problem: Problem, solution: Solution) -> np.ndarray:
    """How far each metric has moved from what it is anchored at, in units of a share of the score (metrics,)."""
    away = (solution.coefficients - problem.anchor) ** 2
    squares = [r.segments * float(away[r.columns[0] : r.columns[1]].sum()) for r in basis.ramps]
    return np.sqrt(squares) / anchor.spread


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
