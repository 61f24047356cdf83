"""The bench on which triggers are measured: one ground, one set of account resamples for all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from churnbench.metrics import AccountBootstrap, Estimate, clopper_pearson, percentile_estimate
from churnbench.playbooks.declared import Trigger
from churnbench.playbooks.readings import Bools, Floats, Integers
from churnbench.playbooks.replay import Calls, Ground, by_probability, calls_at, caught_at_random, share_called
from churnbench.playbooks.results import TriggerResult
from churnbench.playbooks.verdict import Verdict


class Bench:
    """Measures triggers on the same ground with the same resamples."""

    def __init__(self, ground: Ground, bootstrap: AccountBootstrap, fresh: Bools) -> None:
        self.ground, self.bootstrap, self.fresh = ground, bootstrap, fresh
        readings, judged = ground.readings, ground.judged
        csm = pd.Series(readings.words("csm")[judged]).dropna()
        self.unassigned = csm.empty
        self.csms = max(1, int(csm.nunique()))
        days = readings.days[judged]
        step = readings.spacing if np.isfinite(readings.spacing) else 7.0
        self.weeks = float(days.max() - days.min() + step) / 7
        self.events = np.bincount(ground.event_code, minlength=bootstrap.size).astype(float)

    def judge(self, trigger: Trigger, rows: Integers, quiet_days: float) -> TriggerResult:
        """Everything but the verdict."""
        ground = self.ground
        calls = calls_at(ground, rows)
        rival = by_probability(ground, calls.rows, quiet_days)
        share = share_called(ground, calls.rows)
        chance = caught_at_random(ground, share)
        random = self._columns(share, share * ground.hit, chance)
        mine, theirs = self._of(calls), self._of(rival)
        later = (*self._of(calls, fresh=True)[:2], *self._of(rival, fresh=True)[:2])
        figures = self._figures(np.column_stack([self.events, *mine, *theirs, *random, *later]))
        right = ground.hit[calls.rows]
        late = (ground.event[calls.rows] >= 0) & ~right
        return TriggerResult(
            trigger=trigger.id,
            label=trigger.label,
            kind=trigger.kind,
            scheduled=trigger.scheduled,
            alerts=len(calls.rows),
            accounts=len(np.unique(ground.readings.codes[calls.rows])),
            hits=int(right.sum()),
            caught=int(calls.caught.sum()),
            too_late=int(late.sum()),
            lead_days=self._median_lead(calls),
            quiet_days=quiet_days,
            probability_lead_days=Estimate(None) if rival is None else self._median_lead(rival),
            expected_caught=float(chance.sum()),
            p_value=None,
            verdict=Verdict("", ""),
            **figures,
        )

    def _of(self, calls: Calls | None, *, fresh: bool = False) -> tuple[Floats, Floats, Floats]:
        """Alerts, hits and churns caught per account; NaN where nobody could call. Fresh: on dates not learned from."""
        if calls is None:
            nothing = np.full(self.bootstrap.size, np.nan)
            return nothing, nothing, nothing
        alarm = np.bincount(calls.rows, minlength=len(self.ground.readings)).astype(float)
        alarm = alarm * self.fresh if fresh else alarm
        return self._columns(alarm, alarm * self.ground.hit, calls.caught.astype(float))

    def _columns(self, alarm: Floats, hit: Floats, caught: Floats) -> tuple[Floats, Floats, Floats]:
        codes, size = self.ground.readings.codes, self.bootstrap.size
        return (
            np.bincount(codes, alarm, minlength=size).astype(np.float64),
            np.bincount(codes, hit, minlength=size).astype(np.float64),
            np.bincount(self.ground.event_code, caught, minlength=size).astype(np.float64),
        )

    def _figures(self, per_account: Floats) -> Mapping[str, Estimate]:
        """Ratios of sums over accounts, with intervals; the columns are those that `judge` stacks."""
        totals = np.vstack([per_account.sum(axis=0), self.bootstrap.totals(per_account)])
        events, alerts, hits, caught, p_alerts, p_hits, p_caught, r_alerts, r_hits, r_caught, *later = totals.T
        own_alerts, own_hits, its_alerts, its_hits = later
        precision, by_chance = _ratio(hits, alerts), _ratio(r_hits, r_alerts)
        probable = _ratio(p_hits, p_alerts)
        series = {
            "precision": precision,
            "recall": _ratio(caught, events),
            "per_csm_week": alerts / (self.csms * self.weeks),
            "probability_precision": probable,
            "probability_recall": _ratio(p_caught, events),
            "random_precision": by_chance,
            "random_recall": _ratio(r_caught, events),
            "over_probability": _ratio(own_hits, own_alerts) - _ratio(its_hits, its_alerts),
            "lift": _ratio(precision, by_chance),
        }
        found = {name: percentile_estimate(float(values[0]), values[1:]) for name, values in series.items()}
        behind = {"precision": 1, "recall": 0, "probability_precision": 4, "probability_recall": 0}
        accounts = (per_account > 0).sum(axis=0)
        return found | {name: _bounded(found[name], int(accounts[column])) for name, column in behind.items()}

    def _median_lead(self, calls: Calls) -> Estimate:
        """Median lead of the churns foreseen, resampled by account."""
        found = np.flatnonzero(calls.caught)
        if len(found) == 0:
            return Estimate(None)
        order = found[np.argsort(calls.lead[found], kind="stable")]
        lead, codes = calls.lead[order], self.ground.event_code[order]
        medians = np.empty(self.bootstrap.replicates)
        for which, counts in self.bootstrap.chunks(50):
            weight = np.cumsum(counts[:, codes].astype(np.int64), axis=1)
            total = weight[:, -1]
            upper = np.minimum((weight * 2 <= total[:, None]).sum(axis=1), len(lead) - 1)
            medians[which] = np.where(total > 0, lead[upper], np.nan)
        return percentile_estimate(float(np.median(lead)), medians)


def _bounded(share: Estimate, accounts: int) -> Estimate:
    """Exact limits where none or all are right: every resample repeats that, as if it were certain.

    Args:
        share: with its interval from resamples.
        accounts: those it is about, which count as trials.
    """
    return clopper_pearson(share.value * accounts, accounts) if share.value in (0.0, 1.0) and accounts else share


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0), dtype=np.float64)
