"""Reviews that reached a verdict, read back from the runs of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from churnbench.tracking.stale import KIND_TAG, pages

#: Tags that a release leaves on the review it rests on; see `MlflowRegistry.decided`.
DECIDED = "churnbench.decided."


@dataclass(frozen=True)
class PastReview:
    """One review that reached a verdict.

    Attributes:
        run_id: its parent run in MLflow.
        name: what people see it under, e.g. "acme · to 2025-03-31 · promote".
        finished: when it ended, UTC; None while its process has not closed it.
        data_through: outcomes were complete up to here; None without dates.
        verdict: as in evidence.json; `blocked` too.
        delta_log_loss: today's formula minus the candidate on the holdout, positive is better; None when blocked.
        low, high: its 90 % interval; None without one.
        holdout_events: churned accounts in the holdout; None when blocked.
        config_version: of the candidate at the time; None when blocked.
        body_sha256: of the candidate's formula, by which a release is matched to its review; None when blocked.
        decided_by, decided_role, decided_at: who released the candidate and when (ISO 8601); None when nobody did, or
            the release was not told to this store.
        decision: what they wrote; None when nothing.
        released_version: version of the release; None when there is none.
    """

    run_id: str
    name: str
    finished: datetime | None
    data_through: date | None
    verdict: str
    delta_log_loss: float | None
    low: float | None
    high: float | None
    holdout_events: int | None
    config_version: str | None
    body_sha256: str | None
    decided_by: str | None
    decided_role: str | None
    decided_at: str | None
    decision: str | None
    released_version: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; dates as text."""
        times = {"finished": self.finished, "data_through": self.data_through}
        return asdict(self) | {key: None if value is None else value.isoformat() for key, value in times.items()}


def finished_reviews(
    client: Any, experiment_id: str, *, project: str | None = None, without: str | None = None
) -> list[PastReview]:
    """Reviews of an experiment that reached a verdict, the newest first.

    Args:
        client: MLflow's.
        experiment_id: of the experiment.
        project: only reviews of this project; None for all.
        without: run id to leave out, usually the review at hand.
    """
    runs = list(pages(client, [experiment_id], f"tags.`{KIND_TAG}` = 'review' AND tags.verdict != ''"))
    found = [_review(run) for run in sorted(runs, key=_begun, reverse=True) if _over(run)]
    return [review for review, owner in found if (project is None or owner == project) and review.run_id != without]


def _begun(run: Any) -> int:
    return int(run.info.start_time)


def _over(run: Any) -> bool:
    # A blocked review ends as failed, since it ends with an error; it has its verdict all the same.
    status = str(run.info.status)
    return status == "FINISHED" or (status == "FAILED" and str(run.data.tags["verdict"]) == "blocked")


def _review(run: Any) -> tuple[PastReview, str | None]:
    tags, metrics = run.data.tags, run.data.metrics
    events = metrics.get("holdout.events")
    through = tags.get("data_through")
    review = PastReview(
        run_id=str(run.info.run_id),
        name=str(run.info.run_name),
        finished=None if run.info.end_time is None else datetime.fromtimestamp(run.info.end_time / 1000, UTC),
        data_through=None if through is None else date.fromisoformat(through),
        verdict=tags["verdict"],
        delta_log_loss=metrics.get("delta.log_loss"),
        low=metrics.get("delta.log_loss_low"),
        high=metrics.get("delta.log_loss_high"),
        holdout_events=None if events is None else int(events),
        config_version=tags.get("config_version"),
        body_sha256=tags.get("body_sha256"),
        **_decided(tags),
    )
    return review, tags.get("project")


def _decided(tags: Mapping[str, str]) -> dict[str, str | None]:
    told = {key: tags.get(DECIDED + key) or None for key in ("by", "role", "at", "decision", "version")}
    return {
        "decided_by": told["by"],
        "decided_role": told["role"],
        "decided_at": told["at"],
        "decision": told["decision"],
        "released_version": told["version"],
    }
