"""Dimension weights of a segment's own, by partial pooling towards the overall weights.

The overall fit says `logit P = b - S sum_d w_d h_d`. In segment s every dimension may count `m_sd` times as much:
`logit P = b_s - S sum_d m_sd w_d h_d`, a regression of its own with few columns. Its estimates are noisy; how far
segments really differ is read off all of them together (restricted maximum likelihood over segments, not rows), and
each is drawn towards the overall weights by as much as its own noise asks for. An intercept and an overall factor of a
segment are left to it in the fit, so that neither its base rate nor its predictability passes for a weight.

What is shipped are the shares `w_d m_sd`, scaled to sum to one: the range S of the score stays common, since cut-offs
and risk curve are. Moving weight between dimensions that are fuller and emptier would also lift or lower a whole
segment against the others; `level` takes that back, so that a profile reorders accounts within its segment and leaves
the standing of the segment to the overall formula.

Sources: Harville (1977), doi:10.1080/01621459.1977.10480998 (restricted likelihood); Morris (1983),
doi:10.1080/01621459.1983.10477920 (parametric empirical Bayes); Liang and Zeger (1986), doi:10.1093/biomet/73.1.13
(covariance by clusters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from churnbench.calibration.penalised_fit import Problem, Solution, account_slopes, curvature, solve

#: Distinct churned accounts from which a segment may have weights of its own (method, section 5.11).
OWN_EVENTS = 50
#: Standard deviations of a dimension's multiplier over segments among which the likelihood chooses.
DEVIATIONS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 1.6, 2.0)
#: Keeps a segment's own estimate finite where a dimension hardly varies; far wider than any believable multiplier.
_WIDEST = 3.0
#: Where the score hardly predicts, proportions of multipliers are noise divided by nothing.
_LEAST_FACTOR = 0.2
#: Profiles nearer to the overall one than this are none.
_LEAST_MOVE = 0.005


@dataclass(frozen=True, eq=False)
class SegmentSample:
    """Rows of one segment, as the overall fit sees them.

    Attributes:
        segment: its name.
        health: how full each dimension is, 0-1 (rows, D).
        y: 0/1 (rows,).
        weight: row weights (rows,).
        cluster: account number per row (rows,), integers from 0, common to all segments.
        factor: multiplier of the total by the lifecycle ramp (rows,); ones without one.
    """

    segment: str
    health: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray
    factor: np.ndarray

    @property
    def accounts(self) -> int:
        """Distinct accounts."""
        return len(np.unique(self.cluster))

    @property
    def events(self) -> int:
        """Distinct churned accounts."""
        return len(np.unique(self.cluster[self.y == 1]))

    def drawn(self, times: np.ndarray) -> SegmentSample:
        """The sample with each account taken `times` times (accounts,), those taken 0 times dropped."""
        weight = self.weight * times[self.cluster]
        used = weight > 0
        return SegmentSample(
            self.segment, self.health[used], self.y[used], weight[used], self.cluster[used], self.factor[used]
        )


@dataclass(frozen=True, eq=False)
class SegmentEstimate:
    """What a segment says by itself.

    Attributes:
        sample: its rows.
        multipliers: m (D,), around 1; not scaled, the segment's overall factor is in them.
        covariance: clustered by account (D, D).
        solution: the regression, to start a resample from.
    """

    sample: SegmentSample
    multipliers: np.ndarray
    covariance: np.ndarray
    solution: Solution


@dataclass(frozen=True, eq=False)
class Pooled:
    """Multipliers after pooling.

    Attributes:
        multipliers: segment -> m (D,), >= 0.
        deviation: standard deviation of multipliers over segments, beyond noise and beyond what was declared.
        trust: share of the declared differences between segments that the data confirm, 0-1; None when none is
            declared.
        withheld: segment -> covariance (D, D) of what pooling holds back; see `SegmentWeights`.
    """

    multipliers: Mapping[str, np.ndarray]
    deviation: float
    trust: float | None
    withheld: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class SegmentWeights:
    """Profiles of the segments that have their own.

    Attributes:
        dimensions: ids (D,).
        overall: shares of everybody else (D,), summing to 1.
        spread: range S of the score in log-odds, the level left out.
        shares: segment -> shares (D,), summing to 1.
        levels: segment -> health in log-odds that keeps the segment's mean where the overall weights have it.
        pooled: where they came from.
    """

    dimensions: tuple[str, ...]
    overall: np.ndarray
    spread: float
    shares: Mapping[str, np.ndarray]
    levels: Mapping[str, float]
    pooled: Pooled

    @property
    def differ(self) -> bool:
        """Whether any segment's profile leaves the overall one by half a per cent of the score or more."""
        return any(float(np.abs(share - self.overall).max()) >= _LEAST_MOVE for share in self.shares.values())

    @property
    def level_range(self) -> tuple[float, float]:
        """Lowest level and range of levels in log-odds; that of the default profile is 0."""
        found = [0.0, *self.levels.values()]
        return min(found), max(found) - min(found)

    def relief(self, health: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """Fall of the log-odds that the score brings, >= 0 (rows,): spread times score, level included.

        Args:
            health: how full each dimension is (rows, D).
            segment: segment per row (rows,), str objects.
        """
        found = np.asarray(self.spread * (health @ self.overall))
        for name, share in self.shares.items():
            rows = segment == name
            found[rows] = self.spread * (health[rows] @ share) + self.levels[name]
        return found - self.level_range[0]


def own_estimate(
    sample: SegmentSample, overall: np.ndarray, spread: float, start: Solution | None = None, max_steps: int = 30
) -> SegmentEstimate:
    """Multipliers of one segment from its own rows alone.

    Args:
        sample: its rows.
        overall: shares of the overall fit (D,).
        spread: its range in log-odds.
        start: where to begin; the overall weights when None.
        max_steps: most Newton steps.
    """
    ridge = 1.0 / (2.0 * float(sample.weight.sum()) * _WIDEST**2)
    width = len(overall)
    problem = Problem(
        -spread * sample.factor[:, None] * sample.health * overall,
        sample.y,
        sample.weight,
        anchor=np.ones(width),
        penalty=ridge * np.eye(width),
        bound=np.zeros(width),
    )
    solution = solve(problem, start=start, max_steps=max_steps)
    by_account = account_slopes(problem, solution, sample.cluster)
    information = curvature(problem, solution)
    information[1:, 1:] += 2.0 * problem.penalty
    bread = np.linalg.inv(information + 1e-12 * np.eye(width + 1))
    covariance = bread @ (by_account.T @ by_account) @ bread
    return SegmentEstimate(sample, solution.coefficients, covariance[1:, 1:], solution)


def contrasts(width: int) -> np.ndarray:
    """Orthonormal rows that leave out a common factor: (width - 1, width).

    >>> bool(np.allclose(contrasts(4) @ np.ones(4), 0)), contrasts(4).shape
    (True, (3, 4))
    """
    full, _ = np.linalg.qr(np.column_stack([np.ones(width), np.eye(width)[:, 1:]]))
    return np.asarray(full[:, 1:].T)


def common_factors(estimates: Sequence[SegmentEstimate]) -> np.ndarray:
    """How much steeper than the overall fit risk falls with the whole score, per group (groups,), at least 0.2.

    The generalised mean of a group's multipliers, drawn towards that of all groups by the moments of their
    differences. Multipliers are read relative to it: a tilt is a matter of proportions.

    Source: DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2.
    """
    means, variances = [], []
    for estimate in estimates:
        inverse = np.linalg.inv(estimate.covariance + 1e-9 * np.eye(len(estimate.multipliers)))
        variances.append(1.0 / float(inverse.sum()))
        means.append(float((inverse @ estimate.multipliers).sum()) * variances[-1])
    mean, precision = np.array(means), 1.0 / np.array(variances)
    middle = float(np.average(mean, weights=precision))
    excess = float((precision * (mean - middle) ** 2).sum()) - (len(mean) - 1)
    scale = float(precision.sum() - (precision**2).sum() / precision.sum())
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    kept = between * precision / (between * precision + 1.0)
    return np.maximum(middle + kept * (mean - middle), _LEAST_FACTOR)


def pool(
    estimates: Sequence[SegmentEstimate],
    declared: Mapping[str, np.ndarray],
    *,
    own: frozenset[str],
    deviation: float | None = None,
) -> Pooled:
    """Draw segments' multipliers towards the overall weights, shifted by what was declared as far as it holds.

    Model, on contrasts z of a segment's multipliers relative to its overall factor:
    `z ~ N(mean + trust * declared, V + deviation^2)`, one mean for all segments. The mean is what all segments say
    against the overall fit together; it is no difference between them, and so it is left out of the result.

    Args:
        estimates: two or more groups of accounts to compare, of which some have weights of their own.
        declared: segment -> declared multiplier minus 1 (D,); empty without declared profiles.
        own: segments that shall have weights of their own.
        deviation: standard deviation over segments; chosen by restricted likelihood when None.
    """
    width = len(estimates[0].multipliers)
    turn = contrasts(width)
    seen, noise, tilts, forms = _compared(estimates, declared)
    tilted = forms[0].shape[1] == width
    if deviation is None:
        deviation = min(DEVIATIONS, key=lambda sd: _restricted(seen, noise, forms, sd)[0])
    _, found = _restricted(seen, noise, forms, deviation)
    trust = float(np.clip(found[-1], 0.0, 1.0)) if tilted else 0.0
    if tilted:
        rest = [z - trust * tilt for z, tilt in zip(seen, tilts, strict=True)]
        _, found = _restricted(rest, noise, [np.eye(width - 1)] * len(rest), deviation)
    multipliers, withheld = {}, {}
    for estimate, z, v, tilt in zip(estimates, seen, noise, tilts, strict=True):
        name = estimate.sample.segment
        if name not in own:
            continue
        kept = deviation**2 * np.linalg.inv(v + (deviation**2 + 1e-12) * np.eye(width - 1))
        moved = turn.T @ (kept @ (z - found[: width - 1] - trust * tilt))
        # An overall factor in the declared tilt is no tilt; shares are scaled anyway.
        multipliers[name] = np.maximum(1.0 + trust * declared.get(name, np.zeros(width)) + moved, 0.0)
        lost = np.eye(width - 1) - kept
        withheld[name] = turn.T @ (deviation**2 * lost @ lost.T) @ turn
    return Pooled(multipliers, deviation, trust if tilted else None, withheld)


def deviation_odds(estimates: Sequence[SegmentEstimate], declared: Mapping[str, np.ndarray]) -> np.ndarray:
    """How probable each of `DEVIATIONS` is (K,), summing to 1: restricted likelihood, every deviation alike beforehand.

    Few segments leave the deviation open; the one most likely is often 0 where segments do differ.

    Source: Gelman (2006), doi:10.1214/06-BA117A (a flat prior on the standard deviation of groups).
    """
    seen, noise, _, forms = _compared(estimates, declared)
    against = np.array([_restricted(seen, noise, forms, sd)[0] for sd in DEVIATIONS])
    odds = np.exp(against.min() - against) * np.gradient(np.array(DEVIATIONS))
    return np.asarray(odds / odds.sum())


def _compared(
    estimates: Sequence[SegmentEstimate], declared: Mapping[str, np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Contrasts of each segment, their covariance, what was declared of them, and the columns that explain them."""
    width = len(estimates[0].multipliers)
    turn = contrasts(width)
    factors = common_factors(estimates)
    seen = [turn @ e.multipliers / factor for e, factor in zip(estimates, factors, strict=True)]
    noise = [turn @ e.covariance @ turn.T / factor**2 for e, factor in zip(estimates, factors, strict=True)]
    tilts = [turn @ declared.get(e.sample.segment, np.zeros(width)) for e in estimates]
    tilted = any(np.abs(tilt).max(initial=0.0) > 0 for tilt in tilts)
    forms = [np.column_stack([np.eye(width - 1), tilt]) if tilted else np.eye(width - 1) for tilt in tilts]
    return seen, noise, tilts, forms


def _restricted(
    seen: Sequence[np.ndarray], noise: Sequence[np.ndarray], forms: Sequence[np.ndarray], deviation: float
) -> tuple[float, np.ndarray]:
    """Minus the restricted log likelihood of a deviation, and the generalised least squares coefficients."""
    width = len(seen[0])
    inverse = [np.linalg.inv(v + (deviation**2 + 1e-9) * np.eye(width)) for v in noise]
    cross = sum((x.T @ w @ x for x, w in zip(forms, inverse, strict=True)), np.zeros((forms[0].shape[1],) * 2))
    cross = cross + 1e-9 * np.eye(len(cross))
    right = sum((x.T @ w @ z for x, w, z in zip(forms, inverse, seen, strict=True)), np.zeros(len(cross)))
    found = np.linalg.solve(cross, right)
    value = 0.5 * float(np.linalg.slogdet(cross)[1])
    for x, w, z in zip(forms, inverse, seen, strict=True):
        rest = z - x @ found
        value += 0.5 * float(rest @ w @ rest) - 0.5 * float(np.linalg.slogdet(w)[1])
    return value, found


def declared_tilts(
    default: Mapping[str, float], by_segment: Mapping[str, Mapping[str, float]], dimensions: Sequence[str]
) -> dict[str, np.ndarray]:
    """How a segment's declared weights differ from the default ones: ratio of shares minus 1.

    >>> declared_tilts({"a": 1, "b": 1}, {"S": {"a": 3, "b": 1}}, ("a", "b"))["S"].tolist()
    [0.5, -0.5]
    """
    base = np.array([float(default.get(name, 0.0)) for name in dimensions])
    found = {}
    for segment, weights in by_segment.items():
        own = np.array([float(weights.get(name, 0.0)) for name in dimensions])
        if base.sum() <= 0 or own.sum() <= 0:
            continue
        ratio = np.ones(len(base))
        np.divide(own / own.sum(), base / base.sum(), out=ratio, where=base > 0)
        found[segment] = ratio - 1.0
    return found


def profiles(
    samples: Mapping[str, SegmentSample],
    pooled: Pooled,
    dimensions: tuple[str, ...],
    overall: np.ndarray,
    spread: float,
) -> SegmentWeights:
    """Shares and levels from pooled multipliers; `samples` give the mean health of each segment."""
    shares, levels = {}, {}
    for name, multipliers in pooled.multipliers.items():
        raw = overall * multipliers
        shares[name] = raw / raw.sum()
        mean = np.average(samples[name].health, axis=0, weights=samples[name].weight * samples[name].factor)
        levels[name] = -spread * float((shares[name] - overall) @ mean)
    return SegmentWeights(dimensions, overall, spread, shares, levels, pooled)


def without_profiles(dimensions: tuple[str, ...], overall: np.ndarray, spread: float) -> SegmentWeights:
    """One profile for everybody."""
    return SegmentWeights(dimensions, overall, spread, {}, {}, Pooled({}, 0.0, None, {}))
