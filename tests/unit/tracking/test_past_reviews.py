"""The list of earlier reviews, on a real store."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from churnbench.domain.errors import BlockedError, InputError
from churnbench.tracking import open_registry, past_reviews

URI = "sqlite:///mlruns/mlflow.db"


def _reviewed(opened: Any, verdict: str, through: str, *, project: str = "acme", **options: Any) -> str:
    with opened(**options) as recorder:
        recorder.named(f"{project} · to {through} · {verdict}", f"**{verdict}**")
        recorder.tags({"project": project, "verdict": verdict, "data_through": through, "config_version": "1.1.0"})
        recorder.metrics({"delta.log_loss": (0.02, 0.01, 0.03), "holdout.events": (61.0, None, None)})
        recorder.fold("anchored", "holdout", {}, {"holdout.auc": (0.8, None, None)})
    assert recorder.warnings == ()
    return str(recorder.run_id)


def test_reviews_with_a_verdict_are_listed_newest_first_with_their_figures(opened: Any, project: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first = _reviewed(opened, "keep-equivalent", "2024-12-31")
    second = _reviewed(opened, "promote", "2025-03-31")
    found = past_reviews(URI, "acme", root=project)
    assert [review.run_id for review in found] == [second, first]
    newest = found[0]
    assert newest.name == "acme · to 2025-03-31 · promote"
    assert newest.data_through == date(2025, 3, 31)
    assert (newest.verdict, newest.config_version, newest.holdout_events) == ("promote", "1.1.0", 61)
    assert (newest.delta_log_loss, newest.low, newest.high) == (0.02, 0.01, 0.03)
    assert newest.finished is not None
    assert newest.finished >= before
    assert newest.decided_by is None
    plain = newest.as_json()
    assert plain["data_through"] == "2025-03-31"
    assert plain["finished"] == newest.finished.isoformat()


def test_the_description_is_what_mlflow_shows_and_the_run_has_the_given_name(opened: Any) -> None:
    with opened(name="acme · unfinished") as recorder:
        recorder.named("acme · to 2025-03-31 · reject", "**Reject.**")
    run = recorder._client.get_run(recorder.run_id)
    assert run.info.run_name == run.data.tags["mlflow.runName"] == "acme · to 2025-03-31 · reject"
    assert run.data.tags["mlflow.note.content"] == "**Reject.**"


def test_blocked_reviews_are_listed_failed_and_unfinished_ones_are_not(opened: Any, project: Path) -> None:
    def fails(error: Exception, tags: dict[str, str]) -> None:
        with opened() as recorder:
            recorder.tags(tags)
            raise error

    with pytest.raises(BlockedError):
        fails(BlockedError("a leak"), {"verdict": "blocked", "project": "acme"})
    with pytest.raises(ValueError, match="disk"):
        fails(ValueError("disk"), {"verdict": "promote", "project": "acme"})
    with opened() as recorder:
        recorder.tags({"verdict": "promote"})
        (found,) = past_reviews(URI, "acme", root=project)
    assert (found.verdict, found.delta_log_loss, found.holdout_events, found.config_version) == (
        "blocked",
        None,
        None,
        None,
    )


def test_only_the_project_asked_for_and_not_the_review_at_hand(opened: Any, project: Path) -> None:
    mine = _reviewed(opened, "promote", "2025-03-31")
    _reviewed(opened, "promote", "2025-03-31", project="other")
    _reviewed(opened, "promote", "2025-03-31", experiment="elsewhere")
    assert [review.run_id for review in past_reviews(URI, "acme", project="acme", root=project)] == [mine]
    assert len(past_reviews(URI, "acme", root=project)) == 2
    assert past_reviews(URI, "acme", project="acme", root=project, without=mine) == []


def test_a_store_or_experiment_that_is_not_there_holds_no_reviews_and_is_not_made(
    project: Path, tmp_path: Path
) -> None:
    assert past_reviews(URI, "unknown", root=project) == []
    assert past_reviews(URI, "acme", root=tmp_path / "nowhere") == []
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_store_is_named(project: Path) -> None:
    (project / "mlruns" / "mlflow.db").write_bytes(b"no database at all" * 200)
    with pytest.raises(InputError, match=r"mlflow\.db"):
        past_reviews(URI, "acme", root=project)


def test_a_release_writes_who_decided_on_the_review_it_rests_on(opened: Any, project: Path, tmp_path: Path) -> None:
    run = _reviewed(opened, "promote", "2025-03-31")
    config = tmp_path / "2-1.1.0.json"
    config.write_text("{}")
    registry = open_registry(URI, project)
    tags = {"sha256": "ab" * 32, "sequence": "2", "version": "1.1.0"}
    registry.register(config, "acme", run, tags)
    told = {"by": "Ada Byron", "role": "VP Customer Success", "at": "2025-04-02T09:00:00Z", "version": "1.1.0"}
    assert registry.decided(run, told | {"decision": ""})
    assert not registry.decided("0" * 32, told)
    assert not registry.decided(None, told)
    (found,) = past_reviews(URI, "acme", root=project)
    assert (found.decided_by, found.decided_role, found.decided_at) == (told["by"], told["role"], told["at"])
    assert (found.decision, found.released_version) == (None, "1.1.0")
    # The release stands below its review: the list of runs stays a list of reviews.
    client = registry._client
    experiment = client.get_experiment_by_name("acme").experiment_id
    (release,) = client.search_runs([experiment], filter_string="tags.`churnbench.kind` = 'release'")
    assert release.data.tags["mlflow.parentRunId"] == run
