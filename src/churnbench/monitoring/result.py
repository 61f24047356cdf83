"""What one look at a formula in force found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from churnbench.monitoring.budget import EXIT_CODES, Budget
from churnbench.monitoring.changes import ChangePoint
from churnbench.monitoring.drift import Drift
from churnbench.monitoring.rates import Change, Count
from churnbench.monitoring.shape import Shape


@dataclass(frozen=True, eq=False)
class Monitoring:
    """Verdict and evidence.

    Attributes:
        project: its name.
        config: config_version, body_sha256, file (None when not from a file), since_from (where the date comes from).
        since: last day whose outcomes the review had seen.
        budget: probabilities of a false alarm.
        verdict: one of `VERDICTS`.
        sentence: the verdict with its reason, one sentence.
        evidence: sentences, what decided first.
        data_problems: sentences; any makes the verdict "investigate data".
        delay: see `label_delay`.
        recent: newest days, at most `RECENT_DAYS`; everything: all days since; before: the
            `BEFORE_DAYS` before `since`.
        change: recent against before.
        recent_from: first day of `recent`.
        slope, auc: now (everything) and before (days that the formula had not learned from).
        months: per snapshot observed and expected, see `churn_change`.
        churn_change, score_change: change points.
        bands: see `by_band`.
        band_changes: see `band_changes`; `source` says whose bands.
        drifts: columns then and now.
        compared: as-of dates then and now; None where there is no newer snapshot.
        warnings: sentences for whoever reads this.
    """

    project: str
    config: Mapping[str, Any]
    since: str
    budget: Budget
    verdict: str
    sentence: str
    evidence: tuple[str, ...]
    data_problems: tuple[str, ...]
    delay: Mapping[str, Any]
    recent: Count
    everything: Count
    before: Count
    change: Change
    recent_from: str
    slope: Shape
    auc: Shape
    churn_change: ChangePoint
    score_change: ChangePoint
    bands: tuple[Mapping[str, Any], ...]
    band_changes: Mapping[str, Any]
    drifts: tuple[Drift, ...]
    compared: tuple[str, str] | None
    warnings: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """What a scheduler sees."""
        return EXIT_CODES[self.verdict]

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values; the document of docs/monitoring.md."""
        return {
            "project": self.project,
            "config": dict(self.config),
            "since": self.since,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "exit_code": self.exit_code,
            "evidence": list(self.evidence),
            "data_problems": list(self.data_problems),
            "label_delay": dict(self.delay),
            "observed_expected": {
                "recent": {"from": self.recent_from, **self.recent.as_json()},
                "since": self.everything.as_json(),
                "before": self.before.as_json(),
                "change": self.change.as_json(),
            },
            "slope": self.slope.as_json(),
            "auc": self.auc.as_json(),
            "change_points": [self.churn_change.as_json(), self.score_change.as_json()],
            "bands": [dict(band) for band in self.bands],
            "band_changes": dict(self.band_changes),
            "drift": {
                "compared": None if self.compared is None else list(self.compared),
                "columns": [drift.as_json() for drift in self.drifts],
            },
            "false_alarms": {**asdict(self.budget), "total": self.budget.total},
            "warnings": list(self.warnings),
        }
