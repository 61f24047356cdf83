"""Earlier reviews of a project, as its store remembers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from churnbench.tracking.opening import make_client
from churnbench.tracking.quiet import load_mlflow, quiet
from churnbench.tracking.stale import KIND_TAG, pages
from churnbench.tracking.store import require_reachable, resolve, unusable

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


def past_reviews(
    uri: str, experiment: str, *, project: str | None = None, root: Path | None = None, without: str | None = None
) -> list[PastReview]:
    """Reviews of a project that reached a verdict, the newest first.

    Reviews that failed, were killed or are still running have no verdict and are left out; so are deleted runs. A store
    that is not there yet holds no reviews, and none is made.

    Args:
        uri: tracking address as in the project file.
        experiment: name of the MLflow experiment, usually the project's name.
        project: only reviews of this project; None for all in the experiment.
        root: folder that a relative SQLite path counts from; the working directory when None.
        without: run id to leave out, usually the review at hand.

    Raises:
        InputError: when the store cannot be reached or read.
    """
    store = resolve(uri, root if root is not None else Path.cwd())
    if store.database is not None and not store.database.exists():
        return []
    require_reachable(store)
    load_mlflow()
    try:
        client = make_client(store)
        with quiet():
            known = client.get_experiment_by_name(experiment)
            if known is None:
                return []
            runs = list(pages(client, [known.experiment_id], f"tags.`{KIND_TAG}` = 'review' AND tags.verdict != ''"))
    except Exception as error:  # MLflow, SQLAlchemy, sqlite3 and OS errors share no base
        raise unusable(store.uri, error) from error
    found = [
        _review(run) for run in sorted(runs, key=_begun, reverse=True) if _over(run) and run.info.run_id != without
    ]
    return [review for review, owner in found if project is None or owner == project]


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
