"""AUC by lead time, and the event study, of one signal after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from churnbench.leadlag.classes import Reading, spread_of
from churnbench.leadlag.matching import BUCKETS, CLEAR_DAYS, Bucket, Floats, Matched, Panel
from churnbench.leadlag.movement import movement_of
from churnbench.leadlag.result import LeadTime, Movement, StudyPoint
from churnbench.leadlag.signals import Signal
from churnbench.metrics import AccountBootstrap, Estimate, percentile_estimate
from churnbench.metrics.discrimination import auc
from churnbench.metrics.ranked import rank, replicate_auc

#: Months before the churn that the event study looks at.
STUDY_BUCKETS: tuple[Bucket, ...] = tuple((end - 30, end) for end in range(30, 361, 30))


@dataclass(eq=False)
class Profiler:
    """Measures signals on one panel. Signals with the same missing rows share their matches.

    Attributes:
        panel: the rows.
        bootstrap: resamples of the panel's accounts.
    """

    panel: Panel
    bootstrap: AccountBootstrap
    _matches: dict[tuple[bytes, Bucket], Matched | None] = field(default_factory=dict)

    def match(self, signal: Signal, bucket: Bucket) -> Matched | None:
        """Cases and controls with a value at one lead time."""
        known = ~np.isnan(signal.health)
        key = (np.packbits(known).tobytes(), bucket)
        if key not in self._matches:
            self._matches[key] = self.panel.match(known, bucket)
        return self._matches[key]

    @property
    def watched(self) -> bool:
        """Whether every control used so far was watched for `CLEAR_DAYS`."""
        return all(
            bool(self.panel.watched[match.rows][match.outcome == 0.0].all())
            for match in self._matches.values()
            if match is not None
        )

    def reading(self, signal: Signal) -> Reading:
        """AUC at every lead time with its interval and spread, and the fall after the nearest."""
        found = [self._lead_time(signal, bucket) for bucket in BUCKETS]
        spread = tuple(None if draws is None else spread_of(draws) for _, draws in found)
        (near, near_draws), (later, later_draws) = found[:2]
        fall = None
        if (
            near_draws is not None
            and later_draws is not None
            and near.auc.value is not None
            and later.auc.value is not None
        ):
            between = percentile_estimate(near.auc.value - later.auc.value, near_draws - later_draws)
            fall = None if between.low is None or between.high is None else (between.low, between.high)
        return Reading(tuple(one for one, _ in found), spread, fall, signal.declared)

    def _lead_time(self, signal: Signal, bucket: Bucket) -> tuple[LeadTime, Floats | None]:
        """AUC at one lead time, and the same in every resample."""
        match = self.match(signal, bucket)
        if match is None:
            return LeadTime(*bucket, self._events(signal, bucket), Estimate(None)), None
        risk = -signal.health[match.rows]
        codes = self.panel.codes[match.rows]
        ranked = rank(match.outcome, risk, codes, self.bootstrap.size, weight=match.weight)
        replicates = np.concatenate([replicate_auc(cells) for _, cells in ranked.chunks(self.bootstrap)])
        estimate = percentile_estimate(auc(match.outcome, risk, weights=match.weight), replicates)
        return LeadTime(*bucket, match.events, estimate), replicates

    def _events(self, signal: Signal, bucket: Bucket) -> int:
        """Churned accounts with a value at a lead time and others beside them, also where too few for a figure."""
        match = self.panel.match(~np.isnan(signal.health), bucket, min_cases=1)
        return 0 if match is None else match.events

    def study(self, signal: Signal) -> tuple[tuple[StudyPoint, ...], Movement | None]:
        """Churners minus matched others by month before the churn, in standard deviations of the others."""
        scale = self._scale(signal)
        matches = [self.match(signal, bucket) for bucket in STUDY_BUCKETS]
        curves = np.full((self.bootstrap.replicates + 1, len(matches)), np.nan)
        usable = [place for place, match in enumerate(matches) if match is not None and scale > 0.0]
        if usable:
            sums = [self._sums(signal, match) for match in matches if match is not None]
            curves[:, usable] = self._differences(np.concatenate(sums, axis=1)) / scale
        points = tuple(
            StudyPoint(
                *bucket,
                self._events(signal, bucket) if match is None else match.events,
                percentile_estimate(float(curve[0]), curve[1:]),
            )
            for bucket, match, curve in zip(STUDY_BUCKETS, matches, curves.T, strict=True)
        )
        return points, movement_of(STUDY_BUCKETS, curves[0], curves[1:])

    def _scale(self, signal: Signal) -> float:
        """Standard deviation of the signal over snapshots of accounts that stayed."""
        stayed = self.panel.control & ~(self.panel.days <= CLEAR_DAYS) & ~np.isnan(signal.health)
        return float(np.std(signal.health[stayed])) if stayed.any() else 0.0

    def _sums(self, signal: Signal, match: Matched) -> Floats:
        """What each account adds to (weight, weighted sum) of cases and of controls, shape (accounts, 4)."""
        codes, health = self.panel.codes[match.rows], signal.health[match.rows]
        cases, others = match.outcome, match.weight * (1.0 - match.outcome)
        return self.bootstrap.by_account(codes, cases, cases * health, others, others * health)

    def _differences(self, per_account: Floats) -> Floats:
        """Difference of means per month, first on all accounts, then in every resample: shape (1 + B, months)."""
        totals = np.vstack([per_account.sum(axis=0), self.bootstrap.totals(per_account)])
        parts = totals.reshape(len(totals), -1, 4)
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample without cases or controls is undefined
            return np.asarray(parts[..., 1] / parts[..., 0] - parts[..., 3] / parts[..., 2])
