"""Segment profiles and a lifecycle ramp on top of the anchored fit: learned, tried on later rows, kept if they pay.

Each is learned anew inside every inner fold and scores rows that fold did not see. It is adopted when its out-of-fold
log loss is lower than without it by more than one standard error of the paired difference, accounts as clusters: the
same rule towards the simpler formula that chooses the prior. What was tried is kept as evidence either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from churnbench.calibration.anchored import AnchoredFit
from churnbench.calibration.dimension_parts import DimensionParts
from churnbench.calibration.lifecycle_ramp import LifecycleRamp, learn_ramp
from churnbench.calibration.segment_weights import (
    OWN_EVENTS,
    SegmentEstimate,
    SegmentSample,
    SegmentWeights,
    declared_tilts,
    own_estimate,
    pool,
    profiles,
    without_profiles,
)
from churnbench.calibration.training import Training
from churnbench.formula import SEGMENT_LEVEL, with_ramp, with_segment_profiles
from churnbench.metrics.discrimination import auc
from churnbench.models import on_one_scale, recalibrate

#: Input that tells how old an account is.
TENURE = "days_since_start"
_REST = "\0rest"
#: Levels of segments that differ by less of the score than this are not worth a dimension.
_LEAST_LEVEL = 0.0005


@dataclass(frozen=True)
class Trial:
    """What a refinement was worth on rows it had not seen.

    Attributes:
        adopted: whether the candidate has it.
        gain: fall of the mean log loss, nats; positive is better.
        error: its standard error, accounts as clusters.
        auc: AUC with it minus AUC without.
    """

    adopted: bool
    gain: float
    error: float
    auc: float


@dataclass(frozen=True, eq=False)
class Refined:
    """A fit with what was learned on top of it.

    Attributes:
        parts: the fit by dimension.
        weights: profiles by segment; none when there is one profile.
        ramp: multiplier for young accounts, or None.
    """

    parts: DimensionParts
    weights: SegmentWeights
    ramp: LifecycleRamp | None = None

    @property
    def spread(self) -> float:
        """Range of the score in log-odds, levels of segments included."""
        return self.weights.spread + self.weights.level_range[1]

    def relief(self, frame: pd.DataFrame) -> np.ndarray:
        """Fall of the log-odds that the score brings, 0 to `spread` (rows,)."""
        found = self.weights.relief(self.parts.health(frame), frame["segment"].to_numpy(dtype=object))
        if self.ramp is not None:
            found = np.minimum(found * self.ramp.multiplier(tenure_of(frame)), self.spread)
        return found


@dataclass(frozen=True, eq=False)
class SegmentTrial:
    """Segment weights as they were learned on all training rows, adopted or not.

    Attributes:
        trial: what they were worth; None when nothing could be tried.
        reason: why nothing was tried, in words; empty otherwise.
        weights: the learned profiles.
        samples: segment -> its rows, every segment.
        estimates: groups that were compared.
    """

    trial: Trial | None
    reason: str
    weights: SegmentWeights
    samples: Mapping[str, SegmentSample]
    estimates: Sequence[SegmentEstimate]

    @property
    def adopted(self) -> bool:
        """Whether the candidate has segment weights."""
        return self.trial is not None and self.trial.adopted


@dataclass(frozen=True, eq=False)
class RampTrial:
    """A ramp as it was learned on all training rows, adopted or not; fields as in `SegmentTrial`."""

    trial: Trial | None
    reason: str
    ramp: LifecycleRamp | None

    @property
    def adopted(self) -> bool:
        """Whether the candidate has a ramp."""
        return self.trial is not None and self.trial.adopted


@dataclass(frozen=True, eq=False)
class Refinements:
    """Both trials, and the refined fits that came out of them.

    Attributes:
        final: the fit on all training rows with what was adopted.
        inner: the same per inner fold.
        held_out: the same per group of accounts that recalibration holds out.
        segments, ramp: what was tried.
    """

    final: Refined
    inner: tuple[Refined, ...]
    held_out: tuple[Refined, ...]
    segments: SegmentTrial
    ramp: RampTrial


def tenure_of(frame: pd.DataFrame) -> np.ndarray:
    """Days since the account started (rows,), NaN where unknown."""
    if TENURE not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(frame[TENURE].to_numpy(dtype=float, na_value=np.nan))


def dimension_of(training: Training) -> dict[str, str]:
    """Metric -> dimension, dimensions in declared order."""
    spec = training.spec
    return {metric.id: dimension.id for dimension in spec.dimensions for metric in spec.in_dimension(dimension.id)}


def refine(
    training: Training, fit: AnchoredFit, inner: Sequence[AnchoredFit], held_out: Sequence[AnchoredFit] = ()
) -> Refinements:
    """Learn a ramp, then segment weights on what it leaves, and keep what pays.

    Args:
        training: what may be learned from; its folds are those of `inner`.
        fit: the fit on all training rows.
        inner: a fit per inner fold, on which a refinement must pay.
        held_out: a fit per group of accounts that recalibration holds out; refined alike.
    """
    fits = [(fit, np.arange(len(training.y)))]
    fits += [(one, learn) for one, (learn, _) in zip(inner, training.folds, strict=True)]
    fits += [(one, learn) for one, (learn, _) in zip(held_out, training.held_out, strict=False)]
    rows = [learn for _, learn in fits]
    ramp, found = _with_ramp(training, [_plain(training, one) for one, _ in fits], rows)
    segments, found = _with_segments(training, found, rows)
    first = 1 + len(inner)
    return Refinements(found[0], tuple(found[1:first]), tuple(found[first:]), segments, ramp)


def out_of_fold(
    training: Training, folds: Sequence[tuple[np.ndarray, np.ndarray]], final: Refined, unseen: Sequence[Refined]
) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (without level) of the rows that `folds` predict, by fits that did not see them.

    Returns:
        The final fit's and the other fits' index on its scale, folds concatenated (rows,) each.
    """
    frames = [training.frame.iloc[predict] for _, predict in folds]
    last = [-final.relief(frame) for frame in frames]
    return np.concatenate(last), on_one_scale([-one.relief(f) for one, f in zip(unseen, frames, strict=True)], last)


