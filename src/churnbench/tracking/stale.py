"""Runs whose process was killed before it could close them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from churnbench.tracking.process import from_tags, is_gone
from churnbench.tracking.quiet import quiet

KIND_TAG = "churnbench.kind"
PARENT_TAG = "mlflow.parentRunId"
PAGE = 1000


def close_stale_runs(client: Any, experiment_id: str) -> int:
    """Mark RUNNING reviews of ended processes on this machine, and their folds, as KILLED.

    Returns:
        Number of reviews closed.
    """
    closed = 0
    with quiet():
        for run in pages(client, [experiment_id], f"attributes.status = 'RUNNING' AND tags.`{KIND_TAG}` = 'review'"):
            owner = from_tags(run.data.tags)
            if owner is None or not is_gone(owner):
                continue
            close_children(client, experiment_id, run.info.run_id, "KILLED")
            client.set_terminated(run.info.run_id, status="KILLED")
            closed += 1
    return closed


def close_children(client: Any, experiment_id: str, parent: str, status: str) -> None:
    """Give every nested run of `parent` that is still RUNNING a final status."""
    condition = f"attributes.status = 'RUNNING' AND tags.`{PARENT_TAG}` = '{parent}'"
    for child in pages(client, [experiment_id], condition):
        client.set_terminated(child.info.run_id, status=status)


def pages(client: Any, experiments: list[str], condition: str, **options: Any) -> Iterator[Any]:
    """All runs that meet a condition, page by page; the pages are read before the first run is given out."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs(experiments, filter_string=condition, max_results=PAGE, page_token=token, **options)
        found.extend(page)
        token = page.token
        if not token:
            break
    yield from found
