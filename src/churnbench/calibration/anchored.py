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
from churnbench.calibration.penalised_fit import Problem, Solution, curvature, solve
from churnbench.calibration.prior import Prior, student_scales
from churnbench.calibration.shapes import ShapeChange, Shapes, audit, constrained, design_effect
from churnbench.calibration.training import Training
from churnbench.formula import score_frame
from churnbench.models import on_one_scale
from churnbench.models.recalibration import fit_line

#: Prior scale of a metric's share of the score. The first is nearly the hand formula itself.
PRIOR_SCALES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
#: With few events the strength is prescribed, never tuned (method, section 5.3).
SMALL_DATA_SCALE = 0.10
_PRIOR_ROUNDS = 2
_EVENTS_TO_TUNE = 150
#: The hand formula's spread in log-odds is not believed to be smaller than this when priors are scaled by it.
_LEAST_SPREAD = 2.0
#: More rows than this do not sharpen a fit whose information sits in the events; rows without churn are thinned.
_MAX_ROWS = 30_000
#: Fits that only tune or recalibrate make do with half.
_INNER_ROWS = 15_000
#: Rows of a design held in memory at once when predicting.
_CHUNK = 50_000


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
        prior: the hand formula on the basis, and how firmly it is believed.
    """

    basis: Basis
    solution: Solution
    problem: Problem
    sample: Sample
    shapes: Mapping[str, Shape]
    changes: tuple[ShapeChange, ...]
    prior_scale: float
    prior: Prior

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """Log-odds of churn for new rows."""
        chunks = [
            self.solution.log_odds(self.basis.design(frame.iloc[begin : begin + _CHUNK]))
            for begin in range(0, len(frame), _CHUNK)
        ]
        return np.concatenate(chunks) if chunks else np.zeros(0)


def thin(y: np.ndarray, seed: int, most: int) -> Sample:
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
            training.today_shares,
        )
        refuse_conflict(self.limits, len(training.hand_curves))
        self._parts = [self._prepare(learn, _INNER_ROWS) for learn, _ in training.folds]
        self.whole = self._prepare(np.arange(len(training.y)), _MAX_ROWS)

    @cached_property
    def _held_out(self) -> list[Part]:
        return [self._prepare(learn, _INNER_ROWS) for learn, _ in self.training.held_out]

    def _prepare(self, rows: np.ndarray, most: int) -> Part:
        """Basis, thinned design and anchor on some training rows."""
        t = self.training
        frame, y = t.frame.iloc[rows], t.y[rows]
        events = int(frame.loc[frame["y"] == 1, "account_id"].nunique())
        basis = learn_basis(frame, t.hand_curves, segment_count(len(rows), events))
        sample = thin(y, t.settings.seed, most)
        kept = frame.iloc[sample.rows]
        design = basis.design(kept)
        cluster = np.asarray(pd.factorize(kept["account_id"])[0])
        slope, effect = self._hand_slope(frame, y)
        prior = Prior(
            basis,
            basis.hand_coefficients(t.hand_shares, slope),
            max(_LEAST_SPREAD, -100 * slope),
            len(y) / effect,
        )
        return Part(rows, basis, sample, design, y[sample.rows], cluster, prior)

    def _hand_slope(self, frame: pd.DataFrame, y: np.ndarray) -> tuple[float, float]:
        """Log-odds per point of the hand formula, and the design effect of accounts: of all rows, thinned or not.

        Thinning would make both depend on the drawing, and the strength of the prior with them.
        """
        hand = score_frame(self.training.hand_body, frame)["raw_score"].to_numpy(dtype=float)
        known = ~np.isnan(hand)
        if not known.any() or not y[known].any() or float(np.std(hand[known])) == 0:
            return 0.0, 1.0
        cluster = np.asarray(pd.factorize(frame["account_id"].to_numpy(dtype=object)[known])[0])
        line = fit_line(hand[known], y[known], cluster, falling=True)
        p = line.probability(hand[known])
        effect = design_effect(hand[known][:, None], y[known] - p, p * (1 - p), np.ones(int(known.sum())), cluster)
        return line.slope, effect

    def _problem(
        self,
        part: Part,
        scales: np.ndarray,
        shapes: Shapes,
        limits: Mapping[str, list[ShareBound]],
        at: Solution | None,
    ) -> Problem:
        return constrained(
            part.basis,
            part.design,
            part.y,
            part.sample.weight,
            anchor=part.prior.anchor,
            penalty=part.prior.penalty(scales),
            shapes=shapes,
            extra=constraint_rows(limits, part.basis, shapes, at),
        )

    def _solve(
        self,
        part: Part,
        scales: np.ndarray,
        shapes: Shapes,
        *,
        limits: Mapping[str, list[ShareBound]],
        start: Solution | None = None,
        hessian: np.ndarray | None = None,
    ) -> tuple[Problem, Solution]:
        problem = self._problem(part, scales, shapes, limits, start)
        solution = solve(problem, start=start, hessian=hessian)
        if limits and any(bends(ramps, shapes) for ramps in part.basis.ramps):
            # The range of a bent curve is linear only at its present extremes; a few rounds settle them.
            for _ in range(3):
                problem = self._problem(part, scales, shapes, limits, solution)
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
        hessian: np.ndarray | None = None,
    ) -> tuple[Problem, Solution]:
        """The fit under the heavy-tailed prior: a few rounds, each with the scales that the last one suggests.

        A curvature of the likelihood known from a fit of the same rows nearby saves computing it again.
        """
        scales = np.full(len(part.basis.ramps), prior_scale)
        problem, solution = self._solve(part, scales, shapes, limits=limits, start=start, hessian=hessian)
        if hessian is None:
            hessian = curvature(problem, solution)
        for _ in range(_PRIOR_ROUNDS):
            scales = student_scales(prior_scale, part.prior.moves(problem.anchor, solution.coefficients))
            problem, solution = self._solve(part, scales, shapes, limits=limits, start=solution, hessian=hessian)
        return problem, solution

    def fit_part(
        self,
        part: Part,
        prior_scale: float,
        mode: str,
        limits: Mapping[str, list[ShareBound]] | None = None,
    ) -> AnchoredFit:
        """Fit some rows with shapes "declared", "audited" or "free"."""
        limits = self.limits if limits is None else limits
        shapes: dict[str, Shape] = {r.metric: "free" if mode == "free" else "declared" for r in part.basis.ramps}
        problem, solution = self._robust(part, prior_scale, shapes, limits=limits)
        changes: tuple[ShapeChange, ...] = ()
        if mode == "audited":
            extra = constraint_rows(limits, part.basis, shapes, solution)
            shapes, solution, changes = audit(
                problem, part.basis, part.cluster, solution, anchor=part.prior.anchor, extra=extra
            )
            if changes:
                problem, solution = self._robust(part, prior_scale, shapes, limits=limits, start=solution)
        return AnchoredFit(part.basis, solution, problem, part.sample, shapes, changes, prior_scale, part.prior)

    def choose_prior(self) -> float:
        """The prior scale with the lowest loss on accounts held out; prescribed where events are few.

        How far experts err is a matter of accounts, not of time: forward-chained folds know a third of the history and
        preferred scales that differed tenfold between books of one kind (decision 0010).
        """
        t = self.training
        if t.events < _EVENTS_TO_TUNE or not self._held_out:
            return SMALL_DATA_SCALE
        losses = np.zeros(len(PRIOR_SCALES))
        for part, (_, predict) in zip(self._held_out, t.held_out, strict=True):
            design = part.basis.design(t.frame.iloc[predict])
            shapes: dict[str, Shape] = {ramps.metric: "declared" for ramps in part.basis.ramps}
            start: Solution | None = None
            hessian: np.ndarray | None = None
            for position, scale in enumerate(PRIOR_SCALES):
                problem, start = self._robust(part, scale, shapes, limits=self.limits, start=start, hessian=hessian)
                hessian = curvature(problem, start) if hessian is None else hessian
                index = start.log_odds(design)
                losses[position] += float((np.logaddexp(0, index) - t.y[predict] * index).sum())
        return PRIOR_SCALES[int(losses.argmin())]

    def fit(self) -> AnchoredFit:
        """Choose the prior on held-out accounts, then fit all training rows."""
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


@dataclass(frozen=True, eq=False)
class Part:
    """Some training rows, ready to fit.

    Attributes:
        training_rows: positions among the training rows.
        basis: ramps learned from them.
        sample: positions within `training_rows` that the fit uses, with weights.
        design, y, cluster: of the sampled rows.
        prior: the hand formula on this basis, and how firmly it is believed.
    """

    training_rows: np.ndarray
    basis: Basis
    sample: Sample
    design: np.ndarray
    y: np.ndarray
    cluster: np.ndarray
    prior: Prior