def refined_body(body: dict[str, Any], refined: Refinements) -> dict[str, Any]:
    """The body with the adopted profiles and ramp."""
    weights, ramp = refined.final.weights, refined.final.ramp
    if weights.shares:
        low, span = weights.level_range
        share = span / refined.final.spread
        scale = 100.0 / span if span > 0 else 0.0
        body = with_segment_profiles(
            body,
            {
                name: dict(zip(weights.dimensions, found.tolist(), strict=True))
                for name, found in weights.shares.items()
            },
            # The highest level may come out a hair above 100.
            {
                name: float(np.clip((level - low) * scale, 0.0, 100.0))
                for name, level in {**weights.levels, "": 0.0}.items()
            },
            level_share=share if share >= _LEAST_LEVEL else 0.0,
        )
    return body if ramp is None else with_ramp(body, ramp.points, tenure_input=TENURE)


def _plain(training: Training, fit: AnchoredFit) -> Refined:
    parts = DimensionParts.of(fit, dimension_of(training))
    return Refined(parts, without_profiles(parts.dimensions, parts.shares, parts.spread))


def sampled(training: Training, fit: AnchoredFit, rows: np.ndarray) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows that a fit worked on: frame, row weights and account numbers."""
    taken = rows[fit.sample.rows]
    return training.frame.iloc[taken], fit.sample.weight, training.accounts[taken]


def _with_ramp(
    training: Training, found: Sequence[Refined], rows: Sequence[np.ndarray]
) -> tuple[RampTrial, list[Refined]]:
    if np.isnan(tenure_of(training.frame)).all():
        return RampTrial(None, "The data do not say when accounts started.", None), list(found)
    ramps = []
    for one, r in zip(found, rows, strict=True):
        frame, weight, account = sampled(training, one.parts.fit, r)
        ramps.append(learn_ramp(one.relief(frame), tenure_of(frame), one.parts.fit.problem.y, weight, account))
    if ramps[0] is None or not training.folds:
        return RampTrial(None, "Too few accounts churned young, or young accounts show no ramp.", None), list(found)
    refined = [replace(one, ramp=ramp) for one, ramp in zip(found, ramps, strict=True)]
    trial = _tried(training, found, refined)
    return RampTrial(trial, "", ramps[0]), refined if trial.adopted else list(found)


def _with_segments(
    training: Training, plain: Sequence[Refined], rows: Sequence[np.ndarray]
) -> tuple[SegmentTrial, list[Refined]]:
    samples = [segment_samples(training, one, r) for one, r in zip(plain, rows, strict=True)]
    own = frozenset(name for name, sample in samples[0].items() if sample.events >= OWN_EVENTS)
    reason = _no_segments(training, plain[0].parts, samples[0], own)
    if reason:
        return SegmentTrial(None, reason, plain[0].weights, samples[0], ()), list(plain)
    learned = [learn_segments(training, one.parts, found, own) for one, found in zip(plain, samples, strict=True)]
    refined = [replace(one, weights=weights) for one, (weights, _) in zip(plain, learned, strict=True)]
    trial = _tried(training, plain, refined)
    if not learned[0][0].differ:
        trial = replace(trial, adopted=False)
    return SegmentTrial(trial, "", learned[0][0], samples[0], learned[0][1]), refined if trial.adopted else list(plain)


def _no_segments(
    training: Training, parts: DimensionParts, samples: Mapping[str, SegmentSample], own: frozenset[str]
) -> str:
    """Why segment weights cannot be learned here, in words; empty when they can."""
    if len(samples) < 2:
        return "There is one segment."
    if SEGMENT_LEVEL in {metric.id for metric in training.spec.metrics} | set(parts.dimensions):
        return f"The name '{SEGMENT_LEVEL}' is taken by a metric or dimension of today's formula."
    if len(parts.dimensions) < 2:
        return "One dimension carries all the weight."
    if training.settings.limits.active():
        return "Limits on weights are held by one profile for all segments."
    if not own:
        most = max(sample.events for sample in samples.values())
        return f"No segment has {OWN_EVENTS} churned accounts in training (the largest has {most})."
    return "" if training.folds else "There is no inner fold to try them on."


def segment_samples(training: Training, refined: Refined, rows: np.ndarray) -> dict[str, SegmentSample]:
    """Rows of every segment, as a fit on the training rows `rows` saw them, by name."""
    parts = refined.parts
    frame, weight, account = sampled(training, parts.fit, rows)
    health = parts.of_design(parts.fit.problem.design)
    factor = np.ones(len(frame)) if refined.ramp is None else refined.ramp.multiplier(tenure_of(frame))
    segment, y = frame["segment"].to_numpy(dtype=object), parts.fit.problem.y
    found = {}
    for name in sorted(set(segment)):
        here = segment == name
        found[str(name)] = SegmentSample(str(name), health[here], y[here], weight[here], account[here], factor[here])
    return found


def learn_segments(
    training: Training, parts: DimensionParts, samples: Mapping[str, SegmentSample], own: frozenset[str]
) -> tuple[SegmentWeights, list[SegmentEstimate]]:
    """Profiles of the segments in `own`; all others together are one more group to compare them with."""
    groups = compared(samples, own)
    if len(groups) < 2:
        return without_profiles(parts.dimensions, parts.shares, parts.spread), []
    estimates = [own_estimate(group, parts.shares, parts.spread) for group in groups]
    default = {dimension.id: dimension.weight for dimension in training.spec.dimensions}
    declared = declared_tilts(default, training.spec.segment_weights, parts.dimensions)
    pooled = pool(estimates, declared, own=own)
    return profiles(samples, pooled, parts.dimensions, parts.shares, parts.spread), estimates


def compared(samples: Mapping[str, SegmentSample], own: frozenset[str]) -> list[SegmentSample]:
    """Groups whose differences are learned: the segments in `own` that have both outcomes, and the rest."""
    groups = [sample for name, sample in samples.items() if name in own and 0 < sample.events < sample.accounts]
    rest = [sample for name, sample in samples.items() if name not in own]
    if rest:
        together = SegmentSample(
            _REST,
            np.concatenate([sample.health for sample in rest]),
            np.concatenate([sample.y for sample in rest]),
            np.concatenate([sample.weight for sample in rest]),
            np.concatenate([sample.cluster for sample in rest]),
            np.concatenate([sample.factor for sample in rest]),
        )
        if together.events >= OWN_EVENTS:
            groups.append(together)
    return groups


def _tried(training: Training, without: Sequence[Refined], with_it: Sequence[Refined]) -> Trial:
    """Compare two formulas on the inner folds' later rows, both recalibrated alike."""
    rows = np.concatenate([predict for _, predict in training.folds])
    y, accounts, stratum = training.y[rows], training.accounts[rows], training.stratum[rows]
    losses, areas = [], []
    for final, *others in (without, with_it):
        _, index = out_of_fold(training, training.folds, final, others[: len(training.folds)])
        line = recalibrate(index, y, accounts, stratum)
        p = np.clip(line.probability(index, stratum), 1e-9, 1 - 1e-9)
        losses.append(-np.log(np.where(y == 1, p, 1 - p)))
        areas.append(float(auc(y, p)))
    difference = losses[0] - losses[1]
    gain = float(difference.mean())
    centred = np.bincount(accounts, difference - gain)
    error = float(np.sqrt((centred**2).sum())) / len(rows)
    return Trial(gain > error, gain, error, areas[1] - areas[0])
